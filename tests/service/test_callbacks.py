"""Laws of callbacks: they arrive, whoever is slow and whenever a server ends, and tell nobody else anything."""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import Unavailable
from dragoman.core.jobs import (
    Callback,
    CallbackOrder,
    CallbackState,
    Job,
    JobState,
    JobStore,
    Lease,
    NewJob,
    Outcome,
    Remark,
)
from dragoman.core.request import RecognitionRequest
from dragoman.core.transcript import Segment, Transcript
from dragoman.service.callbacks import (
    CallbackForm,
    CallbackLimits,
    CallbackMessage,
    CallbackPart,
    Callbacks,
    Poster,
    pause_ms,
)
from dragoman.store.database import Database
from dragoman.store.jobs import SqlJobs
from dragoman.store.memory_jobs import MemoryJobs
from dragoman.transport.post import HttpPoster
from receivers import Receiver, hang_up, receiving, silence, status

pytestmark = pytest.mark.unit

SAID = "the secret plan"
TRANSCRIPT = Transcript("en", "model", 900, (0,), (Segment(0, 0, 0, 900, SAID, 0.9),))
HOUR_MS = 3_600_000
PATIENT = CallbackLimits(timeout_s=60, look_every_s=3600)
"""Looks when it is woken, and waits longer than a test lasts."""
POSTER = HttpPoster(private_addresses=True, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))


class Clock:
    def __init__(self) -> None:
        self.now_ms = 1_900_000_000_000

    def __call__(self) -> float:
        return self.now_ms / 1000


class HeldPoster:
    """Answers when it is told; counts the posts that wait."""

    def __init__(self) -> None:
        self.told = asyncio.Event()
        self.waiting = 0
        self.begun = asyncio.Semaphore(0)

    async def post(self, message: CallbackMessage, *, timeout_s: float) -> int:
        self.waiting += 1
        self.begun.release()
        await self.told.wait()
        self.waiting -= 1
        return 200


def form(callback: Callback, job: Job, transcript: Transcript | None) -> CallbackMessage:
    text = transcript.text if transcript else f"{job.remark.code if job.remark else job.state}"
    part = CallbackPart("data_file", f"{callback.order.form}.txt", "text/plain", text.encode())
    return CallbackMessage(f"{callback.order.url}?id={job.number}", (("User-Agent", "tests"),), (part,))


def broken(callback: Callback, job: Job, transcript: Transcript | None) -> CallbackMessage:
    raise ValueError(transcript)


FORMS: dict[str, CallbackForm] = {"kind": form, "broken": broken}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[JobStore]:
    opened = MemoryJobs() if request.param == "memory" else sqlite(tmp_path)
    await opened.open()
    yield opened
    await opened.aclose()


def sqlite(folder: Path) -> SqlJobs:
    return SqlJobs(Database(f"sqlite:///{folder / 'store.sqlite3'}"))


async def ended(
    store: JobStore,
    clock: Clock,
    url: str,
    *,
    dialect: str = "kind",
    state: JobState = JobState.DONE,
    give_up_h: int = 24,
) -> int:
    """The number of a job that has just ended and whose callback is due."""
    order = CallbackOrder(url, "txt")
    await store.add(
        NewJob(dialect, "owner", "name", RecognitionRequest(), "media", 1, callback=order),
        clock.now_ms,
        most_bytes=9999,
    )
    lease = Lease("runner", clock.now_ms + 1000)
    job = await store.claim(lease, clock.now_ms)
    assert job is not None
    outcome = Outcome(state, TRANSCRIPT) if state is JobState.DONE else Outcome(state, remark=Remark("bad_audio", SAID))
    give_up_ms = clock.now_ms + give_up_h * HOUR_MS
    assert await store.finish(job.number, lease, outcome, clock.now_ms, give_up_ms=give_up_ms)
    return job.number


@asynccontextmanager
async def running(
    store: JobStore, clock: Clock, limits: CallbackLimits = PATIENT, poster: Poster = POSTER
) -> AsyncIterator[Callbacks]:
    callbacks = Callbacks(store, poster, FORMS, limits=limits, clock=clock)
    await callbacks.open()
    try:
        yield callbacks
    finally:
        await callbacks.aclose()


