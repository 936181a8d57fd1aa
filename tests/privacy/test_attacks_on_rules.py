"""Ways around rules: what one hides is not told under another, nor because of who asked before."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pymongo
import pytest
from protected_world import (
    COUNT,
    FEMALE,
    RECORD,
    V100,
    asked,
    cohort,
    document,
    person,
    store,
    variant,
    visa,
)

from beacon.auth.policy import Policy
from beacon.auth.tiers import REGISTERED_ACCESS
from beacon.framework.access import Access, Protection
from beacon.framework.answer import Answer, ResultSet
from beacon.framework.disclosure import disclose
from beacon.framework.errors import SettingsError
from beacon.framework.query import Filter, Granularity, Query
from beacon.framework.source import Source
from beacon.load.bff import load_bff
from beacon.load.vcf import load_vcf
from beacon.model.entry_types import MODEL
from beacon.model.ontology import Ontologies
from beacon.mongo.sink import MongoSink
from beacon.mongo.store import MongoStore
from beacon.mongo.withdrawal import withdraw
from beacon.settings import PolicySettings

ENTRY_TYPES = tuple(one.id for one in MODEL.entry_types)
TEN = {"level": "count", "min_count": 10}
OPEN_RECORD = {"level": "record", "min_count": 1, "round_to": 1}
OPEN_COUNT = {"level": "count", "min_count": 1}
HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=17>\n##FORMAT=<ID=GT,Number=1,Type=String,Description=G>\n"
)


def public(rules: Mapping[str, Any]) -> Access:
    """What everybody may learn of `d` by these rules."""
    accepted = {"public": rules, "accept_risk": "invented people"}
    settings = msgspec.convert({"datasets": {"d": accepted}}, PolicySettings)
    return Policy.from_settings(settings, ENTRY_TYPES).public


async def result_set(source: Source, query: Query, access: Access) -> dict[str, Any]:
    found = json.loads(await document(source, query, access))
    (only,) = found["response"]["resultSets"]
    assert isinstance(only, dict)
    return only


def one_among(others: int, samples: int) -> dict[str, list[dict[str, Any]]]:
    """So many women with a sample each, and a man with several."""
    people = [person(0), *(person(2 * number + 1) for number in range(others))]
    owners = [one["id"] for one in people[1:]] + ["I0"] * samples
    kinds = {
        "biosampleStatus": {"id": "EFO:0009654"},
        "sampleOriginType": {"id": "UBERON:0000178"},
    }
    biosamples = [
        {"id": f"B{number}", "individualId": owner, **kinds} for number, owner in enumerate(owners)
    ]
    return {"individual": people, "biosample": biosamples}


async def test_few_people_are_not_told_by_many_samples_of_theirs() -> None:
    """All samples less those of women are as many as the one man has, which is more than ten."""
    source = store({"d": one_among(others=40, samples=15)})
    access = public({"individual": TEN, "biosample": TEN})
    of_women = Filter(id=FEMALE["id"], scope="individual")
    every = await result_set(source, asked("biosample", COUNT), access)
    women = await result_set(source, asked("biosample", COUNT, filters=[of_women]), access)

    assert women == every
    assert every["countPrecision"] == "imprecise"


async def test_of_how_many_samples_few_people_are_is_not_told() -> None:
    access = public({"individual": TEN, "biosample": {**TEN, "round_to": 10}})
    of_women = Filter(id=FEMALE["id"], scope="individual")
    found = await result_set(
        store({"d": one_among(others=40, samples=15)}),
        asked("biosample", COUNT, filters=[of_women]),
        access,
    )

    assert (found["resultsCount"], found["countAdjustedTo"]) == (60, [10, 70])


async def test_carriers_are_told_by_the_rule_for_counts_of_variants() -> None:
    """A yes from three on, and counts from ten on, are not counts from three on of people."""
    settings = {
        "d": {
            "accept_risk": "invented people",
            "public": {"genomicVariant": {"level": "boolean", "min_count": 3}},
            "tiers": {
                "registered": {
                    "genomicVariant": TEN,
                    "individual": {"level": "count", "min_count": 3},
                }
            },
        }
    }
    policy = Policy.from_settings(
        msgspec.convert({"datasets": settings}, PolicySettings), ENTRY_TYPES
    )
    assert policy.rules is not None
    kinds = ("ResearcherStatus", "AcceptedTermsAndPolicies")
    access = policy.rules.access(tuple(visa(kind, REGISTERED_ACCESS) for kind in kinds), None)
    found = await result_set(
        store({"d": cohort([], range(5))}), asked("individual", COUNT, variation=V100), access
    )

    assert found == {"id": "d", "setType": "dataset", "exists": True}


@pytest.mark.parametrize("entry_type", ["dataset", "cohort"])
async def test_records_of_collections_do_not_tell_of_few(entry_type: str) -> None:
    access = public({"dataset": "record", "cohort": "record", "individual": TEN})
    query = asked(entry_type, RECORD, filters=[Filter(id="MONDO:1", scope="individual")])
    few = await document(store({"d": cohort(range(9))}), query, access)
    none = await document(store({"d": cohort([])}), query, access)

    assert few == none


async def frequencies(
    mongo_uri: str, database: str, *asking: Access
) -> list[dict[str, tuple[int, int]]]:
    """Allele count and number by population, as each caller is told by one and the same store."""
    told = []
    async with pymongo.AsyncMongoClient[dict[str, Any]](mongo_uri) as client:
        source = MongoStore(client[database], refresh_s=0)
        for access in asking:
            found = await result_set(source, asked("genomicVariant"), access)
            (record,) = found["results"]
            (of_source,) = record["frequencyInPopulations"]
            told.append(
                {
                    one["population"]: (one["alleleCount"], one["alleleNumber"])
                    for one in of_source["frequencies"]
                }
            )
    return told


def load_carriers(sink: MongoSink, folder: Path) -> None:
    """60 people, half of them women, of whom only one carries the allele."""
    people = [person(number) for number in range(60)]
    (folder / "individuals.json").write_text(json.dumps(people))
    genotypes = "\t".join(
        "0/1" if number == 1 or number % 2 == 0 else "0/0" for number in range(60)
    )
    names = "\t".join(one["id"] for one in people)
    (folder / "calls.vcf").write_text(
        f"{HEADER}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n"
        f"17\t1000\t.\tA\tC\t.\tPASS\t.\tGT\t{genotypes}\n"
    )
    load_bff(sink, "d", [folder / "individuals.json"])
    load_vcf(sink, "d", "GRCh38", [folder / "calls.vcf"])


async def test_alleles_by_sex_are_counts_of_individuals(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    """One woman who carries it is no number of individuals that a rule from ten on tells."""
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        load_carriers(MongoSink(client[database], grace_s=0), tmp_path)
    granted = public({"individual": OPEN_COUNT, "genomicVariant": OPEN_RECORD})
    protected = public({"individual": TEN, "genomicVariant": OPEN_RECORD})
    told = await frequencies(mongo_uri, database, granted, protected)

    assert told == [{"Total": (31, 120), "F": (1, 60), "M": (30, 60)}, {"Total": (31, 120)}]


async def test_what_a_caller_is_told_does_not_depend_on_who_asked_before(
    mongo_uri: str, database: str, tmp_path: Path
) -> None:
    """Numbers of alleles are kept between questions: those by sex are not there for everybody."""
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        load_carriers(MongoSink(client[database], grace_s=0), tmp_path)

        def interrupted() -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            withdraw(
                client[database],
                "d",
                ["I3"],
                ontologies=Ontologies(),
                grace_s=0,
                masked=interrupted,
            )
    less = Access(grants={"d": {"genomicVariant": Granularity.RECORD}})
    more = Access(
        grants={"d": {"genomicVariant": Granularity.RECORD, "individual": Granularity.COUNT}}
    )
    told = await frequencies(mongo_uri, database, less, more, less)

    by_sex = {"Total": (31, 118), "F": (1, 58), "M": (30, 60)}
    assert told == [{"Total": (31, 118)}, by_sex, {"Total": (31, 118)}]


def test_a_tier_for_grants_says_which_grants() -> None:
    """Or whoever was granted anything, by anybody who is trusted, would belong to it."""
    tier = {"all_of": [{"type": "ControlledAccessGrants", "by": ["dac"]}]}
    settings = msgspec.convert({"tiers": {"granted": tier}}, PolicySettings)

    with pytest.raises(SettingsError, match="value"):
        Policy.from_settings(settings, ENTRY_TYPES)


async def test_no_number_is_told_beside_frequencies() -> None:
    loaded = {"homozygotes": 1, "AC": 3, "version": "1"}
    total = {"population": "Total", "alleleCount": 30, "alleleNumber": 60, "alleleFrequency": 0.5}
    source = {"source": "s", "sourceReference": "https://s.example", "frequencies": [total]}
    records = cohort([], range(12))
    records["genomicVariant"] = [
        variant("v1", 100, range(12), frequencyInPopulations=[source | loaded])
    ]
    access = public({"genomicVariant": {"level": "record", "min_count": 10}})
    found = await result_set(store({"d": records}), asked("genomicVariant"), access)

    assert found["results"][0]["frequencyInPopulations"] == [source | {"version": "1"}]


def test_what_is_loaded_beside_a_variant_is_not_told() -> None:
    assert MODEL.protect is not None
    record = {
        "variantInternalId": "v",
        "alleleCount": 3,
        "variantLevelData": {"phenotypicEffects": [{}], "carriers": 3},
        "frequencyInPopulations": [
            {"source": name, "sourceReference": name, "frequencies": [frequency]}
            for name, frequency in (
                ("few", {"population": "Total", "alleleCount": 3, "alleleNumber": 100}),
                ("all", {"population": "Total", "alleleCount": 30, "alleleNumber": 100}),
                ("men", {"population": "M", "alleleCount": 15, "alleleNumber": 50}),
            )
        ],
    }

    told = MODEL.protect("genomicVariant", record, Protection(min_count=10))

    assert told.keys() == {"variantInternalId", "variantLevelData", "frequencyInPopulations"}
    assert told["variantLevelData"] == {"phenotypicEffects": [{}]}
    assert [one["source"] for one in told["frequencyInPopulations"]] == ["all"]


def test_the_size_of_a_cohort_is_told_only_where_all_numbers_are() -> None:
    record = {"id": "c", "name": "c", "cohortType": "study-defined", "cohortSize": 3}
    found = Answer(result_sets=(ResultSet(dataset_id="d", count=1, records=(record,)),))
    query = Query(entry_type="cohort", granularity=RECORD)
    assert MODEL.protect is not None
    protect = MODEL.protect

    def told(rules: dict[str, Any]) -> Any:
        disclosed = disclose(
            found, query, public(rules), None, lambda one, how: protect("cohort", one, how)
        )
        return disclosed.result_sets[0].records

    cohorts = {"cohort": {"level": "record", "min_count": 1}}
    assert told({**cohorts, "individual": OPEN_COUNT}) == (record,)
    assert [one.get("cohortSize") for one in told({**cohorts, "individual": TEN})] == [None]
