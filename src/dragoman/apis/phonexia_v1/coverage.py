"""What becomes of every option of the document; ``docs/coverage/phonexia_v1.md`` is made from this."""

from __future__ import annotations

from typing import Final

from dragoman.transport.base import Coverage, Covered

_FILE: Final = "POST /api/v1/stt/file"
_GRAPHEMES: Final = "GET /api/v1/stt/graphemes"
_PHONEMES: Final = "GET /api/v1/stt/phonemes"
_CLASSES: Final = "GET /api/v1/stt/classes"
_CHECK: Final = "POST /api/v1/stt/checkdictionary"
_TECHNOLOGIES: Final = "GET /api/v1/technologies"

COVERAGE: Final = Coverage(
    title="Phonexia Speech To Text for AWS, version 1",
    source="Phonexia, Speech To Text for AWS, API version 1",
    notes=(
        "The document knows no keys. With keys configured they travel as `Authorization: Bearer` or `x-api-key`, and "
        "401 is what a client without one gets.",
        "Statuses beyond the document's 422, 500 and 503: 401, 404 for an unknown path, 405 for a wrong method; all of "
        "them as `CloudErrorResult`. A quota that is used up is 503.",
        "Of the vendor's numbered messages only `(1007) Unsupported audio format` is documented; it is said for what "
        "cannot be decoded. Other messages have no number.",
    ),
    options=(
        Covered(
            _FILE, "file", "supported", "Any recording that can be decoded; every channel is recognised by itself."
        ),
        Covered(
            _FILE,
            "preferred_phrases",
            "supported",
            'Text or a file of UTF-8 JSON, as `{"preferred_phrases": …}`, as `{"data": {"preferred_phrases": …}}`, '
            "or the object alone. 422 with the place for what is not JSON, has a wrong type or an unknown key, or is "
            "beyond one of the settings `max_phrases`, `max_dictionary_words`, `max_pronunciations`, "
            "`max_vocabulary_characters`.",
        ),
        Covered(
            _FILE,
            "phrases",
            "supported",
            "Words and class tokens, in any case; emoji and invisible characters in them count for nothing. The "
            "document has no warning for a phrase, so one that cannot be used is 422 with its place: no words in it, "
            "an unknown class, or letters of another alphabet in a word that the dictionary does not have. 422 for all "
            "phrases where the recogniser cannot prefer any; `classes` is empty then.",
        ),
        Covered(
            _FILE,
            "dictionary",
            "supported",
            "What is wrong with a word or a pronunciation is in its `warning_message`; it is left out and the rest "
            "works. Entries of the same word are one. `out_of_vocabulary`, `class` and `warning_message` may be sent "
            "back and are ignored.",
        ),
        Covered(_FILE, "any other field", "refused", "Nothing is dropped in silence."),
        Covered(_FILE, "a body that is not a form", "refused", "422, as the document shows forms only."),
        Covered(
            _FILE, "model in the reply", "differs", "Made from the language, EN_US_1, or the setting `phonexia_model`."
        ),
        Covered(_FILE, "transcription in the reply", "supported", "One entry a channel, cased and punctuated."),
        Covered(_FILE, "confidence in the reply", "supported", "The mean over all words; 1 where there are none."),
        Covered(
            _FILE,
            "segmentation in the reply",
            "differs",
            "Channel by channel; words in lower case without punctuation; `<silence/>` for gaps longer than 180 ms, "
            "also before the first segment and after the last. Empty silences of no length are left out.",
        ),
        Covered(
            _FILE,
            "phrases, dictionary in the reply",
            "supported",
            "There when they were sent. A word comes with every pronunciation known of it, in the lexicon, from the "
            "client, or else generated. English is written in the notation of the document's example, `p r I f @r d`.",
        ),
        Covered(_GRAPHEMES, "", "supported", "Capitals are the same letters."),
        Covered(_PHONEMES, "", "supported", "39 phonemes; `@` is taken for `V` as well."),
        Covered(
            _CLASSES,
            "",
            "supported",
            "English ones, and those of the setting `classes_dir`; none where the recogniser cannot prefer phrases.",
        ),
        Covered(
            _CHECK,
            "dictionary",
            "supported",
            "Also wrapped as for the file; the warnings are those that the file would get.",
        ),
        Covered(_CHECK, "phrases", "ignored", "Taken, because the document sends its file of phrases here too."),
        Covered(
            _TECHNOLOGIES, "", "supported", "Instances are recognitions at once: the setting `max_concurrent_files`."
        ),
        Covered(
            _TECHNOLOGIES, "Speech To Text Input Stream", "differs", "Not listed, because there are no streams yet."
        ),
        Covered("/api/v1/stt/stream", "", "refused", "404, until there are streams."),
        Covered("/api/v1/websocket/stt", "", "refused", "404, until there are streams."),
    ),
)