async def eventually(store: JobStore, number: int, is_so: Callable[[Callback], bool]) -> Callback:
    async with asyncio.timeout(20):
        while True:
            callback = await store.callback(number)
            assert callback is not None
            if is_so(callback):
                return callback
            await asyncio.sleep(0.005)


def is_delivered(callback: Callback) -> bool:
    return callback.state is CallbackState.DELIVERED


def was_tried(times: int) -> Callable[[Callback], bool]:
    return lambda callback: callback.attempts == times


@pytest.mark.parametrize(("state", "told"), [(JobState.DONE, SAID), (JobState.REJECTED, "bad_audio")])
async def test_who_ordered_it_is_told_how_the_job_ended(
    store: JobStore, clock: Clock, state: JobState, told: str
) -> None:
    async with receiving(status(204)) as receiver, running(store, clock) as callbacks:
        number = await ended(store, clock, receiver.url, state=state)
        callbacks.wake()
        callback = await eventually(store, number, is_delivered)
    assert (callback.attempts, callback.last_error) == (1, None)
    (post,) = receiver.posts
    assert post.target == f"/done?id={number}"
    assert post.parts() == [("data_file", "txt.txt", "text/plain", told.encode())]


async def test_callbacks_are_looked_for_without_being_told(store: JobStore, clock: Clock) -> None:
    async with receiving(status(200)) as receiver, running(store, clock, CallbackLimits(look_every_s=0.01)):
        await eventually(store, await ended(store, clock, receiver.url), is_delivered)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [(status(500), "500"), (hang_up, "without an answer"), (status(301, "Location: /"), "redirect")],
)
async def test_what_was_not_taken_is_tried_again_later(
    store: JobStore, clock: Clock, answer: Callable[[asyncio.StreamWriter], Awaitable[None]], reason: str
) -> None:
    async with receiving(answer, status(200)) as receiver, running(store, clock) as callbacks:
        number = await ended(store, clock, receiver.url)
        callbacks.wake()
        callback = await eventually(store, number, was_tried(1))
        assert callback.state is CallbackState.WAITING
        assert callback.due_ms > clock.now_ms
        assert reason in (callback.last_error or "")
        clock.now_ms = callback.due_ms
        callbacks.wake()
        callback = await eventually(store, number, is_delivered)
    assert (callback.attempts, callback.last_error, len(receiver.posts)) == (2, None, 2)


async def test_a_receiver_that_never_answers_is_given_its_time_and_no_more(store: JobStore, clock: Clock) -> None:
    async with receiving(silence) as receiver, running(store, clock, CallbackLimits(timeout_s=0.05)) as callbacks:
        number = await ended(store, clock, receiver.url)
        callbacks.wake()
        assert (await eventually(store, number, was_tried(1))).state is CallbackState.WAITING


async def test_it_is_given_up_after_a_last_try_at_the_deadline(store: JobStore, clock: Clock) -> None:
    async with receiving(status(503)) as receiver, running(store, clock) as callbacks:
        number = await ended(store, clock, receiver.url, give_up_h=3)
        tried_ms = []
        for attempt in itertools.count(1):
            tried_ms.append(clock.now_ms)
            callbacks.wake()
            callback = await eventually(store, number, was_tried(attempt))
            if callback.state is not CallbackState.WAITING:
                break
            clock.now_ms = callback.due_ms
        assert await store.claim_callback(clock.now_ms + 99 * HOUR_MS, Lease("other", 0)) is None
    assert callback.state is CallbackState.GIVEN_UP
    assert tried_ms[-1] == callback.give_up_ms
    assert len(receiver.posts) == len(tried_ms)
    pauses = [later - earlier for earlier, later in itertools.pairwise(tried_ms)]
    assert pauses[:-2] == sorted(pauses[:-2])


async def test_one_whose_deadline_has_passed_unseen_is_tried_once(store: JobStore, clock: Clock) -> None:
    async with receiving(status(200)) as kind, receiving(status(500)) as unkind:
        numbers = [await ended(store, clock, url, give_up_h=1) for url in (kind.url, unkind.url)]
        clock.now_ms += 48 * HOUR_MS
        async with running(store, clock):
            states = [(await eventually(store, number, was_tried(1))).state for number in numbers]
    assert states == [CallbackState.DELIVERED, CallbackState.GIVEN_UP]


