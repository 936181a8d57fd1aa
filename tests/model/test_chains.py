"""Reference files: chains and FASTA as they are read, and real chains against real positions."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from liftover import ChainFile
from toy_reference import write_fasta

from beacon import reference_files
from beacon.framework.errors import SettingsError
from beacon.framework.query import VariationQuery
from beacon.model.assemblies import ASSEMBLIES, length
from beacon.model.liftover import NotLifted, lift
from beacon.model.reference import Place, References
from beacon.reference_files import WINDOW, Chain, ReferenceSequence
from beacon.settings import AssemblyName, AssemblySettings, Settings

GENES = Path(__file__).parents[2].parent / "shared" / "data" / "genes-reference"


def sequence(start: int, ref: str, alt: str) -> dict[str, Any]:
    return {"start": (start,), "reference_bases": ref, "alternate_bases": alt}


def write_chain(path: Path, *chains: str) -> Path:
    with gzip.open(path, "wt") as file:
        file.write("\n\n".join(chains) + "\n\n")
    return path


def header(start: int, end: int, strand: str = "+", names: tuple[str, str] = ("17", "17")) -> str:
    name, other = names
    size = length("GRCh38", other) if other in ASSEMBLIES["GRCh38"] else 1000
    return (
        f"chain 1 chr{name} {length('GRCh37', name)} + {start} {end} "
        f"chr{other} {size} {strand} {start} {end} 1"
    )


def test_a_chain_is_read_base_by_base(tmp_path: Path) -> None:
    """Blocks, gaps on either side, and the other strand, whose positions count from the end."""
    size = length("GRCh38", "17")
    path = write_chain(
        tmp_path / "x.chain.gz",
        f"{header(100, 130)}\n10\t5\t5\n15",
        f"{header(200, 210, '-')}\n10",
        f"{header(300, 310, names=('17', 'Un_x'))}\n10",
    )
    chain = Chain(path, "GRCh37", "GRCh38")

    assert chain.places("17", 99) == ()
    assert chain.places("17", 100) == (Place("17", 100, False),)
    assert chain.places("17", 110) == ()  # in the gap
    assert chain.places("17", 115) == (Place("17", 115, False),)
    assert chain.places("17", 200) == (Place("17", size - 1 - 200, True),)
    assert chain.places("17", 209) == (Place("17", size - 1 - 209, True),)
    assert chain.places("17", 305) == (Place(None, 305, False),)
    assert chain.places("18", 305) == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no file"),
        ("hello\nworld\n", "no chromosome in it is known"),
        (f"{header(1, 2)}\n1\n\n".replace("81195210", "83257441"), "in GRCh37 it has 81,195,210"),
        ("chain 1 chr17\n1\n", "this is no chain file"),
    ],
)
def test_a_wrong_chain_is_refused(tmp_path: Path, content: str | None, reason: str) -> None:
    path = tmp_path / "x.chain"
    if content is not None:
        path.write_text(content)

    with pytest.raises(SettingsError, match=reason):
        Chain(path, "GRCh37", "GRCh38")


def test_bases_come_from_windows(tmp_path: Path) -> None:
    piece = "acgt" * 3 * WINDOW
    fasta = write_fasta(
        tmp_path / "x.fa",
        {
            "chr17 a chromosome": (81_195_210, WINDOW, piece),
            "chrM": (16_571, 0, "A" * 16_571),
            "chrUn_1": (10, 0, "A" * 10),
        },
    )
    index = fasta.with_name("x.fa.fai")
    index.write_text(index.read_text().replace("chr17 a chromosome", "chr17"))
    sequence = ReferenceSequence(fasta, "GRCh37")

    assert sequence.names == {"17"}  # chrM of hg19 is another mitochondrion
    assert sequence.bases("17", WINDOW, WINDOW + 5) == "ACGTA"
    assert sequence.bases("17", 2 * WINDOW - 2, 2 * WINDOW + 2) == "GTAC"
    assert sequence.bases("17", WINDOW, 4 * WINDOW) == piece[: 3 * WINDOW].upper()
    assert sequence.bases("17", 5, 5) == ""
    assert sequence.bases("18", 0, 5) == ""
    assert sequence.bases("17", 81_195_210, 81_195_220) == ""


def test_the_ends_of_a_sequence(tmp_path: Path) -> None:
    sequence = ReferenceSequence(
        write_fasta(tmp_path / "x.fa", {"NC_012920.1": (16_569, 0, "ACG" * 5523)}), "GRCh38"
    )

    assert sequence.bases("MT", 16_567, 16_600) == "CG"
    assert sequence.bases("MT", -5, 2) == "AC"
    assert sequence.bases("MT", 0, 10**9) == "ACG" * 5523


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.unlink(), "there is no file .*x.fa$"),
        (lambda path: path.with_name("x.fa.fai").unlink(), "`samtools faidx .*x.fa` makes it"),
        (lambda path: path.with_name("x.fa.fai").write_text("?"), "cannot be read"),
    ],
)
def test_a_fasta_that_is_not_there_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], reason: str
) -> None:
    path = write_fasta(tmp_path / "x.fa", {"MT": (16_569, 0, "A")})
    spoil(path)

    with pytest.raises(SettingsError, match=reason):
        ReferenceSequence(path, "GRCh38")


@pytest.mark.parametrize(
    ("sequences", "reason"),
    [
        ({"chr17": (81_195_210, 0, "A")}, "chromosome 17 of GRCh38 has 83,257,441"),
        ({"scaffold": (10, 0, "A")}, "has no chromosome that is known"),
    ],
)
def test_a_fasta_of_another_assembly_is_refused(
    tmp_path: Path, sequences: dict[str, tuple[int, int, str]], reason: str
) -> None:
    with pytest.raises(SettingsError, match=reason):
        ReferenceSequence(write_fasta(tmp_path / "x.fa", sequences), "GRCh38")


def test_settings_name_the_files(tmp_path: Path) -> None:
    fasta = write_fasta(tmp_path / "x.fa", {"MT": (16_569, 0, "ACGT")})
    chain = write_chain(tmp_path / "x.chain.gz", f"{header(100, 110)}\n10")
    settings = Settings(
        assemblies={
            AssemblyName.GRCH37: AssemblySettings(
                fasta=str(fasta), chain_to={AssemblyName.GRCH38: str(chain)}
            )
        }
    )

    found = reference_files.references(settings)

    assert found.bases["GRCh37"]("MT", 0, 4) == "ACGT"
    assert found.chains["GRCh37", "GRCh38"]("17", 100) == (Place("17", 100, False),)
    assert reference_files.reference_sequence(settings, "GRCh38") is None
    assert reference_files.references(Settings()).chains == {}


def test_a_chain_to_itself_is_refused(tmp_path: Path) -> None:
    one = AssemblySettings(chain_to={AssemblyName.GRCH37: str(tmp_path / "x.chain")})

    with pytest.raises(SettingsError, match="leads to GRCh37"):
        reference_files.references(Settings(assemblies={AssemblyName.GRCH37: one}))


# Real data ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real() -> References:
    if not GENES.is_dir():
        pytest.skip("the real data are not here")
    there = Chain(GENES / "hg19ToHg38.over.chain.gz", "GRCh37", "GRCh38")
    back = Chain(GENES / "hg38ToHg19.over.chain.gz", "GRCh38", "GRCh37")
    return References(
        chains={("GRCh37", "GRCh38"): there.places, ("GRCh38", "GRCh37"): back.places}
    )


def attempt(query: VariationQuery, source: str, target: str, known: References) -> Any:
    try:
        return lift(query, source, target, known)[0]
    except NotLifted:
        return None


def snv(name: str, position: int) -> VariationQuery:
    return VariationQuery(reference_name=name, **sequence(position, "A", "C"))


def test_positions_are_those_of_the_package(real: References) -> None:
    """Of 10,000 random positions, each is where the chain has it, once, and comes back."""
    package = ChainFile(str(GENES / "hg19ToHg38.over.chain.gz"))
    rng = Random(5)
    names = [name for name in ASSEMBLIES["GRCh37"] if name != "MT"]
    sizes = [length("GRCh37", name) for name in names]
    found = came_back = 0
    for name in rng.choices(names, sizes, k=10_000):
        position = rng.randrange(length("GRCh37", name))
        hits = package[name][position]
        expected = None
        if len(hits) == 1 and hits[0][0] == f"chr{name}":
            expected = (hits[0][1],)
        moved = attempt(snv(name, position), "GRCh37", "GRCh38", real)
        assert (moved and moved.start) == expected
        if moved is None:
            continue
        found += 1
        again = attempt(moved, "GRCh38", "GRCh37", real)
        came_back += again is not None and again.start == (position,)

    assert found > 9_000
    assert came_back > 0.99 * found


def test_transcripts_are_where_the_other_assembly_has_them(real: References) -> None:
    """The same version of a transcript, by the positions that RefSeq gives it on both."""
    there = dict(transcripts("38"))
    lifted = same = 0
    for (accession, name), (start, end) in transcripts("37"):
        expected = there.get((accession, name))
        if expected is None or name not in ASSEMBLIES["GRCh37"]:
            continue
        query = VariationQuery(reference_name=name, start=(start,), end=(end,))
        moved = attempt(query, "GRCh37", "GRCh38", real)
        if moved is not None:
            lifted += 1
            same += (moved.start[0], moved.end[0]) == expected

    assert lifted > 15_000
    assert same > 0.997 * lifted


def transcripts(assembly: str) -> list[tuple[tuple[str, str], tuple[int, int]]]:
    lines = (GENES / f"ncbiRefSeqSelect.hg{assembly}.txt").read_text().splitlines()
    rows = (line.split("\t") for line in lines)
    return [
        ((accession, name.removeprefix("chr")), (int(start), int(end)))
        for accession, name, start, end, *_ in rows
    ]


def test_pseudoautosomal_regions_keep_their_chromosome(real: References) -> None:
    for name, position, expected in (("X", 60_100, 10_100), ("Y", 10_100, 10_100)):
        moved = attempt(snv(name, position), "GRCh37", "GRCh38", real)

        assert moved is not None
        assert (moved.reference_name, moved.start) == (name, (expected,))


def test_turned_neighbours_of_a_real_chain_stay_neighbours(real: References) -> None:
    rng = Random(9)
    places = real.chains["GRCh37", "GRCh38"]
    turned = 0
    while turned < 200:
        position = rng.randrange(144_274_511, 149_034_137)
        pair = places("1", position), places("1", position + 1)
        if any(len(one) != 1 or not one[0].is_reverse for one in pair):
            continue
        first, second = pair[0][0], pair[1][0]
        if second.position != first.position - 1:
            continue
        turned += 1
        query = VariationQuery(reference_name="1", **sequence(position, "AC", "GG"))
        moved = attempt(query, "GRCh37", "GRCh38", real)

        assert moved is not None
        assert (moved.start, moved.reference_bases) == ((second.position,), "GT")
