"""What every store of jobs does, whatever it keeps them in."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, inspect, text

import postgresql
from dragoman.core.errors import Conflict, DragomanError, NotFound, StorageFull
from dragoman.core.jobs import (
    CHANGES,
    Backlog,
    CallbackOrder,
    CallbackState,
    Job,
    JobQuery,
    JobState,
    JobStore,
    Lease,
    NewJob,
    Outcome,
    Remark,
    StateChange,
)
from dragoman.core.request import (
    ChannelSelection,
    DictionaryWord,
    LanguageChoice,
    LanguageOption,
    Phrase,
    RecognitionRequest,
    SpeakerMode,
    SpeakerRequest,
    TimeDetail,
    Vocabulary,
)
from dragoman.core.transcript import AudioEvent, Character, LanguageScore, Segment, SpeakerChange, Transcript, Word
from dragoman.store.database import Database
from dragoman.store.jobs import SqlJobs
from dragoman.store.memory_jobs import MemoryJobs

pytestmark = pytest.mark.contract

WHY_NOT = postgresql.why_not()
POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.skipif(WHY_NOT is not None, reason=WHY_NOT or ""))
REQUEST = RecognitionRequest(
    "en",
    TimeDetail.CHARACTER,
    ChannelSelection.parse("0,1"),
    "accurate",
    Vocabulary((Phrase("tulip"), Phrase("$city", 0.5)), (DictionaryWord("Zoë", (("Z", "OW"),), ("zo",), "Zoe"),)),
    choice=LanguageChoice((LanguageOption("en"), LanguageOption("cs"))),
    speakers=SpeakerRequest(SpeakerMode.CHANGES, 2, 0.25),
    audio_events=True,
)
TRANSCRIPT = Transcript(
    "en",
    "tiny",
    1_500,
    (0, 1),
    (
        Segment(
            0,
            1,
            10,
            900,
            "Zoë's",
            0.5,
            (Word("Zoë's", 10, 900, 0.25, (Character("Z", 10, 40),), 1),),
            (LanguageScore("en", 0.75),),
        ),
    ),
    (SpeakerChange(10, 1),),
    (AudioEvent("Applause", 900, 1_500, 0.5, 1),),
)
DONE = Outcome(JobState.DONE, TRANSCRIPT)
REJECTED = Outcome(JobState.REJECTED, remark=Remark("undecodable_audio", "It is \x00 a letter to \U0001f337."))
FAILED = Outcome(JobState.FAILED, remark=Remark("internal_error", "It broke."))
NEW = NewJob("phonexia_4", "anna", "call.wav", REQUEST, "m", 100)
ORDER = CallbackOrder("http://receiver/news?\x00", "json-v2")
NO_END = 10**15
ROOM = 10**12
ALL = JobQuery(1_000)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.running() as url:
        yield url


TABLES = ["callbacks", "job_changes", "job_results", "jobs", "job_owners"]


def wipe(connection: Connection) -> None:
    """No jobs any more, and numbers from 1 again."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"TRUNCATE {', '.join(TABLES)} RESTART IDENTITY"))
    else:
        for table in (*TABLES, "sqlite_sequence"):
            connection.execute(text(f"DELETE FROM {table}"))


def empty(url: str) -> str:
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        if inspect(connection).has_table("jobs"):
            wipe(connection)
    engine.dispose()
    return url


@pytest.fixture(params=["memory", "sqlite", POSTGRESQL])
def another(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], JobStore]:
    """Makes stores over the same content, as two server processes have them."""
    if request.param == "memory":
        memory = MemoryJobs()
        return lambda: memory
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}"
    if request.param == "postgresql":
        url = empty(request.getfixturevalue("server"))
    return lambda: SqlJobs(Database(url))


@pytest.fixture
async def store(another: Callable[[], JobStore]) -> AsyncIterator[JobStore]:
    opened = another()
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
async def second(another: Callable[[], JobStore], store: JobStore) -> AsyncIterator[JobStore]:
    opened = another()
    await opened.open()
    yield opened
    await opened.aclose()


async def add(store: JobStore, *owners: str, **values: Any) -> list[Job]:
    return [
        await store.add(replace(NEW, owner=owner, **values), number, most_bytes=ROOM)
        for number, owner in enumerate(owners)
    ]


