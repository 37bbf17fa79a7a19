"""Amazon's streams over real sockets, with keys: whatever clients do, they are told in modelled exceptions and leave
nothing behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from zlib import crc32

import msgspec
import pytest
import websockets
import zttp

from dragoman.codecs.eventstream import Decoder, Message, decode, encode
from dragoman.codecs.sigv4 import SIGNED_EVENTS, Request
from dragoman.core.events import Final, SpeechEnded, SpeechStarted
from dragoman.server.settings import Settings
from http2_client import Http2Client, connected
from scripted import ScriptedPool, application, serving, spoken
from sigv4_client import Client, MessageSigner

pytestmark = pytest.mark.unit

KEY = Client("alice", "a-secret-that-is-long-enough")
NEEDED = {"language-code": "en-US", "media-encoding": "pcm", "sample-rate": "8000"}
AUDIO = bytes(16_000)
PATH = "/stream-transcription"
HEADERS = {":message-type": "event", ":event-type": "AudioEvent", ":content-type": "application/octet-stream"}


@dataclass(frozen=True)
class Server:
    url: str
    pool: ScriptedPool

    @property
    def port(self) -> int:
        port = urlsplit(self.url).port
        assert port is not None
        return port


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[Server]:
    """Says "Hello." after a second of audio. At the end nothing is open."""
    keys = folder / "keys"
    keys.write_text(f"{KEY.access_key} {KEY.secret}\n")
    keys.chmod(0o600)
    settings = Settings(spool_dir=folder, state_dir=folder, keys_file=keys)
    pool = ScriptedPool(stream_steps=[1_000, SpeechStarted(0, 0, 500), Final(spoken("Hello.")), SpeechEnded(0, 0, 800)])
    async with serving(application(settings, pool), settings) as url:
        yield Server(url, pool)
        async with asyncio.timeout(10):
            while not all(stream.closed for stream in pool.streams):
                await asyncio.sleep(0.01)


def now_ms() -> int:
    return int(time.time() * 1000)


@dataclass
class Talk:
    """A request that is signed, and the messages that continue it."""

    client: Http2Client
    stream: zttp.Stream
    signer: MessageSigner

    def say(self, *messages: bytes, end: bool = False) -> None:
        self.client.send(self.stream, b"".join(messages), end=end)

    def signed(self, message: bytes) -> bytes:
        return self.signer.sign(message, now_ms())

    async def rest(self) -> list[Message]:
        return Decoder().feed(await self.client.rest(self.stream))


def begin(client: Http2Client, key: Client = KEY, **options: str) -> Talk:
    asked = {name: value for name, value in {**NEEDED, **options}.items() if value}
    headers = {f"x-amzn-transcribe-{name}": value for name, value in asked.items()}
    headers["x-amz-content-sha256"] = SIGNED_EVENTS
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    request = key.sign(
        Request("POST", PATH.encode(), b"", [(b"host", b"client.test"), *raw]), now_ms(), body_hash=SIGNED_EVENTS
    )
    fields = {name.decode(): value.decode() for name, value in request.headers if name != b"host"}
    seed = fields["authorization"].rpartition("=")[2]
    return Talk(client, client.request(PATH, **fields), MessageSigner(key, seed))


def audio_event(audio: bytes = AUDIO) -> bytes:
    return encode(Message(HEADERS, audio))


def exception(messages: list[Message]) -> str:
    """The name of the one that ends a stream."""
    last = messages[-1]
    assert last.headers[":message-type"] == "exception"
    assert msgspec.json.decode(last.payload)["Message"]
    return str(last.headers[":exception-type"])


def transcript(messages: list[Message]) -> list[str]:
    return [
        result["Alternatives"][0]["Transcript"]
        for message in messages
        for result in msgspec.json.decode(message.payload)["Transcript"]["Results"]
    ]


async def is_well(client: Http2Client) -> bool:
    """Another stream of the connection is served."""
    talk = begin(client)
    talk.say(talk.signed(audio_event()), talk.signed(b""), end=True)
    assert await client.status(talk.stream) == 200
    return transcript(await talk.rest()) == ["Hello."]


def prelude(total: int, headers: int) -> bytes:
    """Of a message of these lengths, with its right checksum."""
    lengths = total.to_bytes(4) + headers.to_bytes(4)
    return lengths + crc32(lengths).to_bytes(4)


def twice(message: bytes) -> bytes:
    """The message with its headers doubled."""
    size = int.from_bytes(message[4:8])
    headers, payload = message[12 : 12 + size], message[12 + size : -4]
    whole = prelude(len(message) + size, 2 * size) + 2 * headers + payload
    return whole + crc32(whole).to_bytes(4)


def broken(message: bytes, at: int) -> bytes:
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]


BAD: dict[str, Callable[[Talk], list[bytes]]] = {
    "checksum of the lengths": lambda talk: [broken(talk.signed(audio_event()), 9)],
    "checksum of the message": lambda talk: [broken(talk.signed(audio_event()), -1)],
    "changed payload": lambda talk: [broken(talk.signed(audio_event()), 200)],
    "two gigabytes": lambda talk: [prelude(2 << 30, 32)],
    "two gigabytes of headers": lambda talk: [prelude((2 << 30) + 16, 2 << 30)],
    "headers longer than the message": lambda talk: [prelude(100, 200)],
    "headers twice": lambda talk: [twice(talk.signed(audio_event()))],
    "headers twice inside": lambda talk: [talk.signed(twice(audio_event()))],
    "33 KB": lambda talk: [talk.signed(audio_event(bytes(33 * 1024)))],
    "garbage inside": lambda talk: [talk.signed(b"garbage")],
    "no event stream": lambda talk: [b"RIFF" + bytes(100)],
    "unsigned": lambda talk: [audio_event()],
    "order": lambda talk: list(reversed([talk.signed(audio_event()), talk.signed(audio_event())])),
    "repeated": lambda talk: [talk.signed(audio_event())] * 2,
    "left out": lambda talk: [talk.signed(audio_event()), talk.signed(audio_event())][1:],
    "another secret": lambda talk: [MessageSigner(replace(KEY, secret="wrong"), talk.signer.prior).sign(b"", now_ms())],
    "cut short": lambda talk: [talk.signed(audio_event())[:-1]],
}


@pytest.mark.parametrize("fault", BAD)
async def test_a_bad_message_ends_its_stream_alone(tmp_path: Path, fault: str) -> None:
    async with server(tmp_path) as served, connected(served.port) as client:
        talk = begin(client)
        assert await client.status(talk.stream) == 200
        talk.say(*BAD[fault](talk), end=True)
        assert exception(await talk.rest()) == "BadRequestException"
        assert await is_well(client)


@pytest.mark.parametrize("size", [1, 3, 1000])
async def test_messages_may_be_split_anywhere(tmp_path: Path, size: int) -> None:
    async with server(tmp_path) as served, connected(served.port) as client:
        talk = begin(client)
        small = [audio_event(AUDIO[at : at + 400]) for at in range(0, len(AUDIO) if size > 3 else 800, 400)]
        data = b"".join(talk.signed(message) for message in (*small, b""))
        for at in range(0, len(data), size):
            talk.say(data[at : at + size])
        talk.say(end=True)
        assert transcript(await talk.rest()) == ["Hello."]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (replace(KEY, secret="another-secret"), "InvalidSignatureException"),
        (replace(KEY, access_key="mallory"), "UnrecognizedClientException"),
        (replace(KEY, service="s3"), "InvalidSignatureException"),
    ],
)
async def test_a_wrong_signature_is_a_reply_and_nothing_is_recognised(tmp_path: Path, key: Client, name: str) -> None:
    async with server(tmp_path) as served, connected(served.port) as client:
        talk = begin(client, key)
        talk.say(talk.signed(audio_event()), talk.signed(b""), end=True)
        reply = await client.next(zttp.Response, talk.stream)
        assert reply.status_code == 403
        assert dict(reply.headers)[b"x-amzn-errortype"] == name.encode()
        assert served.pool.streams == []


@pytest.mark.parametrize(
    "options",
    [
        {"sample-rate": ""},
        {"sample-rate": "4000"},
        {"language-options": ","},
        {"identify-language": "true"},
        {"content-identification-type": "PII", "content-redaction-type": "PII"},
        {"number-of-channels": "2"},
        {"vocabulary-name": "missing"},
    ],
)
async def test_a_bad_parameter_is_a_reply_to_a_client_that_still_sends(tmp_path: Path, options: dict[str, str]) -> None:
    async with server(tmp_path) as served, connected(served.port) as client:
        talk = begin(client, **options)
        talk.say(talk.signed(audio_event()))
        reply = await client.next(zttp.Response, talk.stream)
        assert reply.status_code == 400
        assert dict(reply.headers)[b"x-amzn-errortype"] == b"BadRequestException"
        talk.say(talk.signed(b""), end=True)
        assert msgspec.json.decode(await client.rest(talk.stream))["Message"]
        assert await is_well(client)


def moments(talk: Talk) -> Iterator[None]:
    """Those of a stream at which something else may happen."""
    yield
    message = talk.signed(audio_event())
    talk.say(message[:100])
    yield
    talk.say(message[100:])
    yield
    talk.say(talk.signed(b""))
    yield
    talk.say(end=True)
    yield


@pytest.mark.parametrize("moment", range(5))
@pytest.mark.parametrize("waits", [False, True])
async def test_a_stream_that_is_reset_leaves_nothing(tmp_path: Path, moment: int, waits: bool) -> None:
    async with server(tmp_path) as served, connected(served.port) as client:
        talk = begin(client)
        if waits:
            await client.status(talk.stream)
        for number, _ in enumerate(moments(talk)):
            if number == moment:
                client.reset(talk.stream)
                break
        assert await is_well(client)


@pytest.mark.parametrize("moment", range(5))
async def test_a_connection_that_is_cut_leaves_nothing(tmp_path: Path, moment: int) -> None:
    async with server(tmp_path) as served:
        async with connected(served.port) as client:
            talk = begin(client)
            await client.status(talk.stream)
            for number, _ in enumerate(moments(talk)):
                if number == moment:
                    break
        async with connected(served.port) as client:
            assert await is_well(client)


@pytest.mark.parametrize("moment", range(5))
async def test_a_client_that_goes_away_hears_its_stream_out(tmp_path: Path, moment: int) -> None:
    async with server(tmp_path) as served, connected(served.port) as client:
        talk = begin(client)
        for number, _ in enumerate(moments(talk)):
            if number == moment:
                client.go_away()
        assert transcript(await talk.rest()) == ["Hello."]


async def test_a_stream_over_http1_is_heard_while_it_is_sent(tmp_path: Path) -> None:
    async with server(tmp_path) as served:
        host = f"127.0.0.1:{served.port}"
        options = [(f"x-amzn-transcribe-{name}".encode(), value.encode()) for name, value in NEEDED.items()]
        request = KEY.sign(Request("POST", PATH.encode(), b"", [(b"host", host.encode()), *options]), now_ms())
        fields = {name.decode(): value.decode() for name, value in request.headers}
        signer = MessageSigner(KEY, fields["authorization"].rpartition("=")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"POST {PATH} HTTP/1.1\r\n{head}transfer-encoding: chunked\r\n\r\n".encode())
        async with asyncio.timeout(10):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            for message in (audio_event(), b""):
                data = signer.sign(message, now_ms())
                writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                if message:
                    await reader.readuntil(b"Hello.")
            writer.write(b"0\r\n\r\n")
            await reader.read()
        writer.close()


def presigned(served: Server, key: Client = KEY, at_ms: int | None = None, lifetime_s: int = 60, **options: str) -> str:
    host = f"127.0.0.1:{served.port}"
    query = urlencode({**NEEDED, **options}).encode()
    path = b"/stream-transcription-websocket"
    signed = key.presign(Request("GET", path, query, [(b"host", host.encode())]), at_ms or now_ms(), lifetime_s)
    return f"ws://{host}{signed.path.decode()}?{signed.query.decode()}"


async def heard(url: str, messages: list[str | bytes]) -> tuple[list[Message], int]:
    """Everything that the server says, and the code with which it closes."""
    async with asyncio.timeout(10), websockets.connect(url) as socket:
        with suppress(websockets.ConnectionClosedError):  # what it said before that can still be read
            for message in messages:
                await socket.send(message)
        said = []
        with suppress(websockets.ConnectionClosedError):
            async for frame in socket:
                assert isinstance(frame, bytes)
                said.append(decode(frame))
        assert socket.close_code is not None
        return said, socket.close_code


@pytest.mark.parametrize(
    "message",
    [
        "text",
        b"garbage",
        audio_event() * 2,
        audio_event()[:-1],
        audio_event(bytes(33 * 1024)),
        MessageSigner(KEY, "0" * 64).sign(audio_event(), 0),
    ],
)
async def test_a_bad_message_of_a_websocket_is_told_before_it_closes(tmp_path: Path, message: str | bytes) -> None:
    async with server(tmp_path) as served:
        said, code = await heard(presigned(served), [message])
        assert exception(said) == "BadRequestException"
        assert code == 1008


@pytest.mark.parametrize(
    ("key", "options", "name"),
    [
        (replace(KEY, secret="another-secret"), {}, "InvalidSignatureException"),
        (KEY, {"sample-rate": "1"}, "BadRequestException"),
        (KEY, {"vocabulary-name": "missing"}, "BadRequestException"),
    ],
)
async def test_a_bad_address_of_a_websocket_is_told_before_it_closes(
    tmp_path: Path, key: Client, options: dict[str, str], name: str
) -> None:
    async with server(tmp_path) as served:
        said, code = await heard(presigned(served, key, **options), [])
        assert exception(said) == name
        assert code == 1008
        assert served.pool.streams == []


@pytest.mark.parametrize(
    ("age_s", "lifetime_s", "name"),
    [
        (0, 300, None),
        (200, 300, None),
        (61, 60, "InvalidSignatureException"),
        (-600, 60, "InvalidSignatureException"),
        (0, 301, "IncompleteSignatureException"),
    ],
)
async def test_an_address_is_good_for_its_time(tmp_path: Path, age_s: int, lifetime_s: int, name: str | None) -> None:
    async with server(tmp_path) as served:
        url = presigned(served, at_ms=now_ms() - 1000 * age_s, lifetime_s=lifetime_s)
        said, code = await heard(url, [audio_event(), audio_event(b"")])
        if name is None:
            assert (transcript(said), code) == (["Hello."], 1000)
        else:
            assert (exception(said), code) == (name, 1008)


async def test_a_websocket_that_leaves_at_any_moment_leaves_nothing(tmp_path: Path) -> None:
    messages = [audio_event(), audio_event(b"")]
    async with server(tmp_path) as served:
        for count in range(len(messages) + 1):
            async with websockets.connect(presigned(served)) as socket:
                for message in messages[:count]:
                    await socket.send(message)
                socket.transport.abort()
        said, code = await heard(presigned(served), [*messages])
        assert (transcript(said), code) == (["Hello."], 1000)
