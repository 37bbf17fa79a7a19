"""Who speaks when: diarization error rate, words given to the right speaker, changes of the speaker, cost.

Over the AMI meetings of the recordings and over mixes made on the spot. What was chosen on recordings was chosen on
``CHOSEN_ON``; the figures that count are those of ``MIXES``, of other clips and mostly other voices. The words are
those recognised in the mix (``speakers_words``); in a live stream they are the true ones that nobody speaks over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from benchmarks.accuracy import transcribe
from benchmarks.recordings import read_manifest, write_wave
from benchmarks.speakers_mixes import Floats, Mix, Spoken, Voices, mix
from benchmarks.speakers_scoring import ErrorRate, Turns, changes, error_rate, found_changes, mapping, rttm
from benchmarks.speakers_words import Given, given
from dragoman.analysis.diarize import Diarizer
from dragoman.core.ports import SAMPLE_RATE
from dragoman.core.request import TimeDetail
from dragoman.core.speakers import Diarization, assign, speaker_changes
from dragoman.core.transcript import Word
from dragoman.server.profiles import build_transcriber
from dragoman.server.settings import Settings
from dragoman.service.transcribe import Transcriber

CHOSEN_ON: Final = {
    "two speakers, chosen on": ([("lj", "dc"), ("lj", "it_watson"), ("dc", "ru_vosk")], 180, 0.0, 0),
    "four speakers, chosen on": (
        [("lj", "dc", "it_watson", "ru_vosk"), ("lj", "dc", "it_watson", "fr_watson")],
        240,
        0.25,
        0,
    ),
}
MIXES: Final = {
    "two speakers": ([("lj", "dc"), ("lj", "austen"), ("dc", "cities"), ("cities", "de_watson")], 180, 0.0, 1),
    "four speakers": (
        [
            ("lj", "dc", "cities", "de_watson"),
            ("lj", "dc", "austen", "cities"),
            ("dc", "austen", "cities", "de_watson"),
        ],
        240,
        0.25,
        1,
    ),
}
SENSITIVITIES: Final = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
PIECE: Final = SAMPLE_RATE // 2


@dataclass
class Tally:
    """Sums over recordings of one kind."""

    rate: ErrorRate = field(default_factory=ErrorRate)
    speakers: list[tuple[int, int]] = field(default_factory=list)
    words: list[Given] = field(default_factory=list)
    changes: dict[float, tuple[int, int, int]] = field(default_factory=dict)
    seconds: float = 0.0
    overlapped: float = 0.0
    spent_s: float = 0.0

    def figures(self) -> dict[str, Any]:
        figures: dict[str, Any] = {
            "audio_s": round(self.seconds),
            "error_rate_percent": round(self.rate.percent, 2),
            "of_that": self.rate.parts(),
            "speakers_true_and_found": self.speakers,
            "processor_s_per_audio_s": round(self.spent_s / self.seconds, 4),
        }
        if self.words:
            figures |= {
                "words_right_percent": _right(word for word in self.words if word.is_certain),
                "same_words_right_percent": _right(word for word in self.words if word.is_same),
                "clear_words_right_percent": _right(word for word in self.words if word.is_clear),
                "word_diarization_error_rate_percent": round(100 - _right(self.words), 1),
                "words": {
                    "paired": len(self.words),
                    "same": sum(word.is_same for word in self.words),
                    "clear": sum(word.is_clear for word in self.words),
                },
            }
        if self.changes:
            figures["overlap_percent"] = round(100 * self.overlapped, 1)
            figures["changes"] = {
                str(sensitivity): {
                    "precision": round(right / max(found, 1), 3),
                    "recall": round(right / max(true, 1), 3),
                    "found": found,
                }
                for sensitivity, (right, found, true) in self.changes.items()
            }
        return figures


def measure(audio: Path, say: Callable[[str], None] = print) -> dict[str, Any]:
    diarizer = Diarizer()
    diarizer.load()
    result = {"ami": _meetings(audio, diarizer, say)}
    voices = Voices(audio)
    transcriber = build_transcriber(Settings())
    for name, (casts, seconds, overlap, half) in (CHOSEN_ON | MIXES).items():
        tally = Tally()
        shares = []
        for seed, cast in enumerate(casts):
            drawn = mix(voices, cast, seconds, overlap, seed, half)
            shares.append(_overlap(drawn))
            _score_mix(tally, diarizer, transcriber, drawn, say)
            if name in MIXES and seed == 0:
                result[f"{name}, live"] = _live(diarizer, drawn)
        tally.overlapped = float(np.mean(shares))
        result[name] = tally.figures()
    return result


def _meetings(audio: Path, diarizer: Diarizer, say: Callable[[str], None]) -> dict[str, Any]:
    tally = Tally()
    for recording in read_manifest(audio):
        truth = recording.path.with_suffix(".rttm")
        if recording.folder != "conversation" or not truth.is_file():
            continue
        turns = rttm(truth.read_text(encoding="utf-8").splitlines())
        _score(tally, recording.name, recording.samples(), turns, diarizer, say)
    return tally.figures()


def _score(
    tally: Tally, name: str, samples: Floats, truth: Turns, diarizer: Diarizer, say: Callable[[str], None]
) -> Diarization:
    began = time.process_time()
    stream = diarizer.open()
    for piece in _pieces(samples):
        stream.feed(piece.data)
        while stream.hear():
            pass
    while stream.hear(len(samples)):
        pass
    found = stream.so_far()
    tally.spent_s += time.process_time() - began
    tally.seconds += len(samples) / SAMPLE_RATE
    rate = error_rate(truth, _plain(found), len(samples) * 1000 // SAMPLE_RATE)
    tally.rate += rate
    tally.speakers.append((_count(truth), _count(_plain(found))))
    say(f"    {name}: {rate.percent:.1f} % {rate.parts()}, speakers (true, found) {tally.speakers[-1]}")
    return found


def _score_mix(
    tally: Tally, diarizer: Diarizer, transcriber: Transcriber, drawn: Mix, say: Callable[[str], None]
) -> None:
    truth = [(turn.speaker, turn.start_ms, turn.end_ms) for turn in drawn.turns]
    found = _score(tally, drawn.name, drawn.samples, truth, diarizer, say)
    names = mapping(truth, _plain(found), len(drawn.samples) * 1000 // SAMPLE_RATE)
    with TemporaryDirectory() as folder:
        media = Path(folder) / "mix.wav"
        write_wave(media, drawn.samples)
        words = transcribe(transcriber, media, "default", TimeDetail.WORD).words
    tally.words += given(words, assign(words, found.foreground), names, drawn)
    true = changes(truth)
    for sensitivity in SENSITIVITIES:
        at = speaker_changes(found.changes, sensitivity)
        before = tally.changes.get(sensitivity, (0, 0, 0))
        now = (found_changes(true, at), len(at), len(true))
        tally.changes[sensitivity] = (before[0] + now[0], before[1] + now[1], before[2] + now[2])


def _live(diarizer: Diarizer, drawn: Mix) -> dict[str, float]:
    """Words get their speaker half a second after their turn has ended, and keep it."""
    began = time.process_time()
    stream = diarizer.open()
    told: list[tuple[Spoken, int | None]] = []
    waiting = [word for word in drawn.words if _is_clear(word, drawn.turns)]
    ends = sorted(turn.end_ms for turn in drawn.turns)
    at_ms = 0
    for piece in _pieces(drawn.samples):
        stream.feed(piece.data)
        while stream.hear():
            pass
        before, at_ms = at_ms, at_ms + len(piece) * 1000 // SAMPLE_RATE
        if not any(before - 500 < end <= at_ms - 500 for end in ends):
            continue
        now = [word for word in waiting if word.end_ms <= at_ms - 500]
        if now:
            while stream.hear(max(word.end_ms for word in now)):
                pass
            turns = stream.so_far(since_ms=now[0].start_ms - 1_000).foreground
            told += zip(now, assign(_words(now), turns), strict=True)
            waiting = [word for word in waiting if word.end_ms > at_ms - 500]
    spent_s = time.process_time() - began
    labels = [(speaker, word.start_ms, word.end_ms) for word, speaker in told]
    truth = [(word.speaker, word.start_ms, word.end_ms) for word, _ in told]
    names = mapping(truth, labels, len(drawn.samples) * 1000 // SAMPLE_RATE)
    return {
        "words_right_when_told_percent": round(
            100 * float(np.mean([names.get(speaker) == word.speaker for word, speaker in told])), 1
        ),
        "processor_s_per_audio_s": round(spent_s * SAMPLE_RATE / len(drawn.samples), 4),
    }


def _pieces(samples: Floats) -> Iterable[Floats]:
    for start in range(0, len(samples), PIECE):
        yield samples[start : start + PIECE]


def _plain(found: Diarization) -> Turns:
    return [(turn.speaker, turn.start_ms, turn.end_ms) for turn in found.turns]


def _count(turns: Turns) -> int:
    return len({speaker for speaker, _, _ in turns})


def _right(words: Iterable[Given]) -> float:
    """Percent."""
    return round(100 * float(np.mean([word.is_right for word in words])), 1)


def _words(words: Sequence[Spoken]) -> list[Word]:
    return [Word(word.text, word.start_ms, word.end_ms, 1.0) for word in words]


def _is_clear(word: Spoken, turns: Sequence[Spoken]) -> bool:
    others = sum(
        max(0, min(word.end_ms, turn.end_ms) - max(word.start_ms, turn.start_ms))
        for turn in turns
        if turn.speaker != word.speaker
    )
    return 2 * others <= word.end_ms - word.start_ms


def _overlap(drawn: Mix) -> float:
    """The share of the time in which somebody speaks that two do."""
    count = np.zeros(len(drawn.samples) * 1000 // SAMPLE_RATE + 1, int)
    for turn in drawn.turns:
        count[turn.start_ms : turn.end_ms] += 1
    return float((count > 1).sum() / (count > 0).sum())
