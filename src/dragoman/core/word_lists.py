"""Lists of words that clients keep on the server under a name: vocabularies to prefer, filters of unwanted words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from dragoman.core.request import Vocabulary


class ListState(StrEnum):
    """A vocabulary is looked at after it was taken, and can be used once it is ready."""

    PENDING = "pending"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class KeptVocabulary:
    """What is said of a vocabulary in a list.

    ``language`` is a tag as the client wrote it, such as ``en-US``. ``modified_ms`` counts from 1970, UTC. ``remark``
    tells the person why it failed, or what of it is not used. ``revision`` is another one every time
    the client replaces the content.
    """

    name: str
    language: str
    state: ListState
    modified_ms: int
    revision: str
    remark: str | None = None


@dataclass(frozen=True, slots=True)
class VocabularySource:
    """What a vocabulary is made from: phrases, or a table at an address in the object store; never both."""

    phrases: tuple[str, ...] = ()
    table_uri: str | None = None


@dataclass(frozen=True, slots=True)
class VocabularyEntry:
    """A line of a vocabulary; the pronunciation is in IPA or in ordinary letters. Empty: not given."""

    phrase: str
    sounds_like: str = ""
    ipa: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True)
class VocabularyContent:
    """``entries`` for people to read again, ``vocabulary`` for the recogniser."""

    entries: tuple[VocabularyEntry, ...] = ()
    vocabulary: Vocabulary = field(default_factory=Vocabulary)


@dataclass(frozen=True, slots=True)
class Claim:
    """A pending vocabulary that one server process looks at, while all others leave it alone."""

    vocabulary: KeptVocabulary
    source: VocabularySource


@dataclass(frozen=True, slots=True)
class KeptFilter:
    """What is said of a vocabulary filter in a list."""

    name: str
    language: str
    modified_ms: int


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: at most ``size`` names after ``after``, in the order of their characters."""

    size: int
    after: str = ""
    contains: str = ""
    """Part of the name; upper and lower case are one."""


class WordListStore(Protocol):
    """Where word lists are kept. Every call is one transaction, and what it changed outlives the process.

    Implementations hold one suite of contract tests (``tests/contracts/test_word_list_store.py``). Any call raises
    ``Unavailable`` while the database cannot be reached.
    """

    async def open(self) -> None:
        """Raises ``StoreError`` with what to do when the database cannot be used."""
        ...

    async def aclose(self) -> None: ...

    async def add_vocabulary(self, vocabulary: KeptVocabulary, source: VocabularySource, *, most: int) -> None:
        """Raises ``Conflict`` when the name is taken, ``LimitReached`` when there are ``most`` already."""
        ...

    async def replace_vocabulary(self, vocabulary: KeptVocabulary, source: VocabularySource) -> None:
        """A claim on the old content ends. Raises ``NotFound``."""
        ...

    async def vocabulary(self, name: str) -> KeptVocabulary:
        """Raises ``NotFound``."""
        ...

    async def vocabulary_content(self, name: str) -> tuple[KeptVocabulary, VocabularyContent]:
        """The content is empty unless the vocabulary is ready. Raises ``NotFound``."""
        ...

    async def vocabularies(self, page: Page, state: ListState | None = None) -> Sequence[KeptVocabulary]: ...

    async def remove_vocabulary(self, name: str) -> None:
        """A claim on it ends. Raises ``NotFound``."""
        ...

    async def claim_vocabulary(self, now_ms: int, until_ms: int) -> Claim | None:
        """The oldest pending vocabulary that nobody has claimed beyond now. ``None``: there is none."""
        ...

    async def extend_claim(self, claim: Claim, until_ms: int) -> bool:
        """False: the content was replaced or removed, or is no longer pending."""
        ...

    async def finish_vocabulary(self, vocabulary: KeptVocabulary, content: VocabularyContent) -> bool:
        """Store what became of a claimed one. False, and nothing is stored, where ``extend_claim`` would say false."""
        ...

    async def add_filter(self, kept: KeptFilter, words: Sequence[str], *, most: int) -> None:
        """Raises ``Conflict`` when the name is taken, ``LimitReached`` when there are ``most`` already."""
        ...

    async def replace_filter(self, name: str, words: Sequence[str], modified_ms: int) -> KeptFilter:
        """The language stays. Raises ``NotFound``."""
        ...

    async def filter_words(self, name: str) -> tuple[KeptFilter, tuple[str, ...]]:
        """Raises ``NotFound``."""
        ...

    async def filters(self, page: Page) -> Sequence[KeptFilter]: ...

    async def remove_filter(self, name: str) -> None:
        """Raises ``NotFound``."""
        ...


class ObjectReader(Protocol):
    """Reads files that clients name by an address."""

    async def read(self, uri: str, max_bytes: int) -> bytes:
        """Raises ``InvalidField`` that says why: no such file, too large, nowhere that clients may read.

        Raises ``Unavailable`` when it takes too long.
        """
        ...
