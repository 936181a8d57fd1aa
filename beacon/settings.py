"""The settings: declared once here, with their defaults, limits and help.

From these declarations derive the validation, `schemas/settings.json`, `beacon settings` and the
reference page; `settings_file.py` reads them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field

from beacon.framework.query import Granularity

_SECRET = {"secret": True}

Port = Annotated[int, Meta(ge=0, le=65535)]
Seconds = Annotated[float, Meta(gt=0)]
Count = Annotated[int, Meta(ge=1)]


class Level(StrEnum):
    """A granularity as settings spell it."""

    NONE = "none"
    BOOLEAN = "boolean"
    COUNT = "count"
    RECORD = "record"

    @property
    def granularity(self) -> Granularity:
        """The value that the rest of the software works with."""
        return Granularity[self.name]


class Asked(StrEnum):
    """A granularity that a question may ask for: `none` is a rule, not a question."""

    BOOLEAN = "boolean"
    COUNT = "count"
    RECORD = "record"

    @property
    def granularity(self) -> Granularity:
        """The value that the rest of the software works with."""
        return Granularity[self.name]


class Environment(StrEnum):
    """What a beacon says it is for."""

    PROD = "prod"
    TEST = "test"
    DEV = "dev"
    STAGING = "staging"


class LogFormat(StrEnum):
    """How a log line is written."""

    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least important lines that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class AssemblyName(StrEnum):
    """A reference assembly as settings spell it."""

    GRCH37 = "GRCh37"
    GRCH38 = "GRCh38"


class Section(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the settings file."""


class MongoSettings(Section, frozen=True, kw_only=True):
    """Where the data are kept."""

    uri: Annotated[
        str,
        Meta(
            description="MongoDB connection string. Empty: the embedded mongod, under `data_dir`.",
            pattern=r"^(mongodb(\+srv)?://.*)?$",
            extra=_SECRET,
        ),
    ] = ""
    database: Annotated[
        str, Meta(description="Name of the database.", pattern=r"^[A-Za-z0-9_-]{1,63}$")
    ] = "beacon"
    cache_gb: Annotated[
        float,
        Meta(
            description="Cache of the embedded mongod in GB; 0 is a quarter of the memory, "
            "4 at most.",
            ge=0,
        ),
    ] = 0.0


class ServerSettings(Section, frozen=True, kw_only=True):
    """How the API is served."""

    host: Annotated[str, Meta(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="TCP port to listen on; 0 is any free one.")] = 5050
    workers: Annotated[Count, Meta(description="Processes that answer, on the same port.")] = 1
    base_url: Annotated[
        str,
        Meta(
            description="URL of the API as clients see it, such as "
            "`https://beacon.example.org/api`. Empty: derived from host and port.",
            pattern=r"^(https?://.*)?$",
        ),
    ] = ""
    body_max_bytes: Annotated[
        Count, Meta(description="Largest request body that is read, after decompression.")
    ] = 1024 * 1024
    request_timeout_s: Annotated[
        Seconds, Meta(description="Seconds a client may take to send its request body.")
    ] = 30.0
    shutdown_timeout_s: Annotated[
        Seconds, Meta(description="Seconds that open requests have left when the server stops.")
    ] = 10.0
    cors_origins: Annotated[
        tuple[str, ...],
        Meta(description="Origins whose web pages may call the API; `*` is every one."),
    ] = ("*",)


class LogSettings(Section, frozen=True, kw_only=True):
    """What is logged. Questions never are: a line says which endpoint, not what was asked."""

    format: Annotated[LogFormat, Meta(description="One JSON object a line, or columns.")] = (
        LogFormat.JSON
    )
    level: Annotated[LogLevel, Meta(description="The least important lines written.")] = (
        LogLevel.INFO
    )
    access: Annotated[bool, Meta(description="One line for every request.")] = True


