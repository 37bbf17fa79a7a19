"""The certificate of the TLS port, whoever made it."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]


class TlsError(ValueError):
    """A certificate or a key cannot be used. The message names the file and what is wrong."""


@dataclass(frozen=True, slots=True)
class Files:
    """``certificate`` begins with the server's own; ``key`` may be the same file."""

    certificate: Path
    key: Path


class ServedCertificate:
    """The certificate of the TLS port, and the context of its connections, which a new certificate enters too."""

    def __init__(self, find: Callable[[], Files], alpn: Sequence[str], *, clock: Clock) -> None:
        """``find`` says where the certificate is, and may make it. It raises ``TlsError``."""
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.options |= ssl.OP_NO_RENEGOTIATION
        self.context.set_alpn_protocols(list(alpn))
        self._find = find
        self._clock = clock
        self._loaded: tuple[bytes, ...] = ()

    def load(self) -> None:
        """Take the certificate as it is now, for connections from now on. Raises ``TlsError``."""
        files = self._find()
        contents = _read(files.certificate), _read(files.key)
        if contents != self._loaded:
            _check(files, *contents, self._clock())
            try:
                self.context.load_cert_chain(files.certificate, files.key)
            except (ssl.SSLError, OSError) as error:
                raise TlsError(f"the certificate {files.certificate} cannot be used: {error}") from error
            self._loaded = contents

    async def refresh(self) -> None:
        """``load``, but a fault is logged and the certificate stays as it was."""
        try:
            self.load()
        except TlsError as error:
            logger.error("the certificate stays as it was: %s", error)


def from_files(certificate: Path, key: Path) -> Callable[[], Files]:
    """An operator's own certificate, with those between it and its authority, and its key; both PEM."""
    return lambda: Files(certificate, key)


def now() -> datetime:
    return datetime.now(UTC)


def is_key_of(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    return bool(key.public_key() == certificate.public_key())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsError(f"cannot read {path}: {error.strerror or error}") from error


def _check(files: Files, certificate: bytes, key: bytes, moment: datetime) -> None:
    try:
        first, *_ = x509.load_pem_x509_certificates(certificate)
    except ValueError as error:
        raise TlsError(f"{files.certificate} holds no certificate in PEM form") from error
    try:
        private = serialization.load_pem_private_key(key, None)
    except TypeError as error:
        raise TlsError(f"the key {files.key} needs a password; give one without") from error
    except Exception as error:
        raise TlsError(f"{files.key} holds no private key in PEM form") from error
    if not is_key_of(private, first):
        raise TlsError(f"{files.key} is not the key of the first certificate in {files.certificate}")
    if moment >= first.not_valid_after_utc:
        raise TlsError(f"the certificate {files.certificate} expired on {first.not_valid_after_utc:%Y-%m-%d %H:%M} UTC")
    if moment < first.not_valid_before_utc:
        start = f"{first.not_valid_before_utc:%Y-%m-%d %H:%M}"
        raise TlsError(f"the certificate {files.certificate} is not good before {start} UTC")
