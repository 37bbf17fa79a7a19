"""The TLS port: what is served there, with which certificate."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from command import Dragoman
from dragoman.server.tls import ServedCertificate, TlsError, from_files
from echo import echoing, tls_port
from http2_client import connected

pytestmark = pytest.mark.unit

NOW = datetime(2030, 1, 1, tzinfo=UTC)


async def test_http1_websockets_and_http2_share_the_tls_port_beside_the_other(tmp_path: Path) -> None:
    with tls_port(tmp_path) as (port, trusting):
        async with echoing(tmp_path, port) as ports, httpx.AsyncClient(verify=trusting) as http1:
            for url in (f"https://127.0.0.1:{ports.tls}/", f"http://127.0.0.1:{ports.clear}/"):
                assert (await http1.post(url, content=b"one")).content == b"oneend"
            async with websockets.connect(f"wss://localhost:{ports.tls}/", ssl=trusting) as socket:
                await socket.send(b"two")
                assert await socket.recv() == b"two"
            trusting.set_alpn_protocols(["h2", "http/1.1"])
            async with connected(ports.tls, trusting) as client:
                assert client.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
                stream = client.request("/")
                for _ in range(5):
                    client.send(stream, b"three")
                    assert await client.data(stream, 5) == b"three"
                client.send(stream, b"", end=True)
                assert await client.rest(stream) == b"end"
            assert [scope["scheme"] for scope in ports.app.scopes] == ["https", "http", "wss", "https"]


async def test_connections_of_both_ports_are_counted_together(tmp_path: Path) -> None:
    with tls_port(tmp_path) as (port, trusting):
        async with (
            echoing(tmp_path, port, max_connections=4) as ports,
            connected(ports.clear) as first,
            connected(ports.tls, trusting) as second,
        ):
            for client in (first, second):
                stream = client.request("/")
                assert await client.status(stream) == 200
            async with connected(ports.clear) as third, connected(ports.tls, trusting) as fourth:
                for client in (third, fourth):
                    stream = client.request("/")
                    assert await client.status(stream) == 503


async def test_old_versions_of_tls_are_refused(tmp_path: Path) -> None:
    with tls_port(tmp_path) as (port, trusting):
        trusting.set_ciphers("ALL:@SECLEVEL=0")
        async with echoing(tmp_path, port) as ports:
            trusting.maximum_version = ssl.TLSVersion.TLSv1_2
            async with connected(ports.tls, trusting):
                pass
            with pytest.warns(DeprecationWarning, match="TLSv1_1"):
                trusting.minimum_version = trusting.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await asyncio.open_connection("127.0.0.1", ports.tls, ssl=trusting)


class Pair:
    """A certificate and its key in files, made to be wrong in some way."""

    def __init__(self, folder: Path, *, start: datetime = NOW - timedelta(days=1), days: int = 30) -> None:
        self.certificate = folder / "certificate.pem"
        self.key = folder / "key.pem"
        self.private = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([])
        signed = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.private.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=days))
            .sign(self.private, hashes.SHA256())
        )
        self.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        self.write_key(serialization.NoEncryption())

    def write_key(self, encryption: serialization.KeySerializationEncryption) -> None:
        self.key.write_bytes(
            self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        )

    def served(self, clock_now: datetime = NOW) -> ServedCertificate:
        return ServedCertificate(from_files(self.certificate, self.key), ["http/1.1"], clock=lambda: clock_now)


def test_a_certificate_and_its_key_are_served(tmp_path: Path) -> None:
    Pair(tmp_path).served().load()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(None, "cannot read"), (b"", "no certificate"), (b"-----BEGIN CERTIFICATE-----\ngarbage", "no certificate")],
)
def test_a_certificate_that_is_none_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    pair = Pair(tmp_path)
    pair.certificate.unlink()
    if content is not None:
        pair.certificate.write_bytes(content)
    with pytest.raises(TlsError, match=rf"{complaint}.*|.*certificate\.pem.*{complaint}") as caught:
        pair.served().load()
    assert "certificate.pem" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "cannot read"), (b"", "no private key"), (b"garbage", "no private key")]
)
def test_a_key_that_is_none_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    pair = Pair(tmp_path)
    pair.key.unlink()
    if content is not None:
        pair.key.write_bytes(content)
    with pytest.raises(TlsError, match=complaint) as caught:
        pair.served().load()
    assert "key.pem" in str(caught.value)


def test_a_key_with_a_password_is_refused_and_nobody_asked_for_it(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.write_key(serialization.BestAvailableEncryption(b"secret"))
    with pytest.raises(TlsError, match="password"):
        pair.served().load()


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    pair.private = ec.generate_private_key(ec.SECP256R1())
    pair.write_key(serialization.NoEncryption())
    with pytest.raises(TlsError, match="not the key"):
        pair.served().load()


@pytest.mark.parametrize(("days", "complaint"), [(-2, "not good before"), (29, "expired"), (28, None)])
def test_a_certificate_is_served_only_in_its_time(tmp_path: Path, days: int, complaint: str | None) -> None:
    served = Pair(tmp_path).served(NOW + timedelta(days=days))
    if complaint is None:
        served.load()
    else:
        with pytest.raises(TlsError, match=complaint):
            served.load()


def presented(served: ServedCertificate) -> bytes | None:
    """The certificate that a client is shown now."""
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    theirs.check_hostname, theirs.verify_mode = False, ssl.CERT_NONE
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = theirs.wrap_bio(down, up)
    for end in [client, served.context.wrap_bio(up, down, server_side=True)] * 3:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.getpeercert(binary_form=True)


async def test_a_renewed_certificate_is_taken_up_and_a_faulty_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served = Pair(tmp_path).served()
    served.load()
    first = presented(served)
    renewed = Pair(tmp_path)
    await served.refresh()
    second = presented(served)
    assert second != first
    assert not caplog.records
    renewed.key.write_bytes(b"garbage")
    await served.refresh()
    assert presented(served) == second
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_the_command_serves_tls_and_says_how_to_trust_it(tmp_path: Path) -> None:
    dragoman = Dragoman(tmp_path)
    environment = {"DRAGOMAN_TLS_DIR": str(tmp_path / "tls"), "DRAGOMAN_TLS_NAMES": '["recorder.example"]'}
    options = ["--port", "0", "--tls", "auto", "--tls-port", "0"]
    with dragoman.start("serve", *options, env=environment) as process:
        try:
            printed = []
            for line in process.stdout:
                printed.append(line.decode().strip())
                if line.startswith(b"Ready"):
                    break
            (url,) = {word.rstrip(".") for line in printed for word in line.split() if word.startswith("https://127")}
            exports = dict(line.split("#")[0].split()[1].split("=") for line in printed if line.startswith("export "))
            assert {"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE"} <= exports.keys()
            (authority,) = set(exports.values())
            trusting = ssl.create_default_context(cafile=authority)
            assert httpx.get(f"{url}/healthz", verify=trusting).status_code == 200
            (curl,) = [line for line in printed if line.startswith("curl --cacert ")]
            if os.path.exists("/usr/bin/curl"):
                done = subprocess.run(f"{curl} --fail", shell=True, capture_output=True, check=False)
                assert done.returncode == 0, done.stderr
        finally:
            process.terminate()
        assert process.wait(20) == 0
    server = x509.load_pem_x509_certificate((tmp_path / "tls" / "server.pem").read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "recorder.example" in names.get_values_for_type(x509.DNSName)


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (("--tls-cert", "nowhere.pem", "--tls-key", "key.pem"), 1, "nowhere.pem"),
        (("--tls-cert", "nowhere.pem"), 2, "tls_key"),
        (("--tls", "auto", "--tls-cert", "a", "--tls-key", "b"), 2, "tls_cert"),
    ],
)
def test_what_cannot_be_served_is_a_line(tmp_path: Path, options: tuple[str, ...], status: int, said: str) -> None:
    result = Dragoman(tmp_path)("serve", "--port", "0", "--tls-port", "0", *options)
    assert (result.returncode, result.stdout) == (status, "")
    assert said in result.stderr
    assert "Traceback" not in result.stderr
