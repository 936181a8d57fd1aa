"""The home of `CredentialFile`: what this deployment shows to others, in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from beacon.framework.errors import SettingsError

_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class CredentialFile:
    """A file with one secret, which is read anew each time, so that it may be exchanged.

    Attributes:
        key: The setting that names it.
    """

    key: str
    path: str

    def read(self) -> str:
        """What it holds, without the white space around it.

        Raises:
            SettingsError: It cannot be read, holds nothing, or everybody can read it. The message
                tells nothing of what is in it.
        """
        path = Path(self.path)
        try:
            with path.open("rb") as file:
                mode = path.stat().st_mode
                data = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise SettingsError(f"{self.key} {path}: {error.strerror}") from None
        if mode & 0o007:
            raise SettingsError(f"{self.key} {path} can be read by everybody: chmod o= {path}")
        try:
            text = data.decode("ascii").strip()
        except UnicodeDecodeError:
            raise SettingsError(f"{self.key} {path} holds what is no text in ASCII") from None
        if not text or len(data) > _MOST_BYTES:
            raise SettingsError(f"{self.key} {path} is empty, or too large for a secret")
        return text
