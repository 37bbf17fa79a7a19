"""What becomes of every option of the document; ``docs/coverage/telecomx.md`` is made from this."""

from __future__ import annotations

from typing import Final

from dragoman.transport.base import Coverage, Covered

_STT: Final = "POST /voice/stt"
_LOGIN: Final = "POST, GET /auth/login"
_VALIDATE: Final = "GET /auth/validateToken"

COVERAGE: Final = Coverage(
    title="Telecomx voice STT",
    source="Telecomx wiki, api:voice:stt of 2025-05-12, and api:auth:login",
    notes=(
        "The document lists errors as status and word; the body of an error is not documented. Here it is "
        '`{"code": 404, "message": "file", "description": "…"}`, the columns of the table.',
        "Where a field other than the file is wrong the document names no status; here it is 422 with the name of the "
        "field as the word. So 422 `file` means what it says there: no speech.",
        "Statuses beyond the document: 503 `unavailable` when all instances are busy or the recogniser is not ready, "
        "405 for a wrong method.",
        "Properties without a value are left out, as the document allows: `words` with granularity none, `characters` "
        "without granularity character, `speaker_id` without diarize.",
    ),
    options=(
        Covered(_STT, "file", "supported", "Any recording that can be decoded; channels are mixed."),
        Covered(_STT, "engine", "supported", "FREE and ELEVEN are profiles of the setting `telecomx_engines`."),
        Covered(_STT, "language", "supported", "ISO 639-1, ISO 639-3, also with a region; the model must know it."),
        Covered(
            _STT,
            "timestamps_granularity",
            "differs",
            "word, character, none. The document honours it for ELEVEN only; here FREE honours it as well.",
        ),
        Covered(_STT, "tag_audio_events", "ignored", "Checked; no audio events are found yet, so none are tagged."),
        Covered(
            _STT,
            "diarize",
            "differs",
            "speaker_0, speaker_1 and so on in the order in which they begin. The document honours it for ELEVEN only; "
            "here FREE honours it as well. It says nothing with granularity none. 422 `diarize` where no model for it "
            "is installed.",
        ),
        Covered(_STT, "any other field", "refused", "Nothing is dropped in silence."),
        Covered(
            _STT,
            "spacing in the reply",
            "supported",
            "Between two words, where the language has spaces; between words of Chinese or Japanese there is none.",
        ),
        Covered(
            _STT,
            "language_probability in the reply",
            "differs",
            "1 when the client named the language; left out otherwise, because it is assumed, not detected.",
        ),
        Covered(_LOGIN, "username", "supported", "The id of a key."),
        Covered(_LOGIN, "password", "supported", "The secret of that key."),
        Covered(_LOGIN, "persist", "differs", "The token never expires; only a change of its key ends it."),
        Covered(_LOGIN, "cookie", "supported", "The cookie `token`, for scripts unreadable."),
        Covered(_LOGIN, "smsKey, authenticatorToken", "ignored", "There is no second factor."),
        Covered(_LOGIN, "any other field", "ignored", "The whole list of fields is not known."),
        Covered(
            _LOGIN,
            "the reply",
            "differs",
            "token, expiresInMinutes, employee, customer, accessLevel, name, language; the ids are made from the key.",
        ),
        Covered(_VALIDATE, "token", "supported", "Or the cookie, a bearer token, or `x-api-key`, as everywhere."),
        Covered(_VALIDATE, "simple", "supported", "200 without a body, or 403."),
        Covered(_VALIDATE, "ip, extend", "ignored", "Tokens are bound to no address and last as long as they say."),
    ),
)
