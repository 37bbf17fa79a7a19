"""A file as a response."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from starlette.types import Send

_PIECE_BYTES: Final = 1 << 18


async def send_file(send: Send, path: Path, content_type: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
    """A piece at a time, read by another thread; a client that reads slowly is waited for."""
    with await asyncio.to_thread(path.open, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        fields = [("content-type", content_type), ("content-length", str(size)), *headers]
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
