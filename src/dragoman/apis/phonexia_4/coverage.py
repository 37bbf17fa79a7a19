"""What becomes of every option of the document; ``docs/coverage/phonexia_4.md`` is made from this."""

from __future__ import annotations

from typing import Final

from dragoman.transport.base import Coverage, Covered

_START: Final = "POST /api/technology/speech-to-text"
_RESULT: Final = "GET /api/technology/speech-to-text/{task_id}"
_START_ENHANCED: Final = "POST /api/technology/speech-to-text-whisper-enhanced"
_RESULT_ENHANCED: Final = "GET /api/technology/speech-to-text-whisper-enhanced/{task_id}"
_BOTH: Final = "all operations"

COVERAGE: Final = Coverage(
    title="Phonexia Speech Platform 4, Speech to Text",
    source="Phonexia Speech Platform 4, REST API, Speech to Text: start task, get result",
    notes=(
        "The document knows no keys. With keys configured they travel as `Authorization: Bearer` or `x-api-key`. A "
        "client without one gets the document's 403 `request.forbidden`, with a detail of the type "
        "`authentication.key-invalid` at `header`, `authorization`.",
        "Every error has the document's type and message, and one detail or several that say what is wrong and where. "
        "Of the types of details the document shows `licensing.capacity-exceeded` and `media.too-large`; the vendor's "
        "protocol buffers have `UNSUPPORTED_GRAPHEME`, `UNSUPPORTED_PHONEME`, `EMPTY_FIELD` and "
        "`PRONUNCIATION_TOO_SHORT`. The others are ours.",
        "Statuses beyond the document: 500 and 503, both of the type `internal`; 503, which comes with `retry-after`, "
        "while the recogniser starts, and when too many uploads or checks of vocabularies are under way.",
        "The document has no way to cancel or delete a task and does not say how long it is kept: the setting "
        "`jobs_kept_h`. The operator's way is `dragoman jobs`.",
        "The platform's second engine, Enhanced Speech to Text Built on Whisper, is there beside the first: each is "
        "a profile, as the setting `phonexia_4_engines` has it. It is not in our copy of the document; the vendor's "
        "reference has it. Other technologies of the platform are 404.",
    ),
    options=(
        Covered(_START, "file", "supported", "Any recording that can be decoded. It is decoded after the 202."),
        Covered(_START, "a file that is not there, or empty", "refused", "422 at once."),
        Covered(
            _START,
            "a file that cannot be used",
            "supported",
            "202; the task is rejected, with the reason in `error`: it cannot be decoded, is too long, has a rate that "
            "is not supported, or lacks a channel that was named.",
        ),
        Covered(
            _START,
            "language",
            "supported",
            "Language, region and private use of RFC 5646, in any case. The region and what is for private use say "
            "nothing about the model: en-GB, en-x-calls and eng are recognised by the model of en. 422 for a language "
            "without a model, for script and other subtags, and where it is left out.",
        ),
        Covered(
            _START,
            "channel_mode",
            "supported",
            "`split` and `mix`. A mix is channel 0, and the mean of the channels chosen.",
        ),
        Covered(
            _START,
            "channels",
            "supported",
            "0-based. 422 for what is not numbers with commas. A channel that the file does not have makes the task "
            "rejected.",
        ),
        Covered(_START, "any other parameter", "refused", "422. Nothing is dropped in silence."),
        Covered(
            _START,
            "config",
            "supported",
            "JSON, as text or as a file of the form. 422 for what is not JSON, and for a value of a wrong type, `null` "
            "among them, each with its place in `location`; up to 100 are told at once.",
        ),
        Covered(_START, "any other field of the form", "refused", "422. Nothing is dropped in silence."),
        Covered(_START, "unknown keys in config", "ignored", "As the document says, at every depth."),
        Covered(
            _START,
            "preferred_phrases",
            "supported",
            "422 with the place for a phrase without words, or with letters of another alphabet in a word that "
            "additional_words does not have. Letters with accents are taken. 422 for all phrases where the recogniser "
            "cannot prefer any.",
        ),
        Covered(
            _START,
            "word classes in preferred_phrases",
            "differs",
            "`$first_name` stands for any first name, as in version 1 of the vendor's cloud; 422 for a class that does "
            "not exist.",
        ),
        Covered(
            _START,
            "additional_words, spelling",
            "supported",
            "422 with the place for a word with spaces, with control characters, or with letters outside the "
            "language's and no pronunciation. `new+york` is two words. Entries of the same spelling are one.",
        ),
        Covered(
            _START,
            "pronunciations",
            "supported",
            "In the notation `p r I f @r d`. 422 with the place for a phoneme that is not supported, and for fewer "
            "than three of them, unless the word is known to be said like that.",
        ),
        Covered(
            _START,
            "size of config",
            "differs",
            "The document names no limits. 422 with the place beyond one of the settings `max_phrases`, "
            "`max_dictionary_words`, `max_pronunciations`, `max_vocabulary_characters`; 413 beyond "
            "`max_form_text_kb`.",
        ),
        Covered(_START, "202", "supported", "The task is durable: it will be done, whatever happens to the server."),
        Covered(_START, "X-Location", "supported", "The path of the task."),
        Covered(
            _START, "400", "supported", "A body that is not a form, that ends before it is complete, or has two files."
        ),
        Covered(
            _START,
            "413",
            "supported",
            "Beyond the setting `max_upload_mb`, where the request says so before the body is read. `file_size` is the "
            "size of the body, or how much of it had come.",
        ),
        Covered(
            _START,
            "507",
            "supported",
            "Beyond the settings `max_jobs_storage_mb` and `min_free_disk_mb`, before the body is read.",
        ),
        Covered(
            _START,
            "403",
            "differs",
            "`licensing.capacity-exceeded` when the day's quota of the key is used up, before the body is read. A "
            "file that is longer than what is left makes the task rejected, with the same error in it. The document "
            "has no status for a wrong key; it is 403 as well.",
        ),
        Covered(
            _START_ENHANCED,
            "language",
            "differs",
            "As for the first engine. Without it the first language of the profile is taken; it is not found out.",
        ),
        Covered(
            _START_ENHANCED,
            "enable_language_switching",
            "refused",
            "422 where it is true: one language is recognised in a recording.",
        ),
        Covered(
            _START_ENHANCED,
            "file, channel_mode, channels, and all replies",
            "supported",
            "As for the first engine; `config` is refused.",
        ),
        Covered(
            _RESULT_ENHANCED,
            "",
            "supported",
            "As of the first engine, with the `language` of each segment and without `additional_words`. 404 for a "
            "task of the first engine.",
        ),
        Covered(
            _RESULT,
            "task_id",
            "supported",
            "404 for a task that is not there, or of another key; 422 for what is no UUID.",
        ),
        Covered(
            _RESULT,
            "state",
            "supported",
            "`rejected`: the file cannot be recognised. `failed`: the server could not, or its operator cancelled the "
            "task. A running task is pending again when its server was stopped.",
        ),
        Covered(
            _RESULT,
            "one_best",
            "differs",
            "Segments in the order of time, each on one channel; cased and punctuated, and so are the words, which "
            "joined, with spaces where the language has them, are the text of their segment.",
        ),
        Covered(
            _RESULT,
            "additional_words in the result",
            "supported",
            "Words as they were taken, each with the pronunciations of the vocabulary, of the client, or else a "
            "generated one; then the words of preferred phrases, as many as `max_dictionary_words`.",
        ),
        Covered(_RESULT, "error", "supported", "The form of the errors of requests."),
        Covered(
            _BOTH,
            "X-Correlation-ID",
            "supported",
            "In every reply of an operation, as it was sent or made. 422 for more than 256 characters, and for any "
            "that is not printable ASCII. What HTTP itself forbids in a header is 400 in plain text.",
        ),
        Covered(_BOTH, "X-Request-ID", "supported", "The same. The server's log has it, too."),
        Covered(
            _BOTH,
            "429",
            "supported",
            "Beyond the setting `rate_limit`, with `retry-after`. `x-ratelimit-limit`, `x-ratelimit-remaining` and "
            "`x-ratelimit-reset` are in every reply of an operation while there is a limit.",
        ),
    ),
)
