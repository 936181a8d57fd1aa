"""The home of `Key` and of reading key sets (RFC 7517): the public keys of one issuer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from beacon.auth.strict_json import read_object

KEYS_MAX = 50
"""The most keys of one issuer."""

RSA_BITS = range(2048, 8192 + 1)
"""Sizes of RSA keys: smaller ones can be broken, larger ones are slow."""


@dataclass(frozen=True, slots=True)
class Key:
    """A public key that signatures of one algorithm can be checked with."""

    algorithm: str
    public: RSAPublicKey | EllipticCurvePublicKey

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Whether the holder of this key signed these bytes."""
        match self.public:
            case RSAPublicKey():
                return _RS256.verify(signed, self.public, signature)
            case EllipticCurvePublicKey():
                return _ES256.verify(signed, self.public, signature)


def read_keys(data: bytes, algorithms: frozenset[str]) -> Mapping[str, Key]:
    """The keys of a key set by `kid`; those that nothing here is signed with are left out.

    Raises:
        ValueError: It is no key set, or a large one.
    """
    listed = read_object(data).get("keys")
    if not isinstance(listed, list) or not 0 < len(listed) <= KEYS_MAX:
        raise ValueError("not a list of keys, or a long one")
    found: dict[str, Key] = {}
    ambiguous: set[str] = set()
    for one in listed:
        key = _key(one, algorithms)
        if key is None:
            continue
        key_id = one["kid"]
        if key_id in found:
            ambiguous.add(key_id)
        found[key_id] = key
    return {key_id: key for key_id, key in found.items() if key_id not in ambiguous}


def _key(document: Any, algorithms: frozenset[str]) -> Key | None:
    if not isinstance(document, dict) or not isinstance(document.get("kid"), str):
        return None
    algorithm = _ALGORITHMS.get(str(document.get("kty")))
    if algorithm not in algorithms or document.get("alg", algorithm) != algorithm:
        return None
    if document.get("use", "sig") != "sig" or "d" in document:
        return None
    operations = document.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    try:
        public = jwt.PyJWK(document, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    match public:
        case RSAPublicKey() if public.key_size in RSA_BITS:
            return Key(algorithm, public)
        case EllipticCurvePublicKey() if isinstance(public.curve, SECP256R1):
            return Key(algorithm, public)
    return None


_ALGORITHMS = {"RSA": "RS256", "EC": "ES256"}
_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
_ES256 = ECAlgorithm(ECAlgorithm.SHA256)
