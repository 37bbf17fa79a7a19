"""The other side of the benchmark of streams, a process of its own: ``python -m benchmarks.streams_client``.

It takes a task as JSON on standard input and gives what it saw as JSON on standard output. All it sends is prepared
beforehand, so that its own work is not what is measured; how late it was itself is part of what it tells.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks import streams_rude
from benchmarks.streams_wire import STOP, Http, Server, Upload, WebSocket, frame, now

PIECE_MS: Final = 100
_SLOTS: Final = 20
"""Streams send their pieces spread over this many moments of a piece's length."""
_SAMPLED: Final = 2
"""HTTP streams whose results are fetched."""
_POLL_AFTER_S: Final = (0.003, 0.003, 0.003, 0.003, 0.005, 0.008, 0.013, 0.021)
"""The result of a sampled stream is fetched so long after a piece was sent, and after each other, until it is new."""
_LAST_WORDS_S: Final = 20
_OPENED: Final = b'"<segment>"'
_CLOSED: Final = b'"</segment>"'
_END: Final = b'"end":'


@dataclass(slots=True, eq=False)
class Sender:
    """Sends prepared pieces of one stream, one after the other."""

    transport: asyncio.Transport
    pieces: Sequence[bytes]
    start_at: float = 0.0
    """When its audio begins."""
    sent: list[float] = field(default_factory=list)
    """When each piece was written."""
    held_back: int = 0
    """Pieces that the server did not take at once."""
    has_sent: asyncio.Event = field(default_factory=asyncio.Event)

    def send(self) -> None:
        self.sent.append(now())
        self.transport.write(self.pieces[len(self.sent) - 1])
        self.held_back += self.transport.get_write_buffer_size() > 0
        self.has_sent.set()

    @property
    def is_done(self) -> bool:
        return len(self.sent) == len(self.pieces) or self.transport.is_closing()


class Pace:
    """Every stream's pieces at the pace of speech: each is sent when its last sample would have been recorded."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        """How late the client itself was."""
        self._slots: list[list[Sender]] = [[] for _ in range(_SLOTS)]
        self._streams = 0
        self._began = now()
        self._tick = 0

    def add(self, sender: Sender) -> None:
        """Its audio begins within the length of a piece from now."""
        slot = self._streams % _SLOTS
        self._streams += 1
        tick = self._tick + 1 + (slot - self._tick - 1) % _SLOTS
        sender.start_at = self._due(tick)
        # Its first piece is full one round later.
        asyncio.get_running_loop().call_at(
            asyncio.get_running_loop().time() + self._due(tick + _SLOTS // 2) - now(), self._slots[slot].append, sender
        )

    async def run(self) -> None:
        """Until it is cancelled, or every stream has sent all."""
        while True:
            self._tick += 1
            due = self._due(self._tick)
            await asyncio.sleep(max(0.0, due - now()))
            self.lags.append(max(0.0, now() - due))
            for sender in self._slots[self._tick % _SLOTS]:
                if not sender.is_done:
                    sender.send()
            present = [sender for slot in self._slots for sender in slot] if self._tick % _SLOTS == 0 else []
            if present and len(present) == self._streams and all(sender.is_done for sender in present):
                return

    def _due(self, tick: int) -> float:
        return self._began + tick * PIECE_MS / 1000 / _SLOTS


def read_pieces(stream: dict[str, Any]) -> list[bytes]:
    """Of a file of raw samples, ``pcm``, at ``rate``."""
    pcm = Path(stream["pcm"]).read_bytes()
    size = 2 * stream["rate"] * PIECE_MS // 1000
    return [pcm[at : at + size] for at in range(0, len(pcm), size)]


def covered_ms(message: bytes) -> int:
    """The end of the last word of a result; -1 where there is none, or where its segment is closed: that ends where it
    was cut, some time before the audio that made it end."""
    if message.rfind(_CLOSED) > message.rfind(_OPENED):
        return -1
    at = message.rfind(_END)
    digits = message[at + len(_END) : at + len(_END) + 20].partition(b",")[0].partition(b"}")[0]
    return int(digits) // 10_000 if at >= 0 else -1


async def open_websocket(server: Server, rate: int, on_message: Callable[[bytes, float], None]) -> WebSocket:
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: WebSocket(server, rate, on_message), server.host, server.port)
    await socket.answered.wait()
    if socket.status != 101:
        raise RuntimeError(f"a stream was refused with {socket.status}")
    return socket


async def open_upload(server: Server, http: Http, rate: int) -> tuple[Upload, str]:
    status, body = await http("POST", f"/api/v1/stt/stream?frequency={rate}")
    if status != 200:
        raise RuntimeError(f"a stream was refused with {status}")
    stream_id: str = json.loads(body)["result"]["stream_id"]
    _, upload = await asyncio.get_running_loop().create_connection(
        lambda: Upload(server, stream_id), server.host, server.port
    )
    return upload, stream_id


async def speech(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    """Few streams of speech over WebSockets: every message, with its time since that stream's audio began."""
    seen: list[list[tuple[float, str]]] = [[] for _ in task["streams"]]
    pace, senders, sockets = Pace(), [], []
    for stream, messages in zip(task["streams"], seen, strict=True):
        socket = await open_websocket(
            server, stream["rate"], lambda message, at, kept=messages: kept.append((at, message.decode()))
        )
        sockets.append(socket)
        senders.append(Sender(socket.transport, [frame(2, piece) for piece in read_pieces(stream)]))
    before, began = server.processor_s(), now()
    playing = asyncio.create_task(pace.run(), name="pace")
    for sender in senders:
        pace.add(sender)
    await playing
    for socket in sockets:
        if not socket.transport.is_closing():
            socket.transport.write(frame(1, STOP))
    unclosed = await _ended(sockets)
    return {
        "messages": [
            [(at - sender.start_at, text) for at, text in messages]
            for sender, messages in zip(senders, seen, strict=True)
        ],
        "wall_s": now() - began,
        "processor_s": [b - a for a, b in zip(before, server.processor_s(), strict=True)],
        "client_lags_s": pace.lags,
        "held_back": sum(sender.held_back for sender in senders),
        "unclosed": unclosed,
    }


