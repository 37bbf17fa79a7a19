"""Whether recognised words were given to those who said them, also where several speak at once.

What was recognised is one row of words, what was said one row for each speaker. They are aligned as NIST's asclite does
it (Fiscus et al., "Multiple Dimension Levenshtein Edit Distance Calculations for Evaluating Automatic Speech Recognition
Systems During Simultaneous Speech", 2006): each recognised word is paired with a word of one of the speakers or with none,
every row in its order, so that the whole costs least: a wrong word 4, one too many or too few 3. Words that lie more
than ``APART_MS`` apart are never paired, and of equal costs that counts whose words are nearer. As in the word
diarization error rate (Shafey et al., "Joint Speech Recognition and Speaker Diarization via Sequence Transduction", 2019)
the words that count are those paired with a word of somebody, whether the same or another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.scoring import normal
from benchmarks.speakers_mixes import Spoken
from dragoman.core.transcript import Word

APART_MS: Final = 500
_WRONG: Final = 4.0
_LEFT_OUT: Final = 3.0
"""Or one too many."""
_PER_MS: Final = 1e-4
"""Less than any error, however far apart the words are."""


@dataclass(frozen=True)
class Paired:
    """The recognised word of this number was said by a speaker, in the same words or others."""

    number: int
    speaker: str
    is_same: bool


@dataclass(frozen=True)
class _Part:
    """What a word is compared by; several to a word that the normaliser takes apart."""

    text: str
    owner: int
    start_ms: int
    end_ms: int


def paired(recognised: Sequence[Word], said: Sequence[Spoken]) -> list[Paired]:
    """In the order of the recognised words. A word in several parts goes by its first that is paired."""
    found = _parts([(word.text, word.start_ms, word.end_ms) for word in recognised])
    speakers = sorted({word.speaker for word in said})
    rows = [
        _parts([(word.text, word.start_ms, word.end_ms) for word in said if word.speaker == speaker])
        for speaker in speakers
    ]
    pairs: dict[int, Paired] = {}
    for part, partner in zip(found, _alignment(found, rows), strict=True):
        if partner is not None:
            row, at = partner
            pair = Paired(part.owner, speakers[row], rows[row][at].text == part.text)
            pairs.setdefault(part.owner, pair)
    return list(pairs.values())


def _parts(words: Sequence[tuple[str, int, int]]) -> list[_Part]:
    return [_Part(text, at, a, b) for at, (word, a, b) in enumerate(words) for text in normal(word)]


_State = tuple[int, ...]
"""How many words of each row are dealt with."""
_Trace = tuple["_Trace | None", tuple[int, int] | None]


def _alignment(found: Sequence[_Part], rows: Sequence[Sequence[_Part]]) -> list[tuple[int, int] | None]:
    """Row and place of the partner of each part."""
    best: dict[_State, tuple[float, _Trace | None]] = {(0,) * len(rows): (0.0, None)}
    for part in found:
        after: dict[_State, tuple[float, _Trace | None]] = {}
        for state, (cost, trace) in best.items():
            options: list[tuple[_State, float, tuple[int, int] | None]] = [(state, cost + _LEFT_OUT, None)]
            for number, row in enumerate(rows):
                for at in range(state[number], len(row)):
                    apart = abs(part.start_ms + part.end_ms - row[at].start_ms - row[at].end_ms) // 2
                    if apart > APART_MS:
                        if row[at].start_ms > part.end_ms + APART_MS:
                            break
                        continue
                    wrong = 0.0 if row[at].text == part.text else _WRONG
                    passed = cost + (at - state[number]) * _LEFT_OUT + wrong + apart * _PER_MS
                    options.append((state[:number] + (at + 1,) + state[number + 1 :], passed, (number, at)))
            for reached, total, partner in options:
                settled, total = _settled(reached, total, part.start_ms, rows)
                if settled not in after or total < after[settled][0]:
                    after[settled] = (total, (trace, partner))
        best = after
    ends = ((cost + _LEFT_OUT * sum(len(row) - at for row, at in zip(rows, state, strict=True)), trace) for state, (cost, trace) in best.items())  # fmt: skip
    trace = min(ends, key=lambda end: end[0])[1]
    partners: list[tuple[int, int] | None] = []
    while trace is not None:
        trace, partner = trace
        partners.append(partner)
    return partners[::-1]


def _settled(state: _State, cost: float, now_ms: int, rows: Sequence[Sequence[_Part]]) -> tuple[_State, float]:
    """Without words that are over too long to be paired with what begins now."""
    places = list(state)
    for number, row in enumerate(rows):
        while places[number] < len(row) and row[places[number]].end_ms < now_ms - APART_MS:
            places[number] += 1
            cost += _LEFT_OUT
    return tuple(places), cost
