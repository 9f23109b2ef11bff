"""The texts of customers as SMSCs bring them."""

from __future__ import annotations

import pytest

from disparo.domain.outcome import FailureClass, InboundText, ReceiptKind
from disparo.platforms.base import Heard
from disparo.platforms.smpp.pdu import Address, Delivered
from disparo.platforms.smpp.receipts import Reading, read_heard
from disparo.platforms.smpp.text import join_header
from disparo.platforms.unknown_codes import UnknownCodes

RECEIPT = b"id:7 sub:001 dlvrd:001 submit date:2401021530 done date:2401021531 stat:DELIVRD err:000 text:oi"


def inbound(content: bytes, reading: Reading | None = None, **more) -> Heard:
    given = {"esm_class": 0, "data_coding": 0, "source": "5511988887777", **more}
    told = Delivered(
        Address(1, 1, given["source"]),
        Address(6, 0, "28000"),
        given["esm_class"],
        given["data_coding"],
        content,
        {},
    )
    return read_heard(told, reading or Reading(), UnknownCodes("smsc"))


@pytest.mark.parametrize(
    ("content", "more", "text"),
    [
        (b"PARE \0 \x1be", {}, "PARE @ €"),
        ("Não".encode("latin-1"), {"data_coding": 3}, "Não"),
        ("Não 😀".encode("utf-16-be"), {"data_coding": 8}, "Não 😀"),
        *(("Não 😀".encode("utf-16-be"), {"data_coding": coding}, "Não 😀") for coding in range(0x18, 0x1C)),
        (join_header(1, 2, 1) + b"PARE", {"esm_class": 0x40}, "PARE"),
        (join_header(1, 2, 1) + "Não".encode("utf-16-be"), {"esm_class": 0x40, "data_coding": 8}, "Não"),
        (bytes.fromhex("06080400010201") + b"PARE", {"esm_class": 0x43}, "PARE"),
        (
            b"a\x1b\x1be",
            {},
            "a e",
        ),  # a second escape is what escapes to nothing yet (3GPP TS 23.038, 6.2.1.1)
        (b"id:7 stat:DELIVRD", {}, "id:7 stat:DELIVRD"),
        (b"", {}, ""),
    ],
)
def test_a_customers_text(content, more, text):
    assert inbound(content, **more) == Heard(texts=(InboundText("5511988887777", text),))


def test_a_text_in_the_smscs_own_alphabet():
    assert inbound(b"N\xe3o", Reading(alphabet="latin1")).texts[0].text == "Não"


def test_a_text_without_a_sender():
    assert inbound(b"oi", source="").texts == (InboundText(None, "oi"),)


@pytest.mark.parametrize("esm_class", [0x08, 0x10, 0x18, 0x0C, 0x24, 0x3C, 0x48])
def test_other_kinds_say_nothing(esm_class):
    assert inbound(RECEIPT, esm_class=esm_class) == Heard()


def test_receipts_that_come_as_texts_do_are_read_where_the_settings_say_so():
    as_texts = Reading(as_texts=True)
    (receipt,) = inbound(RECEIPT, as_texts).receipts
    assert (receipt.kind, receipt.platform_id) == (ReceiptKind.DELIVERED, "7")
    assert inbound(RECEIPT).texts[0].text == RECEIPT.decode()
    for text in (
        b"PARE",
        b"id:7 stat:DELIVRD",
        b"sobre o id:7 done date:2401021531 stat:DELIVRD",
        RECEIPT.replace(b"7", b"", 1),
    ):
        assert inbound(text, as_texts) == inbound(text), text


@pytest.mark.parametrize(
    ("meant", "believed"),
    [
        (FailureClass.NUMBER, FailureClass.UNKNOWN),
        (FailureClass.OPT_OUT, FailureClass.UNKNOWN),
        (FailureClass.CONTENT, FailureClass.CONTENT),
    ],
)
def test_a_receipt_that_came_as_texts_do_marks_no_number(meant, believed):
    marks = Reading(as_texts=True, codes={"001": meant})
    (forged,) = inbound(RECEIPT.replace(b"DELIVRD err:000", b"UNDELIV err:001"), marks).receipts
    assert (forged.kind, forged.failure) == (ReceiptKind.UNDELIVERED, believed)
