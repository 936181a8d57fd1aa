"""The home of variants by the name of a gene, transcript or protein, and of ids no beacon knows."""

from __future__ import annotations

import re
from dataclasses import dataclass

from beacon.portal.reading.gene_names import GeneNames
from beacon.portal.reading.proteins import ProteinChange, protein_change
from beacon.portal.reading.values import Doubt, NotRead

_ACCESSION = (
    r"(?:[NX][MR]_[0-9]{6,9}|ENST[0-9]{11}|LRG_[0-9]{1,5}(?:t[0-9]{1,3})?|NG_[0-9]{6,9}"
    r"|CCDS[0-9]{1,6})(?:\.[0-9]{1,3})?"
)
_PROTEIN = r"(?:[NXYA]P_[0-9]{6,9}|ENSP[0-9]{11}|LRG_[0-9]{1,5}p[0-9]{1,3})(?:\.[0-9]{1,3})?"
_GENE = r"[A-Za-z][A-Za-z0-9\-_.@/]{0,24}"
_TRANSCRIBED = re.compile(
    rf"(?:NC_[0-9.]{{6,12}} ?\( ?)?(?P<name>{_ACCESSION}|{_GENE}) ?\)?"
    rf"(?: ?\( ?(?P<gene>{_GENE}|{_ACCESSION}) ?\))?"
    r"(?: ?[:,;] ?| )(?P<kind>[cnrg])\. ?(?P<rest>[^ ].*)",
    re.IGNORECASE,
)
_TRANSLATED = re.compile(
    rf"(?P<name>{_PROTEIN}) ?(?:\( ?(?P<gene>{_GENE}) ?\))? ?[: ] ?(?P<change>(?:p\.)?.+)",
    re.IGNORECASE,
)
_POSITION = r"[-*]?[0-9]{1,8}(?:[+-][0-9]{1,7})?"
_CODING = re.compile(
    rf"(?P<where>{_POSITION}(?:_{_POSITION})?)"
    r"(?:(?P<ref>[ACGTUN]{1,100})>(?P<alt>[ACGTUN]{1,100})"
    r"|del(?P<deleted>[ACGTUN]{0,2000}|[0-9]{1,6})(?:ins(?P<replacement>[ACGTUN]{1,2000}))?"
    r"|ins(?P<inserted>[ACGTUN]{1,2000})|dup(?P<doubled>[ACGTUN]{0,2000}|[0-9]{1,6})"
    r"|inv(?P<turned>[ACGTUN]{0,2000}|[0-9]{1,6})|(?P<same>=))"
)
_WORDS = re.compile(r"(del|ins|dup|inv)|((?:(?!del|ins|dup|inv)[A-Z])+)", re.IGNORECASE)
_ALONE = re.compile(r"(?P<kind>[cnrg])\. ?[-*0-9(?][^ ]*", re.IGNORECASE)
_TRAILING_PROTEIN = re.compile(r" ?[,;/]? ?\(?(?P<change>p\. ?\(?[A-Za-z*?=][^ )]{0,200})\)*$")
_TRAILING_MAX = 240
_GENE_AND_CHANGE = re.compile(rf"(?P<gene>{_GENE}) ?[: ,;(] ?(?P<change>[^ ].{{0,400}}?)\)?")
_CHANGE_AND_GENE = re.compile(rf"(?P<change>[^ ]{{2,60}}) (?:in )?(?P<gene>{_GENE})")
_IDENTIFIER = re.compile(
    r"(?P<dbSNP>(?:dbsnp ?:? ?)?rs ?[0-9]{1,12})"
    r"|(?P<ClinGen>(?:caid ?:? ?)?CA[0-9]{5,12})"
    r"|(?P<ClinVar>[RSV]CV ?[0-9]{6,12}(?:\.[0-9]{1,4})?|clinvar ?:? ?(?:id ?:? ?)?[0-9]{1,10})"
    r"|(?P<COSMIC>COS[VMN][0-9]{2,12})"
    r"|(?P<VRS>ga4gh:V[A-Z]{1,3}\.[A-Za-z0-9_\-]{1,64})"
    r"|(?P<OMIM>(?:O?MIM ?[:#]? ?)?[0-9]{6}\.[0-9]{4})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Transcribed:
    """An expression that beacons compare with the names that their variants have.

    Attributes:
        name: canonical: without the bases that `del` and `dup` may take along.
        protein: what was said of the protein beside it.
    """

    name: str
    gene: str | None = None
    protein: ProteinChange | None = None
    doubts: tuple[Doubt, ...] = ()


@dataclass(frozen=True, slots=True)
class Translated:
    """A change of a protein, of a gene if one is said."""

    change: ProteinChange
    gene: str | None = None
    doubts: tuple[Doubt, ...] = ()


def read_identifier(text: str) -> str | None:
    """The rsID that a text is, as `rs80357065`; `None` if it is no id of a registry.

    Raises:
        NotRead: it is the id of another registry, which no question of a Beacon can ask for.
    """
    if (found := _IDENTIFIER.fullmatch(text)) is None:
        return None
    if found["dbSNP"] is not None:
        return "rs" + found["dbSNP"].lower().rpartition("rs")[2].strip()
    raise NotRead("identifier", id=text, registry=found.lastgroup or "")


def read_name(text: str, genes: GeneNames) -> Transcribed | Translated | None:
    """A variant by transcript, protein or gene and what changes there; `None` for other texts.

    Raises:
        NotRead: it is one, but is not written as it has to be.
    """
    protein = None
    if found := _TRAILING_PROTEIN.search(text[-_TRAILING_MAX:]):
        before = text[: max(len(text) - _TRAILING_MAX, 0) + found.start()]
        if re.search(r"[cn]\. ?[-*0-9]", before):
            protein, text = protein_change(found["change"]), before.strip(" ,;(")
    if found := _TRANSCRIBED.fullmatch(text):
        return _transcribed(found, protein, genes)
    if found := _TRANSLATED.fullmatch(text):
        return _of_protein(found, genes, text)
    if _ALONE.fullmatch(text):
        raise NotRead("transcript_needed", text=text)
    return _translated(text, genes)


def gene_called(name: str, genes: GeneNames) -> tuple[str, tuple[Doubt, ...]] | None:
    """The approved symbol of a gene, and what is to be said of the name; `None` if not known."""
    found = genes.find(name)
    if found is None:
        return None
    symbol = found.symbols[0]
    doubts: list[Doubt] = []
    if len(found.symbols) > 1:
        doubts.append(
            Doubt("gene_ambiguous", {"typed": name, "symbols": ", ".join(found.symbols[:8])})
        )
    elif found.how == "previous":
        doubts.append(Doubt("gene_renamed", {"typed": name, "symbol": symbol}))
    elif found.how == "alias":
        doubts.append(Doubt("gene_alias", {"typed": name, "symbol": symbol}))
    return symbol, tuple(doubts)


def _transcribed(
    found: re.Match[str], protein: ProteinChange | None, genes: GeneNames
) -> Transcribed:
    name, beside, kind = found["name"], found["gene"], found["kind"].lower()
    if beside and re.fullmatch(_ACCESSION, beside, re.IGNORECASE):
        name, beside = beside, name  # BRCA1(NM_007294.4):c.…
    rest = _coding(found["rest"])
    if rest is None:
        raise NotRead("hgvs", text=found[0])
    doubts: list[Doubt] = []
    gene = gene_called(beside, genes) if beside else None
    symbol = gene[0] if gene else None
    if re.fullmatch(_ACCESSION, name, re.IGNORECASE):
        name = _accession(name)
        if kind == "g" and not name.startswith(("NG_", "LRG_")):
            raise NotRead("hgvs", text=found[0])
        if "." not in name and not name.startswith("LRG_"):
            doubts.append(Doubt("transcript_version_missing", {"transcript": name}))
    elif kind == "g":
        raise NotRead("chromosome_needed", text=found[0])
    else:
        of_gene = gene_called(name, genes)
        if of_gene is None and (genes or not _is_like_a_symbol(name)):
            raise NotRead("transcript_unknown", name=name)
        name, unsure = of_gene or (name.upper(), (Doubt("gene_unknown", {"gene": name}),))
        symbol = name
        doubts += (*unsure, Doubt("transcript_missing", {"gene": name}))
    return Transcribed(f"{name}:{kind}.{rest}", symbol, protein, tuple(doubts))


def _coding(text: str) -> str | None:
    """What follows `c.`, without the bases that follow from the transcript."""
    bare = "".join(text.split())
    if bare.startswith("(") and bare.endswith(")"):
        bare = bare[1:-1]
    bare = _WORDS.sub(lambda one: one[1].lower() if one[1] else one[2].upper(), bare)
    found = _CODING.fullmatch(bare)
    if found is None:
        return None
    if found["ref"] and found["ref"] == found["alt"]:
        raise NotRead("no_change")
    return re.sub(r"(del|dup|inv)(?:[ACGTUN]+|[0-9]+)", r"\1", bare)


def _accession(name: str) -> str:
    """An accession as it is written: upper case, except for what follows the number of an LRG."""
    upper = name.upper()
    if upper.startswith("LRG_"):
        return "LRG_" + upper[4:].replace("T", "t").replace("P", "p")
    return upper


def _of_protein(found: re.Match[str], genes: GeneNames, text: str) -> Transcribed:
    change = protein_change(found["change"])
    if change is None:
        raise NotRead("aminoacid", text=text)
    gene = gene_called(found["gene"], genes) if found["gene"] else None
    name = _accession(found["name"])
    missing = "." not in name and not name.startswith("LRG_")
    doubts = [Doubt("transcript_version_missing", {"transcript": name})] if missing else []
    if change.is_stop_by_x:
        doubts.append(Doubt("x_as_stop", {"change": change.three}))
    written = f"{name}:{change.three}"
    return Transcribed(written, gene[0] if gene else None, None, tuple(doubts))


def _translated(text: str, genes: GeneNames) -> Translated | None:
    """`BRCA1 p.Gln893Ter`, `V600E BRAF`, or a change alone."""
    if change := protein_change(text):
        stop = (Doubt("x_as_stop", {"change": change.three}),) if change.is_stop_by_x else ()
        return Translated(change, None, (Doubt("gene_missing"), *stop))
    for pattern in (_GENE_AND_CHANGE, _CHANGE_AND_GENE):
        found = pattern.fullmatch(text)
        change = protein_change(found["change"]) if found else None
        if found is None or change is None:
            continue
        gene = gene_called(found["gene"], genes)
        if gene is None and (genes or not _is_like_a_symbol(found["gene"])):
            raise NotRead("gene_unknown", text=found["gene"], near=near(found["gene"], genes))
        symbol, unsure = gene or (
            found["gene"].upper(),
            (Doubt("gene_unknown", {"gene": found["gene"]}),),
        )
        stop = (Doubt("x_as_stop", {"change": change.three}),) if change.is_stop_by_x else ()
        return Translated(change, symbol, (*unsure, *stop))
    if re.search(r"(?:^|[ :(])p\. ?[^ ]", text, re.IGNORECASE):
        raise NotRead("aminoacid", text=text)
    return None


def near(name: str, genes: GeneNames) -> str:
    """Symbols that begin as a name does, the longest common beginning first; may be empty."""
    for size in range(len(name), 2, -1):
        if found := genes.suggest(name[:size], 3):
            return ", ".join(one.symbol for one in found)
    return ""


def _is_like_a_symbol(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z][A-Za-z0-9\-]{1,15}", name) is not None
