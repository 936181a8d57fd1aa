"""What each member is asked, and when it is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import pytest

from beacon.framework.answer import Resource
from beacon.framework.query import (
    Filter,
    Granularity,
    Operator,
    Query,
    Similarity,
    VariationQuery,
    Within,
)
from beacon.model.entry_types import MODEL
from beacon.model.ontology import Ontologies, Ontology, Term
from beacon.model.reference import NO_REFERENCES, Place, References
from beacon.network.dialects import Dialect
from beacon.network.members import Member
from beacon.network.metadata import DatasetAbout, Metadata, NamedOntology, ServedType
from beacon.network.planning import Ask, NotApplicable, plan
from beacon.network.vocabulary import KINDS_MAX, ListedTerm

SNV = VariationQuery(
    assembly_id="GRCh38",
    reference_name="17",
    start=(1000,),
    reference_bases="G",
    alternate_bases="A",
)
VARIANT = Query(entry_type="genomicVariant", variation=SNV, granularity=Granularity.COUNT)

# All nervous system ⊃ seizure ⊃ (febrile, focal ⊃ aware); growth is apart.
PHENOTYPES = {
    "HP:0000118": ("Phenotypic abnormality", ()),
    "HP:0000707": ("Abnormality of the nervous system", ("HP:0000118",)),
    "HP:0001250": ("Seizure", ("HP:0000707",)),
    "HP:0002373": ("Febrile seizure", ("HP:0001250",)),
    "HP:0007359": ("Focal-onset seizure", ("HP:0001250",)),
    "HP:0002349": ("Focal aware seizure", ("HP:0007359",)),
    "HP:0001507": ("Growth abnormality", ("HP:0000118",)),
}


def ontologies(terms: Mapping[str, tuple[str, tuple[str, ...]]] = PHENOTYPES) -> Ontologies:
    known = {term_id: Term(label, parents) for term_id, (label, parents) in terms.items()}
    return Ontologies({"HP": Ontology(Resource(id="hp", version="2025"), known)})


HP = ontologies()


def member(member_id: str = "FI") -> Member:
    return Member(
        id=member_id,
        name="Finland",
        country="FI",
        urls=("https://fi.example.org/api",),
        hosts=frozenset({"fi.example.org:443"}),
    )


def metadata(**known: Any) -> Metadata:
    """Of a member that serves everything."""
    everything = {
        one.id: ServedType(
            id=one.id,
            path=one.path,
            linked={other: MODEL.by_id(other).path for other in one.linked},
        )
        for one in MODEL.entry_types
    }
    return Metadata(**{"entry_types": everything, "assemblies": ("GRCh38",), **known})


def listing(ids: Iterable[str], scope: str = "individual", kind: str = "ontologyTerm") -> Any:
    return {one: ListedTerm(kind, "", (scope,)) for one in ids}


def asking(*filters: Filter, entry_type: str = "individual") -> Query:
    return Query(entry_type=entry_type, filters=filters)


def shifted(by: int) -> References:
    """Chains between both assemblies: every base is `by` further on GRCh37."""

    def places(name: str, position: int) -> tuple[Place, ...]:
        return (Place(name, position + by, is_reverse=False),)

    def nowhere(name: str, position: int) -> tuple[Place, ...]:
        return ()

    return References(
        chains={("GRCh38", "GRCh37"): places, ("GRCh37", "GRCh38"): nowhere},
    )


def reason(planned: Ask | NotApplicable) -> str:
    assert isinstance(planned, NotApplicable), planned
    return planned.reason


def asked(planned: Ask | NotApplicable) -> Ask:
    assert isinstance(planned, Ask), planned
    return planned


def test_a_member_that_was_never_met_is_asked_as_it_is() -> None:
    planned = asked(plan(VARIANT, member(), None, NO_REFERENCES))

    assert planned.query is VARIANT
    assert planned.dialect == Dialect()
    assert planned.applied is None


def test_a_member_that_can_answer_is_asked_the_very_question() -> None:
    """The same object for every member, so that it is written once."""
    planned = asked(plan(VARIANT, member(), metadata(), NO_REFERENCES))

    assert planned.query is VARIANT
    assert planned.applied is None


def test_a_member_is_asked_in_its_dialect() -> None:
    flat = Dialect(api_version="v2.0.0", nested=False)

    planned = asked(plan(VARIANT, member(), metadata(dialect=flat), NO_REFERENCES))

    assert planned.dialect == flat


def test_a_member_that_says_nothing_of_its_entry_types_is_asked() -> None:
    planned = asked(plan(VARIANT, member(), metadata(entry_types={}), NO_REFERENCES))

    assert planned.query is VARIANT


class TestEntryTypes:
    def serving(self, *entry_types: str, **changes: Any) -> Metadata:
        everything = metadata().entry_types
        return metadata(
            entry_types={
                one: msgspec.structs.replace(everything[one], **changes) for one in entry_types
            }
        )

    def test_one_that_is_not_served_is_not_asked_for(self) -> None:
        people = Query(entry_type="individual", entry_id="p1")

        planned = plan(people, member(), self.serving("genomicVariant"), NO_REFERENCES)

        assert reason(planned) == "does not serve individual"

    def test_a_linked_path_that_is_not_served_is_not_asked_for(self) -> None:
        of_a_person = Query(entry_type="genomicVariant", within=Within("individual", "p1"))
        without = self.serving("genomicVariant", "individual", linked={"biosample": "biosamples"})

        planned = plan(of_a_person, member(), without, NO_REFERENCES)

        assert reason(planned) == "does not serve genomicVariant of one individual"

    def test_links_that_nothing_is_said_of_are_tried(self) -> None:
        of_a_person = Query(entry_type="genomicVariant", within=Within("individual", "p1"))
        silent = self.serving("genomicVariant", "individual", linked=None)

        planned = asked(plan(of_a_person, member(), silent, NO_REFERENCES))

        assert planned.query is of_a_person

    def test_people_with_a_variant_need_variants(self) -> None:
        carriers = Query(entry_type="individual", variation=SNV)

        planned = plan(carriers, member(), self.serving("individual"), NO_REFERENCES)

        assert reason(planned) == "has no genomic variants"

    def test_a_filter_on_an_entry_type_needs_that_one(self) -> None:
        query = asking(Filter(id="HP:0001250", scope="individual"), entry_type="genomicVariant")

        planned = plan(query, member(), self.serving("genomicVariant"), NO_REFERENCES)

        assert "does not serve individual" in reason(planned)

    def test_a_list_of_everything_is_not_asked_of_a_member_that_gives_none(self) -> None:
        everybody = Query(entry_type="individual")
        without = self.serving("individual", listed_whole=False)

        planned = plan(everybody, member(), without, NO_REFERENCES)

        assert reason(planned) == "does not list its individuals whole"
        assert isinstance(plan(asking(Filter(id="x")), member(), without, NO_REFERENCES), Ask)


class TestAssemblies:
    on_37 = metadata(assemblies=("GRCh37",))

    def test_without_chains_another_assembly_is_not_applicable(self) -> None:
        planned = plan(VARIANT, member(), self.on_37, NO_REFERENCES)

        assert "is on GRCh37, the question on GRCh38" in reason(planned)

    def test_with_chains_the_question_is_lifted(self) -> None:
        planned = asked(plan(VARIANT, member(), self.on_37, shifted(50)))

        lifted = planned.query.variation
        assert lifted is not None
        assert (lifted.assembly_id, lifted.start) == ("GRCh37", (1050,))
        assert planned.applied is not None
        assert planned.applied["liftover"]["from"] == "GRCh38"
        assert "bound" not in planned.applied

    def test_members_on_one_assembly_are_asked_the_same_object(self) -> None:
        chains = shifted(50)

        planned = [plan(VARIANT, member(one), self.on_37, chains) for one in ("FI", "EE")]

        assert asked(planned[0]).query is asked(planned[1]).query

    def test_what_has_no_counterpart_is_not_applicable(self) -> None:
        on_37 = msgspec.structs.replace(SNV, assembly_id="GRCh37")
        query = msgspec.structs.replace(VARIANT, variation=on_37)

        planned = plan(query, member(), metadata(), shifted(50))

        assert "no counterpart" in reason(planned)

    def test_a_member_that_lifts_questions_itself_is_left_to_it(self) -> None:
        lifts = metadata(assemblies=("GRCh37",), lifts=(("GRCh38", "GRCh37"),))

        planned = asked(plan(VARIANT, member(), lifts, shifted(50)))

        assert planned.query is VARIANT

    def test_a_chromosome_without_an_assembly_is_asked_as_it_is(self) -> None:
        bare = msgspec.structs.replace(SNV, assembly_id=None)
        query = msgspec.structs.replace(VARIANT, variation=bare)

        planned = asked(plan(query, member(), self.on_37, shifted(50)))

        assert planned.query is query

    def test_an_accession_says_the_assembly(self) -> None:
        accession = msgspec.structs.replace(
            SNV, assembly_id=None, reference_name="refseq:NC_000017.11"
        )
        query = msgspec.structs.replace(VARIANT, variation=accession)

        planned = plan(query, member(), self.on_37, NO_REFERENCES)

        assert "is on GRCh37" in reason(planned)

    def test_an_expression_is_lifted_as_a_position(self) -> None:
        expression = VariationQuery(genomic_allele_short_form="NC_000017.11:g.1001G>A")
        query = msgspec.structs.replace(VARIANT, variation=expression)

        planned = asked(plan(query, member(), self.on_37, shifted(50)))

        lifted = planned.query.variation
        assert lifted is not None
        assert lifted.genomic_allele_short_form is None
        assert (lifted.reference_name, lifted.start, lifted.alternate_bases) == ("17", (1050,), "A")

    def test_a_gene_on_another_assembly_is_not_applicable(self) -> None:
        gene = VariationQuery(gene_id="BRCA1", assembly_id="GRCh38")
        query = msgspec.structs.replace(VARIANT, variation=gene)

        planned = plan(query, member(), self.on_37, shifted(50))

        assert reason(planned) == "is on GRCh37, the question on GRCh38"

    def test_what_datasets_are_on_counts_more_than_what_the_beacon_names(self) -> None:
        dataset = DatasetAbout(id="d1", assemblies=("GRCh37",))
        both = metadata(
            assemblies=("GRCh37", "GRCh38"), datasets={"d1": dataset}, has_all_datasets=True
        )

        planned = plan(VARIANT, member(), both, NO_REFERENCES)

        assert "is on GRCh37" in reason(planned)


class TestDatasets:
    with_d1 = metadata(datasets={"d1": DatasetAbout(id="d1")}, has_all_datasets=True)

    def of(self, *dataset_ids: str) -> Query:
        return msgspec.structs.replace(VARIANT, dataset_ids=dataset_ids)

    def test_only_the_members_own_are_asked_for(self) -> None:
        planned = asked(plan(self.of("d1", "other"), member(), self.with_d1, NO_REFERENCES))

        assert planned.query.dataset_ids == ("d1",)

    def test_others_are_not_applicable(self) -> None:
        planned = plan(self.of("other"), member(), self.with_d1, NO_REFERENCES)

        assert reason(planned) == "has no dataset other"

    def test_the_members_own_id_before_them_is_taken_away(self) -> None:
        planned = asked(plan(self.of("FI:d1"), member(), self.with_d1, NO_REFERENCES))

        assert planned.query.dataset_ids == ("d1",)

    @pytest.mark.parametrize("known", [None, with_d1], ids=["never met", "met"])
    def test_those_named_after_another_member_are_not_applicable(
        self, known: Metadata | None
    ) -> None:
        planned = plan(self.of("EE:d1"), member(), known, NO_REFERENCES, member_ids=("FI", "EE"))

        assert reason(planned) == "has no dataset EE:d1"

    def test_ids_with_a_colon_stay_whole(self) -> None:
        known = metadata(datasets={"EGA:D1": DatasetAbout(id="EGA:D1")}, has_all_datasets=True)

        planned = asked(plan(self.of("EGA:D1"), member(), known, NO_REFERENCES))

        assert planned.query.dataset_ids == ("EGA:D1",)

    def test_a_member_that_does_not_name_all_of_its_own_is_asked(self) -> None:
        planned = asked(plan(self.of("other"), member(), metadata(), NO_REFERENCES))

        assert planned.query.dataset_ids == ("other",)

    def test_one_dataset_and_what_is_in_it_follow_the_same_rule(self) -> None:
        one = Query(entry_type="dataset", entry_id="FI:d1")
        inside = Query(entry_type="genomicVariant", within=Within("dataset", "FI:d1"))

        planned = [
            asked(plan(query, member(), self.with_d1, NO_REFERENCES)) for query in (one, inside)
        ]

        assert planned[0].query.entry_id == "d1"
        assert planned[1].query.within == Within("dataset", "d1")
        absent = Query(entry_type="dataset", entry_id="d9")
        assert reason(plan(absent, member(), self.with_d1, NO_REFERENCES)) == "has no dataset d9"


class TestFilters:
    def planned(self, query: Query, *listed: str, **known: Any) -> Ask | NotApplicable:
        terms = metadata(terms=listing(listed), **known)
        return plan(query, member(), terms, NO_REFERENCES, ontologies=HP)

    def test_a_listed_term_is_asked_as_it_is(self) -> None:
        query = asking(Filter(id="HP:0001250"))

        planned = asked(self.planned(query, "HP:0001250"))

        assert planned.query is query
        assert planned.applied is None

    def test_spellings_of_a_term_are_one(self) -> None:
        query = asking(Filter(id="HP_0001250"))

        assert isinstance(self.planned(query, "HP:0001250"), Ask)

    def test_an_unknown_term_is_not_applicable(self) -> None:
        """A beacon finds nothing with a term it does not know: that would not be a no."""
        planned = self.planned(asking(Filter(id="HP:0001250")), "HP:0001507")

        assert reason(planned) == "does not know HP:0001250"

    def test_a_member_without_a_list_is_asked_anyway(self) -> None:
        query = asking(Filter(id="HP:0001250"))

        assert asked(self.planned(query)).query is query

    def test_the_only_kind_that_is_listed_is_asked_for_and_bounds_from_below(self) -> None:
        planned = asked(self.planned(asking(Filter(id="HP:0001250")), "HP:0002373"))

        assert [one.id for one in planned.query.filters] == ["HP:0002373"]
        assert planned.applied == {
            "filters": [
                {
                    "asked": "HP:0001250",
                    "how": "descendants",
                    "put": "HP:0002373",
                    "kindsListed": 1,
                }
            ],
            "bound": "lower",
        }

    def test_with_several_kinds_the_term_itself_is_asked_for(self) -> None:
        query = asking(Filter(id="HP:0001250"))

        planned = asked(self.planned(query, "HP:0002373", "HP:0002349"))

        assert planned.query is query
        assert planned.applied is not None
        assert planned.applied["bound"] == "lower"

    @pytest.mark.parametrize("known_here", [HP, Ontologies()], ids=["known here", "unknown here"])
    def test_a_member_that_finds_kinds_by_itself_answers_exactly(
        self, known_here: Ontologies
    ) -> None:
        query = asking(Filter(id="HP:0001250"))
        expanding = metadata(
            terms=listing(["HP:0001507"]),
            resources=(NamedOntology(id="hp", version="2025", namespace_prefix="HP"),),
            expands_descendants=True,
        )

        planned = asked(plan(query, member(), expanding, NO_REFERENCES, ontologies=known_here))

        assert planned.query is query
        assert planned.applied is not None
        assert "bound" not in planned.applied

    def test_a_term_of_an_ontology_that_nobody_here_knows_bounds_from_below(self) -> None:
        """The member may know its kinds; that it finds nothing would not be a no."""
        query = asking(Filter(id="HP:0001250"))

        planned = asked(
            plan(query, member(), metadata(terms=listing(["HP:0002373"])), NO_REFERENCES)
        )

        assert planned.query is query
        assert planned.applied == {
            "filters": [{"asked": "HP:0001250", "how": "unlisted"}],
            "bound": "lower",
        }

    def test_a_term_of_a_vocabulary_that_a_member_does_not_use_is_not_applicable(self) -> None:
        query = asking(Filter(id="MONDO:0005148"))

        assert reason(self.planned(query, "HP:0001250")) == "does not know MONDO:0005148"

    def test_the_very_term_has_no_kinds(self) -> None:
        query = asking(Filter(id="HP:0001250", include_descendant_terms=False))

        assert reason(self.planned(query, "HP:0002373")) == "does not know HP:0001250"

    def test_the_nearest_broader_term_bounds_from_above(self) -> None:
        query = asking(Filter(id="HP:0002349"))

        planned = asked(self.planned(query, "HP:0000118", "HP:0001250"))

        assert [one.id for one in planned.query.filters] == ["HP:0001250"]
        assert planned.applied is not None
        assert planned.applied["bound"] == "upper"
        assert planned.applied["filters"][0]["how"] == "ancestor"

    def test_a_term_that_is_too_broad_says_nothing(self) -> None:
        many = {f"HP:{number:07}": (str(number), ("HP:9999999",)) for number in range(KINDS_MAX)}
        broad = ontologies({"HP:9999999": ("All", ()), **many})
        known = metadata(terms=listing(["HP:9999999"]))
        query = asking(Filter(id="HP:0000001"))

        planned = plan(query, member(), known, NO_REFERENCES, ontologies=broad)

        assert reason(planned) == "does not know HP:0000001"

    def test_broader_and_narrower_at_once_bound_nothing(self) -> None:
        query = asking(Filter(id="HP:0002349"), Filter(id="HP:0001507"))
        terms = {**PHENOTYPES, "HP:0000002": ("Tall", ("HP:0001507",))}
        known = metadata(terms=listing(["HP:0001250", "HP:0000002"]))

        planned = plan(query, member(), known, NO_REFERENCES, ontologies=ontologies(terms))

        assert "only as broader and narrower terms" in reason(planned)

    def test_another_vocabularys_word_for_the_same_is_exact(self) -> None:
        planned = asked(self.planned(asking(Filter(id="NCIT:C16576")), "PATO:0000383"))

        assert [one.id for one in planned.query.filters] == ["PATO:0000383"]
        assert planned.applied is not None
        assert "bound" not in planned.applied

    def test_a_near_term_is_left_to_the_member(self) -> None:
        query = asking(Filter(id="HP:0002349", similarity=Similarity.LOW))

        planned = asked(self.planned(query, "HP:0007359"))

        assert planned.query is query
        assert planned.applied is not None
        assert planned.applied["bound"] == "lower"

    def test_a_term_of_another_entry_type_is_not_applicable(self) -> None:
        query = asking(Filter(id="HP:0001250", scope="biosample"))

        assert reason(self.planned(query, "HP:0001250")) == (
            "knows HP:0001250, but not of a biosample"
        )

    def test_an_attribute_is_found_by_any_of_its_names(self) -> None:
        query = asking(
            Filter(id="ageOfOnset", operator=Operator.GREATER, value="P40Y", scope="individual")
        )
        known = metadata(
            terms=listing(["diseases.ageOfOnset.iso8601duration"], kind="alphanumeric")
        )

        planned = asked(plan(query, member(), known, NO_REFERENCES))

        assert planned.query.filters[0].id == "diseases.ageOfOnset.iso8601duration"
        assert planned.query.filters[0].value == "P40Y"

    def test_an_attribute_is_found_by_its_label(self) -> None:
        query = asking(Filter(id="height-standing", operator=Operator.GREATER, value="150"))
        known = metadata(
            terms={"LOINC:8308-9": ListedTerm("alphanumeric", "Height-standing", ("individual",))}
        )

        planned = asked(plan(query, member(), known, NO_REFERENCES))

        assert planned.query.filters[0].id == "LOINC:8308-9"

    def test_an_unknown_attribute_is_not_applicable(self) -> None:
        query = asking(Filter(id="shoeSize", operator=Operator.EQUAL, value="42"))

        assert reason(self.planned(query, "HP:0001250")) == "does not know shoeSize"

    def test_members_that_are_asked_the_same_share_the_object(self) -> None:
        query = asking(Filter(id="HP:0001250"))

        planned = [asked(self.planned(query, "HP:0002373")) for _ in range(2)]

        assert planned[0].query is planned[1].query
