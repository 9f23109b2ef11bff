"""enviar_sms once its caller is known: from the body to the answer, for both ways a call may come in."""

from __future__ import annotations

import hashlib

from fastapi import Request
from fastapi.responses import Response

from disparo import metrics
from disparo.api import full_disk
from disparo.api.access import ApiCaller
from disparo.api.bodies import read_call
from disparo.api.hubsoft import mapping, reading
from disparo.api.services import Services
from disparo.db.idempotency import Key
from disparo.dispatch.calls import Call, Caller, Done, Reason, Refused, Verdict
from disparo.sources.lookout import AGAIN_AFTER_S, PATIENCE_S

_SEND_ROUTE = "enviar_sms"
_JSON = (b"content-type", b"application/json")
_REPLAYED = (b"idempotent-replayed", b"true")


async def answer_send(
    request: Request, services: Services, caller: ApiCaller, idempotency_key: str | None
) -> Response:
    """Accept one call durably; raises what `api.errors` has the words for."""
    settings = services.settings
    fields = await read_call(request, settings.body_limit_bytes)
    wanted = reading.read_send(fields, most_phones=settings.max_extra_phones)
    call = Call(
        invoice_id=wanted.invoice_id,
        extra_phones=wanted.extra_phones,
        caller=Caller(
            caller.client_id,
            caller.user_id,
            caller.purpose,
            caller.repeat_window_s,
            caller.extra_phones_per_day,
        ),
        render=lambda accepted: mapping.accepted_answer(accepted, settings.zone),
        key=_key(reading.read_key(idempotency_key), caller, wanted),
    )
    verdict = await services.acceptor.accept(call)
    if _is_unknown(verdict) and services.beside is not None:
        # It may have been made a moment ago.
        has_answered = await services.beside.lookout.look_for(
            wanted.invoice_id, patience_s=PATIENCE_S, again_after_s=AGAIN_AFTER_S
        )
        verdict = await services.acceptor.accept(call)
        if _is_unknown(verdict) and not has_answered:
            raise mapping.not_looked_for(wanted.invoice_id, wait_s=round(AGAIN_AFTER_S))
    if isinstance(verdict, Refused):
        metrics.VERDICTS.count(str(verdict.reason))
        raise mapping.refusal_of(verdict)
    assert isinstance(verdict, Done)  # noqa: S101 - for the type checker: the acceptor waits for the others
    metrics.VERDICTS.count("replayed" if verdict.replayed else "accepted")
    full_disk.note_room(request)
    request.scope["state"]["dispatch_id"] = verdict.dispatch_id
    return _Answer(verdict.response, is_replayed=verdict.replayed)


class _Answer(Response):
    """A 200 whose fields are known beforehand."""

    def __init__(self, body: bytes, *, is_replayed: bool) -> None:
        self.status_code, self.background, self.body = 200, None, body
        self.raw_headers = [(b"content-length", b"%d" % len(body)), _JSON]
        if is_replayed:
            self.raw_headers.append(_REPLAYED)


def _is_unknown(verdict: Verdict) -> bool:
    return isinstance(verdict, Refused) and verdict.reason is Reason.INVOICE_UNKNOWN


def _key(key: str | None, caller: ApiCaller, wanted: reading.SendRequest) -> Key | None:
    if key is None:
        return None
    said = (wanted.invoice_id, [phone.national for phone in wanted.extra_phones])
    digest = hashlib.sha256(repr(said).encode()).digest()
    return Key(caller.client_id, caller.user_id, _SEND_ROUTE, key, digest)
