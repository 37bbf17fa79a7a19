"""A file as a response: all of it, a piece at a time, as fast as the client reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.types import Message

from dragoman.transport.file import send_file

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("size", [0, 1, (1 << 18) - 1, 1 << 18, (1 << 20) + 7])
async def test_every_byte_is_sent_in_pieces_and_the_size_is_told(tmp_path: Path, size: int) -> None:
    path = tmp_path / "recording"
    path.write_bytes(bytes(range(256)) * (size // 256) + bytes(size % 256))
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await send_file(send, path, "audio/mpeg", (("x-more", "yes"),))
    start, *pieces = sent
    assert dict(start["headers"]) == {
        b"content-type": b"audio/mpeg",
        b"content-length": str(size).encode(),
        b"x-more": b"yes",
    }
    assert b"".join(piece["body"] for piece in pieces) == path.read_bytes()
    assert max(len(piece["body"]) for piece in pieces) <= 1 << 18
    assert [piece.get("more_body", False) for piece in pieces] == [True] * (len(pieces) - 1) + [False]


async def test_a_client_that_leaves_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(bytes(1 << 20))
    sent = 0

    async def send(message: Message) -> None:
        nonlocal sent
        if sent == 2:
            raise ConnectionResetError
        sent += 1

    with pytest.raises(ConnectionResetError):
        await send_file(send, path, "audio/mpeg")
    assert sent == 2
