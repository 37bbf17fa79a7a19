"""ffmpeg as Phonexia's document uses it: a recording at the pace of speech, by PUT."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.ffmpeg


@pytest.mark.parametrize("options", [["-multiple_requests", "1"], [], ["-send_expect_100", "1"]])
def test_a_recording_is_streamed_at_the_pace_of_speech(
    live_server: str, sample: Callable[[str], Path], options: list[str]
) -> None:
    streams = f"http://{live_server}/api/v1/stt/stream"
    with httpx.Client() as client:
        opened = client.post(streams, params={"frequency": 16_000})
        stream = f"{streams}/{opened.json()['result']['stream_id']}"
        started = time.monotonic()
        command = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error", "-re", "-t", "3"]
        command += ["-i", str(sample("two_cities")), "-ac", "1", "-ar", "16000", "-f", "s16le", "-method", "PUT"]
        first_text_s = None
        with subprocess.Popen([*command, *options, stream]) as ffmpeg:
            while ffmpeg.poll() is None:
                (said,) = client.get(stream).json()["result"]["transcription"]
                if said["text"] and first_text_s is None:
                    first_text_s = time.monotonic() - started
                time.sleep(0.05)
        ended_s = time.monotonic() - started
        assert ffmpeg.returncode == 0
        assert ended_s > 2
        assert first_text_s is not None
        assert first_text_s < ended_s - 1  # ffmpeg itself may take its time to begin
        assert client.delete(stream).status_code == 200
        result = client.get(stream).json()["result"]
        assert result["is_last"]
        assert result["segmentation"][-1]["end"] == pytest.approx(30_000_000, abs=1_000_000)
