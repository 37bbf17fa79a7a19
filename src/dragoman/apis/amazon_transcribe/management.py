"""The calls on vocabularies and vocabulary filters, without HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from dragoman.apis.amazon_transcribe import translate, wire
from dragoman.core.word_lists import ListState
from dragoman.service.word_lists import WordLists

TABLES: Final = "/transcribe/vocabularies"
WORD_FILES: Final = "/transcribe/vocabulary-filters"
"""Where the content of a list can be fetched: below these, by its name."""

Link = Callable[[str], str]
"""The address of a path below this server, for the client who called."""


class _Nothing(Struct):
    """What a call that only does something answers."""


class Management:
    """``answer`` is all of it."""

    def __init__(self, word_lists: WordLists) -> None:
        self._lists = word_lists

    async def answer(self, asked: wire.Call, link: Link) -> Any:
        """The reply, one of ``wire`` or an object without members. Raises ``DragomanError``."""
        match asked:
            case wire.CreateVocabulary():
                source = translate.source(asked)
                kept = await self._lists.create_vocabulary(asked.VocabularyName, asked.LanguageCode, source)
                return translate.vocabulary(kept)
            case wire.UpdateVocabulary():
                source = translate.source(asked)
                kept = await self._lists.update_vocabulary(asked.VocabularyName, asked.LanguageCode, source)
                return translate.vocabulary(kept)
            case wire.GetVocabulary(name):
                kept = await self._lists.kept_vocabulary(name)
                table = link(f"{TABLES}/{name}") if kept.state is ListState.READY else None
                return translate.vocabulary(kept, table)
            case wire.ListVocabularies():
                page, state = translate.page(asked), translate.state(asked)
                found = await self._lists.kept_vocabularies(page, state)
                return translate.vocabularies(list(found), page, state)
            case wire.DeleteVocabulary(name):
                await self._lists.delete_vocabulary(name)
            case wire.CreateVocabularyFilter(VocabularyFilterName=name, LanguageCode=language):
                words, uri = translate.words(asked)
                return translate.vocabulary_filter(await self._lists.create_filter(name, language, words, uri))
            case wire.UpdateVocabularyFilter(VocabularyFilterName=name):
                words, uri = translate.words(asked)
                return translate.vocabulary_filter(await self._lists.update_filter(name, words, uri))
            case wire.GetVocabularyFilter(name):
                return translate.vocabulary_filter(await self._lists.kept_filter(name), link(f"{WORD_FILES}/{name}"))
            case wire.ListVocabularyFilters():
                page = translate.page(asked)
                return translate.vocabulary_filters(list(await self._lists.kept_filters(page)), page)
            case wire.DeleteVocabularyFilter(name):
                await self._lists.delete_filter(name)
        return _Nothing()
