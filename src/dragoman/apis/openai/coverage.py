"""What becomes of every option of the API; ``docs/coverage/openai.md`` is made from this."""

from __future__ import annotations

from typing import Final

from dragoman.transport.base import Coverage, Covered

_TRANSCRIBE: Final = "POST /v1/audio/transcriptions"

COVERAGE: Final = Coverage(
    title="OpenAI audio transcriptions",
    source="OpenAI API reference, Audio and Models, as of the `openai` Python package 3.51, which is the test client",
    notes=(
        "503 is said when all instances are busy or the recogniser is not ready, with `Retry-After`; the packages try "
        "again by themselves.",
        "`usage` is of the type duration, in whole seconds rounded up, in the JSON formats; streams have none, because "
        "theirs counts tokens.",
    ),
    options=(
        Covered(_TRANSCRIBE, "file", "supported", "Any recording that can be decoded; channels are mixed."),
        Covered(
            _TRANSCRIBE, "model", "supported", "The setting `openai_models` gives names to profiles; profiles work too."
        ),
        Covered(
            _TRANSCRIBE, "language", "supported", "ISO 639-1, also 639-3 and with a region; the model must know it."
        ),
        Covered(_TRANSCRIBE, "response_format", "supported", "json, text, srt, vtt, verbose_json, diarized_json."),
        Covered(
            _TRANSCRIBE,
            "response_format diarized_json",
            "differs",
            "For every model. Speakers are A, B and so on in the order in which they begin; whom nobody could tell "
            "apart is A. It cannot be streamed: who speaks is known at the end. 400 where no model for it is "
            "installed.",
        ),
        Covered(_TRANSCRIBE, "timestamp_granularities[]", "supported", "word, segment; needs verbose_json."),
        Covered(
            _TRANSCRIBE,
            "stream",
            "differs",
            "With json and text, for every model, a delta for each segment; the vendor ignores it for whisper-1.",
        ),
        Covered(
            _TRANSCRIBE,
            "prompt",
            "differs",
            "Its terms are preferred: of a list (commas, lines) every entry of up to four words, of text the words "
            "with capitals that stand together and those outside the 5,000 commonest. At most 200 terms, from the "
            "last 10,000 characters. It does not set the style or continue a text. What cannot be preferred is left "
            "out, and all of it where the recogniser prefers nothing.",
        ),
        Covered(_TRANSCRIBE, "temperature", "ignored", "Checked to be 0 to 1; the search has no randomness."),
        Covered(_TRANSCRIBE, "chunking_strategy", "differs", "auto is what always happens; anything else is refused."),
        Covered(_TRANSCRIBE, "include[]", "refused", "Log probabilities of tokens are not given."),
        Covered(
            _TRANSCRIBE,
            "keywords[]",
            "supported",
            "Words or phrases to prefer. 400 for one without words or with letters of another alphabet, and for all of "
            "them where the recogniser prefers nothing.",
        ),
        Covered(_TRANSCRIBE, "languages[]", "refused", "Until languages can be told apart."),
        Covered(
            _TRANSCRIBE,
            "known_speaker_names[], known_speaker_references[]",
            "refused",
            "People are not recognised by their voices.",
        ),
        Covered(_TRANSCRIBE, "any other field", "refused", "Nothing is dropped in silence."),
        Covered(
            _TRANSCRIBE,
            "segments in verbose_json",
            "differs",
            "avg_logprob is the logarithm of the segment's confidence, seek its start in hundredths of a second; "
            "tokens is empty, temperature 0 and no_speech_prob 0, because speech was detected beforehand.",
        ),
        Covered("POST /v1/audio/translations", "", "refused", "400: there is no model that translates."),
        Covered(
            "GET /v1/models",
            "",
            "differs",
            "What `model` takes, without models that cannot be used now; created is 0, unknown.",
        ),
        Covered("GET /v1/models/{name:path}", "", "differs", "As in the list; 404 for another."),
    ),
)
