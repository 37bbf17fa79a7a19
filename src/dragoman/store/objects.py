"""Files of clients in the object store that the operator configured: a folder, or anything that fsspec opens."""

from __future__ import annotations

import asyncio
import logging
import os.path
import re
from typing import Any, Final

from dragoman.core.errors import InvalidField, Unavailable

logger = logging.getLogger(__name__)

_BUCKET: Final = re.compile("[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_SCHEME: Final = "s3://"
_PATIENCE_S: Final = 60.0


class ObjectFolder:
    """``dragoman.core.word_lists.ObjectReader``: ``s3://bucket/key`` is the file ``bucket/key`` below a root.

    No other place can be reached, neither by the address nor, on a disk, by a link.
    """

    def __init__(self, url: str | None) -> None:
        """``file:///srv/tables``, or a URL of another file system of fsspec. ``None``: there is nothing to read."""
        self._url = url
        self._root: tuple[Any, str, bool] | None = None

    async def read(self, uri: str, max_bytes: int) -> bytes:
        """Raises ``InvalidField`` that says why: no such file, too large, nowhere that clients may read."""
        if self._url is None:
            raise InvalidField(
                f"{uri} cannot be read: this server has no object store. "
                "Its operator can name one with the setting object_store_url."
            )
        path = _path(uri)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                return await asyncio.to_thread(self._read, uri, path, max_bytes)
        except TimeoutError:
            raise Unavailable(f"{uri} cannot be read now: the object store does not answer.") from None

    def _read(self, uri: str, path: str, max_bytes: int) -> bytes:
        if self._root is None:
            self._root = _open(str(self._url))
        system, root, is_local = self._root
        full = f"{root.rstrip('/')}/{path}" if root else path
        if is_local and not _is_below(full, root):
            raise InvalidField(f"{uri} leads out of the object store.")
        try:
            with system.open(full, "rb") as file:
                data: bytes = file.read(max_bytes + 1)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise InvalidField(f"There is no file {uri} in the object store of this server.") from None
        except Exception as error:  # each file system has errors of its own
            logger.warning("the object store failed: %s", type(error).__name__)
            raise InvalidField(f"{uri} cannot be read: the object store failed ({type(error).__name__}).") from error
        if len(data) > max_bytes:
            raise InvalidField(f"{uri} is larger than the {max_bytes:,} bytes allowed.")
        return data


def _open(url: str) -> tuple[Any, str, bool]:
    """The file system, the root in it, and whether it is one of this machine. Raises ``InvalidField``."""
    from fsspec.core import url_to_fs  # type: ignore[import-untyped]
    from fsspec.implementations.local import LocalFileSystem  # type: ignore[import-untyped]

    try:
        system, root = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise InvalidField(f"The object store of this server cannot be opened: {error}") from error
    return system, str(root), isinstance(system, LocalFileSystem)


def _path(uri: str) -> str:
    """``bucket/key``. Raises ``InvalidField``."""
    bucket, _, key = uri.removeprefix(_SCHEME).partition("/")
    if not uri.startswith(_SCHEME) or not _BUCKET.fullmatch(bucket) or not key:
        raise InvalidField(f"{uri} is not of the form s3://bucket/key, the only one that is read here.")
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts) or not key.isprintable() or set(key) & set("\\*?[]:|"):
        raise InvalidField(f"The key of {uri} has parts that are not read here, such as '..', '//' or '*'.")
    return f"{bucket}/{key}"


def _is_below(path: str, root: str) -> bool:
    real_root = os.path.realpath(root)
    return os.path.commonpath([real_root, os.path.realpath(path)]) == real_root
