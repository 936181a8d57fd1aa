"""A client of beacons and of their networks: `Beacon`, and `AsyncBeacon` for who awaits.

It needs nothing of the server.
"""

from beacon.client.about import About
from beacon.client.answers import Answer, AnswerSet, Frequency, MemberState
from beacon.client.asynchronous import AsyncBeacon
from beacon.client.cases import CarriedVariant, Case
from beacon.client.entries import Entry
from beacon.client.failures import (
    BeaconFailure,
    NotABeacon,
    Refused,
    TooLarge,
    TooLate,
    Unreachable,
    Withheld,
)
from beacon.client.matches import Band, Match, MatchAnswer, MatchSet, Reason
from beacon.client.parts import Part
from beacon.client.synchronous import Beacon
from beacon.client.variants import Variant

__all__ = [
    "About",
    "Answer",
    "AnswerSet",
    "AsyncBeacon",
    "Band",
    "Beacon",
    "BeaconFailure",
    "CarriedVariant",
    "Case",
    "Entry",
    "Frequency",
    "Match",
    "MatchAnswer",
    "MatchSet",
    "MemberState",
    "NotABeacon",
    "Part",
    "Reason",
    "Refused",
    "TooLarge",
    "TooLate",
    "Unreachable",
    "Variant",
    "Withheld",
]