async def refusal(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    """All streams that there are, and how long the next one waits to be told that there is none."""
    sockets = [await open_websocket(server, 8_000, lambda message, at: None) for _ in range(task["streams"])]
    answers: list[tuple[bytes, float]] = []
    began = now()
    loop = asyncio.get_running_loop()
    _, refused = await loop.create_connection(
        lambda: WebSocket(server, 8_000, lambda message, at: answers.append((message, at))), server.host, server.port
    )
    await asyncio.wait_for(refused.ended.wait(), 10)
    waited_s = min([at for _, at in answers] or [now()]) - began
    for socket in sockets:
        socket.transport.close()
    return {"waited_s": waited_s, "status": refused.status, "said": [message.decode() for message, _ in answers]}


@dataclass(slots=True, eq=False)
class Watched:
    """How far the results of one stream reach, and when that was known."""

    arrivals: list[tuple[int, float]] = field(default_factory=list)
    is_finished: bool = False

    def message(self, message: bytes, at: float) -> None:
        covered = covered_ms(message)
        if covered > (self.arrivals[-1][0] if self.arrivals else 0):
            self.arrivals.append((covered, at))
        self.is_finished = self.is_finished or b'"is_last":true' in message


async def many(server: Server, task: dict[str, Any]) -> dict[str, Any]:
    """``streams`` at once over ``transport`` (websocket or http) of the recogniser that costs nothing."""
    rate, by_websocket = task["rate"], task["transport"] == "websocket"
    pieces = read_pieces(task)
    prepared = [frame(2, piece) if by_websocket else b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    last = frame(1, STOP) if by_websocket else b"0\r\n\r\n"
    http = await Http(server).open()
    await _one_stream(server, http, rate, prepared, last, by_websocket)
    idle_kb = server.memory_kb()
    pace, began = Pace(), now()
    playing = asyncio.create_task(pace.run(), name="pace")
    streams: list[tuple[Sender, Watched, WebSocket | Upload]] = []
    polls: list[asyncio.Task[None]] = []
    for number in range(task["streams"]):
        watched = Watched()
        stream_id = ""
        connection: WebSocket | Upload
        if by_websocket:
            connection = await open_websocket(server, rate, watched.message)
        else:
            connection, stream_id = await open_upload(server, http, rate)
        sender = Sender(connection.transport, prepared)
        pace.add(sender)
        streams.append((sender, watched, connection))
        if stream_id and number % (task["streams"] // _SAMPLED) == 0:
            polls.append(asyncio.create_task(_poll(server, stream_id, sender, watched), name="poll"))
        await asyncio.sleep(max(0.0, began + task["ramp_s"] * (number + 1) / task["streams"] - now()))
    opened_s = now() - began
    first_lag, start = len(pace.lags), now()
    before, own_before = server.processor_s(), time.process_time()
    peak_kb = server.memory_kb()
    for _ in range(task["seconds"]):
        await asyncio.sleep(1)
        peak_kb = [max(pair) for pair in zip(peak_kb, server.memory_kb(), strict=True)]
    wall_s = now() - start
    shares = [(b - a) / wall_s for a, b in zip(before, server.processor_s(), strict=True)]
    own_share = (time.process_time() - own_before) / wall_s
    latencies, early = _latencies([(sender, watched) for sender, watched, _ in streams], start, start + wall_s)
    for running in (playing, *polls):
        running.cancel()
    await asyncio.gather(playing, *polls, return_exceptions=True)
    dropped = sum(sender.transport.is_closing() for sender, _, _ in streams)
    for sender, _, _ in streams:
        if not sender.transport.is_closing():
            sender.transport.write(last)
    unclosed = await _ended([connection for _, _, connection in streams])
    http.close()
    return {
        "opened_s": opened_s,
        "latencies_s": latencies,
        "results_a_second": len(latencies) / wall_s / (len(streams) if by_websocket else len(polls)),
        "early": early,
        "client_lags_s": pace.lags[first_lag:],
        "client_processor_share": own_share,
        "processor_share": shares,
        "idle_kb": idle_kb,
        "peak_kb": peak_kb,
        "held_back": sum(sender.held_back for sender, _, _ in streams),
        "dropped": dropped,
        "unclosed": unclosed,
    }


def _latencies(streams: Sequence[tuple[Sender, Watched]], since: float, until: float) -> tuple[list[float], int]:
    """From sending the piece with the last audio of a result to the result. And how many came before that piece."""
    latencies = []
    early = 0
    for sender, watched in streams:
        for covered, at in watched.arrivals:
            piece = (covered - 1) // PIECE_MS
            if piece >= len(sender.sent):
                early += 1
            elif since <= sender.sent[piece] <= until:
                latencies.append(at - sender.sent[piece])
    return latencies, early


async def _poll(server: Server, stream_id: str, sender: Sender, watched: Watched) -> None:
    """After each piece: fetch the result until it shows more."""
    http = await Http(server).open()
    try:
        while True:
            await sender.has_sent.wait()
            sender.has_sent.clear()
            known = len(watched.arrivals)
            for wait_s in _POLL_AFTER_S:
                await asyncio.sleep(wait_s)
                _, body = await http("GET", f"/api/v1/stt/stream/{stream_id}")
                watched.message(body, now())
                if len(watched.arrivals) > known or sender.has_sent.is_set():
                    break
    finally:
        http.close()


async def _one_stream(
    server: Server, http: Http, rate: int, prepared: Sequence[bytes], last: bytes, by_websocket: bool
) -> None:
    """So that what every first stream loads is not counted as the memory of streams."""
    connection: WebSocket | Upload
    if by_websocket:
        connection = await open_websocket(server, rate, lambda message, at: None)
    else:
        connection, _ = await open_upload(server, http, rate)
    for piece in prepared[:20]:
        connection.transport.write(piece)
    connection.transport.write(last)
    await asyncio.wait_for(connection.ended.wait(), _LAST_WORDS_S)


async def _ended(connections: Sequence[WebSocket | Upload]) -> int:
    """How many the server does not answer to the end."""
    waits = [asyncio.create_task(connection.ended.wait()) for connection in connections]
    _, waiting = await asyncio.wait(waits, timeout=_LAST_WORDS_S)
    for wait in waiting:
        wait.cancel()
    return len(waiting)


TASKS: Final = {"speech": speech, "refusal": refusal, "many": many, "rude": streams_rude.rude}


def main() -> None:
    task = json.load(sys.stdin)
    server = Server(task["host"], task["port"], tuple(task["pids"]))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        json.dump(runner.run(TASKS[task["task"]](server, task)), sys.stdout)


if __name__ == "__main__":
    main()
