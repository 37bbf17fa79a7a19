"""Start and end of what the application works with."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from dragoman.core.errors import DragomanError, EngineNotReady
from dragoman.service.recognition import Recognition
from dragoman.transport.spool import Spool

logger = logging.getLogger(__name__)


class Lifespan:
    """Starts the recognition beside the server, so that the server answers while models are loaded."""

    def __init__(self, recognition: Recognition, spool: Spool, *, wait_s: float) -> None:
        self._recognition = recognition
        self._spool = spool
        self._wait_s = wait_s
        self._starting: asyncio.Task[None] | None = None
        self.opening: tuple[Callable[[], Awaitable[None]], ...] = ()
        """What has to be there before the first request."""
        self.following: tuple[Callable[[], Awaitable[None]], ...] = ()
        """What begins once the recognition is started."""
        self.draining: tuple[Callable[[], Awaitable[None]], ...] = ()
        """What ends as soon as the server is to stop; running requests may go on."""
        self.closing: tuple[Callable[[], Awaitable[None]], ...] = ()
        """What uses the recognition beyond a request, or was opened; closed before the recognition."""

    @asynccontextmanager
    async def __call__(self, app: object) -> AsyncIterator[None]:
        """The lifespan of an ASGI application."""
        self._spool.open()
        try:
            for opened in self.opening:
                await opened()
            self._starting = asyncio.create_task(self._start(), name="start of the recognition")
            yield
        finally:
            if self._starting is not None:
                self._starting.cancel()
                with suppress(asyncio.CancelledError, DragomanError):
                    await self._starting
            for close in self.closing:
                await close()
            await self._recognition.aclose()
            self._spool.close()

    async def started(self) -> None:
        """Wait shortly for the recognition. Raises ``EngineNotReady`` with the reason."""
        await self._wait(self._wait_s)

    async def check_ready(self) -> None:
        """Raises ``EngineNotReady`` unless speech is recognised right now."""
        await self._wait(0)
        await self._recognition.check_ready()

    async def ready(self) -> None:
        """Wait until speech is recognised. Raises ``EngineNotReady`` when that will not be."""
        await self._wait(None)
        await self._recognition.check_ready()

    async def drain(self) -> None:
        """The server is to stop: live streams end as if their clients had ended them. Waits until they are over."""
        self._recognition.drain()
        for drain in self.draining:
            await drain()
        await self._recognition.drained()

    async def _wait(self, seconds: float | None) -> None:
        if self._starting is None:
            raise EngineNotReady("The server is not started.")
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(self._starting)
        except TimeoutError:
            raise EngineNotReady("The recogniser is starting.") from None

    async def _start(self) -> None:
        """Raises ``EngineNotReady``; every waiter gets it."""
        try:
            await self._recognition.start()
        except DragomanError as error:
            logger.error("the recogniser did not start: %s", error.message)
            raise EngineNotReady(error.message) from error
        except Exception as error:
            logger.exception("the recogniser did not start")
            raise EngineNotReady("The recogniser did not start; the log says why.") from error
        logger.info("the recogniser is started")
        for begin in self.following:
            await begin()
