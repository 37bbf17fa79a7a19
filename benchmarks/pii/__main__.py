"""Prints recall and precision of both halves, and what is found in the transcripts of real recordings.

Exits with 1 where a limit is not kept. ``--errors`` shows what is wrong in half A, never in half B.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.pii.score import Score, compare, score
from benchmarks.pii.sentences import Sentence, read_halves
from dragoman.analysis.redact import PiiType, find

AUDIO = Path(__file__).parents[3] / "shared" / "audio"
RECALL = 0.85
PRECISION = 0.92
FALSE_IN_RECORDINGS = 2
"""Of other types than names: the recordings say names, and nothing else that is personal."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pii", description=__doc__)
    parser.add_argument("--audio", type=Path, default=AUDIO, help="the recordings, for their transcripts")
    parser.add_argument("--errors", action="store_true", help="show what is missed and what is false in half A")
    chosen = parser.parse_args()
    half_a, half_b = read_halves()
    a, b = score(half_a), score(half_b)
    print_table(a, b)
    if chosen.errors:
        print_errors(half_a)
    is_kept = b.recall >= RECALL and b.precision >= PRECISION
    if (chosen.audio / "manifest.jsonl").is_file():
        is_kept &= print_recordings(read_transcripts(chosen.audio)) <= FALSE_IN_RECORDINGS
    else:
        print(f"There is no manifest.jsonl in {chosen.audio}: transcripts of recordings left out.", file=sys.stderr)
    print_speed([*half_a, *half_b])
    return 0 if is_kept else 1


def print_table(a: Score, b: Score) -> None:
    print(f"{'':22}{'half A':>24}{'half B':>24}")
    print(f"{'':22}{'right missed  false':>24}{'right missed  false':>24}")
    for kind in PiiType:
        print(f"{kind:22}{_row(a, kind)}{_row(b, kind)}")
    print(f"{'recall':22}{a.recall:>24.3f}{b.recall:>24.3f}")
    print(f"{'precision':22}{a.precision:>24.3f}{b.precision:>24.3f}")


def _row(half: Score, kind: str) -> str:
    return f"{half.right[kind]:>12}{half.missed[kind]:>6}{half.false[kind]:>6}"


def print_errors(sentences: Iterable[Sentence]) -> None:
    for sentence in sentences:
        _, missed, false = compare(sentence, find(sentence.words))
        if missed or false:
            print(sentence)
        for marked in missed:
            print(f"    missed {marked.type}: {' '.join(sentence.words[marked.start : marked.stop])}")
        for entity in false:
            print(f"    false {entity.type}: {' '.join(sentence.words[entity.start_word : entity.stop_word])}")


def read_transcripts(folder: Path) -> list[list[str]]:
    """Of the English recordings, each text once."""
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    entries = map(json.loads, lines)
    texts = dict.fromkeys(entry["text"] for entry in entries if entry.get("lang") == "en" and entry.get("text"))
    return [text.split() for text in texts]


def print_recordings(transcripts: list[list[str]]) -> int:
    """How many hits are no names; names are listed, to be judged by the reader."""
    hits = [(entity, words) for words in transcripts for entity in find(words)]
    names = [" ".join(words[e.start_word : e.stop_word]) for e, words in hits if e.type is PiiType.NAME]
    others = [(e.type, " ".join(words[e.start_word : e.stop_word])) for e, words in hits if e.type is not PiiType.NAME]
    print(f"{len(transcripts)} transcripts, {sum(map(len, transcripts))} words: {len(others)} hits besides names")
    for kind, text in others:
        print(f"    {kind}: {text}")
    print("    names: " + "; ".join(sorted(set(names))))
    return len(others)


def print_speed(sentences: list[Sentence]) -> None:
    started = time.perf_counter()
    for sentence in sentences:
        find(sentence.words)
    spent = time.perf_counter() - started
    print(f"{1e6 * spent / sum(len(sentence.words) for sentence in sentences):.1f} µs a word")


if __name__ == "__main__":
    sys.exit(main())
