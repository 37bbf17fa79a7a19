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
_OPEN: Final = "POST /api/v1/stt/stream"
_SEND: Final = "PUT /api/v1/stt/stream/{stream_id}"
_RESULT: Final = "GET /api/v1/stt/stream/{stream_id}"
_STOP: Final = "DELETE /api/v1/stt/stream/{stream_id}"
_SOCKET: Final = "GET /api/v1/websocket/stt"

COVERAGE: Final = Coverage(
    title="Phonexia Speech To Text for AWS, version 1",
    source="Phonexia, Speech To Text for AWS, API version 1",
    notes=(
        "The document knows no keys. With keys configured they travel as `Authorization: Bearer` or `x-api-key`, and "
        "401 is what a client without one gets.",
        "Statuses beyond the document's 422, 500 and 503: 401, 404 for an unknown path, 405 for a wrong method; all of "
        "them as `CloudErrorResult`. A quota that is used up is 503.",
        "With keys, a stream belongs to the key that opened it; to another one it is unknown.",
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
            _FILE,
            "model in the reply",
            "differs",
            "Made from the language, EN_US_1, or the setting `phonexia_model`. This API has no language: it is the "
            "first model of the profile `default`.",
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
            _TECHNOLOGIES,
            "Speech To Text",
            "supported",
            "The model that this API uses; as many as the setting `max_concurrent_files` says.",
        ),
        Covered(
            _TECHNOLOGIES,
            "Speech To Text Input Stream",
            "supported",
            "Streams of both kinds; as many as the machine can serve in real time, or the setting "
            "`max_concurrent_streams`.",
        ),
        Covered(
            _OPEN,
            "frequency",
            "supported",
            "8000 to 48000, 8000 where it is left out. Anything else, and an empty one, is 422.",
        ),
        Covered(_OPEN, "any other parameter", "refused", "Nothing is dropped in silence."),
        Covered(
            _OPEN,
            "preferred_phrases",
            "supported",
            "The body, of whatever content type, wrapped or not; as for the file, so are the errors. Empty for none.",
        ),
        Covered(_OPEN, "no free instance", "supported", "503 at once. The stream holds its instance until it ends."),
        Covered(
            _SEND,
            "",
            "supported",
            "Audio of any length as it arrives. Several requests after each other continue the stream; a second one at "
            "the same time is 422, and nothing of it is heard. Half a sample at the end of a request is left out.",
        ),
        Covered(
            _SEND,
            "end of the body",
            "differs",
            "The document says that a stream ends by DELETE or by its time-out, so the end of a request ends neither "
            "the stream nor the utterance: what is still open stays a partial result until more audio comes or the "
            "stream ends. A client that polls for `is_last` sends DELETE, or waits for the time-out.",
        ),
        Covered(
            _SEND,
            "faster than real time",
            "differs",
            "The request is slowed down to what can be recognised; nothing is lost.",
        ),
        Covered(
            _SEND,
            "time-out",
            "supported",
            "30 seconds without audio, from the start on, end the stream; the setting `phonexia_stream_timeout_s`. "
            "What was sent is recognised to its end. A request that still sends, or comes later, is 422.",
        ),
        Covered(
            _RESULT,
            "",
            "supported",
            "At any moment: everything so far, with what is being said as the last, open segment. `is_last` is true "
            "once the stream has ended.",
        ),
        Covered(
            _RESULT,
            "after the end",
            "differs",
            "The document does not say for how long; five minutes, the setting `phonexia_results_kept_s`, and 404 "
            "after that. Of a stream that failed it is the error.",
        ),
        Covered(
            _STOP,
            "",
            "supported",
            "No more audio is taken; what was sent is recognised to its end, then comes the 200, and the next GET is "
            "the last result. May be repeated.",
        ),
        Covered(_SEND, "200", "differs", "The document shows no body; it is empty."),
        Covered(_STOP, "200", "differs", "The document shows no body; it is empty."),
        Covered(_SOCKET, "frequency", "supported", "As for the stream over HTTP."),
        Covered(_SOCKET, "any other parameter", "refused", "Nothing is dropped in silence."),
        Covered(
            _SOCKET,
            "connected",
            "supported",
            "An instance is taken at that moment. Where there is none, or the key is wrong, the first message is an "
            "error.",
        ),
        Covered(
            _SOCKET,
            "preferred_phrases",
            "supported",
            "As for the file, in either wrapper; before the audio, the last one counts. What is wrong with it ends the "
            "stream with an error.",
        ),
        Covered(_SOCKET, "audio", "supported", "Binary messages of up to 4 MiB; samples may be split between them."),
        Covered(
            _SOCKET,
            "stop",
            "supported",
            "The last result has `is_last`, also without any audio; then the server closes the connection with 1000.",
        ),
        Covered(
            _SOCKET,
            "result",
            "supported",
            "With every change; a client that reads slowly gets fewer, and always the newest.",
        ),
        Covered(
            _SOCKET,
            "error",
            "supported",
            "The last message. The connection is closed with 1008, 1011 if the server is to blame, 1013 if it may be "
            "tried again; the reason is the error's code. A message that is too long is closed with 1009.",
        ),
        Covered(
            _SOCKET,
            "time-out",
            "differs",
            "The document knows none here. As over HTTP, 30 seconds without audio end the stream: a last result, then "
            "an error.",
        ),
        Covered(
            _SOCKET,
            "transcription, segmentation in the result",
            "differs",
            "As for the file. What is still being said may change, and its segment has no `</segment>` yet. This holds "
            "for streams over HTTP as well.",
        ),
        Covered(_SOCKET, "without an upgrade", "refused", "422 that says so."),
    ),
)
