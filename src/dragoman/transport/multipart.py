"""Reception of a multipart form: files go to the spool as they arrive, everything else is small and bounded."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from dragoman.core.errors import Cancelled, IncompleteUpload, InvalidField, InvalidRequest, PayloadTooLarge, Unavailable
from dragoman.transport.form import Form, Upload
from dragoman.transport.spool import Spool, SpoolFile

_PLAIN_ENCODINGS: Final = {"", "7bit", "8bit", "binary"}


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """``max_text_bytes`` bounds all text fields of a form together, ``max_uploads`` the forms that are held at once."""

    max_body_bytes: int
    idle_timeout_s: float
    max_parts: int = 100
    max_text_bytes: int = 1 << 20
    max_uploads: int = 64


class Body:
    """The body of a request, chunk by chunk, within the limits."""

    def __init__(self, request: Request, max_bytes: int, idle_timeout_s: float) -> None:
        """Raises ``PayloadTooLarge`` if the header already says so, before anything is read."""
        self._receive = request.receive
        self._max_bytes = max_bytes
        self._idle_timeout_s = idle_timeout_s
        self._bytes = 0
        self._ended = False
        _claimed_bytes(request, max_bytes)

    async def chunk(self) -> bytes | None:
        """The next bytes, ``None`` at the end.

        Raises ``IncompleteUpload`` when nothing arrives for too long, ``PayloadTooLarge``, and ``Cancelled`` when the
        client leaves.
        """
        if self._ended:
            return None
        try:
            async with asyncio.timeout(self._idle_timeout_s):
                message = await self._receive()
        except TimeoutError:
            raise IncompleteUpload(
                f"Nothing of the body arrived for {self._idle_timeout_s:g} s; the upload was given up."
            ) from None
        if message["type"] == "http.disconnect":
            raise Cancelled("The client left before its upload was complete.")
        chunk: bytes = message.get("body", b"")
        self._ended = not message.get("more_body", False)
        self._bytes += len(chunk)
        if self._bytes > self._max_bytes:
            raise _too_large(self._bytes, self._max_bytes)
        return chunk


def _claimed_bytes(request: Request, max_bytes: int) -> int | None:
    """What the header says of the body. Raises ``PayloadTooLarge``."""
    claimed = request.headers.get("content-length", "")
    size = int(claimed) if claimed.isascii() and claimed.isdigit() else None
    if size is not None and size > max_bytes:
        raise _too_large(size, max_bytes)
    return size


def _too_large(size: int, limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body is larger than the {limit:,} bytes that this server accepts.", size=size, limit=limit
    )


class Uploads:
    """Receives forms."""

    def __init__(self, spool: Spool, limits: UploadLimits) -> None:
        self._spool = spool
        self._limits = limits
        self._held = 0

    @asynccontextmanager
    async def form(self, request: Request, *, files: frozenset[str]) -> AsyncIterator[Form]:
        """The form of a request. Parts named in ``files`` are stored as files, whether or not they name a file.

        The files are removed when the block ends. Raises ``InvalidRequest`` and its children, ``Unavailable`` when too
        many uploads are held or the disk is full, ``Cancelled`` when the client leaves.
        """
        boundary = _boundary(request.headers.get("content-type"))
        body = Body(request, self._limits.max_body_bytes, self._limits.idle_timeout_s)
        with ExitStack() as stack:
            stack.enter_context(self._hold())
            parts = _Parts(boundary, files, self._limits, lambda: stack.enter_context(self._spool.create()))
            while (chunk := await body.chunk()) is not None:
                parts.feed(chunk)
                for file in parts.spooled:
                    if file.is_full:
                        await file.store()
            parts.finish()
            for file in parts.spooled:
                await file.finish()
            yield parts.form()

    def claimed_bytes(self, request: Request) -> int | None:
        """How large the request says its body is, before anything of it is read; ``None``: it does not say. Raises
        ``PayloadTooLarge``."""
        return _claimed_bytes(request, self._limits.max_body_bytes)

    @contextmanager
    def _hold(self) -> Iterator[None]:
        if self._held >= self._limits.max_uploads:
            raise Unavailable(f"{self._held} uploads are being received or recognised. Try again later.")
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    async def text(self, request: Request) -> bytes:
        """A body that is not a form, as long as the text fields of a form may be."""
        body = Body(request, self._limits.max_text_bytes, self._limits.idle_timeout_s)
        chunks = []
        while (chunk := await body.chunk()) is not None:
            chunks.append(chunk)
        return b"".join(chunks)


def _boundary(content_type: str | None) -> bytes:
    if content_type is None:
        raise InvalidRequest("The body must be a form of the type multipart/form-data; the request names no type.")
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise InvalidRequest("The body must be a form of the type multipart/form-data.")
    boundary = options.get(b"boundary", b"")
    if not boundary:
        raise InvalidRequest("The content type multipart/form-data names no boundary.")
    return boundary


class _Parts:
    """The parser's callbacks, and what they found."""

    def __init__(
        self, boundary: bytes, file_names: frozenset[str], limits: UploadLimits, create: Callable[[], SpoolFile]
    ) -> None:
        self._file_names = file_names
        self._limits = limits
        self._create = create
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._name = ""
        self._part_count = 0
        self._text_bytes = 0
        self._text: bytearray | None = None
        self._file: SpoolFile | None = None
        self._ended = False
        self._texts: defaultdict[str, list[str]] = defaultdict(list)
        self._files: defaultdict[str, list[tuple[str, SpoolFile]]] = defaultdict(list)
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._more_header_name,
                    "on_header_value": self._more_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open,
                    "on_part_data": self._data,
                    "on_part_end": self._end,
                    "on_end": self._end_form,
                },
            )
        except FormParserError as error:
            raise InvalidRequest(f"The boundary of the form cannot be used: {error}.") from error

    @property
    def spooled(self) -> list[SpoolFile]:
        return [file for files in self._files.values() for _, file in files]

    def feed(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidRequest("The body is not the multipart form that its content type promises.") from error

    def finish(self) -> None:
        if not self._ended:
            raise IncompleteUpload("The form ends before its closing boundary: the upload was cut short.")

    def form(self) -> Form:
        return Form(
            {name: tuple(texts) for name, texts in self._texts.items()},
            {
                name: tuple(Upload(file.path, filename, file.size) for filename, file in files)
                for name, files in self._files.items()
            },
        )

    def _begin(self) -> None:
        self._part_count += 1
        if self._part_count > self._limits.max_parts:
            raise InvalidRequest(f"The form has more than {self._limits.max_parts} fields.")
        self._headers = {}
        self._header_name = self._header_value = b""

    def _more_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _more_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _open(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in options:
            raise InvalidRequest("A part of the form has no name.")
        encoding = self._headers.get(b"content-transfer-encoding", b"").decode("latin-1").strip().lower()
        if encoding not in _PLAIN_ENCODINGS:
            raise InvalidRequest(f"A part of the form is encoded as {encoding!r}; send it as it is.")
        self._name = _text(options[b"name"])
        if self._name in self._file_names:
            self._file = self._create()
            self._files[self._name].append((_text(options.get(b"filename", b"")), self._file))
        else:
            self._text = bytearray()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.add(data[start:end])
        elif self._text is not None:
            self._text_bytes += end - start
            if self._text_bytes > self._limits.max_text_bytes:
                raise PayloadTooLarge(
                    f"The text fields of the form are larger than {self._limits.max_text_bytes:,} bytes together.",
                    field=self._name,
                    size=self._text_bytes,
                    limit=self._limits.max_text_bytes,
                )
            self._text += data[start:end]

    def _end(self) -> None:
        if self._text is not None:
            try:
                self._texts[self._name].append(self._text.decode("utf-8"))
            except UnicodeDecodeError:
                raise InvalidField(f"{self._name} is not UTF-8 text.", field=self._name) from None
        self._text = self._file = None

    def _end_form(self) -> None:
        self._ended = True


def _text(raw: bytes) -> str:
    """A name as browsers, curl and HTTP libraries write it: UTF-8, or else Latin-1."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
