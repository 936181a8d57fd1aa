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


class ReleaseSettings(Section, frozen=True, kw_only=True):
    """What becomes of the releases that loads make."""

    keep: Annotated[
        int,
        Meta(
            description="How many releases before the published one are kept to go back to.",
            ge=0,
        ),
    ] = 2


class DatasetPolicy(Section, frozen=True, kw_only=True):
    """What callers may learn of one dataset."""

    public: Annotated[
        dict[str, Level],
        Meta(
            description="Entry type id, or `*` for every one without a rule of its own, to the "
            "most that anybody may learn: `none`, `boolean`, `count` or `record`."
        ),
    ] = field(default_factory=dict)


class PolicySettings(Section, frozen=True, kw_only=True):
    """Who may learn what. A dataset that is not named here does not exist for any caller."""

    datasets: Annotated[dict[str, DatasetPolicy], Meta(description="Dataset id to its rules.")] = (
        field(default_factory=dict)
    )


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
    assemblies: Annotated[
        dict[AssemblyName, AssemblySettings],
        Meta(description="`GRCh37` or `GRCh38` to the files about it."),
    ] = field(default_factory=dict)

    @property
    def api_url(self) -> str:
        """Where clients find the API, without a trailing slash."""
        server = self.server
        host = f"[{server.host}]" if ":" in server.host else server.host
        return (server.base_url or f"http://{host}:{server.port}/api").rstrip("/")
