"""Words known by their pronunciation alone: how many are found, and what else they do.

The material is that of ``vocabulary_phrases``: the sentences of ``read``, ``accented`` and ``long``. Its rare words are
dealt into dictionaries of twenty, with the pronunciations of the pronouncing dictionary or of the letter-to-sound
rules; the recogniser is told nothing else. Each dictionary is tried on all sentences. *Found* is the share of the
occurrences which the recogniser got wrong and the matcher put right, *kept* the share of those it got right and that
stay so, *false* a word of the dictionary that stands where the reference has another or none.

The matcher was fitted to one half of the sentences (odd recordings, the first half of the long reading); the other half
is held out.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import jiwer

from benchmarks.scoring import normal
from benchmarks.vocabulary_phrases import Sentence, sentences, speech_segments
from dragoman.analysis.align import PocketSphinxAligner
from dragoman.analysis.dictionary_matching import SoundMatcher
from dragoman.audio.vad import SileroVad
from dragoman.core.ports import HypothesisWord, Samples
from dragoman.core.request import DictionaryWord, Phrase, RecognitionRequest, Vocabulary
from dragoman.engines.moonshine.engine import MoonshineEngine
from dragoman.language.g2p import G2P
from dragoman.language.lexicon import Lexicon
from dragoman.language.ngram import LanguageModel

WORDS: Final = 20
DEALS: Final = 3
"""How often all rare words are dealt, each time in other company."""
WITH_SPELLING: Final = 3
"""Dictionaries of each half that are tried with the spellings as phrases too: all sentences are recognised anew."""
SIZES: Final = (20, 118, 1000)
_SEED: Final = 15


@dataclass(frozen=True, slots=True)
class Heard:
    """A segment as recognised without a vocabulary."""

    samples: Samples
    words: tuple[HypothesisWord, ...]


@dataclass(slots=True)
class Score:
    wrong: int = 0
    found: int = 0
    right: int = 0
    kept: int = 0
    false: int = 0
    words: int = 0

    def add(self, sentence: Sentence, dictionary: frozenset[str], before: str, after: str) -> None:
        was, _ = _places(sentence.reference, normal(before), dictionary)
        now, false = _places(sentence.reference, normal(after), dictionary)
        for place, right_before in was.items():
            if right_before:
                self.right += 1
                self.kept += now[place]
            else:
                self.wrong += 1
                self.found += now[place]
        self.false += false
        self.words += len(sentence.reference)

    def summary(self) -> dict[str, float]:
        return {
            "wrong": self.wrong,
            "found_percent": round(100 * self.found / max(1, self.wrong), 1),
            "right": self.right,
            "kept_percent": round(100 * self.kept / max(1, self.right), 1),
            "recall_percent": round(100 * (self.found + self.kept) / max(1, self.wrong + self.right), 1),
            "false_per_1000_words": round(1000 * self.false / max(1, self.words), 2),
        }


def _places(reference: list[str], found: list[str], dictionary: frozenset[str]) -> tuple[dict[int, bool], int]:
    """For each place of the reference with a word of the dictionary, whether it was found; and how many are false."""
    places = {at: False for at, word in enumerate(reference) if word in dictionary}
    false = 0
    if not found:
        return places, false
    for chunk in jiwer.process_words(" ".join(reference), " ".join(found)).alignments[0]:
        if chunk.type == "equal":
            places |= {at: True for at in range(chunk.ref_start_idx, chunk.ref_end_idx) if at in places}
        else:
            false += sum(word in dictionary for word in found[chunk.hyp_start_idx : chunk.hyp_end_idx])
    return places, false


class Bench:
    def __init__(self, audio: Path, say: Callable[[str], None]) -> None:
        self._say = say
        self._lexicon, self._g2p = Lexicon(), G2P()
        self._aligner = PocketSphinxAligner(self._lexicon, self._g2p)
        self._matcher = SoundMatcher(self._aligner)
        self._engine, self._vad, self._frequencies = MoonshineEngine(), SileroVad(), LanguageModel()
        for part in (self._aligner, self._matcher, self._engine, self._vad, self._frequencies):
            part.load()
        self._sentences = sentences(audio, self._frequencies)
        self._recognition_s = time.process_time()
        self._heard = {s.name: self._recognise(s, Vocabulary()) for s in self._sentences}
        self._recognition_s = time.process_time() - self._recognition_s
        self._say(f"  {len(self._sentences)} sentences recognised in {self._recognition_s:.0f} processor s")

    def _recognise(self, sentence: Sentence, vocabulary: Vocabulary) -> list[Heard]:
        request = RecognitionRequest(vocabulary=vocabulary)
        return [
            Heard(samples.data, self._engine.recognise(samples.data, request, lambda: False).words)
            for samples in speech_segments(sentence.samples, self._vad)
        ]

    def _entry(self, word: str) -> DictionaryWord:
        return DictionaryWord(word, self._lexicon.pronunciations(word) or (self._g2p.pronounce(word),))

    def _match(self, heard: Sequence[Heard], entries: tuple[DictionaryWord, ...]) -> str:
        words = (self._matcher.match(segment.samples, segment.words, entries) for segment in heard if segment.words)
        return " ".join(word.text for segment in words for word in segment)

    def half(self, held_out: bool) -> dict[str, object]:
        chosen = [s for s, out in zip(self._sentences, _held_out(self._sentences), strict=True) if out == held_out]
        rare = sorted({word for sentence in chosen for word in sentence.rare})
        by_sound, with_spelling = Score(), Score()
        for deal in range(DEALS):
            shuffled = random.Random(f"{_SEED} {deal}").sample(rare, len(rare))
            hands = [shuffled[at : at + WORDS] for at in range(0, len(shuffled) - WORDS + 1, WORDS)]
            for number, hand in enumerate(hands):
                entries, dictionary = tuple(map(self._entry, hand)), frozenset(hand)
                for sentence in chosen:
                    heard = self._heard[sentence.name]
                    before = _text(heard)
                    by_sound.add(sentence, dictionary, before, self._match(heard, entries))
                if deal == 0 and number < WITH_SPELLING:
                    vocabulary = Vocabulary(tuple(map(Phrase, hand)), entries)
                    for sentence in chosen:
                        biased = self._recognise(sentence, vocabulary)
                        before = _text(self._heard[sentence.name])
                        with_spelling.add(sentence, dictionary, before, self._match(biased, entries))
        return {
            "rare_words": len(rare),
            "by_sound": by_sound.summary(),
            "with_spelling_as_phrase": with_spelling.summary(),
        }

    def cost(self) -> dict[str, float]:
        """Processor time of matching, with the alignment that follows it, less that of the alignment alone; as a share
        of recognition with alignment."""
        strangers = [word for word in self._lexicon.words() if self._frequencies.log_frequency(word) < -11.5]
        drawn = random.Random(_SEED).sample(strangers, max(SIZES))
        heard = [segment for segments in self._heard.values() for segment in segments if segment.words]
        alone = self._aligned(heard, ())
        shares = {}
        for size in SIZES:
            matched = self._aligned(heard, tuple(map(self._entry, drawn[:size])))
            shares[f"{size} words"] = round((matched - alone) / (self._recognition_s + alone), 3)
        return shares

    def _aligned(self, heard: Sequence[Heard], entries: tuple[DictionaryWord, ...]) -> float:
        start = time.process_time()
        for segment in heard:
            words = self._matcher.match(segment.samples, segment.words, entries) if entries else segment.words
            self._aligner.align(segment.samples, [word.text for word in words], known=entries)
        return time.process_time() - start


def _held_out(material: Sequence[Sentence]) -> list[bool]:
    recordings = list(dict.fromkeys(sentence.name.split("#")[0] for sentence in material))
    parts = {name: sum(s.name.split("#")[0] == name for s in material) for name in recordings}
    out = []
    for sentence in material:
        name, number = sentence.name.split("#")
        out.append(int(number) >= parts[name] / 2 if parts[name] > 1 else recordings.index(name) % 2 == 0)
    return out


def _text(heard: Sequence[Heard]) -> str:
    return " ".join(word.text for segment in heard for word in segment.words)


def measure(audio: Path, say: Callable[[str], None] = print) -> dict[str, object]:
    bench = Bench(audio, say)
    results: dict[str, object] = {}
    for name, held_out in (("tuned", False), ("held_out", True)):
        results[name] = bench.half(held_out)
        say(f"  {name}: {results[name]}")
    results["cost_share_of_recognition"] = bench.cost()
    say(f"  cost: {results['cost_share_of_recognition']}")
    return results
