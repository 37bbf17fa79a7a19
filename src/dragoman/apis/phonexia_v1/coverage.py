"""What becomes of every option of the document; ``docs/coverage/phonexia_v1.md`` is made from this."""

from __future__ import annotations

from typing import Final

from dragoman.transport.base import Coverage, Covered

_FILE: Final = "POST /api/v1/stt/file"
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
        Covered(_FILE, "preferred_phrases", "refused", "Until phrases and dictionaries are taken."),
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
        Covered(_FILE, "phrases, dictionary in the reply", "differs", "Left out, as none are taken."),
        Covered(
            _TECHNOLOGIES, "", "supported", "Instances are recognitions at once: the setting `max_concurrent_files`."
        ),
        Covered(
            _TECHNOLOGIES, "Speech To Text Input Stream", "differs", "Not listed, because there are no streams yet."
        ),
        Covered("/api/v1/stt/stream", "", "refused", "404, until there are streams."),
        Covered("/api/v1/websocket/stt", "", "refused", "404, until there are streams."),
        Covered(
            "/api/v1/stt/graphemes, phonemes, classes, checkdictionary", "", "refused", "404, until words are taken."
        ),
    ),
)
