"""The home of tiers: what callers must show to belong to one.

Tiers are sets, not an order: whoever belongs to several has what each of them grants.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from beacon.auth.callers import Visa
from beacon.auth.conditions import Clause
from beacon.framework.errors import SettingsError
from beacon.settings import DatasetPolicy, PurposeSettings, TierSettings, VisaSettings

PUBLIC = "public"
"""The tier that everybody belongs to."""

REGISTERED_ACCESS = "https://doi.org/10.1038/s41431-018-0219-y"
"""What visas of bona fide researchers say, and the terms that they have agreed to."""

VISA_VALUE = "${dataset.visa_value}"
DAC = "${dataset.dac}"

SHIPPED: Mapping[str, TierSettings] = {
    "registered": TierSettings(
        all_of=(
            VisaSettings(type="ResearcherStatus", value=(REGISTERED_ACCESS,)),
            VisaSettings(type="AcceptedTermsAndPolicies", value=(REGISTERED_ACCESS,)),
        ),
        same_value=True,
    ),
    "healthcare": TierSettings(
        all_of=(
            VisaSettings(tier="registered"),
            VisaSettings(type="AffiliationAndRole", value_pattern="gdi.clinician@*"),
        ),
        purpose=PurposeSettings(required=True, allow=("DUO:0000043",)),
    ),
    "controlled": TierSettings(
        all_of=(
            VisaSettings(
                type="ControlledAccessGrants", value=(VISA_VALUE,), source=(DAC,), by=("dac",)
            ),
        )
    ),
}
"""The tiers that there are unless settings put others in their place."""

_TYPES = (
    "AffiliationAndRole",
    "AcceptedTermsAndPolicies",
    "ResearcherStatus",
    "ControlledAccessGrants",
    "LinkedIdentities",
)
_BY = ("self", "peer", "system", "so", "dac")


@dataclass(frozen=True, slots=True)
class Tiers:
    """All tiers but the public one, checked.

    Attributes:
        of_datasets: Names of those that callers belong to for one dataset and not for another.
    """

    tiers: Mapping[str, TierSettings]
    of_datasets: frozenset[str]

    @classmethod
    def from_settings(cls, given: Mapping[str, TierSettings]) -> Tiers:
        """Check tiers; those that are shipped are there beside them.

        Raises:
            SettingsError: A tier makes no sense.
        """
        if PUBLIC in given:
            raise SettingsError("policy.tiers.public: everybody belongs to public, as it is")
        tiers = {**SHIPPED, **given}
        for name, tier in tiers.items():
            _check(name, tier, tiers)
        of_datasets = {name for name in tiers if _depends_on_dataset(name, tiers)}
        return cls(tiers, frozenset(of_datasets))

    def known(self, name: str, key: str) -> None:
        """Raise `SettingsError` when there is no such tier; `key` is the setting that names it."""
        if name not in self.tiers:
            raise SettingsError(f"{key}: {name} is not a tier{suggestion(name, self.tiers)}")

    def required(self, name: str) -> frozenset[str]:
        """The tier itself, and every one that its callers must be in besides."""
        further = (self.required(one.tier) for one in self.tiers[name].all_of if one.tier)
        return frozenset((name,)).union(*further)

    def needs(self, name: str) -> frozenset[str]:
        """What a dataset must say of itself for a tier: references such as `VISA_VALUE`."""
        return frozenset(
            reference
            for tier in self.required(name)
            for one in self.tiers[tier].all_of
            for reference in {VISA_VALUE, DAC} & {*one.value, *one.source}
        )

    def belongs(
        self,
        name: str,
        visas: Collection[Visa],
        purpose: str | None,
        dataset: DatasetPolicy | None = None,
    ) -> bool:
        """Whether a caller belongs to a tier.

        Args:
            name: Of the tier.
            visas: The caller's, verified.
            purpose: What the caller asks for, such as `DUO:0000043`.
            dataset: For which dataset, where that matters.
        """
        tier = self.tiers[name]
        if purpose is None:
            if tier.purpose.required:
                return False
        elif tier.purpose.allow and purpose not in tier.purpose.allow:
            return False
        shown: list[set[str]] = []
        for one in tier.all_of:
            if one.tier:
                if not self.belongs(one.tier, visas, purpose, dataset):
                    return False
                continue
            values = {visa.value for visa in visas if _is_asked(one, visa, dataset)}
            if not values:
                return False
            shown.append(values)
        return not tier.same_value or not shown or bool(set.intersection(*shown))


def suggestion(name: str, known: Iterable[str]) -> str:
    """What may have been meant, to go behind a message."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; one of {', '.join(names)}"


