"""What live speech shows before it is final: how much of it is wrong later, how late it comes, what it costs.

Plays recordings through a live session on the clock of the audio, as if computing took no time: what a busy machine
adds is in the benchmark of live streams. A word of a partial is wrong later if it is not in the final at its place,
where the partial is aligned with the beginning of the final by the fewest word edits; case and punctuation apart,
hyphens as spaces. Each word counts when it is first shown at its place, and a stable one when it becomes stable. An
utterance whose final is empty makes all of its words wrong. The text stands still for as long as nothing of it changes
between the first word of the final and the end of its last one.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.recordings import Recording, read_manifest
from dragoman.analysis.align import PocketSphinxAligner
from dragoman.audio.vad import SileroVad
from dragoman.core.events import Final, Partial, SpeechEnded, SpeechStarted
from dragoman.core.ports import SAMPLE_RATE
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Word
from dragoman.engines.moonshine.engine import MoonshineEngine
from dragoman.service.endpointing import EndpointingRule
from dragoman.service.recognise import Recogniser
from dragoman.service.session import Kind, LiveSession

HOW_MANY = {"read": 28, "accented": 20, "commands": 24, "conversation": 8, "telephone": 8, "long": 1}
LONGEST_S = 150
CADENCES_MS = (300, 500, 1000)
FRESH_DRAFTS = 3
"""Of an utterance, which come as often as the session lets them: so does the scheduler."""
STILL_MS = 1_900
PIECE = SAMPLE_RATE // 50
NOT_SPOKEN = re.compile(r"[^\w']+")


def parts(text: str) -> list[str]:
    """A word as it is compared: what is between hyphens, in lower case, without punctuation."""
    return [part for piece in re.split(r"[-\u2010-\u2015]", text) if (part := NOT_SPOKEN.sub("", piece.lower()))]


def places(words: Sequence[str], final: Sequence[str]) -> list[int | None]:
    """For each of the words the place of its equal in that beginning of ``final`` which takes the fewest edits."""
    costs = np.zeros((len(words) + 1, len(final) + 1), np.int64)
    costs[:, 0], costs[0] = range(len(words) + 1), range(len(final) + 1)
    for i, word in enumerate(words, 1):
        for j, other in enumerate(final, 1):
            costs[i, j] = min(costs[i - 1, j] + 1, costs[i, j - 1] + 1, costs[i - 1, j - 1] + (word != other))
    i, j = len(words), int(costs[-1].argmin())
    found: list[int | None] = [None] * len(words)
    while i and j:
        if costs[i, j] == costs[i - 1, j - 1] + (words[i - 1] != final[j - 1]):
            i, j = i - 1, j - 1
            found[i] = j if words[i] == final[j] else None
        elif costs[i, j] == costs[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return found


def word_places(words: Sequence[Word], final: Sequence[Word]) -> list[int | None]:
    """The same for words that may have several parts: the place of the last one, ``None`` if one is not there."""
    pieces = [(part, at) for at, word in enumerate(words) for part in parts(word.text)]
    targets = [(part, at) for at, word in enumerate(final) for part in parts(word.text)]
    found: list[int | None] = [-1] * len(words)
    matched = places([part for part, _ in pieces], [part for part, _ in targets])
    for (_, at), place in zip(pieces, matched, strict=True):
        found[at] = None if place is None or found[at] is None else targets[place][1]
    return found


@dataclass(slots=True)
class Shown:
    """What was shown of one utterance, with the place of the audio's clock when it was."""

    start_ms: int
    partials: list[tuple[int, Partial]] = field(default_factory=list)
    final: tuple[int, Final] | None = None
    drafts: int = 0


@dataclass(slots=True)
class Count:
    words: int = 0
    wrong: int = 0
    delays_ms: list[int] = field(default_factory=list)

    def add(self, place: int | None, now_ms: int, final: Sequence[Word]) -> None:
        self.words += 1
        self.wrong += place is None
        if place is not None and place >= 0:
            self.delays_ms.append(now_ms - final[place].end_ms)

    def result(self) -> dict[str, object]:
        wrong = round(100 * self.wrong / max(1, self.words), 2)
        return {"words": self.words, "wrong_percent": wrong, "delay_ms": spread(self.delays_ms)}


