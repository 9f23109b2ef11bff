"""What an administrator may write of an SMSC; whatever else is written, it is told in words."""

from __future__ import annotations

import ssl
from contextlib import suppress
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.outages.certificates import Authority

from disparo.domain.outcome import FailureClass, ReceiptKind
from disparo.platforms.smpp import pdu
from disparo.platforms.smpp.pdu import Address
from disparo.platforms.smpp.settings import SmppSettings

LEAST = {"host": "smsc.example", "system_id": "provedor", "password": "s3cr3t"}


def settings(**changes: Any) -> SmppSettings:
    return SmppSettings.model_validate({**LEAST, "tls": False, **changes})


def complaint(**changes: Any) -> str:
    """What the registry would tell of a table that is wrong."""
    with pytest.raises(ValidationError) as caught:
        settings(**changes)
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in caught.value.errors())


def test_the_least_that_must_be_said():
    least = SmppSettings.model_validate(LEAST)
    assert (least.where, least.port, least.coding) == ("smsc.example:2775 com TLS", 2775, 0)
    assert isinstance(least.endpoint.context, ssl.SSLContext)
    assert least.endpoint.context.verify_mode is ssl.CERT_REQUIRED
    assert least.endpoint.context.check_hostname
    assert not least.receipts_as_texts  # else whoever writes an SMS could confirm another's
    assert (least.source_ton, least.source_npi, least.destination_ton, least.destination_npi) == (1, 1, 1, 1)


def test_an_smsc_may_ask_for_no_password():
    assert settings(password="").password.get_secret_value() == ""


def test_without_tls_there_is_nobody_to_believe():
    endpoint = settings(port=3000, ca_file="/no/such/file").endpoint
    assert (endpoint.host, endpoint.port, endpoint.context) == ("smsc.example", 3000, None)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"password": "p" * 65}, "até 64"),
        ({"password": "жжж"}, "até 64"),
        ({"password": "a\0b"}, "até 64"),
        ({"system_id": "ж"}, "letras e números"),
        ({"system_type": "a\0b"}, "letras e números"),
        ({"system_id": "i" * 16}, "system_id"),
        ({"system_id": ""}, "system_id"),
        ({"system_type": "t" * 13}, "system_type"),
        ({"receipt_zone": "America/Atlantida"}, "não é um fuso horário: America/Atlantida"),
        ({"receipt_zone": ""}, "não é um fuso horário"),
        ({"receipt_zone": "../etc/passwd"}, "não é um fuso horário"),
        ({"receipt_zone": "America"}, "não é um fuso horário"),
        ({"receipt_zone": "São Paulo"}, "não é um fuso horário"),
        ({"receipt_zone": "z" * 1000}, "não é um fuso horário"),
        ({"data_coding": 256}, "data_coding"),
        ({"data_coding": -1}, "data_coding"),
        ({"source_ton": 256}, "source_ton"),
        ({"source": "s" * 21}, "source"),
        ({"service_type": "s" * 6}, "service_type"),
        ({"unknown_key": 1}, "unknown_key"),
        ({"password": "env:NO_SUCH_VARIABLE_HERE"}, "NO_SUCH_VARIABLE_HERE, que não existe"),
        ({"password": "file:/dev/null"}, "o segredo password está vazio"),
        ({"password": "file:/no/such/file"}, "não pôde ser lido de /no/such/file"),
        ({"codes": {"0xZZ": "number"}}, "codes"),
        ({"codes": {"0x": "number"}}, "codes"),
        ({"codes": {"ESME_RSYSERR": "wat"}}, "codes"),
        ({"receipt_codes": {"034": "wat"}}, "receipt_codes"),
        ({"receipt_states": {"READ": "wat"}}, "receipt_states"),
        ({"alphabet": "ebcdic"}, "alphabet"),
        ({"receipt_ids": "octal"}, "receipt_ids"),
        ({"long_texts": "magic"}, "long_texts"),
        ({"number_format": "x"}, "number_format"),
        ({"validity": "1 dia"}, "validity"),
        ({"port": 0}, "port"),
        ({"host": ""}, "host"),
        ({"binds": 0}, "binds"),
        ({"binds": 17}, "binds"),
        ({"bind_window": 51}, "bind_window"),
        ({"enquire_every_s": float("nan")}, "enquire_every_s"),
        ({"hours": "20:00-08:00"}, "começar antes de terminar"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(changes, says):
    assert says in complaint(**changes)


@pytest.mark.parametrize("missing", list(LEAST))
def test_what_is_missing_is_named(missing):
    assert missing in complaint(**{missing: None})


@pytest.mark.parametrize("kind", ["missing", "no_certificate", "empty", "folder", "nul"])
def test_a_file_that_names_nobody_to_believe_is_told_in_words(tmp_path, kind):
    (tmp_path / "no_certificate").write_text("nada", encoding="utf-8")
    (tmp_path / "empty").touch()
    (tmp_path / "folder").mkdir()
    file = f"{tmp_path}\0" if kind == "nul" else str(tmp_path / kind)
    assert "ca_file" in complaint(tls=True, ca_file=file)


def test_a_file_says_whom_to_believe(tmp_path):
    authority = Authority(tmp_path, "nossa")
    context = settings(tls=True, ca_file=str(authority.file)).context()
    assert [dict(part[0] for part in found["subject"]) for found in context.get_ca_certs()] == [
        {"commonName": "nossa"}
    ]


def test_the_password_is_taken_from_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("SMSC_PASSWORD", "do-ambi")
    (tmp_path / "secret").write_text("do-file\n", encoding="utf-8")
    assert settings(password="env:SMSC_PASSWORD").password.get_secret_value() == "do-ambi"
    assert settings(password=f"file:{tmp_path / 'secret'}").password.get_secret_value() == "do-file"


def test_a_password_that_is_no_text_is_told_in_words(tmp_path):
    (tmp_path / "secret").write_bytes(b"\xff\xfe")
    assert "password" in complaint(password=f"file:{tmp_path / 'secret'}")


@pytest.mark.parametrize("wrong", [{"system_id": "жж"}, {"unknown_key": 1}, {"password": "hush" * 20}])
def test_no_complaint_tells_the_password(monkeypatch, wrong):
    monkeypatch.setenv("SMSC_PASSWORD", "hush-hus")
    changes = {"password": "env:SMSC_PASSWORD", **wrong}
    assert "hush" not in complaint(**changes)
    assert "hush" not in repr(settings(password="env:SMSC_PASSWORD"))


# What is taken must be of use


def heads_and_tails(taken: SmppSettings) -> bytes:
    """What the platform writes of its settings with every message."""
    source = Address(taken.source_ton, taken.source_npi, taken.source)
    return pdu.write_submit_head(source, service_type=taken.service_type) + pdu.write_submit_tail(
        registered_delivery=1, data_coding=taken.coding, validity=taken.validity
    )


@pytest.mark.parametrize(
    "validity", ["", "000001000000000R", "000000040000000R", "260102153000000+", "260102153000012-"]
)
def test_a_validity_as_smpp_writes_it_is_taken(validity):
    """§7.1.1: YYMMDDhhmmsstnnp, sixteen characters in both forms."""
    assert validity.encode() in heads_and_tails(settings(validity=validity))


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "Loja ж"},
        {"source": "a\0b"},
        {"service_type": "ж"},
        {"service_type": "a\0b"},
        {"validity": "0000010000000000R"},
        {"validity": "١" * 13 + "00+"},
    ],
    ids=["source", "source NUL", "service_type", "service_type NUL", "too long", "foreign digits"],
)
def test_what_cannot_be_written_is_refused(changes):
    assert next(iter(changes)) in complaint(**changes)


