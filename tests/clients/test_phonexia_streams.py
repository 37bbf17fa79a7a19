"""Phonexia's live streams as clients use them: the package websockets, and curl."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
import wave
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_sync

pytestmark = pytest.mark.client

if shutil.which("curl") is None:
    pytest.skip("needs curl", allow_module_level=True)

SOCKET = "/api/v1/websocket/stt?frequency=8000"
PHRASES = {"preferred_phrases": {"phrases": [{"phrase": "disentu"}], "dictionary": [{"word": "disentu"}]}}


def curl(*arguments: str, given: bytes | None = None) -> tuple[int, Any]:
    """Status, and the body out of JSON."""
    command = ["curl", "--silent", "--show-error", "--max-time", "30", "--write-out", "\n%{http_code}", *arguments]
    done = subprocess.run(command, input=given, stdout=subprocess.PIPE, check=True)
    body, _, status = done.stdout.decode().rpartition("\n")
    return int(status), json.loads(body) if body else None


def opened(server: str, *arguments: str) -> str:
    status, said = curl("-X", "POST", f"http://{server}/api/v1/stt/stream?frequency=8000", *arguments)
    assert status == 200, said
    return f"http://{server}/api/v1/stt/stream/{said['result']['stream_id']}"


def words(result: dict[str, Any]) -> list[str]:
    return [item["word"] for item in result["segmentation"] if "<" not in item["word"]]


async def test_a_client_that_sends_and_reads_at_once(live_server: str, spoken_pcm: bytes, tmp_path: Path) -> None:
    """In the shape of the document's example: two tasks, a recording cut in pieces, phrases first, stop last."""
    recording = tmp_path / "speech.wav"
    with wave.open(str(recording), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(spoken_pcm)
    heard: list[dict[str, Any]] = []

    async def speak(socket: ClientConnection) -> None:
        with wave.open(str(recording)) as file:
            while piece := file.readframes(800):
                await socket.send(piece)
                await asyncio.sleep(0)
        await socket.send(json.dumps({"event": "stop"}))

    async def listen(socket: ClientConnection) -> int | None:
        while True:
            try:
                heard.append(json.loads(await socket.recv()))
            except ConnectionClosed:
                return socket.close_code

    async with connect(f"ws://{live_server}{SOCKET}") as socket:
        await socket.send(json.dumps({"data": PHRASES}))
        code, _ = await asyncio.gather(listen(socket), speak(socket))
    connected, *results = heard
    assert code == 1000
    assert connected == {"status": "connected", "error": "", "result": {}}
    assert {message["status"] for message in results} == {"result"}
    assert [message["result"]["is_last"] for message in results] == [False] * (len(results) - 1) + [True]
    last = results[-1]["result"]
    assert words(last)
    assert last["phrases"] == [{"phrase": "disentu"}]
    assert last["dictionary"][0]["word"] == "disentu"


def test_a_second_of_audio_in_a_thousand_odd_pieces(live_server: str, spoken_pcm: bytes) -> None:
    def recognised(pieces: list[bytes]) -> list[str]:
        with connect_sync(f"ws://{live_server}{SOCKET}") as socket:
            for piece in pieces:
                socket.send(piece)
            socket.send(json.dumps({"event": "stop"}))
            return words(json.loads(list(socket)[-1])["result"])

    second = spoken_pcm[:16_000]
    pieces = [second[at : at + 17] for at in range(0, len(second), 17)]
    assert recognised(pieces) == recognised([second]) != []


@pytest.mark.parametrize("message", [bytes(5 << 20), "x" * (5 << 20)])
def test_a_message_that_is_too_long_closes_the_connection(live_server: str, message: bytes | str) -> None:
    with connect_sync(f"ws://{live_server}{SOCKET}", close_timeout=1) as socket:
        socket.recv()
        with suppress(ConnectionClosed):
            socket.send(message)
        with pytest.raises(ConnectionClosed):
            socket.recv()
    assert socket.close_code == 1009


def test_the_documents_way_over_http(live_server: str, spoken_pcm: bytes) -> None:
    stream = opened(live_server)
    assert curl("-X", "PUT", "--data-binary", "@-", stream, given=spoken_pcm) == (200, None)
    assert curl(stream)[1]["result"]["is_last"] is False
    assert curl("-X", "DELETE", stream) == (200, None)
    status, said = curl(stream)
    assert (status, said["result"]["is_last"]) == (200, True)
    assert words(said["result"])
    assert curl("-T", "-", stream, given=spoken_pcm)[0] == 422
    assert curl("-X", "DELETE", stream) == (200, None)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-H", "Content-Type: application/json"],
        [],  # then curl says that it is a form
        ["-H", "Content-Type:"],
    ],
)
@pytest.mark.parametrize("content", [PHRASES, {"data": PHRASES}])
def test_phrases_come_with_whatever_content_type(
    live_server: str, tmp_path: Path, arguments: list[str], content: object
) -> None:
    phrases = tmp_path / "pref_phr.json"
    phrases.write_text(json.dumps(content))
    stream = opened(live_server, *arguments, "--data-binary", f"@{phrases}")
    assert curl(stream)[1]["result"]["phrases"] == [{"phrase": "disentu"}]
    curl("-X", "DELETE", stream)


@pytest.mark.parametrize(
    "arguments",
    [
        ["-T", "-"],  # in chunks, after asking
        ["-T", "-", "-H", "Expect:"],
        ["-X", "PUT", "--data-binary", "@-", "-H", "Expect: 100-continue"],
        ["-X", "PUT", "--data-binary", "@-", "--http1.0"],
        ["-X", "PUT", "--data-binary", "@-", "-H", "Content-Type: audio/x-raw"],
    ],
)
def test_audio_comes_in_all_the_ways_of_http(live_server: str, spoken_pcm: bytes, arguments: list[str]) -> None:
    stream = opened(live_server)
    assert curl(*arguments, stream, given=spoken_pcm) == (200, None)
    curl("-X", "DELETE", stream)
    expected = opened(live_server)
    curl("-T", "-", expected, given=spoken_pcm)
    curl("-X", "DELETE", expected)
    assert words(curl(stream)[1]["result"]) == words(curl(expected)[1]["result"]) != []


def test_results_come_while_audio_is_sent(live_server: str, spoken_pcm: bytes) -> None:
    stream = opened(live_server)
    with subprocess.Popen(["curl", "--silent", "-T", "-", stream], stdin=subprocess.PIPE) as sending:
        assert sending.stdin is not None
        sending.stdin.write(spoken_pcm)
        sending.stdin.flush()
        while not words(curl(stream)[1]["result"]):
            assert sending.poll() is None
        sending.stdin.close()
        assert sending.wait(10) == 0
    curl("-X", "DELETE", stream)


def test_the_program_of_the_documentation(live_server: str, spoken_pcm: bytes, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/howto/live-streams.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    with wave.open(str(tmp_path / "speech.wav"), "wb") as file:
        file.setparams((1, 2, 8_000, 0, "NONE", ""))
        file.writeframes(spoken_pcm)
    command = [sys.executable, "-c", program.replace("127.0.0.1:8080", live_server)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    texts = done.stdout.splitlines()
    assert len(texts) > 2
    assert texts[-1].startswith(texts[0].split()[0])