def spread(values: Sequence[int]) -> dict[str, int]:
    return {f"p{q}": int(np.percentile(values, q)) for q in (50, 95)} if values else {}


def waits_ms(utterance: Shown, final: Sequence[Word]) -> list[int]:
    """For each word of the final how long after its end it was first shown, in the final at the latest."""
    assert utterance.final
    seen: dict[int, int] = {}
    for now_ms, partial in utterance.partials:
        for place in word_places(partial.segment.words, final):
            if place is not None:
                seen.setdefault(place, now_ms)
    return [seen.get(at, utterance.final[0]) - word.end_ms for at, word in enumerate(final)]


def stands_still_ms(utterance: Shown, final: Sequence[Word]) -> int:
    """The longest time in which nothing of the text changed while somebody spoke."""
    changes_ms = [final[0].start_ms]
    text = ""
    for now_ms, partial in utterance.partials:
        if partial.segment.text != text:
            text = partial.segment.text
            changes_ms.append(now_ms)
    changes_ms.append(max(changes_ms[-1], final[-1].end_ms))
    return max(later - before for before, later in pairwise(changes_ms))


def count(utterances: Sequence[Shown]) -> dict[str, object]:
    shown, stable = Count(), Count()
    firsts_ms: list[int] = []
    finals_ms: list[int] = []
    still_ms: list[int] = []
    repeated = Count()
    for utterance in utterances:
        final = utterance.final[1].segment.words if utterance.final else ()
        before: list[list[str]] = []
        stable_before = 0
        for now_ms, partial in utterance.partials:
            words = partial.segment.words
            found = word_places(words, final)
            compared = [parts(word.text) for word in words]
            for at, place in enumerate(found):
                repeated.add(place, now_ms, final)
                if at >= len(before) or before[at] != compared[at]:
                    shown.add(place, now_ms, final)
                if stable_before <= at < partial.stable_words:
                    stable.add(place, now_ms, final)
            before, stable_before = compared, partial.stable_words
        if utterance.final:
            spoken_ms = max(utterance.start_ms, final[0].start_ms)
            first_ms = utterance.partials[0][0] if utterance.partials else utterance.final[0]
            firsts_ms.append(first_ms - spoken_ms)
            finals_ms += waits_ms(utterance, final)
            still_ms.append(stands_still_ms(utterance, final))
    late = sum(first_ms > 1200 for first_ms in firsts_ms) / max(1, len(firsts_ms))
    return {
        "utterances": len(utterances),
        "shown": shown.result(),
        "stable": stable.result(),
        "stable_percent_of_finals": round(
            100 * stable.words / max(1, sum(len(u.final[1].segment.words) for u in utterances if u.final))
        ),
        "all_words_of_all_partials_wrong_percent": round(100 * repeated.wrong / max(1, repeated.words), 2),
        "first_ms": spread(firsts_ms),
        "words_of_finals_first_seen_ms": spread(finals_ms),
        "stands_still_ms": spread(still_ms),
        f"stand_still_for_{STILL_MS}_ms": sum(still >= STILL_MS for still in still_ms),
        "first_later_than_1200_ms_percent": round(100 * late, 1),
    }


