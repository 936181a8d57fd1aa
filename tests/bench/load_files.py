"""Files to load, made once and kept: cohorts, tables of frequencies, phenopackets, annotations."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cyvcf2
import numpy as np
import numpy.typing as npt
import pysam

SHARED = Path(__file__).parents[2] / "../shared/data"
REAL_COHORT = SHARED / "vcf-genotypes/1kg_pgx_genes_2504samples.GRCh37.vcf.gz"
REAL_PACKETS = SHARED / "phenopackets/phenopacket-store.jsonl.gz"
REAL_CLINVAR = SHARED / "vcf-af-sites/clinvar_20260226_chr13_chr17.GRCh38.vcf.gz"

POPULATIONS = ("afr", "ami", "amr", "asj", "eas", "fin", "mid", "nfe", "remaining", "sas")
_SHARES = np.array((20, 1, 15, 4, 6, 7, 1, 40, 2, 9)) / 105
_ALLELES_CALLED = 1_600_000
_COUNTED = 20_000  # sites written at once

Numbers = npt.NDArray[np.int64]


def cache_folder() -> Path:
    """Where made files are kept: `BEACON_BENCH_CACHE`, else a folder beside temporary files."""
    named = os.environ.get("BEACON_BENCH_CACHE")
    folder = Path(named) if named else Path(tempfile.gettempdir()) / "beacon-bench-files"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """A file of the cache, made if it is not there; one that was interrupted is made again."""
    path = cache_folder() / name
    if not path.exists():
        unfinished = path.with_name(f"unfinished-{os.getpid()}-{name}")
        make(unfinished)
        unfinished.rename(path)
    return path


# Cohorts ---------------------------------------------------------------------------------------


def cohort(samples: int, records: int) -> tuple[Path, Path]:
    """A simulated cohort as VCF.gz and BCF: chromosome 22, phased, frequencies of a population."""
    name = f"cohort-{samples}-{records}"
    compressed = made_once(f"{name}.vcf.gz", lambda path: _simulate(path, samples, records))
    return compressed, made_once(f"{name}.bcf", lambda path: as_bcf(compressed, path))


def small_cohort() -> tuple[Path, Path]:
    """A synthetic cohort of 2,504 people, as VCF.gz and BCF."""
    return cohort(2_504, 8_000)


def real_cohort(records: int | None) -> tuple[Path, Path] | None:
    """The real cohort of 2,504 people, or its first records, as VCF.gz and BCF; if it is there."""
    if not REAL_COHORT.exists():
        return None
    compressed = REAL_COHORT
    if records is not None:
        compressed = made_once(f"real-2504-{records}.vcf.gz", lambda path: _first(records, path))
    name = f"real-2504-{records or 'all'}.bcf"
    return compressed, made_once(name, lambda path: as_bcf(compressed, path))


def _first(records: int, path: Path) -> None:
    with gzip.open(REAL_COHORT, "rb") as lines, pysam.BGZFile(str(path), "wb") as file:
        for line in lines:
            file.write(line)
            records -= not line.startswith(b"#")
            if not records:
                break


def as_bcf(source: Path, path: Path) -> None:
    """The same records as BCF."""
    reader = cyvcf2.VCF(str(source))
    writer = cyvcf2.Writer(str(path), reader, "wb")
    for record in reader:
        writer.write_record(record)
    writer.close()


def _simulate(path: Path, samples: int, records: int) -> None:
    """A growing population, from `msprime`: most alleles rare, neighbours linked."""
    import msprime  # only for this; it is not needed to measure with files that are there

    demography = msprime.Demography()
    # Growth as in the history of Europeans, so that half of the alleles are of one or two people.
    demography.add_population(initial_size=2_000_000, growth_rate=0.02)
    demography.add_population_parameters_change(time=260, initial_size=11_000, growth_rate=0)
    length = 200_000
    ancestry = msprime.sim_ancestry(
        samples=samples,
        demography=demography,
        sequence_length=length,
        recombination_rate=1e-8,
        random_seed=7,
    )
    mutated = msprime.sim_mutations(ancestry, rate=1.25e-8, random_seed=7)
    calls = np.array([b"0|0", b"1|0", b"0|1", b"1|1"])
    names = "\t".join(f"S{number:06}" for number in range(samples))
    step = max(mutated.num_sites * 9 // (10 * records), 1)  # some sites have more alleles
    written, pos = 0, 0
    with pysam.BGZFile(str(path), "wb") as file:
        file.write(
            (
                "##fileformat=VCFv4.2\n##contig=<ID=22,length=50818468>\n"
                '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
                f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n"
            ).encode()
        )
        for variant in mutated.variants():
            if variant.site.id % step or len(variant.alleles) != 2:
                continue
            pos = max(pos + 1, 20_000_000 + int(variant.site.position))
            called = variant.genotypes[0::2] + 2 * variant.genotypes[1::2]
            ref, alt = (one.encode() for one in variant.alleles)
            file.write(b"22\t%d\t.\t%s\t%s\t.\tPASS\t.\tGT\t" % (pos, ref, alt))
            file.write(b"\t".join(calls[called].tolist()) + b"\n")
            written += 1
            if written == records:
                break


# Counts of sites -------------------------------------------------------------------------------


def counted_sites(sites: int, *, by_sex: bool) -> Path:
    """A VCF of sites as gnomAD 4 writes it, of ten populations, each by sex or not."""
    kind = "by-sex" if by_sex else "populations"
    return made_once(f"sites-{sites}-{kind}.vcf.gz", lambda path: _write_sites(path, sites, by_sex))


def counted_table(sites: int) -> Path:
    """The same counts of ten populations as a table, a row for each allele."""
    return made_once(f"sites-{sites}.tsv.gz", lambda path: _write_table(path, sites))


def _strata(by_sex: bool) -> list[tuple[str, float]]:
    """The suffix of each stratum's fields, and its share of all alleles."""
    strata = [("", 1.0), ("_XX", 0.52), ("_XY", 0.48)]
    for name, share in zip(POPULATIONS, _SHARES.tolist(), strict=True):
        strata.append((f"_{name}", share))
        if by_sex:
            strata += [(f"_{name}_XX", 0.52 * share), (f"_{name}_XY", 0.48 * share)]
    return strata


