"""What an SMSC's command_status means: every one that the standard names, and those it does not."""

from __future__ import annotations

import pytest
from aiosmpplib.state import SmppCommandStatus
from hypothesis import given
from hypothesis import strategies as st

from disparo.domain.outcome import FailureClass, Outcome, OutcomeKind
from disparo.platforms.smpp.settings import SmppSettings
from disparo.platforms.smpp.statuses import failure_of_bind, name_of, outcome_of_status
from disparo.platforms.unknown_codes import UnknownCodes

REFUSED, NOT_TAKEN, AMBIGUOUS = OutcomeKind.REFUSED, OutcomeKind.NOT_TAKEN, OutcomeKind.AMBIGUOUS
#: Written out from SMPP 3.4 §5.1.3, each with what it must mean.
TABLE = [
    (0x01, "ESME_RINVMSGLEN", REFUSED, FailureClass.CONTENT),
    (0x43, "ESME_RINVESMCLASS", REFUSED, FailureClass.CONTENT),
    (0x0B, "ESME_RINVDSTADR", REFUSED, FailureClass.NUMBER),
    (0x0D, "ESME_RBINDFAIL", NOT_TAKEN, FailureClass.AUTH),
    (0x0E, "ESME_RINVPASWD", NOT_TAKEN, FailureClass.AUTH),
    (0x0F, "ESME_RINVSYSID", NOT_TAKEN, FailureClass.AUTH),
    (0x53, "ESME_RINVSYSTYP", NOT_TAKEN, FailureClass.AUTH),
    (0x04, "ESME_RINVBNDSTS", NOT_TAKEN, FailureClass.NETWORK),
    (0x05, "ESME_RALYBND", NOT_TAKEN, FailureClass.NETWORK),
    (0x14, "ESME_RMSGQFUL", NOT_TAKEN, FailureClass.THROTTLE),
    (0x58, "ESME_RTHROTTLED", NOT_TAKEN, FailureClass.THROTTLE),
    (0x02, "ESME_RINVCMDLEN", NOT_TAKEN, FailureClass.UNKNOWN),
    (0x03, "ESME_RINVCMDID", NOT_TAKEN, FailureClass.UNKNOWN),
    (0x06, "ESME_RINVPRTFLG", NOT_TAKEN, FailureClass.UNKNOWN),
    (0x07, "ESME_RINVREGDLVFLG", NOT_TAKEN, FailureClass.UNKNOWN),
    (0x0A, "ESME_RINVSRCADR", NOT_TAKEN, FailureClass.UNKNOWN),
    (0x15, "ESME_RINVSERTYP", NOT_TAKEN, FailureClass.UNKNOWN),
    (0x48, "ESME_RINVSRCTON", NOT_TAKEN, FailureClass.UNKNOWN),
    (0x49, "ESME_RINVSRCNPI", NOT_TAKEN, FailureClass.UNKNOWN),
    (0x50, "ESME_RINVDSTTON", NOT_TAKEN, FailureClass.UNKNOWN),
    (0x51, "ESME_RINVDSTNPI", NOT_TAKEN, FailureClass.UNKNOWN),
    (0x62, "ESME_RINVEXPIRY", NOT_TAKEN, FailureClass.UNKNOWN),
    (0xC0, "ESME_RINVOPTPARSTREAM", NOT_TAKEN, FailureClass.UNKNOWN),
    (0xC1, "ESME_ROPTPARNOTALLWD", NOT_TAKEN, FailureClass.UNKNOWN),
    (0xC2, "ESME_RINVPARLEN", NOT_TAKEN, FailureClass.UNKNOWN),
    (0xC3, "ESME_RMISSINGOPTPARAM", NOT_TAKEN, FailureClass.UNKNOWN),
    (0xC4, "ESME_RINVOPTPARAMVAL", NOT_TAKEN, FailureClass.UNKNOWN),
]
UNSURE = [
    (0x08, "ESME_RSYSERR"),
    (0x0C, "ESME_RINVMSGID"),
    (0x40, "ESME_RINVDESTFLAG"),
    (0x45, "ESME_RSUBMITFAIL"),
    (0x61, "ESME_RINVSCHED"),
    (0x64, "ESME_RX_T_APPN"),
    (0x65, "ESME_RX_P_APPN"),
    (0x66, "ESME_RX_R_APPN"),
    (0xFE, "ESME_RDELIVERYFAILURE"),
    (0xFF, "ESME_RUNKNOWNERR"),
    (0x10, "0x00000010"),
    (0x400, "0x00000400"),
    (0xFFFF_FFFF, "0xFFFFFFFF"),
]
SURE = {status for status, *_ in TABLE}


