"""Settings → the database, and the word lists in it."""

from __future__ import annotations

from sqlalchemy import URL

from dragoman.apis.amazon_transcribe import vocabulary_table
from dragoman.server.settings import Settings
from dragoman.server.state import state_folder
from dragoman.service.vocabulary import Vocabularies
from dragoman.service.word_lists import WordLists
from dragoman.store.database import Database
from dragoman.store.objects import ObjectFolder
from dragoman.store.word_lists import SqlWordLists


def build_database(settings: Settings) -> Database:
    """Nothing is opened."""
    if settings.database_url is not None:
        return Database(settings.database_url)
    file = state_folder(settings) / "dragoman.sqlite3"
    return Database(URL.create("sqlite", database=str(file)))


def build_word_lists(settings: Settings, database: Database, vocabularies: Vocabularies) -> WordLists:
    """Nothing is opened."""
    objects = ObjectFolder(settings.object_store_url)
    return WordLists(SqlWordLists(database), objects, vocabularies, vocabulary_table)
