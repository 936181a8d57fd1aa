"""Where the demo's alleles lie on GRCh37 is where the published chain file says."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon.demo.grch37 import GRCH37, STRETCHES, chains, known_on_grch37
from beacon.demo.known_alleles import KNOWN_ALLELES
from beacon.demo.variants import ASSEMBLY as GRCH38
from beacon.demo.variants import GENES
from beacon.framework.query import VariationQuery
from beacon.model.allele import Allele, internal_id
from beacon.model.liftover import lift
from beacon.model.reference import References
from beacon.model.variation import allele_from_record
from beacon.reference_files import Chain

PUBLISHED = Path(__file__).parents[3] / "shared/data/genes-reference/hg38ToHg19.over.chain.gz"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> References:
    """The chain files of the demo, read as those of any settings."""
    folder = tmp_path_factory.mktemp("chains")
    there, back = chains()
    (folder / "there.chain").write_text(there)
    (folder / "back.chain").write_text(back)
    return References(
        {},
        {
            (GRCH38, GRCH37): Chain(folder / "there.chain", GRCH38, GRCH37).places,
            (GRCH37, GRCH38): Chain(folder / "back.chain", GRCH37, GRCH38).places,
        },
    )


def test_every_base_of_a_stretch_is_where_the_published_chain_has_it():
    if not PUBLISHED.is_file():
        pytest.skip("the chain file is not beside the checkout")
    chain = Chain(PUBLISHED, GRCH38, GRCH37)

    for one in STRETCHES:
        step = max((one.end - one.start) // 500, 1)
        for position in (*range(one.start, one.end, step), one.end - 1):
            assert chain.places(one.name, position) == ((one.name, position + one.shift, False),)


@pytest.mark.parametrize("gene", [one for one in GENES if one.reference_name != "MT"])
def test_a_gene_lies_in_a_stretch(gene):
    assert any(one.name == gene.reference_name and one.start < gene.end for one in STRETCHES)


@pytest.mark.parametrize(
    ("key", "pos", "hgvs"),
    [
        ("CFTR-F508del", 117199644, "NC_000007.13:g.117199646_117199648del"),
        ("HBB-S", 5248232, "NC_000011.9:g.5248232T>A"),
        ("BRAF-V600E", 140453136, "NC_000007.13:g.140453136A>T"),
        ("F5-Leiden", 169519049, "NC_000001.10:g.169519049C>T"),
        ("MT-TL1-3243", 3243, "NC_012920.1:m.3243A>G"),
    ],
)
def test_a_published_allele_has_its_published_place(key: str, pos: int, hgvs: str):
    known = known_on_grch37(KNOWN_ALLELES[key])

    assert known.pos == pos
    assert known.genomic_hgvs == hgvs


@pytest.mark.parametrize(
    "key", [one.key for one in KNOWN_ALLELES.values() if not one.is_structural]
)
def test_an_allele_and_its_record_are_the_same_on_grch37(key: str):
    known = known_on_grch37(KNOWN_ALLELES[key])
    in_vcf = Allele.from_vcf(known.name, known.pos, known.ref, known.alt)
    record = known.record()

    assembly, allele = allele_from_record(record["variation"])

    assert allele == in_vcf
    assert assembly == GRCH37 or known.name == "MT"
    assert record["variantInternalId"] == internal_id(in_vcf, GRCH37)


@pytest.mark.parametrize(
    "key",
    [one.key for one in KNOWN_ALLELES.values() if not one.is_structural and one.name != "MT"],
)
def test_a_question_is_lifted_to_the_allele_by_the_demos_chain_files(written: References, key: str):
    here, there = KNOWN_ALLELES[key], known_on_grch37(KNOWN_ALLELES[key])

    def asked(known, assembly: str) -> VariationQuery:
        return VariationQuery(
            assembly_id=assembly,
            reference_name=known.name,
            start=(known.pos - 1,),
            reference_bases=known.ref,
            alternate_bases=known.alt,
        )

    lifted, _ = lift(asked(here, GRCH38), GRCH38, GRCH37, written)
    back, _ = lift(asked(there, GRCH37), GRCH37, GRCH38, written)

    assert lifted.start == (there.pos - 1,)
    assert back.start == (here.pos - 1,)