async def test_a_slow_receiver_holds_nobody_up(store: JobStore, clock: Clock) -> None:
    limits = CallbackLimits(timeout_s=60, most_at_once=4, most_per_receiver=2, look_every_s=3600)
    async with receiving(silence) as slow, receiving(status(200)) as fast:
        for _ in range(10):
            await ended(store, clock, slow.url)
        clock.now_ms += 1
        numbers = [await ended(store, clock, fast.url) for _ in range(5)]
        async with running(store, clock, limits):
            for number in numbers:
                await eventually(store, number, is_delivered)
            await slow.posted.acquire()
            await slow.posted.acquire()
            assert slow.connections == 2


async def test_no_more_are_under_way_than_there_are_places(store: JobStore, clock: Clock) -> None:
    poster = HeldPoster()
    limits = CallbackLimits(timeout_s=60, most_at_once=3, most_per_receiver=2, look_every_s=0.01)
    numbers = [await ended(store, clock, f"http://receiver{n}.example/") for n in range(7)]
    async with running(store, clock, limits, poster):
        for _ in range(limits.most_at_once):
            await poster.begun.acquire()
        one_more = asyncio.create_task(poster.begun.acquire(), name="one more")
        await asyncio.wait([one_more], timeout=0.1)
        assert not one_more.done()
        assert poster.waiting == limits.most_at_once
        poster.told.set()
        for number in numbers:
            await eventually(store, number, is_delivered)
        await one_more


async def test_several_servers_post_each_once(tmp_path: Path, clock: Clock) -> None:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving(status(200)))
        stores = [await stack.enter_async_context(opened(sqlite(tmp_path))) for _ in range(2)]
        numbers = [await ended(stores[0], clock, receiver.url) for _ in range(20)]
        for store in stores:
            await stack.enter_async_context(running(store, clock))
        for number in numbers:
            await eventually(stores[0], number, is_delivered)
    assert sorted(targets(receiver)) == sorted(f"/done?id={number}" for number in numbers)


async def test_what_a_killed_server_was_at_is_posted_when_its_lease_has_run_out(store: JobStore, clock: Clock) -> None:
    async with receiving(status(200)) as receiver:
        left = await ended(store, clock, receiver.url)
        lease = Lease("killed", clock.now_ms + 30_000)
        assert await store.claim_callback(clock.now_ms, lease) is not None
        async with running(store, clock) as callbacks:
            other = await ended(store, clock, receiver.url)
            callbacks.wake()
            await eventually(store, other, is_delivered)
            assert targets(receiver) == [f"/done?id={other}"]
            clock.now_ms = lease.until_ms
            callbacks.wake()
            await eventually(store, left, is_delivered)
    assert not await store.settle_callback(left, lease, CallbackState.WAITING, due_ms=0, error=None)


async def test_a_lease_lasts_longer_than_a_post(store: JobStore, clock: Clock) -> None:
    poster = HeldPoster()
    await ended(store, clock, "http://receiver.example/")
    async with running(store, clock, poster=poster):
        await poster.begun.acquire()
        assert await store.claim_callback(clock.now_ms + 1000 * int(PATIENT.timeout_s), Lease("other", 0)) is None
        poster.told.set()


async def test_the_next_server_posts_at_once_what_a_stopped_one_was_at(tmp_path: Path, clock: Clock) -> None:
    async with receiving(silence, status(200)) as receiver:
        async with opened(sqlite(tmp_path)) as store:
            number = await ended(store, clock, receiver.url)
            async with running(store, clock):
                await receiver.posted.acquire()
        async with opened(sqlite(tmp_path)) as store, running(store, clock):
            await eventually(store, number, is_delivered)
    assert len(receiver.posts) == 2


async def test_a_job_that_is_removed_meanwhile_takes_its_callback_along(store: JobStore, clock: Clock) -> None:
    async def remove(writer: asyncio.StreamWriter) -> None:
        await store.remove(first)
        await status(200)(writer)

    async with receiving(remove, status(200)) as receiver:
        first = await ended(store, clock, receiver.url)
        clock.now_ms += 1
        second = await ended(store, clock, receiver.url)
        async with running(store, clock, CallbackLimits(most_per_receiver=1)):
            await eventually(store, second, is_delivered)
    assert await store.callback(first) is None


