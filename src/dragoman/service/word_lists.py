"""Word lists that clients keep under a name: taken, looked at in the background, listed, used in recognition."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Protocol

from dragoman.core.errors import DragomanError, InvalidField, LimitReached, Unavailable
from dragoman.core.request import Vocabulary
from dragoman.core.word_lists import (
    Claim,
    KeptFilter,
    KeptVocabulary,
    ListState,
    ObjectReader,
    Page,
    VocabularyContent,
    VocabularyEntry,
    VocabularySource,
    WordListStore,
)
from dragoman.language.tags import iso_639_1
from dragoman.service.vocabulary import CheckedVocabulary, Draft, Vocabularies

logger = logging.getLogger(__name__)

_SPOKEN_LANGUAGE: Final = "en"
"""Of the lexicon. Words of other languages are preferred as they are written."""
_MOST_REMARKS: Final = 5


@dataclass(frozen=True, slots=True)
class WordListLimits:
    """``max_bytes`` bounds the content of a list, in the request or in a file, as UTF-8. ``claim_s`` is how long a
    vocabulary waits that a killed server was looking at; ``look_every_s``, how often such ones are looked for."""

    max_vocabularies: int = 100
    max_filters: int = 100
    max_bytes: int = 50 * 1024
    claim_s: float = 6.0
    look_every_s: float = 5.0


class WordListForm(Protocol):
    """How the content of lists is written. Raises ``InvalidField`` that tells the person what to change."""

    def from_phrases(self, phrases: Sequence[str]) -> tuple[VocabularyEntry, ...]: ...

    def from_table(self, data: bytes) -> tuple[VocabularyEntry, ...]: ...

    def draft(self, entries: Sequence[VocabularyEntry], *, pronounced: bool) -> tuple[Draft, list[str]]:
        """The words and phrases to check, and remarks on what is not used. Without ``pronounced`` only phrases."""
        ...

    def from_words(self, words: Sequence[str]) -> tuple[str, ...]: ...

    def from_word_file(self, data: bytes) -> tuple[str, ...]: ...


class WordLists:
    """One task looks at pending vocabularies, one after the other; with several server processes each looks at others.

    A process that ends in between leaves them pending; whichever process is there next takes them up.
    """

    def __init__(
        self,
        store: WordListStore,
        objects: ObjectReader,
        vocabularies: Vocabularies,
        form: WordListForm,
        *,
        limits: WordListLimits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._objects = objects
        self._vocabularies = vocabularies
        self._form = form
        self._limits = limits or WordListLimits()
        self._clock = clock
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._claim: Claim | None = None

    async def open(self) -> None:
        """Raises ``StoreError``."""
        await self._store.open()
        self._task = asyncio.create_task(self._run(), name="word lists")

    async def aclose(self) -> None:
        """May be called twice, and without ``open``."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if self._claim is not None:
            with suppress(DragomanError):
                await self._store.extend_claim(self._claim, 0)  # the next process need not wait
        await self._store.aclose()

    async def create_vocabulary(self, name: str, language: str, source: VocabularySource) -> KeptVocabulary:
        """Pending. Raises ``Conflict``, ``LimitReached``."""
        self._bound(source.phrases)
        vocabulary = self._pending(name, language)
        await self._store.add_vocabulary(vocabulary, source, most=self._limits.max_vocabularies)
        self._woken.set()
        return vocabulary

    async def update_vocabulary(self, name: str, language: str, source: VocabularySource) -> KeptVocabulary:
        """Pending again; what was there before is no longer used. Raises ``NotFound``, ``LimitReached``."""
        self._bound(source.phrases)
        vocabulary = self._pending(name, language)
        await self._store.replace_vocabulary(vocabulary, source)
        self._woken.set()
        return vocabulary

    async def kept_vocabulary(self, name: str) -> KeptVocabulary:
        """Raises ``NotFound``."""
        return await self._store.vocabulary(name)

    async def entries(self, name: str) -> tuple[VocabularyEntry, ...]:
        """Of a vocabulary that is ready; none before. Raises ``NotFound``."""
        _, content = await self._store.vocabulary_content(name)
        return content.entries

    async def kept_vocabularies(self, page: Page, state: ListState | None = None) -> Sequence[KeptVocabulary]:
        return await self._store.vocabularies(page, state)

    async def delete_vocabulary(self, name: str) -> None:
        """Raises ``NotFound``."""
        await self._store.remove_vocabulary(name)

    async def create_filter(
        self, name: str, language: str, words: Sequence[str] = (), file_uri: str | None = None
    ) -> KeptFilter:
        """Can be used at once. Raises ``Conflict``, ``LimitReached``, ``InvalidField`` that names what to change."""
        checked = await self._checked_words(words, file_uri)
        kept = KeptFilter(name, language, self._now_ms())
        await self._store.add_filter(kept, checked, most=self._limits.max_filters)
        return kept

    async def update_filter(self, name: str, words: Sequence[str] = (), file_uri: str | None = None) -> KeptFilter:
        """Raises ``NotFound``, ``LimitReached``, ``InvalidField``."""
        return await self._store.replace_filter(name, await self._checked_words(words, file_uri), self._now_ms())

    async def kept_filter(self, name: str) -> KeptFilter:
        """Raises ``NotFound``."""
        kept, _ = await self._store.filter_words(name)
        return kept

    async def kept_filters(self, page: Page) -> Sequence[KeptFilter]:
        return await self._store.filters(page)

    async def delete_filter(self, name: str) -> None:
        """Raises ``NotFound``."""
        await self._store.remove_filter(name)

    async def vocabulary(self, name: str, language: str) -> Vocabulary:
        """For the recogniser. Raises ``NotFound``; ``InvalidField`` when it is not ready or of another language."""
        kept, content = await self._store.vocabulary_content(name)
        if kept.state is not ListState.READY:
            raise InvalidField(f"The vocabulary {name!r} is {kept.state}; it can be used when it is ready.")
        if kept.language != language:
            raise InvalidField(f"The vocabulary {name!r} is of the language {kept.language}, not {language}.")
        return content.vocabulary

    async def filter(self, name: str) -> tuple[str, ...]:
        """The words of a filter. Raises ``NotFound``."""
        _, words = await self._store.filter_words(name)
        return words

    def _pending(self, name: str, language: str) -> KeptVocabulary:
        return KeptVocabulary(name, language, ListState.PENDING, self._now_ms(), uuid.uuid4().hex)

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _bound(self, texts: Sequence[str]) -> None:
        size = sum(len(text.encode("utf-8", "surrogatepass")) + 1 for text in texts)
        if size > self._limits.max_bytes:
            raise LimitReached(f"The entries have {size:,} bytes together; {self._limits.max_bytes:,} are allowed.")

    async def _checked_words(self, words: Sequence[str], file_uri: str | None) -> tuple[str, ...]:
        if file_uri is not None:
            return self._form.from_word_file(await self._objects.read(file_uri, self._limits.max_bytes))
        self._bound(words)
        return self._form.from_words(words)

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            try:
                while await self._look_at_one():
                    pass
            except Unavailable as error:
                logger.warning("pending vocabularies have to wait: %s", error.message)
            except Exception:
                logger.exception("pending vocabularies have to wait")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.look_every_s):
                    await self._woken.wait()

    async def _look_at_one(self) -> bool:
        """False: there is nothing to do."""
        self._claim = await self._store.claim_vocabulary(self._now_ms(), self._until_ms())
        if self._claim is None:
            return False
        looking = asyncio.create_task(self._outcome(self._claim), name="vocabulary")
        try:
            while not looking.done():
                await asyncio.wait([looking], timeout=self._limits.claim_s / 3)
                if not looking.done() and not await self._store.extend_claim(self._claim, self._until_ms()):
                    break  # replaced or deleted: nobody waits for this one
            else:
                await self._store.finish_vocabulary(*looking.result())
        finally:
            looking.cancel()
            await asyncio.wait([looking])
        self._claim = None
        return True

    def _until_ms(self) -> int:
        return self._now_ms() + int(self._limits.claim_s * 1000)

    async def _outcome(self, claim: Claim) -> tuple[KeptVocabulary, VocabularyContent]:
        """Raises what may be better the next time; the claim then runs out."""
        content, remarks, state = VocabularyContent(), list[str](), ListState.READY
        try:
            content, remarks = await self._content(claim)
        except DragomanError as error:
            if error.retryable:
                raise
            remarks, state = [error.message], ListState.FAILED
        except Exception:
            logger.exception("a vocabulary could not be looked at")
            remarks, state = (
                ["The server failed on it, and its log says why. Update it to try again."],
                ListState.FAILED,
            )
        remark = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(remarks[:_MOST_REMARKS])) or None
        return replace(claim.vocabulary, state=state, modified_ms=self._now_ms(), remark=remark), content

    async def _content(self, claim: Claim) -> tuple[VocabularyContent, list[str]]:
        if claim.source.table_uri is None:
            entries = self._form.from_phrases(claim.source.phrases)
        else:
            entries = self._form.from_table(await self._objects.read(claim.source.table_uri, self._limits.max_bytes))
        pronounced = iso_639_1(claim.vocabulary.language) == _SPOKEN_LANGUAGE
        draft, remarks = self._form.draft(entries, pronounced=pronounced)
        if not pronounced:
            return VocabularyContent(entries, Vocabulary(draft.phrases)), remarks
        checked = await self._vocabularies.check(draft)
        return VocabularyContent(entries, checked.accepted), [*remarks, *_remarks(checked)]


def _remarks(checked: CheckedVocabulary) -> list[str]:
    """On pronunciations that are not used. Raises ``InvalidField`` for an entry that cannot be used at all."""
    for phrase in checked.phrases:
        if phrase.accepted is None:
            raise InvalidField(f"The phrase {phrase.text!r} cannot be used: {phrase.warning}.")
    remarks = []
    for word in checked.words:
        problems = [spoken for spoken in word.pronunciations if spoken.problem is not None]
        if word.accepted is None:
            reasons = " ".join(problem.warning for problem in problems)
            raise InvalidField(f"The phrase {word.spelling!r} cannot be used. {reasons}")
        remarks += [f"{word.spelling!r}, {problem.written!r}: {problem.warning}" for problem in problems]
    return remarks
