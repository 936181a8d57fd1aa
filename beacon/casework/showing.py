"""The home of how a case looks on a terminal: what leaves, what was read, and what was found."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from beacon.casework.annotating import Account as Annotated
from beacon.casework.case_file import Account, Header
from beacon.casework.family import Family
from beacon.casework.findings import Finding, percent
from beacon.casework.leaving import Leaving
from beacon.casework.told import PARTLY, SEEN, UNKNOWN, UNSEEN, Told
from beacon.client import MatchAnswer

_COLOURS = {SEEN: "green", UNSEEN: "blue"}
_BASES_SHOWN = 12


def leaving_table(leaving: Leaving) -> RenderableType:
    """What leaves, all of it."""
    table = Table(title="What leaves this machine", title_justify="left")
    for name in ("assembly", "chrom", "position", "bases", "zygosity", "gene", "protein"):
        justify: JustifyMethod = "right" if name == "position" else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for one in leaving.variants:
        variant = one.variant
        table.add_row(
            variant.assembly,
            variant.reference_name,
            f"{variant.start + 1:,}",
            f"{variant.reference_bases}>{variant.alternate_bases}",
            one.zygosity or "",
            one.gene or "",
            one.aminoacid_change or "",
        )
    terms = Table(show_header=False, box=None)
    terms.add_row("features", ", ".join(leaving.features) or "none")
    terms.add_row("excluded", ", ".join(leaving.excluded) or "none")
    terms.add_row("genes", ", ".join(leaving.genes) or "none")
    return Group(table, terms, Text(_WHEN, style="dim"))


_WHEN = (
    "First the alleles alone are asked about; of those that somebody lacks, once more what is\n"
    "within 20 bases. Then people who are alike are looked for: with features, genes, and the\n"
    "alleles that are not common, with zygosity and protein change. Nothing else is sent."
)


def reading_notes(
    header: Header, family: Family, account: Account, *, kept: int, asked: int
) -> RenderableType:
    """What was read, and what was kept of it."""
    notes = Table(show_header=False, box=None)
    relatives = [
        f"{role} {'affected' if name in family.affected else 'there'}"
        for role, name in (("mother", family.mother), ("father", family.father))
        if name is not None
    ]
    notes.add_row("patient", f"{family.patient} ({', '.join([family.sex, *relatives])})")
    notes.add_row("assembly", header.assembly)
    frequencies = ", ".join(header.frequencies.names) or "none in the file"
    notes.add_row("frequencies", frequencies)
    none = "none in the file: everything in the genes or regions is kept"
    notes.add_row("effects", ", ".join(header.effects) or none)
    notes.add_row("records", f"{account.records:,}")
    for reason, count in account.dropped.most_common():
        notes.add_row("", f"{count:,} {reason}")
    notes.add_row("candidates", f"{kept:,}, of which {asked:,} are asked about")
    return notes


def findings_table(found: Sequence[Finding]) -> Table:
    """What was found, the most telling first."""
    table = Table(title="What others know", title_justify="left", show_lines=False)
    table.add_column("variant", overflow="fold")
    table.add_column("gene")
    table.add_column("consequence", overflow="fold", max_width=20)
    table.add_column("inheritance", overflow="fold", max_width=16)
    table.add_column("seen", overflow="fold", max_width=24)
    table.add_column("people", overflow="fold")
    table.add_column("in words", overflow="fold")
    for one in found:
        candidate = one.candidate
        colour = "dim" if one.is_too_common else _COLOURS.get(one.told.state, "yellow")
        inheritance = Text(candidate.inheritance.value)
        if candidate.inheritance.is_flagged:
            inheritance.stylize("bold")
        if candidate.origin and not candidate.inheritance.is_flagged:
            inheritance.append(f" ({candidate.origin})", "dim")
        table.add_row(
            _readable(one),
            candidate.gene,
            candidate.consequence.removesuffix("_variant").replace("_", " "),
            inheritance,
            _seen(one.told),
            _people(one),
            Text(one.verdict, colour),
        )
    return table


def alike_notes(matched: MatchAnswer | None, why_not: str) -> RenderableType:
    """How many people are like the case in all, by band."""
    if matched is None:
        return Text(f"People who are alike: not known: {why_not}", "yellow")
    table = Table(title="People who are alike", title_justify="left")
    for name in ("dataset", "beacon", "strong", "good", "possible"):
        table.add_column(name)
    for one in matched.sets:
        bands = {band.band: band for band in one.bands}
        cells = []
        for name in ("strong", "good", "possible"):
            band = bands.get(name)
            if band is None or band.exists is None:
                cells.append("not known")
            elif band.low == band.high:
                cells.append(str(band.low))
            else:
                cells.append(bounds(band.low, band.high))
        table.add_row(one.dataset_id or "", one.beacon_id or "", *cells)
    silent = [member for member in matched.members if not member.is_answer]
    said = "; ".join(f"{one.name or one.id}: {one.reason or one.status}" for one in silent)
    return Group(table, Text(f"Not known: {said}", "yellow")) if silent else table


def annotation_notes(account: Annotated) -> RenderableType:
    """How many records and alleles were annotated, and what is known of them."""
    notes = Table(show_header=False, box=None)
    before = f", {account.resumed:,} of them before" if account.resumed else ""
    notes.add_row("records", f"{account.records:,}{before}")
    for state, words in _STATES.items():
        if account.states[state]:
            notes.add_row("", f"{account.states[state]:,} alleles {words}")
    return notes


_STATES = {
    SEEN: "seen",
    UNSEEN: "unseen by everybody",
    PARTLY: "unseen, but not everybody could say",
    UNKNOWN: "of which nobody could say anything",
    "not asked": "not asked: without bases, or on no chromosome",
}


def bounds(low: int, high: int | None) -> str:
    """Bounds of a count: `1 to 10`, `at least 1`."""
    return f"at least {low}" if high is None else f"{low} to {high}"


def _readable(one: Finding) -> Text:
    candidate = one.candidate
    name, pos, reference, alternate = candidate.name.split("-")
    place = f"{name}:{int(pos):,} {_cut(reference)}>{_cut(alternate)}"
    if not candidate.change:
        return Text(place)
    return Text.assemble(f"p.{candidate.change}", "\n", (place, "dim"))


def _cut(bases: str) -> str:
    return bases if len(bases) <= _BASES_SHOWN else f"{bases[:_BASES_SHOWN]}…({len(bases)})"


def _seen(told: Told) -> str:
    if told.state == SEEN:
        where = [voice.short for voice in told.seen]
        if told.counted is None:
            return ", ".join(where)
        counted = told.counted
        counting = [country for country, _, _ in counted.countries] or where
        said = f"{', '.join(counting)}: {counted.allele_count:,} of {counted.allele_number:,}"
        others = [one for one in where if one not in counting]
        return f"{said}, and {', '.join(others)}" if others else said
    if told.state == UNSEEN:
        if told.highest is None:
            return "nowhere"
        return f"nowhere: 0 of {told.looked:,} (< {percent(told.highest)})"
    return ": ".join(filter(None, ("not known", ", ".join(voice.short for voice in told.silent))))


def _people(one: Finding) -> str:
    people = one.people
    if people is None:
        return ""
    said = [f"{count} {band or 'in no band'}" for band, count in people.same_variant.items()]
    if people.same_gene:
        said.append(f"{people.same_gene} same gene")
    return "\n".join(said)
