"""The home of what goes wrong with a case: its message is meant for whoever runs the command."""

from __future__ import annotations

from beacon.framework.errors import OperatorError


class CaseError(OperatorError):
    """A case cannot be worked on as asked; the message says what would be right."""


class NetworkGone(OperatorError):
    """The network could not be reached, or did not say; nothing is concluded from that."""