async def begin(store: JobStore, holder: str = "h", now_ms: int = 1_000) -> Job:
    job = await store.claim(Lease(holder, now_ms + 1_000), now_ms)
    assert job is not None
    return job


async def end(store: JobStore, outcome: Outcome = DONE, now_ms: int = 2_000, **values: Any) -> Job:
    """A new job that has ended so."""
    (job,) = await add(store, "anna", **values)
    claimed = await begin(store)
    assert claimed.number == job.number
    assert await store.finish(job.number, Lease("h", 0), outcome, now_ms, give_up_ms=NO_END)
    return await store.job(job.number)


def numbers(jobs: Sequence[Job]) -> list[int]:
    return [job.number for job in jobs]


# What is kept.


async def test_what_was_handed_in_is_there_for_every_process(store: JobStore, second: JobStore) -> None:
    new = NewJob(
        "d", "key \U0001f337", 'a\x00"\\ü\U0001f337.wav', REQUEST, "media", 7, b'{"a": "\\u0000"}', True, -3, ORDER
    )
    job = await store.add(new, 5, most_bytes=ROOM)
    assert job == await second.job(job.number) == await second.job_of_token(job.token)
    for field in ("dialect", "owner", "name", "request", "media", "media_bytes", "options", "keep_media", "priority"):
        assert getattr(job, field) == getattr(new, field)
    assert (job.state, job.created_ms, job.attempts) == (JobState.QUEUED, 5, 0)
    assert await second.history(job.number) == await store.history(job.number)


async def test_numbers_count_up_and_are_never_given_twice(store: JobStore, second: JobStore) -> None:
    assert numbers(await add(store, "a", "b")) == [1, 2]
    await store.remove(2)
    assert numbers(await add(second, "a")) == [3]


async def test_what_is_not_there_is_not_found(store: JobStore) -> None:
    for number in (1, 0, -1, 2**63, 10**30):
        for attempt in (
            store.job(number),
            store.history(number),
            store.transcript(number),
            store.cancel(number, 0, give_up_ms=0),
            store.retry(number, 0),
            store.remove(number),
        ):
            with pytest.raises(NotFound):
                await attempt
        await store.drop_media(number)
        assert await store.ahead(number) == 0
        assert await store.callback(number) is None
        lease = Lease("h", 1)
        assert not await store.renew(number, lease, done_ms=0, duration_ms=None)
        assert not await store.finish(number, lease, DONE, 0, give_up_ms=0)
        assert not await store.put_back(number, lease, 0, due_ms=0, counts=True)
        assert not await store.settle_callback(number, lease, CallbackState.DELIVERED, due_ms=0, error=None)
    for token in ("", "none", "\x00", "ü", "\ud800", "x" * 10_000):
        with pytest.raises(NotFound):
            await store.job_of_token(token)


async def test_lists_show_the_newest_first_page_by_page(store: JobStore) -> None:
    await add(store, *"abab", dialect="one")
    await add(store, *"ab", dialect="two")
    assert numbers(await store.jobs(ALL)) == [6, 5, 4, 3, 2, 1]
    assert numbers(await store.jobs(JobQuery(2))) == [6, 5]
    assert numbers(await store.jobs(JobQuery(2, before=5))) == [4, 3]
    assert numbers(await store.jobs(JobQuery(9, "one", "a"))) == [3, 1]
    assert numbers(await store.jobs(JobQuery(1, "one", "a", before=3))) == [1]
    assert numbers(await store.jobs(JobQuery(9, owner="b", before=10**30))) == [6, 4, 2]
    assert await store.jobs(JobQuery(9, before=-(10**30))) == []


async def test_lists_are_of_the_states_that_are_asked_for(store: JobStore) -> None:
    await add(store, "a", "b", "a")
    await store.cancel(1, 5, give_up_ms=0)
    running = await begin(store)
    ended, going = frozenset({JobState.DONE, JobState.CANCELLED}), frozenset({JobState.QUEUED, JobState.RUNNING})
    assert numbers(await store.jobs(JobQuery(9, states=ended))) == [1]
    assert numbers(await store.jobs(JobQuery(9, states=frozenset({JobState.RUNNING})))) == [running.number]
    assert numbers(await store.jobs(JobQuery(9, states=going))) == [3, 2]
    assert numbers(await store.jobs(JobQuery(1, states=ended | going))) == [3]
    assert numbers(await store.jobs(JobQuery(9, owner="a", states=ended | going, before=3))) == [1]
    assert await store.jobs(JobQuery(9, states=frozenset())) == []


