"""Writes a message as the bodies of its submit_sm PDUs: one, or one for each part of a long text."""

from __future__ import annotations

import itertools
import random

from disparo.domain.sms_text import SegmentProfile
from disparo.platforms.base import Outgoing
from disparo.platforms.smpp import pdu, text
from disparo.platforms.smpp.pdu import Address
from disparo.platforms.smpp.settings import SmppSettings
from disparo.platforms.table import LEFT_OUT

#: A submit_sm's own text is no longer; a longer one goes as message_payload (§5.2.22).
_LONGEST_SHORT = 254
_NO_RECEIPT, _RECEIPT = 0, 1  # registered_delivery
_PLAIN, _HAS_HEADER = b"\0", b"\x40"  # esm_class


class Writer:
    """Writes the PDUs of one platform; what is the same for every message is written once."""

    def __init__(self, settings: SmppSettings) -> None:
        self._settings = settings
        self._profile = SegmentProfile(**settings.segments.model_dump())
        source = Address(settings.source_ton, settings.source_npi, settings.source)
        self._head = pdu.write_submit_head(source, service_type=settings.service_type) + bytes(
            (settings.destination_ton, settings.destination_npi)
        )
        self._skipped = LEFT_OUT[settings.number_format]
        self._references = itertools.cycle(range(256))
        for _ in range(random.randrange(256)):  # noqa: S311 - two workers' parts should not meet
            next(self._references)
        self._tails = {
            (coding, asked): pdu.write_submit_tail(
                registered_delivery=asked, data_coding=coding, validity=settings.validity
            )
            for coding in (settings.coding, text.UCS2)
            for asked in (_NO_RECEIPT, _RECEIPT)
        }

    def bodies(self, message: Outgoing) -> list[bytes]:
        """Give a message's bodies in their order.

        The last part asks for the receipt, and its id is the message's: SMSCs keep the order of one sender.
        """
        written = text.write(message.text, self._settings.alphabet, self._settings.coding, self._profile)
        parts, coding = written.parts, written.data_coding
        if len(parts) > 1 and self._settings.long_texts == "payload":
            return [self._body(message, b"".join(parts), coding, _PLAIN, _RECEIPT, in_payload=True)]
        if len(parts) == 1:
            return [self._body(message, parts[0], coding, _PLAIN, _RECEIPT)]
        total, reference = len(parts), next(self._references)
        return [
            self._body(
                message,
                text.join_header(reference, total, number) + octets,
                coding,
                _HAS_HEADER,
                _RECEIPT if number == total else _NO_RECEIPT,
            )
            for number, octets in enumerate(parts, 1)
        ]

    def number(self, message: Outgoing) -> str:
        """Give the destination as the platform wants it."""
        return message.e164[self._skipped :]

    def _body(
        self,
        message: Outgoing,
        octets: bytes,
        coding: int,
        esm_class: bytes,
        asked: int,
        *,
        in_payload: bool = False,
    ) -> bytes:
        in_payload = in_payload or len(octets) > _LONGEST_SHORT
        payload = pdu.write_payload(octets) if in_payload else b""
        short = b"" if payload else octets
        return b"".join(
            (
                self._head,
                self.number(message).encode("ascii"),
                b"\0",
                esm_class,
                self._tails[coding, asked],
                bytes((len(short),)),
                short,
                payload,
            )
        )
