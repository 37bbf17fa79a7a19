"""The sentences and their halves: rules are made on half A, figures are reported on half B."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SENTENCES: Final = Path(__file__).with_name("sentences.txt")
_MARKED: Final = re.compile(r"\{([A-Z_]+) ([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Marked:
    """``words[start:stop]`` is personal data of the type, by its name in Amazon's documents."""

    start: int
    stop: int
    type: str


@dataclass(frozen=True, slots=True)
class Sentence:
    words: tuple[str, ...]
    marked: tuple[Marked, ...]

    def __str__(self) -> str:
        return " ".join(self.words)


def read_halves(path: Path = SENTENCES) -> tuple[list[Sentence], list[Sentence]]:
    """Half A, the first, third, fifth … sentence, and half B, the others. New sentences go to the end of the file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    sentences = [_parse(line) for line in lines if line and not line.startswith("#")]
    return sentences[::2], sentences[1::2]


def _parse(line: str) -> Sentence:
    marked = []
    for match in _MARKED.finditer(line):
        start = len(_MARKED.sub(r"\2", line[: match.start()]).split())
        marked.append(Marked(start, start + len(match[2].split()), match[1]))
    return Sentence(tuple(_MARKED.sub(r"\2", line).split()), tuple(marked))
