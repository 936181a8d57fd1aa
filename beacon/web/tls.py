"""The home of HTTPS without a proxy: certificates of the server, and of clients where wanted."""

from __future__ import annotations

import ssl
from pathlib import Path

from beacon.framework.errors import SettingsError
from beacon.settings import TlsSettings, TlsVersion

_VERSIONS = {
    TlsVersion.V1_2: ssl.TLSVersion.TLSv1_2,
    TlsVersion.V1_3: ssl.TLSVersion.TLSv1_3,
}


def server_context(settings: TlsSettings) -> ssl.SSLContext | None:
    """What connections are made with; `None` where they are not encrypted.

    Raises:
        SettingsError: A file cannot be read, does not hold what it should, or key and certificate
            do not belong together.
    """
    if not settings.certificate:
        if settings.key or settings.client_ca:
            raise SettingsError("server.tls.certificate is missing; without it there is no TLS")
        return None
    if not settings.key:
        raise SettingsError("server.tls.key is missing: the private key of the certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[settings.minimum_version]
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    for key, path in (("certificate", settings.certificate), ("key", settings.key)):
        _check_readable(key, path)
    try:
        # Nobody is there to be asked for a password.
        context.load_cert_chain(settings.certificate, settings.key, password=lambda: b"")
    except (ssl.SSLError, ValueError) as error:
        raise SettingsError(
            f"server.tls: {settings.certificate} and {settings.key} are not a certificate and its "
            "key in PEM, the key without a password"
        ) from error
    if settings.client_ca:
        _check_readable("client_ca", settings.client_ca)
        try:
            context.load_verify_locations(settings.client_ca)
        except ssl.SSLError as error:
            raise SettingsError(
                f"server.tls.client_ca: {settings.client_ca} holds no certificates in PEM"
            ) from error
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _check_readable(key: str, path: str) -> None:
    try:
        Path(path).open("rb").close()
    except OSError as error:
        raise SettingsError(f"server.tls.{key}: {path}: {error.strerror}") from error
