"""Connections that speak HTTP/2: uvicorn's class over zttp, with bounds on what it keeps for a client."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, ClassVar, Final

import zttp
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.zttp_h2_impl import ZttpH2Protocol
from uvicorn.server import ServerState
from zttp import Event, H2ErrorCode, H2Settings

from dragoman.transport.exchange import DIVERT

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What every client of HTTP/2 sends first."""

MAX_UNSENT_BYTES: Final = 64 << 10
"""The application waits before it sends more on a stream of which as much waits for the client's permission."""

_FRAME_HEAD: Final = 9
_SETTING: Final = 6


class Http2Protocol(ZttpH2Protocol):
    """One connection with up to 128 streams, each a request to the application.

    uvicorn's class would keep for a client that does not read whatever the application sends, close a connection with
    the end of a reply still in it, or with streams to come, and serve one that never opens a stream as long as
    something arrives on it.
    """

    idle_timeout_s: ClassVar[float] = 30.0
    """A connection without an open stream is closed after this, whatever else arrives on it."""
    stall_timeout_s: ClassVar[float] = 60.0
    """A client that reads nothing of what waits in its socket for this long has left."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.progress = asyncio.Event()
        """Set whenever more may be sent than before."""
        self._takers: dict[int, Callable[[bytes], bool]] = {}
        """What may take the data of a stream, by its id."""
        self._idle: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._client_leaves = False
        self._closing = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.conn.initiate_connection()
        preface = _without_extended_connect(self.conn.data_to_send())
        super().connection_made(transport)
        self.transport.write(preface)
        self._await_stream()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._idle, self._stall):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        self.progress.set()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            self._abandon_streams()  # what was received is not HTTP/2
        elif self._closing:
            self._close_connection()
        self.progress.set()

    def events(self) -> Generator[Event]:
        """Without GOAWAY, because Node sends it ahead of the streams that it opened before, and without what the
        application takes at once."""
        for event in super().events():
            if isinstance(event, zttp.GoAway):
                self._client_leaves = True
            elif not (isinstance(event, zttp.Data) and self._is_taken(event)):
                yield event

    def _is_taken(self, event: zttp.Data) -> bool:
        cycle, take = self.cycles.get(event.stream_id), self._takers.get(event.stream_id)
        is_next = cycle is not None and not cycle.body and not cycle.message_event.is_set()
        return is_next and take is not None and take(bytes(event.data))

    def handle_request(self, event: zttp.Request) -> None:
        if not event.path.isascii():
            self.conn.stream(event.stream_id).reset(H2ErrorCode.PROTOCOL_ERROR)  # uvicorn would fail on it
            return
        self._stop_waiting()
        self._closing = False
        super().handle_request(event)
        cycle = self.cycles[event.stream_id]
        cycle.flow = _StreamFlow(self, cycle.stream)
        to = partial(self._takers.__setitem__, event.stream_id)
        cycle.scope["extensions"][DIVERT] = {"to": to}
        if event.end_stream:
            cycle.more_body = False
            cycle.message_event.set()

    def on_stream_closed(self) -> None:
        for closed in self._takers.keys() - self.cycles.keys():
            del self._takers[closed]
        if not self.cycles:
            self._await_stream()
        super().on_stream_closed()
        if self._client_leaves and not self.cycles:
            self._close_connection()

    def pause_writing(self) -> None:
        """Nor is anything read of a client that does not read: frames that must be answered would pile up."""
        super().pause_writing()
        self.flow.pause_reading()
        self._stall = self.loop.call_later(self.stall_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stall is not None:
            self._stall.cancel()
        self.progress.set()
        self.resume_reading_if_idle()

    def resume_reading_if_idle(self) -> None:
        if not self.flow.write_paused:
            super().resume_reading_if_idle()

    def _close_connection(self) -> None:
        """Once all replies are sent, or the connection is idle for too long."""
        self._closing = self.conn.has_pending_send()
        if not self._closing:
            super()._close_connection()

    def _abandon_streams(self) -> None:
        """Their client may never read that it made a mistake: they do not wait for it."""
        for cycle in self.cycles.values():
            cycle.disconnected = True
            cycle.message_event.set()
        self._await_stream()

    def _await_stream(self) -> None:
        self._stop_waiting()
        self._idle = self.loop.call_later(self.idle_timeout_s, self._give_up)

    def _give_up(self) -> None:
        """Close the connection, at once if its client does not even read that."""
        super()._close_connection()
        if self.transport.get_write_buffer_size():
            self.transport.abort()

    def _stop_waiting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


class _StreamFlow(FlowControl):
    """What ``send`` of one stream waits for: room in the connection, and in the stream's own window."""

    def __init__(self, connection: Http2Protocol, stream: zttp.Stream) -> None:
        self._connection = connection
        self._stream = stream

    @property
    def write_paused(self) -> bool:  # type: ignore[override]
        if self._connection.transport.is_closing():
            return False
        return self._connection.flow.write_paused or (self._stream.pending_bytes or 0) > MAX_UNSENT_BYTES

    async def drain(self) -> None:
        while self.write_paused:
            self._connection.progress.clear()
            await self._connection.progress.wait()


def _without_extended_connect(preface: bytes) -> bytes:
    """The server's first SETTINGS frame without what zttp says and this server cannot do: a browser that holds a
    connection would open its WebSockets as streams of it (RFC 8441)."""
    end = _FRAME_HEAD + int.from_bytes(preface[:3])
    settings = [preface[at : at + _SETTING] for at in range(_FRAME_HEAD, end, _SETTING)]
    kept = b"".join(
        setting for setting in settings if int.from_bytes(setting[:2]) != H2Settings.ENABLE_CONNECT_PROTOCOL
    )
    return len(kept).to_bytes(3) + preface[3:_FRAME_HEAD] + kept + preface[end:]
