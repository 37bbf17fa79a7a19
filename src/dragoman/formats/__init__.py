"""Transcript → text of a file. The name of a format is its file extension. A new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from dragoman.core.request import TimeDetail
from dragoman.core.transcript import Transcript
from dragoman.formats import json, srt, tsv, txt, vtt


@dataclass(frozen=True, slots=True)
class Format:
    """Call it with a transcript. Pure; the text is empty or ends with a line feed, and line ends are line feeds."""

    render: Callable[[Transcript], str]
    time_detail: TimeDetail
    """What to ask of the recognition, so that the transcript holds all that the format shows."""

    def __call__(self, transcript: Transcript) -> str:
        return self.render(transcript)


FORMATS: Final[dict[str, Format]] = {
    "txt": Format(txt.render, TimeDetail.SEGMENT),
    "json": Format(json.render, TimeDetail.WORD),
    "srt": Format(srt.render, TimeDetail.WORD),
    "vtt": Format(vtt.render, TimeDetail.WORD),
    "tsv": Format(tsv.render, TimeDetail.SEGMENT),
}
