"""One message: its life as a timeline, its text, and what a person may do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from disparo.db import accounts, lookups
from disparo.db.lookups import Life
from disparo.db.pool import Connection
from disparo.dispatch import cancel, reconcile
from disparo.domain.message import SETTLED, WITHDRAWABLE, Status
from disparo.domain.waits import Change, folded
from disparo.panel import fields
from disparo.panel.access import Person
from disparo.panel.notices import done
from disparo.panel.pages import render
from disparo.panel.services import services_of
from disparo.wording import code_words, words
from disparo.wording.reason_words import goes_when
from disparo.wording.receipt_words import details

_PATH = "/painel/mensagens"


class _Act(Protocol):
    async def __call__(self, connection: Connection, ids: Sequence[int], *, actor: str) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline."""

    at: datetime
    title: str
    by: str
    detail: str = ""
    colour: str = "secondary"
    times: int = 1
    last_at: datetime | None = None


async def show(request: Request, person: Person) -> Response:
    """Show a message, its text hidden."""
    return await _shown(request, person)


async def show_text(request: Request, person: Person) -> Response:
    """Show a message with its text: that is audited."""
    return await _revealed(request, person, "text_viewed")


async def show_raw(request: Request, person: Person) -> Response:
    """Show a message with its receipts as the platform sent them: that is audited."""
    return await _revealed(request, person, "raw_viewed")


async def _revealed(request: Request, person: Person, action: str) -> Response:
    message_id = fields.named_id(request)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        if await lookups.one(connection, message_id) is None:
            raise HTTPException(404)
        raw = await lookups.raw_receipts(connection, message_id) if action == "raw_viewed" else None
        await accounts.audit(connection, actor=person.actor, action=action, detail={"message": message_id})
    return await _shown(request, person, with_text=action == "text_viewed", raw=raw)


async def _shown(
    request: Request,
    person: Person,
    *,
    with_text: bool = False,
    raw: list[asyncpg.Record] | None = None,
) -> Response:
    del person
    async with services_of(request).pool.acquire() as connection:
        message = await lookups.one(connection, fields.named_id(request))
        if message is None:
            raise HTTPException(404)
        life = await lookups.life(connection, message)
        people = await accounts.names(connection)
    return render(
        request,
        "mensagem.html",
        message=message,
        may_be_cancelled=message["status"] in WITHDRAWABLE,
        is_settled=message["status"] in SETTLED,
        why=_why(life),
        goes_when=goes_when(message, datetime.now(UTC), services_of(request).settings.zone),
        resend_at=_resend_at(life),
        steps=timeline(life, people, with_text=with_text),
        receipts=len(life.receipts),
        with_text=with_text,
        raw=raw,
    )


def _why(life: Life) -> str:
    """Give in words the reason a message has, with the code that came with it, where one did."""
    message = life.message
    told = life.receipts if message["status"] == "undelivered" else life.attempts
    codes = [row["code"] for row in told if row["code"] and row["failure"] == message["reason"]]
    return words.reason_with(codes[-1] if codes else None, message["reason"], message["status"])


def _resend_at(life: Life) -> datetime | None:
    """Give the full minute from which an uncertain message may be sent again, while that is to come."""
    started = [row["started_at"] for row in life.attempts if row["id"] == life.message["attempt_id"]]
    if not started:
        return None
    allowed = started[0] + timedelta(seconds=reconcile.RESEND_AFTER_S)
    shown = (allowed + timedelta(minutes=1)).replace(second=0, microsecond=0)
    return shown if allowed > datetime.now(UTC) else None


def timeline(life: Life, people: Mapping[int, str], *, with_text: bool) -> list[Step]:
    """Give everything that is known of a message in order of time, each thing once."""
    told = {"receipt"} if life.receipts else set()
    shown = [row for row in life.events if row["to_status"] != "sending" and row["actor"] not in told]
    steps = [*(_change(change, people) for change in folded(shown)), *map(_attempt, life.attempts)]
    steps += map(_receipt, life.receipts)
    steps += (_reply(row, with_text=with_text) for row in life.replies)
    return sorted(steps, key=lambda step: step.at)


