"""Shows what is missed and what is false in half A of the sentences, never in half B: for those who write rules."""

from __future__ import annotations

from benchmarks.pii.score import compare
from benchmarks.pii.sentences import read_halves
from dragoman.analysis.redact import find

for sentence in read_halves()[0]:
    _, missed, false = compare(sentence, find(sentence.words))
    if missed or false:
        print(sentence)
    for marked in missed:
        print(f"    missed {marked.type}: {' '.join(sentence.words[marked.start : marked.stop])}")
    for entity in false:
        print(f"    false {entity.type}: {' '.join(sentence.words[entity.start_word : entity.stop_word])}")
