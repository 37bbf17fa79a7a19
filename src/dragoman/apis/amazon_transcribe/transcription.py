"""Where streams of StartStreamTranscription begin: who asks, what for, and with which word lists."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

from starlette.requests import HTTPConnection

from dragoman.apis.amazon_transcribe import parameters, signing
from dragoman.apis.amazon_transcribe.framing import Framing, Opener
from dragoman.apis.amazon_transcribe.parameters import PREFIX, Parameters
from dragoman.apis.amazon_transcribe.result import TranscriptResults
from dragoman.apis.amazon_transcribe.signing import Signed
from dragoman.apis.amazon_transcribe.stream import TranscriptionStream
from dragoman.codecs.sigv4 import ChunkVerifier, SignatureRefused
from dragoman.core.errors import AccessDenied, InvalidField, NotFound, UnsupportedLanguage, UnsupportedOption
from dragoman.core.request import LanguageChoice, LanguageOption, RecognitionRequest, SpeakerRequest, Vocabulary
from dragoman.language.tags import iso_639_1
from dragoman.transport.base import Opening, Services
from dragoman.transport.http import REQUEST_ID

_URL_LIFETIME_MS: Final = 5 * 60 * 1000
"""The longest that the service takes a presigned URL for."""


class Transcriptions:
    def __init__(
        self, services: Services, framing: Callable[[], Framing], now_ms: Callable[[], int], *, signed: bool
    ) -> None:
        """``signed``: of a signed request every message is signed too."""
        self._services = services
        self._framing = framing
        self._now_ms = now_ms
        self._signed = signed

    async def open(self, connection: HTTPConnection) -> TranscriptionStream:
        """Raises what is wrong with the request."""
        caller = self._caller(connection)
        await self._services.started()
        recognition = self._services.recognition
        capabilities = recognition.capabilities()
        given = [
            *parameters.of_headers(connection.scope["headers"]),
            *parameters.of_query(connection.query_params.multi_items()),
        ]
        asked = parameters.read(given, capabilities)
        try:
            recognition.checked(_request(asked, {}))
        except UnsupportedLanguage as error:
            name = "language-options" if asked.identifies else "language-code"
            raise UnsupportedLanguage(f"{name}: {error.message}", field=name) from None
        vocabularies = await self._vocabularies(asked)
        for language in vocabularies:
            if not capabilities.in_language(iso_639_1(language)).phrases:
                raise UnsupportedOption(f"vocabulary-name: the model of {language} cannot prefer words.")
        unwanted = await self._unwanted(asked)
        opening = Opening(
            _request(asked, vocabularies),
            asked.rate,
            encoding=asked.encoding,
            channels=asked.channels,
            key_id=caller.identity.key_id,
            headers=_headers(asked),
            session=asked.session_id,
        )
        opener = Opener(self._framing(), _chain(caller), signed=self._signed and caller.signature is not None)
        return TranscriptionStream(opening, opener, TranscriptResults(asked, unwanted), asked.channels)

    def _caller(self, connection: HTTPConnection) -> Signed:
        try:
            return signing.check(
                connection, self._services.authenticator, self._now_ms(), max_lifetime_ms=_URL_LIFETIME_MS
            )
        except SignatureRefused as refused:
            raise AccessDenied(str(refused)) from refused

    async def _vocabularies(self, asked: Parameters) -> dict[str, Vocabulary]:
        """By language."""
        found: dict[str, Vocabulary] = {}
        for name in asked.vocabularies:
            try:
                language = asked.languages[0]
                if asked.identifies:
                    language = (await self._services.word_lists.kept_vocabulary(name)).language
                    _check_new(name, language, asked, found, "vocabulary-names")
                found[language] = await self._services.word_lists.vocabulary(name, language)
            except NotFound as error:
                raise InvalidField(f"vocabulary-name: {error.message}", field="vocabulary-name") from None
        return found

    async def _unwanted(self, asked: Parameters) -> dict[str, tuple[str, ...]]:
        """By language."""
        found: dict[str, tuple[str, ...]] = {}
        for name in asked.filters:
            try:
                language = (await self._services.word_lists.kept_filter(name)).language
                words = await self._services.word_lists.filter(name)
            except NotFound as error:
                raise InvalidField(f"vocabulary-filter-name: {error.message}", field="vocabulary-filter-name") from None
            _check_new(name, language, asked, found, "vocabulary-filter-name")
            found[language] = words
        return found


def _request(asked: Parameters, vocabularies: Mapping[str, Vocabulary]) -> RecognitionRequest:
    """``vocabularies`` by language."""
    options = tuple(
        LanguageOption(iso_639_1(language), vocabularies.get(language, Vocabulary())) for language in asked.languages
    )
    return RecognitionRequest(
        language=options[0].language,
        vocabulary=options[0].vocabulary,
        choice=LanguageChoice(options, asked.changing) if asked.identifies else None,
        speakers=SpeakerRequest() if asked.speakers else None,
    )


def _check_new(name: str, language: str, asked: Parameters, found: Collection[str], field: str) -> None:
    """A word list is of one of the languages, and the only one of it."""
    if language not in asked.languages:
        languages = ", ".join(asked.languages)
        raise InvalidField(f"{field}: {name!r} is of the language {language}, not {languages}.", field=field)
    if language in found:
        raise InvalidField(f"{field}: {name!r} is the second one of the language {language}.", field=field)


def _chain(caller: Signed) -> ChunkVerifier | None:
    if caller.signature is None or caller.secret is None:
        return None
    return ChunkVerifier(caller.secret, caller.signature.scope, caller.signature.value)


def _headers(asked: Parameters) -> tuple[tuple[str, str], ...]:
    """Of the reply; clients of streams look for the id of a request under one name, others under the other."""
    request_id = REQUEST_ID.get()
    return (
        ("x-amzn-request-id", request_id),
        ("x-amzn-requestid", request_id),
        *((f"{PREFIX}{name}", value) for name, value in asked.echo),
    )
