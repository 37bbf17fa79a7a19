"""A certificate authority of this machine, for servers that have no certificate of their own."""

from __future__ import annotations

import ipaddress
import logging
import os
import shlex
import socket
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dragoman.server.tls import Clock, Files, TlsError, is_key_of

try:
    import fcntl
except ImportError:  # Windows: two servers that start at once for the first time may make two authorities
    fcntl = None  # type: ignore[assignment]

logger = logging.getLogger(__name__)

AUTHORITY_DAYS: Final = 3650
SERVER_DAYS: Final = 825
"""Some clients accept no longer ones."""
RENEWED_DAYS: Final = 90
"""A certificate that has fewer days left is made anew."""

_AUTHORITY: Final = "authority.pem"
_AUTHORITY_KEY: Final = "authority.key"
_SERVER: Final = "server.pem"
_LOOK_BACK: Final = timedelta(days=1)
"""Certificates are good for clients whose clocks are late."""
_PUBLIC: Final = 0o644
_PRIVATE: Final = 0o600


class LocalAuthority:
    """Signs certificates of this machine's server. Clients that trust ``certificate`` trust all of them."""

    def __init__(self, folder: Path, names: Sequence[str], *, clock: Clock) -> None:
        """``names`` are host names and addresses that clients may use for the server."""
        self.certificate = folder / _AUTHORITY
        self._folder = folder
        self._names = _alternatives(names)
        self._clock = clock

    def __call__(self) -> Files:
        """The server's certificate, made anew if it has not long to go or lacks a name; so is the authority, once in
        ten years. Raises ``TlsError`` when the folder cannot be used."""
        server = self._folder / _SERVER
        try:
            with _locked(self._folder):
                authority, key = self._authority()
                if not self._is_good(server, authority):
                    certificate, server_key = self._signed(authority, key)
                    _write(server, _pem(server_key) + _pem(certificate), _PRIVATE)
        except OSError as error:
            raise TlsError(f"no certificate can be made in {self._folder}: {error.strerror or error}") from error
        return Files(server, server)

    def _authority(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key_file = self._folder / _AUTHORITY_KEY
        try:
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
            key = serialization.load_pem_private_key(key_file.read_bytes(), None)
            if isinstance(key, ec.EllipticCurvePrivateKey) and is_key_of(key, certificate) and self._lasts(certificate):
                return certificate, key
            logger.warning("the certificate authority in %s is made anew; clients must trust the new one", self._folder)
        except (FileNotFoundError, ValueError):
            pass
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Dragoman"),
                x509.NameAttribute(NameOID.COMMON_NAME, f"Dragoman authority of {socket.gethostname()}"[:64]),
            ]
        )
        builder = self._draft(name, name, key, AUTHORITY_DAYS).add_extension(x509.BasicConstraints(True, 0), True)
        certificate = builder.add_extension(_key_usage(signs_certificates=True), True).sign(key, hashes.SHA256())
        _write(key_file, _pem(key), _PRIVATE)
        _write(self.certificate, _pem(certificate), _PUBLIC)
        return certificate, key

    def _signed(
        self, authority: x509.Certificate, authority_key: ec.EllipticCurvePrivateKey
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Dragoman")])
        builder = (
            self._draft(name, authority.subject, key, SERVER_DAYS)
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(_key_usage(signs_certificates=False), True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)
            .add_extension(x509.SubjectAlternativeName(self._names), False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
                    authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
                ),
                False,
            )
        )
        return builder.sign(authority_key, hashes.SHA256()), key

    def _draft(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._clock() - _LOOK_BACK)
            .not_valid_after(self._clock() + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        )

    def _is_good(self, server: Path, authority: x509.Certificate) -> bool:
        """The file holds a certificate of this authority for these names that lasts, and its key."""
        try:
            content = server.read_bytes()
            certificate = x509.load_pem_x509_certificate(content)
            certificate.verify_directly_issued_by(authority)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            key = serialization.load_pem_private_key(content, None)
        except Exception:
            return False
        return set(names) == set(self._names) and is_key_of(key, certificate) and self._lasts(certificate)

    def _lasts(self, certificate: x509.Certificate) -> bool:
        now = self._clock()
        return (
            certificate.not_valid_before_utc <= now
            and now + timedelta(days=RENEWED_DAYS) < certificate.not_valid_after_utc
        )


def names_of_this_machine(host: str) -> list[str]:
    """What clients may call a server that listens on ``host``."""
    names = ["localhost", "127.0.0.1", "::1", socket.gethostname()]
    with suppress(ValueError):
        if ipaddress.ip_address(host).is_unspecified:
            return names
    return [*names, host] if host else names


def trust_lines(authority: Path, url: str) -> list[str]:
    """Command lines that make each client trust the server at ``url``, an https one."""
    file = shlex.quote(str(authority))
    return [
        f"export SSL_CERT_FILE={file}        # Python: amazon-transcribe, aws-sdk-transcribe-streaming, httpx",
        f"export NODE_EXTRA_CA_CERTS={file}  # JavaScript on Node",
        f"export AWS_CA_BUNDLE={file}        # boto3 and the AWS command line",
        f"curl --cacert {file} {url}/healthz",
    ]


def _pem(item: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(item, x509.Certificate):
        return item.public_bytes(serialization.Encoding.PEM)
    return item.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _alternatives(names: Sequence[str]) -> list[x509.GeneralName]:
    """Each once. A host name that no certificate can hold is left out; clients could not use it either."""
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            entry: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name.partition("%")[0]))
        except ValueError:
            try:
                entry = x509.DNSName(name.encode("idna").decode("ascii"))
            except ValueError:
                logger.warning("the certificate cannot hold the name %r", name)
                continue
        if entry not in found:
            found.append(entry)
    return found


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, _PRIVATE)
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(path: Path, content: bytes, mode: int) -> None:
    """At once, and never readable by more than ``mode`` says."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            if os.name == "posix":
                os.fchmod(file.fileno(), mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
