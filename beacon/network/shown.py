"""The home of `Shown`: what goes to a member of who asks, and what must not come back of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from beacon.network.states import MemberFailure, State

PURPOSE = "X-Beacon-Purpose"
"""The header that says what a question is asked for."""

_TELLING = 12
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_REPEATS = "repeats what it was shown of who asks"


@dataclass(frozen=True, slots=True)
class Shown:
    """What one member is shown along with a question.

    Attributes:
        headers: Empty for the public.
        token: The bearer token among them; `None` for the public.
        refused: Called when the member does not accept the token.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    token: str | None = field(default=None, repr=False)
    refused: Callable[[], None] = lambda: None

    def check(self, status: int, body: bytes) -> None:
        """Look at a reply before it is read.

        Raises:
            MemberFailure: It refuses whoever asks, or holds the token.
        """
        if self.token is None:
            return
        if status == _UNAUTHORIZED:
            self.refused()
            raise MemberFailure(State.RESTRICTED, "does not accept what it is shown of who asks")
        if status == _FORBIDDEN:
            raise MemberFailure(State.RESTRICTED, "does not tell whoever asks with these visas")
        if _secret_of(self.token) in body:
            raise MemberFailure(State.BAD_RESPONSE, _REPEATS)

    def cleared(self, failure: MemberFailure) -> MemberFailure:
        """A failure whose reason holds nothing of the token."""
        if self.token is None:
            return failure
        if failure.state is State.RESTRICTED:
            self.refused()
            return MemberFailure(State.RESTRICTED, "does not tell whoever asks so")
        reason = failure.reason
        pieces = (reason[n : n + _TELLING] for n in range(len(reason) - _TELLING + 1))
        if any(piece in self.token for piece in pieces):
            return MemberFailure(failure.state, _REPEATS)
        return failure


PUBLIC = Shown()
"""Nothing."""


def _secret_of(token: str) -> bytes:
    """The part of a token without which it is worth nothing: of a JWT, the signature."""
    last = token.rpartition(".")[2]
    return (last if len(last) > _TELLING else token).encode("ascii")
