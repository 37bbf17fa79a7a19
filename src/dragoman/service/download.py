"""A file that is fetched: resumed where an earlier attempt broke off, and taken only if size and checksum are right."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from dragoman.core.models import ModelFile

UNFINISHED: Final = (".part", ".etag")
"""Suffixes of what lies beside a file while it is fetched."""

Progress = Callable[[int], None]
"""Takes the bytes of the file that are there."""


class DownloadFailed(Exception):
    """A file could not be fetched. The message says why, and names the host, never the path or the query."""


@dataclass(frozen=True, slots=True)
class Download:
    """What a server sends: a file from byte ``start`` on."""

    start: int
    size: int | None
    """Bytes of the whole file, if the server says."""
    validator: str | None
    """Changes whenever the file does: a strong entity tag."""
    pieces: Iterator[bytes]
    """Raises ``DownloadFailed`` when the connection breaks."""


class Fetch(Protocol):
    def __call__(self, url: str, start: int = 0, validator: str | None = None) -> AbstractContextManager[Download]:
        """Ask for the bytes from ``start`` on, if the file still is the one of ``validator``. What comes may begin at 0
        all the same. Raises ``DownloadFailed``.
        """
        ...


def may_be_fetched(url: str) -> bool:
    """https, or http from this very machine."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url)))


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def sha256(path: Path) -> str:
    """Of the content of a file, in lower case. Raises ``OSError``."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_complete(path: Path, file: ModelFile) -> bool:
    """Whether this is the file. Raises ``OSError`` for one that cannot be read."""
    return path.is_file() and path.stat().st_size == file.size and sha256(path) == file.sha256


def kept(target: Path, file: ModelFile) -> int:
    """How many bytes of the file need not be fetched again."""
    if target.is_file():
        return file.size if target.stat().st_size == file.size else 0
    return _Partial(target).kept(file)


def fetch_file(fetch: Fetch, file: ModelFile, target: Path, progress: Progress = lambda done: None) -> None:
    """Have the file at ``target``, which appears when it is complete and right. What came before a break is kept beside
    it where the server gave it a validator, so that the next call goes on from there.

    Raises ``DownloadFailed``, ``OSError``.
    """
    if is_complete(target, file):
        progress(file.size)
        return
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = _Partial(target)
    resumed = partial.fetch(fetch, file, progress)
    if resumed and not is_complete(partial.path, file):  # what lay here was not its beginning
        partial.discard()
        partial.fetch(fetch, file, progress)
    if not is_complete(partial.path, file):
        partial.discard()
        raise DownloadFailed(f"{file.path} does not have the checksum of the catalogue, and was thrown away")
    partial.path.replace(target)
    partial.discard()


class _Partial:
    """The beginning of a file, and in a file beside it the validator of what it is the beginning of."""

    def __init__(self, target: Path) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self._mark = target.with_name(f"{target.name}.part.etag")

    def kept(self, file: ModelFile) -> int:
        """Bytes that can be gone on from."""
        if not self._mark.is_file() or not self.path.is_file():
            return 0
        size = self.path.stat().st_size
        return size if size <= file.size else 0

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._mark.unlink(missing_ok=True)

    def fetch(self, fetch: Fetch, file: ModelFile, progress: Progress) -> bool:
        """Have all bytes. Returns whether some of them were here before."""
        assert file.url is not None
        start = self.kept(file)
        if start == 0:
            self.discard()
        elif start == file.size:
            return True
        validator = self._mark.read_text(encoding="utf-8") if start else None
        try:
            with fetch(file.url, start, validator) as download:
                if download.size not in (None, file.size):
                    self.discard()
                    raise DownloadFailed(
                        f"{file.path} has {download.size:,} bytes at its source and {file.size:,} in the catalogue"
                    )
                if download.start == 0:
                    self.discard()
                    if download.validator is not None:
                        self._mark.write_text(download.validator, encoding="utf-8")
                self._receive(download, file, progress)
        except BaseException:
            if not self._mark.is_file():  # nobody could tell whether the rest fits
                self.discard()
            raise
        return download.start > 0

    def _receive(self, download: Download, file: ModelFile, progress: Progress) -> None:
        done = download.start
        with self.path.open("ab") as out:
            for piece in download.pieces:
                done += len(piece)
                if done > file.size:
                    self.discard()
                    raise DownloadFailed(f"{file.path} is longer at its source than the catalogue says")
                out.write(piece)
                progress(done)
        if done < file.size:
            raise DownloadFailed(f"{file.path} ended after {done:,} of {file.size:,} bytes")
