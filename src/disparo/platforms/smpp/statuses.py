"""What an SMSC's command_status means for a message (SMPP 3.4 §5.1.3).

A status other than zero says that the message was not taken. Those that name the message's own fault refuse
it for good; those that name the account, the session or the hour leave it free to be tried again. A fault
of the SMSC's own, and what stands in no table, may have had an effect.
"""

from __future__ import annotations

from collections.abc import Mapping

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.platforms.generic_rules import outcome_of
from disparo.platforms.smpp.pdu import Command, Pdu
from disparo.platforms.unknown_codes import UnknownCodes

_K, _F = OutcomeKind, FailureClass
_NAMES = {
    0x01: "RINVMSGLEN", 0x02: "RINVCMDLEN", 0x03: "RINVCMDID", 0x04: "RINVBNDSTS", 0x05: "RALYBND",
    0x06: "RINVPRTFLG", 0x07: "RINVREGDLVFLG", 0x08: "RSYSERR", 0x0A: "RINVSRCADR", 0x0B: "RINVDSTADR",
    0x0C: "RINVMSGID", 0x0D: "RBINDFAIL", 0x0E: "RINVPASWD", 0x0F: "RINVSYSID", 0x14: "RMSGQFUL",
    0x15: "RINVSERTYP", 0x40: "RINVDESTFLAG", 0x43: "RINVESMCLASS", 0x45: "RSUBMITFAIL",
    0x48: "RINVSRCTON", 0x49: "RINVSRCNPI", 0x50: "RINVDSTTON", 0x51: "RINVDSTNPI", 0x53: "RINVSYSTYP",
    0x58: "RTHROTTLED", 0x61: "RINVSCHED", 0x62: "RINVEXPIRY", 0x64: "RX_T_APPN", 0x65: "RX_P_APPN",
    0x66: "RX_R_APPN", 0xC0: "RINVOPTPARSTREAM", 0xC1: "ROPTPARNOTALLWD", 0xC2: "RINVPARLEN",
    0xC3: "RMISSINGOPTPARAM", 0xC4: "RINVOPTPARAMVAL", 0xFE: "RDELIVERYFAILURE", 0xFF: "RUNKNOWNERR",
}  # fmt: skip
_SURE: Mapping[int, tuple[OutcomeKind, FailureClass]] = {
    0x01: (_K.REFUSED, _F.CONTENT),
    0x0B: (_K.REFUSED, _F.NUMBER),
    0x43: (_K.REFUSED, _F.CONTENT),
    0x0D: (_K.NOT_TAKEN, _F.AUTH),
    0x0E: (_K.NOT_TAKEN, _F.AUTH),
    0x0F: (_K.NOT_TAKEN, _F.AUTH),
    0x53: (_K.NOT_TAKEN, _F.AUTH),
    0x04: (_K.NOT_TAKEN, _F.NETWORK),
    0x05: (_K.NOT_TAKEN, _F.NETWORK),
    0x14: (_K.NOT_TAKEN, _F.THROTTLE),
    0x58: (_K.NOT_TAKEN, _F.THROTTLE),
    # What the settings say is not what this SMSC wants: every message would be refused, so none is.
    **dict.fromkeys(
        (0x02, 0x03, 0x06, 0x07, 0x0A, 0x15, 0x48, 0x49, 0x50, 0x51, 0x62, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4),
        (_K.NOT_TAKEN, _F.UNKNOWN),
    ),
}

#: Password, system_id, system_type: nobody gets a bind with these.
_NO_BIND_FOR_ANYBODY = frozenset({0x0E, 0x0F, 0x53})
_OF_ACCOUNT = frozenset({_F.AUTH, _F.CREDIT, _F.THROTTLE, _F.NETWORK, _F.UNKNOWN})
_RUNKNOWNERR = 0xFF


def status_of(answer: Pdu) -> int:
    """Give what an answer says; a generic_nack that names no fault is no consent."""
    return answer.status or (_RUNKNOWNERR if answer.command == Command.GENERIC_NACK else 0)


def name_of(status: int) -> str:
    """Give a status as the specification names it, else in hexadecimal as vendors write theirs."""
    name = _NAMES.get(status)
    return f"0x{status:08X}" if name is None else f"ESME_{name}"


def is_name(code: str) -> bool:
    """Tell an SMSC's status, as `name_of` gives it, from what kept its answer from coming."""
    return code.startswith(("ESME_", "0x"))


def outcome_of_status(status: int, known: Mapping[str, FailureClass], unknown: UnknownCodes) -> Outcome:
    """Read a status other than zero; `known`: what the settings say of some, by name or in hexadecimal."""
    code = name_of(status)
    failure = known.get(code)
    if failure is not None:
        return Outcome(outcome_of(failure), code=code, failure=failure)
    sure = _SURE.get(status)
    if sure is not None:
        return Outcome(sure[0], code=code, failure=sure[1])
    unknown.count("answer", code)
    return Outcome(_K.AMBIGUOUS, code=code, failure=_F.UNKNOWN)


def failure_of_bind(status: int, known: Mapping[str, FailureClass]) -> FailureClass:
    """Tell why a bind was refused; `known` as above. No message's own fault can be the reason."""
    failure = known.get(name_of(status)) or _SURE.get(status, (_K.NOT_TAKEN, _F.NETWORK))[1]
    return failure if failure in _OF_ACCOUNT else _F.NETWORK


def is_for_want_of_room(status: int, known: Mapping[str, FailureClass]) -> bool:
    """Tell whether a refused bind may only mean that the account has no more of them; `known` as above.

    SMSCs say it with ESME_RALYBND, ESME_RBINDFAIL or a code of their own.
    """
    return status not in _NO_BIND_FOR_ANYBODY and known.get(name_of(status)) not in {_F.AUTH, _F.CREDIT}
