"""``dragoman vocabulary``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dragoman.server.cli import word_files
from dragoman.server.cli.options import config_option, settings_from

if TYPE_CHECKING:
    from dragoman.language.dictionary import CheckedWord
    from dragoman.service.vocabulary import CheckedVocabulary


@click.group(short_help="Phrases and dictionaries.")
def vocabulary() -> None:
    """Phrases that are likely to be said, and words that the recogniser may not know."""


@vocabulary.command(short_help="See what of a file is accepted, and how its words sound.")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def check(file: Path, config: Path | None) -> int:
    """See what of a file of phrases or dictionary words is accepted, and how its words sound.

    The file is JSON as for the Phonexia API; or lines of a word, a tab, and its phonemes; or, without any tab, lines
    of phrases. When something was left out, the exit status is 1.

    \b
    Examples:
      dragoman vocabulary check names.txt
      dragoman vocabulary check preferred_phrases.json
    """
    checked = word_files.check(word_files.read_either(file), settings_from({}, config=config))
    for line in report(checked):
        click.echo(line)
    return int(any(word_files.left_out(checked)))


def report(checked: CheckedVocabulary) -> Iterator[str]:
    """A table of the words, and one of the phrases, where there are any."""
    if checked.words:
        yield from _table(("WORD", "PRONUNCIATION", ""), (row for word in checked.words for row in _rows(word)))
    if checked.words and checked.phrases:
        yield ""
    if checked.phrases:
        rows = (
            (word_files.printable(phrase.text), f"Left out: {phrase.warning}." if phrase.warning else "accepted")
            for phrase in checked.phrases
        )
        yield from _table(("PHRASE", ""), rows)


def _rows(word: CheckedWord) -> Iterator[tuple[str, ...]]:
    spelling = word_files.printable(word.spelling)
    for said in word.pronunciations:
        remark = said.warning or ("added" if said.out_of_vocabulary else "known")
        if said.word_class:
            remark += f", ${said.word_class}"
        yield spelling, word_files.printable(said.written), word_files.printable(remark)
        spelling = ""


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    lines = [heading, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
