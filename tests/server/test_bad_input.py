"""Bad input over a real socket, with real decoding: the vendor's own error and status, never a 500, and on it goes.

The recogniser is the scripted engine: nothing here depends on what it hears.
"""

from __future__ import annotations

import io
import struct
import wave
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.model

PATHS = {"telecomx": "/voice/stt", "phonexia_v1": "/api/v1/stt/file", "openai": "/v1/audio/transcriptions"}
REQUIRED = {"telecomx": {}, "phonexia_v1": {}, "openai": {"model": "whisper-1"}}
BAD_AUDIO = {"telecomx": 404, "phonexia_v1": 422, "openai": 400}

dialects = pytest.mark.parametrize("dialect", PATHS)


def is_vendors_error(dialect: str, body: Any) -> bool:
    match dialect, body:
        case "telecomx", {"code": int(), "message": str(), "description": str()}:
            return True
        case "phonexia_v1", {"result": {"version": 1, "name": "CloudErrorResult", "message": str()}}:
            return True
        case "openai", {"error": {"message": str(), "type": str(), "param": _, "code": _}}:
            return True
    return False


def wav(*, rate: int = 16_000, channels: int = 1, frames: int = 1_600, content: bytes | None = None) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(2 * channels * frames) if content is None else content)
    return written.getvalue()


def zipped() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("speech.wav", wav())
    return written.getvalue()


