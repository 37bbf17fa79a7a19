"""Whether recognised words were given to those who said them, also where several speak at once.

What was recognised is one row of words, what was said one row for each speaker. They are aligned as NIST's asclite does
(Fiscus et al., "Multiple Dimension Levenshtein Edit Distance Calculations for Evaluating Automatic Speech Recognition
Systems During Simultaneous Speech", 2006): each recognised word is paired with a word of one speaker or with none,
every row in its order, so that the whole costs least, a wrong word 4 and one too many or too few 3. Words more than
``APART_MS`` apart are never paired, and of equal costs that counts whose words are nearer.

Of all pairs the share that is right is one less the word diarization error rate (Shafey et al., "Joint Speech
Recognition and Speaker Diarization via Sequence Transduction", 2019); words paired with none were said by nobody, and a
wrong word over a voice whose text is not known may be that one's. Where two voices speak, a wrong word is paired with
whichever of them has a word to spare, and often looks more like one of the other's. So a pair is certain only if the
word is the same, or if nobody else speaks in most of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.scoring import normal
from benchmarks.speakers_mixes import Mix, Spoken
from dragoman.core.transcript import Word

APART_MS: Final = 500
_WRONG: Final = 4.0
_LEFT_OUT: Final = 3.0
"""Or one too many."""
_PER_MS: Final = 1e-4
"""Far less than any error."""


@dataclass(frozen=True)
class Pair:
    """The recognised word of this number was said by a speaker: the same word, or another was recognised."""

    number: int
    speaker: str
    is_same: bool


@dataclass(frozen=True)
class Given:
    """Whether a word that was said was given to its speaker. It is clear if nobody else speaks in most of it."""

    is_right: bool
    is_same: bool
    is_clear: bool

    @property
    def is_certain(self) -> bool:
        return self.is_same or self.is_clear


@dataclass(frozen=True)
class _Part:
    """What is compared: a word, or a piece of one that the normaliser takes apart."""

    text: str
    owner: int
    middle_ms: int


def given(
    words: Sequence[Word], speakers: Sequence[int | None], names: Mapping[Hashable, Hashable], of: Mix
) -> list[Given]:
    """For the ``words`` that were recognised in a mix and given to ``speakers``, who are those of these ``names``."""
    readers = {word.speaker for word in of.words}
    result = []
    for pair in paired(words, of.words):
        word = words[pair.number]
        others = {turn.speaker: 0 for turn in of.turns}
        for turn in of.turns:
            others[turn.speaker] += max(0, min(word.end_ms, turn.end_ms) - max(word.start_ms, turn.start_ms))
        del others[pair.speaker]
        if pair.is_same or not any(others[speaker] for speaker in others.keys() - readers):
            is_right = names.get(speakers[pair.number]) == pair.speaker
            result.append(Given(is_right, pair.is_same, 2 * sum(others.values()) <= word.end_ms - word.start_ms))
    return result


def paired(recognised: Sequence[Word], said: Sequence[Spoken]) -> list[Pair]:
    """In the order of the recognised words; both are in that of time. Of a word in pieces the first pair counts."""
    speakers = sorted({word.speaker for word in said})
    rows = [_parts([word for word in said if word.speaker == speaker]) for speaker in speakers]
    found = _parts(recognised)
    pairs: dict[int, Pair] = {}
    for part, partner in zip(found, _alignment(found, rows), strict=True):
        if partner is not None:
            row, at = partner
            pairs.setdefault(part.owner, Pair(part.owner, speakers[row], rows[row][at].text == part.text))
    return list(pairs.values())


def _parts(words: Sequence[Word] | Sequence[Spoken]) -> list[_Part]:
    return [
        _Part(text, number, (word.start_ms + word.end_ms) // 2)
        for number, word in enumerate(words)
        for text in normal(word.text)
    ]


_Partner = tuple[int, int] | None
"""Row and place in it."""


@dataclass(frozen=True)
class _Trace:
    before: _Trace | None
    partner: _Partner


def _alignment(found: Sequence[_Part], rows: Sequence[Sequence[_Part]]) -> list[_Partner]:
    """Of least cost. What is remembered is how many of each row are dealt with: few numbers, since times are near."""
    best: dict[tuple[int, ...], tuple[float, _Trace | None]] = {(0,) * len(rows): (0.0, None)}
    for part in found:
        reached: dict[tuple[int, ...], tuple[float, _Trace | None]] = {}
        for state, (cost, trace) in best.items():
            # Whatever is over too long to be paired with this part or a later one is left out at once.
            places = tuple(_reaching(row, at, part.middle_ms - APART_MS) for row, at in zip(rows, state, strict=True))
            cost += _LEFT_OUT * (sum(places) - sum(state))
            options: list[tuple[tuple[int, ...], float, _Partner]] = [(places, cost + _LEFT_OUT, None)]
            for number, row in enumerate(rows):
                for at in range(places[number], _reaching(row, places[number], part.middle_ms + APART_MS + 1)):
                    wrong = 0.0 if row[at].text == part.text else _WRONG
                    apart = abs(row[at].middle_ms - part.middle_ms) * _PER_MS
                    now = (*places[:number], at + 1, *places[number + 1 :])
                    options.append((now, cost + (at - places[number]) * _LEFT_OUT + wrong + apart, (number, at)))
            for now, total, partner in options:
                if now not in reached or total < reached[now][0]:
                    reached[now] = (total, _Trace(trace, partner))
        best = reached
    rest = sum(map(len, rows))
    _, last = min(best.items(), key=lambda end: end[1][0] + _LEFT_OUT * (rest - sum(end[0])))
    trace, partners = last[1], []
    while trace is not None:
        partners.append(trace.partner)
        trace = trace.before
    return partners[::-1]


def _reaching(row: Sequence[_Part], at: int, time_ms: int) -> int:
    """The first place from ``at`` on whose middle is not before that time."""
    while at < len(row) and row[at].middle_ms < time_ms:
        at += 1
    return at