class IdentitySettings(Section, frozen=True, kw_only=True):
    """What this beacon says about itself in `/info` and `/service-info`."""

    id: Annotated[
        str, Meta(description="Identifier: the reverse of a domain name.", min_length=1)
    ] = "org.example.beacon"
    name: Annotated[str, Meta(description="Name for people.", min_length=1)] = "Example Beacon"
    environment: Annotated[Environment, Meta(description="`prod`, `test`, `dev` or `staging`.")] = (
        Environment.DEV
    )
    description: Annotated[str, Meta(description="A sentence or two about the beacon.")] = ""
    version: Annotated[str, Meta(description="Version of this beacon's content or setup.")] = ""
    welcome_url: Annotated[str, Meta(description="Page about the beacon.")] = ""
    alternative_url: Annotated[
        str, Meta(description="Another way in, such as a restricted version of the beacon.")
    ] = ""
    created: Annotated[str, Meta(description="When the beacon began, ISO 8601.")] = ""
    organization_id: Annotated[
        str, Meta(description="Identifier of the organization.", min_length=1)
    ] = "org.example"
    organization_name: Annotated[
        str, Meta(description="Name of the organization.", min_length=1)
    ] = "Example Organization"
    organization_description: Annotated[str, Meta(description="About the organization.")] = ""
    organization_address: Annotated[str, Meta(description="Postal address.")] = ""
    organization_url: Annotated[str, Meta(description="Home page of the organization.")] = (
        "https://example.org/"
    )
    organization_contact_url: Annotated[
        str, Meta(description="Where to write to: a `mailto:` or a page.")
    ] = ""
    organization_logo_url: Annotated[str, Meta(description="Image of the logo.")] = ""


class LimitSettings(Section, frozen=True, kw_only=True):
    """How much one request may ask for."""

    page_default: Annotated[
        Count, Meta(description="Records of a result set when the client names no `limit`.")
    ] = 10
    page_max: Annotated[
        Count, Meta(description="Most records of a result set; a larger `limit` is lowered to it.")
    ] = 1000
    filters_max: Annotated[Count, Meta(description="Most filters in one query.")] = 100
    default_granularity: Annotated[
        Asked, Meta(description="Granularity of a query that names none.")
    ] = Asked.BOOLEAN
    deadline_s: Annotated[
        Seconds, Meta(description="Seconds to answer in; after them the answer is 504.")
    ] = 30.0
    case_level_data_max: Annotated[
        Count, Meta(description="Most carriers listed in the `caseLevelData` of one variant.")
    ] = 1000
    batch_max: Annotated[Count, Meta(description="Most questions in one request to `/batch`.")] = (
        1000
    )


class ReleaseSettings(Section, frozen=True, kw_only=True):
    """What becomes of the releases that loads make."""

    keep: Annotated[
        int,
        Meta(
            description="How many releases before the published one are kept to go back to.",
            ge=0,
        ),
    ] = 2


class Below(StrEnum):
    """What becomes of fewer people than may be told of, as settings spell it."""

    ZERO = "zero"
    THRESHOLD = "threshold"


class Rule(Section, frozen=True, kw_only=True):
    """The most that may be learnt of one entry type, and how numbers of people are told."""

    level: Annotated[Level, Meta(description="`none`, `boolean`, `count` or `record`.")]
    min_count: Annotated[
        Count | None, Meta(description="Instead of the `min_count` of the dataset.")
    ] = None
    round_to: Annotated[
        Count | None, Meta(description="Instead of the `round_to` of the dataset.")
    ] = None
    below: Annotated[Below | None, Meta(description="Instead of the `below` of the dataset.")] = (
        None
    )

    @property
    def granularity(self) -> Granularity:
        """The level, as the value that the rest of the software works with."""
        return self.level.granularity


class DatasetPolicy(Section, frozen=True, kw_only=True):
    """What callers may learn of one dataset."""

    public: Annotated[
        dict[str, Level | Rule],
        Meta(
            description="Entry type id, or `*` for every one without a rule of its own, to the "
            "most that anybody may learn: `none`, `boolean`, `count` or `record`, or a table with "
            "that as `level`, and `min_count`, `round_to` and `below`."
        ),
    ] = field(default_factory=dict)
    tiers: Annotated[
        dict[str, dict[str, Level | Rule]],
        Meta(description="Name of a tier to rules such as those of `public`, for its callers."),
    ] = field(default_factory=dict)
    visa_value: Annotated[
        str,
        Meta(description="What visas call the dataset: `${dataset.visa_value}` in a tier."),
    ] = ""
    dac: Annotated[
        tuple[str, ...],
        Meta(
            description="The `source` of visas for the dataset, a URL of its data access "
            "committee: `${dataset.dac}` in a tier."
        ),
    ] = ()
    min_count: Annotated[
        Count,
        Meta(
            description="Fewer people than this are told as nobody, and so are those left when "
            "all but fewer than this are told. 1: every number is told."
        ),
    ] = 1
    round_to: Annotated[
        Count, Meta(description="Numbers of people are told as multiples of it.")
    ] = 1
    below: Annotated[
        Below,
        Meta(
            description="`zero`: fewer than `min_count` are told as nobody; `threshold`: as "
            "`min_count`, which hides how many they are but not that there are some."
        ),
    ] = Below.ZERO
    membership_sensitive: Annotated[
        bool,
        Meta(
            description="Whether it must stay hidden who is in the dataset, as where all have one "
            "disease. Then nothing but `dataset` and `cohort` can be public."
        ),
    ] = False


