"""Clients without manners: what is left of them in the server when they are gone."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from pathlib import Path
from typing import Any, Final

from benchmarks.streams_wire import STOP, Http, Server, Upload, WebSocket, frame, now

_PIECE: Final = bytes(range(256)) * 6
_WARM_UP: Final = 5
_LOOK_S: Final = 0.05
_LOOKS: Final = 400
"""Whether the server is done; what is busy even then is in the result."""
_REST_S: Final = 3
"""For what is kept of a stream after its end."""


async def rude(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    """``streams`` at once, opened and dropped in every rude way, ``rounds`` times; before and after it."""
    http = await Http(server).open()
    for _ in range(_WARM_UP):
        await _round(server, http, task["streams"])
    await asyncio.sleep(_REST_S)
    before = _state(server)
    began = now()
    opened = 0
    for _ in range(task["rounds"]):
        opened += await _round(server, http, task["streams"])
    took_s = now() - began
    await asyncio.sleep(_REST_S)
    after = _state(server)
    works = await _still_works(server)
    busy = await _busy(http)
    http.close()
    return {
        "opened": opened,
        "took_s": took_s,
        "before": before,
        "after": after,
        "busy": busy,
        "still_works": works,
    }


async def _round(server: Server, http: Http, streams: int) -> int:
    """How many of them were streams before they were dropped. Ends when the server is done with all of them."""
    ways = [_half_a_request, _handshake_only, _half_a_frame, _without_reading, _without_goodbye]
    acts = [
        ways[number % 5](server) if number % 2 else _half_a_chunk(server, http, number) for number in range(streams)
    ]
    outcomes = await asyncio.gather(*(asyncio.wait_for(act, 20) for act in acts), return_exceptions=True)
    for _ in range(_LOOKS):
        if not any((await _busy(http)).values()):
            break
        await asyncio.sleep(_LOOK_S)
    return sum(outcome is True for outcome in outcomes)


async def _connect(server: Server) -> WebSocket:
    _, websocket = await asyncio.get_running_loop().create_connection(
        lambda: WebSocket(server, 8_000, lambda message, at: None), server.host, server.port
    )
    await websocket.answered.wait()
    return websocket


async def _handshake_only(server: Server) -> bool:
    websocket = await _connect(server)
    _reset(websocket.transport)
    return websocket.status == 101


async def _half_a_frame(server: Server) -> bool:
    websocket = await _connect(server)
    for piece in (frame(2, _PIECE), frame(2, _PIECE)[: len(_PIECE) // 2]):
        websocket.transport.write(piece)
    await asyncio.sleep(0.01)
    _reset(websocket.transport)
    return websocket.status == 101


async def _without_reading(server: Server) -> bool:
    websocket = await _connect(server)
    websocket.transport.pause_reading()
    for _ in range(10):
        websocket.transport.write(frame(2, _PIECE))
    await asyncio.sleep(0.05)
    _reset(websocket.transport)
    return websocket.status == 101


async def _without_goodbye(server: Server) -> bool:
    websocket = await _connect(server)
    websocket.transport.write(frame(2, _PIECE))
    websocket.transport.close()
    await websocket.ended.wait()
    return websocket.status == 101


async def _half_a_request(server: Server) -> bool:
    _, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(b"GET /api/v1/websocket/stt?freq")
    await asyncio.sleep(0.01)
    _reset(writer.transport)
    return False


async def _half_a_chunk(server: Server, http: Http, number: int) -> bool:
    async with _ONE_AT_A_TIME:
        status, body = await http("POST", "/api/v1/stt/stream?frequency=8000")
    if status != 200:
        return False
    stream_id = json.loads(body)["result"]["stream_id"]
    _, upload = await asyncio.get_running_loop().create_connection(
        lambda: Upload(server, stream_id), server.host, server.port
    )
    upload.transport.write(b"600\r\n" + _PIECE + b"\r\n600\r\n" + _PIECE[: 100 + number])
    await asyncio.sleep(0.01)
    _reset(upload.transport)
    return True


_ONE_AT_A_TIME = asyncio.Lock()


def _reset(transport: asyncio.BaseTransport) -> None:
    """The other side sees a connection that was reset, not one that was closed."""
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()  # type: ignore[attr-defined]


def _state(server: Server) -> dict[str, Any]:
    return {
        "memory_kb": server.memory_kb(),
        "handles": [len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in server.pids],
        "threads": [len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in server.pids],
    }


async def _busy(http: Http) -> dict[str, int]:
    _, body = await http("GET", "/api/v1/technologies")
    technologies = json.loads(body)["result"]["technologies"]
    return {each["name"]: sum(model["n_busy_instancies"] for model in each["models"]) for each in technologies}


async def _still_works(server: Server) -> bool:
    said: list[bytes] = []
    _, websocket = await asyncio.get_running_loop().create_connection(
        lambda: WebSocket(server, 8_000, lambda message, at: said.append(message)), server.host, server.port
    )
    await websocket.answered.wait()
    for _ in range(10):
        websocket.transport.write(frame(2, _PIECE))
    websocket.transport.write(frame(1, STOP))
    await asyncio.wait_for(websocket.ended.wait(), 20)
    return any(b'"is_last":true' in message for message in said)
