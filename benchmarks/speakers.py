"""Who speaks when: diarization error rate, words given to the right speaker, changes of the speaker, cost.

Over the AMI meetings of the recordings and over mixes made on the spot. What was chosen on recordings was chosen on
``CHOSEN_ON``; the figures that count are those of ``MIXES``, of other clips and mostly other voices. The words of a mix
are given to speakers by their true times. A word is clear if nobody else speaks in most of it: which of two voices at
once a recogniser would have written is not known.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.recordings import read_manifest
from benchmarks.speakers_mixes import Floats, Mix, Spoken, Voices, mix
from benchmarks.speakers_scoring import ErrorRate, Turns, changes, error_rate, found_changes, mapping, rttm
from dragoman.analysis.diarize import Diarizer
from dragoman.core.ports import SAMPLE_RATE
from dragoman.core.speakers import Diarization, assign, speaker_changes
from dragoman.core.transcript import Turn, Word

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
    right: list[bool] = field(default_factory=list)
    clear_right: list[bool] = field(default_factory=list)
    best_right: list[bool] = field(default_factory=list)
    """With the true turns."""
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
        if self.right:
            figures["words_right_percent"] = round(100 * float(np.mean(self.right)), 1)
            figures["words_right_with_true_turns_percent"] = round(100 * float(np.mean(self.best_right)), 1)
            figures["clear_words_right_percent"] = round(100 * float(np.mean(self.clear_right)), 1)
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
    for name, (casts, seconds, overlap, half) in (CHOSEN_ON | MIXES).items():
        tally, live = Tally(), Tally()
        shares = []
        for seed, cast in enumerate(casts):
            drawn = mix(voices, cast, seconds, overlap, seed, half)
            shares.append(_overlap(drawn))
            _score_mix(tally, diarizer, drawn, say)
            if name in MIXES and seed == 0:
                _score_live(live, diarizer, drawn)
        tally.overlapped = float(np.mean(shares))
        result[name] = tally.figures()
        if live.right:
            result[f"{name}, live"] = {
                "words_right_when_told_percent": round(100 * float(np.mean(live.right)), 1),
                "processor_s_per_audio_s": round(live.spent_s / live.seconds, 4),
            }
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


def _score_mix(tally: Tally, diarizer: Diarizer, drawn: Mix, say: Callable[[str], None]) -> None:
    truth = [(turn.speaker, turn.start_ms, turn.end_ms) for turn in drawn.turns]
    found = _score(tally, drawn.name, drawn.samples, truth, diarizer, say)
    names = mapping(truth, _plain(found), len(drawn.samples) * 1000 // SAMPLE_RATE)
    people = sorted(drawn.speakers)
    given = assign(_words(drawn.words), found.turns)
    best = assign(_words(drawn.words), [Turn(a, b, people.index(name)) for name, a, b in truth])
    for word, speaker, person in zip(drawn.words, given, best, strict=True):
        is_right = names.get(speaker) == word.speaker
        tally.best_right.append(person is not None and people[person] == word.speaker)
        tally.right.append(is_right)
        if _is_clear(word, drawn.turns):
            tally.clear_right.append(is_right)
    true = changes(truth)
    for sensitivity in SENSITIVITIES:
        at = speaker_changes(found.changes, sensitivity)
        before = tally.changes.get(sensitivity, (0, 0, 0))
        now = (found_changes(true, at), len(at), len(true))
        tally.changes[sensitivity] = (before[0] + now[0], before[1] + now[1], before[2] + now[2])


def _score_live(tally: Tally, diarizer: Diarizer, drawn: Mix) -> None:
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
            turns = stream.so_far(since_ms=now[0].start_ms - 1_000).turns
            told += zip(now, assign(_words(now), turns), strict=True)
            waiting = [word for word in waiting if word.end_ms > at_ms - 500]
    tally.spent_s = time.process_time() - began
    tally.seconds = len(drawn.samples) / SAMPLE_RATE
    labels = [(speaker, word.start_ms, word.end_ms) for word, speaker in told]
    truth = [(word.speaker, word.start_ms, word.end_ms) for word, _ in told]
    names = mapping(truth, labels, len(drawn.samples) * 1000 // SAMPLE_RATE)
    tally.right = [names.get(speaker) == word.speaker for word, speaker in told]


def _pieces(samples: Floats) -> Iterable[Floats]:
    for start in range(0, len(samples), PIECE):
        yield samples[start : start + PIECE]


def _plain(found: Diarization) -> Turns:
    return [(turn.speaker, turn.start_ms, turn.end_ms) for turn in found.turns]


def _count(turns: Turns) -> int:
    return len({speaker for speaker, _, _ in turns})


def _words(words: Sequence[Spoken]) -> list[Word]:
    return [Word("", word.start_ms, word.end_ms, 1.0) for word in words]


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
