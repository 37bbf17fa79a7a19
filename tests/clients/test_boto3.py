"""AWS's own Python package against this server, over a real socket: vocabularies and vocabulary filters."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from dragoman.server.settings import Settings
from scripted import ScriptedPool, application, serving

pytestmark = pytest.mark.client

SECRET = "a-secret-that-is-long-enough"
SERVE = "import sys; from dragoman.server.cli.main import main; sys.exit(main())"
SLOW_ROWS = 300
"""Of a table that takes a second or more to look at: words that no lexicon has."""


def transcribe(url: str, key: str = "any", secret: str = "any", token: str | None = None) -> Any:
    """A client as users make it, but for the address; errors are raised at the first attempt."""
    return boto3.client(
        "transcribe",
        endpoint_url=url,
        region_name="eu-central-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}),
    )


def settled(client: Any, name: str, timeout_s: float = 60) -> dict[str, Any]:
    """The vocabulary once it is no longer pending."""
    until = time.monotonic() + timeout_s
    while (found := client.get_vocabulary(VocabularyName=name))["VocabularyState"] == "PENDING":
        assert time.monotonic() < until, "the vocabulary stays pending"
        time.sleep(0.02)
    return found  # type: ignore[no-any-return]


@asynccontextmanager
async def server(folder: Path, *, keys: bool = False, objects: Path | None = None) -> AsyncIterator[str]:
    file = folder / "keys"
    file.write_text(f"AKIDALICE {SECRET}\n")
    file.chmod(0o600)
    settings = Settings(
        spool_dir=folder,
        state_dir=folder,
        keys_file=file if keys else None,
        object_store_url=None if objects is None else objects.as_uri(),
    )
    async with serving(application(settings, ScriptedPool()), settings) as url:
        yield url


async def use(work: Callable[[], None]) -> None:
    """boto3 waits for its replies; the server is in this process."""
    await asyncio.to_thread(work)


async def test_a_vocabulary_lives_from_its_creation_to_its_end(tmp_path: Path) -> None:
    async with server(tmp_path) as url:

        def work() -> None:
            client = transcribe(url)
            made = client.create_vocabulary(VocabularyName="v", LanguageCode="en-US", Phrases=["Los-Angeles", "F.B.I."])
            assert made["VocabularyState"] == "PENDING"
            assert made["ResponseMetadata"]["RequestId"]
            ready = settled(client, "v")
            assert ready["VocabularyState"] == "READY"
            assert abs(ready["LastModifiedTime"] - datetime.now(UTC)) < timedelta(minutes=1)
            table = httpx.get(ready["DownloadUri"]).text
            assert "Los-Angeles" in table
            client.update_vocabulary(VocabularyName="v", LanguageCode="en-GB", Phrases=["Norwich"])
            assert settled(client, "v")["LanguageCode"] == "en-GB"
            client.delete_vocabulary(VocabularyName="v")
            with pytest.raises(client.exceptions.NotFoundException):
                client.get_vocabulary(VocabularyName="v")

        await use(work)


async def test_errors_have_their_classes(tmp_path: Path) -> None:
    async with server(tmp_path) as url:

        def work() -> None:
            client = transcribe(url)
            client.create_vocabulary(VocabularyName="v", LanguageCode="en-US", Phrases=["tulip"])
            with pytest.raises(client.exceptions.ConflictException):
                client.create_vocabulary(VocabularyName="v", LanguageCode="en-US", Phrases=["tulip"])
            with pytest.raises(client.exceptions.BadRequestException, match="VocabularyName"):
                client.create_vocabulary(VocabularyName="two words", LanguageCode="en-US", Phrases=["tulip"])
            with pytest.raises(client.exceptions.LimitExceededException, match="bytes"):
                client.create_vocabulary(VocabularyName="w", LanguageCode="en-US", Phrases=["a" * 255] * 300)
            with pytest.raises(client.exceptions.BadRequestException, match="StartTranscriptionJob is not offered"):
                client.start_transcription_job(TranscriptionJobName="j", Media={"MediaFileUri": "s3://a/b"})
            for number in range(99):
                client.create_vocabulary(VocabularyName=f"v{number}", LanguageCode="en-US", Phrases=["tulip"])
            with pytest.raises(client.exceptions.LimitExceededException, match="100"):
                client.create_vocabulary(VocabularyName="w", LanguageCode="en-US", Phrases=["tulip"])

        await use(work)


async def test_lists_are_read_page_by_page(tmp_path: Path) -> None:
    async with server(tmp_path) as url:

        def work() -> None:
            client = transcribe(url)
            names = [f"v{number:02}" for number in range(12)]
            for name in names:
                client.create_vocabulary(VocabularyName=name, LanguageCode="en-US", Phrases=["tulip"])
                client.create_vocabulary_filter(VocabularyFilterName=name, LanguageCode="en-US", Words=["darn"])
            found, filters, more = [], [], {}
            while True:
                page = client.list_vocabularies(**more)
                found += [entry["VocabularyName"] for entry in page["Vocabularies"]]
                filters += client.list_vocabulary_filters(**more)["VocabularyFilters"]
                assert len(page["Vocabularies"]) <= 5
                if "NextToken" not in page:
                    break
                more = {"NextToken": page["NextToken"]}
            assert found == [entry["VocabularyFilterName"] for entry in filters] == names
            assert len(client.list_vocabularies(NameContains="1", MaxResults=100)["Vocabularies"]) == 3

        await use(work)


async def test_a_filter_lives_from_its_creation_to_its_end(tmp_path: Path) -> None:
    async with server(tmp_path) as url:

        def work() -> None:
            client = transcribe(url)
            client.create_vocabulary_filter(VocabularyFilterName="rude", LanguageCode="en-US", Words=["darn", "heck"])
            address = client.get_vocabulary_filter(VocabularyFilterName="rude")["DownloadUri"]
            assert httpx.get(address).text.split() == ["darn", "heck"]
            client.update_vocabulary_filter(VocabularyFilterName="rude", Words=["naïve"])
            assert httpx.get(address).text.split() == ["naïve"]
            client.delete_vocabulary_filter(VocabularyFilterName="rude")
            with pytest.raises(client.exceptions.NotFoundException):
                client.get_vocabulary_filter(VocabularyFilterName="rude")

        await use(work)


async def test_a_table_is_read_from_the_object_store(tmp_path: Path) -> None:
    objects = tmp_path / "objects"
    (objects / "tables").mkdir(parents=True)
    table = "Phrase\tSoundsLike\tIPA\tDisplayAs\nEtienne\teh-tee-en\t\t\nLos-Angeles\t\t\tLos Angeles\n"
    (objects / "tables" / "names.txt").write_text(table)
    (tmp_path / "secret.txt").write_text("Phrase\nsecret\n")
    async with server(tmp_path, objects=objects) as url:

        def work() -> None:
            client = transcribe(url)
            for name, key in (("names", "names.txt"), ("outside", "../../secret.txt"), ("missing", "none.txt")):
                uri = f"s3://tables/{key}"
                client.create_vocabulary(VocabularyName=name, LanguageCode="en-US", VocabularyFileUri=uri)
            assert httpx.get(settled(client, "names")["DownloadUri"]).text == table
            for name in ("outside", "missing"):
                failed = settled(client, name)
                assert failed["VocabularyState"] == "FAILED"
                assert "s3://" in failed["FailureReason"]

        await use(work)


async def test_a_table_without_an_object_store_fails_and_says_what_is_missing(tmp_path: Path) -> None:
    async with server(tmp_path) as url:

        def work() -> None:
            client = transcribe(url)
            client.create_vocabulary(VocabularyName="v", LanguageCode="en-US", VocabularyFileUri="s3://tables/a.txt")
            assert "object_store_url" in settled(client, "v")["FailureReason"]

        await use(work)


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzEA0aD-a-session-token=="])
async def test_a_key_is_an_access_key(tmp_path: Path, token: str | None) -> None:
    async with server(tmp_path, keys=True) as url:

        def work() -> None:
            client = transcribe(url, "AKIDALICE", SECRET, token)
            client.create_vocabulary_filter(VocabularyFilterName="rude", LanguageCode="en-US", Words=["darn"])
            address = client.get_vocabulary_filter(VocabularyFilterName="rude")["DownloadUri"]
            assert httpx.get(address).text == "darn\n"
            assert httpx.get(address.partition("?")[0]).status_code == 403

        await use(work)


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        ("AKIDALICE", "a-wrong-secret-of-some-length", "InvalidSignatureException"),
        ("AKIDMALLORY", SECRET, "UnrecognizedClientException"),
    ],
)
async def test_a_wrong_key_is_refused_by_the_names_of_the_service(
    tmp_path: Path, key: str, secret: str, code: str
) -> None:
    async with server(tmp_path, keys=True) as url:

        def work() -> None:
            with pytest.raises(ClientError) as refused:
                transcribe(url, key, secret).create_vocabulary(
                    VocabularyName="v", LanguageCode="en-US", Phrases=["tulip"]
                )
            assert refused.value.response["Error"]["Code"] == code
            assert transcribe(url, "AKIDALICE", SECRET).list_vocabularies()["Vocabularies"] == []

        await use(work)


@contextmanager
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server process of its own, and its address."""
    command = [sys.executable, "-c", SERVE, "serve", "--port", "0", "--engine", "fake", "--workers", "1"]
    environment = {
        **os.environ,
        "DRAGOMAN_SPOOL_DIR": str(folder),
        "DRAGOMAN_STATE_DIR": str(folder),
        "DRAGOMAN_OBJECT_STORE_URL": folder.as_uri(),
    }
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as running:
        try:
            assert running.stdout is not None
            printed = []
            for line in running.stdout:
                printed.append(line)
                if line.startswith("Ready"):
                    break
            yield running, next(word.rstrip(".") for word in " ".join(printed).split() if word.startswith("http://"))
        finally:
            running.kill()