def _is_asked(asked: VisaSettings, visa: Visa, dataset: DatasetPolicy | None) -> bool:
    if visa.type != asked.type or (asked.by and visa.by not in asked.by):
        return False
    values = _filled(asked.value, dataset)
    sources = _filled(asked.source, dataset)
    if (asked.value and visa.value not in values) or (asked.source and visa.source not in sources):
        return False
    pattern = (("value", f"pattern:{asked.value_pattern}"),)
    return not asked.value_pattern or Clause(asked.type, pattern).matches(visa)


def _filled(texts: tuple[str, ...], dataset: DatasetPolicy | None) -> tuple[str, ...]:
    filled: list[str] = []
    for text in texts:
        if text == VISA_VALUE:
            filled += [dataset.visa_value] if dataset is not None and dataset.visa_value else []
        elif text == DAC:
            filled += [] if dataset is None else dataset.dac
        else:
            filled.append(text)
    return tuple(filled)


def _check(name: str, tier: TierSettings, tiers: Mapping[str, TierSettings]) -> None:
    key = f"policy.tiers.{name}"
    if not tier.all_of:
        raise SettingsError(f"{key}.all_of: a tier that everybody belongs to is {PUBLIC}")
    if tier.purpose.allow and not tier.purpose.required:
        raise SettingsError(
            f"{key}.purpose: allow without required = true would let in whoever names no purpose"
        )
    for number, one in enumerate(tier.all_of):
        _check_visa(f"{key}.all_of[{number}]", one, tiers)
    if _is_ring(name, tiers, ()):
        raise SettingsError(f"{key}: the tier requires itself")


def _check_visa(key: str, one: VisaSettings, tiers: Mapping[str, TierSettings]) -> None:
    if one.tier:
        if one != VisaSettings(tier=one.tier):
            raise SettingsError(f"{key}: a tier that is required has no further conditions")
        if one.tier not in tiers:
            raise SettingsError(
                f"{key}.tier: {one.tier} is not a tier{suggestion(one.tier, tiers)}"
            )
        return
    if one.type not in _TYPES and not one.type.startswith("https://"):
        raise SettingsError(f"{key}.type: {one.type!r} is no visa type{_of_type(one.type)}")
    if one.value and one.value_pattern:
        raise SettingsError(f"{key}: value and value_pattern exclude each other")
    if one.type == "ControlledAccessGrants" and not (one.value or one.value_pattern):
        raise SettingsError(
            f"{key}.value: without it a grant of any dataset would do; say which, such as "
            f"{VISA_VALUE!r}"
        )
    for by in one.by:
        if by not in _BY:
            raise SettingsError(f"{key}.by: {by!r} is not known{suggestion(by, _BY)}")
    for field, texts, reference in (
        ("value", one.value, VISA_VALUE),
        ("source", one.source, DAC),
        ("value_pattern", (one.value_pattern,), None),
    ):
        for text in texts:
            if "${" in text and text != reference:
                known = reference or "none"
                raise SettingsError(f"{key}.{field}: {text!r} is no reference; there is {known}")


def _of_type(name: str) -> str:
    return f"{suggestion(name, _TYPES)} (types of your own are https:// URLs)"


def _is_ring(name: str, tiers: Mapping[str, TierSettings], way: tuple[str, ...]) -> bool:
    if name in way:
        return True
    required = [one.tier for one in tiers[name].all_of if one.tier in tiers]
    return any(_is_ring(one, tiers, (*way, name)) for one in required)


def _depends_on_dataset(name: str, tiers: Mapping[str, TierSettings]) -> bool:
    return any(
        _depends_on_dataset(one.tier, tiers)
        if one.tier
        else not {VISA_VALUE, DAC}.isdisjoint((*one.value, *one.source))
        for one in tiers[name].all_of
    )
