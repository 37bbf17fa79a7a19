"""What becomes of every option of the documents; ``docs/coverage/amazon_transcribe.md`` is made from this."""

from __future__ import annotations

from typing import Final

from dragoman.transport.base import Coverage, Covered

_CALL: Final = "POST /"
_VOCABULARY: Final = f"{_CALL} Create, Update, Get, List, DeleteVocabulary"
_FILTER: Final = f"{_CALL} Create, Update, Get, List, DeleteVocabularyFilter"

MANAGEMENT: Final = (
    Covered(_CALL, "JSON 1.1", "supported", "`X-Amz-Target: Transcribe.<call>`; newer protocols are not spoken."),
    Covered(
        _CALL,
        "signature",
        "supported",
        "Signature Version 4 for the service `transcribe`, any region; the access key is a key's id. Without "
        "configured keys any credentials pass. A bearer token or `x-api-key` with a key's secret does as well.",
    ),
    Covered(_CALL, "session token", "supported", "Has to be signed; is not looked at."),
    Covered(_VOCABULARY, "VocabularyName", "supported"),
    Covered(_VOCABULARY, "LanguageCode", "differs", "Any language of ISO 639-1 with a country."),
    Covered(_VOCABULARY, "Phrases", "supported", "Checked in the background: PENDING, then READY or FAILED."),
    Covered(
        _VOCABULARY,
        "VocabularyFileUri",
        "differs",
        "`s3://bucket/key` is read from the folders below the setting `object_store_url`, and from nowhere else.",
    ),
    Covered(
        _VOCABULARY,
        "SoundsLike and IPA in a table",
        "differs",
        "The service ignores them today; here they are used, for English. One that cannot be used does not fail the "
        "vocabulary: FailureReason of the READY vocabulary names it.",
    ),
    Covered(_VOCABULARY, "DisplayAs in a table", "supported"),
    Covered(_VOCABULARY, "Tags", "ignored", "Checked; there is nothing that could be done by them."),
    Covered(_VOCABULARY, "DataAccessRoleArn", "ignored", "The server reads with the rights that its operator gave it."),
    Covered(
        _VOCABULARY,
        "EncryptionConfiguration",
        "refused",
        "There is no key service; encrypt the disk of the database.",
    ),
    Covered(_VOCABULARY, "StateEquals, NameContains, NextToken, MaxResults", "supported", "5 where it is not said."),
    Covered(
        _VOCABULARY,
        "DownloadUri",
        "differs",
        "`GET /transcribe/vocabularies/{name}` of this server, presigned for the caller, 15 minutes.",
    ),
    Covered(_VOCABULARY, "while PENDING", "differs", "It may be updated and deleted; the newest content counts."),
    Covered(_FILTER, "VocabularyFilterName, LanguageCode", "supported"),
    Covered(_FILTER, "Words", "supported", "Each is one word."),
    Covered(_FILTER, "VocabularyFilterFileUri", "differs", "As VocabularyFileUri; read before the call is answered."),
    Covered(
        _FILTER,
        "DownloadUri",
        "differs",
        "`GET /transcribe/vocabulary-filters/{name}` of this server, presigned for the caller, 15 minutes.",
    ),
    Covered(
        f"{_CALL} …TranscriptionJob, …CallAnalyticsJob, …MedicalScribeJob, …CallAnalyticsCategory",
        "every option",
        "refused",
        "Recordings are recognised by the other APIs of this server; here speech is recognised as it is spoken.",
    ),
    Covered(f"{_CALL} …MedicalVocabulary, …LanguageModel", "every option", "refused", "No model is trained here."),
    Covered(f"{_CALL} TagResource, UntagResource, ListTagsForResource", "every option", "refused", "See Tags."),
    Covered("GET /transcribe/vocabularies/{name}", "", "supported", "What DownloadUri of a vocabulary leads to."),
    Covered("GET /transcribe/vocabulary-filters/{name}", "", "supported", "What DownloadUri of a filter leads to."),
)
"""Of the calls that boto3 makes."""

_STREAM: Final = "POST /stream-transcription, GET /stream-transcription-websocket"