class Player:
    """Plays recordings, drafting an utterance when it has grown by ``cadence_ms``; its clocks are processor time."""

    def __init__(self, recogniser: Recogniser, cadence_ms: int) -> None:
        self._recogniser = recogniser
        self._cadence_ms = cadence_ms
        self.audio_s = 0.0
        self.processor_s: dict[str, float] = defaultdict(float)

    def play(self, samples: np.ndarray) -> list[Shown]:
        pcm = (np.clip(samples, -1, 1) * 32_767).astype("<i2")
        session = LiveSession(self._recogniser, RecognitionRequest(), EndpointingRule(), SAMPLE_RATE)
        utterances: list[Shown] = []
        drafted_ms = 0
        for at in range(0, len(pcm) + PIECE, PIECE):
            with self._clock("voice_activity"):
                if at < len(pcm):
                    session.feed(pcm[at : at + PIECE].tobytes())
                else:
                    session.finish()
            now_ms = session.taken * 1000 // SAMPLE_RATE
            while (work := session.work()) is not None:
                if work.kind is Kind.PARTIAL:
                    if utterances[-1].drafts >= FRESH_DRAFTS and now_ms < drafted_ms + self._cadence_ms:
                        break
                    drafted_ms = now_ms
                    utterances[-1].drafts += 1
                    with self._clock("drafts"):
                        drafts = session.engine.draft([session.utterance()])
                    with self._clock("drafts_aligned"):
                        session.drafted(drafts[0])
                else:
                    with self._clock("finals"):
                        session.recognise(lambda: False)
                self._note(session, now_ms, utterances)
            self._note(session, now_ms, utterances)
        self.audio_s += len(pcm) / SAMPLE_RATE
        return utterances

    @staticmethod
    def _note(session: LiveSession, now_ms: int, utterances: list[Shown]) -> None:
        for event in session.take_events():
            match event:
                case SpeechStarted():
                    utterances.append(Shown(event.start_ms))
                case Partial():
                    utterances[-1].partials.append((now_ms, event))
                case Final():
                    utterances[-1].final = (now_ms, event)
                case SpeechEnded() | _:
                    pass

    @contextmanager
    def _clock(self, name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.processor_s[name] += time.process_time() - began


def verification(engine: MoonshineEngine, clips: Sequence[np.ndarray]) -> dict[str, dict[str, float]]:
    """By length of the utterance: milliseconds to draft it 500 ms after the last draft, and from nothing."""
    result = {}
    for seconds in (2, 4, 6, 8, 10):
        spent: dict[str, list[float]] = defaultdict(list)
        for clip in clips:
            if len(clip) < seconds * SAMPLE_RATE:
                continue
            known, fresh = (engine.open_utterance(RecognitionRequest()) for _ in range(2))
            engine.draft([(known, clip[: (seconds * 2 - 1) * SAMPLE_RATE // 2].data)])
            for name, utterance in (("verified", known), ("afresh", fresh)):
                began = time.process_time()
                engine.draft([(utterance, clip[: seconds * SAMPLE_RATE].data)])
                spent[name].append(1000 * (time.process_time() - began))
        if spent:
            row = {name: round(float(np.mean(values)), 1) for name, values in spent.items()}
            result[f"{seconds} s"] = {**row, "ratio": round(row["afresh"] / row["verified"], 2)}
    return result


def chosen(folder: Path, only: set[str] | None) -> list[Recording]:
    """Every second of a choice of recordings: on the others the rules were chosen."""
    every: dict[str, list[Recording]] = defaultdict(list)
    for recording in read_manifest(folder):
        if recording.seconds > 2 and (recording.text or recording.folder == "commands"):
            every[recording.folder].append(recording)
    picked = []
    for name, number in HOW_MANY.items():
        step = max(1, len(every[name]) // number)
        picked += every[name][::step][:number]
    return [recording for recording in picked[1::2] if only is None or recording.folder in only]


def measure(audio: Path, only: set[str] | None = None, say: Callable[[str], None] = print) -> dict[str, object]:
    engine, aligner, voice_activity = MoonshineEngine(), PocketSphinxAligner(), SileroVad()
    for each in (engine, aligner, voice_activity):
        each.load()
    clips = [recording.samples()[: LONGEST_S * SAMPLE_RATE] for recording in chosen(audio, only)]
    outcome: dict[str, object] = {
        "drafts_ms": verification(engine, [clip for clip in clips if len(clip) > 10 * SAMPLE_RATE][:10])
    }
    for cadence_ms in CADENCES_MS:
        say(f"  a draft every {cadence_ms} ms")
        player = Player(Recogniser(engine, aligner, voice_activity), cadence_ms)
        played = [player.play(samples) for samples in clips]
        costs = {name: round(spent / player.audio_s, 4) for name, spent in player.processor_s.items()}
        counts = count([shown for each in played for shown in each])
        outcome[f"every {cadence_ms} ms"] = {"processor_s_per_audio_s": costs, **counts}
    return outcome
