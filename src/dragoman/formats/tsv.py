"""Tab-separated values: a heading, then a line per segment with times in milliseconds.

There is a column of speakers where speakers were told apart; it is empty for whom nobody knows.
"""

from __future__ import annotations

from dragoman.core.transcript import Transcript


def render(transcript: Transcript) -> str:
    told = any(segment.speaker is not None for segment in transcript.segments)
    rows = [["start_ms", "end_ms", "channel", *(["speaker"] if told else []), "text"]]
    for segment in transcript.segments:
        if text := " ".join(segment.text.split()):  # white space in a text must not make columns or rows
            who = [] if not told else ["" if segment.speaker is None else str(segment.speaker)]
            rows.append([str(segment.start_ms), str(segment.end_ms), str(segment.channel), *who, text])
    return "".join("\t".join(row) + "\n" for row in rows)
