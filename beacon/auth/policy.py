"""The policy: which callers may learn what, decided from credentials before a question is read.

Default deny, and explicit: a dataset that the settings do not name does not exist for any caller.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from functools import lru_cache
from typing import Protocol

import msgspec

from beacon.auth.callers import Caller, Visa
from beacon.auth.pseudonyms import Pseudonyms
from beacon.auth.rules import DatasetRules, Granted, access_of, loosest
from beacon.auth.tiers import PUBLIC, Tiers
from beacon.framework.access import ANY, Access, Protection
from beacon.framework.errors import Forbidden, InvalidRequest, SettingsError, Unauthorized
from beacon.framework.query import Granularity
from beacon.settings import PolicySettings

Identify = Callable[[Mapping[str, str]], Awaitable[Access]]
"""The seam: the headers of a request → what its sender may learn.

Raises `Unauthorized` for credentials that are not valid; they are never answered as "public".
"""

PURPOSE = "X-Beacon-Purpose"
"""The header that says what a question is asked for: a code of the Data Use Ontology, and behind a
semicolon whatever the caller likes to add."""

_PURPOSE = re.compile(r"(DUO:[0-9]{7})(?:\s*;[ -~]{0,256})?", re.ASCII)
_CALLERS_KEPT = 4096
_COMBINATIONS_KEPT = 256

Combination = tuple[frozenset[str], tuple[frozenset[str], ...]]
"""The tiers that a caller belongs to everywhere, and those of each dataset that has such."""


class Authenticator(Protocol):
    """Who says who asks."""

    async def caller(self, headers: Mapping[str, str]) -> Caller | None:
        """Who sent a request; `None` when no credentials came along.

        Raises:
            Unauthorized: They are not valid.
            SourceUnavailable: Nobody can say now whether they are.
        """


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller may learn of one entry type of one dataset, and which rules say so."""

    dataset_id: str
    entry_type: str
    granularity: Granularity
    protection: Protection
    tiers: tuple[str, ...]
    rules: tuple[str, ...]


