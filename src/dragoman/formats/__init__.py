"""Transcript → text of a file. The name of a format is its file extension. A new one is a module and a line here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dragoman.core.transcript import Transcript
from dragoman.formats import json, srt, tsv, txt, vtt

Format = Callable[[Transcript], str]
"""Pure. The text is empty or ends with a line feed; line ends are line feeds."""

FORMATS: Final[dict[str, Format]] = {
    "txt": txt.render,
    "json": json.render,
    "srt": srt.render,
    "vtt": vtt.render,
    "tsv": tsv.render,
}
