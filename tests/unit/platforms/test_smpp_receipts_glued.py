"""Receipts whose fields have no blanks between them, or other signs; their ends, and the forms of their moment."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from disparo.domain.outcome import FailureClass, ReceiptEvent, ReceiptKind
from disparo.platforms.smpp.pdu import Address, Delivered
from disparo.platforms.smpp.receipts import Reading, read_heard
from disparo.platforms.unknown_codes import UnknownCodes

WORDS = (
    "id:0123A456B sub:001 dlvrd:001 submit date:2401021530 done date:2401021531 stat:UNDELIV err:012 "
    "text:id:99 stat:DELIVRD err:001"
)


@pytest.mark.parametrize(
    "content",
    [
        WORDS,
        WORDS.replace(" s", "s").replace(" d", "d").replace(" e", "e").replace(" t", "t"),
        WORDS.replace(" sub:", "sub:").replace(" dlvrd:", "dlvrd:").replace(" err:", "err:"),
        WORDS.replace(" text:", "text:"),
        WORDS.replace(" sub:", "sub:"),
        WORDS.replace(" sub:", ";sub:").replace(" stat:", ";stat:").replace(" err", ";err"),
        WORDS.replace(" sub:", ", sub:").replace(" stat:", ", stat:").replace(" err", ", err"),
        WORDS.replace(" ", "\r\n").replace("submit\r\n", "submit ").replace("done\r\n", "done "),
    ],
)
def test_each_field_is_read_by_itself(content):
    told = Delivered(Address(1, 1, "5511988887777"), Address(0, 0, ""), 4, 0, content.encode())
    reading = Reading(codes={"012": FailureClass.NUMBER})
    assert read_heard(told, reading, UnknownCodes("smsc")).receipts == (
        ReceiptEvent(
            ReceiptKind.UNDELIVERED,
            platform_id="123a456b",
            code="UNDELIV 012",
            failure=FailureClass.NUMBER,
            happened_at=datetime(2024, 1, 2, 15, 31, tzinfo=UTC),
        ),
    )


@pytest.mark.parametrize("written", ["2401021531", "240102153100", "202401021531", "20240102153100"])
def test_the_moment_with_seconds_and_century_or_without(written):
    told = Delivered(Address(1, 1, ""), Address(0, 0, ""), 4, 0, b"id:7 done date:%s" % written.encode())
    (event,) = read_heard(told, Reading(), UnknownCodes("smsc")).receipts
    assert event.happened_at == datetime(2024, 1, 2, 15, 31, tzinfo=UTC)


@pytest.mark.parametrize("end", [b"\0", b"\0\0"])
def test_a_text_that_ends_with_nul_as_c_writes_it(end):
    told = Delivered(Address(1, 1, "5511988887777"), Address(0, 0, ""), 4, 0, b"id:77 stat:DELIVRD" + end)
    (event,) = read_heard(told, Reading(), UnknownCodes("smsc")).receipts
    assert event == ReceiptEvent(ReceiptKind.DELIVERED, platform_id="77")
