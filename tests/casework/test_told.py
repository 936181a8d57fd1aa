"""What a network says of an allele: a no only where it is certain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from beacon.casework.candidates import Candidate
from beacon.casework.findings import findings
from beacon.casework.inheritance import Call, Inheritance, Trio
from beacon.casework.told import Counted, Told, Voice, looked_near, told_of
from beacon.client import Match, MatchAnswer, Reason
from beacon.model.allele import Allele

US = Voice("eu.example", "Europe")
FINLAND = Voice("fi", "Finland", "FI", "did not answer in time")
AUSTRIA = Voice("at", "Austria", "AT")


def member(beacon_id: str, status: str, *bounds: int, **more: Any) -> dict[str, Any]:
    said = {"bounds": list(bounds)} if bounds else {}
    return {"beaconId": beacon_id, "name": beacon_id, "status": status, **said, **more}


def answer(*members: Mapping[str, Any], **info: Any) -> dict[str, Any]:
    return {
        "responseSummary": {"exists": any(one["status"] == "hit" for one in members)},
        "info": {"networkStatus": {"members": list(members)}, **info},
    }


def entry(population: str, count: int, number: int) -> dict[str, Any]:
    return {"population": population, "alleleCount": count, "alleleNumber": number}


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ([member("at", "hit", 1, 1), member("fi", "timeout")], "seen"),
        ([member("at", "miss", 0, 0), member("fi", "miss", 0, 0)], "unseen"),
        ([member("at", "miss", 0, 0), member("fi", "timeout")], "partly"),
        ([member("at", "miss", 0, 0), member("fi", "miss", 0, 4)], "partly"),
        ([member("at", "miss", 0)], "unknown"),  # there is no bound above
        ([member("at", "restricted"), member("fi", "stale")], "unknown"),
        ([], "unknown"),
    ],
)
def test_silence_and_hidden_numbers_are_no_no(members: list[Any], state: str) -> None:
    if members:
        assert told_of(answer(*members), US).state == state
    assert Told().state == "unknown"


def test_the_beacons_behind_a_network_speak_for_it() -> None:
    document = answer(member("nordic", "hit", 1, 1))
    document["info"]["networkStatus"]["leaves"] = [
        member("se", "hit", path=["nordic", "se"]),
        member("no", "timeout", path=["nordic", "no"]),
    ]

    told = told_of(document, US)

    assert [voice.id for voice in told.seen] == ["se"]
    assert [voice.id for voice in told.silent] == ["no"]


def test_counts_are_those_that_the_network_added() -> None:
    country = {"country": "AT", "beaconIds": ["at"], "frequencies": [entry("AT", 2, 600)]}
    frequencies = [{"frequencies": [entry("Total", 3, 1000)], "countries": [country]}]

    told = told_of(answer(member("at", "hit"), frequencies=frequencies), US)

    assert told.counted == Counted(3, 1000, (("AT", 2, 600),))


@pytest.mark.parametrize(
    ("summary", "state"),
    [
        ({"exists": True}, "seen"),
        ({"exists": False, "numTotalResults": 0, "countPrecision": "exact"}, "unseen"),
        ({"exists": False, "numTotalResults": 0, "countPrecision": "rounded"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_a_single_beacon_speaks_for_itself(summary: dict[str, Any], state: str) -> None:
    assert told_of({"responseSummary": summary}, US).state == state


def test_only_who_says_no_has_looked_and_the_nearest_place_counts() -> None:
    def near(pos: int, country: str, beacon: str, number: int) -> dict[str, Any]:
        said = {"country": country, "beaconIds": [beacon]}
        entries = [entry(country, 1, number)]
        return {
            "variantInternalId": f"GRCh38-17-{pos}-A-G",
            "countries": [{**said, "frequencies": entries}],
        }

    frequencies = [
        near(101, "AT", "at", 600),
        near(120, "AT", "at", 900),
        near(103, "FI", "fi", 700),
        near(103, "SE", "se", 800),
    ]
    told = Told(unseen=(AUSTRIA, Voice("se", "Sweden", "SE")), silent=(FINLAND,))

    assert looked_near(answer(frequencies=frequencies), told, 100) == 1400


def candidate(pos: int = 100, gene: str = "G1") -> Candidate:
    return Candidate(
        assembly="GRCh38",
        allele=Allele.from_vcf("17", pos, "A", "G"),
        trio=Trio(Call(1, 2, 2)),
        inheritance=Inheritance.HETEROZYGOUS,
        zygosity="heterozygous",
        gene=gene,
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (Told(seen=(AUSTRIA,), counted=Counted(21, 1000)), "too common (AF 2.1 %)"),
        (Told(seen=(AUSTRIA,), counted=Counted(1, 1000)), "seen 1 time (AF 0.1 %)"),
        (Told(seen=(AUSTRIA,)), "seen in Austria, how often is not told"),
        (Told(unseen=(AUSTRIA,), looked=24_310), "unseen in 24,310 alleles"),
        (Told(unseen=(AUSTRIA,)), "unseen"),
        (
            Told(unseen=(AUSTRIA,), silent=(FINLAND,)),
            "not known: Finland did not answer in time; unseen by Austria",
        ),
        (Told(silent=(FINLAND,)), "not known: Finland did not answer in time"),
        (Told(failure="too slow"), "not known: too slow"),
    ],
)
def test_what_is_known_is_said_in_words(told: Told, words: str) -> None:
    (found,) = findings([candidate()], [told], None, 0.01)

    assert found.verdict == words


def test_who_lacks_it_counts_and_so_does_chance() -> None:
    few = Told(seen=(AUSTRIA,), counted=Counted(2, 100))
    many = Told(seen=(AUSTRIA,), counted=Counted(20, 1000))

    by_few, by_many, among_others = (
        findings([candidate()], [told], None, 0.01)[0]
        for told in (few, many, Told(many.seen, counted=many.counted, looked=9_000))
    )

    assert not by_few.is_too_common
    assert by_many.is_too_common
    assert among_others.verdict == "seen 20 times (AF 0.2 %)"


def matched(*people: tuple[float, str, str]) -> MatchAnswer:
    """People by what their features add, the kind of a reason, and what of the case it is about."""
    matches = tuple(
        Match(
            *("at", "ds", str(number), 0.5, "good"),
            (Reason("feature", features, "HP:1", "HP:1"), Reason(kind, 0.5, asked)),
        )
        for number, (features, kind, asked) in enumerate(people)
    )
    return MatchAnswer(True, 1, None, matches=matches)


def test_people_who_have_it_are_told_with_how_alike_they_are() -> None:
    people = matched(
        (0.4, "sameVariant", "17-100-A-G"),
        (0.2, "sameVariant", "17-100-A-G"),
        (0.1, "sameVariant", "17-100-A-G"),  # good by the variant alone
        (0.4, "sameGene", "G1"),
        (0.4, "sameVariant", "17-200-A-G"),
    )

    (found,) = findings([candidate()], [Told(seen=(AUSTRIA,))], people, 0.01)

    assert found.verdict == "seen in 3 people, 2 with a similar phenotype"
    assert found.people is not None
    assert found.people.same_gene == 1


def test_who_is_alike_and_has_it_comes_first_and_what_is_common_last() -> None:
    candidates = [candidate(100), candidate(200, "G2"), candidate(300, "G3")]
    told = [Told(seen=(AUSTRIA,), counted=Counted(9, 10)), Told(), Told(seen=(AUSTRIA,))]
    people = matched((0.4, "sameVariant", "17-300-A-G"))

    found = findings(candidates, told, people, 0.01)

    assert [one.candidate.gene for one in found] == ["G3", "G2", "G1"]
