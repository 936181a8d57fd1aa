"""Allele frequencies of several members: counts are added, and who cannot be added is named."""

from __future__ import annotations

import json
import math
from random import Random

import pytest

from beacon.framework.intervals import filtering_frequency, interval
from beacon.network.frequencies import (
    Counts,
    Unusable,
    population,
    read_table,
    summed,
)
from beacon.network.merging import merge
from beacon.network.states import Outcome, State
from beacon.settings import Reporting
from tests.conformance import official
from tests.network.outcomes import VARIANTS, answered, member, reported, silent

NAME = "GRCh38-17-7577121-G-A"


def source(*populations: dict, key: str = "frequencies", name: str = "cohort") -> list[dict]:
    return [{"source": name, "sourceReference": f"https://{name}.example.org", key: [*populations]}]


def counted(label: str, count: object, number: object, **more: object) -> dict:
    return {
        "population": label,
        "alleleFrequency": 0.5,
        "alleleCount": count,
        "alleleNumber": number,
        **more,
    }


def seen(of: str, frequencies: list[dict] | None, **policy) -> Outcome:
    record = {"variantInternalId": NAME}
    if frequencies is not None:
        record["frequencyInPopulations"] = frequencies
    return answered(member(of, **policy), reported(1, records=[record]))


def combined(outcomes: list[Outcome]) -> list[dict]:
    answer = merge(outcomes, VARIANTS, network_id="eu.example", query_id="q")
    assert answer.info is not None
    return list(answer.info.get("frequencies", ()))


def table_of(frequencies: object) -> dict[str, Counts]:
    return dict(read_table(frequencies, member())[1])


@pytest.mark.parametrize(
    "frequencies",
    [
        source(counted("Total", 3, 2000, alleleCountHomozygous=1, alleleCountHeterozygous=1)),
        source(counted("Total", 3, 2000, genotypeHomozygous=1, genotypeHeterozygous=1)),
        source(
            counted("total", [3], [2000], alleleCountHomozygous=[1], alleleCountHeterozygous=[1])
        ),
        source(
            counted("ALL", "3", 2000.0, alleleCountHomozygous=1, alleleCountHeterozygous=1),
            key="populations",
        ),
    ],
    ids=["portal", "genotypes", "arrays", "populations"],
)
def test_every_shape_in_use_is_read(frequencies):
    assert table_of(frequencies) == {"Total": Counts(3, 2000, 1, 1)}


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("total", "Total"),
        ("Global", "Total"),
        ("", "Total"),
        ("FR", "FR"),
        ("FR_M", "FR_M"),
        ("M", "M"),
        ("Female", "F"),
        ("Northern Europe", "Northern Europe"),
    ],
)
def test_populations_have_one_label_each(label, expected):
    assert population(label) == expected


@pytest.mark.parametrize(
    ("populations", "expected"),
    [
        ([("FR", 1, 100), ("FI", 2, 200), ("FR_M", 1, 50)], (3, 300)),
        ([("M", 1, 100), ("F", 2, 200), ("FR_M", 1, 50)], (3, 300)),
        ([("FR_M", 1, 100), ("FR_F", 2, 200)], (3, 300)),
        ([("total", 9, 900), ("FR", 1, 100)], (9, 900)),
    ],
)
def test_everybody_is_the_sum_of_parts_that_share_nobody_where_it_is_not_told(
    populations, expected
):
    table = table_of(source(*(counted(*one) for one in populations)))

    assert (table["Total"].allele_count, table["Total"].allele_number) == expected


