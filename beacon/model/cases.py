"""The home of how a case comes: a body of `/match`, or a phenopacket, of which little is kept.

Of a phenopacket only what can be compared is read: features, genes and variants. Whoever the
patient is, when and where, is passed over unread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from beacon.framework.errors import InvalidRequest
from beacon.framework.matching import MatchRequest
from beacon.framework.parameters import check_characters, show, variation_parameters
from beacon.framework.query import Case, CaseVariant, Granularity, VariationQuery
from beacon.model.assemblies import chromosome
from beacon.model.fields import canonical_curie
from beacon.model.variation_query import check_variation

FEATURES_MAX = 500
PRESENT_MAX = 100
"""Of features that a patient has: each is compared with everybody's."""

MATCHES_MAX = 100
"""People that one answer tells of at most: what they have in common is worked out one by one."""

GENES_MAX = 20
VARIANTS_MAX = 20
"""Of one case: more of a genome would tell who the patient is."""

TEXT_MAX = 200

_ZYGOSITIES = {
    "heterozygous": "heterozygous",
    "homozygous": "homozygous",
    "hemizygous": "hemizygous",
    "GENO:0000135": "heterozygous",
    "GENO:0000136": "homozygous",
    "GENO:0000134": "hemizygous",
}
_BASES = re.compile(r"[ACGTN]+", re.IGNORECASE)
_GRANULARITIES = {one.wire: one for one in Granularity if one is not Granularity.NONE}


class _Feature(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    excluded: bool = False
    label: str | None = None


class _Variant(msgspec.Struct, forbid_unknown_fields=True):
    assemblyId: str | None = None  # noqa: N815
    referenceName: str | None = None  # noqa: N815
    start: tuple[int, ...] | int | None = None
    referenceBases: str | None = None  # noqa: N815
    alternateBases: str | None = None  # noqa: N815
    genomicAlleleShortForm: str | None = None  # noqa: N815
    zygosity: str | None = None
    geneId: str | None = None  # noqa: N815
    aminoacidChange: str | None = None  # noqa: N815
    molecularEffect: str | None = None  # noqa: N815


class _Case(msgspec.Struct, forbid_unknown_fields=True):
    features: list[_Feature | str] = []
    genes: list[str] = []
    variants: list[_Variant] = []


class _Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    limit: int = 10


class _Query(msgspec.Struct, forbid_unknown_fields=True):
    case: _Case | None = None
    phenopacket: dict[str, Any] | None = None
    datasets: list[str] = []
    requestedGranularity: str = "count"  # noqa: N815
    pagination: _Page = _Page()


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    query: _Query
    meta: dict[str, Any] = {}


def decode_match(body: bytes, page_max: int) -> MatchRequest:
    """Read the body of a request to `/match`.

    Args:
        body: As it came.
        page_max: People that are told of at most.

    Raises:
        InvalidRequest: It is malformed, says nothing that can be compared, or too much.
    """
    try:
        query = msgspec.json.decode(body, type=_Body).query
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"the body holds no case: {error}") from error
    if (query.case is None) == (query.phenopacket is None):
        raise InvalidRequest("query has either a case or a phenopacket")
    granularity = _GRANULARITIES.get(query.requestedGranularity)
    if granularity is None:
        known = ", ".join(_GRANULARITIES)
        raise InvalidRequest(
            f"requestedGranularity is {show(query.requestedGranularity)}; it must be one of {known}"
        )
    if not query.pagination.limit >= 1:
        raise InvalidRequest(f"limit is {query.pagination.limit}; it must be at least 1")
    if query.case is not None:
        case = _of_case(query.case)
    else:
        case = case_of_phenopacket(query.phenopacket or {})
    return MatchRequest(
        case=case,
        granularity=granularity,
        limit=min(query.pagination.limit, page_max, MATCHES_MAX),
        dataset_ids=tuple(query.datasets),
    )


def encode_match(asked: MatchRequest) -> dict[str, Any]:
    """The body of a request, as other beacons take it."""
    case = asked.case
    query: dict[str, Any] = {
        "case": {
            "features": [
                *({"id": one} for one in case.features),
                *({"id": one, "excluded": True} for one in case.excluded),
            ],
            "genes": list(case.genes),
            "variants": [_encoded(one) for one in case.variants],
        },
        "requestedGranularity": asked.granularity.wire,
        "pagination": {"limit": asked.limit},
    }
    if asked.dataset_ids:
        query["datasets"] = list(asked.dataset_ids)
    return {"query": query}


