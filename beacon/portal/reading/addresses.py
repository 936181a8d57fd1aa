"""The home of pasted web addresses: of other browsers of variants, and questions of Beacons."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote

from beacon.model.assemblies import canonical_assembly
from beacon.portal.reading.values import NotRead

_PAGE = re.compile(
    r"https?://[^ /?#]{1,200}(?:/[^ ?#]{0,500})?/(?:variant|region|gene|v)/(?P<what>[^ /?#]{1,500})"
    r"(?:\?(?P<query>[^ #]{0,2000}))?(?:#[^ ]{0,500})?",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r"[A-Za-z.]{2,30}=")


def page(text: str) -> tuple[str, str | None] | None:
    """What the address of a page names, and the assembly that it says, if it is such an address."""
    found = _PAGE.fullmatch(text)
    if found is None:
        return None
    assembly = None
    for _, value in parse_qsl(found["query"] or "")[:20]:
        if release := re.fullmatch(r"gnomad(?:_sv)?_r([2-9])(?:[_.].{0,20})?", value):
            assembly = "GRCh37" if release[1] == "2" else "GRCh38"
        elif value == "exac":
            assembly = "GRCh37"
        assembly = assembly or canonical_assembly(value)
    return unquote(found["what"]), assembly


def parameters(text: str) -> dict[str, str] | None:
    """The parameters of a question, by their names in lower case; `None` if there are none.

    Raises:
        NotRead: there are parameters, and none that says where.
    """
    query = (text.partition("?")[2] if "?" in text else text).partition("#")[0].lstrip("&")
    if not _PARAMETER.match(query):
        return None
    said = {
        name.lower().rpartition(".")[2]: value.strip()
        for name, value in parse_qsl(query, keep_blank_values=True)[:40]
    }
    if not said:
        return None
    known = {"chrom", "referencename", "geneid", "aminoacidchange", "genomicalleleshortform"}
    if not known & said.keys():
        raise NotRead("parameters")
    return said
