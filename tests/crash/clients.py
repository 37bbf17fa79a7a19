"""Clients of two vendors' APIs, which remember what they were promised and see whether it is kept."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import httpx

from crash.recordings import Recording, words_of

_SPEECHMATICS: Final = "/v1.0/user/7/jobs"
_PHONEXIA: Final = "/api/technology/speech-to-text"
_MAY_REFUSE: Final = {429, 503, 507}
"""What a server may say instead of taking a job, or of telling of one."""
_LIMIT_S = 30
_PAUSE_S = 0.05


@dataclass(slots=True, eq=False)
class Promise:
    """A job that was accepted. ``id`` as its dialect says it; ``ended`` and ``words`` as they were seen first."""

    dialect: str
    id: str
    name: str
    recording: Recording
    called_back: bool
    ended: str | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a dialect tells of a job. ``ended``: ``None`` while it has not, otherwise how, in the words of the core."""

    ended: str | None
    words: tuple[str, ...] = ()


class Broken(Exception):
    """The server said what it must not say."""


class Client(Protocol):
    """One vendor's client. Both calls return ``None`` where the server may refuse and does."""

    async def submit(
        self, http: httpx.AsyncClient, url: str, recording: Recording, name: str, callback: str | None
    ) -> str | None: ...

    async def look(self, http: httpx.AsyncClient, url: str, job: str) -> Seen | None: ...


class Speechmatics:
    async def submit(
        self, http: httpx.AsyncClient, url: str, recording: Recording, name: str, callback: str | None
    ) -> str | None:
        config = {"type": "transcription", "transcription_config": {"language": "en"}}
        form = {"config": json.dumps(config)} if callback is None else {"model": "en"}
        if callback is not None:
            form |= {"notification": "callback", "callback": callback, "callback_format": "txt"}
        reply = await http.post(f"{url}{_SPEECHMATICS}/", data=form, files={"data_file": (name, recording.data)})
        taken = _content(reply, 200)
        return None if taken is None else str(taken["id"])

    async def look(self, http: httpx.AsyncClient, url: str, job: str) -> Seen | None:
        told = _content(await http.get(f"{url}{_SPEECHMATICS}/{job}/"), 200)
        if told is None:
            return None
        state = told["job"]["job_status"]
        if state == "transcribing":
            return Seen(None)
        if state != "done":
            return Seen(state)
        reply = await http.get(f"{url}{_SPEECHMATICS}/{job}/transcript", params={"format": "txt"})
        if reply.status_code in _MAY_REFUSE:
            return None
        if reply.status_code != 200:
            raise Broken(f"{reply.status_code} for a transcript that is done: {reply.text[:200]}")
        return Seen("done", words_of(reply.text))


class Phonexia:
    async def submit(
        self, http: httpx.AsyncClient, url: str, recording: Recording, name: str, callback: str | None
    ) -> str | None:
        files = {"file": (name, recording.data)}
        reply = await http.post(f"{url}{_PHONEXIA}", params={"language": "en-US"}, files=files)
        taken = _content(reply, 202)
        return None if taken is None else str(taken["task"]["task_id"])

    async def look(self, http: httpx.AsyncClient, url: str, job: str) -> Seen | None:
        told = _content(await http.get(f"{url}{_PHONEXIA}/{job}"), 200)
        if told is None:
            return None
        state = told["task"]["state"]
        if state in ("pending", "running"):
            return Seen(None)
        if state == "done":
            text = " ".join(segment["text"] for segment in told["result"]["one_best"]["segments"])
            return Seen("done", words_of(text))
        if not told["error"]["message"]:
            raise Broken(f"a task is {state} without a reason")
        return Seen(state)


CLIENTS: Final[dict[str, Client]] = {"speechmatics_v1": Speechmatics(), "phonexia_4": Phonexia()}


def _content(reply: httpx.Response, status: int) -> Any:
    if reply.status_code in _MAY_REFUSE:
        return None
    if reply.status_code != status:
        raise Broken(f"{reply.status_code} to {reply.request.method} {reply.request.url.path}: {reply.text[:200]}")
    return reply.json()


