"""Word and character times: the recognised words are aligned to the audio with the acoustic model of pocketsphinx.

The model's files are used, not its decoder: the search here is exact where the decoder prunes, so it does not fail and
does not depend on earlier calls, it costs a third, and phones come with it (``docs/decisions/0005-pocketsphinx.md``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from dragoman.analysis.acoustic_model import AcousticModel
from dragoman.analysis.features import FRAME_MS, STEP, Floats, features, frame_count
from dragoman.analysis.trellis import Arc, PhoneSpan, best_path
from dragoman.core.ports import SAMPLE_RATE, Samples, WordTimes
from dragoman.core.request import DictionaryWord
from dragoman.core.transcript import Character
from dragoman.language.g2p import G2P, Link
from dragoman.language.lexicon import Lexicon
from dragoman.language.phonemes import Pronunciation
from dragoman.language.punctuation import bare
from dragoman.language.spoken import Alternatives, Speech, SpokenWord

_PAUSE_MS: Final = 20
"""A window of 25 ms and differences over 50 ms see speech before it begins and after it has ended: at a pause, words
begin this much later and end this much earlier than the states say."""
_LONGEST_S: Final = 30
"""Longer audio is no segment: its words are shared out, as a search needs memory for every frame and state."""


@dataclass(frozen=True, slots=True)
class _Said:
    """One spoken word that was found, and the bounds of its phones in ms, one more than phones."""

    word: SpokenWord
    phones: Pronunciation
    bounds: tuple[int, ...]


class PocketSphinxAligner:
    """The ``Aligner`` for English. A pure function of the audio and the words, whatever was aligned before.

    It remembers the last segment, so that what is asked of it twice costs nothing the second time.
    """

    def __init__(self, lexicon: Lexicon | None = None, g2p: G2P | None = None) -> None:
        self._lexicon = lexicon or Lexicon()
        self._g2p = g2p or G2P()
        self.speech = Speech(self._lexicon, self._g2p)
        self.acoustics = AcousticModel()
        self.features = lru_cache(maxsize=1)(_features)
        self._found = lru_cache(maxsize=1)(self._find)
        self._pronunciations = lru_cache(maxsize=4)(self._pronunciations_of)

    def load(self) -> None:
        """Read the models. Raises ``EngineNotReady`` when the package that carries them is not installed."""
        self._lexicon.load()
        self._g2p.load()
        self.acoustics.load()

    def align(
        self,
        samples: Samples,
        words: Sequence[str],
        *,
        characters: bool = False,
        known: Sequence[DictionaryWord] = (),
    ) -> tuple[WordTimes, ...]:
        """Where each displayed word lies: in order, not overlapping, inside the segment, in steps of 10 ms.

        A word that is not said (a dash, an emoji) has no length. ``characters`` fills ``WordTimes.characters``.
        """
        pronunciations = self._pronunciations(tuple(known)) if known else {}
        spoken = tuple(self._spoken(word, pronunciations) for word in words)
        return tuple(self._times(words, self._found(bytes(samples), spoken), characters))

    def _find(self, samples: bytes, spoken: tuple[tuple[Alternatives, ...], ...]) -> list[list[_Said]]:
        found = self._search(samples, spoken)
        return _shared_out(_audio(samples), spoken) if found is None else found

    def _spoken(self, word: str, known: dict[str, tuple[Pronunciation, ...]]) -> tuple[Alternatives, ...]:
        """What may be said for a displayed word: of a word of the dictionary also what the client says of it."""
        said = self.speech.said(word)
        if not known or not (pronunciations := known.get((plain := bare(word)).casefold())):
            return said
        start = word.index(plain)
        letters = plain.lower()
        spoken = SpokenWord(start, start + len(plain), letters if len(letters) == len(plain) else "", pronunciations)
        return (((spoken,), *(said[0] if len(said) == 1 else ())),)

    def _pronunciations_of(self, known: tuple[DictionaryWord, ...]) -> dict[str, tuple[Pronunciation, ...]]:
        """By the word as it is displayed."""
        found: dict[str, tuple[Pronunciation, ...]] = {}
        for entry in known:
            shown = bare(entry.display or entry.spelling).casefold()
            found[shown] = (*found.get(shown, ()), *self.speech.pronunciations_of(entry))
        return found

    def _search(self, samples: bytes, spoken: Sequence[tuple[Alternatives, ...]]) -> list[list[_Said]] | None:
        """The spoken words of each displayed one by forced alignment; ``None`` when they are too many for the audio."""
        arcs: list[Arc] = []
        owners: list[tuple[int, SpokenWord]] = []
        junction = 0
        for index, parts in enumerate(spoken):
            for alternatives in parts:
                first, junction = junction, junction + 1 + sum(len(reading) - 1 for reading in alternatives)
                inner = first
                for reading in alternatives:
                    start = first
                    for word in reading[:-1]:
                        inner += 1
                        arcs += [Arc(start, inner, phones) for phones in word.pronunciations]
                        owners += [(index, word)] * len(word.pronunciations)
                        start = inner
                    arcs += [Arc(start, junction, phones) for phones in reading[-1].pronunciations]
                    owners += [(index, reading[-1])] * len(reading[-1].pronunciations)
        audio = _audio(samples)
        if not arcs or len(audio) > _LONGEST_S * SAMPLE_RATE:
            return None
        path = best_path(self.acoustics, self.features(samples), arcs)
        if path is None:
            return None
        found: list[list[_Said]] = [[] for _ in spoken]
        limit = _limit(audio)
        for arc, bounds in _timed(path.spans, frame_count(len(audio)), limit):
            index, word = owners[arc]
            found[index].append(_Said(word, arcs[arc].phones, bounds))
        return found

    def _times(self, words: Sequence[str], found: Sequence[list[_Said]], characters: bool) -> Iterable[WordTimes]:
        """Words without anything said stand, with no length, where the word before them ends."""
        following = [said[0].bounds[0] for said in found if said]
        end = following[0] if following else 0
        for word, said in zip(words, found, strict=True):
            start = said[0].bounds[0] if said else end
            end = said[-1].bounds[-1] if said else end
            yield WordTimes(start, end, self._characters(word, said, start) if characters else ())

    def _characters(self, word: str, said: Sequence[_Said], start: int) -> tuple[Character, ...]:
        """Letters lie on the phones they stand for; what is said by other characters is shared among them evenly.

        A character that stands for nothing has no length and stands at the end of the one before it.
        """
        spans: dict[int, tuple[int, int]] = {}
        for group in _by_span(said):
            first, last = group[0].word.start, group[0].word.end
            if len(group) == 1 and group[0].word.letters and len(group[0].word.letters) == last - first:
                places = list(range(first, last))
                spans |= zip(places, self._letters(group[0]), strict=True)
            else:
                places = [place for place in range(first, last) if word[place].isalnum()] or [first]
                spans |= zip(places, _split(group[0].bounds[0], group[-1].bounds[-1], len(places)), strict=True)
        times = []
        at = start
        for place, character in enumerate(word):
            begin, at = spans.get(place, (at, at))
            times.append(Character(character, begin, at))
        return tuple(times)

    def _letters(self, said: _Said) -> list[tuple[int, int]]:
        """The span of each letter. One that stands for no phone shares the phones of its neighbour."""
        groups: list[Link] = []
        for link in self._g2p.align(said.word.letters, said.phones):
            if groups and not (_is_sounded(link) and _is_sounded(groups[-1])):
                groups[-1] = groups[-1]._replace(letters_end=link.letters_end, phones_end=link.phones_end)
            else:
                groups.append(link)
        spans: list[tuple[int, int]] = []
        for first, last, phone, after in groups:
            spans += _split(said.bounds[phone], said.bounds[after], last - first)
        return spans


def _audio(samples: bytes) -> Floats:
    audio: Floats = np.nan_to_num(np.frombuffer(samples, np.float32), nan=0.0, posinf=1.0, neginf=-1.0).clip(-1, 1)
    return audio


def _features(samples: bytes) -> Floats:
    """Those of a segment; they are shared, so nobody may write to them."""
    return features(_audio(samples))


def _is_sounded(link: Link) -> bool:
    return link.letters_start < link.letters_end and link.phones_start < link.phones_end


def _limit(audio: Floats) -> int:
    """The length of the audio in ms, on the grid."""
    return len(audio) * 1000 // SAMPLE_RATE // FRAME_MS * FRAME_MS


def _timed(spans: Sequence[PhoneSpan], frames: int, limit: int) -> Iterable[tuple[int, tuple[int, ...]]]:
    """The arcs of a path and the bounds of their phones in ms.

    A frame is seen through a window around its middle, so what begins with frame ``n`` begins at the middle between the
    windows ``n - 1`` and ``n``, one step after ``n`` steps. At pauses see ``_PAUSE_MS``.
    """
    position = 0
    while position < len(spans):
        after = position + 1
        while after < len(spans) and spans[after].arc == spans[position].arc:
            after += 1
        phones = spans[position:after]
        edges = [span.start for span in phones] + [phones[-1].end]
        bounds = [min(limit, (edge + 1) * FRAME_MS) if edge else 0 for edge in edges]
        paused_before = edges[0] > (spans[position - 1].end if position else 0)
        paused_after = edges[-1] < (spans[after].start if after < len(spans) else frames)
        begin = bounds[0] + (_PAUSE_MS if paused_before else 0)
        end = bounds[-1] - (_PAUSE_MS if paused_after else 0)
        if begin < end:
            bounds = [min(max(bound, begin), end) for bound in bounds]
        yield phones[0].arc, tuple(bounds)
        position = after


def _by_span(said: Sequence[_Said]) -> Iterable[list[_Said]]:
    """Spoken words grouped by the characters they stand for: those of "2018" stand for all four together."""
    group: list[_Said] = []
    for one in said:
        if group and (one.word.start, one.word.end) != (group[0].word.start, group[0].word.end):
            yield group
            group = []
        group.append(one)
    if group:
        yield group


def _split(start: int, end: int, parts: int) -> list[tuple[int, int]]:
    """A span in equal parts, on the grid."""
    cuts = [start + (end - start) * i // parts // FRAME_MS * FRAME_MS for i in range(parts)]
    cuts = [*(max(start, cut) for cut in cuts), end]
    return list(pairwise(cuts))


def _shared_out(audio: Floats, spoken: Sequence[tuple[Alternatives, ...]]) -> list[list[_Said]]:
    """The frames with speech in them, given to the words by their number of phones."""
    said = [
        (index, word, word.pronunciations[0])
        for index, parts in enumerate(spoken)
        for alternatives in parts
        for word in alternatives[0]
    ]
    found: list[list[_Said]] = [[] for _ in spoken]
    frames = _loud_frames(audio)
    total = sum(len(phones) for _, _, phones in said)
    limit = _limit(audio)
    given = 0
    for index, word, phones in said:
        shares = [(given + i) * len(frames) // total for i in range(len(phones) + 1)]
        given += len(phones)
        bounds = [int(frames[share]) * FRAME_MS if share < len(frames) else limit for share in shares]
        if shares[-1] > shares[0]:
            bounds[-1] = (int(frames[shares[-1] - 1]) + 1) * FRAME_MS
        found[index].append(_Said(word, phones, tuple(min(bound, bounds[-1]) for bound in bounds)))
    return found


def _loud_frames(audio: Floats) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The frames of 10 ms, inside the audio, that are neither 30 dB below its loudest ones nor near its noise."""
    frames = len(audio) // STEP
    if not frames:
        return np.zeros(0, np.intp)
    energy = np.square(audio[: frames * STEP], dtype=np.float64).reshape(frames, STEP).sum(1)
    noise, loudest = np.quantile(energy, (0.05, 0.95))
    return np.flatnonzero(energy >= max(1e-3 * loudest, min(4 * noise, 0.1 * loudest)))
