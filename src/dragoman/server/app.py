"""The web application, put together from the settings. Adding a dialect is its package and a line in ``DIALECTS``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute, Route, Router
from starlette.types import Receive, Scope, Send

from dragoman.apis import amazon_transcribe, openai, phonexia_4, phonexia_v1, speechmatics_v1, telecomx
from dragoman.core.errors import DragomanError, EngineNotReady, InvalidRequest, MethodNotAllowed, NotFound, Unavailable
from dragoman.server.jobs import build_callbacks, build_jobs, build_rate
from dragoman.server.lifespan import Lifespan
from dragoman.server.settings import Settings
from dragoman.server.vocabularies import build_vocabularies
from dragoman.server.web.routes import web_routes
from dragoman.server.word_lists import build_database, build_word_lists
from dragoman.service.auth import Authenticator
from dragoman.service.keys_file import WatchedKeys
from dragoman.service.recognition import Recognition
from dragoman.store.database import Database
from dragoman.transport.base import Dialect, Endpoint, Reply, Services, answer, json_reply
from dragoman.transport.http import Front
from dragoman.transport.multipart import UploadLimits, Uploads
from dragoman.transport.spool import Spool

DIALECTS: Final[dict[str, Callable[[Services, Settings], Dialect]]] = {
    "telecomx": lambda services, settings: telecomx.dialect(
        services, engines={str(name): profile for name, profile in settings.telecomx_engines.items()}
    ),
    "phonexia_v1": lambda services, settings: phonexia_v1.dialect(
        services,
        model=settings.phonexia_model,
        silence_s=settings.phonexia_stream_timeout_s,
        results_kept_s=settings.phonexia_results_kept_s,
    ),
    "openai": lambda services, settings: openai.dialect(
        services, models={**settings.openai_models, **{name: name for name in settings.profiles}}
    ),
    "amazon_transcribe": lambda services, settings: amazon_transcribe.dialect(services),
    "phonexia_4": lambda services, settings: phonexia_4.dialect(
        services, engines={str(name): profile for name, profile in settings.phonexia_4_engines.items()}
    ),
    "speechmatics_v1": lambda services, settings: speechmatics_v1.dialect(
        services,
        points={str(name): profile for name, profile in settings.speechmatics_operating_points.items()},
        private_callbacks=settings.callback_private_addresses,
    ),
}


class Application:
    """An ASGI application. ``lifespan`` tells when it is ready; ``dialects`` are what it speaks."""

    def __init__(self, front: Front, lifespan: Lifespan, dialects: tuple[Dialect, ...], database: Database) -> None:
        self._front = front
        self.lifespan = lifespan
        self.dialects = dialects
        self.database = database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._front(scope, receive, send)


def build_app(settings: Settings, recognition: Recognition) -> Application:
    """Nothing is started: that is what the ASGI lifespan does. Raises ``KeysFileError``, ``InvalidWordClass``."""
    spool = Spool(settings.spool_dir)
    database = build_database(settings)
    jobs = build_jobs(settings, database, recognition)
    lifespan = Lifespan(recognition, spool, wait_s=settings.startup_wait_s)
    limits = UploadLimits(
        max_body_bytes=settings.max_upload_mb << 20,
        idle_timeout_s=settings.upload_idle_timeout_s,
        max_text_bytes=settings.max_form_text_kb << 10,
        max_uploads=settings.max_uploads,
    )
    vocabularies = build_vocabularies(settings)
    word_lists = build_word_lists(settings, database, vocabularies)
    services = Services(
        recognition=recognition,
        vocabularies=vocabularies,
        authenticator=Authenticator(WatchedKeys(settings.keys_file).load() if settings.keys_file else None),
        uploads=Uploads(spool, limits),
        word_lists=word_lists,
        started=lifespan.started,
        jobs=jobs.jobs,
        job_uploads=Uploads(jobs.spool, limits),
        rate=build_rate(settings),
    )
    dialects = tuple(make(services, settings) for make in DIALECTS.values())
    callbacks = build_callbacks(settings, jobs, dialects)
    lifespan.opening = (word_lists.open, jobs.open, callbacks.open)
    lifespan.following = (jobs.runner.open,)
    lifespan.draining = (jobs.runner.aclose,)
    lifespan.closing = (
        *(dialect.aclose for dialect in dialects if dialect.aclose is not None),
        callbacks.aclose,
        jobs.aclose,
        word_lists.aclose,
    )
    routes: list[BaseRoute] = [*_health_routes(lifespan, recognition)]
    for dialect in dialects:
        routes += (*dialect.routes, *dialect.sockets)
    routes += web_routes(dialects)
    router = Router(routes, redirect_slashes=False, default=_nowhere, lifespan=lifespan)
    front = Front(router, _errors_by_path(dialects), stall_timeout_s=settings.reply_stall_timeout_s)
    return Application(front, lifespan, dialects, database)


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """Starlette itself would close a WebSocket without a word."""
    raise HTTPException(404)


def _errors_by_path(dialects: tuple[Dialect, ...]) -> Callable[[str], Callable[[DragomanError], Reply]]:
    """The error form of the dialect with the longest prefix of a path, or our own."""
    prefixes = sorted(
        ((prefix, dialect.errors) for dialect in dialects for prefix in dialect.prefixes),
        key=lambda entry: -len(entry[0]),
    )

    def errors(path: str) -> Callable[[DragomanError], Reply]:
        return next((say for prefix, say in prefixes if path == prefix or path.startswith(f"{prefix}/")), _say)

    return errors


def _say(error: DragomanError) -> Reply:
    """An error outside all dialects."""
    return json_reply({"error": {"code": error.code, "message": error.message}}, answer(_STATUSES, error))


_STATUSES: Final[dict[type[DragomanError], int]] = {
    DragomanError: 500,
    InvalidRequest: 400,
    NotFound: 404,
    MethodNotAllowed: 405,
    Unavailable: 503,
}


def _health_routes(lifespan: Lifespan, recognition: Recognition) -> tuple[Route, ...]:
    async def healthz(request: Request, send: Send) -> None:
        """The process answers."""
        await json_reply({"status": "ok"}).send(send)

    async def readyz(request: Request, send: Send) -> None:
        """Speech is recognised right now, with the profile ``default``; others that cannot be used are named."""
        try:
            await lifespan.check_ready()
        except EngineNotReady as error:
            await json_reply({"status": "not ready", "reason": error.message}, 503).send(send)
        else:
            faults = {"unavailable": dict(recognition.faults)} if recognition.faults else {}
            await json_reply({"status": "ready", **faults}).send(send)

    return (
        Route("/healthz", Endpoint(healthz), methods=["GET"]),
        Route("/readyz", Endpoint(readyz), methods=["GET"]),
    )
