"""Names of towns, states and countries, and what streets are called by."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from dragoman.analysis.pii.heard import HeardWord, listed
from dragoman.language.classes import WordClasses

STREETS: Final = listed(
    "street st avenue ave road rd boulevard blvd lane ln drive dr parkway pkwy terrace crescent highway hwy mews "
    "turnpike"
)
"""What only streets are called."""
STREETS_PERHAPS: Final = listed(
    "court ct circle close way place pl square row view views grove gardens walk rise trail hill hills quay wharf loop "
    "plaza alley green park heights yard pass path point ridge crossing bend branch brook cove creek estate estates "
    "falls fields forest glen harbor harbour haven hollow island isle junction knoll lake landing manor meadow meadows "
    "mill mills mount mountain oval parade passage plains retreat run shore shores spring springs spur station summit "
    "trace track valley village villas vista corner corners mansions trafficway marg nagar"
)
"""What streets are called and much else, many of them in Publication 28 of the United States Postal Service."""
UNITS: Final = listed("apartment apt unit suite flat ste studio level")
_MOST_WORDS: Final = 3
_LARGE_TOWNS: Final = 700


@cache
def _places() -> frozenset[str]:
    classes = WordClasses()
    names = (name for kind in ("municipality", "region", "country") for name in classes.members(kind))
    return frozenset(name.lower().replace(".", "") for name in names)


@cache
def large_towns() -> frozenset[str]:
    """Those whose name, when it is a person's as well, is more often the town's."""
    classes = WordClasses()
    names = (*classes.members("municipality")[:_LARGE_TOWNS], *classes.members("region"), *classes.members("country"))
    return frozenset(name.lower() for name in names)


def place(words: Sequence[HeardWord], at: int) -> int | None:
    """The word after the longest name of a place that begins at ``at``."""
    for stop in range(min(at + _MOST_WORDS, len(words)), at, -1):
        inner = words[at : stop - 1]
        if not any(word.has_pause for word in inner) and " ".join(w.lower for w in words[at:stop]) in _places():
            return stop
    return None
