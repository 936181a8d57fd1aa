"""The speed of reading genotypes: our readers and `cyvcf2` by turns, on the same files."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cyvcf2
import numpy as np
import pysam

from beacon.load.genotypes import Calls, Columns
from beacon.load.vcf_file import VcfFile
from tests.bench.measure import Results

RECORDS = {2_504: 3_000, 100_000: 150}
"""Records by samples."""


def write_files(folder: Path, samples: int, records: int, seed: int = 5) -> list[Path]:
    """A phased VCF of that size with the frequencies of a population, in BGZF and as BCF."""
    random = np.random.default_rng(seed)
    calls = np.array(["0|0", "1|0", "0|1", "1|1"])
    names = "\t".join(f"S{number}" for number in range(samples))
    text = folder / f"{samples}.vcf"
    with text.open("w") as file:
        file.write(
            "##fileformat=VCFv4.2\n##contig=<ID=22>\n"
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
            f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n"
        )
        for pos in range(20_000_000, 20_000_000 + records):
            frequency = float(np.exp(random.uniform(np.log(1 / (2 * samples)), np.log(0.5))))
            copies = random.random((2, samples)) < frequency
            written = "\t".join(calls[copies[0] + 2 * copies[1]])
            file.write(f"22\t{pos}\t.\tA\tG\t.\tPASS\t.\tGT\t{written}\n")
    compressed, binary = folder / f"{samples}.vcf.gz", folder / f"{samples}.bcf"
    pysam.tabix_compress(str(text), str(compressed), force=True)
    reader = cyvcf2.VCF(str(text))
    writer = cyvcf2.Writer(str(binary), reader, "wb")
    for record in reader:
        writer.write_record(record)
    writer.close()
    text.unlink()
    return [compressed, binary]


def measure(results: Results, path: Path, most: int, repetitions: int = 3) -> None:
    """Read up to so many records of a file in four ways, by turns."""
    ways: dict[str, Callable[[Path, int], int]] = {
        "cyvcf2 reads the records": _cyvcf2_reads,
        "cyvcf2 reads the genotypes": cyvcf2_reads_genotypes,
        "records": _reads,
        "records, genotypes, carriers, who was called": reads_genotypes,
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repetitions):
        for name, way in ways.items():
            started = time.perf_counter()
            records = way(path, most)
            taken[name].append((time.perf_counter() - started) / records * 1e6)
    results.section(f"decoding: {path.name}")
    theirs = taken["cyvcf2 reads the genotypes"]
    for name, ours in taken.items():
        ratio = statistics.median(one / other for one, other in zip(theirs, ours, strict=True))
        results.add(
            name,
            statistics.median(ours),
            "µs",
            ratio=ratio,
            of="as fast as cyvcf2",
            note="a record",
        )


def _cyvcf2_reads(path: Path, most: int) -> int:
    return sum(1 for _ in islice(cyvcf2.VCF(str(path)), most))


def cyvcf2_reads_genotypes(path: Path, most: int) -> int:
    records = 0
    for record in islice(cyvcf2.VCF(str(path)), most):
        record.genotype.array()
        records += 1
    return records


def _reads(path: Path, most: int) -> int:
    file = VcfFile(path, None)
    records = sum(1 for _ in islice(file.records(), most))
    file.close()
    return records


def reads_genotypes(path: Path, most: int) -> int:
    file = VcfFile(path, None)
    columns = Columns(np.arange(len(file.samples), dtype=np.uint32))
    records = 0
    for record in islice(file.records(), most):
        calls = Calls.of(record, columns)
        for number in range(1, len(record.ALT) + 1):
            calls.carriers(number)
        _ = calls.called
        records += 1
    file.close()
    return records


def main(paths: list[Path] | None = None) -> None:
    """Measure the files named, or some that are made for it."""
    results = Results()
    for path in paths or []:
        measure(results, path, most=5_000)
    if paths:
        return
    with tempfile.TemporaryDirectory() as folder:
        for samples, records in RECORDS.items():
            for path in write_files(Path(folder), samples, records):
                measure(results, path, most=records)


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