# Room.


async def test_the_store_holds_no_more_than_it_may(store: JobStore) -> None:
    new = replace(NEW, media_bytes=40)
    for _ in range(2):
        await store.add(new, 0, most_bytes=100)
    with pytest.raises(StorageFull):
        await store.add(new, 0, most_bytes=100)
    await store.add(replace(NEW, media_bytes=20), 0, most_bytes=100)
    assert (await store.backlog()).bytes == 100
    await store.remove(1)
    await store.add(new, 0, most_bytes=100)


async def test_two_processes_together_have_no_more_room_than_one(store: JobStore, second: JobStore) -> None:
    new = replace(NEW, media_bytes=10)
    outcomes = await asyncio.gather(
        *(one.add(new, 0, most_bytes=45) for _ in range(6) for one in (store, second)), return_exceptions=True
    )
    assert Counter(type(outcome) for outcome in outcomes) == {Job: 4, StorageFull: 8}
    assert await store.backlog() == Backlog(4, 0, 40)


async def test_media_and_results_take_room_until_they_are_gone(store: JobStore) -> None:
    job = await end(store)
    with_result = (await store.backlog()).bytes
    assert with_result > NEW.media_bytes
    for _ in range(2):
        await store.drop_media(job.number)
        assert (await store.backlog()).bytes == with_result - NEW.media_bytes
    await store.remove(job.number)
    assert await store.backlog() == Backlog(0, 0, 0)


# Whose turn it is.


async def test_a_job_is_begun_by_one_process(store: JobStore, second: JobStore) -> None:
    await add(store, *"abcdefgh" * 3)
    claims = await asyncio.gather(
        *(one.claim(Lease(f"{n}-{id(one)}", 99), 50) for n in range(15) for one in (store, second))
    )
    begun = [job for job in claims if job is not None]
    assert sorted(numbers(begun)) == list(range(1, 25))
    assert all(job.state is JobState.RUNNING and job.attempts == 1 and job.started_ms == 50 for job in begun)
    assert await store.backlog() == Backlog(0, 24, 2_400)


async def test_higher_priority_goes_first_whoever_waits(store: JobStore) -> None:
    await add(store, "busy", "busy", "other")
    (low,) = await add(store, "other", priority=-5)
    (high,) = await add(store, "busy", priority=5)
    begun = [await begin(store, str(n)) for n in range(5)]
    assert begun[0].number == high.number
    assert begun[-1].number == low.number


@pytest.mark.parametrize("running", [0, 3])
async def test_one_job_waits_for_at_most_one_of_an_owner_with_many(store: JobStore, running: int) -> None:
    await add(store, *["busy"] * 60)
    for n in range(running):
        await begin(store, str(n))
    (mine,) = await add(store, "other")
    begun = [(await begin(store, f"then {n}")).number for n in range(2)]
    assert mine.number in begun


async def test_owners_with_as_many_running_take_turns_whatever_the_clock_says(store: JobStore) -> None:
    await add(store, *"aaaabbbbcccc")
    begun = ""
    for n, now_ms in enumerate([50, 40, 40, 60, 10, 10, 0, 0, 0, 90, 80, 70]):
        job = await begin(store, str(n), now_ms)
        begun += job.owner
        assert await store.finish(job.number, Lease(str(n), 0), DONE, now_ms, give_up_ms=0)
    assert begun == "abcabcabcabc"


async def test_who_has_fewer_running_comes_first(store: JobStore) -> None:
    await add(store, "a", "a", "a", "a", "b", "b")
    assert [(await begin(store, str(n))).owner for n in range(6)] == ["a", "b", "a", "b", "a", "a"]


async def test_the_oldest_of_an_owner_comes_first(store: JobStore) -> None:
    await add(store, *"aaa")
    assert [(await begin(store, str(n))).number for n in range(3)] == [1, 2, 3]


async def test_a_job_that_was_put_back_waits_until_it_is_due_and_keeps_nobody_waiting(store: JobStore) -> None:
    await add(store, "a", "a")
    assert await store.put_back((await begin(store, "h")).number, Lease("h", 0), 1_100, due_ms=5_000, counts=True)
    assert (await begin(store, "i", 4_999)).number == 2
    assert await store.claim(Lease("j", 9_999), 4_999) is None
    assert (await begin(store, "j", 5_000)).number == 1


