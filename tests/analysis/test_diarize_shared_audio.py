"""Speakers of meetings, of a conversation, and of one reader, against what is known of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.speakers_scoring import ErrorRate, error_rate, rttm
from dragoman.analysis.diarize import Diarization, Diarizer
from dragoman.analysis.fbank import Floats
from dragoman.audio.decode import MediaLimits, open_media
from dragoman.core.errors import InvalidAudio
from dragoman.core.request import ChannelSelection

pytestmark = pytest.mark.audio


@pytest.fixture(scope="module")
def diarizer() -> Diarizer:
    diarizer = Diarizer()
    diarizer.load()
    return diarizer


def decoded(path: Path) -> Floats:
    with open_media(path, ChannelSelection.parse("mix"), MediaLimits()) as media:
        return np.concatenate([block[0] for block in media.blocks()])


def diarize(diarizer: Diarizer, audio: Floats) -> Diarization:
    stream = diarizer.open()
    stream.feed(np.ascontiguousarray(audio).data)
    while stream.hear(len(audio)):
        pass
    return stream.so_far()


def test_of_meetings_at_most_27_percent_is_wrong(diarizer: Diarizer, shared_audio: Path) -> None:
    total = ErrorRate()
    for truth in sorted((shared_audio / "conversation").glob("ami_*.rttm")):
        audio = decoded(truth.with_suffix(".flac"))
        found = [(turn.speaker, turn.start_ms, turn.end_ms) for turn in diarize(diarizer, audio).turns]
        total += error_rate(rttm(truth.read_text(encoding="utf-8").splitlines()), found, len(audio) // 16)
    assert total.spoken > 60_000
    assert total.percent <= 27


@pytest.mark.parametrize(
    ("recording", "people"),
    [("conversation/leopard_conversation.wav", 3), ("languages/it_watson.wav", 1), ("read/whisper.cpp_jfk.wav", 1)],
)
def test_people_are_counted(diarizer: Diarizer, shared_audio: Path, recording: str, people: int) -> None:
    found = diarize(diarizer, decoded(shared_audio / recording))
    assert len({turn.speaker for turn in found.turns}) == people


@pytest.mark.parametrize("name", ["nonspeech", "odd", "telephone"])
def test_no_recording_is_too_much(diarizer: Diarizer, shared_audio: Path, name: str) -> None:
    for path in sorted((shared_audio / name).glob("*.wav"))[::4]:
        try:
            audio = decoded(path)[: 16_000 * 12]
        except InvalidAudio:  # broken on purpose
            continue
        for turn in diarize(diarizer, audio).turns:
            assert 0 <= turn.start_ms < turn.end_ms <= len(audio) / 16, path.name
