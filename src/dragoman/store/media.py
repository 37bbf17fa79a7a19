"""The media of jobs: files in a folder, or objects in any store that fsspec opens."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import urlsplit
from urllib.request import url2pathname

from dragoman.core.errors import NotFound, StorageFull, Unavailable
from dragoman.core.jobs import MediaStore
from dragoman.store.database import StoreError

logger = logging.getLogger(__name__)

T = TypeVar("T")

_NAME: Final = re.compile("([0-9a-f]{9})[0-9a-f]{24}")
"""The second in which it was made up, and chance."""
_MARK: Final = "dragoman-media"
"""A file in the folder: while the disk is not mounted, nothing is missing."""
_FETCHED: Final = "fetched-"
_LEFT_S: Final = 86_400.0
"""A fetched file this old was left by a process that was killed."""
_PATIENCE_S: Final = 900.0
"""How long one object may take on its way to or from its store."""
_THREADS: Final = 8
_DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


def media_store(url: str | None, folder: Path) -> MediaStore:
    """The store of the setting ``media_url``; ``None``: ``folder``, which is also where a process keeps its copies of
    objects in other stores. Nothing is opened yet."""
    if url is None:
        return FolderMedia(folder)
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderMedia(Path(url2pathname(parts.path)))
    return ObjectMedia(url, folder)


class FolderMedia:
    """``dragoman.core.jobs.MediaStore`` in a folder of this machine, or one that several share."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    @property
    def folder(self) -> Path:
        """A file in or below it is not copied when it is kept."""
        return self._folder

    async def open(self) -> None:
        try:
            await asyncio.to_thread(_prepare, self._folder)
        except OSError as error:
            raise StoreError(
                f"recordings cannot be kept in {self._folder}: {error.strerror}\n"
                "The settings state_dir and media_url say where they are."
            ) from error

    async def aclose(self) -> None:
        pass

    async def keep(self, path: Path) -> str:
        name = _new_name(self._clock)
        await self._in_thread(lambda: self._keep(path, self._folder / name))
        return name

    @asynccontextmanager
    async def local(self, name: str) -> AsyncIterator[Path]:
        yield await self._in_thread(lambda: self._found(_checked(name)))

    async def remove(self, name: str) -> None:
        if _NAME.fullmatch(name):
            await self._in_thread(lambda: (self._folder / name).unlink(missing_ok=True))

    async def names(self, older_than_s: float) -> AsyncIterator[str]:
        for name in _older(await self._in_thread(lambda: os.listdir(self._folder)), self._clock() - older_than_s):
            yield name

    async def free_bytes(self) -> int | None:
        return (await self._in_thread(lambda: shutil.disk_usage(self._folder))).free

    def _found(self, name: str) -> Path:
        path = self._folder / name
        if not path.is_file():
            self._check_there()
            _not_found()
        return path

    def _keep(self, path: Path, target: Path) -> None:
        self._check_there()
        try:
            _make_durable(path)
            try:
                path.rename(target)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                _create(target)
                shutil.copyfile(path, target)
                _make_durable(target)
            _make_names_durable(self._folder)
        except BaseException:
            with suppress(OSError):
                target.unlink(missing_ok=True)
            raise
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def _check_there(self) -> None:
        """Raises ``OSError`` while the folder, or the disk it is on, is away."""
        (self._folder / _MARK).stat()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except OSError as error:
            raise _refusal(error) from error


