"""The error tree: every failure that this software raises on purpose.

::

    BeaconError                     its message is meant for the client; `status` is the HTTP status
    ├── InvalidRequest        400   the question is malformed or contradicts itself
    ├── Unauthorized          401   credentials were given and are not valid
    ├── Forbidden             403   the caller may not ask this
    ├── NotFound              404   no such path
    ├── MethodNotAllowed      405
    ├── PayloadTooLarge       413
    ├── UnsupportedMediaType  415
    ├── TooManyRequests       429   the caller has asked too much for now
    └── SourceUnavailable     503   the source cannot say: "don't know", never "no"
        ├── DeadlineExceeded  504   the source could not say in time
        └── AuditUnavailable  503   the access cannot be written down, so it is not answered
    OperatorError                   its message is meant for whoever runs a command
    ├── SettingsError               the settings file or environment is wrong
    └── LoadError                   files cannot be loaded as asked
        └── LoadInterrupted         they can: the load goes on where it was when asked for again
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from beacon.framework.access import Asker


class BeaconError(Exception):
    """A failure whose message is meant for the client."""

    status: ClassVar[int] = 500


class InvalidRequest(BeaconError):
    """The request is malformed, or its parts contradict each other."""

    status = 400


class Unauthorized(BeaconError):
    """Credentials were given and are not valid; never answered as "public".

    `challenge` says what is wanted instead, as in the header `WWW-Authenticate`. `reason` is why,
    in one word, for the audit alone.
    """

    status = 401
    challenge = "Bearer"

    def __init__(self, message: str, *, reason: str = "credentials") -> None:
        super().__init__(message)
        self.reason = reason


class Forbidden(BeaconError):
    """The caller may not ask this. `asker` is who that is, for the audit alone."""

    status = 403

    def __init__(self, message: str, *, asker: Asker | None = None) -> None:
        super().__init__(message)
        self.asker = asker


class NotFound(BeaconError):
    """No such path."""

    status = 404


class MethodNotAllowed(BeaconError):
    """The path exists, the verb does not."""

    status = 405


class PayloadTooLarge(BeaconError):
    """The request is larger than the server reads."""

    status = 413


class UnsupportedMediaType(BeaconError):
    """The body is not JSON."""

    status = 415


class TooManyRequests(BeaconError):
    """The caller has asked too much for now; the message says of what.

    `retry_after_s` is when to ask again, as in the header `Retry-After`.
    """

    status = 429

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SourceUnavailable(BeaconError):
    """The source cannot say. Raised instead of an empty answer: "no" and "don't know" differ.

    `retry_after_s` is when to ask again, where that is known, as in the header `Retry-After`.
    """

    status = 503
    retry_after_s: int | None = None


class DeadlineExceeded(SourceUnavailable):
    """The source could not say in the time that was left."""

    status = 504


class AuditUnavailable(SourceUnavailable):
    """The access cannot be written down, and what is not written down is not answered."""


class OperatorError(Exception):
    """A failure whose message is meant for whoever runs a command."""


class SettingsError(OperatorError):
    """The settings are wrong; the message names the key and what would be right."""


class LoadError(OperatorError):
    """Files cannot be loaded as asked; nothing was published."""


class LoadInterrupted(LoadError):
    """A load was stopped on its way; asked for again, it goes on where it was."""