@pytest.mark.parametrize("dialect", ["broken", "gone"])
async def test_a_message_that_cannot_be_made_holds_nobody_up_and_is_not_told(
    store: JobStore, clock: Clock, dialect: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving(status(200)) as receiver:
        wrong = await ended(store, clock, receiver.url, dialect=dialect)
        right = await ended(store, clock, receiver.url)
        async with running(store, clock):
            await eventually(store, right, is_delivered)
            callback = await eventually(store, wrong, was_tried(1))
    assert callback.state is CallbackState.WAITING
    assert "Error" in (callback.last_error or "")
    assert "callbacks.py" in caplog.text
    assert SAID not in caplog.text + (callback.last_error or "")


class Outage(MemoryJobs):
    """A database that is away for the next few calls of a kind."""

    def __init__(self, claims: int = 0, settlements: int = 0, transcripts: int = 0) -> None:
        super().__init__()
        self.left = {"claims": claims, "settlements": settlements, "transcripts": transcripts}

    async def claim_callback(
        self, now_ms: int, lease: Lease, *, busy: Collection[str] = ()
    ) -> tuple[Callback, Job] | None:
        self._fail("claims")
        return await super().claim_callback(now_ms, lease, busy=busy)

    async def settle_callback(
        self, number: int, lease: Lease, state: CallbackState, *, due_ms: int, error: str | None
    ) -> bool:
        self._fail("settlements")
        return await super().settle_callback(number, lease, state, due_ms=due_ms, error=error)

    async def transcript(self, number: int) -> Transcript:
        self._fail("transcripts")
        return await super().transcript(number)

    def _fail(self, kind: str) -> None:
        if self.left[kind]:
            self.left[kind] -= 1
            raise Unavailable("The database cannot be reached.")


@pytest.mark.parametrize(("kind", "posts"), [("claims", 1), ("transcripts", 1), ("settlements", 2)])
async def test_callbacks_wait_for_the_database(clock: Clock, kind: str, posts: int) -> None:
    store = Outage(**{kind: 1})
    async with receiving(status(200)) as receiver, running(store, clock, CallbackLimits(look_every_s=0.01)):
        number = await ended(store, clock, receiver.url)
        async with asyncio.timeout(20):
            while store.left[kind] or not is_delivered(await eventually(store, number, lambda _: True)):
                clock.now_ms += 1000
                await asyncio.sleep(0.005)
    assert len(receiver.posts) == posts


async def test_the_log_names_the_host_and_what_happened_only(
    store: JobStore, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "dragoman")
    async with receiving(status(500), status(200)) as receiver, running(store, clock) as callbacks:
        url = f"http://us3r:passw0rd@127.0.0.1:{receiver.port}/p4th?t0ken=x"
        number = await ended(store, clock, url)
        callbacks.wake()
        clock.now_ms = (await eventually(store, number, was_tried(1))).due_ms
        callbacks.wake()
        await eventually(store, number, is_delivered)
    for said in (f"127.0.0.1:{receiver.port}", "500", "delivered"):
        assert said in caplog.text
    assert not [secret for secret in ("us3r", "passw0rd", "p4th", "t0ken", SAID) if secret in caplog.text]


async def test_it_may_be_closed_twice_and_unopened(clock: Clock) -> None:
    callbacks = Callbacks(MemoryJobs(), POSTER, FORMS, clock=clock)
    await callbacks.aclose()
    await callbacks.open()
    await callbacks.aclose()
    await callbacks.aclose()


@given(
    st.integers(1, 2000),
    st.floats(0, 1),
    st.floats(0, 1),
    st.builds(CallbackLimits, first_pause_s=st.floats(0.1, 60), most_pause_s=st.floats(60, 86_400)),
)
def test_pauses_grow_up_to_a_bound(attempts: int, first: float, second: float, limits: CallbackLimits) -> None:
    pause, later = pause_ms(attempts, limits, first), pause_ms(attempts + 1, limits, second)
    assert 0 < pause <= limits.most_pause_s * 1250
    assert later > pause or later >= int(limits.most_pause_s * 750)


def targets(receiver: Receiver) -> list[str]:
    return [post.target for post in receiver.posts]


def opened(store: JobStore) -> AbstractAsyncContextManager[JobStore]:
    @asynccontextmanager
    async def context() -> AsyncIterator[JobStore]:
        await store.open()
        try:
            yield store
        finally:
            await store.aclose()

    return context()
