"""Word lists that end with the process: for tests, and for who wants nothing on a disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from dragoman.core.errors import Conflict, LimitReached, NotFound
from dragoman.core.word_lists import (
    Claim,
    KeptFilter,
    KeptVocabulary,
    ListState,
    Page,
    VocabularyContent,
    VocabularySource,
)


@dataclass(slots=True)
class _Row:
    vocabulary: KeptVocabulary
    source: VocabularySource
    content: VocabularyContent = field(default_factory=VocabularyContent)
    claimed_until_ms: int = 0


class MemoryWordLists:
    """``dragoman.core.word_lists.WordListStore`` in memory."""

    def __init__(self) -> None:
        self._vocabularies: dict[str, _Row] = {}
        self._filters: dict[str, tuple[KeptFilter, tuple[str, ...]]] = {}

    async def open(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    async def add_vocabulary(self, vocabulary: KeptVocabulary, source: VocabularySource, *, most: int) -> None:
        _make_room(self._vocabularies, vocabulary.name, most)
        self._vocabularies[vocabulary.name] = _Row(vocabulary, source)

    async def replace_vocabulary(self, vocabulary: KeptVocabulary, source: VocabularySource) -> None:
        self._row(vocabulary.name)
        self._vocabularies[vocabulary.name] = _Row(vocabulary, source)

    async def vocabulary(self, name: str) -> KeptVocabulary:
        return self._row(name).vocabulary

    async def vocabulary_content(self, name: str) -> tuple[KeptVocabulary, VocabularyContent]:
        row = self._row(name)
        return row.vocabulary, row.content

    async def vocabularies(self, page: Page, state: ListState | None = None) -> Sequence[KeptVocabulary]:
        names = (name for name, row in self._vocabularies.items() if state in (None, row.vocabulary.state))
        return [self._vocabularies[name].vocabulary for name in _paged(names, page)]

    async def remove_vocabulary(self, name: str) -> None:
        self._row(name)
        del self._vocabularies[name]

    async def claim_vocabulary(self, now_ms: int, until_ms: int) -> Claim | None:
        free = [
            row
            for row in self._vocabularies.values()
            if row.vocabulary.state is ListState.PENDING and row.claimed_until_ms <= now_ms
        ]
        if not free:
            return None
        row = min(free, key=lambda row: (row.vocabulary.modified_ms, row.vocabulary.name))
        row.claimed_until_ms = until_ms
        return Claim(row.vocabulary, row.source)

    async def extend_claim(self, claim: Claim, until_ms: int) -> bool:
        row = self._claimed(claim.vocabulary)
        if row is not None:
            row.claimed_until_ms = until_ms
        return row is not None

    async def finish_vocabulary(self, vocabulary: KeptVocabulary, content: VocabularyContent) -> bool:
        row = self._claimed(vocabulary)
        if row is not None:
            row.vocabulary, row.content = vocabulary, content
        return row is not None

    async def add_filter(self, kept: KeptFilter, words: Sequence[str], *, most: int) -> None:
        _make_room(self._filters, kept.name, most)
        self._filters[kept.name] = kept, tuple(words)

    async def replace_filter(self, name: str, words: Sequence[str], modified_ms: int) -> KeptFilter:
        kept, _ = await self.filter_words(name)
        kept = replace(kept, modified_ms=modified_ms)
        self._filters[name] = kept, tuple(words)
        return kept

    async def filter_words(self, name: str) -> tuple[KeptFilter, tuple[str, ...]]:
        if name not in self._filters:
            raise NotFound("The requested vocabulary filter couldn't be found. Check its name and try again.")
        return self._filters[name]

    async def filters(self, page: Page) -> Sequence[KeptFilter]:
        return [self._filters[name][0] for name in _paged(self._filters, page)]

    async def remove_filter(self, name: str) -> None:
        await self.filter_words(name)
        del self._filters[name]

    def _row(self, name: str) -> _Row:
        if name not in self._vocabularies:
            raise NotFound("The requested vocabulary couldn't be found. Check its name and try again.")
        return self._vocabularies[name]

    def _claimed(self, vocabulary: KeptVocabulary) -> _Row | None:
        row = self._vocabularies.get(vocabulary.name)
        if row is None or row.vocabulary.state is not ListState.PENDING:
            return None
        return row if row.vocabulary.revision == vocabulary.revision else None


def _make_room(existing: Iterable[str], name: str, most: int) -> None:
    names = list(existing)
    if name in names:
        raise Conflict(f"The name {name!r} is taken.")
    if len(names) >= most:
        raise LimitReached(f"There are {most} already, and no more are kept. Delete one that is not needed.")


def _paged(names: Iterable[str], page: Page) -> list[str]:
    wanted = page.contains.lower()
    return sorted(name for name in names if name > page.after and wanted in name.lower())[: page.size]