def _change(change: Change, people: Mapping[int, str]) -> Step:
    row, status = change.event, change.event["to_status"]
    title = "aceita e agendada" if row["from_status"] is None else words.STATUS[status]
    told = (
        title,
        words.mover(row, people),
        words.reason(row["reason"], status),
        words.STATUS_COLOUR[status],
    )
    return Step(row["at"], *told, change.times, change.last_at)


def _attempt(row: asyncpg.Record) -> Step:
    said = words.OUTCOME.get(row["outcome"] or "", "resultado nunca registrado")
    parts = [f"resposta: {said}"]
    if why := words.failure(row["failure"], row["outcome"]):
        parts.append(why)
    if row["code"]:
        parts.append(code_words.code(row["code"]))
    if row["latency_ms"] is not None:
        parts.append(f"em {row['latency_ms']} ms")
    if row["platform_id"]:
        parts.append(f"número na plataforma: {row['platform_id']}")
    title = f"entrega à plataforma {row['platform']} começou"
    return Step(row["started_at"], title, "o programa de envio", "; ".join(parts), "blue")


def _receipt(row: asyncpg.Record) -> Step:
    title = f"confirmação: {words.RECEIPT[row['kind']]}"
    said, colour = "; ".join(details(row)), words.RECEIPT_COLOUR.get(row["kind"], "secondary")
    return Step(row["received_at"], title, f"plataforma {row['platform']}", said, colour)


def _reply(row: asyncpg.Record, *, with_text: bool) -> Step:
    if not row["text"]:  # an opt-out's is kept
        said = "o texto já não é guardado"
    else:
        said = f"“{row['text']}”" if with_text else "o texto aparece com “Mostrar o texto”"
    title = "o cliente respondeu" + (" e pediu para não receber mais" if row["opted_out"] else "")
    return Step(row["received_at"], title, f"plataforma {row['platform']}", said, "purple")


async def resend(request: Request, person: Person) -> Response:
    """Send an uncertain message again."""
    try:
        is_done = await _settle(request, person, reconcile.resend, "resent")
    except reconcile.NotAgain as refused:
        address = f"{_PATH}/{fields.named_id(request)}"
        return await done(request, person, str(refused), address, is_done=False)
    text = "A mensagem voltou à fila e será enviada de novo."
    return await _back(request, person, text, is_done=is_done)


async def give_as_sent(request: Request, person: Person) -> Response:
    """Give an uncertain message as sent."""
    is_done = await _settle(request, person, reconcile.give_as_sent, "given_as_sent")
    return await _back(request, person, "A mensagem foi dada como enviada.", is_done=is_done)


async def release(request: Request, person: Person) -> Response:
    """Let a held message go."""
    is_done = await _settle(request, person, reconcile.release_held, "released")
    return await _back(request, person, "A mensagem voltou à fila.", is_done=is_done)


async def withdraw(request: Request, person: Person) -> Response:
    """Cancel a message that has not gone yet."""
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        after = await cancel.cancel_message(connection, fields.named_id(request), actor=person.actor)
    text = "A mensagem foi cancelada: não será enviada."
    if after is Status.UNCERTAIN:
        text = "O novo envio foi cancelado. A mensagem continua incerta: o primeiro envio pode ter chegado."
    return await _back(request, person, text, is_done=after is not None)


_NOT_ANY_MORE = "Nada foi feito: a situação da mensagem mudou enquanto a página estava aberta. Veja abaixo."


async def _settle(request: Request, person: Person, act: _Act, action: str) -> bool:
    """Do what a person decided of one message, and audit it; False where it was settled already."""
    message_id = fields.named_id(request)
    async with services_of(request).pool.acquire() as connection, connection.transaction():
        moved = await act(connection, [message_id], actor=person.actor)
        if moved:
            await accounts.audit(
                connection, actor=person.actor, action=action, detail={"message": message_id}
            )
    return bool(moved)


async def _back(request: Request, person: Person, notice: str, *, is_done: bool) -> Response:
    address = f"{_PATH}/{fields.named_id(request)}"
    return await done(request, person, notice if is_done else _NOT_ANY_MORE, address, is_done=is_done)
