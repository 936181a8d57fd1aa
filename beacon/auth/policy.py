"""The policy: which callers may learn what, decided from credentials before a question is read.

Default deny, and explicit: a dataset that the settings do not name does not exist for any caller.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Collection, Mapping

import msgspec

from beacon.framework.access import ANY, Access
from beacon.framework.errors import SettingsError, Unauthorized
from beacon.framework.query import Granularity
from beacon.settings import Level, PolicySettings

Identify = Callable[[Mapping[str, str]], Awaitable[Access]]
"""The seam: the headers of a request → what its sender may learn.

Raises `Unauthorized` for credentials that are not valid; they are never answered as "public".
"""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one beacon, ready to be asked: nothing is computed for a request."""

    public: Access

    @classmethod
    def from_settings(cls, settings: PolicySettings, entry_types: Collection[str]) -> Policy:
        """Check the rules and build the constants they amount to.

        Args:
            settings: The section `policy`.
            entry_types: The ids that rules may name.

        Raises:
            SettingsError: A rule names an entry type that there is not, or datasets by wildcard.
        """
        if ANY in settings.datasets:
            raise SettingsError(
                'policy.datasets."*": every dataset is named, so that none is opened by accident'
            )
        return cls(
            public=Access(
                grants={
                    dataset_id: _checked(dataset_id, rules.public, entry_types)
                    for dataset_id, rules in settings.datasets.items()
                }
            )
        )

    async def identify(self, headers: Mapping[str, str]) -> Access:
        """What the sender of a request may learn: everybody is the public.

        Raises:
            Unauthorized: Credentials came along. No identity provider is configured that could
                vouch for them, and to take them for nothing would answer another question.
        """
        if "Authorization" in headers:
            raise Unauthorized(
                "credentials cannot be verified here: no identity provider is configured; "
                "ask without the Authorization header for public access"
            )
        return self.public


def _checked(
    dataset_id: str, rules: Mapping[str, Level], entry_types: Collection[str]
) -> dict[str, Granularity]:
    for entry_type in rules:
        if entry_type != ANY and entry_type not in entry_types:
            near = difflib.get_close_matches(entry_type, entry_types, n=1, cutoff=0.5)
            raise SettingsError(
                f'policy.datasets."{dataset_id}".public.{entry_type} is not an entry type'
                + (f"; did you mean {near[0]}?" if near else f"; one of {', '.join(entry_types)}")
            )
    return {entry_type: level.granularity for entry_type, level in rules.items()}
