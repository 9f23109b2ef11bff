"""What an SMSC tells of a message: the receipts, and the texts of customers, in deliver_sm or data_sm.

Source: SMPP 3.4 §5.2.12 (esm_class), §5.2.28 (message_state), appendix B (a receipt's text). Vendors write
that text in many ways, and some ids differently from how they gave them: what is read here is forgiving.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Literal

from disparo.domain.outcome import FailureClass, InboundText, ReceiptEvent, ReceiptKind
from disparo.domain.sms_text import Alphabet
from disparo.platforms.base import Heard
from disparo.platforms.json_paths import LONGEST_NAME, storable
from disparo.platforms.smpp import text
from disparo.platforms.smpp.pdu import Delivered, Malformed, Tag
from disparo.platforms.unknown_codes import UnknownCodes

#: How receipts write the id that the answer to submit_sm gave.
ReceiptIds = Literal["same", "decimal", "hex"]

_MESSAGE_TYPE, _HAS_HEADER = 0b0011_1100, 0b0100_0000
_RECEIPT, _NOTIFICATION = 0x04, 0x20
#: No customer's text has these, whatever the esm_class says.
_OF_RECEIPTS = frozenset({Tag.RECEIPTED_MESSAGE_ID, Tag.MESSAGE_STATE})
#: message_state as a TLV says it (§5.2.28; the first and the last are of SMPP 5.0, §4.7.15).
_STATES = {
    0: "SCHEDULED", 9: "SKIPPED",
    1: "ENROUTE", 2: "DELIVRD", 3: "EXPIRED", 4: "DELETED",
    5: "UNDELIV", 6: "ACCEPTD", 7: "UNKNOWN", 8: "REJECTD",
}  # fmt: skip
_KINDS = {
    "DELIVRD": ReceiptKind.DELIVERED,
    "ACCEPTD": ReceiptKind.SENT,  # Brazil's carriers: it left for the handset
    "EXPIRED": ReceiptKind.UNDELIVERED,
    "DELETED": ReceiptKind.UNDELIVERED,
    "UNDELIV": ReceiptKind.UNDELIVERED,
    "REJECTD": ReceiptKind.UNDELIVERED,
    "SKIPPED": ReceiptKind.UNDELIVERED,
    # The names of the TLV's states, which some write in the text all the same.
    "DELIVERED": ReceiptKind.DELIVERED,
    "ACCEPTED": ReceiptKind.SENT,
    "UNDELIVERABLE": ReceiptKind.UNDELIVERED,
    "FAILED": ReceiptKind.UNDELIVERED,
    "UNDELIVERED": ReceiptKind.UNDELIVERED,
    "REJECTED": ReceiptKind.UNDELIVERED,
    "SCHEDULED": ReceiptKind.OTHER,
    "ENROUTE": ReceiptKind.OTHER,
    "UNKNOWN": ReceiptKind.OTHER,
}
_WENT_WELL = frozenset({ReceiptKind.SENT, ReceiptKind.DELIVERED})
_FAILURES = {"EXPIRED": FailureClass.EXPIRED}
#: A field may be empty: what follows it then is the next one's name, not its value.
_FIELD = re.compile(r"\b(id|stat|err|done ?date):(?:\s+(?!\S*:|(?:submit|done) date:))?(\S*)", re.IGNORECASE)
_YEARS = range(2000, 2101)
#: Of a moment, by how many digits it has.
_FORMS = {10: ("%y%m%d%H%M",), 12: ("%y%m%d%H%M%S", "%Y%m%d%H%M"), 14: ("%Y%m%d%H%M%S",)}
_STATE_AND_MOMENT = frozenset({"stat", "donedate"})
#: The message's own words come last, and can be anything.
_OWN_WORDS = re.compile(r"text:.*", re.IGNORECASE | re.DOTALL)
#: Some leave out the blanks between fields.
_GLUED = re.compile(r"(?=(?:sub|dlvrd|submit ?date|done ?date|stat|err):)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """How one SMSC writes; `states` and `codes`, in capitals, are the settings' own and come first."""

    alphabet: Alphabet = "gsm7"
    receipt_ids: ReceiptIds = "same"
    zone: tzinfo = UTC
    states: Mapping[str, ReceiptKind] | None = None
    codes: Mapping[str, FailureClass] | None = None  # by what stands at `err:`
    as_texts: bool = False  # receipts come as texts do, and only their words tell


def read_heard(delivered: Delivered, reading: Reading, unknown: UnknownCodes) -> Heard:
    """Read what came: a receipt, a customer's text, or nothing that concerns us. Raises Malformed."""
    kind = delivered.esm_class & _MESSAGE_TYPE
    if kind in (_RECEIPT, _NOTIFICATION) or not _OF_RECEIPTS.isdisjoint(delivered.optional):
        return Heard(receipts=(_receipt(delivered, reading, unknown),))
    if reading.as_texts and _is_worded_so(delivered):
        receipt = _receipt(delivered, reading, unknown)
        # Anybody can have written it: at worst one message looks otherwise, but no number is marked.
        is_of_number = receipt.failure in (FailureClass.NUMBER, FailureClass.OPT_OUT)
        return Heard(receipts=(receipt._replace(failure=FailureClass.UNKNOWN) if is_of_number else receipt,))
    if kind:
        return Heard()  # an acknowledgement of another phone's: nobody asked for one
    octets = delivered.content
    if delivered.esm_class & _HAS_HEADER:
        octets = text.without_header(octets)
    words = storable(text.read(octets, delivered.data_coding, reading.alphabet))
    sender = storable(delivered.source.address)[:LONGEST_NAME]
    return Heard(texts=(InboundText(sender or None, words),))


