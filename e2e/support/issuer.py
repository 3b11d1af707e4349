"""An issuer of tokens that is no Keycloak: one client, OAuth2 client credentials, RS256."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import secrets
import time
from urllib.parse import parse_qs

from support.stand import Stand

BITS, EXPONENT, KEY_ID = 2048, 65537, "loopback"
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
"""What PKCS #1 puts before a SHA-256 that is signed."""


def encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _is_prime(number: int) -> bool:
    """By Miller and Rabin, which is wrong once in 4^20 tries."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(20):
        power = pow(random.randrange(2, number - 1), odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = power * power % number
            if power == number - 1:
                break
        else:
            return False
    return True


def _prime(bits: int) -> int:
    while True:
        # The two highest bits are set, so that the product of two has all its bits.
        number = secrets.randbits(bits) | 3 << (bits - 2) | 1
        if number % EXPONENT != 1 and pow(2, number - 1, number) == 1 and _is_prime(number):
            return number


class Issuer(Stand):
    """Its tokens are those of a service with these roles of the realm; they live `seconds`."""

    def __init__(self, subject: str, roles: tuple[str, ...], seconds: int = 60) -> None:
        one, other = _prime(BITS // 2), _prime(BITS // 2)
        self._modulus = one * other
        self._private = pow(EXPONENT, -1, (one - 1) * (other - 1))
        self.subject, self.roles, self.seconds = subject, roles, seconds
        self.client_id, self.client_secret = "load", secrets.token_hex(8)
        self.granted = 0
        super().__init__()

    def settings(self) -> dict[str, object]:
        """The settings of a server that trusts it."""
        return {"keycloak.issuer": self.base_url, "keycloak.jwks_url": f"{self.base_url}/jwks"}

    def token(self) -> str:
        now = int(time.time())
        claims = {"iss": self.base_url, "sub": self.subject, "azp": self.client_id, "iat": now}
        claims.update(exp=now + self.seconds, realm_access={"roles": list(self.roles)})
        head = {"alg": "RS256", "typ": "JWT", "kid": KEY_ID}
        signed = ".".join(encoded(json.dumps(part).encode()) for part in (head, claims))
        digest = DIGEST_INFO + hashlib.sha256(signed.encode()).digest()
        size = BITS // 8
        padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        signature = pow(int.from_bytes(padded, "big"), self._private, self._modulus)
        return f"{signed}.{encoded(signature.to_bytes(size, 'big'))}"

    def reply(self, method: str, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, object]:
        if path == "/jwks":
            size = BITS // 8
            numbers = {"n": encoded(self._modulus.to_bytes(size, "big")), "e": encoded(EXPONENT.to_bytes(3, "big"))}
            return 200, {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, **numbers}]}
        form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
        wanted = {"grant_type": "client_credentials", "client_id": self.client_id, "client_secret": self.client_secret}
        if (method, path) != ("POST", "/protocol/openid-connect/token") or form != wanted:
            return 401, {"error": "invalid_client"}
        with self.lock:
            self.granted += 1
        return 200, {"access_token": self.token(), "expires_in": self.seconds, "token_type": "Bearer"}
