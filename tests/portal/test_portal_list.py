"""Lists of variants: what is looked at of their lines, what answers add up to, and the pages."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from beacon import auditing, composition
from beacon.framework.access import Access
from beacon.framework.answer import Answer, Terms
from beacon.framework.errors import SourceUnavailable
from beacon.framework.query import Query
from beacon.framework.source import Source, TermsQuery
from beacon.memory import MemoryDataset, MemoryStore
from beacon.metrics import Metrics
from beacon.model.entry_types import MODEL
from beacon.portal.asking import Asking
from beacon.portal.languages import CODES, languages
from beacon.portal.list_page import AT_ONCE, LINES_MAX, ListPages
from beacon.portal.listing import Line, Outcome, bare, lines_of, queries_of, read
from beacon.portal.reading import Reader, gene_names
from beacon.portal.rendering import FOLDER, Rendering, environment
from beacon.portal.site import Site
from beacon.portal.static_files import StaticFiles
from beacon.settings import DatasetPolicy, Level, LimitSettings, PolicySettings, Settings

Client = TestClient[web.Request, web.Application]

READER = Reader(gene_names(()))
SEEN, ABSENT = "17-43094692-G-A", "17-43094692-G-T"


def variant(pos: int, ref: str, alt: str) -> dict[str, Any]:
    return {
        "variantInternalId": f"{pos}{ref}{alt}",
        "variation": {
            "variantType": "SNP",
            "referenceBases": ref,
            "alternateBases": alt,
            "location": {
                "type": "SequenceLocation",
                "sequence_id": "refseq:NC_000017.11",
                "interval": {
                    "type": "SequenceInterval",
                    "start": {"type": "Number", "value": pos - 1},
                    "end": {"type": "Number", "value": pos - 1 + len(ref)},
                },
            },
        },
        "caseLevelData": [{"biosampleId": "b", "individualId": "i"}],
        "frequencyInPopulations": [
            {
                "source": "all",
                "sourceReference": "https://example.org/",
                "frequencies": [
                    {
                        "population": "Total",
                        "alleleFrequency": 1 / 7,
                        "alleleCount": 2,
                        "alleleNumber": 14,
                    }
                ],
            }
        ],
    }


STORE = MemoryStore(
    {
        "open": MemoryDataset(
            assembly="GRCh38",
            records={
                "genomicVariant": [variant(43094692, "G", "A")],
                "individual": [{"id": "i"}],
                "biosample": [{"id": "b", "individualId": "i"}],
            },
        )
    }
)


class Partly:
    """A source that cannot say anything of alternate T."""

    async def search(
        self, query: Query, access: Access, *, deadline_s: float | None = None
    ) -> Answer:
        if query.variation is not None and query.variation.alternate_bases == "T":
            raise SourceUnavailable("the database is away")
        return await STORE.search(query, access, deadline_s=deadline_s)

    async def filtering_terms(self, query: TermsQuery, access: Access) -> Terms:
        raise SourceUnavailable("the database is away")

    async def check(self) -> None:
        return


@cache
def rendering() -> Rendering:
    return Rendering(
        identity=composition.identity(Settings()),
        languages=languages(),
        files=StaticFiles.read(),
        is_network=False,
        environment=environment(),
        session=lambda _: None,
        can_log_in=False,
    )


def add_pages(app: web.Application, asking: Asking) -> None:
    shown = rendering()
    site = Site(identity=shown.identity, model=MODEL, asking=asking, reader=READER, rendering=shown)
    ListPages(site).add(app)


@asynccontextmanager
async def served(folder: Path, source: Source = STORE, **limits: Any) -> AsyncIterator[Client]:
    policy = DatasetPolicy(public={"*": Level.RECORD}, min_count=1, accept_risk="invented people")
    settings = Settings(
        data_dir=str(folder),
        limits=LimitSettings(**limits),
        policy=PolicySettings(datasets={"open": policy}),
    )
    async with auditing.opened(settings, composition.keys, Metrics()) as audit:
        app = composition.app(settings, source, source, audit=audit, pages=add_pages)
        async with TestClient(TestServer(app)) as client:
            yield client


def asked(*names: str) -> dict[str, Any]:
    return {
        "variants": [
            {"number": number, "name": name, "assembly": "GRCh38"}
            for number, name in enumerate(names, start=1)
        ]
    }


async def lines(response: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (await response.text()).splitlines() if line]


def audited(folder: Path) -> list[dict[str, Any]]:
    found = [
        json.loads(line)
        for path in sorted((folder / "audit").glob("*.jsonl"))
        for line in path.read_bytes().splitlines()
    ]
    return [one for one in found if one["kind"] == "access"]


# What is looked at of a line


VCF = """##fileformat=VCFv4.3
##SAMPLE=<ID=Virtanen>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tVirtanen
chr17\t43094692\tLOCAL1\tG\tA,C\t50\tPASS\tDP=30\tGT\t0/1
chr17\t100\t.\tG\t<NON_REF>\t.\t.\tEND=200\tGT\t0/0
chr17\t400\t.\tG\tT,<NON_REF>,*\t.\t.\tDP=4\tGT\t0/1
chr17\t500\tLOCAL2\tN\t<DEL>\t.\tPASS\tDP=1;SVTYPE=DEL;END=900;SVLEN=-400\tGT\t0/1
chr17\tdamaged\tVirtanen\tG\tT\t.\t.\t.\tGT\t0/1
"""


def test_of_a_vcf_only_chromosome_position_bases_and_extent_are_looked_at() -> None:
    found, _, omitted = lines_of(VCF)

    assert omitted == 2
    assert found == [
        "chr17-43094692-G-A",
        "chr17-43094692-G-C",
        "chr17-400-G-T",
        "chr17\t500\t.\tN\t<DEL>\t.\t.\tSVTYPE=DEL;END=900;SVLEN=-400",
    ]


def test_of_many_alleles_of_one_line_no_more_is_made_than_is_asked() -> None:
    line = f"17\t500\t.\t{'G' * 4000}\t{','.join(['A'] * 2000)}"

    found, left, omitted = lines_of("\n".join([line] * 3), 50)

    assert (len(found), left, omitted) == (50, 5950, 0)


@pytest.mark.parametrize(
    ("line", "looked_at"),
    [
        ("17-43094692-G-A", ("17-43094692-G-A",)),
        ("NM_007294.4:c.2677C>T", ("NM_007294.4:c.2677C>T",)),
        ("CFTR\tF508del", ("CFTR\tF508del",)),
        ("17 43094692 rs1 G A 50 PASS DP=1 GT 0/1", ("17-43094692-G-A",)),
        ("17\t43094692\t2205837\tG\tA", ("17-43094692-G-A",)),
        ("17 43094692 43094692 G A Virtanen", ("17 43094692 43094692 G A",)),
        ("NC_000017.11\t43094692\t.\tG\tA", ("NC_000017.11-43094692-G-A",)),
        ("HLA-A*01:01\t5\t.\tG\tA", ("HLA-A*01:01\t5\t.\tG\tA\t.\t.\t.",)),
        ("17\t43094692\t.\tG\t.\t.\t.\t.\tGT\t0/0", ()),
    ],
)
def test_a_line_by_itself(line: str, looked_at: tuple[str, ...]) -> None:
    assert bare(line) == looked_at


def test_what_is_looked_at_can_be_read() -> None:
    found = [read(READER.read, 1, line, "GRCh38") for line in lines_of(VCF)[0]]

    assert [one.reading.name for one in found if one.reading is not None] == [
        "17-43094692-G-A",
        "17-43094692-G-C",
        "17-400-G-T",
        "17-501-900-DEL",
    ]


# What answers add up to


def outcome_of(*statuses: str) -> Outcome:
    """Of a network, with countries that fared so, both times."""
    outcome = Outcome(read(READER.read, 1, SEEN, None))
    members = [
        {"beaconId": f"m{number}", "name": f"M{number}", "status": status}
        for number, status in enumerate(statuses)
    ]
    for place in (0, 1):
        summary = {"exists": "hit" in statuses}
        outcome.take(
            place, {"responseSummary": summary, "info": {"networkStatus": {"members": members}}}
        )
    return outcome


@pytest.mark.parametrize(
    ("statuses", "state", "shape"),
    [
        (("hit", "miss", "timeout"), "seen", "hit"),
        (("miss", "miss"), "not_seen", "miss"),
        (("miss", "timeout"), "partly", "cannot"),
        (("miss", "restricted"), "partly", "cannot"),
        (("miss", "notCovered"), "partly", "cannot"),
        (("timeout", "restricted"), "unknown", "failed"),
        ((), "unknown", "failed"),
    ],
)
def test_not_seen_is_said_only_where_all_have_looked(
    statuses: tuple[str, ...], state: str, shape: str
) -> None:
    outcome = outcome_of(*statuses)

    assert (outcome.state, outcome.shape) == (state, shape)
    assert outcome.may_be_asked_again == ("timeout" in statuses)


def answers_of(*members: dict[str, Any], sets: list[dict[str, Any]]) -> Outcome:
    """Of a network, with the same answer both times."""
    outcome = Outcome(read(READER.read, 1, SEEN, None))
    for place in (0, 1):
        outcome.take(
            place,
            {
                "responseSummary": {"exists": False},
                "info": {"networkStatus": {"members": list(members)}},
                "response": {"resultSets": sets},
            },
        )
    return outcome


def test_a_country_of_which_a_dataset_cannot_say_has_not_said_no() -> None:
    looked = {"id": "a", "beaconId": "fi", "exists": False, "resultsCount": 0}
    silent = {**looked, "id": "b", "info": {"notApplicable": "other assembly"}}

    outcome = answers_of(
        {"beaconId": "fi", "name": "Finland", "status": "miss"}, sets=[looked, silent]
    )

    assert outcome.state == "unknown"
    assert outcome.values()["each"] == {"Finland": "notApplicable"}


def test_countries_of_one_name_stay_two() -> None:
    outcome = answers_of(
        {"beaconId": "a", "name": "Finland", "status": "hit"},
        {"beaconId": "b", "name": "Finland", "status": "miss"},
        sets=[],
    )

    assert outcome.values()["each"] == {"Finland (a)": "hit", "Finland (b)": "miss"}


def test_the_counts_of_an_earlier_answer_are_not_those_of_now() -> None:
    kept = {"id": "a", "beaconId": "fi", "exists": True, "results": [variant(43094692, "G", "A")]}

    outcome = answers_of({"beaconId": "fi", "name": "Finland", "status": "stale"}, sets=[kept])

    assert outcome.state == "unknown"
    assert outcome.values()["allele_count"] is None
    assert outcome.values()["highest_frequency"] is None


def test_a_question_without_an_answer_is_not_known() -> None:
    outcome = Outcome(read(READER.read, 1, SEEN, None))
    taken = [outcome.take(place, SourceUnavailable("away")) for place in (0, 1)]

    assert taken == [False, True]
    assert outcome.state == "unknown"
    assert outcome.values()["people_lower"] is None
    assert outcome.values()["error"] == "away"


def test_lines_that_could_not_be_read_are_not_asked() -> None:
    read_line, unread = read(READER.read, 1, SEEN, None), read(READER.read, 2, "what is this", None)

    assert isinstance(unread, Line)
    assert unread.unread is not None
    assert len(queries_of([read_line, unread])) == 2


# The pages


async def test_lines_are_read_and_neither_asked_nor_written_down(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        body = {"lines": [SEEN, "what is <this>"], "assembly": "GRCh38", "first": 7}
        answer = await client.post("/list/read", data=json.dumps(body))
        found = (await answer.json())["lines"]

    assert (found[0]["name"], found[0]["assembly"]) == (SEEN, "GRCh38")
    assert ">7<" in found[0]["html"]
    assert "name" not in found[1]
    assert "what is &lt;this&gt;" in found[1]["html"]
    assert audited(tmp_path) == []


async def test_each_variant_has_a_line_with_exact_numbers(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        answer = await client.post("/list/ask", data=json.dumps(asked(SEEN, ABSENT, "what is")))
        *found, last = await lines(answer)

    by_number = {one["number"]: one["values"] for one in found}
    assert last == {"kind": "complete"}
    assert by_number[1]["state"] == "seen"
    assert by_number[1]["allele_frequency"] == 1 / 7
    assert (by_number[1]["allele_count"], by_number[1]["allele_number"]) == (2, 14)
    assert (by_number[1]["people_lower"], by_number[1]["people_upper"]) == (1, 1)
    assert by_number[2]["state"] == "not_seen"
    assert by_number[3]["state"] == "unknown"


async def test_every_question_is_in_the_audit(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        await client.post("/list/ask", data=json.dumps(asked(SEEN, ABSENT)))
        found = audited(tmp_path)

    assert [(one["endpoint"], one["status"]) for one in found] == [("/list/ask", 200)] * 4
    assert len({one["question"] for one in found}) == 4


async def test_what_fails_does_not_disturb_the_rest_and_is_no_no(tmp_path: Path) -> None:
    async with served(tmp_path, Partly()) as client:
        answer = await client.post("/list/ask", data=json.dumps(asked(SEEN, ABSENT)))
        found = {one["number"]: one for one in await lines(answer) if one["kind"] == "variant"}
        statuses = sorted(one["status"] for one in audited(tmp_path))

    assert [found[number]["values"]["state"] for number in (1, 2)] == ["seen", "unknown"]
    assert 'class="state failed"' in found[2]["html"]
    assert statuses == [200, 200, 503, 503]


async def test_lists_count_as_much_as_other_questions(tmp_path: Path) -> None:
    async with served(tmp_path, requests_per_minute_public=4, burst=4) as client:
        body = json.dumps(asked(SEEN, ABSENT))
        answers = [await client.post("/list/ask", data=body) for _ in range(2)]

        assert [one.status for one in answers] == [200, 429]
        assert int(answers[1].headers["Retry-After"]) > 0


async def test_more_variants_than_a_day_allows_are_not_known(tmp_path: Path) -> None:
    async with served(tmp_path, variants_per_day_public=1) as client:
        answer = await client.post("/list/ask", data=json.dumps(asked(SEEN, ABSENT)))
        found = {one["number"]: one["values"] for one in await lines(answer) if "number" in one}

    assert found[2]["state"] == "unknown"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/list/ask", b"no json"),
        ("/list/ask", json.dumps(asked(*[SEEN] * (AT_ONCE + 1))).encode()),
        ("/list/ask", b'{"variants":[]}'),
        ("/list/read", json.dumps({"lines": ["x"] * (LINES_MAX + 1)}).encode()),
        ("/list/read", b"\xff"),
    ],
)
async def test_what_is_no_list_is_refused(path: str, body: bytes, tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        assert (await client.post(path, data=body)).status == 400


async def test_without_scripts_the_finished_table_comes_and_nothing_else_is_kept(
    tmp_path: Path,
) -> None:
    absent = "chr17\t43094692\t.\tG\tT\t.\t.\t.\tGT\t0/1"
    text = "what is this\n" + VCF.replace("A,C", "A") + "\n".join([absent] * AT_ONCE)
    async with served(tmp_path) as client:
        answer = await client.post("/list", data={"lines": text, "assembly": "GRCh38"})
        page = await answer.text()

    assert answer.status == 200
    assert page.count('<tr role="row" data-number=') == AT_ONCE - 1
    assert 'href="/search?q=17-43094692-G-A&amp;assembly=GRCh38"' in page
    assert 'class="state hit"' in page
    assert "what is this" in page
    assert "Virtanen" not in page
    assert "LOCAL" not in page
    assert "0/1" not in page
    assert "lines: 4." in page
    assert "left out: 2." in page


@pytest.mark.parametrize("code", CODES)
async def test_the_page_is_whole_in_every_language(code: str, tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        answer = await client.get(f"/list?lang={code}")
        page = await answer.text()

    assert answer.status == 200
    assert f'<html lang="{code}">' in page
    assert "style=" not in page
    assert "<script>" not in page


def test_scripts_say_only_what_every_language_has() -> None:
    source = (FOLDER.parent / "static" / "list.js").read_text()
    keys = {part.split('"')[0] for part in source.split('say("')[1:]}
    keys |= {f"file_{code}" for code in ("no_unpacking", "damaged", "binary", "other_assembly")}
    keys |= {f"assembly_{by}" for by in ("lengths", "name", "contradiction", "nothing")}

    for language in languages().values():
        assert [key for key in sorted(keys) if not language.has(f"list.{key}")] == []


def test_files_are_taken_apart_and_written_in_the_browser() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    tests = sorted(str(path) for path in (Path(__file__).parent / "javascript").glob("*.test.mjs"))
    done = subprocess.run(
        [node, "--test", *tests], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
