"""Word lists in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, Table, delete, func, insert, select, text, update

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
from dragoman.store.database import Database
from dragoman.store.schema import FILTERS, VOCABULARIES

_Row = Row[*tuple[Any, ...]]

_VOCABULARY: Final = [VOCABULARIES.c[name] for name in KeptVocabulary.__slots__]
_FILTER: Final = [FILTERS.c[name] for name in KeptFilter.__slots__]


class SqlWordLists:
    """``dragoman.core.word_lists.WordListStore`` over SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self) -> None:
        await self._database.open()

    async def aclose(self) -> None:
        await self._database.aclose()

    async def add_vocabulary(self, vocabulary: KeptVocabulary, source: VocabularySource, *, most: int) -> None:
        row = {"name": vocabulary.name, **_replaced(vocabulary, source)}
        await self._database.write(lambda connection: _add(connection, VOCABULARIES, row, most))

    async def replace_vocabulary(self, vocabulary: KeptVocabulary, source: VocabularySource) -> None:
        change = update(VOCABULARIES).where(VOCABULARIES.c.name == vocabulary.name)
        row = _replaced(vocabulary, source)
        await self._database.write(
            lambda connection: _one(connection.execute(change.values(row)).rowcount, "vocabulary")
        )

    async def vocabulary(self, name: str) -> KeptVocabulary:
        return _vocabulary(await self._row(select(*_VOCABULARY).where(VOCABULARIES.c.name == name), "vocabulary"))

    async def vocabulary_content(self, name: str) -> tuple[KeptVocabulary, VocabularyContent]:
        query = select(*_VOCABULARY, VOCABULARIES.c.content).where(VOCABULARIES.c.name == name)
        row = await self._row(query, "vocabulary")
        return _vocabulary(row), msgspec.convert(row.content, VocabularyContent)

    async def vocabularies(self, page: Page, state: ListState | None = None) -> Sequence[KeptVocabulary]:
        query = _paged(select(*_VOCABULARY), VOCABULARIES, page)
        if state is not None:
            query = query.where(VOCABULARIES.c.state == state)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_vocabulary(row) for row in rows]

    async def remove_vocabulary(self, name: str) -> None:
        removal = delete(VOCABULARIES).where(VOCABULARIES.c.name == name)
        await self._database.write(lambda connection: _one(connection.execute(removal).rowcount, "vocabulary"))

    async def claim_vocabulary(self, now_ms: int, until_ms: int) -> Claim | None:
        table = VOCABULARIES
        free = (table.c.state == ListState.PENDING) & (table.c.claimed_until_ms <= now_ms)
        oldest = select(*_VOCABULARY, table.c.source).where(free).order_by(table.c.modified_ms, table.c.name).limit(1)

        def claim(connection: Connection) -> Claim | None:
            row = connection.execute(oldest.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            connection.execute(update(table).where(table.c.name == row.name).values(claimed_until_ms=until_ms))
            return Claim(_vocabulary(row), msgspec.convert(row.source, VocabularySource))

        if not await self._database.read(lambda connection: connection.execute(oldest).first()):
            return None  # asked every few seconds, it should not keep writers waiting
        return await self._database.write(claim)

    async def extend_claim(self, claim: Claim, until_ms: int) -> bool:
        return await self._change_claimed(claim.vocabulary, {"claimed_until_ms": until_ms})

    async def finish_vocabulary(self, vocabulary: KeptVocabulary, content: VocabularyContent) -> bool:
        row = {
            "state": vocabulary.state,
            "modified_ms": vocabulary.modified_ms,
            "remark": vocabulary.remark,
            "content": msgspec.to_builtins(content),
        }
        return await self._change_claimed(vocabulary, row)

    async def add_filter(self, kept: KeptFilter, words: Sequence[str], *, most: int) -> None:
        row = {"name": kept.name, "language": kept.language, "modified_ms": kept.modified_ms, "words": list(words)}
        await self._database.write(lambda connection: _add(connection, FILTERS, row, most))

    async def replace_filter(self, name: str, words: Sequence[str], modified_ms: int) -> KeptFilter:
        change = update(FILTERS).where(FILTERS.c.name == name).values(words=list(words), modified_ms=modified_ms)

        def replace(connection: Connection) -> KeptFilter:
            _one(connection.execute(change).rowcount, "vocabulary filter")
            return _filter(connection.execute(select(*_FILTER).where(FILTERS.c.name == name)).one())

        return await self._database.write(replace)

    async def filter_words(self, name: str) -> tuple[KeptFilter, tuple[str, ...]]:
        row = await self._row(select(*_FILTER, FILTERS.c.words).where(FILTERS.c.name == name), "vocabulary filter")
        return _filter(row), tuple(row.words)

    async def filters(self, page: Page) -> Sequence[KeptFilter]:
        query = _paged(select(*_FILTER), FILTERS, page)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_filter(row) for row in rows]

    async def remove_filter(self, name: str) -> None:
        removal = delete(FILTERS).where(FILTERS.c.name == name)
        await self._database.write(lambda connection: _one(connection.execute(removal).rowcount, "vocabulary filter"))

    async def _row(self, query: Select[Any], kind: str) -> _Row:
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        _one(row is not None, kind)
        assert row is not None
        return row

    async def _change_claimed(self, vocabulary: KeptVocabulary, row: dict[str, Any]) -> bool:
        table = VOCABULARIES
        mine = (table.c.name == vocabulary.name) & (table.c.revision == vocabulary.revision)
        change = update(table).where(mine & (table.c.state == ListState.PENDING)).values(row)
        return await self._database.write(lambda connection: connection.execute(change).rowcount == 1)


def _replaced(vocabulary: KeptVocabulary, source: VocabularySource) -> dict[str, Any]:
    """The columns of a vocabulary whose content is new, but for the name."""
    return {
        "language": vocabulary.language,
        "state": vocabulary.state,
        "modified_ms": vocabulary.modified_ms,
        "revision": vocabulary.revision,
        "remark": vocabulary.remark,
        "source": msgspec.to_builtins(source),
        "content": msgspec.to_builtins(VocabularyContent()),
        "claimed_until_ms": 0,
    }


def _add(connection: Connection, table: Table, row: dict[str, Any], most: int) -> None:
    if connection.dialect.name == "postgresql":  # two that count at the same time would both find room
        connection.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))
    if connection.execute(select(table.c.name).where(table.c.name == row["name"])).first() is not None:
        raise Conflict(f"The name {row['name']!r} is taken.")
    if connection.execute(select(func.count()).select_from(table)).scalar_one() >= most:
        raise LimitReached(f"There are {most} already, and no more are kept. Delete one that is not needed.")
    connection.execute(insert(table).values(row))


def _one(found: int, kind: str) -> None:
    if not found:
        raise NotFound(f"The requested {kind} couldn't be found. Check its name and try again.")


def _paged(query: Select[Any], table: Table, page: Page) -> Select[Any]:
    query = query.where(table.c.name > page.after).order_by(table.c.name).limit(page.size)
    if page.contains:
        query = query.where(func.lower(table.c.name).contains(page.contains.lower(), autoescape=True))
    return query


def _vocabulary(row: _Row) -> KeptVocabulary:
    return KeptVocabulary(row.name, row.language, ListState(row.state), row.modified_ms, row.revision, row.remark)


def _filter(row: _Row) -> KeptFilter:
    return KeptFilter(row.name, row.language, row.modified_ms)
