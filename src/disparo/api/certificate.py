"""The certificate of HTTPS: two files that the settings name, or one that is made here."""

from __future__ import annotations

import os
import ssl
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from disparo.errors import SettingsInvalid, in_words

_SELF_SIGNED_DAYS = 825
#: One of ours that ends sooner is made anew at a start.
_MADE_ANEW_DAYS = 30


@dataclass(frozen=True, slots=True)
class Certificate:
    """The PEM files of a certificate and its key."""

    certificate: Path
    key: Path


class CertificateInvalid(SettingsInvalid):
    """Two files that nothing can be served with, and `why`."""

    def __init__(self, why: str) -> None:
        super().__init__(f"O certificado e a chave não servem: {why}.")
        self.why = why


def load(pair: Certificate) -> ssl.SSLContext:
    """Give what serves with these files; raises CertificateInvalid. Nobody is asked for a password."""
    asked: list[bool] = []

    def no_password() -> str:
        asked.append(True)
        return ""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(pair.certificate, pair.key, no_password)
    except OSError as error:  # ssl.SSLError is one
        raise CertificateInvalid(_why(error, has_password=bool(asked))) from None
    return context


def _why(error: OSError, *, has_password: bool) -> str:
    if not isinstance(error, ssl.SSLError):
        return in_words(error)
    if has_password:
        return "a chave tem senha. Tire-a: openssl pkey -in CHAVE -out CHAVE_SEM_SENHA"
    if error.reason in {"KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}:  # the second: of another kind
        return "a chave é a de outro certificado"
    return "num dos arquivos não está, em PEM, o que devia (BEGIN CERTIFICATE, BEGIN PRIVATE KEY)"


def days_left(certificate: Path) -> float:
    """Give for how many days a certificate is valid, below 0 if it is over; raises OSError or ValueError."""
    return (_read(certificate).not_valid_after_utc - datetime.now(UTC)) / timedelta(days=1)


def about(certificate: Path) -> tuple[str, datetime] | None:
    """Tell whose a certificate is and until when; None where it can be served with and not be understood."""
    try:
        found = _read(certificate)
        return _whose(found) or certificate.name, found.not_valid_after_utc
    except (OSError, ValueError):
        return None


def _read(certificate: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.read_bytes())


def _whose(certificate: x509.Certificate) -> str | None:
    """Give the name that people know it by: the first host, as browsers read it, else the old way's."""
    with suppress(x509.ExtensionNotFound):
        hosts = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        for name in hosts.get_values_for_type(x509.DNSName):
            return name
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else None


def self_signed(folder: Path, host: str) -> Certificate:
    """Give a certificate made here, kept while it can be served with; clients must be told to trust it."""
    pair = Certificate(folder / "tls.crt", folder / "tls.key")
    if pair.certificate.exists() and pair.key.exists() and _will_last(pair.certificate) and _fits(pair):
        return pair
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Disparo")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=_SELF_SIGNED_DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        pair.key.unlink()
    with os.fdopen(os.open(pair.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private)
    pair.certificate.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    return pair


def _will_last(certificate: Path) -> bool:
    try:
        # One of a time to come was made while our clock was wrong.
        has_begun = _read(certificate).not_valid_before_utc <= datetime.now(UTC)
        return has_begun and days_left(certificate) > _MADE_ANEW_DAYS
    except ValueError:  # not written to its end
        return False
    except OSError:  # said in words by `load`
        return True


def _fits(pair: Certificate) -> bool:
    """Tell whether the two can be served with: a kill or a power cut may have come between them."""
    try:
        load(pair)
    except CertificateInvalid:
        return not os.access(pair.key, os.R_OK)  # said in words by `load`
    return True


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.IPAddress(ip_address("::1")),
    ]
    with suppress(ValueError):
        if not ip_address(host).is_unspecified and not ip_address(host).is_loopback:
            names.append(x509.IPAddress(ip_address(host)))
    return names