@pytest.mark.parametrize("counts", [True, False])
async def test_an_attempt_counts_unless_it_is_taken_back(store: JobStore, counts: bool) -> None:
    await add(store, "a")
    job = await begin(store)
    assert await store.renew(job.number, Lease("h", 3_000), done_ms=70, duration_ms=700)
    await store.put_back(job.number, Lease("h", 0), 1_100, due_ms=0, counts=counts)
    queued = await store.job(job.number)
    assert (queued.state, queued.attempts, queued.started_ms, queued.done_ms) == (JobState.QUEUED, counts, None, 0)
    assert queued.duration_ms == 700
    assert (await begin(store)).attempts == counts + 1


async def test_as_many_are_ahead_as_are_begun_before(store: JobStore) -> None:
    """Alone in the store, and nothing is running: then the guess is exact."""
    await add(store, *"aaaaaabbcdd")
    await add(store, "b", "d", priority=2)
    queue = [job.number for job in await store.jobs(ALL)]
    ahead = {number: await store.ahead(number) for number in queue}
    begun = []
    for n in range(len(queue)):
        job = await begin(store, str(n))
        begun.append(job)
        await store.finish(job.number, Lease(str(n), 0), DONE, 0, give_up_ms=0)
        assert await store.ahead(job.number) == 0
    for position, job in enumerate(begun):
        assert abs(ahead[job.number] - position) <= len({job.owner for job in begun})


# Leases.


@pytest.mark.parametrize("why", ["another", "put back", "cancelled", "removed", "finished", "recovered", "begun anew"])
async def test_a_lease_that_is_over_changes_nothing(store: JobStore, second: JobStore, why: str) -> None:
    await add(store, "a", callback=ORDER)
    lease = Lease("stale", 2_000)
    await store.claim(lease, 1_000)
    match why:
        case "another":
            lease = Lease("somebody else", 2_000)
        case "put back":
            await second.put_back(1, lease, 1_100, due_ms=0, counts=True)
        case "cancelled":
            await second.cancel(1, 1_100, give_up_ms=0)
        case "removed":
            await second.remove(1)
        case "finished":
            await second.finish(1, lease, FAILED, 1_100, give_up_ms=0)
        case "recovered":
            await second.recover(2_000, most_attempts=9, give_up_ms=0)
        case "begun anew":
            await second.recover(2_000, most_attempts=9, give_up_ms=0)
            await begin(second, "newer", 3_000)
    before = [await store.jobs(ALL), await store.backlog(), await store.callback(1)]
    assert not await store.renew(1, lease, done_ms=5, duration_ms=5)
    assert not await store.finish(1, lease, DONE, 3_000, give_up_ms=0)
    assert not await store.put_back(1, lease, 3_000, due_ms=0, counts=False)
    assert [await store.jobs(ALL), await store.backlog(), await store.callback(1)] == before
    with pytest.raises(NotFound):
        await store.transcript(1)


async def test_a_renewed_lease_holds_longer_and_notes_the_progress(store: JobStore, second: JobStore) -> None:
    await add(store, "a")
    await store.claim(Lease("h", 2_000), 1_000)
    assert await store.renew(1, Lease("h", 5_000), done_ms=10, duration_ms=90)
    assert await store.renew(1, Lease("h", 5_000), done_ms=20, duration_ms=None)
    assert await second.recover(4_999, most_attempts=1, give_up_ms=0) == 0
    job = await second.job(1)
    assert (job.done_ms, job.duration_ms) == (20, 90)
    assert await second.recover(5_000, most_attempts=2, give_up_ms=0) == 1


async def test_what_a_killed_process_left_is_queued_again_until_it_was_begun_too_often(store: JobStore) -> None:
    await add(store, "a", callback=ORDER)
    for attempt in (1, 2):
        assert (await begin(store, str(attempt), attempt * 10_000)).attempts == attempt
        assert await store.callback(1) is None
        assert await store.recover(attempt * 10_000 + 5_000, most_attempts=2, give_up_ms=70_000) == 1
    job = await store.job(1)
    assert job.state is JobState.FAILED
    assert job.remark is not None
    assert (job.remark.code, job.ended_ms) == ("worker_lost", 25_000)
    assert await store.claim(Lease("h", 99_000), 90_000) is None
    news = await store.callback(1)
    assert news is not None
    assert (news.state, news.give_up_ms) == (CallbackState.WAITING, 70_000)