@pytest.mark.parametrize(
    ("frequencies", "reason"),
    [
        (None, "no frequencies"),
        ("0.5", "no frequencies"),
        ([], "no frequencies"),
        (source({"population": "Total", "alleleFrequency": 0.5}), "without the numbers"),
        (source(counted("Total", 3, None)), "without the numbers"),
        (source(counted("Total", 1.5, 10)), "without the numbers"),
        (source(counted("Total", True, 10)), "without the numbers"),
        (source(counted("Total", [1, 2], 10)), "without the numbers"),
        (source(counted("Total", 11, 10)), "make no sense"),
        (source(counted("Total", -1, 10)), "make no sense"),
        (source(counted("Total", 0, 0)), "make no sense"),
        (source(counted("European", 1, 10)), "no count of everybody"),
    ],
)
def test_what_cannot_be_added_is_not(frequencies, reason):
    with pytest.raises(Unusable, match=reason):
        table_of(frequencies)


def test_the_first_source_that_counts_everybody_is_taken():
    only_a_frequency = source({"population": "Total", "alleleFrequency": 0.5}, name="first")
    own = source(counted("Total", 3, 2000), name="own")
    panel = source(counted("Total", 30, 20000), name="panel")

    assert table_of([*only_a_frequency, *own, *panel]) == {"Total": Counts(3, 2000)}


def test_counts_are_added_and_frequencies_never_averaged():
    outcomes = [
        seen("fi", source(counted("Total", 1, 10), name="a")),
        seen("se", source(counted("Total", 1, 9990), name="b")),
    ]

    (one,) = combined(outcomes)

    assert one["variantInternalId"] == NAME
    (everybody,) = one["frequencies"]
    assert everybody["population"] == "Total"
    assert (everybody["alleleCount"], everybody["alleleNumber"]) == (2, 10_000)
    assert everybody["alleleFrequency"] == 2 / 10_000
    assert everybody["datasets"] == 2
    low, high = everybody["interval"]
    assert everybody["filteringAlleleFrequency"] < everybody["alleleFrequency"]
    assert low < everybody["alleleFrequency"] < high


def test_populations_and_sexes_are_added_by_name_and_countries_by_where_members_are():
    outcomes = [
        seen("fi", source(counted("Total", 3, 300), counted("M", 1, 100), counted("SE", 1, 20))),
        seen("se", source(counted("Total", 5, 500), counted("M", 2, 200)), country="SE"),
        seen("se2", source(counted("Total", 7, 700)), country="SE"),
    ]

    (one,) = combined(outcomes)

    assert [
        (entry["population"], entry["alleleCount"], entry["alleleNumber"])
        for entry in one["frequencies"]
    ] == [("Total", 15, 1500), ("M", 3, 300), ("SE", 1, 20)]
    assert [
        (
            country["country"],
            country["beaconIds"],
            [(entry["population"], entry["alleleCount"]) for entry in country["frequencies"]],
        )
        for country in one["countries"]
    ] == [
        ("FI", ["fi"], [("FI", 3), ("FI_M", 1)]),
        ("SE", ["se", "se2"], [("SE", 12), ("SE_M", 2)]),
    ]


def test_how_people_carry_it_is_added_only_where_all_tell():
    told = [Counts(3, 100, 1, 1, None), Counts(5, 100, 1, None, None)]

    assert summed(told) == Counts(8, 200, 2, None, None)


def test_who_is_not_added_is_named_with_the_reason():
    outcomes = [
        seen("fi", source(counted("Total", 3, 300))),
        seen("se", None),
        seen("es", source({"population": "Total", "alleleFrequency": 0.1})),
        seen("pt", source(counted("Total", 10, 300)), reporting=Reporting.RAISED, threshold=10),
        answered(member("ee"), reported(0)),
        answered(member("lv"), reported(0)),
        silent(member("mt")),
        silent(member("fr"), State.RESTRICTED),
    ]

    (one,) = combined(outcomes)

    assert one["frequencies"][0]["alleleNumber"] == 300
    assert one["leftOut"] == [
        {"reason": "no frequencies", "beaconIds": ["se"]},
        {"reason": "frequencies without the numbers of alleles", "beaconIds": ["es"]},
        {"reason": "counts below 10 given as 10", "beaconIds": ["pt"]},
        {
            "reason": "not seen, and the number of alleles called is not told",
            "beaconIds": ["ee", "lv"],
        },
        {"reason": "timeout", "beaconIds": ["mt"]},
        {"reason": "restricted", "beaconIds": ["fr"]},
    ]


