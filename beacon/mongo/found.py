"""Alleles that were found in a dataset, and who carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from beacon.model.allele import Allele
from beacon.model.assemblies import NAMES
from beacon.model.assemblies import code as chromosome_code
from beacon.mongo.blocks import COMMON, Block, RareCarriers, codes_of_dense
from beacon.mongo.predicates import Indexes

Document = dict[str, Any]

NAME_OF_CODE = {chromosome_code(name): name for name in NAMES}


@dataclass(frozen=True, slots=True)
class Packed:
    """An allele in a block."""

    block: Block
    index: int

    @property
    def allele(self) -> Allele:
        """As the model knows it."""
        return self.block.allele(self.index, NAME_OF_CODE[self.block.document_id >> 40 & 0xFF])

    def numbers(self) -> tuple[int, int, int, int]:
        """Allele count, allele number, homozygous and hemizygous carriers."""
        return (
            int(self.block.column("allele_count")[self.index]),
            int(self.block.column("allele_number")[self.index]),
            int(self.block.column("homozygous")[self.index]),
            int(self.block.column("hemizygous")[self.index]),
        )


@dataclass(frozen=True, slots=True)
class Structural:
    """An allele with a document of its own."""

    document: Document

    @property
    def allele(self) -> Allele:
        """As the model knows it."""
        return msgspec.json.decode(self.document["a"], type=Allele)

    def numbers(self) -> tuple[int, int, int, int]:
        """Allele count, allele number, homozygous and hemizygous carriers."""
        _, count, number, homozygous, hemizygous = self.document["n"]
        return count, number, homozygous, hemizygous


Found = Packed | Structural


@dataclass(slots=True)
class Window:
    """Some alleles that fit: a stretch of blocks, or structural variants.

    Attributes:
        rare: The carriers of rare alleles, where they were read with the blocks.
    """

    blocks: list[tuple[Block, Indexes]] = field(default_factory=list)
    structural: list[Structural] = field(default_factory=list)
    rare: Mapping[int, Document] | None = None

    def all(self) -> list[Found]:
        """One by one."""
        found: list[Found] = [
            Packed(block, int(index)) for block, indexes in self.blocks for index in indexes
        ]
        return found + list(self.structural)


class Carrying(NamedTuple):
    """How many people carry each allele of a window: in its blocks, and of structural ones."""

    blocks: list[npt.NDArray[np.int64]]
    structural: list[int]


@dataclass(frozen=True, slots=True)
class Carriers:
    """The carriers of the alleles of one window.

    Attributes:
        rare: By block.
        dense: By block and place in it, of each common allele.
    """

    rare: Mapping[int, Document]
    dense: Mapping[tuple[int, int], Document]
    _sets: dict[tuple[int, int], BitMap] = field(default_factory=dict)

    def of_block(self, block: Block) -> RareCarriers:
        """Of a block's rare alleles."""
        return RareCarriers(self.rare.get(block.document_id), block.size)

    def codes(self, found: Found) -> Any:
        """Of one allele, as `row << 2 | zygosity`, ascending."""
        if isinstance(found, Structural):
            return np.frombuffer(found.document["r"], "<u4")
        if found.block.column("flags")[found.index] & COMMON:
            return codes_of_dense(self.dense[found.block.document_id, found.index])
        return self.of_block(found.block).of(found.index)

    def common_rows(self, block: Block, index: int, codes: frozenset[int] | None) -> BitMap:
        """Rows of one common allele, of some zygosities if given. Not to be changed."""
        key = block.document_id, index
        document = self.dense[key]
        everybody = self._sets.get(key)
        if everybody is None:
            everybody = self._sets[key] = BitMap.deserialize(document["a"])
        if codes is None:
            return everybody
        rows = BitMap()
        others = BitMap()
        for name, code in (("m", 1), ("y", 2), ("u", 3)):
            if name in document:
                one = BitMap.deserialize(document[name])
                others |= one
                if code in codes:
                    rows |= one
        if 0 in codes:
            rows |= everybody - others
        return rows
