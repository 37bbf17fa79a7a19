"""The file of keys: ``id secret`` lines, read by a server and written by ``dragoman keys``.

A comment line directly above a key names it. What ``create`` writes there ends with the date, and goes with the key.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import stat
import string
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Final, Self

logger = logging.getLogger(__name__)

WAIT_S: Final = 5.0
"""How long a change of the file waits for another one."""

_SHORT_SECRET: Final = 16
_ID_PREFIX: Final = "DGMN"
_ID_ALPHABET: Final = string.ascii_uppercase + "234567"
_ID_LENGTH: Final = 20
"""As long as an access key id of Amazon; some clients check."""
_SECRET_ALPHABET: Final = string.ascii_letters + string.digits
"""Without the two signs of base64 that a query string and a shell would change."""
_SECRET_LENGTH: Final = 40
_NAME_LENGTH: Final = 100
_CREATED: Final = re.compile(r"(?:(?P<name>.*), )?created (?P<date>\d{4}-\d\d-\d\d)")
_LOOK_EVERY_S: Final = 1.0
_WAIT_STEP_S: Final = 0.05


class KeysFileError(ValueError):
    """The keys file cannot be used. The message names the line, never its content."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. ``created`` is ``None`` for one that was written by hand."""

    key_id: str
    name: str
    created: date | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """The one time that a secret is shown."""

    key_id: str
    secret: str


def read_keys(path: Path) -> dict[str, str]:
    """Ids and secrets of a file of ``id secret`` lines; ``#`` starts a comment line, blank lines are skipped.

    Raises ``KeysFileError`` for a file that cannot be read, a line of any other form, an id or a secret that comes
    twice, and a file without keys. Logs a warning if other users of the machine may read the file.
    """
    keys = _read(path)
    if not keys:
        raise KeysFileError(f"the keys file {path} holds no keys; each line is an id, a space, and a secret")
    return keys


class WatchedKeys:
    """The keys of a file as it is now: called, it looks at most once a second whether the file has changed.

    A file that became faulty, or is gone, leaves the keys as they were; the log says so. One that became empty leaves
    nobody.
    """

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looked = clock()
        self._seen: tuple[int, ...] | None = None
        self._keys: dict[str, str] = {}

    def load(self) -> Self:
        """Read the file, before the first use. Raises ``KeysFileError`` as ``read_keys`` does."""
        self._seen = _version(self._path)
        self._keys = read_keys(self._path)
        return self

    def __call__(self) -> Mapping[str, str]:
        """The same object until the keys change."""
        if self._clock() - self._looked >= _LOOK_EVERY_S:
            self._looked = self._clock()
            if (version := _version(self._path)) != self._seen:
                self._seen = version
                self._take()
        return self._keys

    def _take(self) -> None:
        try:
            self._keys = _read(self._path)
        except KeysFileError as error:
            logger.error("the keys file has changed and cannot be used, the keys stay as they were: %s", error)
        else:
            logger.info("the keys file has changed", extra={"facts": {"keys": len(self._keys)}})
            if not self._keys:
                logger.warning("the keys file holds no keys any more: nobody is served")


def create_key(path: Path, name: str = "", *, today: date, wait_s: float = WAIT_S) -> NewKey:
    """Append a new key; a file that does not exist is made, for its owner alone.

    Raises ``KeysFileError`` for a faulty file, or one that another command still holds after ``wait_s``, ``ValueError``
    for a name that is not a line of at most 100 characters, ``OSError``.
    """
    if len(name) > _NAME_LENGTH or not name.isprintable():
        raise ValueError(f"the name of a key is a line of at most {_NAME_LENGTH} characters")
    with _Edited(path, wait_s) as file:
        key = NewKey(
            _ID_PREFIX + _random(_ID_ALPHABET, _ID_LENGTH - len(_ID_PREFIX)), _random(_SECRET_ALPHABET, _SECRET_LENGTH)
        )
        comment = f"{name.strip()}, created {today}" if name.strip() else f"created {today}"
        file.replace([*file.lines, f"# {comment}", f"{key.key_id} {key.secret}"])
    return key


def list_keys(path: Path) -> list[Key]:
    """The keys in the order of the file. Raises ``KeysFileError``."""
    ids = _read(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    keys = []
    for above, line in zip(["", *lines], lines, strict=False):
        match line.split():
            case [key_id, _] if key_id in ids:
                said = above.lstrip().removeprefix("#").strip() if above.lstrip().startswith("#") else ""
                made = _CREATED.fullmatch(said)
                keys.append(
                    Key(key_id, made["name"] or "", date.fromisoformat(made["date"]))
                    if made
                    else Key(key_id, said, None)
                )
    return keys


def revoke_key(path: Path, key_id: str, *, wait_s: float = WAIT_S) -> None:
    """Remove a key. Raises ``KeyError`` if there is none of this id, and what ``create_key`` does."""
    with _Edited(path, wait_s) as file:
        if key_id not in file.keys:
            raise KeyError(key_id)
        kept: list[str] = []
        for line in file.lines:
            if line.split()[:1] != [key_id]:
                kept.append(line)
            elif kept and kept[-1].startswith("# ") and _CREATED.fullmatch(kept[-1].removeprefix("# ")):
                kept.pop()
        file.replace(kept)


class _Edited:
    """A keys file that is being changed. The file that will replace it is the lock that keeps others away."""

    def __init__(self, path: Path, wait_s: float) -> None:
        self._path = path.resolve()
        self._wait_s = wait_s
        self._replaced = False
        self._next = self._path.with_name(f"{self._path.name}.new")
        self.lines: list[str] = []
        self.keys: dict[str, str] = {}

    def __enter__(self) -> _Edited:
        self._descriptor = self._lock()
        try:
            if self._path.exists():
                self.keys = _read(self._path)
                self.lines = self._path.read_text(encoding="utf-8").splitlines()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            os.close(self._descriptor)
        if not self._replaced:  # afterwards a file of this name is another's
            self._next.unlink()

    def replace(self, lines: Iterable[str]) -> None:
        """All at once: a server never sees half a file. Owner and mode of the old one are kept."""
        with open(self._descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            if self._path.exists() and os.name == "posix":
                old = self._path.stat()
                with suppress(PermissionError):
                    os.fchown(file.fileno(), old.st_uid, old.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(old.st_mode))
            os.fsync(file.fileno())
        self._next.replace(self._path)
        self._replaced = True

    def _lock(self) -> int:
        until = time.monotonic() + self._wait_s
        while True:
            try:
                return os.open(self._next, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                if time.monotonic() > until:
                    raise KeysFileError(
                        f"another command changes {self._path}; if none does, remove {self._next}"
                    ) from None
                time.sleep(_WAIT_STEP_S)


def _read(path: Path) -> dict[str, str]:
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
    return keys


def _version(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _random(alphabet: str, length: int) -> str:
    return "".join(secrets.choice(alphabet) for _ in range(length))
