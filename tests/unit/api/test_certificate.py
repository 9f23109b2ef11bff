"""A certificate and a key that nothing can be served with: why, in words, and nobody is asked for a password."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from tests.support.certificates import make_pair

from disparo.api import certificate as certificates
from disparo.api.certificate import Certificate, days_left, load, self_signed
from disparo.errors import SettingsInvalid


@pytest.fixture
def pair(tmp_path):
    return self_signed(tmp_path / "one", "127.0.0.1")


def refusal(certificate, key):
    with pytest.raises(SettingsInvalid) as refused:
        load(Certificate(certificate, key))
    return str(refused.value)


def test_a_pair_that_fits_is_taken(pair):
    load(pair)


@pytest.mark.parametrize("is_rsa", [False, True])
def test_a_key_of_another_certificate(pair, tmp_path, is_rsa):
    _, other = make_pair(tmp_path, "sms.provedor.com.br", days=90, is_rsa=is_rsa)
    assert "a chave é a de outro certificado" in refusal(pair.certificate, other)


def test_files_that_are_something_else_or_the_wrong_way_round(pair, tmp_path):
    other = tmp_path / "nada.pem"
    other.write_text("nada")
    for files in ((other, pair.key), (pair.certificate, other), (pair.key, pair.certificate)):
        assert "não está, em PEM, o que devia" in refusal(*files)


def test_a_key_with_a_password_waits_for_nobody_to_type_it(pair, tmp_path):
    key = serialization.load_pem_private_key(pair.key.read_bytes(), None)
    locked = tmp_path / "locked.key"
    how = serialization.BestAvailableEncryption(b"segredo")
    locked.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))
    said = refusal(pair.certificate, locked)
    assert "a chave tem senha. Tire-a: openssl pkey" in said
    assert not re.search(r"_ssl\.c|\[", said)


def test_a_file_that_is_not_there(pair, tmp_path):
    assert "não servem" in refusal(tmp_path / "nada.crt", pair.key)


@pytest.mark.parametrize("ends", ["in time", "soon", "over", "cut off"])
def test_one_of_ours_is_the_same_until_it_nears_its_end(tmp_path, monkeypatch, ends):
    days = {"in time": 31, "soon": 29, "over": -0.02, "cut off": 31}[ends]
    monkeypatch.setattr(certificates, "_SELF_SIGNED_DAYS", days)
    first = self_signed(tmp_path, "127.0.0.1")
    assert days_left(first.certificate) == pytest.approx(days, abs=0.01)
    if ends == "cut off":
        first.certificate.write_bytes(first.certificate.read_bytes()[:100])
    before = first.certificate.read_bytes()
    monkeypatch.setattr(certificates, "_SELF_SIGNED_DAYS", 825)
    again = self_signed(tmp_path, "127.0.0.1")
    load(again)
    assert (again.certificate.read_bytes() == before) == (ends == "in time")


@pytest.mark.parametrize("left", ["an empty key", "the key of another", "no certificate"])
def test_half_of_one_of_ours_is_made_anew(tmp_path, left):
    """As a kill or a power cut between the two files leaves them."""
    pair, other = self_signed(tmp_path, "127.0.0.1"), self_signed(tmp_path / "other", "127.0.0.1")
    if left == "no certificate":
        pair.certificate.unlink()
    else:
        pair.key.write_bytes(b"" if left == "an empty key" else other.key.read_bytes())
    again = self_signed(tmp_path, "127.0.0.1")
    load(again)
    assert again.key.stat().st_mode & 0o777 == 0o600


def test_one_of_ours_that_a_wrong_clock_made_for_a_time_to_come_is_made_anew(tmp_path, monkeypatch):
    class Ahead(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + timedelta(days=3650)

    with monkeypatch.context() as patch:
        patch.setattr(certificates, "datetime", Ahead)
        self_signed(tmp_path, "127.0.0.1")
    again = self_signed(tmp_path, "127.0.0.1")
    begins = x509.load_pem_x509_certificate(again.certificate.read_bytes()).not_valid_before_utc
    assert begins < datetime.now(UTC)
