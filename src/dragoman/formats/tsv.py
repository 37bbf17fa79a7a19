"""Tab-separated values: a heading, then a line per segment with times in milliseconds."""

from __future__ import annotations

from dragoman.core.transcript import Transcript


def render(transcript: Transcript) -> str:
    rows = [("start_ms", "end_ms", "channel", "text")]
    for segment in transcript.segments:
        if text := " ".join(segment.text.split()):  # white space in a text must not make columns or rows
            rows.append((str(segment.start_ms), str(segment.end_ms), str(segment.channel), text))
    return "".join("\t".join(row) + "\n" for row in rows)
