"""What is said before a name: "my name is", "Dr.", "this is"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from dragoman.analysis.pii.heard import HeardWord


class NameCueKind(Enum):
    """How much what stands before says that a name follows."""

    STRONGLY = auto()
    """ "my name is": whatever follows is one, unless it is a common word and no name."""
    TITLE = auto()
    """ "Dr.": the same, but many titles are words."""
    WEAKLY = auto()
    """ "this is", "with", "my sister": a first name, even one that is a word when it has a capital."""


_CUES: Final = {
    NameCueKind.STRONGLY: """
        name is / name's / names / named / first name / last name / surname / maiden name / family name / given name
        speaking with / speaking to / am i speaking with / speak with / speak to / talk to / talking to / goes by
        name on the card / name on the account / cardholder / cardholder name / call me / calls me / sincerely / dear
        name was
        middle name / full name / account holder is / policy holder is / patient is / insured is / caller is
        nickname is / spoke with / spoke to / attention / passenger name / last name's / name it's / name that's
        spelled / spelt / my name / your name / named him / named her / name him / name her / best regards
        kind regards""",
    NameCueKind.TITLE: """
        mr / mister / mrs / missus / ms / miss / dr / doctor / nurse / professor / prof / sir / madam / officer
        sergeant / judge / reverend / uncle / aunt / auntie / coach / detective / councillor / senator / mrs and mr""",
    NameCueKind.WEAKLY: """
        this is / i'm / i am / it's / hi / hello / hey / thanks / thank you / morning / afternoon / called / under
        ask for / with / tell / from / and / by / sister / brother / wife / husband / son / daughter / mother / father
        mom / mum / dad / friend / partner / neighbour / neighbor / boss / manager / colleague / cousin / nephew
        niece / girlfriend / boyfriend / roommate / teacher / assistant / supervisor / agent / nanny / tutor / doctor is
        to / for / contact / ask / told / met / meet / saw / seen / see / did / does / has / is / was / write to / text
        call / email / remind / invite / at / according to / that's / so / here's / where's / who's / says / say / sorry
        no / it is / yes / ship to / attn / bye / goodbye / welcome / hired / help / let""",
}


@dataclass(frozen=True, slots=True)
class NameCue:
    kind: NameCueKind
    phrase: str


def _cue_table() -> dict[str, list[tuple[tuple[str, ...], NameCueKind]]]:
    table: dict[str, list[tuple[tuple[str, ...], NameCueKind]]] = {}
    for kind, phrases in _CUES.items():
        for phrase in phrases.replace("\n", "/").split("/"):
            if said := tuple(phrase.split()):
                table.setdefault(said[0], []).append((said, kind))
    for entries in table.values():
        entries.sort(key=lambda entry: -len(entry[0]))
    return table


_TABLE: Final = _cue_table()


def name_cues(words: Sequence[HeardWord]) -> dict[int, NameCue]:
    """What announces a name, by the word that follows it; of several the strongest."""
    found: dict[int, NameCue] = {}
    for at in range(len(words)):
        word = words[at]
        first = word.lower + "'s" if word.is_possessive and (word.lower + "'s") in _TABLE else word.lower
        if word.is_possessive and first == word.lower:
            continue
        for said, kind in _TABLE.get(first, ()):
            stop = at + len(said)
            if stop <= len(words) and all(words[at + i].lower == part for i, part in enumerate(said) if i):
                known = found.get(stop)
                if known is None or known.kind is NameCueKind.WEAKLY:
                    found[stop] = NameCue(kind, " ".join(said))
                break
    return found
