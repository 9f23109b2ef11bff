"""SMPP on the wire: what we write is read by another codec (aiosmpplib), and what that one writes by us."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from aiosmpplib.protocol import MESSAGE_TYPE_MAP, DeliverSm, SmppMessage, SubmitSm, SubmitSmResp
from aiosmpplib.state import NPI, TON, OptionalParam, PhoneNumber, SmppCommand, SmppCommandStatus
from hypothesis import given
from hypothesis import strategies as st

from disparo.platforms.smpp import pdu
from disparo.platforms.smpp.pdu import ANSWER, Address, Command, Delivered, Malformed, Pdu, Tag
from disparo.platforms.smpp.text import join_header

OURS, THEIRS = Address(5, 0, "Provedor"), Address(1, 1, "5511988887777")


def as_others_read(unit: bytes) -> SmppMessage:
    header = SmppMessage.parse_header(unit)
    assert header.pdu_length == len(unit)
    return MESSAGE_TYPE_MAP[header.smpp_command].from_pdu(unit, header, "gsm0338")


def submitted(  # in the order of §4.4.1
    octets: bytes, *, esm_class: int = 0, data_coding: int = 0, validity: str = "", payload: bytes = b""
) -> SmppMessage:
    body = (
        pdu.write_submit_head(OURS, service_type="CMT")
        + pdu.write_address(THEIRS)
        + bytes((esm_class,))
        + pdu.write_submit_tail(registered_delivery=1, data_coding=data_coding, validity=validity)
        + bytes((len(octets),))
        + octets
        + payload
    )
    return as_others_read(pdu.pack(Command.SUBMIT_SM, 7, body))


def body_of(message: SmppMessage) -> bytes:
    (unit,) = pdu.split(bytearray(message.pdu()))
    assert (unit.command, unit.status, unit.sequence) == (message.smpp_command, 0, message.sequence_num)
    return unit.body


def delivered_by_others(text: str, *optional: OptionalParam, esm_class: int = 0, **more) -> Delivered:
    return pdu.read_delivered(
        body_of(
            DeliverSm(
                sequence_num=9,
                short_message=text,
                source=PhoneNumber("5511988887777", TON.INTERNATIONAL, NPI.ISDN),
                destination=PhoneNumber("28000", TON.ABBREVIATED, NPI.UNKNOWN),
                esm_class=esm_class,
                optional_params=list(optional),
                **more,
            )
        )
    )


# What we write


@pytest.mark.parametrize(
    "command", [Command.BIND_RECEIVER, Command.BIND_TRANSMITTER, Command.BIND_TRANSCEIVER]
)
def test_a_bind_is_understood(command):
    body = pdu.write_bind(system_id="provedor", password="s3cr3t", system_type="VMA")
    bind = as_others_read(pdu.pack(command, 1, body))
    assert (bind.smpp_command, bind.sequence_num) == (command, 1)
    assert (bind.system_id, bind.password, bind.system_type) == ("provedor", "s3cr3t", "VMA")
    assert (bind.interface_version, bind.addr_ton, bind.addr_npi, bind.address_range) == (0x34, 0, 0, "")


def test_a_bind_of_the_longest_words_is_understood():
    body = pdu.write_bind(system_id="i" * 15, password="p" * 8, system_type="t" * 12)
    bind = as_others_read(pdu.pack(Command.BIND_TRANSCEIVER, 1, body))
    assert (bind.system_id, bind.password, bind.system_type) == ("i" * 15, "p" * 8, "t" * 12)


def test_a_password_longer_than_the_standards_is_written_whole():
    body = pdu.write_bind(system_id="i", password="p" * 64, system_type="t")
    assert body == b"i\0" + b"p" * 64 + b"\0t\0\x34\0\0\0"


@pytest.mark.parametrize(
    "wrong",
    [
        {"system_id": "i" * 16},
        {"password": "p" * 65},
        {"system_type": "t" * 13},
        {"system_id": "a\0b"},
        {"password": "ж"},
    ],
)
def test_what_fits_no_field_is_not_written(wrong):
    with pytest.raises(ValueError, match=r"at most|latin-1"):
        pdu.write_bind(**{"system_id": "i", "password": "p", "system_type": "", **wrong})


def test_a_submission_is_understood():
    message = submitted(b"Ol\x05, \x1b\x65 10", validity="000002000000000R")
    assert isinstance(message, SubmitSm)
    assert (message.sequence_num, message.service_type, message.short_message) == (7, "CMT", "Olé, € 10")
    assert message.source == PhoneNumber("Provedor", TON.ALPHANUMERIC, NPI.UNKNOWN)
    assert message.destination == PhoneNumber("5511988887777", TON.INTERNATIONAL, NPI.ISDN)
    assert (message.esm_class, message.registered_delivery) == (0, 1)
    assert (message.protocol_id, message.priority_flag, message.replace_if_present_flag) == (0, 0, 0)
    assert (message.schedule_delivery_time, message.validity_period) == (None, timedelta(days=2))
    assert (message.sm_default_msg_id, message.optional_params) == (0, [])


def test_a_moment_until_which_a_message_is_valid_is_understood():
    message = submitted(b"oi", validity="260102153000000+")
    assert message.validity_period == datetime(26, 1, 2, 15, 30, tzinfo=UTC)  # that codec knows no century


def test_ucs2_is_understood():
    message = submitted("ação 😀".encode("utf-16-be"), data_coding=8)
    assert (message.short_message, message.encoding) == ("ação 😀", "ucs2")


def test_a_part_and_its_header_are_understood():
    message = submitted(join_header(200, 3, 2) + b"meio", esm_class=0x40)
    assert message.short_message == "meio"
    assert message.get_segmentation_data() == (200, 2, 3)


@pytest.mark.parametrize("length", [255, 1530])
def test_a_long_text_in_a_payload_is_understood(length):
    message = submitted(b"", payload=pdu.write_payload(b"x" * length))
    assert (message.short_message, message.message_payload) == ("", "x" * length)


def test_a_pulse_and_a_goodbye_are_understood():
    for command in (Command.ENQUIRE_LINK, Command.UNBIND):
        for bit in (0, ANSWER):
            message = as_others_read(pdu.pack(command | bit, 0x7FFF_FFFF))
            assert (message.smpp_command, message.sequence_num) == (command | bit, 0x7FFF_FFFF)


@pytest.mark.parametrize("status", [SmppCommandStatus.ESME_ROK, SmppCommandStatus.ESME_RX_T_APPN])
def test_the_answer_to_a_delivery_is_understood(status):
    answer = as_others_read(pdu.pack(Command.DELIVER_SM | ANSWER, 9, b"\0", status=status))
    assert answer.smpp_command is SmppCommand.DELIVER_SM_RESP
    assert (answer.sequence_num, answer.command_status, answer.message_id) == (9, status, "")


def test_a_refusal_to_understand_is_understood():
    nack = as_others_read(pdu.pack(Command.GENERIC_NACK, 4, status=3))
    assert nack.command_status is SmppCommandStatus.ESME_RINVCMDID


# What we read


@pytest.mark.parametrize("message_id", ["", "7", "0a1B-c", "x" * 64])
def test_the_id_of_an_answer_is_read(message_id):
    assert pdu.read_message_id(body_of(SubmitSmResp(sequence_num=3, message_id=message_id))) == message_id


@pytest.mark.parametrize(("body", "message_id"), [(b"", ""), (b"abc", "abc"), (b"abc\0\x00\x1e", "abc")])
def test_the_id_of_an_answer_that_is_cut_or_goes_on_is_read(body, message_id):
    assert pdu.read_message_id(body) == message_id


def test_a_receipt_with_optional_parameters_is_read():
    told = delivered_by_others(
        "id:7 stat:UNDELIV err:034",
        OptionalParam(Tag.RECEIPTED_MESSAGE_ID, "7F"),
        OptionalParam(Tag.MESSAGE_STATE, 5),
        OptionalParam(Tag.NETWORK_ERROR_CODE, "\x03\x00\x22"),
        OptionalParam(0x1401, "vendor"),
        esm_class=4,
    )
    assert told.source == Address(1, 1, "5511988887777")
    assert told.destination == Address(6, 0, "28000")
    assert (told.esm_class, told.data_coding, told.content) == (4, 0, b"id:7 stat:UNDELIV err:034")
    assert told.optional == {0x1E: b"7F\0", 0x427: b"\x05", 0x423: b"\x03\x00\x22", 0x1401: b"vendor"}


@pytest.mark.parametrize(
    ("text", "data_coding", "content"),
    [("Pare @ €", 0, b"Pare \0 \x1be"), ("Não, obrigado", 8, "Não, obrigado".encode("utf-16-be"))],
)
def test_an_inbound_text_is_read(text, data_coding, content):
    told = delivered_by_others(text)
    assert (told.esm_class, told.data_coding, told.content, told.optional) == (0, data_coding, content, {})


def test_times_and_a_service_type_before_the_text_are_passed_over():
    more = {
        "service_type": "CMT",
        "validity_period": timedelta(days=1),
        "schedule_delivery_time": timedelta(1),
    }
    assert delivered_by_others("oi", **more).content == b"oi"


@pytest.mark.parametrize("asked", [0, 1, 2])
def test_whether_a_submission_asks_for_a_receipt_is_read(asked):
    body = body_of(SubmitSm(short_message="oi", registered_delivery=asked))
    assert pdu.read_delivered(body).registered_delivery == asked


def test_a_payload_stands_for_an_empty_text():
    assert delivered_by_others("x" * 1000).content == b"x" * 1000


def test_a_text_beside_a_payload_is_the_text():
    body = body_of(DeliverSm(short_message="short")) + pdu.write_payload(b"long")
    assert pdu.read_delivered(body).content == b"short"


BARE = body_of(DeliverSm(short_message="id:1 stat:DELIVRD", source=PhoneNumber("5511988887777")))


@pytest.mark.parametrize("end", range(len(BARE)))
def test_a_delivery_that_is_cut_short_is_malformed(end):
    with pytest.raises(Malformed):
        pdu.read_delivered(BARE[:end])


@pytest.mark.parametrize(
    ("end", "optional"),
    [
        (b"\x14\x01\x00\x03abc\x14", {0x1401: b"abc"}),
        (b"\x14\x01\x00\x03abc\x14\x02\x00", {0x1401: b"abc"}),
        (b"\x14\x01\x00\x03abc\x14\x02\x00\x09de", {0x1401: b"abc", 0x1402: b"de"}),
        (b"\x14\x01\x00\x00", {0x1401: b""}),
    ],
)
def test_an_optional_parameter_that_is_cut_short_is_read_as_far_as_it_goes(end, optional):
    told = pdu.read_delivered(BARE + end)
    assert (told.content, told.optional) == (b"id:1 stat:DELIVRD", optional)


@given(st.binary(max_size=300), st.integers(0, len(BARE)))
def test_no_delivery_raises_anything_but_malformed(noise, kept):
    for body in (noise, BARE[:kept] + noise, noise[:kept] + BARE[kept:]):
        with suppress(Malformed):
            pdu.read_delivered(body)


# The stream

NUMBER = st.integers(0, 0xFFFF_FFFF)
UNITS = st.lists(st.builds(Pdu, NUMBER, NUMBER, NUMBER, st.binary(max_size=60)), max_size=6)


def written(units: list[Pdu]) -> bytes:
    return b"".join(
        pdu.pack(command, sequence, body, status=status) for command, status, sequence, body in units
    )


@given(units=UNITS, sizes=st.lists(st.integers(1, 50), min_size=1), rest=st.binary(max_size=15))
def test_units_come_out_the_same_however_they_are_cut(units, sizes, rest):
    coming, stream, found = written(units) + rest, bytearray(), []
    while coming:
        for size in sizes:
            stream += coming[:size]
            coming = coming[size:]
            found += pdu.split(stream)
    assert (found, stream) == (units, rest)


THREE = [Pdu(0x8000_0004, 0, 1, b"abc\0"), Pdu(0x15, 0, 2, b""), Pdu(0x05, 0, 3, BARE)]


@pytest.mark.parametrize("cut", range(len(written(THREE)) + 1))
def test_units_come_out_whole_at_every_cut(cut):
    whole = written(THREE)
    stream = bytearray(whole[:cut])
    first = list(pdu.split(stream))
    assert written(first) + stream == whole[:cut]
    stream += whole[cut:]
    assert [*first, *pdu.split(stream)] == THREE
    assert stream == b""


@pytest.mark.parametrize("length", [0, 1, 15, 70_001, 0xFFFF_FFFF])
def test_a_length_that_no_unit_has_is_malformed(length):
    with pytest.raises(Malformed):
        list(pdu.split(bytearray(length.to_bytes(4) + bytes(12))))


def test_the_shortest_and_the_longest_unit_are_taken():
    units = [Pdu(0x15, 0, 1, b""), Pdu(0x05, 0, 2, bytes(70_000 - 16))]
    assert list(pdu.split(bytearray(written(units)))) == units


def test_what_came_before_nonsense_is_still_taken():
    stream, found = bytearray(written(THREE) + bytes(16)), []
    with pytest.raises(Malformed):
        found.extend(pdu.split(stream))
    assert (found, stream) == (THREE, bytes(16))


@given(st.binary(max_size=200), UNITS)
def test_no_stream_raises_anything_but_malformed(noise, units):
    with suppress(Malformed):
        list(pdu.split(bytearray(written(units) + noise)))


@pytest.mark.parametrize(
    ("sequence", "following"), [(0, 1), (1, 2), (0x7FFF_FFFE, 0x7FFF_FFFF), (0x7FFF_FFFF, 1)]
)
def test_sequence_numbers_begin_again(sequence, following):
    assert pdu.next_sequence(sequence) == following
