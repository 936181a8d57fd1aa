"""A database server that asks who comes, by TLS: the fewest rights with which everything works."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pymongo
import pytest
from msgspec.structs import replace
from pymongo.errors import OperationFailure, PyMongoError

from beacon import databases, settings_file
from beacon.framework.errors import OperatorError, SettingsError
from beacon.mongo import documents
from beacon.mongo.embedded import embedded_mongod, find_mongod
from beacon.subscriptions.kept import Row
from beacon.subscriptions.mongo_rows import COLLECTION, MongoRows
from tests.own_authority import Authority

ROOT = Path(__file__).parents[2]
PASSWORD = "hunter2-%s"
DATABASE = "beacon"
BEACON = """\
[mongo]
uri_file = "uri"

[policy.datasets.ds]
min_count = 1
accept_risk = "invented people"
public = { "*" = "count" }
"""
VCF = """\
##fileformat=VCFv4.2
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT S1 S2
17 7577121 . G A . PASS . GT 0/1 1/1
""".replace(" ", "\t")
COUNT = "/individuals?requestedGranularity=count&referenceName=17&start=7577120&alternateBases=A"


@dataclass(frozen=True, slots=True)
class Server:
    """A `mongod` with users: `root`, and those of docs/how-to/deploy.md."""

    port: int
    authority: Path

    def uri(self, user: str, password: str | None = None) -> str:
        word = PASSWORD % user if password is None else password
        return (
            f"mongodb://{user}:{word}@localhost:{self.port}/{DATABASE}"
            f"?tls=true&tlsCAFile={self.authority}&authSource=admin"
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder)
    own = authority.issue("mongod")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "db").mkdir()
    process = subprocess.Popen(
        [
            *(str(find_mongod()), "--quiet", "--auth", "--nounixsocket", "--bind_ip", "127.0.0.1"),
            *("--port", str(port), "--dbpath", str(folder / "db")),
            *("--logpath", str(folder / "log"), "--wiredTigerCacheSizeGB", "0.25"),
            *("--tlsMode", "requireTLS", "--tlsCertificateKeyFile", str(own.both)),
            *("--tlsCAFile", str(authority.certificate)),
            "--tlsAllowConnectionsWithoutCertificates",
        ]
    )
    try:
        running = Server(port, authority.certificate)
        make_users(running)
        yield running
    finally:
        process.terminate()
        process.wait(60)


def make_users(server: Server) -> None:
    """Make the users by the very commands that the page on deployment shows."""
    nobody = f"mongodb://localhost:{server.port}/?tls=true&tlsCAFile={server.authority}"
    with pymongo.MongoClient[dict[str, Any]](nobody, serverSelectionTimeoutMS=60_000) as client:
        client.admin.command(
            "createUser", "root", pwd=PASSWORD % "root", roles=[{"role": "root", "db": "admin"}]
        )
    with pymongo.MongoClient[dict[str, Any]](server.uri("root")) as client:
        for command in documented_commands():
            client.admin.command(command)


def documented_commands() -> Iterator[dict[str, Any]]:
    """The commands in docs/how-to/deploy.md, with passwords."""
    page = (ROOT / "docs/how-to/deploy.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```js\n(.*?)```", page, re.DOTALL | re.MULTILINE):
        for call in re.findall(r"db\.adminCommand\((\{.*?\})\);", block, re.DOTALL):
            command = json.loads(call)
            if "pwd" in command:
                command["pwd"] = PASSWORD % command["createUser"]
            yield command


@pytest.fixture
def folder(tmp_path: Path, server: Server) -> Path:
    (tmp_path / "settings.toml").write_text(BEACON)
    (tmp_path / "some.vcf").write_text(VCF)
    return tmp_path


def as_user(folder: Path, uri: str) -> None:
    (folder / "uri").write_text(uri + "\n")
    (folder / "uri").chmod(0o600)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "beacon.cli", *arguments),
            *("--settings", str(folder / "settings.toml")),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """`beacon serve`; yields the URL of its API."""
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "beacon.cli", "serve", "--port", "0"),
                *("--settings", str(folder / "settings.toml")),
            ],
            stderr=log,
            env=dict(os.environ),
        )
    try:
        until = time.monotonic() + 240
        while not (line := (folder / "log").read_text().partition("\n"))[1]:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        yield json.loads(line[0])["url"]
    finally:
        process.terminate()
        process.wait(60)


def asked(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.loads(response.read() or b"null") if "api" in url else response.status


def load(folder: Path, server: Server) -> subprocess.CompletedProcess[str]:
    as_user(folder, server.uri("loader"))
    return run(
        folder,
        *("load", "vcf", str(folder / "some.vcf"), "--dataset", "ds", "--assembly", "GRCh38"),
    )


def test_who_loads_may_write_and_who_serves_may_read(folder: Path, server: Server) -> None:
    loaded = load(folder, server)
    as_user(folder, server.uri("server"))
    with served(folder) as url:
        answer = asked(url + COUNT)
        ready = asked(url.removesuffix("/api") + "/readyz")
        log = (folder / "log").read_text()
    refused = run(
        folder,
        *("load", "vcf", str(folder / "some.vcf"), "--dataset", "ds", "--assembly", "GRCh38"),
    )

    assert loaded.returncode == 0, loaded.stderr
    assert answer["responseSummary"]["numTotalResults"] == 2
    assert ready == 200
    assert refused.returncode != 0
    assert "hunter2" not in loaded.stderr + loaded.stdout + refused.stderr + refused.stdout + log


def test_who_serves_can_change_nothing_but_the_ledger(folder: Path, server: Server) -> None:
    assert load(folder, server).returncode == 0
    with pymongo.MongoClient[dict[str, Any]](server.uri("server")) as client:
        database = client[DATABASE]
        names = database.list_collection_names()
        ledger = database[documents.LEDGER]
        ledger.create_index("gone", expireAfterSeconds=0)
        ledger.insert_one({"_id": b"one"})
        ledger.update_one({"_id": b"one"}, {"$set": {"x": 1}}, upsert=True)
        written = ledger.find_one({"_id": b"one"})
        forbidden = {
            "remove from the ledger": lambda: ledger.delete_one({"_id": b"one"}),
            "drop the ledger": ledger.drop,
            "another database": lambda: client["other"]["x"].insert_one({}),
            "a new collection": lambda: database["new"].insert_one({}),
            "make users": lambda: client.admin.command("createUser", "x", pwd="x", roles=[]),
            "see users": lambda: client.admin.command("usersInfo", 1),
            "stop the server": lambda: client.admin.command("shutdown"),
        }
        for name in set(names) - {documents.LEDGER, COLLECTION}:
            forbidden[f"insert into {name}"] = lambda name=name: database[name].insert_one({})
            forbidden[f"update {name}"] = lambda name=name: database[name].update_many(
                {}, {"$set": {"x": 1}}
            )
            forbidden[f"empty {name}"] = lambda name=name: database[name].delete_many({})
            forbidden[f"drop {name}"] = database[name].drop
        refusals = {}
        for what, attempt in forbidden.items():
            with pytest.raises(OperationFailure) as refused:
                attempt()
            refusals[what] = refused.value.code

    assert len(names) > 2
    assert written == {"_id": b"one", "x": 1}
    assert set(refusals.values()) == {13}  # Unauthorized


async def test_who_serves_can_keep_standing_questions(server: Server) -> None:
    one = Row(id="a", owners=(b"alice",), revision=1, due=0.0, sealed=b"x")
    async with pymongo.AsyncMongoClient[dict[str, Any]](server.uri("server")) as client:
        rows = MongoRows(client[DATABASE][COLLECTION])
        kept = await rows.add(one, 1)
        taken = await rows.claim(1.0, 2.0)
        changed = await rows.replace(replace(one, revision=2))
        removed = await rows.remove("a")

    assert (kept, taken, changed, removed) == (True, one, True, True)


def test_who_loads_can_touch_one_database_alone(server: Server) -> None:
    with pymongo.MongoClient[dict[str, Any]](server.uri("loader")) as client:
        for attempt in (
            lambda: client["other"]["x"].insert_one({}),
            lambda: client.admin.command("createUser", "x", pwd="x", roles=[]),
            lambda: client.list_database_names().remove("admin"),
        ):
            with pytest.raises((OperationFailure, ValueError)):
                attempt()


def test_a_wrong_password_is_not_repeated(folder: Path, server: Server) -> None:
    as_user(folder, server.uri("server", "s3cret"))
    listed = run(folder, "datasets", "list")

    assert listed.returncode != 0
    assert "does not answer" in listed.stderr
    assert "s3cret" not in listed.stderr + listed.stdout


def test_without_tls_or_with_another_authority_there_is_no_connection(
    tmp_path: Path, server: Server
) -> None:
    stranger = Authority(tmp_path, "stranger").certificate
    for uri in (
        server.uri("server").replace("tls=true", "tls=false").partition("&tlsCAFile")[0],
        server.uri("server").replace(str(server.authority), str(stranger)),
    ):
        client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
            uri, serverSelectionTimeoutMS=500
        )
        with client, pytest.raises(PyMongoError):
            client.admin.command("ping")


def test_the_connection_string_may_lie_in_a_file(folder: Path, server: Server) -> None:
    as_user(folder, server.uri("server"))
    settings = settings_file.load(folder / "settings.toml", {})
    shown = json.dumps(settings_file.masked(settings))

    assert settings.mongo.uri == server.uri("server")
    assert "hunter2" not in shown
    assert str(folder / "uri") in shown


@pytest.mark.parametrize(
    ("text", "environment", "message"),
    [
        (None, {}, "mongo.uri_file: .*No such file"),
        ("", {}, "does not hold one MongoDB connection string"),
        ("postgres://user:s3cret@db", {}, "does not hold one MongoDB connection string"),
        ("mongodb://a\nmongodb://s3cret", {}, "does not hold one MongoDB connection string"),
        ("\udcff", {}, "is not text"),
        ("mongodb://db/", {"BEACON__MONGO__URI": "mongodb://x:s3cret@db/"}, "given as well"),
    ],
)
def test_a_file_that_holds_something_else_is_named_and_not_quoted(
    tmp_path: Path, text: str | None, environment: dict[str, str], message: str
) -> None:
    (tmp_path / "settings.toml").write_text(BEACON)
    if text is not None:
        (tmp_path / "uri").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingsError, match=message) as raised:
        settings_file.load(tmp_path / "settings.toml", environment)

    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://user:s3cret/more@db/beacon",
        "mongodb://user:s3cret@more@db/beacon",
        "mongodb://user:s3cret:more@db/beacon",
        "mongodb://user:s3cret%@db/beacon",
        "mongodb://user:s3cret@db:port/beacon",
        "mongodb://user:s3cret@db/beacon?tlsCAFile=/nowhere/s3cret.pem",
        "mongodb://user:s3cret@/beacon",
        "mongodb+srv://user:s3cret@more@db.example.org/beacon",
    ],
)
def test_a_connection_string_that_is_wrong_is_not_quoted(uri: str, tmp_path: Path) -> None:
    settings = settings_file.load(None, {"BEACON__MONGO__URI": uri})
    with (
        pytest.raises(OperatorError, match=r"mongo\.uri is not a MongoDB") as raised,
        databases.database_uri(settings),
    ):
        pass

    assert "s3cret" not in str(raised.value)
    assert raised.value.__cause__ is None


def test_the_embedded_database_is_on_no_network(tmp_path: Path) -> None:
    with embedded_mongod(tmp_path, cache_gb=0.25) as uri:
        with pymongo.MongoClient[dict[str, Any]](uri) as client:
            options = client.admin.command("getCmdLineOpts")["parsed"]
            pid = client.admin.command("serverStatus")["pid"]
        sockets = set()
        for one in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                sockets.add(str(one.readlink()))
        path = Path(unquote(uri.removeprefix("mongodb://").rstrip("/")))
        mode = path.parent.stat().st_mode & 0o777

    listening = {
        f"socket:[{line.split()[9]}]"
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    }
    assert path.is_absolute()
    assert options["net"]["bindIp"].endswith("mongo.sock")
    assert not sockets & listening
    assert mode == 0o700
