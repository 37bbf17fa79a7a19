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

COVERAGE: Final = Coverage(
    title="Amazon Transcribe",
    source="Amazon Transcribe API reference of 2017-10-26 as botocore 1.44.5 has it",
    notes=(
        "A member that the service does not know is refused: nothing is dropped in silence.",
        "Limits are those of the service: 100 vocabularies and 100 filters, 50 KB each, 256 characters an entry.",
        "Every error has the name of its exception in `__type` and in the header `x-amzn-errortype`. Beyond "
        "the service's model are 403 for what is not signed as it should be, 503 when something is away for a while.",
        "There is one account: whoever may call sees and changes the same vocabularies and filters.",
        "What a call names and does not exist is a NotFoundException for every call.",
    ),
    options=MANAGEMENT,
)
