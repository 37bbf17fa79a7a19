"""One run: servers, clients, a receiver of callbacks, and what happens to them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from command import Dragoman
from crash.clients import Crowd
from crash.databases import Database
from crash.receiver import Receiver
from crash.recordings import listen, make_files
from crash.servers import Mayhem, Server
from crash.verdict import Findings, inspect, make_orphans_old, until_delivered

LEASE_S = 2
_SCRIPT = {"seconds_per_second": 0.1}
_CALM_S = 6.0
_QUIET_S = 120.0
_HEALTH_S = 2.0
_PAUSE_S = 0.1
_REPORT_S = 10.0

Say = Callable[[str], None]


@dataclass(slots=True)
class Outcome:
    """``kills`` by what was killed; ``refusals`` are what clients were told, or not told, that promised nothing."""

    kills: dict[str, int] = field(default_factory=dict)
    ended_alone: int = 0
    accepted: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    slowest_s: dict[str, float] = field(default_factory=dict)
    callbacks: int = 0
    findings: Findings = field(default_factory=Findings)


@dataclass(frozen=True, slots=True)
class Scene:
    """``servers`` over one ``database``, which is in a folder like all they keep."""

    folder: Path
    database: Database
    servers: int = 1
    seed: int = 1
    say: Say = lambda line: None


@dataclass(slots=True, eq=False)
class Running:
    fleet: list[Server]
    crowd: Crowd
    rng: random.Random
    outcome: Outcome


async def crash(scene: Scene, kills: int, *, mean_s: float = 1.2) -> Outcome:
    """Kill servers and workers so often, at random moments that are ``mean_s`` apart on average."""
    async with _running(scene, most_attempts=10 * kills) as running:
        mayhem = Mayhem(running.fleet, running.rng, kills, mean_s=mean_s, calm_s=_CALM_S)
        running.outcome.kills = mayhem.kills
        await mayhem.run()
        running.outcome.ended_alone = mayhem.ended_alone
    return running.outcome


async def outage(scene: Scene, seconds: float) -> Outcome:
    """Take the database away for so long. The servers stay healthy."""
    async with _running(scene, most_attempts=10) as running, httpx.AsyncClient(timeout=_HEALTH_S) as client:
        await asyncio.sleep(3)
        accepted = len(running.crowd.promises)
        until = asyncio.get_running_loop().time() + seconds
        with scene.database.away():
            while asyncio.get_running_loop().time() < until:
                for server in running.fleet:
                    try:
                        (await client.get(f"{server.url}/healthz")).raise_for_status()
                    except httpx.HTTPError as error:
                        running.crowd.complaints.append(f"not healthy without the database: {error!r}")
                await asyncio.sleep(_PAUSE_S)
            scene.say(f"the database is back; {accepted} were accepted before, {len(running.crowd.promises)} now")
        running.outcome.ended_alone = sum(not server.alive for server in running.fleet)
        await asyncio.sleep(3)
    return running.outcome


@asynccontextmanager
async def _running(scene: Scene, most_attempts: int) -> AsyncIterator[Running]:
    """At the end of the block all is left in peace; then ``outcome`` tells what became of what was promised."""
    rng = random.Random(scene.seed)
    state = scene.folder / "state"
    command = Dragoman(scene.folder, script=_SCRIPT)
    command.environment |= {
        "DRAGOMAN_STATE_DIR": str(state),
        "DRAGOMAN_DATABASE_URL": scene.database.url,
        "DRAGOMAN_JOB_LEASE_S": str(LEASE_S),
        "DRAGOMAN_MAX_JOB_ATTEMPTS": str(most_attempts),
        "DRAGOMAN_RATE_LIMIT": "none",
        "DRAGOMAN_CALLBACK_PRIVATE_ADDRESSES": "true",
        "DRAGOMAN_CALLBACK_TIMEOUT_S": "3",
    }
    spool = Path(command.environment["DRAGOMAN_SPOOL_DIR"])
    fleet = [Server(command, scene.folder / f"server{number}.log") for number in range(scene.servers)]
    outcome = Outcome()
    try:
        async with Receiver(random.Random(scene.seed)) as receiver, httpx.AsyncClient(timeout=60) as client:
            for server in fleet:
                server.start()
            for server in fleet:
                await server.ready()
            files = make_files(scene.folder / "recordings", scene.seed)
            recordings = await listen(client, fleet[0].url, files, scene.seed)
            crowd = Crowd([server.url for server in fleet], recordings, receiver.url, rng)
            tasks = [
                asyncio.create_task(crowd.run(), name="clients"),
                asyncio.create_task(_report(crowd, outcome, scene.say), name="report"),
            ]
            try:
                yield Running(fleet, crowd, rng, outcome)
                scene.say("quiet")
                unended = await crowd.settle(_QUIET_S)
                with suppress(TimeoutError):  # the verdict will tell
                    await until_delivered(scene.database.url, crowd.news, _QUIET_S)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)
            await _restart(fleet, scene.database.url, state, spool)
        outcome.findings = await inspect(scene.database.url, state, spool, crowd, receiver.received)
        outcome.findings.stuck += [f"{promise.dialect} {promise.id} never ended" for promise in unended]
        outcome.findings.left += command.survivors()
        outcome.accepted = len(crowd.promises)
        outcome.slowest_s = crowd.slowest_s
        outcome.refusals = dict(crowd.refusals)
        outcome.callbacks = sum(len(bodies) for bodies in receiver.received.values())
    finally:
        for server in fleet:
            if server.alive:
                server.kill_group()


async def _restart(fleet: list[Server], url: str, state: Path, spool: Path) -> None:
    """What the next start cleans up once it is old enough is old enough, and cleaned up. In the end no server runs."""
    for server in fleet:
        await server.stop()
    await make_orphans_old(url, state, spool)
    for server in fleet:
        server.start()
    for server in fleet:
        await server.ready()
    await asyncio.sleep(LEASE_S)  # twice as long as it takes until the server looks
    for server in fleet:
        await server.stop()


async def _report(crowd: Crowd, outcome: Outcome, say: Say) -> None:
    while True:
        await asyncio.sleep(_REPORT_S)
        say(
            f"{sum(outcome.kills.values())} kills, {len(crowd.promises)} accepted, {len(crowd.unended)} at work, "
            f"{dict(crowd.refusals)}, {len(crowd.complaints)} complaints"
        )
