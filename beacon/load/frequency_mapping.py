"""The home of frequency mappings: which fields of a file count what, of whom."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

from beacon.framework.errors import LoadError

EVERYBODY = "Total"
"""The label of the first stratum of every mapping."""

_POPULATION, _SEX = "{population}", "{sex}"
_KINDS = ("allele_count", "allele_number", "heterozygous", "homozygous", "hemizygous")
_OTHERS = ("allele_frequency", "genotypes", "carriers", "people")


class Counts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where one stratum, or a family of them, is counted: names of INFO fields or columns.

    `{population}` stands for the populations of the mapping, `{sex}` for its sexes. What a file
    does not have is not stated.

    Attributes:
        label: what the Beacon answer calls the stratum: `Total`, `{population}`, `FI_F`.
        allele_count: alleles seen.
        allele_number: alleles called.
        allele_frequency: read only where `counts_from_frequency` allows it.
        heterozygous: people with one copy.
        homozygous: people with two copies, or their alleles: see `homozygous_counts`.
        hemizygous: people whose only copy it is.
        genotypes: people by genotype, in the order of `genotype_names`.
        carriers: people who have the allele, for sites where no alleles are counted.
        people: people looked at there.

    """

    label: str
    allele_count: str | None = None
    allele_number: str | None = None
    allele_frequency: str | None = None
    heterozygous: str | None = None
    homozygous: str | None = None
    hemizygous: str | None = None
    genotypes: str | None = None
    carriers: str | None = None
    people: str | None = None


class Recognise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By what a file is recognised.

    Attributes:
        all: fields that it has, all of them.
        none: fields that it does not have.
        matching: a regular expression that the name of some field of it matches.

    """

    all: tuple[str, ...]
    none: tuple[str, ...] = ()
    matching: str | None = None

    def fits(self, names: set[str]) -> bool:
        """Whether a file with these fields is one of these."""
        if not names.issuperset(self.all) or not names.isdisjoint(self.none):
            return False
        pattern = self.matching
        return pattern is None or any(re.fullmatch(pattern, name) for name in names)

    @property
    def demands(self) -> int:
        """How much is asked of a file."""
        return len(self.all) + (self.matching is not None)


class Columns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The columns of a table that say which allele a row is of; upper or lower case.

    Attributes:
        pos: 1-based, as in VCF.
        population: of tables with a row for each population: the column that names it.
        chromosome_in_file_name: of tables without a column for it: a regular expression whose
            first group finds the chromosome in the name of the file.

    """

    chromosome: str = "CHROM"
    pos: str = "POS"
    reference: str = "REF"
    alternate: str = "ALT"
    end: str = "END"
    svlen: str = "SVLEN"
    population: str | None = None
    chromosome_in_file_name: str | None = None


