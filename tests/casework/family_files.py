"""A family of three with invented variants, as files; what they carry is known to the countries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

PATIENT, FATHER, MOTHER = "Mette-Larsen", "Ole-Larsen", "Kaja-Larsen"
PACKET_ID = "hospital-4711"
BIRTHDAY = "2019-03-02"

HEADER = """\
##fileformat=VCFv4.2
##FILTER=<ID=LowQual,Description="Low">
##contig=<ID=2,length=242193529>
##contig=<ID=7,length=159345973>
##contig=<ID=11,length=135086622>
##contig=<ID=17,length=83257441>
##contig=<ID=X,length=156040895>
##INFO=<ID=gnomAD_AF,Number=A,Type=Float,Description="Frequency">
##INFO=<ID=BCSQ,Number=.,Type=String,Description="Local consequence annotation from BCFtools/csq">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=GQ,Number=1,Type=Integer,Description="Quality">
"""

COMMON, RARE, UNSEEN = "17-43092919-G-A", "2-166012346-G-A", "11-5226774-G-T"
NEIGHBOUR = "11-5226780-A-G"
"""Of what nobody has: one whose frequency tells among how many alleles was looked."""
ONE_COPY, OTHER_COPY = "7-117559590-ATCT-A", "7-117587806-G-A"
ON_X = "X-154030912-G-A"

ROWS = (
    # what, INFO, then the calls of the patient, the father and the mother
    (RARE, "BCSQ=stop_gained|SCN1A|T2|protein_coding|-|101R>101*|166012346G>A", "0/1 0/0 0/0"),
    (ONE_COPY, "BCSQ=inframe_deletion|CFTR|T4|protein_coding|+|507IF>507I|X", "0/1 0/1 0/0"),
    (OTHER_COPY, "BCSQ=missense|CFTR|T4|protein_coding|+|551G>551D|X", "0/1 0/0 0/1"),
    (UNSEEN, "BCSQ=missense|HBB|T3|protein_coding|-|7E>7D|X", "1/1 0/1 0/1"),
    ("17-7676154-G-C", "gnomAD_AF=0.6;BCSQ=missense|TP53|T5|protein_coding|-|1A>1B", "0/1 0/0 0/1"),
    ("17-43000500-G-A", "BCSQ=intron|B||protein_coding", "0/1 0/0 0/1"),
    ("17-43000600-G-A LowQual", "BCSQ=missense|C|T6|protein_coding|-|1A>1B", "0/1 0/0 0/1"),
    ("17-43000700-G-A", "BCSQ=missense|D|T7|protein_coding|-|1A>1B", "0/0 0/1 0/0"),
    (COMMON, "BCSQ=missense|BRCA1|T1|protein_coding|-|871P>871L|X", "0/1 0/1 0/0"),
    (ON_X, "BCSQ=missense|MECP2|T8|protein_coding|-|106R>106W|X", "1/1 0/0 0/1"),
)


def header(*samples: str) -> str:
    """The header of a VCF with these columns."""
    names = "\t".join(samples)
    return f"{HEADER}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n"


def row(name: str, info: str, calls: Sequence[str]) -> str:
    """A line of a VCF; `name` may have a filter after it."""
    allele, _, status = name.partition(" ")
    chrom, pos, ref, alt = allele.split("-")
    fixed = (chrom, pos, ".", ref, alt, ".", status or "PASS", info, "GT:GQ")
    return "\t".join((*fixed, *(f"{one}:50" for one in calls))) + "\n"


def write_vcf(path: Path) -> Path:
    """The family's VCF."""
    lines = [row(name, info, calls.split()) for name, info, calls in ROWS]
    path.write_text(header(PATIENT, FATHER, MOTHER) + "".join(lines))
    return path


def write_ped(path: Path, *, ill: Sequence[str] = (PATIENT,)) -> Path:
    """Who they are to each other."""
    people = ((PATIENT, FATHER, MOTHER, 1), (FATHER, "0", "0", 1), (MOTHER, "0", "0", 2))
    path.write_text(
        "".join(
            f"FAM\t{name}\t{father}\t{mother}\t{sex}\t{2 if name in ill else 1}\n"
            for name, father, mother, sex in people
        )
    )
    return path


def write_packet(path: Path) -> Path:
    """The patient's phenopacket."""
    packet = {
        "id": PACKET_ID,
        "subject": {"id": PATIENT, "sex": "MALE", "dateOfBirth": f"{BIRTHDAY}T00:00:00Z"},
        "phenotypicFeatures": [
            {"type": {"id": "HP:0001250", "label": "Seizure"}, "description": "since March"},
            {"type": {"id": "HP:0000252", "label": "Microcephaly"}, "excluded": True},
        ],
        "metaData": {"phenopacketSchemaVersion": "2.0", "createdBy": "Dr. Holm"},
    }
    path.write_text(json.dumps(packet))
    return path
