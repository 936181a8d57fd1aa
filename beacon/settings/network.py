"""The home of the settings of a network: its members, and how each is asked."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from beacon.settings.auth import SigningAlgorithm
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


class Via(StrEnum):
    """How a member learns who asks, as settings spell it."""

    NONE = "none"
    EXCHANGE = "exchange"
    CREDENTIAL = "credential"


class MemberAccessSettings(Section, frozen=True, kw_only=True):
    """As whom a member is asked."""

    via: Annotated[
        Via,
        Meta(
            description="`none`: as the public; nothing that callers show goes there. `exchange`: "
            "as the caller, with a token for this member alone that the caller's broker gives in "
            "exchange for the caller's. `credential`: as this network, whoever asks."
        ),
    ] = Via.NONE
    audience: Annotated[
        str,
        Meta(
            description="The `aud` that the member goes by in tokens made for it. No two members "
            "share one."
        ),
    ] = ""
    resource: Annotated[
        str,
        Meta(
            description="Where tokens are to be used, as the broker knows it. Empty: the `url` of "
            "the member.",
            pattern=r"^(https?://[^\s#]+)?$",
        ),
    ] = ""
    scope: Annotated[
        str, Meta(description="What tokens are asked for with, by spaces.", min_length=1)
    ] = "openid ga4gh_passport_v1"
    token_file: Annotated[
        str,
        Meta(
            description="With `credential`: file of the bearer token that this network shows. It "
            "is read again every few seconds.",
            extra={"path": True},
        ),
    ] = ""
    token_endpoint: Annotated[
        str,
        Meta(
            description="With `credential`: name of `network.token_endpoints` where this network "
            "gets its token, by the grant `client_credentials`."
        ),
    ] = ""
    public: Annotated[
        bool,
        Meta(
            description="With `credential`: whether callers who show nothing are answered with "
            "what the member tells this network, too. If not, they are answered as the public."
        ),
    ] = False


class ClientAuth(StrEnum):
    """How a network says who it is to whom it wants tokens from, as settings spell it."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105 - the name of a method


class TokenEndpointSettings(Section, frozen=True, kw_only=True):
    """Where tokens for members are had."""

    url: Annotated[
        str, Meta(description="The token endpoint of the broker.", pattern=r"^https?://[^\s#]+$")
    ]
    client_id: Annotated[str, Meta(description="What this network is called there.", min_length=1)]
    client_auth: Annotated[
        ClientAuth,
        Meta(
            description="`private_key_jwt`: with a statement that is signed with the key in "
            "`secret_file`, PEM. `client_secret_basic`: with the password in `secret_file`."
        ),
    ] = ClientAuth.PRIVATE_KEY_JWT
    secret_file: Annotated[
        str,
        Meta(
            description="File of the key or the password. It is read whenever it is needed.",
            min_length=1,
            extra={"path": True},
        ),
    ]
    algorithm: Annotated[SigningAlgorithm, Meta(description="What statements are signed with.")] = (
        SigningAlgorithm.RS256
    )
    key_id: Annotated[str, Meta(description="The `kid` of the key, if the broker wants it.")] = ""
    assertion_audience: Annotated[
        str, Meta(description="The `aud` of statements. Empty: `url`.")
    ] = ""
    allow_private: Annotated[
        bool,
        Meta(description="Whether it may be at a private, loopback or link-local address."),
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
    access: MemberAccessSettings = MemberAccessSettings()


class NetworkSettings(Section, frozen=True, kw_only=True):
    """The beacons that `beacon network serve` asks."""

    members: Annotated[
        dict[str, MemberSettings],
        Meta(description="Id of a member, as answers name it, to what is known of it."),
    ] = field(default_factory=dict)
    token_endpoints: Annotated[
        dict[str, TokenEndpointSettings],
        Meta(
            description="Name to where tokens for members are had. A caller's token is exchanged "
            "at the one that has the name of the caller's broker, and is sent nowhere else."
        ),
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
