"""One patient compared with the people of beacons, over HTTP, alone and in a network."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from beacon import composition
from beacon.framework.answer import Resource
from beacon.memory import MemoryDataset, MemoryStore
from beacon.model.ontology import Ontologies, Ontology, Term
from beacon.settings import DatasetPolicy, Level, MemberSettings, PolicySettings, Settings
from tests.network.real_beacons import serving_network

PHENOTYPES = Ontology(
    Resource(id="hp", namespace_prefix="HP"),
    {
        "HP:0000118": Term("Phenotypic abnormality"),
        "HP:0000707": Term("Abnormality of the nervous system", ("HP:0000118",)),
        "HP:0001250": Term("Seizure", ("HP:0000707",)),
        "HP:0002373": Term("Febrile seizure", ("HP:0001250",)),
        "HP:0000478": Term("Abnormality of the eye", ("HP:0000118",)),
    },
    {"HP:0000118": 1000, "HP:0000707": 400, "HP:0001250": 60, "HP:0002373": 5, "HP:0000478": 300},
)
SEX = {"id": "NCIT:C16576", "label": "female"}
VARIANT = {
    "assemblyId": "GRCh38",
    "referenceName": "2",
    "start": [166_012_345],
    "referenceBases": "G",
    "alternateBases": "A",
    "geneId": "SCN1A",
    "aminoacidChange": "R101Q",
    "molecularEffect": "missense_variant",
}
CASE = {"features": ["HP:0002373", {"id": "HP:0000478", "excluded": True}], "variants": [VARIANT]}


def person(name: str, *terms: str) -> dict[str, Any]:
    features = [{"featureType": {"id": one}} for one in terms]
    return {"id": name, "sex": SEX, "phenotypicFeatures": features}


def allele(start: int, change: str, effect: str, carriers: list[str]) -> dict[str, Any]:
    bases = {"referenceBases": "G", "alternateBases": "A", "variantType": "SNP"}
    interval = {
        "type": "SequenceInterval",
        "start": {"type": "Number", "value": start},
        "end": {"type": "Number", "value": start + 1},
    }
    location = {
        "type": "SequenceLocation",
        "sequence_id": "refseq:NC_000002.12",
        "interval": interval,
    }
    return {
        "variantInternalId": f"v{start}",
        "variation": {**bases, "location": location},
        "molecularAttributes": {
            "geneIds": ["SCN1A"],
            "aminoacidChanges": [change],
            "molecularEffects": [{"id": effect}],
        },
        "caseLevelData": [{"biosampleId": one} for one in carriers],
    }


def dataset(prefix: str, copies: int = 1) -> MemoryDataset:
    """Of each kind of person so many."""
    kinds = {
        "same": ("HP:0002373",),
        "codon": ("HP:0001250",),
        "gene": ("HP:0000478",),
        "silent": ("HP:0002373",),
        "well": (),
    }
    names = {kind: [f"{prefix}-{kind}-{n}" for n in range(copies)] for kind in kinds}
    return MemoryDataset(
        assembly="GRCh38",
        records={
            "individual": [
                person(one, *kinds[kind]) for kind, of_kind in names.items() for one in of_kind
            ],
            "genomicVariant": [
                allele(166_012_345, "R101Q", "SO:0001583", names["same"]),
                allele(166_012_344, "R101W", "SO:0001583", names["codon"]),
                allele(166_020_000, "Y800*", "SO:0001587", names["gene"]),
                allele(166_030_000, "L900L", "SO:0001819", names["silent"]),
            ],
        },
    )


def settings(folder: Path, **datasets: DatasetPolicy) -> Settings:
    return Settings(data_dir=str(folder), policy=PolicySettings(datasets=datasets))


def rules(level: Level, least: int = 1) -> DatasetPolicy:
    return DatasetPolicy(public={"*": level}, min_count=least, accept_risk="invented people")


async def served(stack: AsyncExitStack, chosen: Settings, **datasets: MemoryDataset) -> Any:
    source = MemoryStore(datasets, Ontologies({"HP": PHENOTYPES}))
    app = composition.app(chosen, source, MemoryStore({}))
    return await stack.enter_async_context(TestClient(TestServer(app)))


async def asked(client: Any, query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with client.post("/api/match", json={"query": query}) as response:
        return response.status, await response.json()


async def matched(client: Any, **query: Any) -> dict[str, Any]:
    status, document = await asked(client, {"case": CASE, **query})
    assert status == 200, document
    return document


@pytest.fixture
async def stack() -> Any:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def client(stack: AsyncExitStack, tmp_path: Path) -> Any:
    chosen = settings(tmp_path, open=rules(Level.RECORD), counted=rules(Level.COUNT, 3))
    return await served(stack, chosen, open=dataset("o"), counted=dataset("c", 2))


async def test_similar_people_are_ranked_and_the_parts_of_scores_add_up(client: Any) -> None:
    document = await matched(client, requestedGranularity="record")

    found = document["response"]["matches"]
    kinds = [[reason["kind"] for reason in one["reasons"]] for one in found]
    assert kinds == [
        ["feature", "chance", "sameVariant"],
        ["feature", "chance", "sameCodon"],
        ["feature", "chance"],
        ["sameGene"],
    ]
    assert [one["band"] for one in found] == ["strong", "strong", "strong", "possible"]
    for one in found:
        assert one["score"] == pytest.approx(sum(part["score"] for part in one["reasons"]))
        assert one["datasetId"] == "open"
    assert found[0]["score"] == pytest.approx(1.0)


async def test_nobody_is_called_by_name(client: Any) -> None:
    document = await matched(client, requestedGranularity="record")
    again = await matched(client, requestedGranularity="record")

    assert "o-same" not in json.dumps(document)
    assert len({one["id"] for one in document["response"]["matches"]}) == 4
    assert document == again


async def test_bands_are_told_as_counts_are(client: Any) -> None:
    """Of the counted dataset, where fewer than three people are nobody."""
    document = await matched(client, requestedGranularity="record")

    told = {one["id"]: one for one in document["response"]["matchSets"]}
    assert [band["count"] for band in told["open"]["bands"]] == [3, 3, 4]
    strong, good, possible = told["counted"]["bands"]
    assert (good["count"], possible["count"]) == (6, 10)
    assert possible["countPrecision"] == "imprecise"
    # Nobody, or one or two, lie between this and the next: a difference would say who.
    assert strong == {"band": "strong", "minScore": 0.5, "exists": True}


async def test_a_case_without_a_match_says_so(client: Any) -> None:
    status, document = await asked(client, {"case": {"genes": ["BRCA2"]}})

    assert status == 200
    assert document["responseSummary"]["exists"] is False


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({}, "either a case or a phenopacket"),
        ({"case": {}}, "nothing|no feature"),
        ({"case": {"features": ["HP:1", {"id": "HP:1", "excluded": True}]}}, "excluded, too"),
        ({"case": {"variants": [{"referenceName": "2"}]}}, "one start"),
        ({"case": {"genes": ["G"] * 21}}, "at most 20"),
        ({"case": {"genes": ["G"], "sex": "M"}}, "unknown field `sex`"),
        ({"case": CASE, "requestedGranularity": "all"}, "boolean, count, record"),
        ({"case": CASE, "pagination": {"limit": 0}}, "at least 1"),
        ({"case": {**CASE, "variants": [{**VARIANT, "zygosity": "both"}]}}, "heterozygous"),
    ],
)
async def test_what_is_no_case_is_refused_with_a_reason(
    client: Any, query: dict[str, Any], said: str
) -> None:
    status, document = await asked(client, query)

    assert status == 400
    assert any(one in document["error"]["errorMessage"] for one in said.split("|")), document


async def test_features_that_nobody_knows_are_named(client: Any) -> None:
    status, document = await asked(client, {"case": {"features": ["HP:0002373", "HP:0000005"]}})

    assert status == 200
    told = [one["info"] for one in document["response"]["matchSets"]]
    assert told == [{"notCompared": ["HP:0000005"]}] * 2


async def test_a_caller_who_may_not_read_variants_asks_nobody_with_candidates(
    stack: AsyncExitStack, tmp_path: Path
) -> None:
    public = {"*": Level.NONE, "individual": Level.RECORD}
    policy = DatasetPolicy(public=public, min_count=1, accept_risk="invented people")
    client = await served(stack, settings(tmp_path, open=policy), open=dataset("o"))

    document = await matched(client)
    _, without = await asked(client, {"case": {"features": ["HP:0002373"]}})

    assert document["response"]["matchSets"] == []
    assert without["responseSummary"]["exists"] is True


async def test_who_is_similar_is_not_told_where_variants_are_only_counted(
    stack: AsyncExitStack, tmp_path: Path
) -> None:
    public = {"*": Level.RECORD, "genomicVariant": Level.COUNT}
    policy = DatasetPolicy(public=public, min_count=1, accept_risk="invented people")
    client = await served(stack, settings(tmp_path, open=policy), open=dataset("o"))

    document = await matched(client, requestedGranularity="record")

    assert document["response"]["matches"] == []
    assert document["responseSummary"]["exists"] is True


async def test_a_network_ranks_what_its_members_tell(stack: AsyncExitStack, tmp_path: Path) -> None:
    members = {}
    for name in ("fi", "ee"):
        chosen = settings(tmp_path / name, open=rules(Level.RECORD))
        client = await served(stack, chosen, open=dataset(name))
        members[name] = MemberSettings(
            name=name, country=name.upper(), url=str(client.make_url("/api")), allow_private=True
        )
    gone = MemberSettings(name="no", country="NO", url="http://127.0.0.1:9/api", allow_private=True)
    network = serving_network("eu.example", {**members, "no": gone}, tmp_path / "network")
    url = await stack.enter_async_context(network)
    session = await stack.enter_async_context(aiohttp.ClientSession())

    for _ in range(200):
        async with session.post(
            f"{url}/match",
            json={"query": {"case": CASE, "requestedGranularity": "record"}},
        ) as response:
            document = await response.json()
        states = {
            one["beaconId"]: one["status"] for one in document["info"]["networkStatus"]["members"]
        }
        if states["fi"] == states["ee"] == "hit":
            break

    found = document["response"]["matches"]
    assert states["no"] == "unreachable"
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
    assert {one["beaconId"] for one in found[:2]} == {"fi", "ee"}
    assert [len(one["bands"]) for one in document["response"]["matchSets"]] == [3, 3]
    assert document["responseSummary"]["numTotalResults"] == 8
