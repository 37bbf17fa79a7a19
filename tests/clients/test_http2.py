"""HTTP/2 as others speak it: curl, Node, and the client below Amazon's SDK for Python."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path

import pytest

import sdks
from echo import echoing, tls_port

pytestmark = pytest.mark.client

TIMEOUT_S = 30
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


async def run(*command: str) -> str:
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_curl
async def test_curl_uploads_and_reads_on_both_ports(tmp_path: Path) -> None:
    body = tmp_path / "body"
    body.write_bytes(bytes(range(256)) * 8192)
    copy = tmp_path / "copy"
    ask = ["curl", "--silent", "--show-error", "-T", str(body), "-o", str(copy), "-w", "%{http_version} %{http_code}"]
    with tls_port(tmp_path) as (port, _):
        async with echoing(tmp_path, port) as ports:
            clear, secure = f"http://127.0.0.1:{ports.clear}/", f"https://localhost:{ports.tls}/"
            trust = ["--cacert", str(port.authority)]
            for options, version in (
                (["--http2-prior-knowledge", clear], "2"),
                ([*trust, secure], "2"),
                ([*trust, "--http1.1", secure], "1.1"),
            ):
                assert await run(*ask, *options) == f"{version} 200"
                assert copy.read_bytes() == body.read_bytes() + b"end"


@needs_curl
async def test_an_offer_of_an_upgrade_is_not_taken_up_and_loses_nothing_unsaid(tmp_path: Path) -> None:
    async with echoing(tmp_path) as ports:
        offer = [
            "curl",
            "--silent",
            "--http2",
            "-w",
            " %{http_version} %{http_code}",
            f"http://127.0.0.1:{ports.clear}/",
        ]
        assert await run(*offer) == "end 1.1 200"
        assert (await run(*offer, "-d", "body")).endswith("leave out the header Upgrade. 1.1 400")


@needs_curl
@pytest.mark.parametrize("option", ["--http2-prior-knowledge", "--http1.1"])
async def test_curl_reads_why_its_upload_is_refused(tmp_path: Path, option: str) -> None:
    body = tmp_path / "body"
    body.write_bytes(bytes(4 << 20))
    async with echoing(tmp_path) as ports:
        url = f"http://127.0.0.1:{ports.clear}/early"
        said = await run("curl", "--silent", "-T", str(body), "-H", "expect:", "-w", " %{http_code}", option, url)
        assert said == "end 400"


@pytest.mark.parametrize("secure", [False, True])
async def test_node_talks_on_two_streams_of_a_session_that_is_closing(tmp_path: Path, secure: bool) -> None:
    script = str(Path(__file__).with_name("http2_echo.mjs"))
    with tls_port(tmp_path) as (port, _):
        async with echoing(tmp_path, port) as ports:
            target = [f"https://localhost:{ports.tls}", str(port.authority)]
            heard = await run(sdks.node(), script, *(target if secure else [f"http://127.0.0.1:{ports.clear}"]))
            assert json.loads(heard) == [[200, "a0", "a1", "a2", "end"], [200, "b0", "b1", "end"]]
            assert [scope["http_version"] for scope in ports.app.scopes] == ["2", "2"]


async def test_awscrt_as_amazons_sdk_uses_it_talks_on_two_streams_of_a_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("awscrt", reason="needs awscrt")
    from amazon_transcribe import AWSCRTEventLoop
    from amazon_transcribe.httpsession import AwsCrtHttpSessionManager
    from amazon_transcribe.structures import BufferableByteStream

    with tls_port(tmp_path) as (port, _):
        monkeypatch.setenv("SSL_CERT_FILE", str(port.authority))
        async with echoing(tmp_path, port) as ports:
            manager = AwsCrtHttpSessionManager(AWSCRTEventLoop().bootstrap)
            url = f"https://localhost:{ports.tls}/"
            talks = []
            for _ in range(2):
                body = BufferableByteStream()
                headers = [("host", f"localhost:{ports.tls}")]
                reply = await manager.make_request(url, method="POST", headers=headers, body=body)
                talks.append((body, reply))
            async with asyncio.timeout(TIMEOUT_S):
                for _, reply in talks:
                    assert await reply.status_code == 200
                for number in range(5):
                    for index, (body, reply) in enumerate(talks):
                        said = b"%d-%d" % (index, number)
                        body.write(said)
                        assert await reply.get_chunk() == said
                for body, reply in talks:
                    body.end_stream()
                    assert await reply.consume_body() == b"end"
                (connection,) = manager._connections.values()
                await asyncio.wrap_future(connection.close())
            assert len({scope["client"] for scope in ports.app.scopes}) == 1
            hosts = [[value for name, value in scope["headers"] if name == b"host"] for scope in ports.app.scopes]
            assert hosts == [[f"localhost:{ports.tls}".encode()]] * 2