@pytest.mark.parametrize(("status", "name", "kind", "failure"), TABLE)
def test_what_is_surely_not_taken(status, name, kind, failure):
    unknown = UnknownCodes("smsc")
    assert outcome_of_status(status, {}, unknown) == Outcome(kind, code=name, failure=failure)
    assert not unknown.counts


@pytest.mark.parametrize(("status", "name"), UNSURE)
def test_what_may_have_had_an_effect_is_uncertain_and_counted(status, name):
    unknown = UnknownCodes("smsc")
    assert outcome_of_status(status, {}, unknown) == Outcome(
        AMBIGUOUS, code=name, failure=FailureClass.UNKNOWN
    )
    assert unknown.counts == {"answer": 1}


@given(st.integers(1, 0xFFFF_FFFF) | st.integers(1, 0x1FF))
def test_nothing_outside_the_table_is_ever_sure(status):
    kind = outcome_of_status(status, {}, UnknownCodes("smsc")).kind
    assert (kind is AMBIGUOUS) == (status not in SURE)


@pytest.mark.parametrize("status", list(SmppCommandStatus))
def test_names_are_the_standards(status):
    assert name_of(status) in (status.name, f"0x{status:08X}")


def test_every_name_of_ours_is_one_of_the_standards():
    ours = {name for status in range(0x200) if (name := name_of(status)).startswith("ESME_")}
    assert ours <= {status.name for status in SmppCommandStatus}


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (FailureClass.NUMBER, REFUSED),
        (FailureClass.OPT_OUT, REFUSED),
        (FailureClass.CONTENT, REFUSED),
        (FailureClass.CREDIT, NOT_TAKEN),
        (FailureClass.THROTTLE, NOT_TAKEN),
    ],
)
@pytest.mark.parametrize(
    ("key", "status"),
    [
        ("ESME_RSYSERR", 0x08),
        ("ESME_RTHROTTLED", 0x58),
        ("0x00000400", 0x400),
        ("0x400", 0x400),
        ("0X04ab", 0x4AB),
        ("0x58", 0x58),
        ("0x00000008", 0x08),
    ],
)
def test_what_the_settings_say_wins(key, status, failure, kind):
    table = {"host": "h", "tls": False, "system_id": "a", "password": "p", "codes": {key: failure}}
    known, unknown = SmppSettings.model_validate(table).codes, UnknownCodes("smsc")
    outcome = outcome_of_status(status, known, unknown)
    assert outcome == Outcome(kind, code=name_of(status), failure=failure)
    assert not unknown.counts


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (0x0D, FailureClass.AUTH),
        (0x0E, FailureClass.AUTH),
        (0x0F, FailureClass.AUTH),
        (0x53, FailureClass.AUTH),
        (0x05, FailureClass.NETWORK),
        (0x58, FailureClass.THROTTLE),
        (0x08, FailureClass.NETWORK),
        (0x401, FailureClass.NETWORK),
        (0x402, FailureClass.CREDIT),
        (0x01, FailureClass.NETWORK),
        (0x0B, FailureClass.NETWORK),
    ],
)
def test_why_a_bind_was_refused(status, failure):
    assert failure_of_bind(status, {"0x00000402": FailureClass.CREDIT}) is failure
