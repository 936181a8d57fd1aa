"""The documentation agrees with the code, and its links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from beacon import __version__, cli, settings_file
from beacon.framework.entry_types import endpoints
from beacon.model.entry_types import MODEL
from beacon.model.fields import FIELDS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted((*DOCS.rglob("*.md"), *ROOT.glob("*.md")))
DECISIONS = sorted((DOCS / "decisions").glob("*.md"))
_LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
_FENCE = re.compile(r"```.*?```", re.DOTALL)


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def reference(name: str) -> str:
    return (DOCS / "reference" / f"{name}.md").read_text(encoding="utf-8")


def test_the_reference_is_up_to_date(generator: ModuleType):
    for name, text in generator.pages().items():
        assert (DOCS / "reference" / name).read_text(encoding="utf-8") == text, (
            "run docs/generate.py"
        )


def test_every_setting_is_documented():
    page = reference("settings")

    assert [one.key for one in settings_file.table() if f"`{one.key}`" not in page] == []


def test_every_command_is_documented(generator: ModuleType):
    page = reference("commands")
    commands = [" ".join(path) for path, _ in generator.command_lines(cli.main)]

    assert len(commands) > 5
    assert [one for one in commands if f"## `{one}`\n" not in page] == []


def test_every_endpoint_is_documented():
    page = reference("endpoints")

    assert [one.pattern for one in endpoints(MODEL) if f" {one.pattern}`" not in page] == []


def test_every_field_is_documented():
    page = reference("filters")

    assert [
        field.id for fields in FIELDS.values() for field in fields if f"`{field.id}`" not in page
    ] == []


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        text = _FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in _LINK.findall(text):
            if not target.startswith(("http://", "https://", "mailto:")):
                yield page, target


@pytest.mark.parametrize(
    ("page", "target"),
    [pytest.param(page, target, id=f"{page.name}->{target}") for page, target in links()],
)
def test_a_link_leads_somewhere(page: Path, target: str):
    path, _, anchor = target.partition("#")
    destination = (page.parent / path).resolve() if path else page

    assert destination.exists()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", destination.read_text(encoding="utf-8"), re.MULTILINE)
        assert anchor in {
            re.sub(r"[^\w\- ]", "", one).lower().replace(" ", "-") for one in headings
        }


def test_every_page_is_reached_from_the_index():
    reached = {(page.parent / target.partition("#")[0]).resolve() for page, target in links()}
    unreached = [
        page.relative_to(ROOT).as_posix()
        for page in PAGES
        if page.resolve() not in reached and page.name not in ("README.md", "index.md")
    ]

    # Measurements have a page of their own when there are any.
    assert [one for one in unreached if one != "docs/benchmarks.md"] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_is_dated_and_has_reasons_and_alternatives(page: Path):
    text = page.read_text(encoding="utf-8")

    assert text.startswith(f"# {int(page.stem[:4])}. ")
    assert re.search(r"^\d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Decision", "Reasons", "Alternatives"]


def test_decisions_are_numbered_without_gaps():
    assert [int(page.stem[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_changelog_begins_with_this_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")

    assert re.findall(r"^## \[(.+?)\]", changelog, re.MULTILINE)[0] == __version__


def test_the_citation_names_this_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")

    assert f"\nversion: {__version__}\n" in citation