async def test_processes_that_recover_at_once_do_it_once(store: JobStore, second: JobStore) -> None:
    await add(store, *"abcd")
    for n in range(4):
        await begin(store, str(n))
    counts = await asyncio.gather(
        *(one.recover(9_000, most_attempts=5, give_up_ms=0) for one in (store, second) for _ in range(3))
    )
    assert sum(counts) == 4
    assert [len(await store.history(number)) for number in range(1, 5)] == [3] * 4


# The end.


@pytest.mark.parametrize("outcome", [DONE, REJECTED, FAILED])
async def test_a_job_ends_once(store: JobStore, second: JobStore, outcome: Outcome) -> None:
    await add(store, "a", callback=ORDER)
    await begin(store, "h")
    ends = await asyncio.gather(
        *(one.finish(1, Lease("h", 0), outcome, 3_000, give_up_ms=9_000) for _ in range(4) for one in (store, second))
    )
    assert sorted(ends) == [False] * 7 + [True]
    job = await second.job(1)
    assert (job.state, job.remark, job.ended_ms) == (outcome.state, outcome.remark, 3_000)
    assert await store.history(1) == [
        StateChange(0, JobState.QUEUED),
        StateChange(1_000, JobState.RUNNING),
        StateChange(3_000, outcome.state),
    ]
    news = await store.callback(1)
    assert news is not None
    assert (news.order, news.due_ms, news.give_up_ms, news.attempts) == (ORDER, 3_000, 9_000, 0)


async def test_the_transcript_of_a_job_that_is_done_is_kept_to_the_last_character(
    store: JobStore, second: JobStore
) -> None:
    job = await end(store)
    assert await second.transcript(job.number) == TRANSCRIPT
    assert (job.duration_ms, job.done_ms) == (TRANSCRIPT.duration_ms, TRANSCRIPT.duration_ms)


async def test_a_job_can_be_cancelled_until_it_has_ended(store: JobStore) -> None:
    await add(store, "a", "b", callback=ORDER)
    await begin(store, "h")
    for number in (1, 2):
        job = await store.cancel(number, 1_500, give_up_ms=NO_END)
        assert (job.state, job.ended_ms) == (JobState.CANCELLED, 1_500)
        assert await store.callback(number) is not None
        with pytest.raises(Conflict):
            await store.cancel(number, 1_600, give_up_ms=NO_END)
    assert await store.claim(Lease("i", 9_000), 5_000) is None
    assert await store.backlog() == Backlog(0, 0, 200)


@pytest.mark.parametrize("outcome", [REJECTED, FAILED, Outcome(JobState.CANCELLED)])
async def test_what_ended_without_a_result_can_be_tried_again_as_if_it_were_new(
    store: JobStore, outcome: Outcome
) -> None:
    job = await end(store, outcome, callback=ORDER)
    again = await store.retry(job.number, 4_000)
    added = replace(job, state=JobState.QUEUED, started_ms=None, ended_ms=None, attempts=0, remark=None)
    assert again == added == await store.job(job.number)
    assert await store.callback(job.number) is None
    assert (await begin(store, "again", 5_000)).attempts == 1
    assert await store.finish(job.number, Lease("again", 0), DONE, 6_000, give_up_ms=NO_END)
    news = await store.callback(job.number)
    assert news is not None
    assert (news.due_ms, news.attempts) == (6_000, 0)


async def test_what_cannot_be_tried_again_stays_as_it_is(store: JobStore) -> None:
    done, rejected = await end(store), await end(store, REJECTED)
    await store.drop_media(rejected.number)
    waiting, going = await add(store, "a", "b")
    await begin(store)
    before = await store.jobs(ALL)
    for job in (done, rejected, waiting, going):
        with pytest.raises(Conflict):
            await store.retry(job.number, 9_000)
    assert await store.jobs(ALL) == before


async def test_the_history_never_goes_back_in_time(store: JobStore) -> None:
    await store.add(NEW, 500, most_bytes=ROOM)
    job = await begin(store, "h", 100)
    await store.put_back(job.number, Lease("h", 0), 700, due_ms=0, counts=True)
    ended = await store.cancel(job.number, 0, give_up_ms=0)
    history = await store.history(job.number)
    assert [change.at_ms for change in history] == [500, 500, 700, 700]
    assert (job.started_ms, ended.ended_ms) == (500, 700)