class Rules:
    """All rules. What they amount to is worked out once for each combination of tiers."""

    def __init__(self, settings: PolicySettings, entry_types: Collection[str]) -> None:
        if ANY in settings.datasets:
            raise SettingsError(
                'policy.datasets."*": every dataset is named, so that none is opened by accident'
            )
        self._tiers = Tiers.from_settings(settings.tiers)
        self._datasets = tuple(
            DatasetRules.from_settings(dataset_id, of_dataset, entry_types, self._tiers)
            for dataset_id, of_dataset in settings.datasets.items()
        )
        everywhere = {tier for one in self._datasets for tier in one.tiers()} - {PUBLIC}
        self._everywhere = everywhere - self._tiers.of_datasets
        self._combination = lru_cache(maxsize=_CALLERS_KEPT)(self._combined)
        self._access = lru_cache(maxsize=_COMBINATIONS_KEPT)(self._granted)

    def access(self, visas: tuple[Visa, ...], purpose: str | None) -> Access:
        """What somebody may learn who has these visas."""
        return self._access(self._combination(visas, purpose))

    def tiers(self, visas: tuple[Visa, ...], purpose: str | None) -> tuple[str, ...]:
        """The tiers that somebody who has these visas belongs to, everywhere or for a dataset."""
        everywhere, of_datasets = self._combination(visas, purpose)
        return tuple(sorted(everywhere.union(*of_datasets)))

    @property
    def datasets(self) -> tuple[DatasetRules, ...]:
        """The rules of each dataset."""
        return self._datasets

    def explain(self, visas: tuple[Visa, ...], purpose: str | None) -> Iterator[Reason]:
        """What somebody may learn who has these visas, entry type by entry type, and why."""
        for of_dataset, tiers in self._applying(self._combination(visas, purpose)):
            by_type: dict[str, list[Granted]] = {}
            for one in of_dataset.granted:
                if one.tier in tiers:
                    by_type.setdefault(one.entry_type, []).append(one)
            for entry_type, granted in by_type.items():
                highest = max(one.granularity for one in granted)
                best = [one for one in granted if one.granularity is highest]
                yield Reason(
                    dataset_id=of_dataset.dataset_id,
                    entry_type=entry_type,
                    granularity=highest,
                    protection=loosest(best),
                    tiers=tuple(one.tier for one in granted),
                    rules=tuple(one.key for one in granted),
                )

    def _combined(self, visas: tuple[Visa, ...], purpose: str | None) -> Combination:
        belongs = self._tiers.belongs
        everywhere = {name for name in self._everywhere if belongs(name, visas, purpose)}
        return frozenset((PUBLIC, *everywhere)), tuple(
            frozenset(
                name
                for name in one.tiers() & self._tiers.of_datasets
                if belongs(name, visas, purpose, one.settings)
            )
            for one in self._datasets
        )

    def _applying(self, combination: Combination) -> Iterator[tuple[DatasetRules, frozenset[str]]]:
        everywhere, of_datasets = combination
        for one, more in zip(self._datasets, of_datasets, strict=True):
            yield one, everywhere | more

    def _granted(self, combination: Combination) -> Access:
        return access_of(self._applying(combination))


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one beacon, ready to be asked.

    Attributes:
        public: What everybody may learn.
        rules: What callers may learn who are known; without them all are the public.
        authenticator: Who says who they are; without one no credentials are taken.
        pseudonyms: Makes a pseudonym of an identity or an organisation.
    """

    public: Access
    rules: Rules | None = None
    authenticator: Authenticator | None = None
    pseudonyms: Pseudonyms | None = None

    @classmethod
    def from_settings(
        cls,
        settings: PolicySettings,
        entry_types: Collection[str],
        authenticator: Authenticator | None = None,
        pseudonyms: Pseudonyms | None = None,
    ) -> Policy:
        """Check the rules and build what they amount to.

        Args:
            settings: The section `policy`.
            entry_types: The ids that rules may name.
            authenticator: Who says who callers are.
            pseudonyms: Makes their pseudonyms.

        Raises:
            SettingsError: A rule names what there is not, datasets by wildcard, or contradicts
                another one.
        """
        rules = Rules(settings, entry_types)
        return cls(
            public=rules.access((), None),
            rules=rules,
            authenticator=authenticator,
            pseudonyms=pseudonyms,
        )

    def access(self, caller: Caller | None, purpose: str | None = None) -> Access:
        """What a caller may learn, who asks for a purpose such as `DUO:0000043`."""
        if self.rules is None or (caller is None and purpose is None):
            return self.public
        access = self.rules.access(() if caller is None else caller.visas, purpose)
        asker = None
        if caller is not None and self.pseudonyms is not None:
            tiers = self.rules.tiers(caller.visas, purpose)
            asker = self.pseudonyms.asker(caller, tiers)
        return msgspec.structs.replace(access, asker=asker, purpose=purpose)

    async def identify(self, headers: Mapping[str, str]) -> Access:
        """What the sender of a request may learn.

        Whether the answer is 401, 403 or 200 depends on the rules alone, never on what is loaded.

        Raises:
            Unauthorized: Credentials came along that are not valid, or that nobody here could
                verify: to take them for nothing would answer another question. Or nothing is
                public, and none came along.
            Forbidden: They are valid, and open nothing.
            InvalidRequest: The purpose is in no known form.
        """
        purpose = read_purpose(headers.get(PURPOSE))
        if self.authenticator is None:
            if "Authorization" in headers:
                raise Unauthorized(
                    "credentials cannot be verified here: no identity provider is configured; "
                    "ask without the Authorization header for public access",
                    reason="no_provider",
                )
            return self.access(None, purpose)
        caller = await self.authenticator.caller(headers)
        access = self.access(caller, purpose)
        if access.grants:
            return access
        if caller is None:
            raise Unauthorized(
                "nothing is public here; ask with an access token", reason="none_shown"
            )
        raise Forbidden(
            "these credentials open nothing here: they lack the visas that are needed, or the "
            f"header {PURPOSE} does",
            asker=access.asker,
        )


def read_purpose(given: str | None) -> str | None:
    """The purpose that the header `PURPOSE` names, such as `DUO:0000043`; `None` without one.

    Raises:
        InvalidRequest: It is in no known form.
    """
    if given is None:
        return None
    found = _PURPOSE.fullmatch(given.strip())
    if found is None:
        raise InvalidRequest(
            f"{PURPOSE} must be a code of the Data Use Ontology such as DUO:0000043, and may go on "
            "behind a semicolon"
        )
    return found[1]
