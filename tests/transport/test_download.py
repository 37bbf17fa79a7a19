"""Laws of fetching a file, against a real server: it is whole and right at the end, or it is not there."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from dragoman.core.models import ModelFile
from dragoman.service.download import DownloadFailed, fetch_file, may_be_fetched
from dragoman.transport.download import fetch
from file_server import FileServer, serving

pytestmark = pytest.mark.unit

DATA = random.Random(7).randbytes(300_000)
NAME = "model.bin"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving({NAME: DATA}) as running:
        yield running


def described(server: FileServer, data: bytes = DATA) -> ModelFile:
    return ModelFile(NAME, len(data), hashlib.sha256(data).hexdigest(), server.url(NAME))


def broken_off(server: FileServer, target: Path, *, after: int = 100_000) -> None:
    server.break_after = after
    with pytest.raises(DownloadFailed, match="broke"):
        fetch_file(fetch, described(server), target)
    server.break_after = None
    assert not target.exists()


def test_a_file_comes_whole_and_alone(server: FileServer, tmp_path: Path) -> None:
    target, seen = tmp_path / "deep" / NAME, list[int]()
    fetch_file(fetch, described(server), target, seen.append)
    assert target.read_bytes() == DATA
    assert seen == sorted(seen)
    assert seen[-1] == len(DATA)
    assert [path.name for path in target.parent.iterdir()] == [NAME]


def test_what_is_there_is_not_asked_for(server: FileServer, tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(DATA)
    fetch_file(fetch, described(server), tmp_path / NAME)
    assert server.asked == []


def test_what_broke_off_goes_on_where_it_was(server: FileServer, tmp_path: Path) -> None:
    target = tmp_path / NAME
    broken_off(server, target)
    fetch_file(fetch, described(server), target)
    assert target.read_bytes() == DATA
    assert [asked.range for asked in server.asked] == [None, "bytes=100000-"]
    assert server.asked[-1].if_range == server.etag


def test_it_may_break_off_many_times(server: FileServer, tmp_path: Path) -> None:
    target = tmp_path / NAME
    for _ in range(2):
        broken_off(server, target)
    fetch_file(fetch, described(server), target)
    assert target.read_bytes() == DATA


def test_a_server_that_sends_no_parts_sends_everything(server: FileServer, tmp_path: Path) -> None:
    target = tmp_path / NAME
    broken_off(server, target)
    server.ranges = False
    fetch_file(fetch, described(server), target)
    assert target.read_bytes() == DATA


def test_a_file_that_changed_in_between_begins_anew(server: FileServer, tmp_path: Path) -> None:
    target, other = tmp_path / NAME, DATA[::-1]
    broken_off(server, target)
    server.etag, server.files[NAME] = '"two"', other
    fetch_file(fetch, described(server, other), target)
    assert target.read_bytes() == other


def test_a_server_that_ignores_the_condition_does_no_harm(server: FileServer, tmp_path: Path) -> None:
    target, other = tmp_path / NAME, DATA[::-1]
    broken_off(server, target)
    server.etag, server.files[NAME], server.heeds_conditions = '"two"', other, False
    fetch_file(fetch, described(server, other), target)
    assert target.read_bytes() == other


def test_a_beginning_that_is_none_is_noticed_by_its_checksum(server: FileServer, tmp_path: Path) -> None:
    target = tmp_path / NAME
    broken_off(server, target)
    (partial,) = tmp_path.glob("*.part")
    partial.write_bytes(b"\0" * partial.stat().st_size)
    fetch_file(fetch, described(server), target)
    assert target.read_bytes() == DATA


def test_nothing_is_kept_that_nobody_could_go_on_from(server: FileServer, tmp_path: Path) -> None:
    server.etag = None
    broken_off(server, tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("weak", ['W/"one"', "one", '"on\te"'])
def test_a_weak_tag_is_not_gone_on_with(server: FileServer, tmp_path: Path, weak: str) -> None:
    server.etag = weak
    broken_off(server, tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_checksum_is_said_and_nothing_stays(server: FileServer, tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match=f"{NAME} does not have the checksum"):
        fetch_file(fetch, described(server, DATA[::-1]), tmp_path / NAME)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("says_length", [True, False])
@pytest.mark.parametrize("other", [DATA[:-1], DATA + b"x", b""])
def test_a_wrong_size_is_said_and_nothing_is_installed(
    server: FileServer, tmp_path: Path, other: bytes, says_length: bool
) -> None:
    server.says_length, server.files[NAME] = says_length, other
    with pytest.raises(DownloadFailed, match=NAME):
        fetch_file(fetch, described(server), tmp_path / NAME)
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize(
    ("status", "said"), [(401, "permission"), (403, "permission"), (404, "out of date"), (500, "500")]
)
def test_a_refusal_is_said_with_its_host_and_without_the_path(
    server: FileServer, tmp_path: Path, status: int, said: str
) -> None:
    server.answers[NAME] = status, {"Content-Length": "0"}
    with pytest.raises(DownloadFailed, match=said) as failure:
        fetch_file(fetch, described(server), tmp_path / NAME)
    assert "127.0.0.1" in str(failure.value)
    assert "/model" not in str(failure.value)
    assert not (tmp_path / NAME).exists()


def test_a_part_that_nobody_asked_for_is_not_taken(server: FileServer, tmp_path: Path) -> None:
    server.answers[NAME] = 206, {"Content-Range": "bytes 5-9/300000", "Content-Length": "0"}
    with pytest.raises(DownloadFailed, match="another part"):
        fetch_file(fetch, described(server), tmp_path / NAME)


def test_redirects_are_followed_on_the_same_host(server: FileServer, tmp_path: Path) -> None:
    server.files["there"] = DATA
    server.answers[NAME] = 302, {"Location": "/there", "Content-Length": "0"}
    fetch_file(fetch, described(server), tmp_path / NAME)
    assert (tmp_path / NAME).read_bytes() == DATA


@pytest.mark.parametrize("to", ["http://localhost:1/there", "http://192.0.2.1/there", "file:///etc/passwd"])
def test_redirects_never_lead_away_from_encryption(server: FileServer, tmp_path: Path, to: str) -> None:
    server.answers[NAME] = 302, {"Location": to, "Content-Length": "0"}
    with pytest.raises(DownloadFailed):
        fetch_file(fetch, described(server), tmp_path / NAME)
    assert len(server.asked) == 1


def test_redirects_have_an_end(server: FileServer, tmp_path: Path) -> None:
    server.answers[NAME] = 302, {"Location": f"/{NAME}", "Content-Length": "0"}
    with pytest.raises(DownloadFailed, match="without an end"):
        fetch_file(fetch, described(server), tmp_path / NAME)


def test_a_server_that_is_not_there_is_said(server: FileServer, tmp_path: Path) -> None:
    nobody = ModelFile(NAME, 1, "0" * 64, "http://127.0.0.1:1/model.bin")
    with pytest.raises(DownloadFailed, match=r"127\.0\.0\.1: it cannot be reached"):
        fetch_file(fetch, nobody, tmp_path / NAME)


def test_only_https_is_fetched_or_this_machine() -> None:
    assert may_be_fetched("https://example.org/a")
    assert may_be_fetched("http://127.0.0.1:8000/a")
    assert may_be_fetched("http://[::1]/a")
    for url in (
        "http://example.org/a",
        "ftp://127.0.0.1/a",
        "file:///a",
        "https://",
        "a",
        "http://127.0.0.1.example/a",
    ):
        assert not may_be_fetched(url)
    assert not may_be_fetched("https://example.org:port/")
