"""What every store of word lists does, whatever it keeps them in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import postgresql
from dragoman.core.errors import Conflict, LimitReached, NotFound
from dragoman.core.request import DictionaryWord, Phrase, Vocabulary
from dragoman.core.word_lists import (
    KeptFilter,
    KeptVocabulary,
    ListState,
    Page,
    VocabularyContent,
    VocabularyEntry,
    VocabularySource,
    WordListStore,
)
from dragoman.store.database import Database
from dragoman.store.memory import MemoryWordLists
from dragoman.store.word_lists import SqlWordLists

pytestmark = pytest.mark.contract

WHY_NOT = postgresql.why_not()
SOURCE = VocabularySource(("Los-Angeles", "Zoë's", '\x00 \U0001f337 "\\'), None)
CONTENT = VocabularyContent(
    (VocabularyEntry("Los-Angeles", "loss-ann-gel-es", "l ɔ s", "Los Angeles"), VocabularyEntry("tulip")),
    Vocabulary(
        (Phrase("tulip"), Phrase("$city", 0.5)),
        (DictionaryWord("Los Angeles", (("L", "AO", "S"),), ("loss",), "Los Angeles"), DictionaryWord("Zoë")),
    ),
)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.running() as url:
        yield url


def _empty(url: str) -> str:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or "")),
    ]
)
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], WordListStore]:
    """Makes stores over the same content, as two server processes have them."""
    if request.param == "memory":
        memory = MemoryWordLists()
        return lambda: memory
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    if request.param == "postgresql":
        url = _empty(request.getfixturevalue("server"))
    return lambda: SqlWordLists(Database(url))


@pytest.fixture
async def store(another: Callable[[], WordListStore]) -> AsyncIterator[WordListStore]:
    opened = another()
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
async def second(another: Callable[[], WordListStore], store: WordListStore) -> AsyncIterator[WordListStore]:
    opened = another()
    await opened.open()
    yield opened
    await opened.aclose()


def pending(name: str, modified_ms: int = 1_000, revision: str = "r1") -> KeptVocabulary:
    return KeptVocabulary(name, "en-US", ListState.PENDING, modified_ms, revision)


async def add(store: WordListStore, *names: str) -> None:
    for name in names:
        await store.add_vocabulary(pending(name), SOURCE, most=100)


async def test_stores_that_are_opened_at_once_share_one_database(another: Callable[[], WordListStore]) -> None:
    stores = [another() for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    await add(stores[0], "cities")
    assert [await store.vocabulary("cities") for store in stores] == [pending("cities")] * len(stores)
    for store in stores:
        await store.aclose()


async def test_what_was_added_is_there_for_every_process(store: WordListStore, second: WordListStore) -> None:
    await add(store, "cities")
    assert await second.vocabulary("cities") == pending("cities")
    assert await second.vocabulary_content("cities") == (pending("cities"), VocabularyContent())


async def test_a_name_is_given_once(store: WordListStore) -> None:
    await add(store, "cities")
    with pytest.raises(Conflict):
        await add(store, "cities")
    await add(store, "Cities")
    await store.add_filter(KeptFilter("cities", "en-US", 1), ["a"], most=100)
    with pytest.raises(Conflict):
        await store.add_filter(KeptFilter("cities", "en-US", 1), ["a"], most=100)


async def test_there_are_no_more_than_allowed(store: WordListStore) -> None:
    for number in range(3):
        await store.add_vocabulary(pending(f"v{number}"), SOURCE, most=3)
        await store.add_filter(KeptFilter(f"f{number}", "en-US", 1), ["a"], most=3)
    with pytest.raises(LimitReached):
        await store.add_vocabulary(pending("v3"), SOURCE, most=3)
    with pytest.raises(LimitReached):
        await store.add_filter(KeptFilter("f3", "en-US", 1), ["a"], most=3)
    await store.remove_vocabulary("v0")
    await store.add_vocabulary(pending("v3"), SOURCE, most=3)


async def test_two_processes_together_have_no_more_room_than_one(store: WordListStore, second: WordListStore) -> None:
    outcomes = await asyncio.gather(
        *(
            one.add_vocabulary(pending(f"{n}-{id(one)}-{i}"), SOURCE, most=4)
            for n in range(6)
            for i, one in enumerate((store, second))
        ),
        return_exceptions=True,
    )
    assert sum(outcome is None for outcome in outcomes) == 4
    assert len(await store.vocabularies(Page(100))) == 4


async def test_what_is_not_there_is_not_found(store: WordListStore) -> None:
    for attempt in (
        store.vocabulary("none"),
        store.vocabulary_content("none"),
        store.remove_vocabulary("none"),
        store.replace_vocabulary(pending("none"), SOURCE),
        store.filter_words("none"),
        store.replace_filter("none", ["a"], 1),
        store.remove_filter("none"),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_list_is_read_page_by_page_in_the_order_of_characters(store: WordListStore) -> None:
    names = ["B", "a", "b-1", "b.1", "b_1", "C"]
    await add(store, *names)
    for name in names:
        await store.add_filter(KeptFilter(name, "en-US", 5), ["a"], most=100)
    vocabularies, filters, last = [], [], ""
    while page := await store.vocabularies(Page(2, last)):
        vocabularies += [kept.name for kept in page]
        filters += [kept.name for kept in await store.filters(Page(2, last))]
        last = page[-1].name
    assert vocabularies == filters == sorted(names)


async def test_a_list_is_searched_by_part_of_the_name_and_by_state(store: WordListStore) -> None:
    await add(store, "City-names", "cities", "product_names", "100%")
    claim = await store.claim_vocabulary(0, 10)
    assert claim is not None
    await store.finish_vocabulary(replace(claim.vocabulary, state=ListState.READY), CONTENT)
    assert [kept.name for kept in await store.vocabularies(Page(9, contains="NAMES"))] == [
        "City-names",
        "product_names",
    ]
    assert [kept.name for kept in await store.vocabularies(Page(9, contains="_"))] == ["product_names"]
    assert [kept.name for kept in await store.vocabularies(Page(9), ListState.READY)] == [claim.vocabulary.name]
    assert len(await store.vocabularies(Page(9), ListState.PENDING)) == 3
    assert await store.vocabularies(Page(9), ListState.FAILED) == []


async def test_the_oldest_is_claimed_first_and_by_one_process_only(store: WordListStore, second: WordListStore) -> None:
    for name, modified_ms in (("b", 3_000), ("a", 2_000), ("c", 1_000)):
        await store.add_vocabulary(pending(name, modified_ms), SOURCE, most=100)
    claims = await asyncio.gather(*(one.claim_vocabulary(5_000, 9_000) for one in (store, second, store)))
    assert sorted(claim.vocabulary.name for claim in claims if claim is not None) == ["a", "b", "c"]
    assert all(claim is not None and claim.source == SOURCE for claim in claims)
    assert await second.claim_vocabulary(8_999, 9_999) is None


async def test_a_claim_that_ran_out_can_be_taken_up(store: WordListStore, second: WordListStore) -> None:
    await add(store, "cities")
    first = await store.claim_vocabulary(0, 1_000)
    assert first is not None
    assert await store.extend_claim(first, 2_000)
    assert await second.claim_vocabulary(1_500, 3_000) is None
    assert await second.claim_vocabulary(2_000, 3_000) == first


async def test_what_was_finished_can_be_used(store: WordListStore, second: WordListStore) -> None:
    await add(store, "cities")
    claim = await store.claim_vocabulary(0, 1_000)
    assert claim is not None
    ready = replace(claim.vocabulary, state=ListState.READY, modified_ms=2_000)
    assert await store.finish_vocabulary(ready, CONTENT)
    assert await second.vocabulary_content("cities") == (ready, CONTENT)
    assert await second.claim_vocabulary(5_000, 9_000) is None


async def test_a_failure_keeps_its_reason(store: WordListStore) -> None:
    await add(store, "cities")
    claim = await store.claim_vocabulary(0, 1_000)
    assert claim is not None
    failed = replace(claim.vocabulary, state=ListState.FAILED, remark="line 2 has digits")
    assert await store.finish_vocabulary(failed, VocabularyContent())
    assert await store.vocabulary("cities") == failed


async def test_what_is_finished_twice_stays_as_it_was_first(store: WordListStore, second: WordListStore) -> None:
    await add(store, "cities")
    one, other = await store.claim_vocabulary(0, 1_000), await second.claim_vocabulary(1_000, 2_000)
    assert one is not None
    assert one == other
    assert await second.finish_vocabulary(replace(one.vocabulary, state=ListState.READY), CONTENT)
    assert not await store.finish_vocabulary(replace(one.vocabulary, state=ListState.FAILED), VocabularyContent())
    assert (await store.vocabulary("cities")).state is ListState.READY


@pytest.mark.parametrize("change", ["replaced", "removed", "made anew"])
async def test_a_claim_ends_with_its_content(store: WordListStore, change: str) -> None:
    await add(store, "cities")
    claim = await store.claim_vocabulary(0, 1_000)
    assert claim is not None
    newer = pending("cities", 500, "r2")
    if change == "replaced":
        await store.replace_vocabulary(newer, VocabularySource(("tulip",)))
    else:
        await store.remove_vocabulary("cities")
    if change == "made anew":
        await store.add_vocabulary(newer, VocabularySource(("tulip",)), most=100)
    assert not await store.extend_claim(claim, 5_000)
    assert not await store.finish_vocabulary(replace(claim.vocabulary, state=ListState.READY), CONTENT)
    if change != "removed":
        again = await store.claim_vocabulary(600, 5_000)
        assert again is not None
        assert (again.vocabulary, again.source) == (newer, VocabularySource(("tulip",)))


async def test_new_content_ends_what_was_ready(store: WordListStore) -> None:
    await add(store, "cities")
    claim = await store.claim_vocabulary(0, 1_000)
    assert claim is not None
    await store.finish_vocabulary(replace(claim.vocabulary, state=ListState.READY), CONTENT)
    newer = KeptVocabulary("cities", "en-GB", ListState.PENDING, 3_000, "r2")
    await store.replace_vocabulary(newer, VocabularySource(table_uri="s3://bucket/key"))
    assert await store.vocabulary_content("cities") == (newer, VocabularyContent())


async def test_words_of_a_filter_are_kept_and_replaced(store: WordListStore, second: WordListStore) -> None:
    kept = KeptFilter("rude", "en-US", 1_000)
    await store.add_filter(kept, ["darn", "naïve", "e-mail"], most=100)
    assert await second.filter_words("rude") == (kept, ("darn", "naïve", "e-mail"))
    newer = await second.replace_filter("rude", ["heck"], 2_000)
    assert newer == replace(kept, modified_ms=2_000)
    assert await store.filter_words("rude") == (newer, ("heck",))
    await store.remove_filter("rude")
    assert await second.filters(Page(9)) == []
