"""Recognising a file: the use case every dialect and the command line calls."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager, ExitStack, aclosing
from dataclasses import replace
from pathlib import Path

from dragoman.core.assemble import Assembler
from dragoman.core.capabilities import Capabilities
from dragoman.core.errors import EngineNotReady, Unavailable, UnsupportedLanguage
from dragoman.core.events import Final, Finished, Opened, Progress, RecognitionEvent
from dragoman.core.ports import Instances, RecogniserPool
from dragoman.core.request import RecognitionRequest, TimeDetail
from dragoman.core.transcript import Transcript
from dragoman.service.limits import Admission, Quota
from dragoman.service.readiness import Readiness


class Recognition:
    """Admission, language, quota and readiness around a pool.

    ``sample`` gives a short recording of speech for as long as it is entered: what ``check_ready`` recognises.
    """

    def __init__(
        self,
        pool: RecogniserPool,
        admission: Admission,
        quota: Quota,
        sample: AbstractContextManager[Path],
        *,
        readiness_cache_s: float = 5.0,
    ) -> None:
        self._pool = pool
        self._admission = admission
        self._quota = quota
        self._sample = sample
        self._sample_path: Path | None = None
        self._resources = ExitStack()
        self._readiness = Readiness(self._recognise_sample, cache_s=readiness_cache_s)
        self._open = False

    async def start(self) -> None:
        """Start the pool. Raises ``EngineNotReady`` with what to do when no recogniser comes up."""
        self._sample_path = self._resources.enter_context(self._sample)
        try:
            await self._pool.start()
        except BaseException:
            self._resources.close()
            raise
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

    def capabilities(self, profile: str = "default") -> Capabilities:
        """Known once ``start`` returned. Raises ``UnknownModel`` for a profile that is not configured."""
        return self._pool.capabilities(profile)

    async def events(
        self, media: Path, request: RecognitionRequest, *, key_id: str = ""
    ) -> AsyncGenerator[RecognitionEvent, None]:
        """``Opened``, then ``Progress`` and ``Final`` in the order of their index, then ``Finished``.

        Close the generator (``contextlib.aclosing``) when nobody waits any more: it cancels the work and frees the
        instance. ``key_id`` names the account of the quota. Any ``DragomanError`` may come instead of an event. What is
        wrong with the request as such comes with the first ``anext``: ``UnknownModel``, ``UnsupportedLanguage``,
        ``NoFreeInstance``, ``QuotaExceeded``, ``Unavailable``, and a file that cannot be opened.
        """
        if not self._open:
            raise Unavailable("The server is starting or stopping. Try again later.")
        request = self._with_language(request)
        with self._admission.admit(), self._quota.reserve(request.profile, key_id) as reservation:
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
    ) -> Transcript:
        """The whole transcript. ``on_event`` sees every event as it comes. Cancelling the task cancels the work."""
        assembler = Assembler()
        async with aclosing(self.events(media, request, key_id=key_id)) as events:
            async for event in events:
                assembler.add(event)
                if on_event is not None:
                    on_event(event)
        return assembler.transcript()

    async def check_ready(self) -> None:
        """Recognise a short recording, ahead of all other work. Raises ``EngineNotReady`` with the reason.

        A good answer holds for ``readiness_cache_s``; checks at the same time share one run.
        """
        if not self._open:
            raise EngineNotReady("The server is starting or stopping.")
        await self._readiness.check()

    def _with_language(self, request: RecognitionRequest) -> RecognitionRequest:
        languages = self.capabilities(request.profile).languages
        if request.language is None:
            return replace(request, language=languages[0])
        if request.language not in languages:
            raise UnsupportedLanguage(
                f"The model of profile {request.profile!r} recognises {', '.join(languages)}, not {request.language!r}."
            )
        return request

    async def _recognise_sample(self) -> None:
        assert self._sample_path is not None
        request = self._with_language(RecognitionRequest(time_detail=TimeDetail.SEGMENT))
        assembler = Assembler()
        async with aclosing(self._pool.transcribe(self._sample_path, request, urgent=True)) as events:
            async for event in events:
                assembler.add(event)
        if not assembler.transcript().segments:
            raise EngineNotReady("The recogniser found no words in a recording of speech.")