async def test_removal_leaves_nothing(store: JobStore, second: JobStore) -> None:
    job = await end(store, callback=ORDER)
    assert await second.remove(job.number, only_final=True) == job
    for attempt in (store.job(job.number), store.history(job.number), store.transcript(job.number)):
        with pytest.raises(NotFound):
            await attempt
    assert await store.callback(job.number) is None
    assert await store.claim_callback(NO_END, Lease("h", NO_END)) is None
    assert await store.keeps_media([NEW.media]) == set()
    assert await store.backlog() == Backlog(0, 0, 0)


async def test_only_jobs_that_have_ended_are_removed_where_that_is_asked(store: JobStore) -> None:
    await add(store, "a", "b")
    await begin(store, "h")
    for number in (1, 2):
        with pytest.raises(Conflict):
            await store.remove(number, only_final=True)
        await store.remove(number)
    assert await store.backlog() == Backlog(0, 0, 0)
    assert not await store.renew(1, Lease("h", 9_000), done_ms=1, duration_ms=None)


# What is left to be done with those that have ended.


async def test_old_jobs_are_found_once_nobody_waits_for_their_news(store: JobStore) -> None:
    late = await end(store, now_ms=9_000)
    early = await end(store, FAILED, now_ms=3_000)
    await add(store, "b")
    assert numbers(await store.ended_before(9_001, 5)) == [early.number, late.number]
    assert numbers(await store.ended_before(9_000, 5)) == [early.number]
    assert numbers(await store.ended_before(9_001, 1)) == [early.number]


async def test_media_can_go_once_nothing_can_need_it(store: JobStore) -> None:
    done, rejected = await end(store), await end(store, REJECTED)
    for outcome in (FAILED, Outcome(JobState.CANCELLED)):
        await end(store, outcome)
    await end(store, keep_media=True)
    (waiting,) = await add(store, "a")
    assert numbers(await store.disposable_media(9)) == [done.number, rejected.number]
    assert numbers(await store.disposable_media(1)) == [done.number]
    await store.drop_media(done.number)
    assert numbers(await store.disposable_media(9)) == [rejected.number]
    assert (await store.job(done.number)).media is None
    await store.drop_media(waiting.number)
    assert (await store.job(waiting.number)).media is not None


async def test_it_is_known_which_media_jobs_refer_to(store: JobStore) -> None:
    await store.drop_media((await end(store, media="two")).number)
    await add(store, "a", media="one")
    await add(store, "a", media="three")
    names = ["one", "two", "three", "four", *map(str, range(2_000))]
    assert await store.keeps_media(names) == {"one", "three"}
    assert await store.keeps_media([]) == set()


# News.


async def test_news_are_claimed_by_one_process_the_longest_due_first(store: JobStore, second: JobStore) -> None:
    for now_ms in (5_000, 3_000, 4_000):
        await end(store, now_ms=now_ms, callback=ORDER)
    await end(store)
    assert await store.claim_callback(2_999, Lease("h", 9_000)) is None
    claims = []
    for n, one in enumerate((store, second, store, second)):
        claims.append(await one.claim_callback(6_000, Lease(str(n), 9_000)))
    assert [claim and claim[0].due_ms for claim in claims] == [3_000, 4_000, 5_000, None]
    for claim in claims[:3]:
        assert claim is not None
        assert claim[1] == await store.job(claim[0].number)
    together = await asyncio.gather(
        *(one.claim_callback(9_000, Lease(str(id(one)) + str(n), 99_000)) for n in range(4) for one in (store, second))
    )
    assert sorted(claim[0].number for claim in together if claim is not None) == [1, 2, 3]


async def test_news_for_a_busy_receiver_keep_no_other_waiting(store: JobStore) -> None:
    slow, quick = CallbackOrder("http://slow:80/a"), CallbackOrder("http://quick/b")
    for now_ms, order in ((3_000, slow), (4_000, slow), (5_000, quick)):
        await end(store, now_ms=now_ms, callback=order)
    claims = [await store.claim_callback(6_000, Lease(str(n), 9_000), busy=[slow.receiver]) for n in range(2)]
    assert [claim and claim[0].order for claim in claims] == [quick, None]
    claims = [await store.claim_callback(6_000, Lease(f"then {n}", 9_000), busy=["other"]) for n in range(3)]
    assert [claim and claim[0].order for claim in claims] == [slow, slow, None]


