"""The home of country codes: of the countries that share genomes in Europe, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMES = {
    "AT": ("Austria",),
    "BE": ("Belgium",),
    "BG": ("Bulgaria",),
    "CH": ("Switzerland",),
    "CY": ("Cyprus",),
    "CZ": ("Czechia", "Czech Republic"),
    "DE": ("Germany",),
    "DK": ("Denmark",),
    "EE": ("Estonia",),
    "ES": ("Spain",),
    "FI": ("Finland",),
    "FR": ("France",),
    "GB": ("United Kingdom", "Great Britain", "England", "Scotland", "Wales", "Northern Ireland"),
    "GR": ("Greece",),
    "HR": ("Croatia",),
    "HU": ("Hungary",),
    "IE": ("Ireland",),
    "IS": ("Iceland",),
    "IT": ("Italy",),
    "LI": ("Liechtenstein",),
    "LT": ("Lithuania",),
    "LU": ("Luxembourg",),
    "LV": ("Latvia",),
    "MT": ("Malta",),
    "NL": ("Netherlands", "The Netherlands"),
    "NO": ("Norway",),
    "PL": ("Poland",),
    "PT": ("Portugal",),
    "RO": ("Romania",),
    "RS": ("Serbia",),
    "SE": ("Sweden",),
    "SI": ("Slovenia",),
    "SK": ("Slovakia",),
    "TR": ("Turkey", "Türkiye"),
    "UA": ("Ukraine",),
}
_CODES = {name.casefold(): code for code, names in _NAMES.items() for name in names}


def country(origin: Mapping[str, Any]) -> str | None:
    """What a `geographicOrigin` is called as a population.

    ISO 3166 alpha-2 for the countries above (`Finland` is `FI`), as portals read it; of any other
    origin its label, else its id.
    """
    label, identifier = origin.get("label"), origin.get("id")
    if isinstance(label, str) and label.strip():
        known = label.strip()
        return _CODES.get(known.casefold(), known)
    return identifier if isinstance(identifier, str) and identifier else None
