"""Subtitles: segments cut into cues that can be read on a screen. SRT and WebVTT write them down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, zip_longest
from typing import Final

from dragoman.core.spacing import joined, parts, width
from dragoman.core.transcript import Segment, Transcript

MAX_LINE: Final = 42
"""Characters in a line, of Chinese and Japanese half as many; only a single longer word exceeds it. A cue has at most
two lines."""
MAX_CUE_MS: Final = 7_000
MIN_CUE_MS: Final = 1_000
"""A shorter cue stays on the screen this long, where the next one leaves room."""
MIN_GAP_MS: Final = 80
"""Between two cues of a channel, so that the eye sees the change; taken from the end of the first if it is long."""
PAUSE_MS: Final = 300
"""Silence between two words that is a good place to cut."""

_BREAK_COST: Final = {
    mark: cost for marks, cost in ((".?!。？！", 0.0), (";:；：", 0.5), (",，、", 1.0)) for mark in marks
}


@dataclass(frozen=True, slots=True)
class Cue:
    """One or two lines, shown from ``start_ms`` to ``end_ms``. ``0 <= start_ms < end_ms``."""

    start_ms: int
    end_ms: int
    channel: int
    lines: tuple[str, ...]
    speaker: int | None = None
    """Where speakers were told apart; a cue is never of two."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is never cut: a word without white space, a character where words have none between them."""

    text: str
    start_ms: int
    end_ms: int
    speaker: int | None = None


def cues(transcript: Transcript, *, label_width: int = 0) -> list[Cue]:
    """The cues of all channels in the order of their start; those of one channel do not overlap.

    ``label_width`` characters of each first line are kept free for the name of who speaks.
    """
    found: list[Cue] = []
    for channel in transcript.channels:
        uncut = (_pieces(segment) for segment in transcript.channel(channel))
        shown = [part for pieces in uncut for part in _cut(pieces, label_width)]
        found += _timed(shown, channel, transcript.duration_ms, label_width)
    return sorted(found, key=lambda cue: cue.start_ms)


def clock(ms: int, decimal_mark: str) -> str:
    """``01:02:03`` and milliseconds; hours have as many digits as they need, at least two."""
    seconds, milliseconds = divmod(ms, 1_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{decimal_mark}{milliseconds:03}"


def _pieces(segment: Segment) -> list[_Piece]:
    """The words with their times. A segment without words shares its time among them by their length."""
    if segment.words:
        texts = ((" ".join(word.text.split()), word) for word in segment.words)
        return [_Piece(text, word.start_ms, word.end_ms, segment.speaker) for text, word in texts if text]
    words = parts(segment.text)
    ends = list(accumulate((len(word) + 1 for word in words), initial=0))
    span_ms = segment.end_ms - segment.start_ms
    times = [segment.start_ms + span_ms * end // (ends[-1] or 1) for end in ends]
    return [_Piece(word, *span) for word, span in zip(words, pairwise(times), strict=True)]


def _cut(pieces: Sequence[_Piece], label_width: int) -> list[Sequence[_Piece]]:
    """The parts of least total cost among all that fit, found from the front."""
    best: list[tuple[float, int]] = [(0, 0)]  # per number of pieces: cost so far, where its last part starts
    for end in range(1, len(pieces) + 1):
        options = []
        for start in range(end - 1, -1, -1):
            part = pieces[start:end]
            if len(part) > 1 and not _fits(part, label_width):
                break
            options.append((best[start][0] + _cost(part, pieces[end : end + 1]), start))
        best.append(min(options))
    parts: list[Sequence[_Piece]] = []
    end = len(pieces)
    while end:
        start = best[end][1]
        parts.append(pieces[start:end])
        end = start
    return parts[::-1]


def _fits(part: Sequence[_Piece], label_width: int) -> bool:
    if part[-1].end_ms - part[0].start_ms > MAX_CUE_MS:
        return False
    return all(
        width(line) <= MAX_LINE - (label_width if row == 0 else 0) for row, line in enumerate(_lines(part, label_width))
    )


def _cost(part: Sequence[_Piece], following: Sequence[_Piece]) -> float:
    """Few cues, cut where the language or the speaker pauses, none too short to read."""
    cost = 1.0
    if following and following[0].start_ms - part[-1].end_ms < PAUSE_MS:
        cost += _BREAK_COST.get(_mark(part[-1].text), 3)
    shown_until_ms = following[0].start_ms if following else part[-1].end_ms
    if shown_until_ms - part[0].start_ms < MIN_CUE_MS:
        cost += 2
    return cost


def _mark(text: str) -> str:
    """The last character, closing quotes and brackets aside."""
    return text.rstrip("\"'”’)]")[-1:]


def _lines(part: Sequence[_Piece], label_width: int) -> tuple[str, ...]:
    """One line where it fits, else two of about the same length, rather cut after punctuation."""
    texts = [piece.text for piece in part]
    whole = joined(texts)
    if len(texts) == 1 or width(whole) <= MAX_LINE - label_width:
        return (whole,)

    def cost(pair: tuple[str, str]) -> tuple[bool, int]:
        longest = max(width(pair[0]) + label_width, width(pair[1]))
        return longest > MAX_LINE, longest - (10 if _mark(pair[0]) in _BREAK_COST else 0)

    return min(((joined(texts[:at]), joined(texts[at:])) for at in range(1, len(texts))), key=cost)


def _timed(parts: Sequence[Sequence[_Piece]], channel: int, duration_ms: int, label_width: int) -> list[Cue]:
    """Cues of one channel, in order."""
    timed: list[Cue] = []
    free_ms = 0
    for part, following in zip_longest(parts, parts[1:]):
        start_ms = max(part[0].start_ms, free_ms)
        end_ms = min(max(part[-1].end_ms, start_ms + MIN_CUE_MS), start_ms + MAX_CUE_MS, duration_ms)
        if following is not None:
            room_ms = following[0].start_ms - start_ms
            end_ms = min(end_ms, start_ms + (room_ms - MIN_GAP_MS if room_ms > 2 * MIN_GAP_MS else room_ms))
        free_ms = max(end_ms, start_ms + 1)
        timed.append(Cue(start_ms, free_ms, channel, _lines(part, label_width), part[0].speaker))
    return timed