class VisaSettings(Section, frozen=True, kw_only=True):
    """A visa that callers must have, or a tier that they must be in."""

    tier: Annotated[str, Meta(description="Name of another tier; then nothing else is said.")] = ""
    type: Annotated[str, Meta(description="Type of the visa, such as `ResearcherStatus`.")] = ""
    value: Annotated[
        tuple[str, ...],
        Meta(description="Its `value` is one of these, character by character. Empty: any."),
    ] = ()
    value_pattern: Annotated[
        str,
        Meta(description="Its `value` is of this form: `*` is any text, `?` one character."),
    ] = ""
    source: Annotated[
        tuple[str, ...],
        Meta(description="Its `source` is one of these. Empty: any that is trusted for the type."),
    ] = ()
    by: Annotated[
        tuple[str, ...],
        Meta(description="Its `by` is one of `self`, `peer`, `system`, `so`, `dac`. Empty: any."),
    ] = ()


class PurposeSettings(Section, frozen=True, kw_only=True):
    """For what callers ask, as they say in `X-Beacon-Purpose`."""

    required: Annotated[bool, Meta(description="Whether they must say.")] = False
    allow: Annotated[
        tuple[str, ...],
        Meta(description="Purposes there are, such as `DUO:0000043`. Empty: any."),
    ] = ()


class TierSettings(Section, frozen=True, kw_only=True):
    """What makes callers belong to a tier: all of it."""

    all_of: Annotated[
        tuple[VisaSettings, ...],
        Meta(
            description="Each a visa that callers have, `type` and any of `value`, "
            "`value_pattern`, `source` and `by`, or a `tier` they are in."
        ),
    ] = ()
    same_value: Annotated[
        bool, Meta(description="Whether the visas must all have the same `value`.")
    ] = False
    purpose: PurposeSettings = PurposeSettings()


class PolicySettings(Section, frozen=True, kw_only=True):
    """Who may learn what. A dataset that is not named here does not exist for any caller."""

    tiers: Annotated[
        dict[str, TierSettings],
        Meta(
            description="Name of a tier to what makes callers belong to it, beside `registered`, "
            "`healthcare` and `controlled`, or in their place."
        ),
    ] = field(default_factory=dict)
    datasets: Annotated[dict[str, DatasetPolicy], Meta(description="Dataset id to its rules.")] = (
        field(default_factory=dict)
    )


class SigningAlgorithm(StrEnum):
    """How tokens are signed, as settings spell it."""

    RS256 = "RS256"
    ES256 = "ES256"


class VisaRoute(StrEnum):
    """How the visas of a caller get here, as settings spell it."""

    PASSPORT = "passport"
    USERINFO = "userinfo"


class Authority(StrEnum):
    """Who within a source says what a visa says, as settings and visas spell it."""

    SELF = "self"
    PEER = "peer"
    SYSTEM = "system"
    SO = "so"
    DAC = "dac"


class SignerSettings(Section, frozen=True, kw_only=True):
    """Somebody whose signature is believed."""

    issuer: Annotated[
        str,
        Meta(
            description="The `iss` of what it signs, character by character.",
            pattern=r"^https?://[^\s?#]+$",
        ),
    ]
    jwks_url: Annotated[
        str,
        Meta(
            description="Where its keys are, and the only `jku` that its visas may name.",
            pattern=r"^https?://[^\s#]+$",
        ),
    ]
    algorithms: Annotated[
        tuple[SigningAlgorithm, ...],
        Meta(description="The algorithms that it signs with.", min_length=1),
    ] = (SigningAlgorithm.RS256,)
    allow_private: Annotated[
        bool,
        Meta(description="Whether it may be at a private, loopback or link-local address."),
    ] = False
    revoked_subjects: Annotated[
        tuple[str, ...],
        Meta(description="The `sub` of people whose credentials and visas are void at once."),
    ] = ()


