"""The home of `Keys`: the secret of a deployment, and the keys that come of it."""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from pathlib import Path

from beacon.framework.errors import SettingsError

_BYTES = 32
_TOO_OPEN = stat.S_IWGRP | stat.S_IRWXO


class Keys:
    """Keys for purposes, each of its own, all of one secret that never leaves this machine.

    What they make (pseudonyms, keyed hashes, noise) changes with the secret, so it is kept in a
    file for as long as the data are.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def __repr__(self) -> str:
        return "Keys(***)"

    @classmethod
    def of_file(cls, path: Path) -> Keys:
        """Read the secret, or make one where there is none; several processes get the same.

        Raises:
            SettingsError: The file cannot be read or made, holds too little, others may read it, or
                its group may write to it.
        """
        try:
            secret = _read(path)
            if secret is None:
                _make(path)
                secret = _read(path)
        except OSError as error:
            raise SettingsError(f"privacy.secret_file {path}: {error.strerror}") from error
        if secret is None or len(secret) < _BYTES:
            raise SettingsError(f"privacy.secret_file {path} must hold at least {_BYTES} bytes")
        return cls(secret)

    def derive(self, label: str) -> bytes:
        """The key for one purpose: 32 bytes."""
        return hmac.digest(self._secret, label.encode(), "sha256")


def _read(path: Path) -> bytes | None:
    try:
        with path.open("rb") as file:
            # The group may read: whoever mounts a secret often owns it, and the server is a member.
            if os.fstat(file.fileno()).st_mode & _TOO_OPEN:
                raise SettingsError(
                    f"privacy.secret_file {path} can be read or changed by others: "
                    f"chmod g-w,o= {path}"
                )
            return file.read()
    except FileNotFoundError:
        return None


def _make(path: Path) -> None:
    """Whoever comes second finds the file of the first, whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink()
