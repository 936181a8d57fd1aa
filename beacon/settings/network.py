"""The home of the settings of a network: its members, and how each is asked."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from beacon.settings.values import Count, Seconds, Section


class Reporting(StrEnum):
    """How a beacon reports counts, as settings spell it."""

    EXACT = "exact"
    RAISED = "raised"
    ZEROED = "zeroed"
    OMITTED = "omitted"
    ROUNDED = "rounded"
    ROUNDED_UP = "rounded_up"
    BOOLEAN = "boolean"
    NOISY = "noisy"


class CountSettings(Section, frozen=True, kw_only=True):
    """How a member reports counts: what its numbers can be taken for."""

    reporting: Annotated[
        Reporting,
        Meta(
            description="`exact`; `raised`, `zeroed` or `omitted`: counts below `threshold` are "
            "given as it, as 0, or their datasets are left out; `rounded` to the nearest or "
            "`rounded_up` to the next multiple of `step`; `boolean`: only yes or no, and no for "
            "counts below `threshold`; `noisy`: Laplace noise of `scale` is added."
        ),
    ] = Reporting.EXACT
    threshold: Annotated[
        Count, Meta(description="Smallest count that is reported as it is; 1 is every one.")
    ] = 1
    step: Annotated[Count, Meta(description="Counts are multiples of it.")] = 1
    scale: Annotated[
        float, Meta(description="Scale of the noise: its mean absolute deviation.", ge=0)
    ] = 0.0


class Verb(StrEnum):
    """How a member is asked, as settings spell it."""

    POST = "post"
    GET = "get"


class Shape(StrEnum):
    """The shape of variation parameters, as settings spell it."""

    DECLARED = "declared"
    NESTED = "nested"
    FLAT = "flat"


class Naming(StrEnum):
    """How sequences are called, as settings spell it."""

    DECLARED = "declared"
    BARE = "bare"
    CHR = "chr"
    REFSEQ = "refseq"


class DialectSettings(Section, frozen=True, kw_only=True):
    """How a member wants to be asked, where what it declares of itself is not enough."""

    verb: Annotated[Verb, Meta(description="`post`, or `get` if it answers nothing else.")] = (
        Verb.POST
    )
    parameters: Annotated[
        Shape,
        Meta(
            description="Variation parameters `nested` in `requestParameters.g_variant`, `flat` "
            "in `requestParameters`, or by its version, `declared`."
        ),
    ] = Shape.DECLARED
    sequences: Annotated[
        Naming,
        Meta(
            description="`bare` for `17`, `chr` for `chr17`, `refseq` for `refseq:NC_000017.11`, "
            "or by its version, `declared`."
        ),
    ] = Naming.DECLARED
    scalar_positions: Annotated[
        bool, Meta(description="Whether a single position is a number instead of a list.")
    ] = False
    listed_datasets: Annotated[
        bool, Meta(description="Whether dataset ids are a list in `requestParameters.datasets`.")
    ] = False
    filters_as_text: Annotated[
        bool, Meta(description="Whether filters are strings instead of objects.")
    ] = False
    plural_scopes: Annotated[
        bool, Meta(description="Whether a filter's scope is `individuals`, not `individual`.")
    ] = False
    openapi_names: Annotated[
        bool, Meta(description="Whether a GET says `geneid` and `allele`.")
    ] = False


class MemberSettings(Section, frozen=True, kw_only=True):
    """One beacon of a network."""

    name: Annotated[str, Meta(description="Name for people.", min_length=1)]
    country: Annotated[
        str, Meta(description="Where it is: ISO 3166 code of two letters.", pattern="^[A-Z]{2}$")
    ]
    url: Annotated[str, Meta(description="Base URL of its API.", pattern=r"^https?://[^\s?#]+$")]
    replicas: Annotated[
        tuple[str, ...],
        Meta(description="Base URLs of independent copies, asked when the first is slow."),
    ] = ()
    allowed_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Hosts that it may redirect to, besides those of its URLs."),
    ] = ()
    allow_private: Annotated[
        bool,
        Meta(description="Whether it may be at a private, loopback or link-local address."),
    ] = False
    timeout_s: Annotated[
        Seconds,
        Meta(
            description="Seconds that it is given at most. An answer that comes after the "
            "network's is kept with that."
        ),
    ] = 30.0
    concurrent: Annotated[
        Count, Meta(description="Requests to it at a time; sixteen times as many wait.")
    ] = 16
    people: Annotated[
        int,
        Meta(description="How many people it has: bounds what is not told. 0: unknown.", ge=0),
    ] = 0
    disjoint: Annotated[
        bool,
        Meta(description="Whether nobody in it is in another member that says so of itself."),
    ] = False
    counts: CountSettings = CountSettings()
    dialect: DialectSettings = DialectSettings()


class NetworkSettings(Section, frozen=True, kw_only=True):
    """The beacons that `beacon network serve` asks."""

    members: Annotated[
        dict[str, MemberSettings],
        Meta(description="Id of a member, as answers name it, to what is known of it."),
    ] = field(default_factory=dict)
    deadline_s: Annotated[
        Seconds, Meta(description="Seconds after which the network answers, whoever is missing.")
    ] = 10.0
    stream_deadline_s: Annotated[
        Seconds, Meta(description="Seconds after which a stream ends, whoever is missing.")
    ] = 30.0
    kept_s: Annotated[
        Seconds, Meta(description="Seconds that a streamed answer can be asked for again.")
    ] = 300.0
    stale_s: Annotated[
        float,
        Meta(
            description="Seconds that a member's last answer stands in, marked as stale, when it "
            "cannot be reached. 0: never.",
            ge=0,
        ),
    ] = 0.0
    refresh_s: Annotated[
        Seconds, Meta(description="Seconds between looks at what members can be asked.")
    ] = 900.0
    hops_max: Annotated[
        Count, Meta(description="Networks that a question may pass through, this one included.")
    ] = 3
