"""Jobs on a disk that is full: nothing is taken, nothing is lost, and all goes on when there is room again.

The disk is a small one in memory, which only root may mount.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from command import Dragoman
from crash.servers import Server
from noise import noise_file

pytestmark = pytest.mark.realtime

DISK_MB = 32
MARGIN_MB = 4
SPEECHMATICS = "/v1/user/1/jobs/"
PHONEXIA = "/api/technology/speech-to-text"
PATHS = (SPEECHMATICS, PHONEXIA)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = os.name == "posix" and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", folder], capture_output=True, check=False
    )
    if not mounted or mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture
async def client(tmp_path: Path, disk: Path) -> AsyncIterator[httpx.AsyncClient]:
    command = Dragoman(tmp_path, script={"seconds_per_second": 1})
    command.environment |= {"DRAGOMAN_STATE_DIR": str(disk / "state"), "DRAGOMAN_MIN_FREE_DISK_MB": str(MARGIN_MB)}
    server = Server(command, tmp_path / "log")
    server.start()
    try:
        await server.ready()
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            yield client
            assert (await client.get("/healthz")).status_code == 200
            assert "Traceback" not in (tmp_path / "log").read_text()
        await server.stop()
    finally:
        if server.alive:
            server.kill_group()


def fill(disk: Path, left_mb: float) -> Path:
    """A file that leaves so much free."""
    room = os.statvfs(disk)
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:  # the server writes, too
        for _ in range(int((room.f_bavail * room.f_bsize - left_mb * 2**20) / 4096)):
            file.write(bytes(4096))
    return filler


async def submit(client: httpx.AsyncClient, path: str, data: bytes) -> httpx.Response:
    if path == PHONEXIA:
        return await client.post(path, params={"language": "en-US"}, files={"file": ("a.wav", data)})
    return await client.post(path, data={"model": "en"}, files={"data_file": ("a.wav", data)})


async def submit_unannounced(client: httpx.AsyncClient, path: str, data: bytes) -> httpx.Response:
    """Nobody says how much it is before it is there."""

    async def body() -> AsyncIterator[bytes]:
        if path == SPEECHMATICS:
            yield b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nen\r\n'
        name = "data_file" if path == SPEECHMATICS else "file"
        yield f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a.wav"\r\n\r\n'.encode()
        for start in range(0, len(data), 65_536):
            yield data[start : start + 65_536]
        yield b"\r\n--x--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=x"}
    return await client.post(path, params={"language": "en-US"}, content=body(), headers=headers)


def check_refusal(path: str, reply: httpx.Response) -> None:
    """The vendor's own."""
    assert reply.status_code == 507, reply.text
    told: dict[str, Any] = reply.json()
    if path == PHONEXIA:
        assert (told["type"], told["message"]) == ("storage.capacity-exceeded", "Storage capacity exceeded.")
    else:
        assert told["code"] == 507
        assert told["error"]


async def state_of(client: httpx.AsyncClient, accepted: httpx.Response) -> str:
    job = accepted.json()
    if "id" in job:
        state: str = (await client.get(f"{SPEECHMATICS}{job['id']}/")).json()["job"]["job_status"]
    else:
        state = (await client.get(f"{PHONEXIA}/{job['task']['task_id']}")).json()["task"]["state"]
    return state


async def until_done(client: httpx.AsyncClient, accepted: httpx.Response) -> None:
    end = time.monotonic() + 60
    while (state := await state_of(client, accepted)) != "done":
        assert time.monotonic() < end, state
        time.sleep(0.05)


def media(disk: Path) -> set[Path]:
    return {
        path
        for path in (disk / "state" / "media").rglob("*")
        if path.is_file() and path.name not in ("lock", "dragoman-media")
    }


async def test_a_disk_that_is_nearly_full_takes_no_job_until_there_is_room(
    client: httpx.AsyncClient, disk: Path, tmp_path: Path
) -> None:
    data = noise_file(tmp_path / "a.wav", [(1.0, 0.5)]).read_bytes()
    filler = fill(disk, MARGIN_MB - 1)
    for path in PATHS:
        check_refusal(path, await submit(client, path, data))
    assert media(disk) == set()
    filler.unlink()
    for path in PATHS:
        await until_done(client, await submit(client, path, data))


async def test_an_upload_that_does_not_fit_leaves_nothing(
    client: httpx.AsyncClient, disk: Path, tmp_path: Path
) -> None:
    fill(disk, MARGIN_MB + 1)
    for path in PATHS:
        check_refusal(path, await submit_unannounced(client, path, bytes((MARGIN_MB + 4) * 2**20)))
        assert media(disk) == set()
    data = noise_file(tmp_path / "a.wav", [(1.0, 0.5)]).read_bytes()
    for path in PATHS:
        await until_done(client, await submit(client, path, data))


async def test_a_job_whose_result_finds_no_room_is_done_when_there_is_some(
    client: httpx.AsyncClient, disk: Path, tmp_path: Path
) -> None:
    data = noise_file(tmp_path / "a.wav", [(3.0, 0.5)]).read_bytes()
    accepted = [await submit(client, path, data) for path in PATHS]
    filler = fill(disk, 0)
    time.sleep(6)
    for path, job in zip(PATHS, accepted, strict=True):
        assert await state_of(client, job) in ("pending", "running", "transcribing")
        check_refusal(path, await submit(client, path, data))
    filler.unlink()
    for job in accepted:
        await until_done(client, job)
