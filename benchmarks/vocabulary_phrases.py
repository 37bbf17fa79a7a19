"""Rare words as phrases: how many of them are recognised, and what it costs the other words.

From the reference of every sentence of ``read``, ``accented`` and ``long`` the words that English hardly knows are
taken; a sentence is recognised with its own rare words and so many distractors, rare words of other sentences and of
the pronouncing dictionary, as phrases. Recall counts the rare words of the references that are in the transcript at
their place. A false word is a phrase in the transcript that the reference does not have there.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jiwer
import numpy as np
import numpy.typing as npt

from benchmarks.recordings import read_manifest
from benchmarks.scoring import normal
from dragoman.audio.segment import Segmenter
from dragoman.audio.vad import SileroVad
from dragoman.core.request import Phrase, RecognitionRequest, Vocabulary
from dragoman.engines.moonshine.engine import MoonshineEngine
from dragoman.language.lexicon import Lexicon
from dragoman.language.ngram import LanguageModel

DISTRACTORS: Final = (100, 1000)
RARE: Final = -13.0
"""Natural logarithm of the frequency below which a word counts as rare: one in 440,000."""
_SHORTEST: Final = 4
_SEED: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Sentence:
    name: str
    samples: npt.NDArray[np.float32]
    reference: list[str]
    rare: frozenset[str]


@dataclass(slots=True)
class Score:
    """Of one condition."""

    rare: int = 0
    found: int = 0
    others: int = 0
    other_errors: int = 0
    false: int = 0
    processor_s: float = 0.0
    audio_s: float = 0.0
    missed: list[str] = field(default_factory=list)

    def add(self, sentence: Sentence, phrases: frozenset[str], text: str) -> None:
        found = normal(text)
        output = jiwer.process_words(" ".join(sentence.reference), " ".join(found))
        for chunk in output.alignments[0]:
            expected = sentence.reference[chunk.ref_start_idx : chunk.ref_end_idx]
            said = found[chunk.hyp_start_idx : chunk.hyp_end_idx]
            rare = sum(word in sentence.rare for word in expected)
            self.rare += rare
            self.others += len(expected) - rare
            if chunk.type == "equal":
                self.found += rare
                continue
            self.missed += [word for word in expected if word in sentence.rare]
            self.false += sum(word in phrases for word in said)
            self.other_errors += len(said) if chunk.type == "insert" else len(expected) - rare

    def summary(self) -> dict[str, float]:
        return {
            "rare_words": self.rare,
            "recall_percent": round(100 * self.found / self.rare, 1),
            "other_words_error_rate_percent": round(100 * self.other_errors / self.others, 2),
            "false_per_1000_words": round(1000 * self.false / (self.rare + self.others), 2),
            "processor_s_per_audio_s": round(self.processor_s / self.audio_s, 4),
        }


def sentences(audio: Path, model: LanguageModel) -> list[Sentence]:
    """Those that have rare words, and those that have none: they show what the distractors do."""
    found = []
    for recording in read_manifest(audio):
        if recording.folder not in ("read", "accented", "long") or not recording.is_scored:
            continue
        samples = recording.samples()
        parts = [(0.0, len(samples) / 16_000, recording.text)]
        if recording.folder == "long":
            known = json.loads(recording.path.with_suffix(".json").read_text())["sentences"]
            parts = [(part["start"] - 0.2, part["end"] + 0.2, part["text"]) for part in known]
        for number, (start, end, text) in enumerate(parts):
            reference = normal(str(text))
            rare = frozenset(word for word in reference if _is_rare(word, model))
            cut = samples[max(0, int(start * 16_000)) : int(end * 16_000)]
            found.append(Sentence(f"{recording.name}#{number}", cut, reference, rare))
    return found


def _is_rare(word: str, model: LanguageModel) -> bool:
    return len(word) >= _SHORTEST and word.isalpha() and model.log_frequency(word) < RARE


def measure(audio: Path, say: Callable[[str], None] = print, only: Sequence[int] | None = None) -> dict[str, object]:
    model, lexicon, vad, engine = LanguageModel(), Lexicon(), SileroVad(), MoonshineEngine()
    for part in (model, lexicon, vad, engine):
        part.load()
    material = sentences(audio, model)
    pool = sorted({word for sentence in material for word in sentence.rare})
    strangers = [word for word in lexicon.words() if _is_rare(word, model)]
    results: dict[str, object] = {"sentences": len(material), "rare_below": RARE}
    for count in (0, *DISTRACTORS) if only is None else only:
        score = Score()
        for sentence in material:
            shuffled = random.Random(f"{_SEED} {sentence.name}")
            others = [word for word in pool if word not in sentence.reference]
            distractors = shuffled.sample(others, min(len(others), count // 2))
            distractors += shuffled.sample(strangers, count - len(distractors))
            phrases = frozenset(distractors) | sentence.rare if count else frozenset()
            request = RecognitionRequest(vocabulary=Vocabulary(tuple(Phrase(word) for word in sorted(phrases))))
            segments = speech_segments(sentence.samples, vad)
            start = time.process_time()
            heard = [engine.recognise(segment.data, request, lambda: False).text for segment in segments]
            score.processor_s += time.process_time() - start
            score.audio_s += len(sentence.samples) / 16_000
            score.add(sentence, phrases or sentence.rare, " ".join(heard))
        results[f"{count} distractors" if count else "no phrases"] = score.summary()
        say(f"  {count} distractors: {score.summary()}")
    results["cost"] = _cost(engine, vad, material[::4], strangers)
    say(f"  cost: {results['cost']}")
    return results


def _cost(
    engine: MoonshineEngine, vad: SileroVad, material: Sequence[Sentence], strangers: list[str]
) -> dict[str, float]:
    """Processor time with one list of phrases for all sentences, as a client sends it, against none, in turn."""
    drawn = random.Random(_SEED).sample(strangers, max(DISTRACTORS))
    requests = [RecognitionRequest(), RecognitionRequest(vocabulary=Vocabulary(tuple(map(Phrase, drawn))))]
    spent = [0.0, 0.0]
    for sentence in material:
        for segment in speech_segments(sentence.samples, vad):
            for number, request in enumerate(requests):
                start = time.process_time()
                engine.recognise(segment.data, request, lambda: False)
                spent[number] += time.process_time() - start
    return {"phrases": len(drawn), "processor_ratio": round(spent[1] / spent[0], 3)}


def speech_segments(samples: npt.NDArray[np.float32], vad: SileroVad) -> list[npt.NDArray[np.float32]]:
    segmenter = Segmenter()
    found = segmenter.feed(samples, vad.open().feed(samples)) + segmenter.finish()
    return [segment.samples for segment in found]
