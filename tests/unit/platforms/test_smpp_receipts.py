"""Receipts as SMSCs write them."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from aiosmpplib.protocol import DeliverSm
from hypothesis import example, given
from hypothesis import strategies as st

from disparo.domain.outcome import FailureClass, ReceiptEvent, ReceiptKind
from disparo.platforms.base import Heard
from disparo.platforms.json_paths import LONGEST_NAME, storable
from disparo.platforms.smpp.pdu import Address, Delivered, Malformed, Tag
from disparo.platforms.smpp.receipts import Reading, read_heard, same_id
from disparo.platforms.unknown_codes import UnknownCodes

DELIVERED, SENT, UNDELIVERED, OTHER = (
    ReceiptKind.DELIVERED,
    ReceiptKind.SENT,
    ReceiptKind.UNDELIVERED,
    ReceiptKind.OTHER,
)
DONE = datetime(2024, 1, 2, 15, 31, tzinfo=UTC)
ID, STATE, NETWORK = Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE, Tag.NETWORK_ERROR_CODE


def delivered(
    content: bytes, optional=None, *, esm_class: int = 4, data_coding: int = 0, source="5511988887777"
):
    return Delivered(
        Address(1, 1, source), Address(6, 0, "28000"), esm_class, data_coding, content, optional or {}
    )


def receipt(content: str, optional=None, unknown: UnknownCodes | None = None, **reading) -> ReceiptEvent:
    told = delivered(content.encode("latin-1"), optional)
    heard = read_heard(told, Reading(**reading), unknown or UnknownCodes("smsc"))
    (event,) = heard.receipts
    assert heard.texts == ()
    return event


def words(state: str, err: str = "000", text: str = "Prezado cliente") -> str:
    """A receipt as appendix B has it."""
    return (
        "id:0123A456B sub:001 dlvrd:001 submit date:2401021530 done date:2401021531 "
        f"stat:{state} err:{err} text:{text}"
    )


@pytest.mark.parametrize("optional", [{ID: b"0123A456B\0"}, {STATE: b"\x02"}])
def test_what_says_a_messages_state_is_a_receipt_whatever_its_esm_class(optional):
    told = delivered(words("DELIVRD").encode(), optional, esm_class=0)
    heard = read_heard(told, Reading(), UnknownCodes("smsc"))
    assert [(each.platform_id, each.kind) for each in heard.receipts] == [("123a456b", DELIVERED)]


@pytest.mark.parametrize("encoding", ["ascii", "utf-16-be"])
def test_a_receipt_under_its_messages_data_coding_is_read_as_it_is_written(encoding):
    heard = read_heard(
        delivered(words("DELIVRD").encode(encoding), data_coding=8), Reading(), UnknownCodes("smsc")
    )
    assert [(each.platform_id, each.kind) for each in heard.receipts] == [("123a456b", DELIVERED)]


@pytest.mark.parametrize(
    ("state", "kind", "failure"),
    [
        ("DELIVRD", DELIVERED, None),
        ("ACCEPTD", SENT, None),
        ("EXPIRED", UNDELIVERED, FailureClass.EXPIRED),
        ("DELETED", UNDELIVERED, FailureClass.UNKNOWN),
        ("UNDELIV", UNDELIVERED, FailureClass.UNKNOWN),
        ("REJECTD", UNDELIVERED, FailureClass.UNKNOWN),
        ("ENROUTE", OTHER, None),
        ("UNKNOWN", OTHER, None),
        ("ACCEPTED", SENT, None),
        ("UNDELIVERABLE", UNDELIVERED, FailureClass.UNKNOWN),
        ("SKIPPED", UNDELIVERED, FailureClass.UNKNOWN),
        ("SCHEDULED", OTHER, None),
    ],
)
def test_the_standards_own_text(state, kind, failure):
    event = receipt(words(state))
    why = None if kind in (SENT, DELIVERED) else state  # of what went well there is no reason
    assert event == ReceiptEvent(kind, platform_id="123a456b", code=why, failure=failure, happened_at=DONE)


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (1, "ENROUTE"),
        (2, "DELIVRD"),
        (3, "EXPIRED"),
        (4, "DELETED"),
        (5, "UNDELIV"),
        (6, "ACCEPTD"),
        (7, "UNKNOWN"),
        (8, "REJECTD"),
        (0, "SCHEDULED"),
        (9, "SKIPPED"),
    ],
)
def test_a_state_in_a_parameter_alone_says_the_same(number, state):
    in_words, in_number = receipt(f"id:7 stat:{state}"), receipt("", {ID: b"7\0", STATE: bytes((number,))})
    assert in_words == in_number


@pytest.mark.parametrize(
    ("content", "optional", "event"),
    [
        pytest.param(
            "id:77 submitdate:2401021530 donedate:2401021531 stat:DELIVRD err:0",
            {},
            ReceiptEvent(DELIVERED, platform_id="77", happened_at=DONE),
            id="dates without a space",
        ),
        pytest.param(
            "ID:77 SUB:001 SUBMIT DATE:2401021530 DONE DATE:2401021531 STAT:DELIVRD ERR:000 TEXT:x",
            {},
            ReceiptEvent(DELIVERED, platform_id="77", happened_at=DONE),
            id="capitals",
        ),
        pytest.param(
            "id: 77 stat: DELIVRD done date: 2401021531",
            {},
            ReceiptEvent(DELIVERED, platform_id="77", happened_at=DONE),
            id="spaces after colons",
        ),
        pytest.param(
            "id:77 done date:240102153107 stat:DELIVRD",
            {},
            ReceiptEvent(DELIVERED, platform_id="77", happened_at=DONE.replace(second=7)),
            id="seconds",
        ),
        pytest.param(
            "id:77 done date:0000000000 stat:DELIVRD",
            {},
            ReceiptEvent(DELIVERED, platform_id="77"),
            id="no moment",
        ),
        pytest.param(
            "id:77 done date:99991231235959 stat:DELIVRD",  # in UTC it would be in the year 10000
            {},
            ReceiptEvent(DELIVERED, platform_id="77"),
            id="no moment that can be stored",
        ),
        pytest.param(
            "id:77 stat:delivrd",
            {},
            ReceiptEvent(DELIVERED, platform_id="77"),
            id="state in small letters",
        ),
        pytest.param(
            "",
            {ID: b"0a1B-c\0", STATE: b"\x02"},
            ReceiptEvent(DELIVERED, platform_id="a1b-c"),
            id="parameters alone",
        ),
        pytest.param(
            "stat:UNDELIV err:007",
            {ID: b"77"},
            ReceiptEvent(
                UNDELIVERED, platform_id="77", code="UNDELIV 007", failure=FailureClass.UNKNOWN
            ),
            id="id in a parameter, without its NUL",
        ),
        pytest.param(
            "id:99 stat:DELIVRD",
            {ID: b"77\0", STATE: b"\x05"},
            ReceiptEvent(DELIVERED, platform_id="77"),
            id="the parameter's id, the text's state",
        ),
        pytest.param(
            "id:77 stat:DELIVRD",
            {ID: b"\0"},
            ReceiptEvent(DELIVERED, platform_id="77"),
            id="an empty parameter is no id",
        ),
        pytest.param(
            "id:77 stat:UNDELIV err:000",
            {NETWORK: b"\x03\x00\x22"},
            ReceiptEvent(UNDELIVERED, platform_id="77", code="UNDELIV 34", failure=FailureClass.UNKNOWN),
            id="the network's code",
        ),
        pytest.param(
            "id:77 stat:UNDELIV err:012",
            {NETWORK: b"\x03\x00\x22"},
            ReceiptEvent(UNDELIVERED, platform_id="77", code="UNDELIV 012", failure=FailureClass.UNKNOWN),
            id="the text's code before the network's",
        ),
        pytest.param(
            "id:77 stat:UNDELIV",
            {NETWORK: b"\x22"},
            ReceiptEvent(UNDELIVERED, platform_id="77", code="UNDELIV", failure=FailureClass.UNKNOWN),
            id="a network's code that is none",
        ),
        pytest.param(
            "id:77",
            {STATE: b"\x0a"},
            ReceiptEvent(OTHER, platform_id="77", code="10"),
            id="a state that no standard knows",
        ),
        pytest.param(
            words("DELIVRD", text="id:99 stat:UNDELIV err:001 done date:2001010101"),
            {},
            ReceiptEvent(DELIVERED, platform_id="123a456b", happened_at=DONE),
            id="fields in the message's own text",
        ),
        pytest.param(
            "id:77 stat:UNDELIV text:err:055 done date:2001010101",
            {},
            ReceiptEvent(UNDELIVERED, platform_id="77", code="UNDELIV", failure=FailureClass.UNKNOWN),
            id="fields in the message's own text that the receipt leaves out",
        ),
        pytest.param(
            "text:id:99 stat:UNDELIV err:001",
            {ID: b"77\0", STATE: b"\x02"},
            ReceiptEvent(DELIVERED, platform_id="77"),
            id="nothing but the message's own text",
        ),
        pytest.param(
            DeliverSm.encode_receipt({"id": "77", "stat": "DELIVRD"}),
            {},
            ReceiptEvent(DELIVERED, platform_id="77"),
            id="empty dates, as aiosmpplib writes them",
        ),
        pytest.param(
            "id:77 stat: err: text:",
            {STATE: b"\x02"},
            ReceiptEvent(DELIVERED, platform_id="77"),
            id="an empty state",
        ),
        pytest.param(
            "id:77 stat:UNDELIV err: text:Prezado",
            {},
            ReceiptEvent(UNDELIVERED, platform_id="77", code="UNDELIV", failure=FailureClass.UNKNOWN),
            id="an empty code",
        ),
    ],
)  # fmt: skip
def test_receipts_as_vendors_write_them(content, optional, event):
    assert receipt(content, optional) == event


@pytest.mark.parametrize(
    ("written", "answered", "given_back"),
    [
        ("same", "0000ABCD", "abcd"),
        ("same", "abcd", "ABCD"),
        ("same", "0", "0"),
        ("same", "AB0002  ", "AB0002"),
        ("same", "  31", "31"),
        ("decimal", "1F", "31"),
        ("decimal", "0000001f", "0000000031"),
        ("decimal", "5f2c8e01", "1596755457"),
        ("hex", "31", "1F"),
        ("hex", "0000000031", "0000001f"),
        ("decimal", "a-b", "A-B"),
        ("hex", "x-9", "X-9"),
    ],
)
def test_the_receipts_id_meets_the_answers(written, answered, given_back):
    in_text = receipt(f"id:{given_back} stat:DELIVRD", receipt_ids=written)
    in_parameter = receipt("stat:DELIVRD", {ID: answered.encode() + b"\0"}, receipt_ids=written)
    both = receipt(f"id:{given_back} stat:DELIVRD", {ID: answered.encode()}, receipt_ids=written)
    assert in_text.platform_id == in_parameter.platform_id == both.platform_id == same_id(answered)


def test_an_id_without_end_is_cut_on_both_sides_alike():
    event = receipt(f"id:{'A' * 5000} stat:DELIVRD")
    assert event.platform_id == same_id("a" * 5000) == "a" * LONGEST_NAME


@pytest.mark.parametrize("written", ["decimal", "hex"])
def test_a_number_without_end_is_taken_as_it_stands(written):
    assert receipt(f"id:{'9' * 5000} stat:DELIVRD", receipt_ids=written).platform_id


def test_the_moment_is_in_the_smscs_zone():
    zone = ZoneInfo("America/Sao_Paulo")
    assert receipt(words("DELIVRD"), zone=zone).happened_at == datetime(2024, 1, 2, 18, 31, tzinfo=UTC)


def test_an_unknown_state_moves_nothing_and_is_counted():
    unknown = UnknownCodes("smsc")
    event = receipt("id:77 stat:READ", unknown=unknown)
    assert event == ReceiptEvent(OTHER, platform_id="77", code="READ")
    assert unknown.counts == {"receipt": 1}


@pytest.mark.parametrize(("state", "counted"), [("UNDELIV", 1), ("DELIVRD", 0), ("EXPIRED", 0)])
def test_an_unknown_code_of_a_failure_alone_is_counted(state, counted):
    unknown = UnknownCodes("smsc")
    receipt(f"id:77 stat:{state} err:034", unknown=unknown)
    assert unknown.counts["receipt"] == counted


@pytest.mark.parametrize(
    ("content", "optional", "failure"),
    [
        ("id:7 stat:UNDELIV err:034", {}, FailureClass.NUMBER),
        ("id:7 stat:UNDELIV", {NETWORK: b"\x03\x00\x22"}, FailureClass.CARRIER),
        ("id:7 stat:EXPIRED err:034", {}, FailureClass.NUMBER),
        ("id:7 stat:REJECTD err:099", {}, FailureClass.CONTENT),
        ("id:7 stat:EXPIRED err:099", {}, FailureClass.EXPIRED),
        ("id:7 stat:DELIVRD err:034", {}, None),
    ],
)
def test_what_the_settings_say_of_codes(content, optional, failure):
    codes = {"034": FailureClass.NUMBER, "34": FailureClass.CARRIER, "REJECTD": FailureClass.CONTENT}
    unknown = UnknownCodes("smsc")
    assert receipt(content, optional, unknown, codes=codes).failure is failure
    assert not unknown.counts


@pytest.mark.parametrize("written", ["READ", "read"])
def test_what_the_settings_say_of_states_whatever_the_case(written):
    assert receipt(f"id:7 stat:{written}", states={"READ": DELIVERED}).kind is DELIVERED


def test_what_the_settings_say_of_codes_whatever_the_case():
    failure = receipt("id:7 stat:UNDELIV err:0a1", codes={"0A1": FailureClass.NUMBER}).failure
    assert failure is FailureClass.NUMBER


def test_what_the_settings_say_of_states_wins():
    assert receipt("id:7 stat:ACCEPTD", states={"ACCEPTD": DELIVERED}).kind is DELIVERED


@pytest.mark.parametrize("esm_class", [0x04, 0x20, 0x07, 0xC4])
def test_receipts_and_notes_of_progress_are_receipts(esm_class):
    told = delivered(words("DELIVRD").encode(), esm_class=esm_class)
    assert len(read_heard(told, Reading(), UnknownCodes("smsc")).receipts) == 1


@pytest.mark.parametrize(
    ("content", "optional"),
    [
        ("", {}),
        ("stat:DELIVRD err:000", {}),
        ("stat:DELIVRD", {ID: b"\0"}),
        ("Prezado cliente", {STATE: b"\x02"}),
        ("id: sub:001 dlvrd:001 stat:DELIVRD err:000", {}),
        ("stat:DELIVRD text:id:99", {}),
    ],
)
def test_a_receipt_without_an_id_is_malformed(content, optional):
    with pytest.raises(Malformed):
        receipt(content, optional)


# Whatever comes

FIELDS = st.lists(
    st.sampled_from(
        ["id:", "stat:", "err:", "done date:", "text:", " ", "DELIVRD", "UNDELIV", "240102", "7", "\0"]
    )
    | st.text(st.characters(max_codepoint=0xFF), max_size=12)
).map(lambda parts: "".join(parts).encode("latin-1"))
NOISE = st.builds(
    Delivered,
    st.builds(Address, st.integers(0, 255), st.integers(0, 255), st.text(st.characters(max_codepoint=0xFF))),
    st.just(Address(0, 0, "")),
    st.integers(0, 255) | st.sampled_from([0, 4, 0x40]),
    st.integers(0, 255) | st.sampled_from([0, 3, 8]),
    st.binary(max_size=100) | FIELDS,
    st.dictionaries(st.sampled_from([ID, STATE, NETWORK, 0x1401]), st.binary(max_size=12)),
)
READINGS = st.builds(
    Reading,
    alphabet=st.sampled_from(["gsm7", "ascii", "latin1"]),
    receipt_ids=st.sampled_from(["same", "decimal", "hex"]),
)


@given(NOISE, READINGS)
def test_nothing_raises_anything_but_malformed(told, reading):
    with suppress(Malformed):
        read_heard(told, reading, UnknownCodes("smsc"))


@given(NOISE, READINGS)
@example(delivered(b"id:77\0"), Reading())
@example(delivered(b"id:77 stat:DELIVRD\0"), Reading())
@example(delivered(b"id:7 stat:UNDELIV err:1\0"), Reading())
@example(delivered(b"", {ID: b"7\0007\0"}), Reading())
@example(delivered(b"oi\0", esm_class=0, data_coding=3), Reading())
@example(delivered(b"\0o\0\0", esm_class=0, data_coding=8), Reading())
def test_what_is_told_can_be_stored(told, reading):
    heard = Heard()
    with suppress(Malformed):
        heard = read_heard(told, reading, UnknownCodes("smsc"))
    said = [value for event in (*heard.receipts, *heard.texts) for value in event]
    assert all(value == storable(value) for value in said if isinstance(value, str))