class BrokerSettings(SignerSettings, frozen=True, kw_only=True):
    """An identity provider that people log in at."""

    audiences: Annotated[
        tuple[str, ...],
        Meta(description="The `aud` that this beacon goes by in tokens made for it."),
    ] = ()
    audience_required: Annotated[
        bool,
        Meta(
            description="Whether every token must name one of `audiences`. If not, a token without "
            "`aud` is taken too, whatever it was made for; one for others only is not."
        ),
    ] = True
    visas_from: Annotated[
        tuple[VisaRoute, ...],
        Meta(
            description="`passport`: callers may show a Passport, a token that holds their visas. "
            "`userinfo`: the broker is asked for the visas of whoever shows an access token."
        ),
    ] = (VisaRoute.PASSPORT, VisaRoute.USERINFO)
    userinfo_url: Annotated[
        str,
        Meta(
            description="Where the broker says who a token belongs to, and their visas.",
            pattern=r"^(https?://[^\s#]+)?$",
        ),
    ] = ""


class AssertionSettings(Section, frozen=True, kw_only=True):
    """What is believed of one type of visas by one issuer."""

    sources: Annotated[
        tuple[str, ...], Meta(description="The `source` that it may speak for.", min_length=1)
    ]
    by: Annotated[
        tuple[Authority, ...],
        Meta(
            description="Who must have said so: `dac`, `so`, `system`, `peer` or `self`. "
            "Empty: anybody at the source."
        ),
    ] = ()
    max_age_days: Annotated[
        float, Meta(description="Days after `asserted` that it is relied upon at most.", gt=0)
    ] = 365.0


class VisaIssuerSettings(SignerSettings, frozen=True, kw_only=True):
    """Somebody who signs visas: statements about people."""

    brokers: Annotated[
        tuple[str, ...],
        Meta(description="Names of the brokers that may hand its visas on.", min_length=1),
    ]
    subjects_of: Annotated[
        str,
        Meta(
            description="Name of the broker whose `sub` its visas name people by. Empty: its own, "
            "which a `LinkedIdentities` visa has to connect to who logged in."
        ),
    ] = ""
    may_assert: Annotated[
        dict[str, AssertionSettings],
        Meta(
            description="Type of visas, such as `ControlledAccessGrants`, to what is believed of "
            "them. `LinkedIdentities` makes it a trusted linker of identities."
        ),
    ] = field(default_factory=dict)


class AuthSettings(Section, frozen=True, kw_only=True):
    """Whose word is taken for who a caller is. Without brokers everybody is the public."""

    brokers: Annotated[
        dict[str, BrokerSettings],
        Meta(description="Name of a broker, as other settings and logs say, to what is known."),
    ] = field(default_factory=dict)
    visa_issuers: Annotated[
        dict[str, VisaIssuerSettings],
        Meta(description="Name of an issuer of visas to what is believed of it."),
    ] = field(default_factory=dict)
    revoked_ids: Annotated[
        tuple[str, ...],
        Meta(description="The `jti` of tokens, passports and visas that are void at once."),
    ] = ()
    allow_loopback_http: Annotated[
        bool,
        Meta(
            description="For development: whether brokers and issuers may be on this very "
            "machine, without TLS."
        ),
    ] = False


class AssemblySettings(Section, frozen=True, kw_only=True):
    """Files about a reference assembly. Relative paths start at the folder of the settings file."""

    fasta: Annotated[
        str,
        Meta(
            description="Reference sequence: FASTA, plain or bgzip, with its index beside it "
            "(`samtools faidx`). Empty: insertions and deletions are not left-shifted."
        ),
    ] = ""
    chain_to: Annotated[
        dict[AssemblyName, str],
        Meta(
            description="Other assembly to the chain file that leads there: questions on this "
            "assembly are lifted to datasets on the other."
        ),
    ] = field(default_factory=dict)


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


class Settings(Section, frozen=True, kw_only=True):
    """Everything that can be set."""

    data_dir: Annotated[
        str,
        Meta(
            description="Folder of the embedded database. A relative one starts at the folder "
            "of the settings file.",
            min_length=1,
        ),
    ] = ".beacon"
    mongo: MongoSettings = MongoSettings()
    server: ServerSettings = ServerSettings()
    log: LogSettings = LogSettings()
    identity: IdentitySettings = IdentitySettings()
    limits: LimitSettings = LimitSettings()
    releases: ReleaseSettings = ReleaseSettings()
    policy: PolicySettings = PolicySettings()
    auth: AuthSettings = AuthSettings()
    assemblies: Annotated[
        dict[AssemblyName, AssemblySettings],
        Meta(description="`GRCh37` or `GRCh38` to the files about it."),
    ] = field(default_factory=dict)

    network: NetworkSettings = NetworkSettings()

    @property
    def api_url(self) -> str:
        """Where clients find the API, without a trailing slash."""
        server = self.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        return (server.base_url or f"http://{host}:{server.port}/api").rstrip("/")