UNUSABLE: dict[str, Callable[[], bytes]] = {
    "a zip renamed": zipped,
    "text": lambda: b"This is not audio.\n" * 100,
    "one byte": lambda: b"R",
    "random bytes": lambda: bytes((17 * number + number // 7) % 256 for number in range(20_000)),
    "a header without samples": lambda: wav(frames=0),
    "a rate of 1,092,676 Hz": lambda: wav(rate=1_092_676, frames=10_000),
    "a rate of 1 Hz": lambda: wav(rate=1, frames=10),
    "64 channels": lambda: wav(channels=64),
    "half a header": lambda: wav()[:20],
    "an image": lambda: b"\x89PNG\r\n\x1a\n" + bytes(1_000),
}


@dialects
@pytest.mark.parametrize("name", UNUSABLE)
def test_audio_that_cannot_be_used_is_the_clients_error(server: httpx.Client, dialect: str, name: str) -> None:
    files = {"file": ("speech.wav", UNUSABLE[name]())}
    reply = server.post(PATHS[dialect], data=REQUIRED[dialect], files=files)
    assert reply.status_code == BAD_AUDIO[dialect], reply.text
    assert is_vendors_error(dialect, reply.json())


TASKS = "/api/technology/speech-to-text"


@pytest.mark.parametrize(
    ("query", "content"),
    [
        *(pytest.param("", content, id=name) for name, content in UNUSABLE.items()),
        pytest.param("&channels=0,2", lambda: wav(channels=2), id="a channel that is not there"),
    ],
)
def test_a_task_that_was_taken_with_bad_audio_is_rejected_with_the_reason(
    server: httpx.Client, query: str, content: Callable[[], bytes]
) -> None:
    files = {"file": ("speech.wav", content())}
    taken = server.post(f"{TASKS}?language=en{query}", files=files)
    assert taken.status_code == 202, taken.text
    ended = taken.json()
    while ended["task"]["state"] in ("pending", "running"):
        ended = server.get(taken.headers["x-location"]).json()
    assert ended["task"]["state"] == "rejected"
    assert ended["error"]["type"] == "request.validation-error"
    (detail,) = ended["error"]["detail"]
    assert detail["location"] == (["query", "channels"] if query else ["body", "file"])
    assert detail["message"]


@dialects
def test_an_empty_file_is_the_clients_error(server: httpx.Client, dialect: str) -> None:
    reply = server.post(PATHS[dialect], data=REQUIRED[dialect], files={"file": ("speech.wav", b"")})
    assert reply.status_code == BAD_AUDIO[dialect]
    assert "empty" in reply.text


def claiming_a_gigabyte(recording: bytes) -> bytes:
    """A recording whose header says that it is 1 GB long."""
    at = recording.index(b"data") + 4
    return (
        recording[:4]
        + struct.pack("<I", (1 << 30) + 36)
        + recording[8:at]
        + struct.pack("<I", 1 << 30)
        + recording[at + 4 :]
    )


def cut_in_half(recording: bytes) -> bytes:
    return recording[: len(recording) // 2]


@dialects
@pytest.mark.parametrize("damage", [claiming_a_gigabyte, cut_in_half], ids=lambda damage: damage.__name__)
def test_a_damaged_recording_gives_what_is_in_it(
    server: httpx.Client, sample: Callable[[str], Path], dialect: str, damage: Callable[[bytes], bytes]
) -> None:
    content = damage(sample("beckett").read_bytes())
    reply = server.post(PATHS[dialect], data=REQUIRED[dialect], files={"file": ("speech.wav", content)})
    assert reply.status_code == 200, reply.text


@dialects
def test_silence_is_an_error_only_where_the_document_says_so(server: httpx.Client, dialect: str) -> None:
    files = {"file": ("silence.wav", wav(frames=80_000))}
    reply = server.post(PATHS[dialect], data=REQUIRED[dialect], files=files)
    if dialect == "telecomx":
        assert (reply.status_code, reply.json()["message"]) == (422, "file")
    else:
        assert reply.status_code == 200


@dialects
def test_a_form_without_a_file_is_the_clients_error(server: httpx.Client, dialect: str) -> None:
    fields = {name: (None, value) for name, value in {**REQUIRED[dialect], "language": ""}.items()}
    fields = {name: value for name, value in fields.items() if dialect != "phonexia_v1" or name != "language"}
    if dialect == "phonexia_v1":
        fields["preferred_phrases"] = (None, "")
    reply = server.post(PATHS[dialect], files=fields)
    assert reply.status_code == BAD_AUDIO[dialect]
    assert is_vendors_error(dialect, reply.json())
    assert "file" in reply.text


@dialects
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--y\r\n"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nRIFF'),
        ("audio/wav", b"RIFF"),
        ("application/json", b'{"file": "RIFF"}'),
        ("", b"RIFF"),
    ],
)
def test_a_body_that_is_no_form_is_the_clients_error(
    server: httpx.Client, dialect: str, content_type: str, body: bytes
) -> None:
    reply = server.post(PATHS[dialect], content=body, headers={"content-type": content_type})
    assert reply.status_code == BAD_AUDIO[dialect]
    assert is_vendors_error(dialect, reply.json())


@pytest.mark.parametrize(
    ("dialect", "fields", "status"),
    [
        ("telecomx", {"diarize": "perhaps"}, 422),
        ("telecomx", {"tag_audio_events": "2"}, 422),
        ("telecomx", {"timestamps_granularity": "hour"}, 422),
        ("telecomx", {"language": "klingon"}, 422),
        ("telecomx", {"language": "da"}, 422),
        ("telecomx", {"engine": "TWELVE"}, 422),
        ("phonexia_v1", {"preferred_phrases": "not json"}, 422),
        ("phonexia_v1", {"language": "en"}, 422),
        ("openai", {"temperature": "hot"}, 400),
        ("openai", {"stream": "perhaps"}, 400),
        ("openai", {"language": "klingon"}, 400),
        ("openai", {"language": "da"}, 400),
        ("openai", {"response_format": "xml"}, 400),
        ("openai", {"model": "gpt-99"}, 404),
        ("openai", {"timestamp_granularities[]": "hour", "response_format": "verbose_json"}, 400),
    ],
)
def test_a_wrong_field_is_the_clients_error(
    server: httpx.Client, dialect: str, fields: dict[str, str], status: int
) -> None:
    data = {**REQUIRED[dialect], **fields}
    reply = server.post(PATHS[dialect], data=data, files={"file": ("speech.wav", wav())})
    assert reply.status_code == status, reply.text
    assert is_vendors_error(dialect, reply.json())


@dialects
@pytest.mark.parametrize("shown", ["", "wrong", "Bearer wrong"])
def test_a_wrong_token_is_denied(server: httpx.Client, dialect: str, shown: str) -> None:
    headers = {"x-api-key": shown} if " " not in shown else {"authorization": shown}
    files = {"file": ("speech.wav", wav())}
    reply = server.post(PATHS[dialect], data=REQUIRED[dialect], files=files, headers={"x-api-key": "", **headers})
    assert reply.status_code == {"telecomx": 403, "phonexia_v1": 401, "openai": 401}[dialect]
    assert is_vendors_error(dialect, reply.json())


@dialects
def test_a_good_recording_is_still_recognised(
    server: httpx.Client, sample: Callable[[str], Path], dialect: str
) -> None:
    files = {"file": ("speech.wav", sample("beckett").read_bytes())}
    reply = server.post(PATHS[dialect], data=REQUIRED[dialect], files=files)
    assert reply.status_code == 200
    assert '"text":"' in reply.text