def case_of(document: Mapping[str, Any]) -> Case:
    """The case of `query.case` of a body; raises as `decode_match`."""
    try:
        return _of_case(msgspec.convert(document, _Case))
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"this is no case: {error}") from error


def case_of_phenopacket(document: Mapping[str, Any]) -> Case:
    """What can be compared of a phenopacket, version 2.

    Raises:
        InvalidRequest: There is nothing, or too much.
    """
    said: dict[str, bool] = {}
    for one in _objects(document.get("phenotypicFeatures")):
        term = one.get("type")
        if isinstance(term, Mapping) and isinstance(term.get("id"), str):
            # What somebody had at any time is a feature, though it was excluded at another.
            is_excluded = one.get("excluded") is True
            said[term["id"]] = is_excluded and said.get(term["id"], True)
    features: list[_Feature | str] = [_Feature(*one) for one in said.items()]
    genes: list[str] = []
    variants: list[_Variant] = []
    for interpretation in _objects(document.get("interpretations")):
        diagnosis = interpretation.get("diagnosis")
        listed = diagnosis.get("genomicInterpretations") if isinstance(diagnosis, Mapping) else ()
        for genomic in _objects(listed):
            if genomic.get("interpretationStatus") == "REJECTED":
                continue
            gene = genomic.get("gene") or genomic.get("geneDescriptor")
            if isinstance(gene, Mapping) and isinstance(gene.get("symbol"), str):
                genes.append(gene["symbol"])
            found = genomic.get("variantInterpretation")
            descriptor = found.get("variationDescriptor") if isinstance(found, Mapping) else None
            if isinstance(descriptor, Mapping):
                _take(descriptor, genes, variants)
    return _of_case(_Case(features=features, genes=genes, variants=variants))


def _take(descriptor: Mapping[str, Any], genes: list[str], variants: list[_Variant]) -> None:
    """Add the variant of a descriptor, or its gene where nobody can tell which variant it is."""
    context = descriptor.get("geneContext")
    symbol = context.get("symbol") if isinstance(context, Mapping) else None
    gene = symbol if isinstance(symbol, str) and symbol else None
    state = descriptor.get("allelicState")
    zygosity = _ZYGOSITIES.get(str(state.get("id"))) if isinstance(state, Mapping) else None
    names = {
        str(one.get("syntax")): str(one.get("value"))
        for one in _objects(descriptor.get("expressions"))
    }
    change = names.get("hgvs.p", "").rpartition(":")[2] or None
    record = descriptor.get("vcfRecord")
    known = _Variant(geneId=gene, aminoacidChange=change, zygosity=zygosity)
    if isinstance(record, Mapping) and _is_sequence(record):
        # A POS of VCF is 1-based.
        start = (int(record["pos"]) - 1,)
        placed = msgspec.structs.replace(
            known,
            assemblyId=_ASSEMBLIES.get(str(record.get("genomeAssembly")), "GRCh38"),
            referenceName=str(record["chrom"]),
            start=start,
            referenceBases=str(record["ref"]),
            alternateBases=str(record["alt"]),
        )
        variants.append(placed)
    elif "hgvs.g" in names:
        variants.append(msgspec.structs.replace(known, genomicAlleleShortForm=names["hgvs.g"]))
    elif gene is not None:
        genes.append(gene)


_ASSEMBLIES = {"hg19": "GRCh37", "GRCh37": "GRCh37", "b37": "GRCh37"}


def _is_sequence(record: Mapping[str, Any]) -> bool:
    bases = (record.get("ref"), record.get("alt"))
    is_text = all(isinstance(one, str) and _BASES.fullmatch(one) for one in bases)
    pos = record.get("pos")
    is_placed = isinstance(pos, int | str) and str(pos).isdecimal() and int(pos) > 0
    return is_text and is_placed and chromosome(str(record.get("chrom"))) is not None


