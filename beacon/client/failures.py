"""The home of what can go wrong when a beacon is asked.

::

    BeaconFailure             there is no answer
    ├── Refused               the beacon says why it does not answer; `status` is that of HTTP
    ├── Withheld              there is something, but nothing of it is told in the form asked for
    ├── Unreachable           nobody there, or the connection broke
    ├── TooLate               no answer in time
    ├── TooLarge              the answer is longer than the client reads
    └── NotABeacon            what came is no answer of a beacon

What is wrong before anything is sent, such as a variant that cannot be read, is a `ValueError`.
"""

from __future__ import annotations


class BeaconFailure(Exception):
    """There is no answer: neither a yes nor a no."""


class Refused(BeaconFailure):
    """The beacon does not answer this question of this caller.

    `status` is the HTTP status, `message` what the beacon says.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{message} (status {status})")
        self.status = status
        self.message = message

    def __reduce__(self) -> tuple[type[Refused], tuple[int, str]]:
        """Built from what it was built from, in another process, too."""
        return type(self), (self.status, self.message)


class Withheld(BeaconFailure):
    """There may be entries, but no records of them are told to this caller."""


class Unreachable(BeaconFailure):
    """There is nobody, or the connection broke off."""


class TooLate(BeaconFailure):
    """There was no answer in time."""


class TooLarge(BeaconFailure):
    """The answer is longer than the client reads."""


class NotABeacon(BeaconFailure):
    """What came makes no sense as the answer of a beacon."""
