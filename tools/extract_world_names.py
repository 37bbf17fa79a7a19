"""Writes the names of people that English speakers have from other languages, for the finding of personal data.

    python -m venv /tmp/names && /tmp/names/bin/pip install faker==40.54.0
    PYTHONPATH=src /tmp/names/bin/python tools/extract_world_names.py

Names are those of faker's locales (MIT) that write them with Latin letters; accents are dropped as an English
recogniser writes without them. Left out is what the word classes have, and what is a common English word. The same
version gives the same files to the byte.
"""

from __future__ import annotations

import re
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from dragoman.language.classes import WordClasses
from dragoman.language.common_words import is_common
from dragoman.language.graphemes import fold

OUTPUT = Path(__file__).parents[1] / "src" / "dragoman" / "analysis" / "pii" / "data"
LOCALES = (
    *("en_IN", "en_PK", "en_NG", "en_KE", "yo_NG", "ig_NG", "ha_NG", "tw_GH", "zu_ZA", "sw", "es_MX", "es_ES", "pt_BR"),
    *("fr_FR", "it_IT", "de_DE", "nl_NL", "sv_SE", "no_NO", "da_DK", "fi_FI", "pl_PL", "cs_CZ", "hr_HR", "hu_HU"),
    *("ro_RO", "tr_TR", "vi_VN", "id_ID", "et_EE", "lt_LT", "ja_JP", "ko_KR", "zh_CN"),
)
NAME = re.compile(r"[A-Z][a-z]+(?:['-][A-Z]?[a-z]+)*")
FIRST = ("first_names", "first_names_male", "first_names_female", "first_romanized_names")
LAST = ("last_names", "last_names_male", "last_names_female", "last_romanized_names")


def main() -> None:
    classes = WordClasses()
    write("first_names_world", names(FIRST), frozenset(classes.members("first_name")))
    write("surnames_world", names(LAST), frozenset(classes.members("surname")))


def names(attributes: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    for locale in LOCALES:
        provider = import_module(f"faker.providers.person.{locale}").Provider
        for attribute in attributes:
            found |= {fold(str(name))[0].strip() for name in getattr(provider, attribute, ())}
    return found


def write(file: str, found: set[str], known: frozenset[str]) -> None:
    kept = sorted(name for name in found - known if NAME.fullmatch(name) and len(name) > 2 and not is_common(name))
    source = f"the package faker {version('faker')} (MIT)"
    head = f"# Written by tools/extract_world_names.py. Source: {source}.\n# In the order of the alphabet.\n"
    (OUTPUT / f"{file}.txt").write_text(head + "".join(f"{name}\n" for name in kept), encoding="utf-8")
    print(f"{file}: {len(kept)}")


if __name__ == "__main__":
    main()
