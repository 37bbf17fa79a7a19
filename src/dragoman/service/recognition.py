"""Recognising a file or a live stream: the use cases every dialect and the command line call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, aclosing, closing, contextmanager
from dataclasses import replace
from pathlib import Path

from dragoman.core.assemble import Assembler
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import EngineNotReady, InvalidField, Unavailable, UnsupportedLanguage, UnsupportedOption
from dragoman.core.events import AudioEventsFound, Final, Finished, Opened, Progress, RecognitionEvent, SpeakersFound
from dragoman.core.ports import Instances, LiveStream, RecogniserPool
from dragoman.core.request import (
    MOST_SPEAKERS,
    MOST_STREAM_CHANNELS,
    AudioEncoding,
    LanguageChoice,
    LanguageOption,
    RecognitionRequest,
    SpeakerMode,
    SpeakerRequest,
    TimeDetail,
)
from dragoman.core.transcript import Transcript
from dragoman.service.limits import Admission, Quota
from dragoman.service.metered_stream import MeteredStream
from dragoman.service.readiness import Readiness

STREAM_RATES = range(8_000, 48_001)
"""Samples a second that a live stream may have."""
_STREAM_SETTING = "max_concurrent_streams"


class Recognition:
    """Admission, language, quota and readiness around a pool.

    ``sample`` gives a short recording of speech for as long as it is entered: what ``check_ready`` recognises.
    ``max_streams`` live streams may run at once, ``None``: as many as the pool can serve. ``advise`` says what to do so
    that a profile recognises a language that it does not, given what is wrong with other profiles.
    """

    def __init__(
        self,
        pool: RecogniserPool,
        admission: Admission,
        quota: Quota,
        sample: AbstractContextManager[Path],
        *,
        readiness_cache_s: float = 5.0,
        max_streams: int | None = None,
        advise: Callable[[str, str, Mapping[str, str]], str] = lambda profile, language, faults: "",
    ) -> None:
        self._advise = advise
        self._pool = pool
        self._admission = admission
        self._quota = quota
        self._sample = sample
        self._sample_path: Path | None = None
        self._resources = ExitStack()
        self._readiness = Readiness(self._recognise_sample, cache_s=readiness_cache_s)
        self._max_streams = max_streams
        self._stream_admission = Admission(max_streams or 0, _STREAM_SETTING)
        self._streams: set[MeteredStream] = set()
        self._no_streams = asyncio.Event()
        self._no_streams.set()
        self._open = False
        self._draining = False

    async def start(self) -> None:
        """Start the pool. Raises ``EngineNotReady`` with what to do when no recogniser comes up."""
        self._sample_path = self._resources.enter_context(self._sample)
        try:
            await self._pool.start()
        except BaseException:
            self._resources.close()
            raise
        if self._max_streams is None:
            self._stream_admission = Admission(self._pool.stream_capacity, _STREAM_SETTING)
        self._open = True

    async def aclose(self) -> None:
        """Refuse new work, end what runs (its callers get ``Unavailable``), stop the pool. May be called twice."""
        self._open = False
        try:
            await self._readiness.aclose()
            await self._pool.aclose()
        finally:
            self._resources.close()

    def instances(self) -> Instances:
        """How many files can be recognised at once, and how many are."""
        return self._admission.instances

    def stream_instances(self) -> Instances:
        """How many live streams can be recognised at once, and how many are. The total is known once ``start``
        returned.
        """
        return self._stream_admission.instances

    def capabilities(self, profile: str = "default") -> Capabilities:
        """Known once ``start`` returned. Raises ``UnknownModel`` for a profile that is not configured, and
        ``EngineNotReady`` for one that cannot be used."""
        return self._pool.capabilities(profile)

    @property
    def faults(self) -> Mapping[str, str]:
        """Of the configured profiles those that cannot be used, and why."""
        return self._pool.faults

    def checked(self, request: RecognitionRequest) -> RecognitionRequest:
        """The request as it would be recognised now, its language filled in. Raises ``UnknownModel``,
        ``UnsupportedLanguage``, ``UnsupportedOption`` and ``InvalidField`` (the speakers), ``Unavailable``.
        """
        self._check_open()
        if request.speakers is not None:
            _check_speakers(request.speakers, self.capabilities(request.profile))
            if request.time_detail is TimeDetail.SEGMENT:
                request = replace(request, time_detail=TimeDetail.WORD)
        return self._with_language(request)

    def check_quota(self, profile: str, key_id: str) -> None:
        """Raises ``QuotaExceeded`` when nothing is left of today's quota."""
        with self._quota.reserve(profile, key_id):
            pass

    async def events(
        self, media: Path, request: RecognitionRequest, *, key_id: str = "", instances: int = 1
    ) -> AsyncGenerator[RecognitionEvent, None]:
        """As ``RecogniserPool.transcribe`` has it.

        Close the generator (``contextlib.aclosing``) when nobody waits any more: it cancels the work and frees the
        instance. ``key_id`` names the account of the quota; ``instances`` is 0 for work that is bounded elsewhere. Any
        ``DragomanError`` may come instead of an event. What is wrong with the request as such comes with the first
        ``anext``: ``UnknownModel``, ``UnsupportedLanguage``, ``NoFreeInstance``, ``QuotaExceeded``, ``Unavailable``,
        and a file that cannot be opened.
        """
        request = self.checked(request)
        with self._admission.admit(instances), self._quota.reserve(request.profile, key_id) as reservation:
            async with aclosing(self._pool.transcribe(media, request)) as events:
                async for event in events:
                    match event:
                        case Opened(duration_ms=int(duration_ms)):
                            reservation.hold(duration_ms)
                        case Opened():
                            pass
                        case Progress(done_ms):
                            reservation.used_ms = max(reservation.used_ms, done_ms)
                        case Final(segment):
                            reservation.used_ms = max(reservation.used_ms, segment.end_ms)
                        case SpeakersFound() | AudioEventsFound():
                            pass
                        case Finished(duration_ms=duration_ms):
                            reservation.used_ms = duration_ms
                    yield event

    async def transcribe(
        self,
        media: Path,
        request: RecognitionRequest,
        on_event: Callable[[RecognitionEvent], None] | None = None,
        *,
        key_id: str = "",
        instances: int = 1,
    ) -> Transcript:
        """The whole transcript. ``on_event`` sees every event as it comes. Cancelling the task cancels the work."""
        assembler = Assembler()
        async with aclosing(self.events(media, request, key_id=key_id, instances=instances)) as events:
            async for event in events:
                assembler.add(event)
                if on_event is not None:
                    on_event(event)
        return assembler.transcript()

    @contextmanager
    def live(
        self,
        request: RecognitionRequest,
        rate: int,
        *,
        key_id: str = "",
        encoding: AudioEncoding = AudioEncoding.PCM,
        channels: int = 1,
    ) -> Iterator[LiveStream]:
        """A live stream of samples at ``rate`` hertz, closed when the block ends; it holds an instance until then.

        Of two ``channels`` each is recognised by itself and holds an instance, or two with ``speakers``; the indices of
        the segments of channel n leave n when divided by their number, and ``Finished`` comes once.

        Raises ``UnknownModel``, ``UnsupportedLanguage``, ``UnsupportedOption`` and ``InvalidField`` (the speakers, the
        rate, the channels), ``NoFreeInstance``, ``QuotaExceeded``, ``Unavailable``. Ends with ``QuotaExceeded`` when a
        quota is used up later, with ``UndecodableAudio`` when the audio is not what ``encoding`` says, and with
        ``UnsupportedAudio`` when it has another rate or number of channels; Opus has no rate of its own, so with it any
        is right.
        """
        request = self.checked(request)
        if request.speakers is not None and request.speakers.mode is not SpeakerMode.IDENTITY:
            raise UnsupportedOption("Where the speaker changes is found in recordings only.", field="speakers")
        if rate not in STREAM_RATES:
            first, last = STREAM_RATES[0], STREAM_RATES[-1]
            raise InvalidField(
                f"The frequency must be {first} to {last} samples a second, not {rate}.", field="frequency"
            )
        if not 1 <= channels <= MOST_STREAM_CHANNELS:
            raise InvalidField(
                f"A stream has one channel, or up to {MOST_STREAM_CHANNELS} that are recognised each by itself;"
                f" not {channels}.",
                field="channels",
            )
        with (
            self._stream_admission.admit(channels * request.stream_instances),
            self._quota.reserve(request.profile, key_id) as reservation,
            closing(self._pool.open_stream(request, rate, encoding=encoding, channels=channels)) as opened,
        ):
            bytes_per_s = 2 * rate * channels if encoding is AudioEncoding.PCM else None
            stream = MeteredStream(opened, bytes_per_s, reservation)
            self._streams.add(stream)
            self._no_streams.clear()
            try:
                yield stream
            finally:
                self._streams.discard(stream)
                if not self._streams:
                    self._no_streams.set()

    def drain(self) -> None:
        """The server is to stop: every live stream ends as if its client had ended it; new work is refused."""
        self._draining = True
        for stream in self._streams:
            stream.drain()

    async def drained(self) -> None:
        """Wait until there are no live streams."""
        await self._no_streams.wait()

    async def check_ready(self) -> None:
        """Recognise a short recording, ahead of all other work. Raises ``EngineNotReady`` with the reason.

        A good answer holds for ``readiness_cache_s``; checks at the same time share one run.
        """
        if not self._open or self._draining:
            raise EngineNotReady("The server is starting or stopping.")
        await self._readiness.check()

    def _check_open(self) -> None:
        if not self._open or self._draining:
            raise Unavailable("The server is starting or stopping. Try again later.")

    def _with_language(self, request: RecognitionRequest) -> RecognitionRequest:
        capabilities = self.capabilities(request.profile)
        if request.choice == LanguageChoice():
            request = replace(request, choice=_any_language(capabilities))
        if request.choice is not None:
            asked = tuple(option.language for option in request.choice.options)
            _check_identifiable(asked, capabilities)
        else:
            asked = (request.language or capabilities.languages[0],)
        if unknown := [language for language in asked if language not in capabilities.languages]:
            known, asked_for = ", ".join(capabilities.languages), ", ".join(map(repr, unknown))
            told = f"Profile {request.profile!r} recognises {known}, not {asked_for}."
            raise UnsupportedLanguage(f"{told} {self._advise(request.profile, unknown[0], self.faults)}".rstrip())
        return replace(request, language=asked[0])

    async def _recognise_sample(self) -> None:
        assert self._sample_path is not None
        request = self._with_language(RecognitionRequest(time_detail=TimeDetail.SEGMENT))
        assembler = Assembler()
        async with aclosing(self._pool.transcribe(self._sample_path, request, urgent=True)) as events:
            async for event in events:
                assembler.add(event)
        if not assembler.transcript().segments:
            raise EngineNotReady("The recogniser found no words in a recording of speech.")


def _check_speakers(speakers: SpeakerRequest, capabilities: Capabilities) -> None:
    if not capabilities.diarizes:
        raise UnsupportedOption(
            f"The model {capabilities.model} comes without one that tells speakers apart.", field="speakers"
        )
    if speakers.count is not None and not 1 <= speakers.count <= MOST_SPEAKERS:
        raise InvalidField(f"There are 1 to {MOST_SPEAKERS} speakers, not {speakers.count}.", field="speakers")


def _any_language(capabilities: Capabilities) -> LanguageChoice | None:
    """Among all that are recognised and told apart; ``None`` where that leaves nothing to find out."""
    known = [language for language in capabilities.languages if language in capabilities.identifies]
    return LanguageChoice(tuple(map(LanguageOption, known))) if len(known) > 1 else None


def _check_identifiable(languages: Iterable[str], capabilities: Capabilities) -> None:
    if not capabilities.identifies:
        raise UnsupportedOption(
            "No model that identifies languages is installed: name the language, or install a model for it."
        )
    if unknown := [language for language in languages if language not in capabilities.identifies]:
        raise UnsupportedLanguage(
            f"The model that identifies languages knows {', '.join(capabilities.identifies)}, not "
            f"{', '.join(map(repr, unknown))}."
        )
