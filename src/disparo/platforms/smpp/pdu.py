"""SMPP 3.4 on the wire: how protocol data units are written and read.

Source: Short Message Peer to Peer Protocol Specification v3.4, issue 1.2: the header §3.2, the operations §4,
the parameters §5. Nothing here knows of connections.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

_HEADER = struct.Struct(">IIII")
HEADER_BYTES = _HEADER.size
_TLV = struct.Struct(">HH")
#: No PDU of an honest peer is longer: a message_payload holds 64 KiB.
_LONGEST = 70_000
#: An answer's command id is its request's with this bit.
ANSWER = 0x8000_0000
#: The specification says 8 characters; vendors give longer ones, and their SMSCs take them.
_LONGEST_PASSWORD = 64
_LAST_SEQUENCE = 0x7FFF_FFFF


class Malformed(Exception):
    """The bytes are no PDU; a stream in which that happens cannot be read any further."""


class Command(IntEnum):
    """The operations that we use, and those that a peer may use on us (§5.1.2.1)."""

    BIND_RECEIVER = 0x01
    BIND_TRANSMITTER = 0x02
    SUBMIT_SM = 0x04
    DELIVER_SM = 0x05
    UNBIND = 0x06
    BIND_TRANSCEIVER = 0x09
    ENQUIRE_LINK = 0x15
    ALERT_NOTIFICATION = 0x102
    DATA_SM = 0x103
    GENERIC_NACK = ANSWER


class Tag(IntEnum):
    """The optional parameters that we read or write (§5.3.2)."""

    RECEIPTED_MESSAGE_ID = 0x001E
    NETWORK_ERROR_CODE = 0x0423
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


class Pdu(NamedTuple):
    """One unit as it came; `body` is what follows the header."""

    command: int
    status: int
    sequence: int
    body: bytes


class Address(NamedTuple):
    """A phone, a short code or a name (§5.2.5 to 5.2.9)."""

    ton: int
    npi: int
    address: str


class Delivered(NamedTuple):
    """The body of a deliver_sm (§4.6.1), and of a submit_sm (§4.4.1), which is the same.

    `content`: the short message, or the payload where that is empty.
    """

    source: Address
    destination: Address
    esm_class: int
    data_coding: int
    content: bytes
    optional: Mapping[int, bytes] = MappingProxyType({})
    registered_delivery: int = 0


def pack(command: int, sequence: int, body: bytes = b"", *, status: int = 0) -> bytes:
    """Write one PDU."""
    return _HEADER.pack(HEADER_BYTES + len(body), command, status, sequence) + body


def split(stream: bytearray) -> Iterator[Pdu]:
    """Take every whole PDU off the front of what was read; raises Malformed."""
    at, end = 0, len(stream)
    try:
        while end - at >= HEADER_BYTES:
            length, command, status, sequence = _HEADER.unpack_from(stream, at)
            if not HEADER_BYTES <= length <= _LONGEST:
                raise Malformed("command_length")
            if end - at < length:
                break
            body = bytes(stream[at + HEADER_BYTES : at + length])
            at += length
            yield Pdu(command, status, sequence, body)
    finally:
        del stream[:at]


def next_sequence(sequence: int) -> int:
    """Give the number that follows: 1 to 7FFFFFFF, and 1 again (§5.1.4)."""
    return sequence + 1 if sequence < _LAST_SEQUENCE else 1


def write_bind(*, system_id: str, password: str, system_type: str) -> bytes:
    """Write the body of a bind, which asks for version 3.4 and every address (§4.1)."""
    return (
        _text(system_id, 15)
        + _text(password, _LONGEST_PASSWORD)
        + _text(system_type, 12)
        + bytes((0x34, 0, 0))
        + b"\0"
    )


def write_address(address: Address) -> bytes:
    """Write type of number, numbering plan and address."""
    return bytes((address.ton, address.npi)) + _text(address.address, 20)


def write_submit_head(source: Address, *, service_type: str) -> bytes:
    """Write what comes before the destination in a submit_sm's body: the same for every message."""
    return _text(service_type, 5) + write_address(source)


def write_submit_tail(*, registered_delivery: int, data_coding: int, validity: str) -> bytes:
    """Write what stands between a submit_sm's esm_class and its text (§4.4.1)."""
    # protocol_id, priority_flag, schedule_delivery_time | validity | ..., replace_if_present, ..., default id
    return b"\0\0\0" + _text(validity, 16) + bytes((registered_delivery, 0, data_coding, 0))


def write_payload(payload: bytes) -> bytes:
    """Write a text as the optional parameter that carries long ones (§5.3.2.32)."""
    return _TLV.pack(Tag.MESSAGE_PAYLOAD, len(payload)) + payload


def read_message_id(body: bytes) -> str:
    """Read the id in the answer to a submit_sm; "" where there is none."""
    return body.partition(b"\0")[0].decode("latin-1")


def read_told(unit: Pdu) -> Delivered:
    """Read what an SMSC tells in a deliver_sm, or in a data_sm (§4.7.1); raises Malformed."""
    return read_data(unit.body) if unit.command == Command.DATA_SM else read_delivered(unit.body)


def read_data(body: bytes) -> Delivered:
    """Read a data_sm's body, whose text is an optional parameter; raises Malformed."""
    try:
        at = body.index(0) + 1  # service_type
        source, at = _address(body, at)
        destination, at = _address(body, at)
        esm_class, registered_delivery, data_coding = body[at : at + 3]
    except (ValueError, IndexError) as error:
        raise Malformed("data_sm") from error
    optional = dict(_optional(body, at + 3))
    content = optional.get(Tag.MESSAGE_PAYLOAD, b"")
    return Delivered(source, destination, esm_class, data_coding, content, optional, registered_delivery)


def read_delivered(body: bytes) -> Delivered:
    """Read a deliver_sm's body; raises Malformed. Optional parameters nobody knows are kept as they are."""
    try:
        at = body.index(0) + 1  # service_type
        source, at = _address(body, at)
        destination, at = _address(body, at)
        esm_class = body[at]
        at = body.index(0, at + 3) + 1  # protocol_id, priority_flag, schedule_delivery_time
        at = body.index(0, at) + 1  # validity_period
        registered_delivery, data_coding, length = body[at], body[at + 2], body[at + 4]
    except (ValueError, IndexError) as error:
        raise Malformed("deliver_sm") from error
    begin, at = at + 5, at + 5 + length
    if len(body) < at:
        raise Malformed("sm_length")
    optional = dict(_optional(body, at)) if len(body) > at else {}
    content = body[begin:at] or optional.get(Tag.MESSAGE_PAYLOAD, b"")
    return Delivered(source, destination, esm_class, data_coding, content, optional, registered_delivery)


def _address(body: bytes, at: int) -> tuple[Address, int]:
    end = body.index(0, at + 2)
    return Address(body[at], body[at + 1], body[at + 2 : end].decode("latin-1")), end + 1


def _optional(body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while len(body) - at >= _TLV.size:
        tag, length = _TLV.unpack_from(body, at)
        at += _TLV.size
        yield tag, body[at : at + length]  # one that is cut short is read as far as it goes
        at += length


def _text(text: str, most: int) -> bytes:
    written = text.encode("latin-1")
    if len(written) > most or b"\0" in written:
        raise ValueError(f"at most {most} characters, without NUL")
    return written + b"\0"
