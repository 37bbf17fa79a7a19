"""The spool: private, bounded in memory, swept."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dragoman.core.errors import StorageFull, Unavailable
from dragoman.transport.spool import Spool, SpoolFile

pytestmark = pytest.mark.unit

DIE_WITH_AN_UPLOAD = """
import os, signal, sys
from pathlib import Path
from dragoman.transport.spool import Spool
spool = Spool(Path(sys.argv[1]))
spool.open()
spool.create()
os.kill(os.getpid(), signal.SIGKILL)
"""


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]


async def test_an_upload_is_stored_whole_and_goes_with_its_block(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.open()
    pieces = [os.urandom(size) for size in (1, 1 << 20, 0, 3 << 20, 17)]
    with spool.create() as file:
        for piece in pieces:
            file.add(piece)
            if file.is_full:
                await file.store()
        await file.finish()
        assert file.path.read_bytes() == b"".join(pieces)
        assert file.size == sum(map(len, pieces))
    assert files(tmp_path) == []
    spool.close()
    assert list(tmp_path.rglob("*")) == []


async def test_nobody_else_can_read_uploads(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.open()
    with spool.create() as file:
        assert file.path.stat().st_mode & 0o077 == 0
        assert file.path.parent.stat().st_mode & 0o077 == 0
    spool.close()


def test_uploads_of_a_killed_server_are_removed_and_those_of_a_running_one_stay(tmp_path: Path) -> None:
    running = Spool(tmp_path)
    running.open()
    with running.create() as kept:
        dead = subprocess.run([sys.executable, "-c", DIE_WITH_AN_UPLOAD, str(tmp_path)], check=False)
        assert dead.returncode == -signal.SIGKILL
        assert len(files(tmp_path)) == 2
        later = Spool(tmp_path)
        later.open()
        assert files(tmp_path) == [kept.path]
        later.close()
    running.close()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_server_was_killed_before_it_was_locked_goes_in_time(tmp_path: Path) -> None:
    old, fresh = tmp_path / "dragoman-new-old", tmp_path / "dragoman-new-fresh"
    for folder in (old, fresh):
        folder.mkdir()
        (folder / "lock").touch()
    os.utime(old, (0, 0))
    spool = Spool(tmp_path)
    spool.open()
    spool.close()
    assert list(tmp_path.iterdir()) == [fresh]


def test_only_folders_of_this_kind_are_removed(tmp_path: Path) -> None:
    stranger = tmp_path / "dragoman-spool-of-someone-else"
    stranger.mkdir()
    (stranger / "file").write_text("kept")
    spool = Spool(tmp_path)
    spool.open()
    spool.close()
    assert files(tmp_path) == [stranger / "file"]


def test_a_closed_spool_takes_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Spool(tmp_path).create()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
async def test_a_full_disk_is_a_reason_to_come_back_later(tmp_path: Path) -> None:
    with SpoolFile(os.open("/dev/full", os.O_WRONLY), str(tmp_path / "upload")) as file:
        file.add(b"x")
        with pytest.raises(Unavailable, match="room"):
            await file.finish()


async def test_what_is_to_stay_free_on_the_disk_is_not_taken(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    for free_bytes, fits in ((free // 2, True), (2 * free, False)):
        spool = Spool(tmp_path, free_bytes=free_bytes)
        spool.open()
        with spool.create() as file:
            file.add(b"x")
            if fits:
                await file.finish()
            else:
                with pytest.raises(StorageFull):
                    await file.finish()
        assert files(tmp_path) == []
        spool.close()


async def test_a_cancelled_store_leaves_no_thread_behind(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    with SpoolFile(writing, str(tmp_path / "upload")) as file:
        file.add(bytes(1 << 20))  # more than a pipe holds: the thread waits for the reader
        storing = asyncio.create_task(file.store())
        await asyncio.sleep(0)
        storing.cancel()
        received = 0
        while received < 1 << 20:
            received += len(await asyncio.to_thread(os.read, reading, 1 << 16))
        with pytest.raises(asyncio.CancelledError):
            await storing
    os.close(reading)