async def test_an_attempt_to_tell_is_settled_once_and_by_who_made_it(store: JobStore, second: JobStore) -> None:
    job = await end(store, callback=ORDER)
    await store.claim_callback(5_000, Lease("h", 9_000))
    waiting = CallbackState.WAITING
    assert not await second.settle_callback(job.number, Lease("i", 0), waiting, due_ms=1, error=None)
    assert await second.settle_callback(job.number, Lease("h", 0), waiting, due_ms=7_000, error="503 \x00")
    assert not await second.settle_callback(job.number, Lease("h", 0), waiting, due_ms=8_000, error=None)
    news = await store.callback(job.number)
    assert news is not None
    assert (news.attempts, news.due_ms, news.last_error, news.state) == (1, 7_000, "503 \x00", waiting)
    assert await store.claim_callback(6_999, Lease("j", 9_000)) is None
    assert await store.claim_callback(7_000, Lease("j", 9_000)) is not None


@pytest.mark.parametrize("state", [CallbackState.DELIVERED, CallbackState.GIVEN_UP])
async def test_news_that_arrived_or_were_given_up_are_told_no_more(store: JobStore, state: CallbackState) -> None:
    job = await end(store, callback=ORDER)
    assert await store.ended_before(NO_END, 9) == []
    await store.claim_callback(5_000, Lease("h", 9_000))
    assert await store.settle_callback(job.number, Lease("h", 0), state, due_ms=0, error=None)
    assert await store.claim_callback(NO_END, Lease("i", NO_END)) is None
    news = await store.callback(job.number)
    assert news is not None
    assert (news.state, news.attempts, news.last_error) == (state, 1, None)
    assert numbers(await store.ended_before(NO_END, 9)) == [job.number]


async def test_news_for_receivers_that_are_busy_are_left_for_later(store: JobStore) -> None:
    for url in ("http://u:p@Slow.example:81/a?b", "http://slow.example:81", "https://fast.example?@slow.example:81"):
        await end(store, callback=CallbackOrder(url))
    claim = await store.claim_callback(5_000, Lease("h", 9_000), busy=["slow.example:81", "other.example"])
    assert claim is not None
    assert claim[0].number == 3
    assert await store.claim_callback(5_000, Lease("i", 9_000), busy=["slow.example:81"]) is None
    assert await store.claim_callback(5_000, Lease("j", 9_000), busy=["fast.example"]) is not None


async def test_news_of_a_killed_process_are_told_by_another(store: JobStore, second: JobStore) -> None:
    await end(store, callback=ORDER)
    await store.claim_callback(5_000, Lease("h", 9_000))
    assert await second.claim_callback(8_999, Lease("i", 10_000)) is None
    assert await second.claim_callback(9_000, Lease("i", 10_000)) is not None


async def test_news_of_an_end_that_was_undone_are_not_told(store: JobStore) -> None:
    job = await end(store, FAILED, callback=ORDER)
    await store.claim_callback(5_000, Lease("h", 9_000))
    await store.retry(job.number, 6_000)
    assert not await store.settle_callback(job.number, Lease("h", 0), CallbackState.DELIVERED, due_ms=0, error=None)
    assert await store.claim_callback(NO_END, Lease("i", NO_END)) is None


# All of it at once: whatever is asked for, the store in memory and those over SQL do the same.

TIMES = st.integers(0, 40)
NUMBERS = st.integers(1, 4)
LEASES = st.builds(Lease, st.sampled_from("hij"), TIMES)


def call(method: str, *values: st.SearchStrategy[Any], **named: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.just(method), st.tuples(*values), st.fixed_dictionaries(named))


