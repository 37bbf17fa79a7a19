"""Certificates that are made here: who trusts them, and how long they last."""

from __future__ import annotations

import os
import ssl
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from dragoman.server.authority import LocalAuthority, names_of_this_machine, trust_lines
from dragoman.server.tls import TlsError

pytestmark = pytest.mark.unit

NAMES = ["localhost", "127.0.0.1", "::1", "recorder.example", "192.0.2.7"]


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


def shake_hands(server: Path, authority: Path, name: str) -> None:
    """The handshake of a strict client, without a socket. Raises ``ssl.SSLError``."""
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(server)
    theirs = ssl.create_default_context(cafile=authority)
    theirs.verify_flags |= ssl.VERIFY_X509_STRICT
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [theirs.wrap_bio(down, up, server_hostname=name), ours.wrap_bio(up, down, server_side=True)]
    for end in ends * 3:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue


def test_clients_that_trust_the_authority_trust_the_server_by_every_name(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path, NAMES, clock=Clock())
    files = authority()
    for name in NAMES:
        shake_hands(files.certificate, authority.certificate, name)
    for name in ("example", "192.0.2.8", "a.localhost"):
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(files.certificate, authority.certificate, name)


def test_both_stay_until_they_near_their_end_or_the_names_change(tmp_path: Path) -> None:
    clock = Clock()
    trusted: list[bytes] = []

    def made(names: list[str]) -> bytes:
        authority = LocalAuthority(tmp_path, names, clock=clock)
        content = authority().certificate.read_bytes()
        trusted.append(authority.certificate.read_bytes())
        return content

    first = made(NAMES)
    assert made([*reversed(NAMES), NAMES[0]]) == first
    second = made([*NAMES, "more.example"])
    assert second != first
    end = x509.load_pem_x509_certificate(second).not_valid_after_utc
    clock.now = end - timedelta(days=100)
    assert made([*NAMES, "more.example"]) == second
    clock.now = end - timedelta(days=20)
    assert made([*NAMES, "more.example"]) != second
    assert len(set(trusted)) == 1
    clock.now = x509.load_pem_x509_certificate(trusted[0]).not_valid_after_utc - timedelta(days=20)
    made(NAMES)
    assert len(set(trusted)) == 2


def test_a_server_certificate_does_not_outlast_what_clients_accept(tmp_path: Path) -> None:
    certificate = x509.load_pem_x509_certificate(
        LocalAuthority(tmp_path, NAMES, clock=Clock())().certificate.read_bytes()
    )
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc <= timedelta(days=826)


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_keys_are_their_owners_and_the_authority_is_everyones(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        authority = LocalAuthority(tmp_path / "new", NAMES, clock=Clock())
        authority()
    finally:
        os.umask(umask)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()}
    private = [path for path in modes if b"PRIVATE KEY" in path.read_bytes()]
    assert len(private) == 2
    assert all(modes[path] == 0o600 for path in private)
    assert modes[authority.certificate] == 0o644


@pytest.mark.parametrize("name", ["authority.pem", "authority.key", "server.pem"])
@pytest.mark.parametrize("content", [None, b"", b"garbage", "another"])
def test_a_file_that_is_missing_or_not_ours_is_made_anew(
    tmp_path: Path, name: str, content: bytes | str | None
) -> None:
    authority = LocalAuthority(tmp_path / "tls", NAMES, clock=Clock())
    authority()
    broken = tmp_path / "tls" / name
    if content is None:
        broken.unlink()
    elif content == "another":
        LocalAuthority(tmp_path / "another", NAMES, clock=Clock())()
        broken.write_bytes((tmp_path / "another" / name).read_bytes())
    else:
        broken.write_bytes(content if isinstance(content, bytes) else b"")
    shake_hands(authority().certificate, authority.certificate, "localhost")


def test_servers_that_start_at_once_share_an_authority(tmp_path: Path) -> None:
    authorities = [LocalAuthority(tmp_path, [*NAMES, f"{number}.example"], clock=Clock()) for number in range(5)]
    threads = [threading.Thread(target=authority) for authority in authorities]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    trusted = authorities[0].certificate.read_bytes()
    for authority in authorities:
        shake_hands(authority().certificate, authority.certificate, "localhost")
    assert authorities[0].certificate.read_bytes() == trusted


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TlsError, match="file"):
        LocalAuthority(tmp_path / "file" / "tls", NAMES, clock=Clock())()


@pytest.mark.parametrize("name", ["", "under_score", "a" * 64 + ".example", "münchen.example", "fe80::1%eth0", "a b"])
def test_a_name_of_any_form_leaves_the_others(tmp_path: Path, name: str) -> None:
    authority = LocalAuthority(tmp_path, ["localhost", name], clock=Clock())
    shake_hands(authority().certificate, authority.certificate, "localhost")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_all_addresses_are_no_name(host: str) -> None:
    assert {"localhost", "127.0.0.1", "::1"} <= set(names_of_this_machine(host))
    assert host not in names_of_this_machine(host)
    assert "192.0.2.7" in names_of_this_machine("192.0.2.7")


def test_a_path_with_spaces_is_one_word_of_the_shell() -> None:
    assert all(
        "'/a b/authority.pem'" in line for line in trust_lines(Path("/a b/authority.pem"), "https://localhost:1")
    )
