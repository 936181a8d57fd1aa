"""The collections, their documents and keys: what lies where in MongoDB.

==============  ==========================================================================
`datasets`      one manifest a dataset: which layers and which metadata are published
`releases`      the manifests of all releases that are kept, see `mongo/history.py`
`withdrawn`     who has withdrawn, as salted digests, one document a dataset
`loads`         one document an open or finished load: lock, files, positions
`counters`      the next slot number
`vblk`          packed alleles of one bin: columns (see `mongo/blocks.py`)
`cblk`          carriers of the rare alleles of the same bin
`cdense`        carriers of one common allele, as a Roaring bitmap
`called`        which sets of people the alleles of the same bin were looked at in
`patterns`      those sets, each once a slot
`assessed`      where people were looked at, by their files (see `mongo/assessed_documents.py`)
`strata`        counts by population of the same bin, where genotypes are not there to count
`sv`            structural variants and long alleles, one document each
`annotations`   variant records as they were loaded, with what they can be found by
`records`       individuals, biosamples, runs, analyses and cohorts, as JSON; and variants that
                cannot be alleles before the assembly of the dataset is known
`roster`        which sample, biosample and individual each row is
`terms`         rows for which a filtering term holds, as a Roaring bitmap
`attributes`    numbers, durations, dates and texts that can be compared
`catalogue`     which terms exist, for planning and for `/filtering_terms`
`reference`     ontologies and gene tables
`ledger`        what callers have learnt of whom (see `mongo/ledger.py`); the only one that
                answering questions writes to, besides the next
`subscriptions` standing questions, sealed (see `subscriptions/mongo_rows.py`)
==============  ==========================================================================

A *slot* numbers one load's variant layer, a *metadata layer* one state of the people; both come
from the same counter. Keys put the position first, so that the blocks of all datasets at one place
in the genome are neighbours and one range reads them.
"""

from __future__ import annotations

MANIFESTS = "datasets"
RELEASES = "releases"
WITHDRAWN = "withdrawn"
LOADS = "loads"
COUNTERS = "counters"
BLOCKS = "vblk"
RARE = "cblk"
DENSE = "cdense"
CALLED = "called"
PATTERNS = "patterns"
ASSESSED = "assessed"
STRATA = "strata"
STRUCTURAL = "sv"
ANNOTATIONS = "annotations"
RECORDS = "records"
ROSTER = "roster"
TERMS = "terms"
ATTRIBUTES = "attributes"
CATALOGUE = "catalogue"
REFERENCE = "reference"
STAGED = "staged"
LEDGER = "ledger"

WAITING = "genomicVariant"
"""As the entry type of records: variants that cannot be alleles before the assembly is known."""

SLOT_MAX = 0xFFFF
BLOCK_SPAN_MAX = 64
"""Reference bases of the longest allele that is packed into a block; longer ones go to `sv`.

A range therefore has to look no further to its left than this for alleles that reach into it.
"""
BLOCK_ALTERNATE_MAX = 256
"""Alternate bases of the longest allele in a block: thousands of long ones would not fit in one."""

ENTRY_CODES = {
    "individual": 1,
    "biosample": 2,
    "run": 3,
    "analysis": 4,
    "cohort": 5,
    "dataset": 6,
    "genomicVariant": 7,
}

LENGTH_CLASSES = (50, 1_000, 10_000, 100_000, 1_000_000, 1 << 40)
"""Upper bounds, in bases, of the classes by which structural variants are indexed."""


def bin_shift_for(samples: int) -> int:
    """The width of a bin, as a power of two, that keeps about 100 to 200 alleles in a block."""
    if samples < 20_000:
        return 12
    return 10 if samples < 200_000 else 9


def block_id(shift: int, code: int, bin_number: int, slot: int) -> int:
    """The key of a block: bin width, chromosome, bin and slot in one positive int64."""
    return shift << 48 | code << 40 | bin_number << 16 | slot


def bin_key(block: int) -> int:
    """The block's key without its slot: the same for all layers of one bin."""
    return block >> 16


def dense_id(block: int, offset: int, allele_code: int) -> bytes:
    """The key of a common allele's carriers."""
    return block.to_bytes(8, "big") + offset.to_bytes(2, "big") + allele_code.to_bytes(4, "big")


def dense_range(block: int) -> tuple[bytes, bytes]:
    """Bounds, both included, of the keys of the common alleles of one block.

    As long as the keys themselves: MongoDB orders binary values by length first.
    """
    prefix = block.to_bytes(8, "big")
    return prefix + bytes(6), prefix + b"\xff" * 6


def record_id(layer: int, entry_type: str, ordinal: int) -> int:
    """The key of a record: metadata layer, entry type and ordinal in one positive int64."""
    return layer << 44 | ENTRY_CODES[entry_type] << 40 | ordinal


def ordinal_of(record: int) -> int:
    """The ordinal that a record's key names."""
    return record & ((1 << 40) - 1)


def term_id(layer: int, scope: str, term: str) -> str:
    """The key of a term's rows."""
    return f"{layer}|{scope}|{term}"


def length_class(length: int) -> int:
    """The index into `LENGTH_CLASSES` of a structural variant of `length` bases."""
    for index, bound in enumerate(LENGTH_CLASSES):
        if length <= bound:
            return index
    return len(LENGTH_CLASSES) - 1