def _of_case(raw: _Case) -> Case:
    for name, most in (
        ("features", FEATURES_MAX),
        ("genes", GENES_MAX),
        ("variants", VARIANTS_MAX),
    ):
        if len(getattr(raw, name)) > most:
            raise InvalidRequest(f"a case has {len(getattr(raw, name))} {name}; at most {most}")
    given = [_Feature(one) if isinstance(one, str) else one for one in raw.features]
    excluded = {_term(one.id) for one in given if one.excluded}
    features = {_term(one.id) for one in given if not one.excluded}
    if len(features) > PRESENT_MAX:
        raise InvalidRequest(f"a patient has {len(features)} features; at most {PRESENT_MAX}")
    if both := sorted(features & excluded):
        raise InvalidRequest(f"{show(both[0])} is a feature of the case and excluded, too")
    variants = _distinct(_variant(one) for one in raw.variants)
    genes = {_text("genes", one) for one in raw.genes}
    genes.update(one.gene for one in variants if one.gene is not None)
    if not features and not genes and not variants:
        raise InvalidRequest("the case has no feature, no gene and no variant to compare")
    return Case(
        features=tuple(sorted(features)),
        excluded=tuple(sorted(excluded)),
        genes=tuple(sorted(genes)),
        variants=tuple(sorted(variants, key=lambda one: one.name)),
    )


def _distinct(variants: Iterable[CaseVariant]) -> Sequence[CaseVariant]:
    return list({one.name: one for one in variants}.values())


def _variant(raw: _Variant) -> CaseVariant:
    starts = (raw.start,) if isinstance(raw.start, int) else raw.start or ()
    short_form = raw.genomicAlleleShortForm
    if short_form is None and (
        len(starts) != 1
        or not raw.referenceName
        or raw.referenceBases is None
        or raw.alternateBases is None
    ):
        raise InvalidRequest(
            "a variant of a case has referenceName, one start, referenceBases and alternateBases, "
            "or a genomicAlleleShortForm"
        )
    for name in ("assemblyId", "referenceName", "referenceBases", "alternateBases"):
        _check_text(name, getattr(raw, name))
    variation = VariationQuery(
        assembly_id=raw.assemblyId,
        reference_name=raw.referenceName,
        start=starts,
        reference_bases=None if raw.referenceBases is None else raw.referenceBases.upper(),
        alternate_bases=None if raw.alternateBases is None else raw.alternateBases.upper(),
        genomic_allele_short_form=short_form,
    )
    check_variation(variation)
    if raw.zygosity is not None and raw.zygosity not in _ZYGOSITIES:
        known = ", ".join(_ZYGOSITIES)
        raise InvalidRequest(f"zygosity is {show(raw.zygosity)}; it must be one of {known}")
    return CaseVariant(
        variation=variation,
        name=_name(variation),
        zygosity=None if raw.zygosity is None else _ZYGOSITIES[raw.zygosity],
        gene=_text("geneId", raw.geneId) if raw.geneId else None,
        aminoacid_change=_text("aminoacidChange", raw.aminoacidChange)
        if raw.aminoacidChange
        else None,
        effect=_text("molecularEffect", raw.molecularEffect) if raw.molecularEffect else None,
    )


def _name(variation: VariationQuery) -> str:
    """As people write it: chromosome, 1-based position and bases."""
    if variation.genomic_allele_short_form is not None:
        return _text("genomicAlleleShortForm", variation.genomic_allele_short_form)
    place = f"{variation.reference_name}-{variation.start[0] + 1}"
    return f"{place}-{variation.reference_bases or '-'}-{variation.alternate_bases or '-'}"


def _encoded(one: CaseVariant) -> dict[str, Any]:
    said = {
        "zygosity": one.zygosity,
        "geneId": one.gene,
        "aminoacidChange": one.aminoacid_change,
        "molecularEffect": one.effect,
    }
    known = {name: value for name, value in said.items() if value is not None}
    return {**variation_parameters(one.variation), **known}


def _term(term_id: str) -> str:
    return canonical_curie(_text("features", term_id))


def _check_text(name: str, value: str | None) -> None:
    if value is not None:
        _text(name, value, allows_nothing=True)


def _text(name: str, value: str, *, allows_nothing: bool = False) -> str:
    check_characters(name, value)
    stripped = value.strip()
    # Bases may be as long as a variant is.
    most = TEXT_MAX if not name.endswith("Bases") else 10_000
    if not stripped and not allows_nothing:
        raise InvalidRequest(f"{name} holds a text without characters")
    if len(stripped) > most:
        raise InvalidRequest(f"{name} holds a text of {len(stripped)} characters; at most {most}")
    return stripped


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    return (
        (one for one in value if isinstance(one, Mapping)) if isinstance(value, list) else iter(())
    )
