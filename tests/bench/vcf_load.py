"""The speed of a VCF load, against reading the genotypes of the same file and doing nothing."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import cyvcf2
import numpy as np
from pymongo.database import Database

from beacon.load.vcf import load_vcf
from beacon.mongo.sink import MongoSink
from tests.bench.measure import Results

SAMPLES = 2_504


def write_vcf(path: Path, records: int, seed: int = 3) -> Path:
    """A phased VCF of 2,504 samples, with the frequencies of a population sample."""
    random = np.random.default_rng(seed)
    calls = np.array(["0|0", "0|1", "1|0", "1|1"])
    names = "\t".join(f"S{number:04}" for number in range(SAMPLES))
    with path.open("w") as file:
        file.write(
            "##fileformat=VCFv4.2\n##contig=<ID=22,length=50818468>\n"
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
            f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n"
        )
        pos = 20_000_000
        for _ in range(records):
            pos += int(random.integers(1, 100))
            frequency = float(np.exp(random.uniform(np.log(1 / (2 * SAMPLES)), np.log(0.5))))
            copies = random.random((2, SAMPLES)) < frequency
            written = "\t".join(calls[copies[0] + 2 * copies[1]])
            file.write(f"22\t{pos}\t.\tA\tG\t.\tPASS\t.\tGT\t{written}\n")
    return path


def measure(
    results: Results, database: Database[Any], path: Path, assembly: str, repetitions: int
) -> None:
    """Decode and load by turns, each load into an empty database."""
    results.section(f"VCF load: {path.name}")
    decoding, loading, computing = [], [], []
    alleles = 0
    for _ in range(repetitions):
        started, computed = time.perf_counter(), time.process_time()
        for record in cyvcf2.VCF(str(path)):
            record.genotype.array()
        decoding.append(time.perf_counter() - started)
        decoded = time.process_time() - computed
        database.client.drop_database(database.name)
        sink = MongoSink(database)
        started, computed = time.perf_counter(), time.process_time()
        report = load_vcf(sink, "vcf", assembly, [path])
        loading.append(time.perf_counter() - started)
        computing.append((time.process_time() - computed) / decoded)
        alleles = report.loaded["genomicVariant"]
    decode = statistics.median(decoding)
    load = statistics.median(loading)
    results.add("cyvcf2 reads the genotypes", decode * 1e3, "ms")
    results.add(
        "load: digest, decode, pack, write, publish",
        load * 1e3,
        "ms",
        ratio=statistics.median(
            ours / theirs for ours, theirs in zip(loading, decoding, strict=True)
        ),
        of="cyvcf2",
        note=f"{alleles / load:,.0f} alleles/s",
    )
    results.add("processor time of the load", statistics.median(computing), "x", note="of cyvcf2's")
