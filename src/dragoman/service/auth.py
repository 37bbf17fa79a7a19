"""Who may call: keys of clients, and the login tokens that stand for them.

One set of keys serves every dialect. A key is an id, which may appear in logs and counts quotas, and a secret, which is
kept as a SHA-256 digest: secrets are random text, so no slow hash is needed. Login tokens are stateless: signed with a
secret of their key, they survive a restart and end with the key.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import stat
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dragoman.core.errors import AccessDenied

logger = logging.getLogger(__name__)

TOKEN_MINUTES: Final = 15
"""How long a login token is good for."""
_SHORT_SECRET: Final = 16
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


class KeysFileError(ValueError):
    """The keys file cannot be used. The message names the line, never its content."""


def read_keys(path: Path) -> dict[str, str]:
    """Ids and secrets of a file of ``id secret`` lines; ``#`` starts a comment line, blank lines are skipped.

    Raises ``KeysFileError`` for a file that cannot be read, a line of any other form, an id or a secret that comes
    twice, and a file without keys. Logs a warning if other users of the machine may read the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise KeysFileError(f"cannot read the keys file {path}: {error}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        logger.warning("other users of this machine may read the keys file: chmod 600 %s", path)
    keys: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match line.split():
            case [key_id, secret] if secret.isascii() and secret.isprintable():
                if key_id in keys or secret in keys.values():
                    raise KeysFileError(f"{path}, line {number}: the id or the secret was already used above")
                keys[key_id] = secret
            case _:
                raise KeysFileError(f"{path}, line {number}: expected an id, a space, and a secret of ASCII characters")
        if len(secret) < _SHORT_SECRET:
            logger.warning("%s, line %d: the secret is shorter than %d characters", path, number, _SHORT_SECRET)
    if not keys:
        raise KeysFileError(f"the keys file {path} holds no keys; each line is an id, a space, and a secret")
    return keys


class Authenticator:
    """Knows the keys. Without keys everyone may call, whatever they show."""

    def __init__(self, keys: Mapping[str, str] | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._digests = {key_id: _digest(secret) for key_id, secret in (keys or {}).items()}
        self._clock = clock
        self._keyless = secrets.token_bytes(32)

    @property
    def keys_required(self) -> bool:
        return bool(self._digests)

    def identify(self, shown: str | None) -> Identity:
        """Who shows this secret or login token. Raises ``AccessDenied``."""
        if not self.keys_required:
            return ANONYMOUS
        if not shown:
            raise AccessDenied("A key is needed: send the secret of one, or a login token.")
        identity = self._by_secret(shown) or self._by_token(shown)
        if identity is None:
            raise AccessDenied("The key or token is not valid, or the token has expired.")
        return identity

    def log_in(self, username: str, password: str, *, persist: bool = False) -> LoginToken:
        """A token for a key: its id is the user name, its secret the password. Raises ``AccessDenied``."""
        if self.keys_required:
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

    def _signature(self, key_id: str, claim: str) -> str:
        key = hmac.digest(self._digests.get(key_id, self._keyless), b"login token", "sha256")
        return _text(hmac.digest(key, claim.encode(), "sha256"))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