def _is_worded_so(delivered: Delivered) -> bool:
    """Tell whether a text begins as a receipt does, with an id, and says a state and when.

    Who sends an SMS can write that too: it is believed only where the settings say that receipts come so.
    """
    fields = _fields(delivered)
    begins_so = delivered.content[:3].lower() == b"id:"
    return begins_so and bool(fields.get("id")) and _STATE_AND_MOMENT.issubset(fields)


def same_id(message_id: str) -> str:
    """Give an id in the form in which the answer's and the receipt's meet.

    Some SMSCs give an id in small letters, with leading zeros or filled up with blanks, and write it
    otherwise in its receipt.
    """
    found = message_id.strip().lower()
    return (found.lstrip("0") or found)[:LONGEST_NAME]


def _receipt(delivered: Delivered, reading: Reading, unknown: UnknownCodes) -> ReceiptEvent:
    fields, optional = _fields(delivered), delivered.optional
    # The parameter holds the id as the answer gave it; it is the text in which some write it otherwise.
    found = optional.get(Tag.RECEIPTED_MESSAGE_ID, b"").partition(b"\0")[0].decode("latin-1").strip()
    found = found or _as_given(fields.get("id", ""), reading.receipt_ids)
    if not found:
        raise Malformed("receipt without id")
    state = fields.get("stat", "").upper()
    if not state and (said := optional.get(Tag.MESSAGE_STATE)):
        state = _STATES.get(said[0], str(said[0]))
    code = _code(fields.get("err"), optional.get(Tag.NETWORK_ERROR_CODE))
    kind = (reading.states or {}).get(state) or _KINDS.get(state)
    if kind is None:
        unknown.count("receipt", state)
        kind = ReceiptKind.OTHER
    # A person reads the code as the reason: of what went well there is none.
    why = code if kind in _WENT_WELL else f"{state} {code}" if code else state
    return ReceiptEvent(
        kind,
        platform_id=same_id(found),
        code=None if why is None else why[:LONGEST_NAME],
        failure=_failure(state, code, reading, unknown) if kind is ReceiptKind.UNDELIVERED else None,
        happened_at=_moment(fields.get("donedate", ""), reading.zone),
    )


def _fields(delivered: Delivered) -> dict[str, str]:
    """Give the fields of a receipt's text, the first of each; without NUL, which nobody can store."""
    # Some give a receipt the data_coding of its message, and write it in ASCII all the same.
    is_wide = text.is_ucs2(delivered.data_coding) and b"\0" in delivered.content
    coding = "utf-16-be" if is_wide else "latin-1"
    words = _OWN_WORDS.sub("", delivered.content.decode(coding, "replace").replace("\0", " "))
    fields = _named(words)
    if fields and ("stat" not in fields or ":" in "".join(fields.values())):
        fields = _named(_GLUED.sub(" ", words))
    return fields


def _named(words: str) -> dict[str, str]:
    found = reversed(_FIELD.findall(words))
    return {name.lower().replace(" ", ""): value.rstrip(",;") for name, value in found}


def _as_given(message_id: str, written: ReceiptIds) -> str:
    """Turn a receipt's id back into the form in which the answer to submit_sm gave it."""
    try:
        if written == "decimal":
            return f"{int(message_id):x}"
        if written == "hex":
            return str(int(message_id, 16))
    except ValueError:
        pass  # no number: it is taken as it stands
    return message_id


def _code(err: str | None, network: bytes | None) -> str | None:
    """Give the code of a failure: the text's `err:`, else the network's own (§5.3.2.31), else none."""
    if err and err.strip("0"):
        return err
    if network is not None and len(network) == 3:  # noqa: PLR2004 - a byte of network type, two of code
        code = int.from_bytes(network[1:])
        return str(code) if code else None
    return None


def _failure(state: str, code: str | None, reading: Reading, unknown: UnknownCodes) -> FailureClass:
    known = reading.codes or {}
    failure = known.get((code or "").upper()) or known.get(state) or _FAILURES.get(state)
    if failure is None and code:
        unknown.count("receipt", code)
    return failure or FailureClass.UNKNOWN


@lru_cache(maxsize=256)
def _moment(written: str, zone: tzinfo) -> datetime | None:
    """Read YYMMDDhhmm, with seconds and century or without; None for what is no moment. Many share theirs.

    Read as one without, a century (2024...) would give a month that is none. A year that no SMS was sent in
    is no moment: the last one there is cannot be told in another zone.
    """
    for form in _FORMS.get(len(written), ()):
        try:
            found = datetime.strptime(written, form).replace(tzinfo=zone)
        except ValueError:
            continue
        return found if _YEARS.start <= found.year < _YEARS.stop else None
    return None