def slow_table(folder: Path) -> str:
    (folder / "tables").mkdir(exist_ok=True)
    letters = "bdfgklmnprstvz"
    words = (f"{letters[n % 14]}o{letters[n // 14 % 14]}u{letters[n // 196 % 14]}ixora" for n in range(SLOW_ROWS))
    (folder / "tables" / "slow.txt").write_text("Phrase\tDisplayAs\n" + "".join(f"{w}\t{w}-x\n" for w in words))
    return "s3://tables/slow.txt"


def test_what_was_kept_survives_a_restart(tmp_path: Path) -> None:
    with process(tmp_path) as (running, url):
        client = transcribe(url)
        client.create_vocabulary(VocabularyName="v", LanguageCode="en-US", Phrases=["Los-Angeles"])
        client.create_vocabulary_filter(VocabularyFilterName="rude", LanguageCode="en-US", Words=["darn"])
        before = settled(client, "v")
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 0
    with process(tmp_path) as (_, url):
        client = transcribe(url)
        after = client.get_vocabulary(VocabularyName="v")
        assert [after[name] for name in ("VocabularyState", "LastModifiedTime")] == [
            before[name] for name in ("VocabularyState", "LastModifiedTime")
        ]
        assert [entry["VocabularyFilterName"] for entry in client.list_vocabulary_filters()["VocabularyFilters"]] == [
            "rude"
        ]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_pending_vocabulary_survives_the_end_of_the_server(tmp_path: Path, number: signal.Signals) -> None:
    uri = slow_table(tmp_path)
    with process(tmp_path) as (running, url):
        transcribe(url).create_vocabulary(VocabularyName="v", LanguageCode="en-US", VocabularyFileUri=uri)
        running.send_signal(number)
        running.wait(timeout=20)
    with process(tmp_path) as (_, url):
        client = transcribe(url)
        if number is signal.SIGKILL:
            assert client.get_vocabulary(VocabularyName="v")["VocabularyState"] == "PENDING"
        ready = settled(client, "v")
        assert ready["VocabularyState"] == "READY"
        assert len(httpx.get(ready["DownloadUri"]).text.splitlines()) == SLOW_ROWS + 1


def test_two_servers_share_a_database(tmp_path: Path) -> None:
    with process(tmp_path) as (_, one), process(tmp_path) as (_, other):
        transcribe(one).create_vocabulary(VocabularyName="v", LanguageCode="en-US", Phrases=["Los-Angeles"])
        assert settled(transcribe(other), "v")["VocabularyState"] == "READY"
        transcribe(other).delete_vocabulary(VocabularyName="v")
        assert transcribe(one).list_vocabularies()["Vocabularies"] == []
