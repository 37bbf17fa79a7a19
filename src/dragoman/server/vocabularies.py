"""Settings → the check of vocabularies."""

from __future__ import annotations

from dragoman.language.classes import WordClasses
from dragoman.language.dictionary import Pronouncer
from dragoman.language.g2p import G2P
from dragoman.language.lexicon import Lexicon
from dragoman.server.settings import Settings
from dragoman.service.vocabulary import Vocabularies, VocabularyLimits


def build_vocabularies(settings: Settings) -> Vocabularies:
    """The operator's word classes are read now, so that a wrong one is known at the start: raises ``InvalidWordClass``.
    Lexicon and letters-to-sound are read with the first vocabulary."""
    classes = WordClasses(settings.classes_dir)
    classes.load()
    limits = VocabularyLimits(
        max_phrases=settings.max_phrases,
        max_words=settings.max_dictionary_words,
        max_pronunciations=settings.max_pronunciations,
        max_characters=settings.max_vocabulary_characters,
    )
    return Vocabularies(Pronouncer(Lexicon(), G2P(), classes), classes, limits, max_waiting=settings.max_uploads)
