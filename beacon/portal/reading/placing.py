"""The home of where something written is: on which assembly, and what the reference has there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from beacon.framework.query import VariationQuery
from beacon.model import hgvs
from beacon.model.allele import Allele
from beacon.model.assemblies import ASSEMBLIES, length, refseq
from beacon.model.normalisation import left_shifted, reference_mismatch
from beacon.model.reference import Bases, References
from beacon.portal.reading.gene_names import GeneNames
from beacon.portal.reading.values import Doubt, NotRead, Reading, shown
from beacon.portal.reading.written import (
    Bracket,
    Change,
    Range,
    Sequence,
    Written,
    is_plain,
)

_FILLED_IN_MAX = 200
"""Bases that a name is given from the reference; longer expressions stay what they are."""

_OF_VERSIONS = ("version_missing", "version_unknown")


@dataclass(frozen=True, slots=True)
class Placing:
    """Makes readings of what was written, with what is known of genes and references.

    Attributes:
        default_assembly: canonical; where something is when nothing says so.
    """

    genes: GeneNames
    references: References
    default_assembly: str

    def read(self, written: Written, stated: str | None, chosen: str | None) -> Reading:
        """The reading of what was written, with all others.

        Args:
            stated: the assembly that the text says in words.
            chosen: the one that was chosen for it.

        Raises:
            NotRead: it lies beyond the end of its chromosome, or is said to be on two assemblies.
        """
        assembly, doubts = self._assembly(written, stated, chosen)
        main = self.on(written, assembly)
        others = [
            *main.others,
            *(
                self.on(other, assembly)
                for other in written.others
                if other.last <= length(assembly, other.sequence.name)
            ),
        ]
        others += self._elsewhere(
            written, assembly, main, stated or written.sequence.assembly or chosen
        )
        return replace(
            main,
            doubts=_without_repeats((*doubts, *main.doubts)),
            others=_distinct(others, main),
        )

    def _assembly(
        self, written: Written, stated: str | None, chosen: str | None
    ) -> tuple[str, tuple[Doubt, ...]]:
        """The assembly that it is on; what fits only the other one is on that."""
        name, fixed = written.sequence.name, written.sequence.assembly
        said = fixed or stated
        if fixed and stated and fixed != stated:
            raise NotRead("assembly_contradiction", first=refseq(fixed, name), second=stated)
        assembly = said or chosen or self.default_assembly
        doubts: tuple[Doubt, ...] = ()
        if said and chosen and said != chosen and name != "MT":
            doubts = (Doubt("assembly_differs", {"said": said, "chosen": chosen}),)
        if written.last <= length(assembly, name):
            return assembly, doubts
        (other,) = (one for one in ASSEMBLIES if one != assembly)
        fits = written.last <= length(other, name)
        if not fits or said:
            raise NotRead(
                "beyond_end_here" if fits else "beyond_end",
                position=str(written.last),
                chromosome=name,
                assembly=assembly,
                length=str(length(assembly, name)),
                other=other,
            )
        values = {"position": str(written.last), "assembly": assembly, "other": other}
        return other, (Doubt("other_assembly", {**values, "chromosome": name}),)

    def _elsewhere(
        self, written: Written, assembly: str, main: Reading, said: str | None
    ) -> Iterator[Reading]:
        """The same on the other assembly, where that may be meant."""
        name = written.sequence.name
        if name == "MT" or written.sequence.assembly:
            return
        (other,) = (one for one in ASSEMBLIES if one != assembly)
        if written.last > length(other, name):
            return
        differs = any(doubt.code == "reference_differs" for doubt in main.doubts)
        fits = self._fits(written, other)
        if fits is not False if said is None else (differs and fits):
            yield self.on(written, other)

    def _fits(self, written: Written, assembly: str) -> bool | None:
        """Whether the bases are those of an assembly; `None` where that is not known."""
        bases = self.references.bases.get(assembly)
        if not isinstance(written, Change) or not written.reference_bases or bases is None:
            return None
        name = written.sequence.name
        if not bases(name, written.start, written.start + 1):
            return None
        stated = written.reference_bases
        return reference_mismatch(name, written.start, stated, bases) is None

    def on(self, written: Written, assembly: str) -> Reading:
        """The reading on an assembly."""
        reading = self._made(written, assembly)
        if not (written.doubts or written.sequence.doubts):
            return reading
        of_sequence = tuple(
            replace(doubt, values={**doubt.values, "assembly": assembly})
            if doubt.code in _OF_VERSIONS
            else doubt
            for doubt in written.sequence.doubts
        )
        return replace(reading, doubts=(*reading.doubts, *written.doubts, *of_sequence))

    def _made(self, written: Written, assembly: str) -> Reading:
        match written:
            case Change():
                return self._change(written, assembly)
            case Range():
                return self._range(written, assembly)
            case Bracket():
                return self._bracket(written, assembly)
        bases = self.references.bases.get(assembly)
        expression = f"{_prefix(written.sequence, assembly)}{written.expression}"
        said = hgvs.parse_genomic(expression)
        is_short = written.end - written.start <= _FILLED_IN_MAX
        spelling = said.spelling(bases) if said and bases and is_short else None
        if spelling is not None and spelling.reference_bases != spelling.alternate_bases:
            sequence = Sequence(written.sequence.name)
            return self._change(
                Change(sequence, *spelling, expression=written.expression), assembly
            )
        return Reading(
            kind="hgvs",
            variation=VariationQuery(assembly_id=assembly, genomic_allele_short_form=expression),
            assembly=assembly,
            name=expression,
            hgvs=expression,
            gene=self.genes.at(assembly, written.sequence.name, written.start, written.end),
        )

    def _range(self, written: Range, assembly: str) -> Reading:
        name = written.sequence.name
        end = written.end or length(assembly, name)
        kind_of = f" {written.variant_type}" if written.variant_type else ""
        return Reading(
            kind="region",
            variation=VariationQuery(
                assembly_id=assembly,
                reference_name=name,
                start=(written.start,),
                end=(end,),
                variant_type=written.variant_type,
            ),
            assembly=assembly,
            name=f"{name}:{written.start + 1}-{end}{kind_of}",
            gene=self.genes.at(assembly, name, written.start, end),
        )

    def _bracket(self, written: Bracket, assembly: str) -> Reading:
        name, starts = written.sequence.name, written.starts
        ends = written.ends or (starts[1], length(assembly, name) + 1)
        expression = written.expression
        named = None if expression is None else f"{_prefix(written.sequence, assembly)}{expression}"
        name_of = f"{name}-{starts[0] + 1}-{ends[0]}-{written.variant_type}"
        return Reading(
            kind="variant",
            variation=VariationQuery(
                assembly_id=assembly,
                reference_name=name,
                start=starts,
                end=ends,
                variant_type=written.variant_type,
            ),
            assembly=assembly,
            name=named or name_of,
            hgvs=named,
            gene=self.genes.at(assembly, name, starts[0], ends[1] - 1),
        )

    def _change(self, written: Change, assembly: str) -> Reading:
        """An allele, at the place where it is kept, and everything that speaks against it."""
        bases = self.references.bases.get(assembly)
        name, start, ref = written.sequence.name, written.start, written.reference_bases
        doubts: list[Doubt] = []
        others: list[Reading] = []
        if bases is not None and ref == "N" and _is_missing_reference(written):
            there = bases(name, start, start + 1)
            ref = ref if there in ("", written.alternate_bases) else there
        found = None if bases is None else reference_mismatch(name, start, ref, bases)
        if bases is not None and found is not None:
            doubts.append(_differs(written, assembly, found))
            nearby = [
                at for at in (start + 1, start - 1) if at >= 0 and _is_at(name, at, ref, bases)
            ]
            if nearby:
                place = f"{name}:{nearby[0] + 1}"
                doubts.append(Doubt("off_by_one", {"typed": shown(ref), "place": place}))
            for at in nearby:
                shifted = Change(written.sequence, at, ref, written.alternate_bases)
                others.append(self._change(shifted, assembly))
        allele = Allele.from_bases(name, start, ref, written.alternate_bases)
        kept = allele
        if bases is not None and found is None:
            kept = left_shifted(allele, bases)
        reading = self._of_allele(kept, written, assembly, bases)
        if found is not None:
            reading = _as_typed(reading, start, ref, written.alternate_bases)
        if any(doubt.code == "empty_allele" for doubt in written.doubts) and kept.anchor and bases:
            doubts.append(Doubt("padded", {"name": reading.name}))
        elif kept.start != allele.start and written.expression is None:
            typed = f"{name}-{start + 1}-{ref}-{written.alternate_bases}"
            values = {"before": shown(typed), "after": shown(reading.name)}
            doubts.append(Doubt("shifted", values))
        if not doubts:
            return reading
        return replace(reading, doubts=tuple(doubts), others=tuple(others))

    def _of_allele(
        self, allele: Allele, written: Change, assembly: str, bases: Bases | None
    ) -> Reading:
        start, ref, alt = allele.anchored
        expression = hgvs.genomic(allele, assembly, bases)
        if expression is None and written.expression is not None:
            expression = f"{_prefix(written.sequence, assembly)}{written.expression}"
        return Reading(
            kind="variant",
            variation=VariationQuery(
                assembly_id=assembly,
                reference_name=allele.reference_name,
                start=(start,),
                reference_bases=ref,
                alternate_bases=alt,
            ),
            assembly=assembly,
            name=_name(allele, assembly),
            hgvs=expression,
            gene=self.genes.at(assembly, allele.reference_name, allele.start, allele.end),
        )


def _name(allele: Allele, assembly: str) -> str:
    """As in VCF; as an expression where the base before an empty allele is not known."""
    pos, ref, alt = allele.vcf
    name = allele.reference_name
    if ref and alt:
        return f"{name}-{pos}-{ref}-{alt}"
    prefix = _prefix(Sequence(name), assembly)
    if ref:
        span = f"{pos}" if len(ref) == 1 else f"{pos}_{allele.end}"
        return f"{prefix}{span}del{ref}"
    return f"{prefix}{pos - 1}_{pos}ins{alt}" if pos > 1 else f"{name}-{pos}--{alt}"


def _as_typed(reading: Reading, start: int, ref: str, alt: str) -> Reading:
    """What does not fit the reference is neither tidied nor named by what the reference says."""
    if not (ref and alt):
        return replace(reading, hgvs=None)
    name = f"{reading.variation.reference_name}-{start + 1}-{ref}-{alt}"
    asked = replace(reading.variation, start=(start,), reference_bases=ref, alternate_bases=alt)
    return replace(reading, hgvs=None, name=name, variation=asked)


def _prefix(sequence: Sequence, assembly: str) -> str:
    return f"{refseq(assembly, sequence.name)}:{'m' if sequence.name == 'MT' else 'g'}."


def _differs(written: Change, assembly: str, found: str) -> Doubt:
    where = f"{written.sequence.name}:{written.start + 1}"
    return Doubt(
        "reference_differs",
        {
            "typed": shown(written.reference_bases),
            "found": shown(found) or "–",  # noqa: RUF001
            "place": where,
            "assembly": assembly,
        },
    )


def _is_missing_reference(written: Change) -> bool:
    return any(doubt.code == "reference_missing" for doubt in written.doubts)


def _is_at(name: str, start: int, ref: str, bases: Bases) -> bool:
    return is_plain(ref) and bases(name, start, start + len(ref)) == ref


def _without_repeats(doubts: Iterable[Doubt]) -> tuple[Doubt, ...]:
    seen: dict[str, Doubt] = {}
    for doubt in doubts:
        seen.setdefault(doubt.code, doubt)
    return tuple(seen.values())


def _distinct(others: Iterable[Reading], main: Reading) -> tuple[Reading, ...]:
    """Other readings, each once and without others of its own."""
    seen = {(main.name, main.assembly)}
    kept = []
    for one in others:
        if (one.name, one.assembly) not in seen:
            seen.add((one.name, one.assembly))
            kept.append(replace(one, others=()) if one.others else one)
    return tuple(kept)