@dataclass(slots=True)
class Crowd:
    """Several clients at once. Of the jobs that were taken at most ``most_open`` have not ended."""

    urls: list[str]
    recordings: list[Recording]
    callback: str | None
    rng: random.Random
    most_open: int = 40
    promises: list[Promise] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    """The names of all jobs that were handed in, also of those that nobody said were taken."""
    complaints: list[str] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    slowest_s: dict[str, float] = field(default_factory=lambda: {"submission": 0.0, "poll": 0.0})
    """Of those that were answered."""
    submitting: bool = True
    _open: list[Promise] = field(default_factory=list)

    @property
    def unended(self) -> list[Promise]:
        """Jobs that were taken and not yet seen to end."""
        return self._open

    @property
    def news(self) -> set[int]:
        """Jobs whose client is to be called back."""
        return {int(promise.id) for promise in self.promises if promise.called_back}

    async def run(self, submitters: int = 3, watchers: int = 3) -> None:
        """Until the task is cancelled. With ``submitting`` off, jobs are watched only."""
        async with httpx.AsyncClient(timeout=_LIMIT_S) as http, asyncio.TaskGroup() as tasks:
            for number in range(submitters):
                tasks.create_task(self._submit(http), name=f"submitter {number}")
            for number in range(watchers):
                tasks.create_task(self._watch(http), name=f"watcher {number}")

    async def settle(self, seconds: float) -> list[Promise]:
        """Hand nothing in any more; wait until all have ended. Those that have not."""
        self.submitting = False
        until = asyncio.get_running_loop().time() + seconds
        while self._open and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(_PAUSE_S)
        return list(self._open)

    async def _submit(self, http: httpx.AsyncClient) -> None:
        while self.submitting:
            await asyncio.sleep(_PAUSE_S)
            if len(self._open) >= self.most_open:
                continue
            dialect = self.rng.choice(list(CLIENTS))
            recording = self.rng.choice(self.recordings)
            wants_news = dialect == "speechmatics_v1" and self.rng.random() < 0.5
            name = f"{len(self.asked)}.wav"
            self.asked.add(name)
            began = time.monotonic()
            try:
                job = await CLIENTS[dialect].submit(
                    http, self.rng.choice(self.urls), recording, name, self.callback if wants_news else None
                )
            except httpx.TransportError:
                self.refusals["no reply to a submission"] += 1
                continue
            except Broken as error:
                self.complaints.append(f"submitting: {error}")
                continue
            self._answered("submission", began)
            if job is None:
                self.refusals["submission refused"] += 1
                continue
            promise = Promise(dialect, job, name, recording, wants_news)
            self.promises.append(promise)
            self._open.append(promise)

    async def _watch(self, http: httpx.AsyncClient) -> None:
        while True:
            await asyncio.sleep(_PAUSE_S)
            if not self.promises:
                continue
            of_old = not self._open or self.rng.random() < 0.1
            promise = self.rng.choice(self.promises if of_old else self._open)
            had_ended = promise.ended is not None
            began = time.monotonic()
            try:
                seen = await CLIENTS[promise.dialect].look(http, self.rng.choice(self.urls), promise.id)
            except httpx.TransportError:
                self.refusals["no reply to a poll"] += 1
            except Broken as error:
                self.complaints.append(f"{promise.dialect} {promise.id}: {error}")
            else:
                self._answered("poll", began)
                if seen is None:
                    self.refusals["poll refused"] += 1
                elif had_ended and (seen.ended, seen.words) != (promise.ended, promise.words):
                    self.complaints.append(
                        f"{promise.dialect} {promise.id} was {promise.ended} and is {seen.ended or 'at work'}"
                    )
                elif seen.ended is not None and promise.ended is None:
                    promise.ended, promise.words = seen.ended, seen.words
                    self._open.remove(promise)

    def _answered(self, what: str, began: float) -> None:
        self.slowest_s[what] = max(self.slowest_s[what], round(time.monotonic() - began, 2))
