"""The home of the settings of the process itself: its database, server, log, limits and files."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, field

from beacon.settings.values import Asked, AssemblyName, Count, Port, Seconds, Section

_SECRET = {"secret": True}
_PATH = {"path": True}


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
    uri_file: Annotated[
        str,
        Meta(
            description="File that holds the connection string, in place of `uri`: nothing secret "
            "is in the settings or the environment then. Read again at SIGHUP.",
            extra=_PATH,
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


class TlsVersion(StrEnum):
    """A version of TLS."""

    V1_2 = "1.2"
    V1_3 = "1.3"


class TlsSettings(Section, frozen=True, kw_only=True):
    """HTTPS without a proxy. Files are PEM, and are read again at SIGHUP."""

    certificate: Annotated[
        str,
        Meta(
            description="Certificate of this server, followed by those that it was signed with. "
            "Empty: HTTP.",
            extra=_PATH,
        ),
    ] = ""
    key: Annotated[
        str, Meta(description="File of its private key, without a password.", extra=_PATH)
    ] = ""
    minimum_version: Annotated[TlsVersion, Meta(description="`1.2` or `1.3`.")] = TlsVersion.V1_2
    client_ca: Annotated[
        str,
        Meta(
            description="Certificates of authorities: only clients with a certificate signed by "
            "one of them are listened to. Empty: everybody.",
            extra=_PATH,
        ),
    ] = ""
    hsts_days: Annotated[
        int,
        Meta(
            description="Days that browsers are told to ask this host by HTTPS alone. 0: not told.",
            ge=0,
        ),
    ] = 365


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
    idle_timeout_s: Annotated[
        Seconds,
        Meta(
            description="Seconds after which a connection is closed that has not sent a whole head "
            "of a request, be it idle or slow. Longer than a proxy keeps connections."
        ),
    ] = 75.0
    shutdown_timeout_s: Annotated[
        Seconds, Meta(description="Seconds that open requests have left when the server stops.")
    ] = 10.0
    cors_origins: Annotated[
        tuple[str, ...],
        Meta(description="Origins whose web pages may call the API; `*` is every one."),
    ] = ("*",)
    trusted_proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses and networks, such as `10.0.0.0/8`, of the proxies whose "
            "`X-Forwarded-For` is believed about who asks."
        ),
    ] = ()
    tls: TlsSettings = TlsSettings()


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


class LogSettings(Section, frozen=True, kw_only=True):
    """What is logged. Questions never are: a line says which endpoint, not what was asked."""

    format: Annotated[LogFormat, Meta(description="One JSON object a line, or columns.")] = (
        LogFormat.JSON
    )
    level: Annotated[LogLevel, Meta(description="The least important lines written.")] = (
        LogLevel.INFO
    )
    access: Annotated[bool, Meta(description="One line for every request.")] = True


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
    requests_per_minute: Annotated[
        int,
        Meta(
            description="Requests a minute of one person who has shown who they are. Each question "
            "of a batch is one. Of several workers each allows its share. 0: no limit.",
            ge=0,
        ),
    ] = 0
    requests_per_minute_public: Annotated[
        int,
        Meta(
            description="The same for one address, or one IPv6 network of 64 bits, without "
            "credentials or with ones that are not valid. 0: no limit.",
            ge=0,
        ),
    ] = 0
    burst: Annotated[
        Count, Meta(description="Requests that may come at once before the rate holds.")
    ] = 20
    variants_per_day_public: Annotated[
        int,
        Meta(
            description="Distinct questions about variants a day (UTC) from one address of the "
            "public. Of several workers each allows its share. 0: no limit.",
            ge=0,
        ),
    ] = 0
    concurrent: Annotated[
        int,
        Meta(
            description="Requests of one person, or one address of the public, that are answered "
            "at the same time. Of several workers each allows its share. 0: no limit.",
            ge=0,
        ),
    ] = 0
    connections: Annotated[
        int,
        Meta(
            description="Open connections of one address other than a trusted proxy. Of several "
            "workers each allows its share. 0: no limit.",
            ge=0,
        ),
    ] = 0


class ReleaseSettings(Section, frozen=True, kw_only=True):
    """What becomes of the releases that loads make."""

    keep: Annotated[
        int,
        Meta(
            description="How many releases before the published one are kept to go back to.",
            ge=0,
        ),
    ] = 2


class AssemblySettings(Section, frozen=True, kw_only=True):
    """Files about a reference assembly. Relative paths start at the folder of the settings file."""

    fasta: Annotated[
        str,
        Meta(
            description="Reference sequence: FASTA, plain or bgzip, with its index beside it "
            "(`samtools faidx`). Empty: insertions and deletions are not left-shifted.",
            extra=_PATH,
        ),
    ] = ""
    chain_to: Annotated[
        dict[AssemblyName, str],
        Meta(
            description="Other assembly to the chain file that leads there: questions on this "
            "assembly are lifted to datasets on the other.",
            extra=_PATH,
        ),
    ] = field(default_factory=dict)
