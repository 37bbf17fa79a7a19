"""The calls of Amazon Transcribe, JSON 1.1: names, types and limits as the service's model has them (2017-10-26); and
the events of its streams.

``LastModifiedTime`` is in seconds since 1970, times in events in seconds of the audio. Members without a value are left
out.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

NAME: Final = r"[0-9a-zA-Z._-]{1,200}"
Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=rf"^{NAME}\Z")]
LanguageCode = Annotated[str, Meta(pattern=r"^[a-z]{2,3}-[A-Z]{2}\Z")]
State = Literal["PENDING", "READY", "FAILED"]
Uri = Annotated[str, Meta(min_length=1, max_length=2000, pattern="^(s3://|https?://).")]
Phrases = list[Annotated[str, Meta(max_length=256)]]
Words = Annotated[list[Annotated[str, Meta(min_length=1, max_length=256)]], Meta(min_length=1)]
Role = Annotated[str, Meta(min_length=20, max_length=2048)]
NextToken = Annotated[str, Meta(min_length=1, max_length=8192)]
MaxResults = Annotated[int, Meta(ge=1, le=100)]


class Call(Struct, frozen=True, forbid_unknown_fields=True):
    """What a client asks for."""


class Tag(Struct, frozen=True, forbid_unknown_fields=True):
    Key: Annotated[str, Meta(min_length=1, max_length=128)]
    Value: Annotated[str, Meta(max_length=256)]


class Encryption(Struct, frozen=True, forbid_unknown_fields=True):
    KMSKey: str
    KMSEncryptionContext: dict[str, str] | None = None


class VocabularyContent(Call, frozen=True, kw_only=True):
    VocabularyName: Name
    LanguageCode: LanguageCode
    Phrases: Phrases | None = None
    VocabularyFileUri: Uri | None = None
    DataAccessRoleArn: Role | None = None
    EncryptionConfiguration: Encryption | None = None


class CreateVocabulary(VocabularyContent, frozen=True, kw_only=True):
    Tags: Annotated[list[Tag], Meta(min_length=1, max_length=200)] | None = None


class UpdateVocabulary(VocabularyContent, frozen=True, kw_only=True):
    pass


class GetVocabulary(Call, frozen=True):
    VocabularyName: Name


class DeleteVocabulary(Call, frozen=True):
    VocabularyName: Name


class ListVocabularies(Call, frozen=True):
    NextToken: NextToken | None = None
    MaxResults: MaxResults | None = None
    StateEquals: State | None = None
    NameContains: Name | None = None


class FilterContent(Call, frozen=True, kw_only=True):
    VocabularyFilterName: Name
    Words: Words | None = None
    VocabularyFilterFileUri: Uri | None = None
    DataAccessRoleArn: Role | None = None
    EncryptionConfiguration: Encryption | None = None


class CreateVocabularyFilter(FilterContent, frozen=True, kw_only=True):
    LanguageCode: LanguageCode
    Tags: Annotated[list[Tag], Meta(min_length=1, max_length=200)] | None = None


class UpdateVocabularyFilter(FilterContent, frozen=True, kw_only=True):
    pass


class GetVocabularyFilter(Call, frozen=True):
    VocabularyFilterName: Name


class DeleteVocabularyFilter(Call, frozen=True):
    VocabularyFilterName: Name


class ListVocabularyFilters(Call, frozen=True):
    NextToken: NextToken | None = None
    MaxResults: MaxResults | None = None
    NameContains: Name | None = None


class Vocabulary(Struct, kw_only=True):
    """Of one call more members are shown than of another."""

    VocabularyName: str
    LanguageCode: str
    LastModifiedTime: float
    VocabularyState: State
    FailureReason: str | UnsetType = UNSET
    DownloadUri: str | UnsetType = UNSET


class Vocabularies(Struct, kw_only=True):
    Status: State | UnsetType = UNSET
    NextToken: str | UnsetType = UNSET
    Vocabularies: list[Vocabulary]


class VocabularyFilter(Struct, kw_only=True):
    VocabularyFilterName: str
    LanguageCode: str
    LastModifiedTime: float
    DownloadUri: str | UnsetType = UNSET


class VocabularyFilters(Struct, kw_only=True):
    NextToken: str | UnsetType = UNSET
    VocabularyFilters: list[VocabularyFilter]


class Error(Struct):
    """``type`` is the name of an exception."""

    type: str = field(name="__type")
    Message: str


class Item(Struct, kw_only=True):
    """A word, or what stands behind it."""

    StartTime: float
    EndTime: float
    Type: Literal["pronunciation", "punctuation"]
    Content: str
    VocabularyFilterMatch: bool = False
    Confidence: float | UnsetType = UNSET
    Speaker: str | UnsetType = UNSET
    Stable: bool | UnsetType = UNSET


class Entity(Struct, kw_only=True):
    """Personal data."""

    StartTime: float
    EndTime: float
    Category: str
    Type: str
    Content: str
    Confidence: float


class Alternative(Struct, kw_only=True):
    Transcript: str
    Items: list[Item]
    Entities: list[Entity] | UnsetType = UNSET


class LanguageWithScore(Struct):
    LanguageCode: str
    Score: float


class Result(Struct, kw_only=True):
    ResultId: str
    StartTime: float
    EndTime: float
    IsPartial: bool
    Alternatives: list[Alternative]
    ChannelId: str | UnsetType = UNSET
    LanguageCode: str
    LanguageIdentification: list[LanguageWithScore] | UnsetType = UNSET


class Transcript(Struct):
    Results: list[Result]


class TranscriptEvent(Struct):
    Transcript: Transcript


class StreamError(Struct):
    """What an exception in a stream says."""

    Message: str


class ChannelDefinition(Struct, frozen=True, forbid_unknown_fields=True):
    ChannelId: Annotated[int, Meta(ge=0, le=1)]
    ParticipantRole: Literal["AGENT", "CUSTOMER"]


class ConfigurationEvent(Struct, frozen=True, forbid_unknown_fields=True):
    ChannelDefinitions: list[ChannelDefinition] | None = None
    PostCallAnalyticsSettings: dict[str, str] | None = None