def _sites(sites: int) -> Iterator[tuple[int, str, str]]:
    """Positions and bases, one in ten an insertion or deletion, ten bases apart on average."""
    random = np.random.default_rng(9)
    pos = 20_000_000
    bases = "ACGT"
    for gap, ref, other, kind in zip(
        random.integers(1, 20, sites).tolist(),
        random.integers(0, 4, sites).tolist(),
        random.integers(1, 4, sites).tolist(),
        random.integers(0, 20, sites).tolist(),
        strict=True,
    ):
        pos += gap
        one, two = bases[ref], bases[(ref + other) % 4]
        if kind == 0:
            yield pos, one, one + two
        elif kind == 1:
            yield pos, one + two, one
        else:
            yield pos, one, two


def _counts(random: np.random.Generator, sites: int, shares: Numbers) -> Iterator[list[int]]:
    """Allele count, allele number and homozygous people of each stratum, one after the other."""
    frequency = np.exp(random.uniform(np.log(1e-6), np.log(0.5), sites))
    called = np.rint(_ALLELES_CALLED * random.uniform(0.8, 1, sites)).astype(np.int64)
    number = np.maximum(np.rint(called[:, None] * shares).astype(np.int64), 2)
    count = random.binomial(number, frequency[:, None])
    homozygous = random.binomial(count // 2, frequency[:, None])
    yield from np.stack((count, number, homozygous), axis=2).reshape(sites, -1).tolist()


def _rows_of_counts(sites: int, shares: Numbers) -> Iterator[list[int]]:
    random = np.random.default_rng(10)
    for start in range(0, sites, _COUNTED):
        yield from _counts(random, min(_COUNTED, sites - start), shares)


def _write_sites(path: Path, sites: int, by_sex: bool) -> None:
    strata = _strata(by_sex)
    shares = np.array([share for _, share in strata])
    fields = [f"{field}{suffix}" for suffix, _ in strata for field in ("AC", "AN", "nhomalt")]
    info = ";".join(f"{field}=%d" for field in fields).encode() + b"\n"
    with pysam.BGZFile(str(path), "wb") as file:
        lines = ["##fileformat=VCFv4.2\n", "##contig=<ID=chr1,length=248956422,assembly=GRCh38>\n"]
        for field in fields:
            number = "1" if field.startswith("AN") else "A"
            lines.append(f'##INFO=<ID={field},Number={number},Type=Integer,Description="Counts">\n')
        lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        file.write("".join(lines).encode())
        for (pos, ref, alt), counts in zip(
            _sites(sites), _rows_of_counts(sites, shares), strict=True
        ):
            file.write(b"chr1\t%d\t.\t%s\t%s\t.\tPASS\t" % (pos, ref.encode(), alt.encode()))
            file.write(info % tuple(counts))


def _write_table(path: Path, sites: int) -> None:
    strata = _strata(by_sex=False)
    shares = np.array([share for _, share in strata])
    fields = [f"{field}{suffix}" for suffix, _ in strata for field in ("AC", "AN", "nhomalt")]
    with gzip.open(path, "wt", compresslevel=3) as file:
        file.write("\t".join(("CHROM", "POS", "REF", "ALT", *fields)) + "\n")
        for (pos, ref, alt), counts in zip(
            _sites(sites), _rows_of_counts(sites, shares), strict=True
        ):
            file.write(f"chr1\t{pos}\t{ref}\t{alt}\t" + "\t".join(map(str, counts)) + "\n")


# Phenopackets ----------------------------------------------------------------------------------


def phenopackets(people: int) -> Path:
    """So many phenopackets in one file, a line each: real ones with new ids, else made up."""
    kind = "real" if REAL_PACKETS.exists() else "made-up"
    return made_once(f"packets-{people}-{kind}.jsonl.gz", lambda path: _write_packets(path, people))


def _write_packets(path: Path, people: int) -> None:
    if REAL_PACKETS.exists():
        with gzip.open(REAL_PACKETS, "rt") as file:
            packets = [json.loads(line) for line in file]
    else:
        packets = [_packet(number) for number in range(500)]
    with gzip.open(path, "wt", compresslevel=3) as file:
        for number in range(people):
            packet = packets[number % len(packets)]
            turn = f"{number // len(packets)}-{number % len(packets)}"
            file.write(_renamed(packet, turn) + "\n")


def _renamed(packet: dict[str, Any], turn: str) -> str:
    """The packet as another person's, with whatever refers to the person."""
    person = json.dumps(packet["subject"]["id"])
    text = json.dumps({**packet, "id": f"packet-{turn}"})
    for key in ("id", "subjectOrBiosampleId", "individualId"):
        text = text.replace(f'"{key}": {person}', f'"{key}": "person-{turn}"')
    return text


def _packet(number: int) -> dict[str, Any]:
    """A person with a disease, ten features and one variant."""
    return {
        "id": "packet",
        "subject": {"id": "person", "sex": "FEMALE" if number % 2 else "MALE"},
        "phenotypicFeatures": [
            {"type": {"id": f"HP:{(number * 31 + one * 7) % 9000 + 1000:07}", "label": "feature"}}
            for one in range(10)
        ],
        "diseases": [{"term": {"id": f"OMIM:{600000 + number % 300}", "label": "disease"}}],
        "interpretations": [
            {
                "id": "interpretation",
                "progressStatus": "SOLVED",
                "diagnosis": {
                    "disease": {"id": f"OMIM:{600000 + number % 300}", "label": "disease"},
                    "genomicInterpretations": [
                        {
                            "subjectOrBiosampleId": "person",
                            "interpretationStatus": "CAUSATIVE",
                            "variantInterpretation": {
                                "variationDescriptor": {
                                    "vcfRecord": {
                                        "genomeAssembly": "hg38",
                                        "chrom": "chr16",
                                        "pos": str(1_000_000 + 97 * number),
                                        "ref": "A",
                                        "alt": "G",
                                    }
                                }
                            },
                        }
                    ],
                },
            }
        ],
        "metaData": {
            "created": "2024-01-01T00:00:00Z",
            "createdBy": "bench",
            "phenopacketSchemaVersion": "2.0",
        },
    }


# Annotations -----------------------------------------------------------------------------------


def clinvar(records: int) -> Path:
    """ClinVar's VCF: two chromosomes of the real one, else as many records that look like it."""
    if REAL_CLINVAR.exists():
        return REAL_CLINVAR
    return made_once(f"clinvar-{records}.vcf.gz", lambda path: _write_clinvar(path, records))


def _write_clinvar(path: Path, records: int) -> None:
    with pysam.BGZFile(str(path), "wb") as file:
        lines = ["##fileformat=VCFv4.1\n", "##reference=GRCh38\n", "##contig=<ID=1>\n"]
        fields = ("ALLELEID", "CLNDISDB", "CLNDN", "CLNHGVS", "CLNREVSTAT", "CLNSIG", "CLNVC")
        lines += [
            f'##INFO=<ID={field},Number=.,Type=String,Description="ClinVar">\n' for field in fields
        ]
        lines.append("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
        file.write("".join(lines).encode())
        for number, (pos, ref, alt) in enumerate(_sites(records)):
            file.write(
                (
                    f"1\t{pos}\t{number + 1}\t{ref}\t{alt}\t.\t.\tALLELEID={number + 2};"
                    f"CLNDISDB=MONDO:MONDO:{number % 9000:07};CLNDN=Condition_{number % 9000};"
                    f"CLNHGVS=NC_000001.11:g.{pos}{ref}>{alt};"
                    "CLNREVSTAT=criteria_provided,_single_submitter;CLNSIG=Uncertain_significance;"
                    "CLNVC=single_nucleotide_variant\n"
                ).encode()
            )


def sites_of(annotated: Path) -> Path:
    """The sites of an annotated VCF with one person who carries all of them, to be annotated."""
    return made_once(
        f"carrier-of-{annotated.name.removesuffix('.vcf.gz')}.vcf.gz",
        lambda path: _write_carrier(annotated, path),
    )


def _write_carrier(annotated: Path, path: Path) -> None:
    with gzip.open(annotated, "rt") as lines, pysam.BGZFile(str(path), "wb") as file:
        file.write(b"##fileformat=VCFv4.2\n##reference=GRCh38\n")
        file.write(b'##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        for line in lines:
            if line.startswith("##contig"):
                file.write(line.encode())
            elif line.startswith("#CHROM"):
                columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tcarrier\n"
                file.write(columns.encode())
            elif not line.startswith("#"):
                chrom, pos, _, ref, alt, _ = line.split("\t", 5)
                if alt != ".":
                    file.write(f"{chrom}\t{pos}\t.\t{ref}\t{alt}\t.\tPASS\t.\tGT\t0|1\n".encode())