class Mapping(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the count fields of a kind of file mean.

    Attributes:
        title: for people.
        strata: who is counted; the first is everybody and has the label `Total`.
        homozygous_counts: whether `homozygous` counts people, or alleles, two for each; needed
            where any stratum has it.
        counts_from_frequency: whether an allele count that is not there may be computed, as the
            rounded product of frequency and allele number.
        reference_count_last: whether count fields list the alternates and then the reference;
            their sum is the allele number.
        genotype_names: the field that names the genotypes that `genotypes` counts.
        hemizygous_flag: a flag without which `hemizygous` says nothing, such as `non_par`.
        populations: the file's code of a population → its label.
        discover_populations: a regular expression for codes that are taken as they are found.
        sexes: the file's word for a sex → `M` or `F`.
        everybody: in tables with a row for each population, the one that is everybody; without
            it, everybody is the sum of the populations that are not of one sex.

    """

    title: str
    strata: tuple[Counts, ...]
    recognise: Recognise | None = None
    homozygous_counts: Literal["people", "alleles"] | None = None
    counts_from_frequency: bool = False
    reference_count_last: bool = False
    genotype_names: str | None = None
    hemizygous_flag: str | None = None
    populations: dict[str, str] = {}
    discover_populations: str | None = None
    sexes: dict[str, Literal["M", "F"]] = {}
    everybody: str | None = None
    columns: Columns = Columns()


@dataclass(frozen=True, slots=True)
class Chosen:
    """A mapping and how it came to be used."""

    name: str
    mapping: Mapping
    recognised: bool


@cache
def presets() -> dict[str, Mapping]:
    """The mappings that come with the package, by name."""
    folder = resources.files("beacon.load") / "presets"
    files = sorted((file for file in folder.iterdir()), key=lambda file: file.name)
    return {
        file.name.removesuffix(".toml"): _decode(file.read_bytes(), file.name)
        for file in files
        if file.name.endswith(".toml")
    }


def read_mapping(name: str) -> Chosen:
    """The preset of that name, or the mapping that a file holds.

    Raises:
        LoadError: It is neither, or says something that no mapping can say.
    """
    if (preset := presets().get(name)) is not None:
        return Chosen(name, preset, recognised=False)
    path = Path(name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LoadError(
            f"{name} is neither a mapping file that can be read nor one of the presets "
            f"{', '.join(presets())}"
        ) from error
    return Chosen(path.name, _decode(content, str(path)), recognised=False)


def recognise(names: Iterable[str], where: str) -> Chosen:
    """The preset for a file with these fields: of those that fit, the one that asks for most.

    Raises:
        LoadError: None fits.
    """
    present = set(names)
    fitting = [
        (preset.recognise.demands, name)
        for name, preset in presets().items()
        if preset.recognise is not None and preset.recognise.fits(present)
    ]
    if not fitting:
        hint = (
            ": it has AF, and a frequency says nothing without the number of alleles that it is of"
            if "AF" in present and "AN" not in present
            else ""
        )
        raise LoadError(
            f"{where} has no counts that a preset knows{hint}; give a mapping file, or one of the "
            f"presets {', '.join(presets())}"
        )
    name = max(fitting)[1]
    return Chosen(name, presets()[name], recognised=True)


@dataclass(frozen=True, slots=True)
class Stratum:
    """Who is counted, and the fields of one file that count them; `None` is not stated."""

    label: str
    kinds: tuple[str | None, ...]
    allele_frequency: str | None = None
    genotypes: str | None = None
    carriers: str | None = None
    people: str | None = None


def strata_of(mapping: Mapping, names: Sequence[str], where: str) -> tuple[Stratum, ...]:
    """The strata that a file with these fields counts, everybody first.

    Raises:
        LoadError: The file does not count everybody, or counts two strata of one label.
    """
    present = set(names)
    found: dict[str, Stratum] = {}
    for counts in mapping.strata:
        for one in _family(mapping, counts, names):
            stratum = _present(one, present)
            if not _is_counted(stratum, mapping):
                if stratum.label == EVERYBODY:
                    raise LoadError(_uncounted(one, mapping, where))
                continue
            if stratum.label in found:
                raise LoadError(f"{where}: {mapping.title} has {stratum.label} twice")
            found[stratum.label] = stratum
    return tuple(found.values())


def _family(mapping: Mapping, counts: Counts, names: Sequence[str]) -> Iterable[Counts]:
    """What a pattern stands for in a file with these fields."""
    has_sex = _SEX in counts.label
    for sex, sex_label in mapping.sexes.items() if has_sex else (("", ""),):
        of_sex = _filled(counts, _SEX, sex, sex_label) if has_sex else counts
        if _POPULATION not in counts.label:
            yield of_sex
            continue
        for code, label in _populations(mapping, of_sex, names).items():
            yield _filled(of_sex, _POPULATION, code, label)


def _populations(mapping: Mapping, counts: Counts, names: Sequence[str]) -> dict[str, str]:
    found = dict(mapping.populations)
    pattern = counts.allele_count or counts.carriers or counts.genotypes
    if mapping.discover_populations is not None and pattern is not None:
        before, _, after = pattern.partition(_POPULATION)
        code = f"(?P<code>{mapping.discover_populations})"
        wanted = re.compile(f"{re.escape(before)}{code}{re.escape(after)}")
        codes = {match["code"] for name in names if (match := wanted.fullmatch(name))}
        found |= {code: code for code in sorted(codes) if code not in found}
    return found


def _filled(counts: Counts, placeholder: str, code: str, label: str) -> Counts:
    fields = {
        name: value.replace(placeholder, code)
        for name in (*_KINDS, *_OTHERS)
        if (value := getattr(counts, name)) is not None
    }
    return msgspec.structs.replace(counts, label=counts.label.replace(placeholder, label), **fields)


def _present(counts: Counts, present: set[str]) -> Stratum:
    def there(name: str) -> str | None:
        field: str | None = getattr(counts, name)
        return field if field in present else None

    stratum = Stratum(
        counts.label,
        tuple(there(kind) for kind in _KINDS),
        **{other: there(other) for other in _OTHERS},
    )
    if counts.allele_count is None and counts.carriers is not None:
        # No alleles are counted anywhere: the people take their place.
        kinds = (stratum.carriers, stratum.people, *stratum.kinds[2:])
        stratum = replace(stratum, kinds=kinds, carriers=None, people=None)
    return stratum


def _is_counted(stratum: Stratum, mapping: Mapping) -> bool:
    count, number = stratum.kinds[:2]
    if mapping.reference_count_last:
        return count is not None
    if mapping.counts_from_frequency and stratum.allele_frequency is not None:
        return number is not None
    return count is not None and number is not None


def _uncounted(counts: Counts, mapping: Mapping, where: str) -> str:
    wanted = [
        field
        for field in (counts.allele_count, counts.allele_number, counts.carriers, counts.people)
        if field is not None
    ]
    if mapping.counts_from_frequency and counts.allele_frequency is not None:
        wanted.append(counts.allele_frequency)
    return f"{where} does not count everybody: {mapping.title} looks for {', '.join(wanted)}"


def _decode(content: bytes, where: str) -> Mapping:
    try:
        mapping = msgspec.toml.decode(content, type=Mapping)
        for pattern in (
            mapping.discover_populations,
            mapping.columns.chromosome_in_file_name,
            mapping.recognise and mapping.recognise.matching,
        ):
            re.compile(pattern or "")
    except (msgspec.DecodeError, re.error, UnicodeDecodeError) as error:
        raise LoadError(f"mapping {where}: {error}") from error
    if problem := _problem(mapping):
        raise LoadError(f"mapping {where}: {problem}")
    return mapping


def _problem(mapping: Mapping) -> str | None:
    """What no mapping can say although each part of it is well formed."""
    if not mapping.strata or mapping.strata[0].label != EVERYBODY:
        return f'the first of [[strata]] must be everybody, with label = "{EVERYBODY}"'
    if any(_SEX in counts.label for counts in mapping.strata) and not mapping.sexes:
        return "{sex} stands for nothing: [sexes] is missing"
    has_populations = mapping.populations or mapping.discover_populations is not None
    if any(_POPULATION in counts.label for counts in mapping.strata) and not has_populations:
        return "{population} stands for nothing: [populations] is missing"
    if mapping.homozygous_counts is None and any(one.homozygous for one in mapping.strata):
        return 'homozygous_counts is missing: "people", or "alleles", two for each'
    for counts in mapping.strata:
        for name in (*_KINDS, *_OTHERS):
            field = getattr(counts, name) or ""
            for placeholder in (_POPULATION, _SEX):
                if (placeholder in field) and (placeholder not in counts.label):
                    return f"{name} of {counts.label} has {placeholder}, which its label lacks"
        if counts.genotypes is not None and mapping.genotype_names is None:
            return f"genotypes of {counts.label} have no names: genotype_names is missing"
    if mapping.columns.population is not None and len(mapping.strata) > 1:
        return "a table with a row for each population has one [[strata]]"
    in_name = mapping.columns.chromosome_in_file_name
    if in_name is not None and not re.compile(in_name).groups:
        return "chromosome_in_file_name has no group that finds the chromosome"
    return None