STREAM: Final = (
    Covered(
        "POST /stream-transcription",
        "HTTP/2 event stream",
        "supported",
        "With TLS and without; over HTTP/1.1 too for clients that read while they send. Any number of streams on "
        "a connection, where the service has one. The reply begins before the first audio.",
    ),
    Covered(
        "GET /stream-transcription-websocket",
        "WebSocket",
        "differs",
        "On both ports. Always accepted: what is wrong, the signature included, is an exception message, then the "
        "connection is closed.",
    ),
    Covered(
        _STREAM,
        "signature",
        "supported",
        "Of the request, or of a presigned URL good for at most 5 minutes; and of every message in its order. On "
        "a WebSocket messages may be unsigned, as those of the browser build of AWS's SDK are.",
    ),
    Covered(
        _STREAM,
        "language-code",
        "differs",
        "Any code such as en-US whose language is recognised; the country changes nothing. Others are refused, with "
        "what would install a model.",
    ),
    Covered(
        _STREAM,
        "media-encoding",
        "supported",
        "pcm, ogg-opus, flac, decoded as they arrive. What is damaged, or has another number of channels, ends the "
        "stream with BadRequestException.",
    ),
    Covered(
        _STREAM,
        "sample-rate",
        "supported",
        "8000 to 48000. FLAC of another rate is refused; Opus has none of its own. Of PCM nobody can tell.",
    ),
    Covered(
        _STREAM,
        "session-id",
        "supported",
        "Of the streams of one key and session the newest lives; the one before ends with ConflictException.",
    ),
    Covered(
        _STREAM, "vocabulary-name", "differs", "One of another language is refused; the service does not apply it."
    ),
    Covered(_STREAM, "vocabulary-filter-name", "differs", "As vocabulary-name."),
    Covered(
        _STREAM,
        "vocabulary-filter-method",
        "supported",
        "On partial results too; mask where it is left out. Punctuation behind a word goes and stays with it.",
    ),
    Covered(
        _STREAM,
        "vocabulary-names, vocabulary-filter-names",
        "supported",
        "With the identification of languages, at most one for each.",
    ),
    Covered(
        _STREAM,
        "show-speaker-label",
        "supported",
        "`Speaker`, from `0` on, of the words of results that are not partial; those come up to a second later. Not "
        "together with channels. Of another person than before the first second or two may get the wrong one; a "
        "result may have several. Holds two instances.",
    ),
    Covered(
        _STREAM,
        "enable-channel-identification, number-of-channels",
        "supported",
        "`ch_0` and `ch_1`, each recognised by itself; they hold two instances. Each parameter needs the other.",
    ),
    Covered(
        _STREAM,
        "enable-partial-results-stabilization, partial-results-stability",
        "differs",
        "high, where none is given: a word is shown and stays at once. medium: once two partial results in a row "
        "have it. low: once it has come to rest; it is shown once two partial results in a row have it. An item once "
        "`Stable` stays in the final result, but for what is redacted. A level without stabilisation is refused.",
    ),
    Covered(
        _STREAM,
        "content-identification-type, content-redaction-type",
        "supported",
        "PII, in English, in results that are not partial; a redacted span is one item `[NAME]`, by its type.",
    ),
    Covered(_STREAM, "pii-entity-types", "supported", "The eleven types and ALL."),
    Covered(_STREAM, "language-model-name", "refused", "There are no custom language models: every name is unknown."),
    Covered(
        _STREAM,
        "identify-language, identify-multiple-languages, language-options, preferred-language",
        "supported",
        "With a model that identifies languages, the profile's own or one that is installed for all, among those that "
        "the profile 'default' recognises; without one they are refused. One channel's language is known after three "
        "seconds of speech; until then the preferred one or the first is taken.",
    ),
    Covered(_STREAM, "any other parameter", "refused", "Nothing is dropped in silence."),
    Covered(
        _STREAM, "AudioEvent", "supported", "Up to 32 KB. An empty one ends the stream, and so does an empty message."
    ),
    Covered(
        _STREAM,
        "ConfigurationEvent",
        "differs",
        "Before the audio. ChannelDefinitions may name the channels there are, and change nothing; "
        "PostCallAnalyticsSettings are refused.",
    ),
    Covered(
        _STREAM,
        "TranscriptEvent",
        "differs",
        "A result a message. It has the same ResultId from its first partial to its final; one that was no speech "
        "after all gets a final without items. A client that reads slowly gets the newest partial only. LanguageCode "
        "is always there.",
    ),
    Covered(
        _STREAM,
        "15 seconds without audio",
        "supported",
        "What was sent is recognised to its end, then comes the service's BadRequestException.",
    ),
    Covered(
        _STREAM,
        "limits",
        "supported",
        "LimitExceededException: no free instance, a quota used up, or longer than the setting `max_duration_s`. "
        "ServiceUnavailableException while the server starts or stops.",
    ),
)
"""Of StartStreamTranscription."""

COVERAGE: Final = Coverage(
    title="Amazon Transcribe",
    source="StartStreamTranscription in the Amazon Transcribe API reference; for the calls, its model of 2017-10-26",
    notes=(
        "A member that the service does not know is refused: nothing is dropped in silence.",
        "Limits are those of the service: 100 vocabularies and 100 filters, 50 KB each, 256 characters an entry.",
        "Every error has the name of its exception in `__type` and in the header `x-amzn-errortype`. Beyond "
        "the service's model are 403 for what is not signed as it should be, 503 when something is away for a while.",
        "There is one account: whoever may call sees and changes the same vocabularies and filters.",
        "What a call names and does not exist is a NotFoundException for every call.",
    ),
    options=STREAM + MANAGEMENT,
)