def test_counts_above_a_threshold_are_as_they_are():
    outcomes = [
        seen("pt", source(counted("Total", 11, 300)), reporting=Reporting.RAISED, threshold=10)
    ]

    assert combined(outcomes)[0]["frequencies"][0]["alleleCount"] == 11


def test_one_source_in_two_members_is_added_once():
    panel = source(counted("Total", 30, 20_000), name="panel")

    (one,) = combined([seen("fi", panel), seen("se", panel)])

    assert one["frequencies"][0]["alleleNumber"] == 20_000
    assert one["leftOut"] == [{"reason": "the same source as another", "beaconIds": ["se"]}]


def test_two_countries_may_have_the_same_few_under_one_name():
    programme = source(counted("Total", 1, 20_000), name="programme")

    (one,) = combined([seen("fi", programme), seen("se", programme)])

    assert one["frequencies"][0]["alleleNumber"] == 40_000


def test_there_is_nothing_to_combine_without_counts():
    assert combined([seen("fi", None), silent(member("mt"))]) == []


@pytest.mark.parametrize(
    ("count", "number", "low", "high"),
    [
        (11, 100, 0.0625, 0.1863),  # Wilson's
        (100, 100, 0.9630, 1.0),
        (31, 31_000, 0.000705, 0.001419),
        (1, 1_000, 0.0000253, 0.005572),  # exact
        (10, 10_000, 0.00047954, 0.0018390),
        (30, 30_000, 0.00067470, 0.0014276),
    ],
)
def test_the_interval_is_exact_for_rare_alleles_and_else_wilsons(count, number, low, high):
    found = interval(count, number)

    assert found == pytest.approx((low, high), abs=2e-6 if number > 100 else 1e-4)


@pytest.mark.parametrize("number", [100, 54_000, 2_000_000])
def test_an_allele_that_was_not_seen_is_rarer_than_three_in_the_number(number):
    low, high = interval(0, number)

    assert low == 0.0
    assert high == pytest.approx(3 / number, rel=0.02)


def test_the_interval_holds_what_it_promises_for_rare_alleles():
    random = Random(11)
    number, true = 2_000, 0.002
    held = 0
    for _ in range(1_000):
        low, high = interval(_binomial(random, number, true), number)
        held += low <= true <= high

    assert held >= 950


@pytest.mark.parametrize("count", [0, 1, 2, 5, 30, 31, 200])
def test_the_filtering_frequency_is_the_largest_that_so_many_are_unlikely_for(count):
    mean = filtering_frequency(count, 10_000) * 10_000

    below = (
        sum(math.exp(-mean + n * math.log(mean) - math.lgamma(n + 1)) for n in range(count))
        if (mean)
        else 1.0
    )
    assert 1 - below == pytest.approx(0.05 if count else 0.0, abs=0.0005)


@pytest.mark.skipif(not official.is_present(), reason="the specification's schemas are not here")
def test_combined_frequencies_are_valid_as_those_of_a_record():
    (one,) = combined([seen("fi", source(counted("Total", 3, 300), counted("M", 1, 100)))])
    record = {
        "variantInternalId": NAME,
        "variation": {"type": "Text", "definition": "any"},
        "frequencyInPopulations": [one],
    }

    errors = [
        error.message
        for error in official.validator("entry_types/genomicVariant.json").iter_errors(
            json.loads(json.dumps(record))
        )
        if "frequencyInPopulations" in map(str, error.instance_path)
    ]

    assert errors == []


def _binomial(random: Random, number: int, share: float) -> int:
    """Successes among `number`, by the gaps between them."""
    found, place = 0, 0
    while True:
        place += int(math.log(1 - random.random()) / math.log(1 - share)) + 1
        if place > number:
            return found
        found += 1