NEW_JOBS = st.builds(
    NewJob,
    st.sampled_from(["one", "two"]),
    st.sampled_from("ab"),
    st.just("name"),
    st.just(REQUEST),
    st.sampled_from(["m1", "m2", "m3"]),
    st.integers(1, 50),
    keep_media=st.booleans(),
    priority=st.integers(0, 1),
    callback=st.sampled_from([None, ORDER]),
)
CLAIM = call("claim", LEASES, TIMES)
FINISH = call("finish", NUMBERS, LEASES, st.sampled_from([DONE, REJECTED, FAILED]), TIMES, give_up_ms=TIMES)
CALLS = st.one_of(
    call("add", NEW_JOBS, TIMES, most_bytes=st.just(ROOM)),
    CLAIM,
    CLAIM,
    FINISH,
    FINISH,
    call("renew", NUMBERS, LEASES, done_ms=TIMES, duration_ms=st.one_of(st.none(), TIMES)),
    call("put_back", NUMBERS, LEASES, TIMES, due_ms=TIMES, counts=st.booleans()),
    call("recover", TIMES, most_attempts=st.integers(1, 3), give_up_ms=TIMES),
    call("cancel", NUMBERS, TIMES, give_up_ms=TIMES),
    call("retry", NUMBERS, TIMES),
    call("drop_media", NUMBERS),
    call("remove", NUMBERS, only_final=st.booleans()),
    call("claim_callback", TIMES, LEASES),
    call(
        "settle_callback",
        NUMBERS,
        LEASES,
        st.sampled_from(CallbackState),
        due_ms=TIMES,
        error=st.sampled_from([None, "503"]),
    ),
)


@dataclass(frozen=True)
class View:
    """All that can be seen of a store, but for the tokens, and the size of results, which are its own affair."""

    jobs: list[Job]
    histories: list[Sequence[StateChange]]
    others: list[Any]


def without_token(seen: Any) -> Any:
    match seen:
        case Job():
            return replace(seen, token="")
        case (callback, Job() as job):
            return callback, without_token(job)
    return seen


async def outcome(store: JobStore, method: str, values: tuple[Any, ...], named: dict[str, Any]) -> Any:
    try:
        return without_token(await getattr(store, method)(*values, **named))
    except DragomanError as error:
        return error.code


async def view(store: JobStore) -> View:
    jobs = [without_token(job) for job in await store.jobs(ALL)]
    backlog = await store.backlog()
    others: list[Any] = [backlog.queued, backlog.running, await store.keeps_media(["m1", "m2", "m3"])]
    others += [numbers(await store.ended_before(time_ms, 2)) for time_ms in (20, 99)]
    others += [numbers(await store.disposable_media(3))]
    others += [numbers(await store.jobs(JobQuery(2, "one", "a", frozenset({state}), 4))) for state in JobState]
    others += [numbers(await store.jobs(JobQuery(2, owner="b", states=frozenset(JobState))))]
    others += [await outcome(store, "transcript", (job.number,), {}) for job in jobs]
    others += [await outcome(store, "callback", (job.number,), {}) for job in jobs]
    others += [await outcome(store, "ahead", (job.number,), {}) for job in jobs]
    return View(jobs, [await store.history(job.number) for job in jobs], others)


async def check_sums(database: Database, store: JobStore) -> None:
    sums = text(
        "SELECT (SELECT count(*) FROM jobs WHERE state = 'queued'),"
        " (SELECT count(*) FROM jobs WHERE state = 'running'),"
        " coalesce((SELECT sum(media_bytes) FROM jobs WHERE media IS NOT NULL), 0)"
        " + coalesce((SELECT sum(length(transcript)) FROM job_results), 0)"
    )
    row = await database.read(lambda connection: connection.execute(sums).one())
    assert await store.backlog() == Backlog(*map(int, row))


@pytest.mark.parametrize("kind", ["sqlite", POSTGRESQL])
def test_every_store_does_what_the_one_in_memory_does(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """And on the way: every change of state is one of ``CHANGES``, and what owners' jobs come to is always the sum."""
    url = f"sqlite:///{tmp_path / 'store.sqlite3'}" if kind == "sqlite" else empty(request.getfixturevalue("server"))
    database = Database(url)
    store = SqlJobs(database)

    async def compare(calls: list[Any]) -> None:
        await database.write(wipe)
        model = MemoryJobs()
        for one in calls:
            assert await outcome(store, *one) == await outcome(model, *one)
        seen = await view(store)
        assert seen == await view(model)
        await check_sums(database, store)
        for job, history in zip(seen.jobs, seen.histories, strict=True):
            states = [change.state for change in history]
            assert states[0] is JobState.QUEUED
            assert states[-1] is job.state
            assert all(after in CHANGES[before] for before, after in pairwise(states))
            assert [change.at_ms for change in history] == sorted(change.at_ms for change in history)

    with asyncio.Runner() as runner:
        runner.run(store.open())

        @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(st.lists(CALLS, max_size=30))
        def law(calls: list[Any]) -> None:
            runner.run(compare(calls))

        law()
        runner.run(store.aclose())
