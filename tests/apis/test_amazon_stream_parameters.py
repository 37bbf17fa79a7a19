"""Parameters of StartStreamTranscription: what the document allows is taken or refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import product
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.analysis.redact import PiiType
from dragoman.apis.amazon_transcribe import parameters
from dragoman.apis.amazon_transcribe.coverage import STREAM
from dragoman.apis.amazon_transcribe.parameters import NAMES, PREFIX, Parameters
from dragoman.apis.amazon_transcribe.stability import Stability
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import InvalidRequest, MissingField, UnknownModel, UnsupportedLanguage, UnsupportedOption
from dragoman.core.request import AudioEncoding

pytestmark = pytest.mark.unit

NEEDED = {"language-code": "en-US", "media-encoding": "pcm", "sample-rate": "16000"}
SESSION = "01234567-89ab-CDEF-0123-456789abcdef"
VALID = {
    **NEEDED,
    "vocabulary-name": "products",
    "session-id": SESSION,
    "vocabulary-filter-name": "rude",
    "vocabulary-filter-method": "tag",
    "show-speaker-label": "true",
    "enable-channel-identification": "true",
    "number-of-channels": "2",
    "enable-partial-results-stabilization": "true",
    "partial-results-stability": "low",
    "content-identification-type": "PII",
    "content-redaction-type": "PII",
    "pii-entity-types": "NAME,EMAIL",
    "language-model-name": "mine",
    "identify-language": "true",
    "language-options": "en-US,de-DE",
    "preferred-language": "en-US",
    "identify-multiple-languages": "true",
    "vocabulary-names": "products,produkte",
    "vocabulary-filter-names": "rude,grob",
}
"""A value for every parameter of the document."""


CAPABILITIES = Capabilities("model", "1", ("en",))
IDENTIFIES = Capabilities("model", "1", ("en", "de", "fr"), identifies=("en", "de", "fr"))


def read(*languages: str, **given: str) -> Parameters:
    """Names with underscores."""
    asked = NEEDED | {name.replace("_", "-"): value for name, value in given.items()}
    return parameters.read(asked.items(), replace(CAPABILITIES, languages=languages or ("en",)))


def read_identifying(**given: str) -> Parameters:
    """Names with underscores; without a language."""
    asked = {"media-encoding": "pcm", "sample-rate": "16000", "language-options": "en-US,de-DE,fr-FR"}
    return parameters.read(
        (asked | {name.replace("_", "-"): value for name, value in given.items()}).items(), IDENTIFIES
    )


def refusal(given: dict[str, str]) -> str:
    with pytest.raises(InvalidRequest) as refused:
        parameters.read(given.items(), CAPABILITIES)
    return refused.value.message


def test_every_parameter_has_a_value_here_and_a_line_on_the_coverage_page() -> None:
    covered = {name for line in STREAM for name in line.option.replace(",", " ").split()}
    assert set(VALID) == NAMES <= covered


def test_what_is_needed_is_enough() -> None:
    asked = read()
    assert (asked.languages, asked.rate, asked.channels) == (("en-US",), 16_000, 1)
    assert (asked.vocabularies, asked.filters, asked.stability) == ((), (), None)
    assert not asked.identifies
    assert not asked.pii_types
    assert len(asked.session_id) == 36


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_needed_and_missing_is_named(name: str) -> None:
    with pytest.raises(MissingField, match=name):
        parameters.read((item for item in NEEDED.items() if item[0] != name), CAPABILITIES)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("content-identification-type", "content-redaction-type"),
        ("language-code", "identify-language"),
        ("language-code", "identify-multiple-languages"),
        ("identify-language", "identify-multiple-languages"),
        ("identify-language", "language-model-name"),
        ("identify-multiple-languages", "language-model-name"),
        ("identify-language", "content-redaction-type"),
        ("identify-multiple-languages", "content-redaction-type"),
        ("identify-language", "vocabulary-name"),
        ("identify-language", "vocabulary-filter-name"),
        ("show-speaker-label", "enable-channel-identification"),
    ],
)
def test_of_two_that_exclude_each_other_both_are_named(one: str, other: str) -> None:
    given = NEEDED | {name: VALID[name] for name in (one, other)}
    if "language-code" not in (one, other):
        del given["language-code"]
    message = refusal(given)
    assert one in message
    assert other in message


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("enable-channel-identification", "number-of-channels"),
        ("number-of-channels", "enable-channel-identification"),
        ("language-options", "identify-language"),
        ("preferred-language", "identify-language"),
        ("vocabulary-names", "identify-language"),
        ("vocabulary-filter-names", "identify-language"),
        ("pii-entity-types", "content-redaction-type"),
        ("partial-results-stability", "enable-partial-results-stabilization"),
    ],
)
def test_one_that_needs_another_names_it(name: str, needed: str) -> None:
    message = refusal(NEEDED | {name: VALID[name]})
    assert name in message
    assert needed in message


@pytest.mark.parametrize("name", ["identify-language", "identify-multiple-languages"])
def test_languages_are_identified_among_options(name: str) -> None:
    given = {**NEEDED, name: "true"}
    del given["language-code"]
    assert "language-options" in refusal(given)
    for options in ("", "en-US", "en-US,", "en-US,en-GB", "english,german"):
        assert "language-options" in refusal({**given, "language-options": options})
    message = refusal({**given, "language-options": "en-US,de-DE"})
    assert name in message
    assert "nstall" in message


def test_the_preferred_language_is_an_option() -> None:
    given = {**NEEDED, "identify-language": "true", "language-options": "en-US,de-DE", "preferred-language": "fr-FR"}
    del given["language-code"]
    assert "preferred-language" in refusal(given)


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize("value", ["", " ", "é", "x" * 4000, "+", "a b;c"])
def test_a_value_of_another_form_is_refused_by_name(name: str, value: str) -> None:
    assert name in refusal({**NEEDED, name: value})


@pytest.mark.parametrize("rate", ["7999", "48001", "0", "16000.0", "16k", "１６０００", "+16000"])
def test_another_sample_rate_is_refused(rate: str) -> None:
    assert "sample-rate" in refusal({**NEEDED, "sample-rate": rate})


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_every_sample_rate_in_between_is_taken(rate: int) -> None:
    assert read(sample_rate=str(rate)).rate == rate


@pytest.mark.parametrize("encoding", AudioEncoding)
def test_encodings_are_those_of_the_document(encoding: AudioEncoding) -> None:
    assert read(media_encoding=encoding).encoding is encoding


def test_two_channels_are_told_apart() -> None:
    asked = read(enable_channel_identification="True", number_of_channels="2")
    assert (asked.channels, asked.by_channel) == (2, True)
    assert (read().channels, read().by_channel) == (1, False)


@pytest.mark.parametrize("number", ["0", "1", "3"])
def test_there_are_two_channels_or_no_number(number: str) -> None:
    given = {**NEEDED, "enable-channel-identification": "true", "number-of-channels": number}
    assert "number-of-channels" in refusal(given)


@pytest.mark.parametrize(("written", "is_on"), [("true", 1), ("True", 1), ("TRUE", 1), ("false", 0), ("False", 0)])
def test_flags_are_written_in_any_case(written: str, is_on: bool) -> None:
    asked = read(enable_partial_results_stabilization=written)
    assert asked.stability == (Stability.HIGH if is_on else None)


def test_flags_that_are_off_exclude_nothing() -> None:
    asked = read(identify_language="False", show_speaker_label="false", enable_channel_identification="false")
    assert asked.languages == ("en-US",)
    assert {name for name, _ in asked.echo} == {*NEEDED, "session-id"}


@pytest.mark.parametrize("level", Stability)
def test_levels_are_those_of_the_document(level: Stability) -> None:
    asked = read(enable_partial_results_stabilization="true", partial_results_stability=level)
    assert asked.stability is level


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"show_speaker_label": "true"}, UnsupportedOption),
        ({"language_model_name": "mine"}, UnknownModel),
        ({"media_encoding": "mp3"}, InvalidRequest),
        ({"language_code": "xx-XX"}, UnsupportedLanguage),
        ({"session_resume_window": "5"}, UnsupportedOption),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(given: dict[str, str], kind: type[InvalidRequest]) -> None:
    (name,) = given
    with pytest.raises(kind, match=name.replace("_", "-")):
        read(**given)


def test_speakers_are_told_apart_where_a_model_for_it_is_installed() -> None:
    able = replace(CAPABILITIES, diarizes=True)
    asked = NEEDED | {"show-speaker-label": "true"}
    assert parameters.read(asked.items(), able).speakers
    assert not parameters.read(NEEDED.items(), able).speakers


def test_a_language_that_is_installed_is_taken() -> None:
    assert read("en", "de", language_code="de-DE").languages == ("de-DE",)


@pytest.mark.parametrize("kind", ["content_identification_type", "content_redaction_type"])
def test_personal_data_is_looked_for_in_english(kind: str) -> None:
    assert read(**{kind: "PII"}).pii_types == frozenset(PiiType)
    assert read(**{kind: "PII"}).redacts is (kind == "content_redaction_type")
    with pytest.raises(UnsupportedOption, match=kind.replace("_", "-")):
        read("en", "de", language_code="de-DE", **{kind: "PII"})


@given(st.lists(st.sampled_from([*PiiType, "ALL"]), min_size=1, max_size=5))
def test_types_of_personal_data_are_a_list(types: list[str]) -> None:
    asked = read(content_redaction_type="PII", pii_entity_types=", ".join(types))
    assert asked.pii_types == (frozenset(PiiType) if "ALL" in types else frozenset(types))


@pytest.mark.parametrize("types", ["NAMES", "NAME,", ",", "NAME,SSN2", "name"])
def test_other_types_are_refused(types: str) -> None:
    assert "pii-entity-types" in refusal({**NEEDED, "content-redaction-type": "PII", "pii-entity-types": types})


def test_a_parameter_comes_once() -> None:
    with pytest.raises(InvalidRequest, match="sample-rate"):
        parameters.read([*NEEDED.items(), ("sample-rate", "16000")], CAPABILITIES)


def test_headers_and_query_have_the_same_parameters() -> None:
    headers = [(f"X-Amzn-Transcribe-{name.title()}".encode(), f" {value} ".encode()) for name, value in VALID.items()]
    others = [(b"host", b"example"), (b"x-amz-date", b"now"), (b"x-amzn-trace-id", b"1")]
    assert dict(parameters.of_headers([*headers, *others])) == VALID
    signing = {"X-Amz-Signature": "0", "x-amz-user-agent": "browser", "amz-sdk-request": "1", "user-agent": "browser"}
    assert dict(parameters.of_query([*VALID.items(), *signing.items()])) == VALID
    assert dict(parameters.of_query((PREFIX + name, value) for name, value in VALID.items())) == VALID


def test_the_reply_repeats_what_was_asked() -> None:
    asked = read(session_id=SESSION, enable_partial_results_stabilization="True")
    expected = {**NEEDED, "session-id": SESSION, "enable-partial-results-stabilization": "true"}
    assert dict(asked.echo) == expected
    assert len(asked.echo) == len(expected)


def test_a_session_that_has_no_name_gets_one_of_its_own() -> None:
    one, other = read(), read()
    assert one.session_id != other.session_id
    assert read(session_id=one.session_id).session_id == one.session_id
    assert dict(one.echo)["session-id"] == one.session_id


@pytest.mark.parametrize("session", [uuid4().hex, f"{uuid4()} ", f"{{{uuid4()}}}", SESSION[:-1]])
def test_a_session_is_a_uuid(session: str) -> None:
    assert "session-id" in refusal({**NEEDED, "session-id": session})


def attempt(given: Mapping[str, str]) -> Parameters | str:
    """What was asked, or why not."""
    try:
        return parameters.read(given.items(), CAPABILITIES)
    except InvalidRequest as error:
        return error.message


@given(st.dictionaries(st.sampled_from(sorted(NAMES)), st.text(max_size=20) | st.sampled_from(list(VALID.values()))))
def test_whatever_comes_is_taken_or_refused(given: dict[str, str]) -> None:
    assert attempt(given)


@given(st.sets(st.sampled_from(sorted(set(VALID) - set(NEEDED)))))
def test_nothing_that_is_asked_is_dropped(names: set[str]) -> None:
    match attempt(NEEDED | {name: VALID[name] for name in names}):
        case str(message):
            assert any(name in message for name in names)
        case Parameters(echo=echo):
            assert names <= {name for name, _ in echo}


def test_pairs_are_refused_in_either_order() -> None:
    both = [("content-identification-type", "PII"), ("content-redaction-type", "PII")]
    for first, second in product(both, repeat=2):
        if first != second:
            assert "not both" in refusal(dict([first, *NEEDED.items(), second]))


def test_the_preferred_one_of_several_languages_comes_first() -> None:
    assert read_identifying(identify_language="true").languages == ("en-US", "de-DE", "fr-FR")
    preferred = read_identifying(identify_language="true", preferred_language="fr-FR")
    assert preferred.languages == ("fr-FR", "en-US", "de-DE")
    assert preferred.identifies
    assert not preferred.changing
    assert read_identifying(identify_multiple_languages="true").changing


def test_a_result_says_its_language_as_the_client_wrote_it() -> None:
    asked = read_identifying(identify_language="true", language_options="en-AU,de-AT")
    assert [asked.language_of(code) for code in ("de", "en")] == ["de-AT", "en-AU"]


def test_each_language_may_have_a_word_list() -> None:
    asked = read_identifying(identify_language="true", vocabulary_names="one,two", vocabulary_filter_names="three")
    assert (asked.vocabularies, asked.filters) == (("one", "two"), ("three",))
