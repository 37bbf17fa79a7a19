"""Amazon's words of vocabularies and filters ↔ ours."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from contextlib import suppress
from typing import Final

import msgspec
from msgspec import UNSET

from dragoman.apis.amazon_transcribe import wire
from dragoman.core.errors import InvalidField, InvalidRequest, MissingField, UnsupportedLanguage, UnsupportedOption
from dragoman.core.word_lists import KeptFilter, KeptVocabulary, ListState, Page, VocabularySource
from dragoman.language.tags import iso_639_1

CALLS: Final[dict[str, type[wire.Call]]] = {
    kind.__name__: kind
    for kind in (
        wire.CreateVocabulary,
        wire.GetVocabulary,
        wire.ListVocabularies,
        wire.UpdateVocabulary,
        wire.DeleteVocabulary,
        wire.CreateVocabularyFilter,
        wire.GetVocabularyFilter,
        wire.ListVocabularyFilters,
        wire.UpdateVocabularyFilter,
        wire.DeleteVocabularyFilter,
    )
}
FIELDS: Final = frozenset(member.name for kind in CALLS.values() for member in msgspec.structs.fields(kind))
"""Every member that a client may send."""

UNSUPPORTED_CALLS: Final = frozenset(
    f"{verb}{thing}"
    for verbs, things in (
        ("Start Get List Delete", "TranscriptionJob MedicalTranscriptionJob MedicalScribeJob CallAnalyticsJob"),
        ("Create Get List Update Delete", "MedicalVocabulary CallAnalyticsCategory"),
        ("Create Describe List Update Delete", "LanguageModel"),
    )
    for verb in verbs.split()
    for thing in things.split()
    if verb != "List"
) | frozenset(
    (
        "ListTranscriptionJobs",
        "ListMedicalTranscriptionJobs",
        "ListMedicalScribeJobs",
        "ListCallAnalyticsJobs",
        "ListMedicalVocabularies",
        "ListCallAnalyticsCategories",
        "ListLanguageModels",
        "TagResource",
        "UntagResource",
        "ListTagsForResource",
    )
)
"""What the service knows beyond ``CALLS``."""

_PREFIX: Final = "Transcribe."
_PAGE: Final = 5
"""As many as the service lists where the client does not say."""


def call(target: str | None, body: bytes) -> wire.Call:
    """What the header ``X-Amz-Target`` and the body ask for. Raises ``InvalidRequest`` that names the member."""
    name = (target or "").removeprefix(_PREFIX)
    if not (target or "").startswith(_PREFIX):
        raise InvalidRequest(f"The header X-Amz-Target has to be {_PREFIX} and the name of a call.")
    if name in UNSUPPORTED_CALLS:
        raise UnsupportedOption(f"{name} is not offered by this server.")
    if name not in CALLS:
        raise InvalidRequest(f"There is no call {name[:100]!r}.")
    try:
        return msgspec.json.decode(body, type=CALLS[name])
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"The body is not JSON: {error}.") from None


def _invalid(problem: str) -> InvalidRequest:
    """With the name of the member in front, and at the end the path to it where it is a part of one."""
    text, _, path = problem.partition(" - at `$")
    member = path.strip("`.").partition("[")[0].partition(".")[0]
    if not member:
        kind = MissingField if "missing" in text else UnsupportedOption if "unknown" in text else InvalidField
        return kind(f"{text}.")
    return InvalidField(f"{member}: {text} (at {path.strip('`.')}).", field=member)


def is_name(text: str) -> bool:
    """Nothing of another form is ever kept."""
    return re.fullmatch(wire.NAME, text) is not None


def source(asked: wire.VocabularyContent) -> VocabularySource:
    """Raises ``InvalidRequest``."""
    _check_language(asked.LanguageCode)
    _check_options(asked)
    if (asked.Phrases is None) == (asked.VocabularyFileUri is None):
        raise InvalidField("Phrases, VocabularyFileUri: give one of them.", field="Phrases")
    return VocabularySource(tuple(asked.Phrases or ()), asked.VocabularyFileUri)


def words(asked: wire.FilterContent) -> tuple[tuple[str, ...], str | None]:
    """The words of a filter or the address of a file of them. Raises ``InvalidRequest``."""
    if isinstance(asked, wire.CreateVocabularyFilter):
        _check_language(asked.LanguageCode)
    _check_options(asked)
    if (asked.Words is None) == (asked.VocabularyFilterFileUri is None):
        raise InvalidField("Words, VocabularyFilterFileUri: give one of them.", field="Words")
    return tuple(asked.Words or ()), asked.VocabularyFilterFileUri


def page(asked: wire.ListVocabularies | wire.ListVocabularyFilters) -> Page:
    """One more than is shown, to know whether there are more. Raises ``InvalidField``."""
    after = ""
    if asked.NextToken is not None:
        with suppress(ValueError):
            after = urlsafe_b64decode(asked.NextToken.encode()).decode()
        if not is_name(after):
            raise InvalidField("NextToken: it is not one that this server gave.", field="NextToken")
    return Page((asked.MaxResults or _PAGE) + 1, after, asked.NameContains or "")


def state(asked: wire.ListVocabularies) -> ListState | None:
    return None if asked.StateEquals is None else ListState(asked.StateEquals.lower())


def vocabulary(kept: KeptVocabulary, download_uri: str | None = None) -> wire.Vocabulary:
    return wire.Vocabulary(
        VocabularyName=kept.name,
        LanguageCode=kept.language,
        LastModifiedTime=_seconds(kept.modified_ms),
        VocabularyState=_state(kept.state),
        FailureReason=kept.remark or UNSET,
        DownloadUri=download_uri or UNSET,
    )


def vocabularies(found: list[KeptVocabulary], page: Page, asked: ListState | None) -> wire.Vocabularies:
    shown, token = found[: page.size - 1], UNSET if len(found) < page.size else _token(found[page.size - 2].name)
    listed = [vocabulary(kept) for kept in shown]
    for entry in listed:
        entry.FailureReason = UNSET
    return wire.Vocabularies(Status=UNSET if asked is None else _state(asked), NextToken=token, Vocabularies=listed)


def vocabulary_filter(kept: KeptFilter, download_uri: str | None = None) -> wire.VocabularyFilter:
    return wire.VocabularyFilter(
        VocabularyFilterName=kept.name,
        LanguageCode=kept.language,
        LastModifiedTime=_seconds(kept.modified_ms),
        DownloadUri=download_uri or UNSET,
    )


def vocabulary_filters(found: list[KeptFilter], page: Page) -> wire.VocabularyFilters:
    shown, token = found[: page.size - 1], UNSET if len(found) < page.size else _token(found[page.size - 2].name)
    return wire.VocabularyFilters(NextToken=token, VocabularyFilters=[vocabulary_filter(kept) for kept in shown])


def _token(name: str) -> str:
    return urlsafe_b64encode(name.encode()).decode()


def _seconds(ms: int) -> float:
    return ms / 1000


def _state(kept: ListState) -> wire.State:
    states: dict[ListState, wire.State] = {
        ListState.PENDING: "PENDING",
        ListState.READY: "READY",
        ListState.FAILED: "FAILED",
    }
    return states[kept]


def _check_language(code: str) -> None:
    try:
        iso_639_1(code)
    except ValueError:
        raise UnsupportedLanguage(f"LanguageCode: {code!r} is not a language of ISO 639-1.") from None


def _check_options(asked: wire.VocabularyContent | wire.FilterContent) -> None:
    if asked.EncryptionConfiguration is not None:
        raise UnsupportedOption(
            "EncryptionConfiguration: this server has no key service; encrypt the disk of its database.",
            field="EncryptionConfiguration",
        )
