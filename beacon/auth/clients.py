"""The home of `ClientStatement`: how this deployment says who it is to an identity provider."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_plus

import jwt

from beacon.credential_files import CredentialFile
from beacon.framework.errors import SettingsError
from beacon.settings import ClientAuth, TokenEndpointSettings

ASSERTION_S = 60
"""How long a statement of who this deployment is holds."""


@dataclass(frozen=True, slots=True)
class ClientStatement:
    """Says who this deployment is at one token endpoint.

    Attributes:
        file: The key or the password.
        clock: Seconds since 1970.
    """

    settings: TokenEndpointSettings
    file: CredentialFile
    clock: Callable[[], float]

    def made(self) -> tuple[list[tuple[str, str]], dict[str, str]]:
        """What goes along with a request: fields of its form, and headers.

        Raises:
            SettingsError: The secret cannot be read or used.
        """
        settings, secret = self.settings, self.file.read()
        if settings.client_auth is ClientAuth.CLIENT_SECRET_BASIC:
            # RFC 6749, 2.3.1: both are encoded as in forms.
            pair = f"{quote_plus(settings.client_id)}:{quote_plus(secret)}"
            basic = base64.b64encode(pair.encode("ascii")).decode("ascii")
            return [], {"Authorization": f"Basic {basic}"}
        now = int(self.clock())
        claims = {
            "iss": settings.client_id,
            "sub": settings.client_id,
            "aud": settings.assertion_audience or settings.url,
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + ASSERTION_S,
        }
        try:
            assertion = jwt.encode(
                claims,
                secret,
                algorithm=settings.algorithm.value,
                headers={"kid": settings.key_id} if settings.key_id else None,
            )
        except (jwt.PyJWTError, ValueError, TypeError):
            raise SettingsError(
                f"{self.file.key} {self.file.path} holds no key for {settings.algorithm.value}"
            ) from None
        return [
            ("client_id", settings.client_id),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ], {}
