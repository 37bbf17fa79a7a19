"""Who may call: keys of clients, and the login tokens that stand for them.

One set of keys serves every dialect. A key is an id, which may appear in logs and counts quotas, and a secret. Secrets
are kept in memory as they are, because Amazon's signatures are verified with the secret itself; they are compared in
constant time and appear nowhere. Login tokens are stateless: signed with a secret of their key, they survive a restart
and end with the key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from dragoman.core.errors import AccessDenied

TOKEN_MINUTES: Final = 15
"""How long a login token is good for."""
_PREFIX: Final = "dgm1"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls: the id of the key that was shown."""

    key_id: str


ANONYMOUS: Final = Identity("anonymous")
"""Everyone, where no keys are configured."""


@dataclass(frozen=True, slots=True)
class LoginToken:
    """``text`` is shown instead of the secret; ``minutes`` is ``None`` for one that does not expire."""

    text: str
    minutes: int | None
    identity: Identity


class Authenticator:
    """Knows the keys. Without keys everyone may call, whatever they show."""

    def __init__(
        self,
        keys: Mapping[str, str] | Callable[[], Mapping[str, str]] | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``keys``, ids and secrets, may be asked for at every use: it returns another object when they have changed.
        Keys that are configured and empty serve nobody; ``None`` serves everyone."""
        self._keys = keys
        self._known: Mapping[str, str] = {}
        self._digests: dict[str, bytes] = {}
        self._clock = clock
        self._keyless = secrets.token_bytes(32)

    @property
    def is_open(self) -> bool:
        """No keys are configured."""
        return self._keys is None

    def secret(self, key_id: str) -> str | None:
        """The secret of a key, to verify a signature with; ``None``: there is no such key. Compare what is made of it
        in constant time, and let it appear nowhere."""
        self._look()
        return self._known.get(key_id)

    def identify(self, shown: str | None) -> Identity:
        """Who shows this secret or login token. Raises ``AccessDenied``."""
        if self.is_open:
            return ANONYMOUS
        if not shown:
            raise AccessDenied("A key is needed: send the secret of one, or a login token.")
        self._look()
        identity = self._by_secret(shown) or self._by_token(shown)
        if identity is None:
            raise AccessDenied("The key or token is not valid, or the token has expired.")
        return identity

    def log_in(self, username: str, password: str, *, persist: bool = False) -> LoginToken:
        """A token for a key: its id is the user name, its secret the password. Raises ``AccessDenied``."""
        self._look()
        if not self.is_open:
            identity = self._by_secret(password)
            if identity is None or identity.key_id != username:
                raise AccessDenied("The user name or the password is wrong.")
        else:
            identity = ANONYMOUS
        minutes = None if persist else TOKEN_MINUTES
        expires = 0 if minutes is None else int(self._clock()) + 60 * minutes
        claim = f"{_PREFIX}.{_text(identity.key_id.encode())}.{expires}"
        return LoginToken(f"{claim}.{self._signature(identity.key_id, claim)}", minutes, identity)

    def _by_secret(self, secret: str) -> Identity | None:
        """Compares with every key, so that the time taken tells nothing about any of them."""
        digest, found = _digest(secret), None
        for key_id, known in self._digests.items():
            if hmac.compare_digest(digest, known):
                found = Identity(key_id)
        return found

    def _by_token(self, token: str) -> Identity | None:
        if not token.isascii():
            return None
        match token.split("."):
            case [prefix, encoded, expires, signature] if prefix == _PREFIX and expires.isdigit():
                try:
                    key_id = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
                except ValueError:
                    return None
                claim = token.rpartition(".")[0]
                if not hmac.compare_digest(signature.encode(), self._signature(key_id, claim).encode()):
                    return None
                expired = int(expires) != 0 and int(expires) <= self._clock()
                return None if expired or key_id not in self._digests else Identity(key_id)
            case _:
                return None

    def _look(self) -> None:
        """Take the keys that are there now."""
        keys = self._keys() if callable(self._keys) else self._keys or {}
        if keys is not self._known:
            self._known = keys
            self._digests = {key_id: _digest(secret) for key_id, secret in keys.items()}

    def _signature(self, key_id: str, claim: str) -> str:
        key = hmac.digest(self._digests.get(key_id, self._keyless), b"login token", "sha256")
        return _text(hmac.digest(key, claim.encode(), "sha256"))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
