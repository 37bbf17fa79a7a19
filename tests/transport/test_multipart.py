"""Reception of forms: whatever way the bytes are cut, within limits."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from dragoman.core.errors import (
    Cancelled,
    IncompleteUpload,
    InvalidField,
    InvalidRequest,
    PayloadTooLarge,
    Unavailable,
)
from dragoman.transport.form import Form
from dragoman.transport.multipart import UploadLimits, Uploads
from dragoman.transport.spool import Spool, SpoolFile

pytestmark = pytest.mark.unit

LIMITS = UploadLimits(max_body_bytes=100_000, idle_timeout_s=5)
BOUNDARY = "a-boundary"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"


def request(
    chunks: Sequence[bytes], content_type: str | None = TYPE, *, length: int | None = None, then: Message | None = None
) -> Request:
    """A request whose body arrives in these pieces; without an end, ``then`` follows, or nothing ever."""
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append(then or {"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        raise AssertionError("read past the end of the body")

    headers = [] if content_type is None else [(b"content-type", content_type.encode("latin-1"))]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    return Request({"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}, receive)


@contextmanager
def opened(limits: UploadLimits = LIMITS) -> Iterator[tuple[Uploads, Path]]:
    with TemporaryDirectory() as folder:
        spool = Spool(Path(folder))
        spool.open()
        yield Uploads(spool, limits), Path(folder)
        assert [path.name for path in Path(folder).rglob("*") if path.is_file()] == ["lock"], "an upload was left"
        spool.close()


async def fields_of(
    incoming: Request, limits: UploadLimits = LIMITS
) -> tuple[Form, dict[str, list[tuple[str, bytes]]]]:
    """The form, and name and content of its files."""
    with opened(limits) as (uploads, _):
        async with uploads.form(incoming, files=frozenset({"file"})) as form:
            files = {
                name: [(upload.filename, upload.path.read_bytes()) for upload in uploads]
                for name, uploads in form.files.items()
            }
            return form, files


def part(name: str, content: bytes, *more: str) -> bytes:
    head = "\r\n".join([f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"' + "".join(more)])
    return head.encode() + b"\r\n\r\n" + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
FILE = part("file", b"RIFF", '; filename="a.wav"')


def cut(body: bytes, places: Iterable[int]) -> list[bytes]:
    edges = sorted({0, len(body), *(place % (len(body) + 1) for place in places)})
    return [body[start:end] for start, end in pairwise(edges)] or [b""]


names = st.text(st.characters(codec="utf-8", exclude_characters='\r\n"\\\0'), min_size=1, max_size=20)
contents = st.one_of(st.binary(max_size=300), st.just(b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n-"))


@settings(max_examples=200)
@given(
    st.lists(st.tuples(names.filter(lambda name: name != "file"), st.text(max_size=100))),
    st.lists(st.tuples(names, contents), max_size=3),
    st.lists(st.integers(0, 5_000), max_size=30),
)
def test_a_form_arrives_as_it_was_sent_whatever_way_it_is_cut(
    texts: list[tuple[str, str]], files: list[tuple[str, bytes]], places: list[int]
) -> None:
    outgoing = [(name, (None, text.encode())) for name, text in texts]
    outgoing += [("file", (name, content)) for name, content in files]
    if not outgoing:
        return
    built = httpx.Request("POST", "http://test", files=outgoing)
    incoming = request(cut(built.read(), places), built.headers["content-type"])
    form, received = asyncio.run(fields_of(incoming))
    expected: dict[str, tuple[str, ...]] = {}
    for name, text in texts:
        # what browsers and httpx put into names so that they stand on one line
        escaped = "".join(f"%{ord(c):02X}" if c in '"' or (ord(c) < 32 and ord(c) != 27) else c for c in name)
        expected[escaped] = (*expected.get(escaped, ()), text)
    assert form.fields == expected
    assert [content for _, content in received.get("file", [])] == [content for _, content in files]


async def test_a_part_of_the_name_is_a_file_even_without_a_filename() -> None:
    form, files = await fields_of(request([part("file", b"RIFF"), part("note", b"x", '; filename="n.json"'), END]))
    assert files == {"file": [("", b"RIFF")]}
    assert form.fields == {"note": ("x",)}


@pytest.mark.parametrize("filename", ["grüße.wav", "日本語.ogg", "a b;c.wav"])
async def test_filenames_are_utf_8(filename: str) -> None:
    _, files = await fields_of(request([part("file", b"RIFF", f'; filename="{filename}"'), END]))
    assert files == {"file": [(filename, b"RIFF")]}


@pytest.mark.parametrize(
    ("content_type", "complaint"),
    [
        (None, "no type"),
        ("", "multipart"),
        ("audio/wav", "multipart"),
        ("application/x-www-form-urlencoded", "multipart"),
        ("multipart/mixed; boundary=x", "multipart"),
        ("multipart/form-data", "boundary"),
        ("multipart/form-data; boundary=", "boundary"),
        ("multipart/form-data; boundary=" + "x" * 300, "boundary"),
        ("multipart/form-data; boundary=another", "not the multipart form"),
        ('multipart/form-data; boundary="', "not the multipart form"),
    ],
)
async def test_a_wrong_content_type_is_refused(content_type: str | None, complaint: str) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        await fields_of(request([FILE, END], content_type))


@pytest.mark.parametrize(
    "body",
    [
        b"RIFF\x00\x00",
        b"--wrong\r\n\r\n",
        f"--{BOUNDARY}\r\nno colon here\r\n\r\nx\r\n".encode() + END,
        f"--{BOUNDARY}\r\n\r\nno name\r\n".encode() + END,
        f"--{BOUNDARY}\r\nContent-Disposition: attachment; name=x\r\n\r\nx\r\n".encode() + END,
        part("file", b"UklGRg==", '; filename="a.wav"\r\nContent-Transfer-Encoding: base64') + END,
        f"--{BOUNDARY}\r\nContent-Disposition: {'x' * 10_000}\r\n\r\nx\r\n".encode() + END,
        f"--{BOUNDARY}\r\n".encode() + b"X: y\r\n" * 100 + b"\r\n\r\n" + END,
        b"".join(part(f"field{number}", b"x") for number in range(200)) + END,
    ],
)
async def test_a_garbled_form_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await fields_of(request([body]))


@pytest.mark.parametrize("kept", range(0, len(FILE + END), 7))
async def test_a_form_that_was_cut_short_is_noticed(kept: int) -> None:
    body = FILE + END
    if body[:kept].endswith(f"--{BOUNDARY}--".encode()):
        pytest.skip("complete but for the last line end")
    with pytest.raises(IncompleteUpload, match="cut short"):
        await fields_of(request([body[:kept]]))


async def test_text_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(InvalidField) as caught:
        await fields_of(request([part("language", b"\xff\xfe"), END]))
    assert caught.value.field == "language"


async def test_a_claimed_length_beyond_the_limit_is_refused_before_anything_is_read() -> None:
    size = LIMITS.max_body_bytes + 1
    unread = request([], length=size, then={"type": "unread"})
    with pytest.raises(PayloadTooLarge) as caught:
        await fields_of(unread)
    assert (caught.value.size, caught.value.limit) == (size, LIMITS.max_body_bytes)
    with opened() as (uploads, _):
        with pytest.raises(PayloadTooLarge):
            uploads.claimed_bytes(unread)
        assert uploads.claimed_bytes(request([], length=size - 1)) == size - 1
        assert uploads.claimed_bytes(request([])) is None


async def test_a_body_that_grows_beyond_the_limit_is_refused() -> None:
    chunks = [FILE[:-2], *([bytes(10_000)] * 10)]
    with pytest.raises(PayloadTooLarge, match="100,000") as caught:
        await fields_of(request(chunks, then={"type": "unread"}))
    assert caught.value.size > caught.value.limit == 100_000


async def test_text_fields_are_bounded_together() -> None:
    limits = UploadLimits(max_body_bytes=100_000, idle_timeout_s=5, max_text_bytes=1_000)
    form, _ = await fields_of(request([part("a", b"x" * 500), part("b", b"x" * 500), END]), limits)
    assert len(form.fields) == 2
    with pytest.raises(PayloadTooLarge, match="1,000") as caught:
        await fields_of(request([part("a", b"x" * 500), part("b", b"x" * 501), END]), limits)
    assert (caught.value.field, caught.value.size, caught.value.limit) == ("b", 1_001, 1_000)


async def test_uploads_at_once_are_bounded_and_a_place_becomes_free_again() -> None:
    with opened(UploadLimits(max_body_bytes=1_000, idle_timeout_s=5, max_uploads=1)) as (uploads, _):
        for _ in range(2):
            async with uploads.form(request([FILE, END]), files=frozenset({"file"})):
                with pytest.raises(Unavailable):
                    async with uploads.form(request([], then={"type": "unread"}), files=frozenset({"file"})):
                        pass


async def test_an_upload_that_stops_is_given_up() -> None:
    async def receive() -> Message:
        return await asyncio.get_running_loop().create_future()

    stalled = Request(request([]).scope, receive)
    with pytest.raises(IncompleteUpload, match=r"0\.01 s"):
        await fields_of(stalled, UploadLimits(max_body_bytes=1_000, idle_timeout_s=0.01))


async def test_a_client_that_leaves_in_the_middle_is_not_replied_to() -> None:
    with pytest.raises(Cancelled):
        await fields_of(request([FILE[:20]], then={"type": "http.disconnect"}))


async def test_a_large_file_is_not_gathered_in_memory() -> None:
    """No more than about a megabyte waits to be stored, so the file is on the disk before the last piece has come."""
    piece = os.urandom(64 << 10)
    stored: list[int] = []
    with opened(UploadLimits(max_body_bytes=64 << 20, idle_timeout_s=5)) as (uploads, folder):
        pieces = [FILE[:-2], *([piece] * 160)]

        async def receive() -> Message:
            if not pieces:
                return {"type": "http.request", "body": b"\r\n" + END, "more_body": False}
            stored.append(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))
            return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

        async with uploads.form(Request(request([]).scope, receive), files=frozenset({"file"})) as form:
            assert form.file("file").size == len(b"RIFF") + 160 * len(piece)
    sent = [max(0, number - 1) * len(piece) for number in range(len(stored))]
    assert max(before - on_disk for before, on_disk in zip(sent, stored, strict=True)) <= 1 << 20


class FullDisk(Spool):
    """A spool on the device that is always full."""

    def create(self) -> SpoolFile:
        path = super().create().path
        return SpoolFile(os.open("/dev/full", os.O_WRONLY), str(path))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
async def test_a_full_disk_is_a_reason_to_come_back_later(tmp_path: Path) -> None:
    spool = FullDisk(tmp_path)
    spool.open()
    with pytest.raises(Unavailable):
        async with Uploads(spool, LIMITS).form(request([FILE, END]), files=frozenset({"file"})):
            pass
    spool.close()


@settings(max_examples=300)
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5), st.booleans())
def test_no_body_makes_anything_but_a_form_or_an_invalid_request(
    garbage: bytes, places: list[int], starts_well: bool
) -> None:
    body = f"--{BOUNDARY}\r\nContent-Disposition: ".encode() + garbage if starts_well else garbage
    with suppress(InvalidRequest):
        asyncio.run(fields_of(request(cut(body, places))))
