"""Writes ``src/dragoman/language/data/common-en.txt``: the commonest English words of the pocketsphinx package.

``python tools/extract_common_words.py``. Its trigram model gives the frequencies, its dictionary says what is a word.
"""

from __future__ import annotations

from heapq import nlargest
from pathlib import Path
from typing import Final

from dragoman.language.lexicon import Lexicon
from dragoman.language.ngram import LanguageModel

TARGET: Final = Path(__file__).parents[1] / "src" / "dragoman" / "language" / "data" / "common-en.txt"
COUNT: Final = 5_000


def main() -> None:
    lexicon, model = Lexicon(), LanguageModel()
    lexicon.load()
    model.load()
    words = (word for word in lexicon.words() if word.replace("'", "").isalpha())
    commonest = nlargest(COUNT, words, key=model.log_frequency)
    TARGET.write_text("\n".join(sorted(commonest)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
