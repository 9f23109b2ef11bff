"""What an SMSC tells: receipts and customers' texts, taken when they are stored, by deliver_sm or data_sm."""

from __future__ import annotations

import pytest
from tests.contract.smsc import Ear, an_smsc, bound, deliver, one

from disparo.domain.outcome import OutcomeKind, ReceiptKind
from disparo.platforms.smpp import pdu
from disparo.platforms.smpp.pdu import Command, Tag

pytestmark = pytest.mark.anyio

RECEIPT = b"id:id-1 sub:001 dlvrd:001 submit date:2611261200 done date:2611261201 stat:DELIVRD err:000 text:x"


def parameter(tag, value):
    return tag.to_bytes(2) + len(value).to_bytes(2) + value


async def test_receipts_are_acknowledged_when_they_are_stored():
    ear = Ear()
    async with an_smsc() as smsc, bound(smsc, ear):
        smsc.writers[0].write(deliver(RECEIPT, sequence=7))
        await smsc.until(lambda: smsc.others)
        ear.stores = False
        smsc.writers[0].write(deliver(RECEIPT, sequence=8))
        await smsc.until(lambda: len(smsc.others) == 2)
    good, bad = smsc.others[:2]
    assert (good.command, good.status, good.sequence) == (Command.DELIVER_SM | pdu.ANSWER, 0, 7)
    assert (bad.status, bad.sequence) == (0x64, 8)
    (event,) = ear.heard[0][0].receipts
    assert (event.kind, event.platform_id) == (ReceiptKind.DELIVERED, "id-1")
    assert "stat:DELIVRD" in ear.heard[0][1]


@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        (parameter(Tag.RECEIPTED_MESSAGE_ID, b"ID-1\0") + parameter(Tag.MESSAGE_STATE, b"\x02"), 0x04),
        (parameter(Tag.MESSAGE_PAYLOAD, RECEIPT), 0x04),
        (parameter(Tag.MESSAGE_PAYLOAD, b"SAIR"), 0x00),
    ],
)
async def test_what_comes_as_data_sm_is_heard_like_any_other(extra, kind):
    ear = Ear()
    async with an_smsc() as smsc, bound(smsc, ear):
        address = b"\x01\x015511988887777\0\x00\x00SMSC\0"
        smsc.writers[0].write(pdu.pack(Command.DATA_SM, 9, b"CMT\0" + address + bytes((kind, 0, 0)) + extra))
        await smsc.until(lambda: smsc.others)
        # Cut short: it would come for ever.
        smsc.writers[0].write(pdu.pack(Command.DATA_SM, 10, b"\0" + address))
        await smsc.until(lambda: len(smsc.others) == 2)
    answers = [(unit.command, unit.status, unit.sequence) for unit in smsc.others[:2]]
    assert answers == [(Command.DATA_SM | pdu.ANSWER, 0, number) for number in (9, 10)]
    ((heard, raw),) = ear.heard
    assert raw.startswith("data_sm 5511988887777 > SMSC")
    if kind:
        assert [(event.kind, event.platform_id) for event in heard.receipts] == [
            (ReceiptKind.DELIVERED, "id-1")
        ]
    else:
        assert [text.text for text in heard.texts] == ["SAIR"]


async def test_what_says_nothing_is_acknowledged_all_the_same():
    ear = Ear()
    async with an_smsc() as smsc, bound(smsc, ear) as platform:
        smsc.writers[0].write(deliver(b"stat:DELIVRD", sequence=3) + deliver(b"x", sequence=4, esm_class=8))
        await smsc.until(lambda: len(smsc.others) == 2)
        assert (await one(platform)).kind is OutcomeKind.ACCEPTED
    assert [unit.status for unit in smsc.others[:2]] == [0, 0]
    assert ear.heard == []


async def test_customers_texts_are_heard():
    ear = Ear()
    async with an_smsc() as smsc, bound(smsc, ear):
        smsc.writers[0].write(deliver("SAÍR".encode("utf-16-be"), esm_class=0, coding=8))
        await smsc.until(lambda: ear.heard)
    (text,) = ear.heard[0][0].texts
    assert (text.sender, text.text) == ("5511988887777", "SAÍR")


async def test_a_text_in_chinese_that_looks_like_the_beginning_of_a_receipt_does_not_end_the_bind():
    ear = Ear()
    async with an_smsc() as smsc, bound(smsc, ear, receipts_as_texts=True) as platform:
        octets = b"id:\0"  # of UCS-2: two signs
        smsc.writers[0].write(deliver(octets, sequence=7, esm_class=0, coding=8))
        await smsc.until(lambda: smsc.others)
        assert (await one(platform)).kind is OutcomeKind.ACCEPTED
    assert (smsc.others[0].status, len(smsc.binds)) == (0, 1)
    assert [text.text for text in ear.heard[0][0].texts] == [octets.decode("utf-16-be")]
