"""Where uploads wait while they are recognised: a private folder per process.

The folder is locked for as long as its process lives, so that a later start can tell a folder in use from one that a
killed process left behind, whatever became of the process number.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

from dragoman.core.errors import DragomanError, InternalError, StorageFull, Unavailable

try:
    import fcntl
except ImportError:  # Windows refuses to remove a file that is open, which serves as well
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

_PREFIX: Final = "dragoman-spool-"
_NEW_PREFIX: Final = "dragoman-new-"
_NEW_S: Final = 60.0
"""A folder that is not locked after this long was left by a process that was killed at once."""
_LOCK: Final = "lock"
_BUFFER_BYTES: Final = 1 << 20
_DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


class Spool:
    """Makes files in a private folder below ``parent``. ``open`` before use; ``close`` removes all of it."""

    def __init__(self, parent: Path, *, free_bytes: int = 0) -> None:
        """So much stays free on the disk: a file that would take of it finds the disk full."""
        self._parent = parent
        self._free_bytes = free_bytes
        self._folder: Path | None = None
        self._lock: int | None = None

    def open(self) -> None:
        """Remove what dead processes left in ``parent``, make the folder. Raises ``OSError``."""
        self._parent.mkdir(parents=True, exist_ok=True)
        self._sweep()
        # Locked before it gets the name that others sweep.
        folder = Path(tempfile.mkdtemp(prefix=_NEW_PREFIX, dir=self._parent))
        self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        if fcntl is not None:
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._folder = folder.rename(self._parent / folder.name.replace(_NEW_PREFIX, _PREFIX))

    def close(self) -> None:
        """Remove the folder with all files. May be called twice."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def create(self) -> SpoolFile:
        """A new empty file, readable by this user only. Raises ``StorageFull``, ``Unavailable``."""
        if self._folder is None:
            raise Unavailable("The server is starting or stopping. Try again later.")
        try:
            return SpoolFile(*tempfile.mkstemp(dir=self._folder), self._free_bytes)
        except OSError as error:
            raise _refusal(error) from error

    def _sweep(self) -> None:
        for folder in self._parent.glob(f"{_NEW_PREFIX}*"):
            with suppress(OSError):  # its process was quicker
                if folder.stat().st_mtime < time.time() - _NEW_S:
                    shutil.rmtree(folder, ignore_errors=True)
        for folder in self._parent.glob(f"{_PREFIX}*"):
            try:
                lock = os.open(folder / _LOCK, os.O_RDWR)
            except OSError:
                continue  # another user's, or just being removed
            try:
                if fcntl is not None:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue  # in use
            finally:
                os.close(lock)
            shutil.rmtree(folder, ignore_errors=True)
            logger.info("removed the uploads that a stopped server left in %s", folder)


class SpoolFile:
    """A file being written in order. Written data is gathered, and stored by another thread, so that a slow disk
    does not stop the event loop. Leaving the block removes the file."""

    def __init__(self, descriptor: int, path: str, free_bytes: int = 0) -> None:
        self._descriptor: int | None = descriptor
        self._free_bytes = free_bytes
        self._buffer = bytearray()
        self.path = Path(path)
        self.size = 0

    def add(self, data: bytes) -> None:
        self._buffer += data
        self.size += len(data)

    @property
    def is_full(self) -> bool:
        """Enough was gathered: time to ``store``."""
        return len(self._buffer) >= _BUFFER_BYTES

    async def store(self) -> None:
        """Write what was gathered. Raises ``StorageFull``."""
        assert self._descriptor is not None
        data, self._buffer = self._buffer, bytearray()
        writing = asyncio.create_task(asyncio.to_thread(self._write, self._descriptor, data), name="spool")
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])  # the file may not be closed under the thread
            raise
        except OSError as error:
            raise _refusal(error) from error

    async def finish(self) -> None:
        """Store the rest and close; the file stays until the block ends."""
        if self._buffer:
            await self.store()
        self._close()

    def _write(self, descriptor: int, data: bytearray) -> None:
        if self._free_bytes and shutil.disk_usage(self.path.parent).free - len(data) < self._free_bytes:
            raise OSError(errno.ENOSPC, "what is left is to stay free")
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> SpoolFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        self.path.unlink(missing_ok=True)


def _refusal(error: OSError) -> DragomanError:
    if error.errno in _DISK_FULL:
        logger.error("the disk that holds uploads is full: %s", error)
        return StorageFull("The server has no room to store the upload. Try again later.")
    return InternalError()
