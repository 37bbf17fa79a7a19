"""Word error rate, processor time, hallucinated words, confidence and word times over the recordings, in one run.

Every recording is recognised in turn by the library's own pipeline and by this recogniser without and with word times,
so that all see the same machine. Processor time is that of the process, all threads; ours includes decoding the file,
the library gets decoded samples.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import jiwer

from benchmarks.library import Library
from benchmarks.recordings import read_manifest
from benchmarks.scoring import Confidences, WordErrors, normal
from dragoman.core.assemble import Assembler
from dragoman.core.events import Final, RecognitionEvent
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.core.transcript import Transcript, Word
from dragoman.server.profiles import build_transcriber
from dragoman.server.settings import Settings
from dragoman.service.transcribe import Recognised, Transcriber

LIMITS = {"read": 0.75, "accented": 0.74, "isolated": 0.60, "telephone": 0.60, "long": 0.80, "conversation": 1.0}
"""The most of the library's word error rate that is accepted."""


@dataclass(slots=True)
class Side:
    """One recogniser over one folder."""

    errors: WordErrors = field(default_factory=WordErrors)
    processor_s: float = 0.0

    @contextmanager
    def timer(self) -> Iterator[None]:
        start = time.process_time()
        yield
        self.processor_s += time.process_time() - start


@dataclass(slots=True)
class Folder:
    audio_s: float = 0.0
    library: Side = field(default_factory=Side)
    plain: Side = field(default_factory=Side)
    timed: Side = field(default_factory=Side)


def measure(
    audio: Path, profile: str, only: set[str] | None = None, say: Callable[[str], None] = print
) -> dict[str, object]:
    """The results as plain data. ``only`` names the folders to use."""
    recordings = [
        r for r in read_manifest(audio) if (r.is_scored or r.is_non_speech) and (only is None or r.folder in only)
    ]
    library = Library()
    ours = build_transcriber(Settings())
    folders: dict[str, Folder] = defaultdict(Folder)
    confidences = Confidences()
    faults: list[str] = []
    invented: dict[str, int] = {"library": 0, "plain": 0, "timed": 0}
    quiet_s = 0.0
    long_starts: list[bool] = []
    for number, recording in enumerate(recordings, 1):
        folder = folders[recording.folder]
        samples = recording.samples()
        folder.audio_s += recording.seconds
        with folder.library.timer():
            theirs = library.recognise(samples)
        with folder.plain.timer():
            plain = transcribe(ours, recording.path, profile, TimeDetail.SEGMENT)
        with folder.timed.timer():
            timed = transcribe(ours, recording.path, profile, TimeDetail.WORD)
        faults += [f"{recording.name}: {fault}" for fault in time_faults(timed)]
        if recording.is_non_speech:
            quiet_s += recording.seconds
            for side, text in (("library", theirs), ("plain", plain.text), ("timed", timed.text)):
                invented[side] += len(normal(text))
            if plain.text:
                say(f"  {recording.name}: {plain.text}")
        else:
            assert recording.text is not None
            folder.library.errors.add(recording.text, theirs)
            folder.plain.errors.add(recording.text, plain.text)
            folder.timed.errors.add(recording.text, timed.text)
            confidences.add(recording.text, [(word.text, word.confidence) for word in timed.words])
        if recording.folder == "long":
            long_starts += starts_in_sentences(timed, json.loads(recording.path.with_suffix(".json").read_text()))
        if number % 40 == 0:
            say(f"  {number} of {len(recordings)} recordings")
    library.close()
    return {
        "folders": {name: _summary(name, folder) for name, folder in folders.items()},
        "processor_s_per_audio_s": _processor(folders),
        "invented_words_per_minute": {
            side: round(60 * words / quiet_s, 2) for side, words in invented.items() if quiet_s
        },
        "confidence": {
            "words": len(confidences.given),
            "area_under_curve": round(confidences.area_under_curve, 4),
            "calibration_error": round(confidences.calibration_error, 4),
        },
        "word_times": {
            "faults": faults,
            "starts_inside_sentence_percent": round(100 * sum(long_starts) / len(long_starts), 2)
            if long_starts
            else None,
        },
    }


def transcribe(transcriber: Transcriber, media: Path, profile: str, detail: TimeDetail) -> Transcript:
    assembler = Assembler()
    for report in transcriber.transcribe(media, RecognitionRequest(time_detail=detail, profile=profile)):
        if not isinstance(report, Recognised):
            event: RecognitionEvent = report
            assembler.add(event)
        elif report.segment is not None:
            assembler.add(Final(report.segment))
    return assembler.transcript()


def time_faults(transcript: Transcript) -> list[str]:
    """What is wrong with the times of the words: order, overlap, places outside the audio."""
    faults = []
    for channel in transcript.channels:
        last = 0
        for word in (word for segment in transcript.channel(channel) for word in segment.words):
            if not last <= word.start_ms <= word.end_ms <= transcript.duration_ms:
                faults.append(f"{word.start_ms} to {word.end_ms} after {last}, of {transcript.duration_ms}")
            last = word.end_ms
    return faults


def starts_in_sentences(transcript: Transcript, truth: dict[str, list[dict[str, float]]]) -> list[bool]:
    """For each word that is surely of one sentence, whether its start lies inside that sentence.

    Words are given to sentences by aligning the whole transcript with the text of all sentences; only words that are
    recognised right say anything about times.
    """
    expected: list[tuple[str, int]] = []
    for number, sentence in enumerate(truth["sentences"]):
        expected += [(part, number) for part in normal(str(sentence["text"]))]
    found: list[tuple[str, Word]] = [(part, word) for word in transcript.words for part in normal(word.text)]
    output = jiwer.process_words(" ".join(p for p, _ in expected), " ".join(p for p, _ in found))
    inside = []
    for chunk in output.alignments[0]:
        if chunk.type != "equal":
            continue
        for at in range(chunk.ref_end_idx - chunk.ref_start_idx):
            sentence = truth["sentences"][expected[chunk.ref_start_idx + at][1]]
            word = found[chunk.hyp_start_idx + at][1]
            inside.append(1000 * sentence["start"] <= word.start_ms <= 1000 * sentence["end"])
    return inside


def _summary(name: str, folder: Folder) -> dict[str, object]:
    rates = {side: round(getattr(folder, side).errors.rate, 2) for side in ("library", "plain", "timed")}
    summary: dict[str, object] = {
        "audio_s": round(folder.audio_s, 1),
        "processor_s_per_audio_s": {
            side: round(getattr(folder, side).processor_s / folder.audio_s, 4) for side in ("library", "plain", "timed")
        },
    }
    if folder.library.errors.words:
        summary |= {
            "words": folder.library.errors.words,
            "word_error_rate_percent": rates,
            "ratio": round(rates["timed"] / rates["library"], 3),
            "accepted": LIMITS.get(name),
        }
    return summary


def _processor(folders: dict[str, Folder]) -> dict[str, float]:
    audio = sum(folder.audio_s for folder in folders.values())
    sides = {
        side: sum(getattr(folder, side).processor_s for folder in folders.values()) / audio
        for side in ("library", "plain", "timed")
    }
    return {
        **{side: round(value, 4) for side, value in sides.items()},
        "plain_ratio": round(sides["plain"] / sides["library"], 3),
        "timed_ratio": round(sides["timed"] / sides["library"], 3),
    }
