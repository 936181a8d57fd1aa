"""Five languages say the same things, and everything that pages say is said in each."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from beacon.network.states import State
from beacon.portal.languages import CODES, languages, preferred
from beacon.portal.look_up import SHAPES

PORTAL = Path(languages.__code__.co_filename).parent
LANGUAGES = languages()
KEYS = {
    code: {f"{section}.{name}" for section, texts in one.texts.items() for name in texts}
    for code, one in LANGUAGES.items()
}
SECTIONS = frozenset(LANGUAGES["en"].texts)
OTHERS = CODES[1:]

_QUOTED = re.compile(r"""["']([a-z_]+\.[A-Za-z0-9_]*)["']\s*(~?)""")
_IS_A_FILE = re.compile(r"\.(html|xml|css|js|svg|json|png)$")

ADDED_LATER = {
    "doubt.version_missing": {"assembly"},
    "doubt.version_unknown": {"assembly"},
}
"""Values that the reader adds once it has decided what to read a text as."""

ALSO_ENGLISH = {
    "fi": {"people.placeholder"},
    "es": {"people.placeholder"},
    "de": {"people.placeholder"},
    "fr": {
        "people.listed",
        "people.placeholder",
        "results.exact",
        "countries.entry_analysis",
        "countries.entry_genomicVariant",
        "kind.variant",
        "site.look_up",
        "site.navigation",
    },
}
"""Texts that are the same words in English and another language, by its code."""


def _in_templates() -> Iterator[tuple[str, bool]]:
    """Texts that are named, and beginnings of names (`True`) that values are added to."""
    for path in sorted((PORTAL / "templates").iterdir()):
        for name, adds in _QUOTED.findall(path.read_text(encoding="utf-8")):
            yield name, bool(adds)


def _in_modules() -> Iterator[tuple[str, bool]]:
    for path in sorted(PORTAL.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        parts = {
            id(one) for node in nodes if isinstance(node, ast.JoinedStr) for one in node.values
        }
        for node in nodes:
            if id(node) in parts:
                continue
            match node:
                case ast.JoinedStr(values=[ast.Constant(value=str(begins)), *_]):
                    yield begins, True
                case ast.Constant(value=str(name)):
                    yield name, False


def _in_scripts() -> Iterator[tuple[str, bool]]:
    """The script of lists is given all texts of its section, and names them without it."""
    script = (PORTAL / "static/list.js").read_text(encoding="utf-8")
    for name in re.findall(r"""["'`]([a-z_]+)["'`]""", script):
        if f"list.{name}" in KEYS["en"]:
            yield f"list.{name}", False
    for name in re.findall(r"`([a-z_]+)\$\{", script):
        yield f"list.{name}", True


def _named() -> tuple[set[str], set[str]]:
    """Whole names of texts that are used, and beginnings of others."""
    whole, begun = set(), set()
    for name, is_begun in (*_in_templates(), *_in_modules(), *_in_scripts()):
        section, dot, rest = name.partition(".")
        if section not in SECTIONS or not dot or _IS_A_FILE.search(name):
            continue
        if is_begun:
            begun.add(name)
        elif re.fullmatch(r"[A-Za-z0-9_]+", rest):
            whole.add(name)
    return whole, begun


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _words(text: str) -> list[str]:
    """What is written in small letters: not names, abbreviations, units or placeholders."""
    return re.findall(r"(?<![\w{])[a-z]{3,}(?![\w}])", text)


@pytest.mark.parametrize("code", OTHERS)
def test_every_language_has_the_same_texts(code: str):
    assert KEYS[code] == KEYS["en"]


@pytest.mark.parametrize("code", OTHERS)
def test_every_language_fills_in_the_same_values(code: str):
    differing = {
        key
        for key in KEYS["en"] & KEYS[code]
        if _placeholders(LANGUAGES[code].text(key)) != _placeholders(LANGUAGES["en"].text(key))
    }

    assert differing == set()


@pytest.mark.parametrize("code", CODES)
def test_no_text_is_empty_or_ends_in_a_space(code: str):
    wrong = {key for key in KEYS[code] if LANGUAGES[code].text(key).strip() == ""}
    wrong |= {key for key in KEYS[code] if re.search(r"^\s|\s$|  ", LANGUAGES[code].text(key))}

    assert wrong == set()


@pytest.mark.parametrize("code", OTHERS)
def test_no_text_is_left_in_english(code: str):
    left = {
        key
        for key in KEYS["en"] & KEYS[code]
        if LANGUAGES[code].text(key) == LANGUAGES["en"].text(key)
        and _words(LANGUAGES["en"].text(key))
    }

    assert left - ALSO_ENGLISH.get(code, set()) == set()


def test_every_text_that_pages_name_exists():
    whole, begun = _named()

    assert whole - KEYS["en"] == set()
    assert {one for one in begun if not any(key.startswith(one) for key in KEYS["en"])} == set()


def test_every_text_is_used():
    whole, begun = _named()

    unused = KEYS["en"] - whole - {"language.name"}
    assert {key for key in unused if not key.startswith(tuple(begun))} == set()


def test_every_state_of_a_member_has_a_word_and_a_shape():
    states = {one.value for one in State} | {"pending"}

    assert {f"state.{one}" for one in states} <= KEYS["en"]
    assert states <= set(SHAPES)


def test_everything_that_the_reader_says_has_a_text():
    assert {key for key, _ in _said_by_the_reader() if key not in KEYS["en"]} == set()


def test_texts_about_what_was_read_ask_for_no_value_that_the_reader_does_not_give():
    wrong = {
        key: asked
        for key, given in _said_by_the_reader()
        if given is not None
        and (
            asked := _placeholders(LANGUAGES["en"].text(key)) - given - ADDED_LATER.get(key, set())
        )
    }

    assert wrong == {}


def _said_by_the_reader() -> Iterator[tuple[str, set[str] | None]]:
    """Texts of doubts and of what could not be read, with the names of values where they show."""
    for path in sorted((PORTAL / "reading").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="NotRead"),
                    args=[ast.Constant(value=str(code))],
                    keywords=by_name,
                ):
                    yield f"unread.{code}", {str(one.arg) for one in by_name}
                case ast.Call(
                    func=ast.Name(id="Doubt"), args=[ast.Constant(value=str(code)), *rest]
                ):
                    yield f"doubt.{code}", _names_in(rest)


def _names_in(arguments: list[ast.expr]) -> set[str] | None:
    """Keys of a dictionary that is written out; `None` where it is not."""
    match arguments:
        case []:
            return set()
        case [ast.Dict(keys=keys)] if all(isinstance(one, ast.Constant) for one in keys):
            return {str(one.value) for one in keys if isinstance(one, ast.Constant)}
    return None


@pytest.mark.parametrize(
    ("accept_language", "code"),
    [
        ("", "en"),
        ("fi", "fi"),
        ("fi-FI,fi;q=0.9,en;q=0.8", "fi"),
        ("sv-FI,sv;q=0.9,fi;q=0.8,en;q=0.7", "fi"),  # no Swedish: the next that is understood
        ("en-US,en;q=0.5", "en"),
        ("en;q=0.3, de;q=0.9", "de"),  # weight goes before order
        ("de, fr", "de"),  # order decides between equals
        ("DE-at", "de"),
        ("fr;q=0, es;q=0.1", "es"),  # 0 means: not this one
        ("fr;q=0", "en"),
        ("sv, nb, da", "en"),
        ("*", "en"),
        ("es ; q=0.8 , fr ; q=0.9", "fr"),
        ("fr;q=many, de;q=0.2", "de"),
        ("fr;level=1", "fr"),  # a parameter that is no weight
        (",,;;q=,", "en"),
        ("fi;q=nan, es;q=0.5", "es"),
        ("fi;q=9, es;q=1", "fi"),  # no weight is more than 1
        ("x" * 10_000, "en"),
        (",".join(["sv"] * 500 + ["fi"]), "en"),  # so far nobody reads
    ],
)
def test_the_language_of_a_reader_is_the_one_they_understand_best(accept_language: str, code: str):
    assert preferred(accept_language) == code
