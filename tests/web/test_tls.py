"""HTTPS without a proxy: real handshakes with a real server, by certificates made on the spot."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from real_server import served

from beacon import settings_file
from beacon.framework.errors import SettingsError
from beacon.settings import ServerSettings, Settings, TlsSettings, TlsVersion
from beacon.web.tls import server_context
from tests.own_authority import Authority, Issued


@dataclass(frozen=True, slots=True)
class Reply:
    """What a request got: its answer, and what the connection was like."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    version: str
    serial: str


def settings(issued: Issued, more: str = "") -> str:
    return (
        f'[server.tls]\ncertificate = "{issued.certificate.name}"\nkey = "{issued.key.name}"\n'
        f"{more}\n"
    )


@contextmanager
def beacon(
    folder: Path, mongo_uri: str, *arguments: str
) -> Iterator[tuple[str, int, subprocess.Popen[str]]]:
    """A server with the settings in a folder; yields its URL, its port and the process."""
    environment = {"BEACON__MONGO__URI": mongo_uri}
    with served(folder, *arguments, environment=environment) as (url, process):
        yield url, int(url.rpartition(":")[2]), process


def client_context(authority: Authority, **versions: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.certificate)
    for name, version in versions.items():
        setattr(context, name, version)
    return context


def ask(port: int, path: str, context: ssl.SSLContext) -> Reply:
    connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=context)
    try:
        connection.request("GET", path)
        tls = connection.sock
        assert isinstance(tls, ssl.SSLSocket)
        version = tls.version() or ""
        serial = str((tls.getpeercert() or {})["serialNumber"])
        response = connection.getresponse()
        return Reply(response.status, response.headers, response.read(), version, serial)
    finally:
        connection.close()


def wait_for(log: Path, event: str) -> None:
    until = time.monotonic() + 240
    while event not in log.read_text():
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_is_served_by_https_and_certificates_are_changed_while_it_runs(
    tmp_path: Path, mongo_uri: str, workers: str
) -> None:
    authority = Authority(tmp_path)
    first = authority.issue("server")
    (tmp_path / "settings.toml").write_text(settings(first))
    context = client_context(authority)
    with beacon(tmp_path, mongo_uri, "--workers", workers) as (url, port, process):
        info = ask(port, "/api/info", context)
        missing = ask(port, "/nowhere", context)
        authority.issue("server")
        process.send_signal(signal.SIGHUP)
        wait_for(tmp_path / "log", "old_settings_gone")
        renewed = ask(port, "/livez", context)
        (tmp_path / "server.key").write_text("nothing")
        process.send_signal(signal.SIGHUP)
        wait_for(tmp_path / "log", "reload_failed")
        afterwards = ask(port, "/livez", context)

    assert url.startswith("https://")
    assert info.status == 200
    assert info.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert json.loads(info.body)["response"]["id"] == "org.example.beacon"
    assert missing.status == 404
    assert missing.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert afterwards.status == 200
    assert afterwards.serial == renewed.serial != info.serial
    assert "server.tls" in (tmp_path / "log").read_text()


def test_old_versions_of_tls_and_plain_http_are_refused(tmp_path: Path, mongo_uri: str) -> None:
    authority = Authority(tmp_path)
    more = 'minimum_version = "1.3"\nhsts_days = 0'
    (tmp_path / "settings.toml").write_text(settings(authority.issue("server"), more))
    old = client_context(authority, maximum_version=ssl.TLSVersion.TLSv1_2)
    with beacon(tmp_path, mongo_uri) as (_, port, _):
        new = ask(port, "/livez", client_context(authority))
        with pytest.raises(ssl.SSLError):
            ask(port, "/livez", old)
        with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
            plain.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try:
                told = plain.recv(1000)
            except ConnectionResetError:
                told = b""

    assert new.version == "TLSv1.3"
    assert "Strict-Transport-Security" not in new.headers
    assert b"alive" not in told


def test_by_default_tls_1_2_is_enough_and_nothing_older(tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("server")
    files = {"certificate": str(issued.certificate), "key": str(issued.key)}
    default = server_context(TlsSettings(**files))
    chosen = server_context(TlsSettings(**files, minimum_version=TlsVersion.V1_3))

    assert default is not None
    assert default.minimum_version is ssl.TLSVersion.TLSv1_2
    assert chosen is not None
    assert chosen.minimum_version is ssl.TLSVersion.TLSv1_3
    assert server_context(TlsSettings()) is None


def test_only_clients_with_a_certificate_are_listened_to(tmp_path: Path, mongo_uri: str) -> None:
    authority, clients = Authority(tmp_path), Authority(tmp_path, "clients")
    own = clients.issue("portal")
    stranger = Authority(tmp_path, "strangers").issue("stranger")
    more = f'client_ca = "{clients.certificate.name}"'
    (tmp_path / "settings.toml").write_text(settings(authority.issue("server"), more))
    known, unknown = client_context(authority), client_context(authority)
    known.load_cert_chain(own.certificate, own.key)
    unknown.load_cert_chain(stranger.certificate, stranger.key)
    with beacon(tmp_path, mongo_uri) as (_, port, _):
        answered = ask(port, "/livez", known)
        for context in (client_context(authority), unknown):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
                ask(port, "/livez", context)

    assert answered.status == 200


def test_the_url_of_the_api_says_so() -> None:
    tls = TlsSettings(certificate="/c", key="/k")
    proxied = ServerSettings(tls=tls, base_url="https://beacon.example.org/api")

    assert Settings(server=ServerSettings(tls=tls)).api_url == "https://127.0.0.1:5050/api"
    assert Settings(server=proxied).api_url == "https://beacon.example.org/api"


def test_paths_start_at_the_settings_file(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text('[server.tls]\ncertificate = "c.pem"\nkey = "/k.pem"')
    tls = settings_file.load(tmp_path / "settings.toml", {}).server.tls

    assert (tls.certificate, tls.key, tls.client_ca) == (str(tmp_path / "c.pem"), "/k.pem", "")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"key": "server.key"}, "server.tls.certificate is missing"),
        ({"client_ca": "authority.pem"}, "server.tls.certificate is missing"),
        ({"certificate": "server.pem"}, "server.tls.key is missing"),
        ({"certificate": "none.pem", "key": "server.key"}, "certificate: .*No such file"),
        ({"certificate": "server.pem", "key": "none.key"}, "key: .*No such file"),
        ({"certificate": "server.pem", "key": "other.key"}, "are not a certificate and its key"),
        ({"certificate": "server.pem", "key": "locked.key"}, "the key without a password"),
        (
            {"certificate": "server.pem", "key": "server.key", "client_ca": "server.key"},
            "client_ca: .* holds no certificates",
        ),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path: Path, names: dict[str, str], message: str) -> None:
    authority = Authority(tmp_path)
    authority.issue("server")
    authority.issue("other")
    key = serialization.load_pem_private_key((tmp_path / "server.key").read_bytes(), None)
    (tmp_path / "locked.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"hunter2"),
        )
    )
    paths = {key: str(tmp_path / name) for key, name in names.items()}
    with pytest.raises(SettingsError, match=message):
        server_context(TlsSettings(**paths))