class ObjectMedia:
    """``dragoman.core.jobs.MediaStore`` in a store that fsspec opens by a URL.

    It has threads of its own: a store that does not answer keeps nothing else waiting.
    """

    def __init__(self, url: str, folder: Path, *, clock: Callable[[], float] = time.time) -> None:
        """``folder`` is where copies lie while they are read."""
        self._url = url
        self._folder = folder
        self._clock = clock
        self._threads: ThreadPoolExecutor | None = None
        self._system: Any = None
        self._root = ""

    async def open(self) -> None:
        self._threads = self._threads or ThreadPoolExecutor(_THREADS, thread_name_prefix="media")
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._open)
        except Exception as error:  # each file system has errors of its own, and some show the URL with its secrets
            reason = str(error) if isinstance(error, ImportError) else type(error).__name__
            raise StoreError(f"recordings cannot be kept where the setting media_url says: {reason}") from error

    async def aclose(self) -> None:
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    async def keep(self, path: Path) -> str:
        name = _new_name(self._clock)
        await self._in_thread(lambda: self._keep(path, name))
        return name

    def local(self, name: str) -> AbstractAsyncContextManager[Path]:
        return self._fetched(_checked(name))

    async def remove(self, name: str) -> None:
        if _NAME.fullmatch(name):
            await self._in_thread(lambda: self._remove(name))

    async def names(self, older_than_s: float) -> AsyncIterator[str]:
        for name in _older(await self._in_thread(self._listed), self._clock() - older_than_s):
            yield name

    async def free_bytes(self) -> int | None:
        """Of the disk where uploads wait and copies lie: the other store has no end."""
        return (await self._in_thread(lambda: shutil.disk_usage(self._folder))).free

    def _open(self) -> None:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]

        _prepare(self._folder)
        for left in self._folder.glob(f"{_FETCHED}*"):
            if left.stat().st_mtime < time.time() - _LEFT_S:
                left.unlink(missing_ok=True)
        self._system, root = url_to_fs(self._url)
        self._root = str(root).rstrip("/")
        self._system.pipe_file(self._at(_MARK), b"")

    def _keep(self, path: Path, name: str) -> None:
        try:
            self._system.put_file(str(path), self._at(name))
        except BaseException:
            with suppress(Exception):
                self._system.rm_file(self._at(name))
            raise
        with suppress(OSError):
            path.unlink(missing_ok=True)

    def _remove(self, name: str) -> None:
        with suppress(FileNotFoundError):
            self._system.rm_file(self._at(name))

    @asynccontextmanager
    async def _fetched(self, name: str) -> AsyncIterator[Path]:
        path = self._folder / f"{_FETCHED}{secrets.token_hex(16)}"
        try:
            await self._in_thread(lambda: self._fetch(name, path))
            yield path
        finally:
            await asyncio.to_thread(path.unlink, missing_ok=True)

    def _fetch(self, name: str, path: Path) -> None:
        _create(path)
        try:
            self._system.get_file(self._at(name), str(path))
        except FileNotFoundError:
            self._system.info(self._at(_MARK))  # raises when all of the store is away
            _not_found()

    def _listed(self) -> list[str]:
        self._system.invalidate_cache()
        return [str(path).rpartition("/")[2] for path in self._system.ls(self._root, detail=False)]

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._threads is None:
            raise Unavailable("The server is starting or stopping. Try again later.")
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except NotFound:
            raise
        except Exception as error:
            raise _refusal(error) from error


def _prepare(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / _MARK).write_bytes(b"")


def _new_name(clock: Callable[[], float]) -> str:
    return f"{int(clock()):09x}{secrets.token_hex(12)}"


def _checked(name: str) -> str:
    """A name of ours, which leads nowhere else. Raises ``NotFound``."""
    if not _NAME.fullmatch(name):
        _not_found()
    return name


def _older(names: Iterable[str], time_s: float) -> list[str]:
    found = (_NAME.fullmatch(name) for name in names)
    return [match.string for match in found if match is not None and int(match[1], 16) <= time_s]


def _create(path: Path) -> None:
    """An empty file for this user only."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _make_durable(path: Path) -> None:
    """The content is on the disk, and for this user only."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        path.chmod(0o600)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_names_durable(folder: Path) -> None:
    if os.name != "posix":
        return  # nobody else can open a folder; there the file system sees to it
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refusal(error: Exception) -> Unavailable:
    if isinstance(error, OSError) and error.errno in _DISK_FULL:
        logger.error("there is no room for recordings: %s", os.strerror(error.errno))
        return StorageFull("The server has no room for the recording. Try again later.")
    logger.error("recordings cannot be reached: %s", type(error).__name__)
    return Unavailable("The recordings of this server cannot be reached now. Try again later.")


def _not_found() -> NoReturn:
    raise NotFound("The recording is no longer kept.")
