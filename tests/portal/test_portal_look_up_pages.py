"""The pages of a look-up: what is sent, in which order, and what stands on them in the end."""

from __future__ import annotations

import re
from collections import Counter
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from beacon.framework.errors import SourceUnavailable, TooManyRequests
from beacon.framework.query import Granularity
from beacon.portal.look_up_page import PAGES
from tests.portal.look_up_world import (
    NAME,
    NO_ONE,
    POS,
    SEEN,
    Told,
    about,
    accepted,
    counted,
    look_up_pages,
    member,
    record,
    result_set,
    settled,
    streamed,
    summary,
    taken,
    whole,
)

NEAR = [
    accepted(0, "Finland", "Malta"),
    member(
        0,
        about("Finland", "hit", bounds=[2, 2]),
        result_set(
            record(counted("Total", 3, 9_000), pos=POS - 4),
            record(counted("Total", 1, 8_000), pos=POS + 15),
        ),
    ),
    summary(0),
]
AT_SITE = [
    accepted(0, "Finland"),
    member(0, about("Finland", "hit"), result_set(record(counted("Total", 3, 9_000), alt="T"))),
    summary(0),
]


def text_of(html: str) -> str:
    """The words of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", html)))


def kinds(lines) -> list[str]:
    """Which parts were sent, in their order."""
    return [one.get("id", one["kind"]) for one in lines]


async def test_rows_come_first_and_the_end_is_told():
    async with look_up_pages(Told([SEEN])) as client:
        lines = await streamed(client, f"/v/GRCh38-{NAME}")

    sent = kinds(lines)
    assert sent[0] == "rows"
    assert sent[-1] == "complete"
    assert {"row-finland", "row-malta", "strip", "findings", "record"} <= set(sent)


async def test_no_part_is_sent_twice_unless_it_changed():
    async with look_up_pages(Told([SEEN])) as client:
        lines = await streamed(client, f"/v/GRCh38-{NAME}")

    parts = Counter((one["id"], one["html"]) for one in lines if one["kind"] == "part")
    assert set(parts.values()) == {1}


async def test_the_answer_in_one_piece_says_the_same_as_the_one_in_parts():
    async with look_up_pages(Told([SEEN, SEEN])) as client:
        lines = await streamed(client, f"/v/GRCh38-{NAME}")
        page = await whole(client, "/search", q=NAME)

    strip = [one["html"] for one in lines if one.get("id") == "strip"][-1]
    assert strip in page
    assert "data-live" not in page


async def test_an_answer_that_breaks_off_says_so_and_not_that_it_is_complete():
    told = Told([SEEN[:3]], breaks=SourceUnavailable("gone"))
    async with look_up_pages(told) as client:
        lines = await streamed(client, f"/v/GRCh38-{NAME}")

    assert kinds(lines)[-1] == "trouble"
    assert "complete" not in kinds(lines)


async def test_silence_is_told_in_its_own_words_with_names():
    async with look_up_pages(Told([NO_ONE, NEAR])) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert "Not seen in any country that answered (1) · 1 may not say (Malta)" in words


async def test_if_nobody_answered_it_is_said_to_be_no_no():
    silent = settled(
        [member(0, about("Malta", "timeout"))], [member(1, about("Malta", "timeout"))], "Malta"
    )
    told = Told([silent])
    async with look_up_pages(told) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert "Nobody has said yes or no. That is not a “no”." in words
    assert len(told.asked) == 1


async def test_a_frequency_has_its_interval_and_its_filtering_frequency():
    async with look_up_pages(Told([SEEN])) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert "15 / 2,060" in words
    assert "0.00728" in words
    assert "0.00408 \N{EN DASH} 0.0120" in words
    assert "0.00449" in words


async def test_an_allele_not_seen_among_those_looked_at_is_below_a_bound():
    none = [*SEEN]
    none[2] = member(0, about("Finland", "hit"), result_set(record(counted("Total", 0, 30_000))))
    async with look_up_pages(Told([none])) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert "< 9.99 \N{MULTIPLICATION SIGN} 10⁻⁵" in words


async def test_a_number_that_somebody_is_missing_from_is_at_least_that():
    bounds = {"bounds": {"lower": 15, "upper": None}}
    parts = [*SEEN[:-1], summary(1, status=bounds)]
    async with look_up_pages(Told([parts])) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert "at least 15 not told by 1" in words


async def test_further_questions_are_asked_only_when_nobody_has_it_and_are_counted():
    seen, absent = Told([SEEN]), Told([NO_ONE, NEAR])
    for told in (seen, absent):
        async with look_up_pages(told) as client:
            await whole(client, "/search", q=NAME)

    assert seen.counted == [2]
    assert absent.counted == [2, 1]
    (near,) = absent.asked[1]
    assert near.variation is not None
    assert near.variation.start == (POS - 1 - 20,)
    assert near.variation.end == (POS + 20,)
    assert near.granularity is Granularity.RECORD


async def test_absence_is_bounded_by_the_alleles_looked_at_near_by():
    async with look_up_pages(Told([NO_ONE, NEAR])) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    # The nearest counts: 3 in 9,000 four bases away.
    assert "Near by, 9,000 alleles were looked at (Finland)" in words
    assert "more than about 1 in 3,005 alleles" in words
    assert "\N{MINUS SIGN}4" in words
    assert "+15" in words


async def test_a_no_that_may_hide_a_few_bounds_nothing():
    few = settled(
        [member(0, about("Finland", "miss"), result_set(exists=False))],
        [member(1, about("Finland", "miss", bounds=[0, 9]))],
        "Finland",
    )
    async with look_up_pages(Told([few, NEAR])) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert "Nobody says among how many alleles they looked" in words
    assert "0 to 9" in words


async def test_datasets_that_may_share_people_are_not_added():
    names = ("a", "b")
    absent = settled(
        [member(0, about(one, "miss"), result_set(exists=False)) for one in names],
        [member(1, about(one, "miss", bounds=[0, 0])) for one in names],
        *names,
    )
    near = [
        accepted(0, *names),
        *(
            member(0, about(one, "hit"), result_set(record(counted("Total", 3, 9_000), alt="T")))
            for one in names
        ),
        summary(0),
    ]
    async with look_up_pages(Told([absent, near]), is_network=False) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert "At this very place 9,000 alleles were looked at" in words
    assert "3 / 9,000" in words


async def test_another_change_at_the_place_itself_says_how_many_were_looked_at():
    async with look_up_pages(Told([NO_ONE, AT_SITE])) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert "At this very place 9,000 alleles were looked at (Finland)" in words
    assert "more than 1 in 3,005 alleles" in words


async def test_where_asking_further_is_refused_the_answer_stays():
    told = Told([NO_ONE, NEAR], refuses=TooManyRequests("enough", 5))
    async with look_up_pages(told) as client:
        lines = await streamed(client, f"/v/GRCh38-{NAME}")

    absence = next(one["html"] for one in lines if one.get("id") == "absence")
    assert "could not be asked for" in absence
    assert kinds(lines)[-1] == "complete"


async def test_a_gene_has_a_table_of_variants_over_countries():
    one, other = record(counted("Total", 3, 100)), record(counted("Total", 1, 300))
    variants = [
        member(0, about("Finland", "hit", bounds=[40, 40]), result_set(one, record(pos=5))),
        member(0, about("Malta", "hit", bounds=[1, 1]), result_set(other)),
    ]
    parts = settled(variants, [], "Finland", "Malta")
    async with look_up_pages(Told([parts])) as client:
        page = await whole(client, "/search", q="BRCA1")

    words = text_of(page)
    assert "4 / 400 0.0100 Finland, Malta" in words
    assert "There are more variants than are shown here: Finland (40)" in words
    assert 'name="page" value="2"' in page


async def test_another_page_of_variants_is_asked_of_each_country():
    told = Told([NO_ONE])
    async with look_up_pages(told) as client:
        await whole(client, "/search", q="BRCA1", page="3")

    assert told.asked[0][0].pagination.skip == 2


async def test_what_is_known_of_the_variant_is_told_with_its_source():
    known = {
        "molecularAttributes": {
            "geneIds": ["BRCA1"],
            "molecularEffects": [{"label": "stop_gained"}],
        },
        "identifiers": {"variantAlternativeIds": [{"id": "dbSNP:rs80357065"}]},
    }
    says = [
        {"clinicalInterpretations": [{"clinicalRelevance": one, "conditionId": "MONDO:1"}]}
        for one in ("pathogenic", "uncertain significance")
    ]
    variants = [
        member(0, about(name, "hit"), result_set(record(**known, variantLevelData=said)))
        for name, said in zip(("Finland", "Malta"), says, strict=True)
    ]
    parts = settled(variants, [], "Finland", "Malta")
    async with look_up_pages(Told([parts])) as client:
        page = await whole(client, "/search", q=NAME)

    words = text_of(page)
    assert "stop gained" in words
    assert "pathogenic : MONDO:1 says Finland" in words
    assert "of uncertain significance : MONDO:1 says Malta" in words
    assert 'href="https://www.ncbi.nlm.nih.gov/snp/rs80357065" rel="noreferrer noopener"' in page


async def test_what_countries_write_is_never_markup():
    bad = "<script>alert(1)</script>"
    known = {"molecularAttributes": {"geneIds": [bad]}, "identifiers": {"genomicHGVSId": bad}}
    said = about("Finland", "hit", name=bad, reason=bad)
    parts = settled([member(0, said, result_set(record(**known)))], [], "Finland")
    async with look_up_pages(Told([parts])) as client:
        page = await whole(client, "/search", q=NAME)

    assert bad not in page
    assert page.count("&lt;script&gt;") >= 2


async def test_nothing_on_the_page_is_styled_or_run_inline():
    async with look_up_pages(Told([SEEN])) as client:
        page = await whole(client, "/search", q=NAME)

    assert not re.search(r"\sstyle=|\son[a-z]+=|<style", page)
    assert not re.search(r"<script(?![^>]*src=)", page)


async def test_the_page_links_to_itself_and_to_the_same_answer_as_json():
    async with look_up_pages(Told([SEEN])) as client:
        page = unescape(await whole(client, "/search", q=NAME))

    assert f"/v/GRCh38-{NAME}" in page
    assert f"/search#q={NAME}" in page
    (json_url,) = re.findall(r'href="([^"]*/api/g_variants\?[^"]*)"', page)
    assert parse_qs(urlsplit(json_url).query)["start"] == [str(POS - 1)]


@pytest.mark.parametrize(
    "fields",
    [
        {"chrom": "17", "pos": str(POS), "ref": "G", "allele": "A"},
        {"chrom": "17", "pos": str(POS), "ref": "G", "allele": "A", "rs": "GRCh38"},
        {"q": NAME},
        {"q": f"chr17:{POS} G>A"},
    ],
)
async def test_links_of_other_portals_ask_the_same(fields):
    told = Told([SEEN])
    async with look_up_pages(told) as client:
        await whole(client, "/search", **fields)

    variation = told.asked[0][0].variation
    assert variation is not None
    assert (variation.start, variation.reference_bases) == ((POS - 1,), "G")
    assert variation.alternate_bases == "A"


async def test_what_is_posted_is_in_no_address_of_the_page():
    async with look_up_pages(Told([SEEN])) as client:
        response = await client.post("/search", data={"q": NAME})
        page = await response.text()

    assert "http-equiv" not in page
    assert '<form id="again" action="/search#q=' in page
    assert page.count('method="post"') == 3


async def test_what_is_posted_is_answered_in_parts_too():
    told = Told([SEEN])
    async with look_up_pages(told) as client:
        response = await client.post(
            "/search", data={"q": NAME}, headers={"Accept": "application/x-ndjson"}
        )
        body = await response.text()

    assert '"complete"' in body
    assert len(told.asked) == 1


async def test_the_empty_page_asks_nobody():
    told = Told([])
    async with look_up_pages(told) as client:
        page = await (await client.get(f"/v/GRCh38-{NAME}")).text()

    assert told.asked == []
    assert "data-live" in page
    assert "whole=1" in page


async def test_without_a_login_it_is_said_where_one_may_show_more():
    async with look_up_pages(Told([NO_ONE, NEAR]), can_log_in=True) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert words.count("A login may show more") == 1


@pytest.mark.parametrize("language", ["fi", "es", "de", "fr"])
@pytest.mark.parametrize("told", [[SEEN], [NO_ONE, NEAR]], ids=["seen", "absent"])
async def test_every_language_has_every_text(language, told):
    async with look_up_pages(Told(told)) as client:
        response = await client.get("/search", params={"q": NAME, "whole": "1", "lang": language})

    assert response.status == 200


def test_nobody_is_counted_before_anybody_has_answered():
    assert taken([]).answered == 0


async def test_a_beacon_that_is_asked_alone_has_a_row_for_each_dataset():
    sets = [
        {**result_set(record(counted("Total", 3, 9_000), counted("F", 1, 4_000))), "id": "rare"},
        {**result_set(exists=False), "id": "common"},
    ]
    people = [{"id": "rare", "exists": True, "resultsCount": 3, "countPrecision": "exact"}]
    parts = [
        (place, {"kind": "summary", "about": {}, "answer": _answered(found)})
        for place, found in enumerate((sets, people))
    ]
    async with look_up_pages(Told([parts]), is_network=False) as client:
        page = await whole(client, "/search", q=NAME)

    words = text_of(page)
    assert "Seen in 1 of 2 datasets that answered" in words
    assert "rare: Women" not in words
    assert "Women and men: rare" in words
    assert "data-combine" not in page


def _answered(sets):
    return {
        "responseSummary": {"exists": True, "numTotalResults": 3},
        "response": {"resultSets": sets},
    }


@pytest.mark.parametrize("number", ["0", "-1", "1e9", "99999999", "x", "²"])
async def test_pages_of_variants_that_there_are_not_are_the_first_or_the_last(number):
    told = Told([NO_ONE])
    async with look_up_pages(told) as client:
        await whole(client, "/search", q="BRCA1", page=number)

    assert 0 <= told.asked[0][0].pagination.skip < PAGES


async def test_what_a_name_was_found_as_can_be_asked_for_by_position():
    async with look_up_pages(Told([SEEN, SEEN])) as client:
        by_name = await whole(client, "/search", q="BRCA1 p.Gln893Ter")
        by_position = await whole(client, "/search", q=NAME)

    assert "By position" in by_name
    assert "By position" not in by_position


async def test_a_site_that_is_listed_and_counted_in_nobody_says_so():
    parts = [*SEEN]
    parts[2] = member(0, about("Finland", "hit"), result_set(record(counted("Total", 0, 9_000))))
    async with look_up_pages(Told([parts])) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert "listed, but counted in no allele" in words


async def test_the_other_changes_of_an_amino_acid_are_looked_for_when_nobody_has_one():
    same = {"identifiers": {"proteinHGVSIds": ["NP_009225.1:p.Gln893Lys"]}}
    other = {"identifiers": {"proteinHGVSIds": ["NP_009225.1:p.Gln89Lys"]}}
    shown = result_set(record(counted("Total", 2, 100), **same), record(pos=7, **other))
    near = [accepted(0, "Finland"), member(0, about("Finland", "hit"), shown), summary(0)]
    told = Told([NO_ONE, near])
    async with look_up_pages(told) as client:
        words = text_of(await whole(client, "/search", q="BRCA1 p.Gln893Ter"))

    (further,) = told.asked[1]
    assert further.variation is not None
    assert further.variation.aminoacid_change is None
    assert "p.Gln893Lys · 2 / 100 · Finland" in words
    assert "p.Gln89Lys" not in words


async def test_a_country_asked_on_the_other_assembly_is_named_where_nobody_has_it():
    lifted = {"liftover": {"to": "GRCh37", "referenceBasesCompared": False}}
    parts = [*NO_ONE]
    parts[2] = member(0, about("Finland", "miss", applied=lifted), result_set(exists=False))
    async with look_up_pages(Told([parts, NEAR])) as client:
        words = text_of(await whole(client, "/search", q=NAME))

    assert "Finland (GRCh37; its reference bases were not compared)" in words


@pytest.mark.parametrize("text", [NAME, "what is this"])
async def test_what_is_asked_next_is_in_no_address_either(text):
    async with look_up_pages(Told([SEEN])) as client:
        private = await (await client.post("/search", data={"q": text})).text()
        public = await (await client.get("/search", params={"q": text})).text()

    assert '<form class="box" action="/search" method="post"' in private
    assert '<form class="box" action="/search" method="get"' in public
