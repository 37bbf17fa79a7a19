"""Words → text, and text → what a line may be cut into: most languages put spaces between words, some do not. Pure.

Chinese and Japanese have none, also beside letters and digits of others; Thai, Lao, Khmer and Burmese none among their
own. So the characters say it, and a word of another language inside a sentence needs no rule of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_WIDE: Final = (
    "\u2e80-\u303f\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff9f\U00020000-\U0003ffff"
)
"""Han, kana, and their punctuation. Korean is written with spaces."""
_JOINED: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\ua9e0-\ua9ff\uaa60-\uaa7f"
"""Thai, Lao, Burmese, Khmer."""
_CLOSING: Final = "\\s,.;:!?%)\\]}’”…、。々〉》」』】〕・ー！），．：；？｝"
"""No line begins with one of these."""
_OPENING: Final = "‘“(\\[{〈《「『【〔（｛"
"""No line ends with one of these."""
_NO_SPACE: Final = re.compile(f".[{_WIDE}]|[{_WIDE}].|[{_JOINED}]{{2}}", re.DOTALL)
_CUTS: Final = re.compile(
    f"\\s+|(?<=[{_WIDE}])(?<![{_OPENING}])(?![{_CLOSING}])|(?<![{_OPENING}\\s])(?=[{_WIDE}])(?![{_CLOSING}])"
)


def space(before: str, after: str) -> str:
    """What stands between two words: a space or nothing."""
    return " " if before and after and not _NO_SPACE.fullmatch(before[-1] + after[0]) else ""


def joined(texts: Iterable[str]) -> str:
    """The text of words, or of sentences, in their order."""
    whole = ""
    for text in texts:
        whole += space(whole, text) + text
    return whole


def parts(text: str) -> list[str]:
    """What lines are made of, none empty; ``joined`` they are the text, but for white space."""
    return [part for part in _CUTS.split(text) if part]


def width(text: str) -> int:
    """In columns: characters of Chinese and Japanese take two."""
    return len(text) + len(re.findall(f"[{_WIDE}]", text))
