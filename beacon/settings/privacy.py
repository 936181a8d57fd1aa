"""The home of the settings of what is kept secret from those who ask a lot."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from beacon.settings.values import Section


class PrivacySettings(Section, frozen=True, kw_only=True):
    """How answers are kept from telling more than they say."""

    secret_file: Annotated[
        str,
        Meta(
            description="File of the secret that pseudonyms, keyed hashes and noise are made "
            "with: 32 bytes or more that only its owner and its group can read. Empty: `secret` in "
            "`data_dir`, made when it is missing.",
            extra={"path": True},
        ),
    ] = ""
    answer_step_ms: Annotated[
        float,
        Meta(
            description="Answers about datasets that protect few people leave at a multiple of so "
            "many milliseconds after their question came, so that the time says nothing of what "
            "is withheld. 0: at once.",
            ge=0,
        ),
    ] = 25.0
