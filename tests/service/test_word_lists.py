"""Laws of word lists that clients keep: what becomes of them, whoever looks at them and whenever a server ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dragoman.apis.amazon_transcribe import vocabulary_table
from dragoman.core.errors import Conflict, InvalidField, LimitReached, NotFound, Unavailable
from dragoman.core.request import DictionaryWord, Phrase
from dragoman.core.word_lists import Claim, KeptVocabulary, ListState, Page, VocabularySource, WordListStore
from dragoman.language.classes import WordClasses
from dragoman.language.dictionary import Pronouncer
from dragoman.language.g2p import G2P
from dragoman.language.lexicon import Lexicon
from dragoman.service.vocabulary import Vocabularies, VocabularyLimits
from dragoman.service.word_lists import WordListLimits, WordLists
from dragoman.store.database import Database
from dragoman.store.memory import MemoryWordLists
from dragoman.store.word_lists import SqlWordLists

pytestmark = pytest.mark.unit

LEXICON, G2P_MODEL, CLASSES = Lexicon(), G2P(), WordClasses()
TABLE = """\
Phrase\tSoundsLike\tIPA\tDisplayAs
Los-Angeles\t\t\tLos Angeles
Etienne\teh-tee-en
Frubin\t\tf ɹ uː b ɪ n\tFRUBIN
"""


HURRIED = WordListLimits(claim_s=0.03, look_every_s=0.02)


class Objects:
    """Files by their address, of which some are slow or out of reach."""

    def __init__(self, **files: str | Exception) -> None:
        self.files = {f"s3://bucket/{name}": content for name, content in files.items()}
        self.gate = asyncio.Event()
        self.gate.set()
        self.begun = asyncio.Semaphore(0)
        self.reads: list[str] = []

    async def read(self, uri: str, max_bytes: int) -> bytes:
        self.reads.append(uri)
        self.begun.release()
        await self.gate.wait()
        content = self.files[uri]
        if isinstance(content, Exception):
            raise content
        return content.encode()


@asynccontextmanager
async def opened(
    store: WordListStore | None = None,
    objects: Objects | None = None,
    limits: WordListLimits | None = None,
    clock: Callable[[], float] | None = None,
) -> AsyncIterator[WordLists]:
    vocabularies = Vocabularies(Pronouncer(LEXICON, G2P_MODEL, CLASSES), CLASSES, VocabularyLimits())
    more = {} if clock is None else {"clock": clock}
    lists = WordLists(
        store or MemoryWordLists(), objects or Objects(), vocabularies, vocabulary_table, limits=limits, **more
    )
    await lists.open()
    try:
        yield lists
    finally:
        await lists.aclose()


async def settled(lists: WordLists, name: str) -> KeptVocabulary:
    async with asyncio.timeout(20):
        while (kept := await lists.kept_vocabulary(name)).state is ListState.PENDING:
            await asyncio.sleep(0.005)
    return kept


def phrases(*texts: str) -> VocabularySource:
    return VocabularySource(texts)


def table(name: str) -> VocabularySource:
    return VocabularySource(table_uri=f"s3://bucket/{name}")


async def test_a_new_vocabulary_is_pending_and_then_ready() -> None:
    async with opened() as lists:
        kept = await lists.create_vocabulary("cities", "en-US", phrases("Los-Angeles", "tulip"))
        assert kept.state is ListState.PENDING
        assert await lists.entries("cities") == ()
        assert (await settled(lists, "cities")).state is ListState.READY
        assert [entry.phrase for entry in await lists.entries("cities")] == ["Los-Angeles", "tulip"]
        usable = await lists.vocabulary("cities", "en-US")
    assert usable.phrases == (Phrase("Los Angeles"), Phrase("tulip"))


async def test_a_table_says_how_words_sound_and_are_shown() -> None:
    async with opened(objects=Objects(table=TABLE)) as lists:
        await lists.create_vocabulary("names", "en-GB", table("table"))
        kept = await settled(lists, "names")
        assert (kept.state, kept.remark) == (ListState.READY, None)
        usable = await lists.vocabulary("names", "en-GB")
    assert usable.phrases == (Phrase("Los Angeles"),)
    etienne, frubin = usable.words
    assert ("EH", "T", "IY", "EH", "N") in etienne.pronunciations
    assert frubin == DictionaryWord("Frubin", (("F", "R", "UW", "B", "IH", "N"),), display="FRUBIN")


async def test_a_pronunciation_that_cannot_be_used_is_named_and_does_not_fail_the_rest() -> None:
    content = "Phrase\tSoundsLike\tIPA\ngarden\t\tɣ a\nFrubin\tфру\t\n"
    async with opened(objects=Objects(table=content)) as lists:
        await lists.create_vocabulary("names", "en-US", table("table"))
        kept = await settled(lists, "names")
        words = (await lists.vocabulary("names", "en-US")).words
    assert kept.state is ListState.READY
    assert kept.remark is not None
    assert "'ɣ'" in kept.remark
    assert "фру" in kept.remark
    assert [word.spelling for word in words] == ["garden", "Frubin"]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (phrases("tulip", "Los Angeles"), "hyphens"),
        (phrases("route66"), "digits"),
        (phrases("тюльпан"), "another alphabet"),
        (table("none"), "no such file"),
        (table("empty"), "Line 1"),
    ],
)
async def test_what_cannot_be_used_fails_with_the_reason(source: VocabularySource, reason: str) -> None:
    objects = Objects(none=InvalidField("there is no such file"), empty="")
    async with opened(objects=objects) as lists:
        await lists.create_vocabulary("v", "en-US", source)
        kept = await settled(lists, "v")
        assert kept.state is ListState.FAILED
        assert reason in (kept.remark or "")
        with pytest.raises(InvalidField, match="failed"):
            await lists.vocabulary("v", "en-US")
        assert await lists.entries("v") == ()


async def test_a_reason_is_readable_whatever_was_sent() -> None:
    objects = Objects(table=InvalidField("no \x00 such\nfile"))
    async with opened(objects=objects) as lists:
        await lists.create_vocabulary("v", "en-US", table("table"))
        remark = (await settled(lists, "v")).remark
    assert remark is not None
    assert remark.isprintable()


async def test_a_failed_one_can_be_mended() -> None:
    async with opened() as lists:
        await lists.create_vocabulary("v", "en-US", phrases("route66"))
        await settled(lists, "v")
        assert (await lists.update_vocabulary("v", "en-GB", phrases("tulip"))).state is ListState.PENDING
        kept = await settled(lists, "v")
        assert (kept.state, kept.language, kept.remark) == (ListState.READY, "en-GB", None)
        assert (await lists.vocabulary("v", "en-GB")).phrases == (Phrase("tulip"),)


async def test_words_of_a_language_without_a_lexicon_are_preferred_as_written() -> None:
    content = "Phrase\tIPA\tDisplayAs\nтюльпан\tt\tТюльпан\nроза-ветров\t\t\n"
    async with opened(objects=Objects(table=content)) as lists:
        await lists.create_vocabulary("v", "ru-RU", table("table"))
        kept = await settled(lists, "v")
        usable = await lists.vocabulary("v", "ru-RU")
    assert "English only" in (kept.remark or "")
    assert (usable.phrases, usable.words) == ((Phrase("Тюльпан"), Phrase("роза ветров")), ())


async def test_a_vocabulary_is_used_when_it_is_ready_and_of_the_language() -> None:
    objects = Objects(table=TABLE)
    objects.gate.clear()
    async with opened(objects=objects) as lists:
        await lists.create_vocabulary("v", "en-US", table("table"))
        with pytest.raises(InvalidField, match="pending"):
            await lists.vocabulary("v", "en-US")
        objects.gate.set()
        await settled(lists, "v")
        with pytest.raises(InvalidField, match="en-US"):
            await lists.vocabulary("v", "en-GB")
        with pytest.raises(NotFound):
            await lists.vocabulary("other", "en-US")


@pytest.mark.parametrize("change", ["update", "delete"])
async def test_content_that_was_replaced_meanwhile_never_shows(change: str) -> None:
    objects = Objects(old=TABLE, new="Phrase\ntulip\n")
    objects.gate.clear()
    async with opened(objects=objects, limits=HURRIED) as lists:
        await lists.create_vocabulary("v", "en-US", table("old"))
        await objects.begun.acquire()
        if change == "delete":
            await lists.delete_vocabulary("v")
            await lists.create_vocabulary("v", "en-US", table("new"))
        else:
            await lists.update_vocabulary("v", "en-US", table("new"))
        await objects.begun.acquire()
        objects.gate.set()
        assert (await settled(lists, "v")).state is ListState.READY
        assert (await lists.vocabulary("v", "en-US")).phrases == (Phrase("tulip"),)


async def test_the_next_server_takes_up_what_the_last_one_left(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    objects = Objects(table=TABLE)
    objects.gate.clear()
    async with opened(SqlWordLists(Database(url)), objects) as lists:
        await lists.create_vocabulary("first", "en-US", table("table"))
        await lists.create_vocabulary("second", "en-US", phrases("tulip"))
        await objects.begun.acquire()
    objects.gate.set()
    async with opened(SqlWordLists(Database(url)), objects) as lists:
        assert (await settled(lists, "first")).state is ListState.READY
        assert (await settled(lists, "second")).state is ListState.READY


async def test_several_servers_share_the_work(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    objects = Objects(**{f"table{n}": TABLE for n in range(6)})
    async with opened(SqlWordLists(Database(url)), objects) as one, opened(SqlWordLists(Database(url)), objects) as two:
        for n in range(6):
            await (one, two)[n % 2].create_vocabulary(f"v{n}", "en-US", table(f"table{n}"))
        for n in range(6):
            assert (await settled(one, f"v{n}")).state is ListState.READY
    assert sorted(objects.reads) == sorted(objects.files)


class WatchedStore(MemoryWordLists):
    """Says when a claim was extended."""

    def __init__(self) -> None:
        super().__init__()
        self.extended = asyncio.Semaphore(0)

    async def extend_claim(self, claim: Claim, until_ms: int) -> bool:
        self.extended.release()
        return await super().extend_claim(claim, until_ms)


async def test_a_claim_is_kept_while_the_work_takes_long() -> None:
    store, objects = WatchedStore(), Objects(table=TABLE)
    objects.gate.clear()
    limits = WordListLimits(claim_s=0.3, look_every_s=0.05)
    async with opened(store, objects, limits) as one, opened(store, objects, limits):
        await one.create_vocabulary("v", "en-US", table("table"))
        for _ in range(5):
            await store.extended.acquire()
        objects.gate.set()
        await settled(one, "v")
    assert len(objects.reads) == 1


async def test_what_failed_for_a_moment_is_tried_again() -> None:
    objects = Objects(table=Unavailable("not now"))
    async with opened(objects=objects, limits=HURRIED) as lists:
        await lists.create_vocabulary("v", "en-US", table("table"))
        await objects.begun.acquire()
        await objects.begun.acquire()
        assert (await lists.kept_vocabulary("v")).state is ListState.PENDING
        objects.files["s3://bucket/table"] = TABLE
        assert (await settled(lists, "v")).state is ListState.READY


async def test_one_that_breaks_the_server_does_not_hold_up_the_others() -> None:
    objects = Objects(table=KeyError("a bug"))
    async with opened(objects=objects) as lists:
        await lists.create_vocabulary("broken", "en-US", table("table"))
        await lists.create_vocabulary("good", "en-US", phrases("tulip"))
        assert (await settled(lists, "good")).state is ListState.READY
        kept = await settled(lists, "broken")
    assert kept.state is ListState.FAILED
    assert "log" in (kept.remark or "")


async def test_limits_hold() -> None:
    limits = WordListLimits(max_vocabularies=2, max_filters=1, max_bytes=20)
    async with opened(limits=limits) as lists:
        for name in ("a", "b"):
            await lists.create_vocabulary(name, "en-US", phrases("tulip"))
        with pytest.raises(LimitReached):
            await lists.create_vocabulary("c", "en-US", phrases("tulip"))
        with pytest.raises(Conflict):
            await lists.create_vocabulary("a", "en-US", phrases("tulip"))
        with pytest.raises(LimitReached, match="bytes"):
            await lists.update_vocabulary("a", "en-US", phrases("tulip", "ü" * 10))
        await lists.create_filter("a", "en-US", ["darn"])
        with pytest.raises(LimitReached):
            await lists.create_filter("b", "en-US", ["darn"])
        with pytest.raises(LimitReached, match="bytes"):
            await lists.update_filter("a", ["x" * 30])


async def test_a_filter_can_be_used_at_once() -> None:
    async with opened(objects=Objects(words="darn\r\nheck\n\ndarn\n")) as lists:
        kept = await lists.create_filter("rude", "en-US", ["Darn", "naïve"])
        assert await lists.filter("rude") == ("Darn", "naïve")
        await lists.update_filter("rude", file_uri="s3://bucket/words")
        assert await lists.filter("rude") == ("darn", "heck")
        assert await lists.kept_filters(Page(9)) == [await lists.kept_filter("rude")]
        assert (await lists.kept_filter("rude")).modified_ms >= kept.modified_ms
        await lists.delete_filter("rude")
        with pytest.raises(NotFound):
            await lists.filter("rude")


@pytest.mark.parametrize("words", [[], ["two words"], [" "], ["a", "b\tc"]])
async def test_a_filter_has_words_one_by_one(words: list[str]) -> None:
    async with opened() as lists:
        with pytest.raises(InvalidField):
            await lists.create_filter("rude", "en-US", words)
        with pytest.raises(NotFound):
            await lists.kept_filter("rude")