@pytest.mark.parametrize("rule", ["part", "ucs2_part"])
@pytest.mark.parametrize("length", [0, -1, 1])
def test_parts_in_which_nothing_fits_are_refused(rule, length):
    """Cutting would never end: an escape or a pair needs two."""
    assert "segments" in complaint(segments={rule: length})


@pytest.mark.parametrize(("rule", "most"), [("part", 153), ("ucs2_part", 67)])
def test_parts_that_have_no_room_beside_their_header_are_refused(rule, most):
    assert settings(segments={rule: most}).segments.model_dump()[rule] == most
    assert "153" in complaint(segments={rule: most + 1})
    assert settings(segments={rule: most + 1}, long_texts="payload")


@pytest.mark.parametrize(
    ("alphabet", "given", "coding"),
    [("gsm7", None, 0), ("ascii", None, 1), ("latin1", None, 3), ("gsm7", 0xF1, 0xF1), ("latin1", 0, 0)],
)
def test_the_data_coding(alphabet, given, coding):
    assert settings(alphabet=alphabet, data_coding=given).coding == coding


def test_what_stands_for_a_status_is_known_by_its_name():
    codes = {"0x58": "credit", "0x400": "number", "0X04AB": "content", "ESME_RSYSERR": "throttle"}
    assert settings(codes=codes).codes == {
        "ESME_RTHROTTLED": FailureClass.CREDIT,
        "0x00000400": FailureClass.NUMBER,
        "0x000004AB": FailureClass.CONTENT,
        "ESME_RSYSERR": FailureClass.THROTTLE,
    }


def test_what_receipts_say():
    taken = settings(
        receipt_zone="America/Sao_Paulo",
        receipt_states={"READ": "delivered"},
        receipt_codes={"034": "number"},
    )
    assert taken.zone == ZoneInfo("America/Sao_Paulo")
    assert taken.receipt_states == {"READ": ReceiptKind.DELIVERED}
    assert taken.receipt_codes == {"034": FailureClass.NUMBER}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just("0xZZ"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("0xZ"), inner, max_size=3)
    ),
    max_leaves=4,
)


@given(st.sampled_from(sorted(set(SmppSettings.model_fields) - {"tls"})), ANYTHING)
def test_nothing_raises_anything_but_a_complaint(name, value):
    with suppress(ValidationError):
        settings(**{name: value})


@given(
    st.dictionaries(
        st.sampled_from(["number", "credit", "0x1", "ESME_RSYSERR"]) | st.text().map("0x".__add__),
        st.just("number"),
    )
)
def test_no_code_raises_anything_but_a_complaint(codes):
    with suppress(ValidationError):
        settings(codes=codes)
