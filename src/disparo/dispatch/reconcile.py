"""What settles an uncertain message, or lets a held one go: a person, or `tries` above one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from disparo import queue
from disparo.db import installation, messages, unsettled
from disparo.db.pool import Connection, Pool
from disparo.db.receipts import Told
from disparo.dispatch import receipts
from disparo.dispatch.polling import ROUND_S, may_ask
from disparo.domain.message import Event, Status
from disparo.errors import DisparoError
from disparo.platforms.base import Answered, Platform

#: A person's "send again" waits until nobody can still be writing: 10 minutes past the start's deadline.
RESEND_AFTER_S = 604.0
_TRY_AGAIN_S = 30.0
#: A second of work, of which a transaction may do so much.
RESUMED_AT_ONCE = 10_000

#: Platforms are asked about messages that have been uncertain for a minute to three days, some at a time.
_ASK_AFTER_S, _ASK_UNTIL_S, _ASK_AT_ONCE = 60.0, 259_200.0, 50


class NotAgain(DisparoError):
    """Nothing can be sent again by hand: the text says why."""


class TooSoon(NotAgain):
    """A message was handed over too short a time ago."""


class Withdrawn(NotAgain):
    """All that was meant is of dispatches that were cancelled: the last look would let none of it go."""


async def try_again(connection: Connection, ids: Sequence[int]) -> None:
    """Send again, of messages that just became uncertain, those whose dispatch allows one more try.

    The hand-over keeps them on the same platform, under the same reference.
    """
    if ids:
        again = await messages.with_tries_left(connection, ids)
        await _release(
            connection, again, event=Event.RESEND, reason="try_again", actor="worker", delay_s=_TRY_AGAIN_S
        )


async def resend(connection: Connection, ids: Sequence[int], *, actor: str) -> list[int]:
    """A person's "enviar de novo"; gives the ids that wait again. Raises NotAgain, changing nothing.

    Of a cancelled dispatch nothing goes again: it is left alone where there are others. What somebody else
    has sent again since is left alone, also where that is uncertain by now: its last start is another one,
    and young.
    """
    attempts, recent, withdrawn = await unsettled.last_starts(connection, ids, within_s=RESEND_AFTER_S)
    if recent:
        raise TooSoon(
            f"Mensagem {min(recent)}: o envio começou há menos de 10 minutos e ainda pode ser confirmado. "
            "Espere antes de enviar de novo. Nada foi alterado."
        )
    if withdrawn and not attempts:
        raise Withdrawn(
            f"Mensagem {min(withdrawn)}: o disparo dela foi cancelado, e nada mais sai por ele. Para enviar "
            "a fatura outra vez, crie um novo disparo. Nada foi alterado."
        )
    moves = [messages.Move(id_, Event.RESEND, "resent", last) for id_, last in sorted(attempts.items())]
    return await _wait_again(connection, moves, actor=actor, delay_s=0)


async def give_as_sent(connection: Connection, ids: Sequence[int], *, actor: str) -> list[int]:
    """A person's "dar como enviada"; gives the ids that were settled."""
    moves = [messages.Move(id_, Event.GIVE_AS_SENT, "given_as_sent") for id_ in sorted(set(ids))]
    return [moved.message_id for moved in await messages.apply_events(connection, moves, actor=actor)]


async def release_held(connection: Connection, ids: Sequence[int], *, actor: str) -> list[int]:
    """Let held messages go; gives the ids that wait again."""
    return await _release(connection, ids, event=Event.RELEASE, reason="released", actor=actor, delay_s=0)


async def resume_some(
    connection: Connection, *, actor: str, limit: int = RESUMED_AT_ONCE
) -> tuple[list[int], bool]:
    """Let the oldest go of what a restore holds; gives the ids that wait again, and whether those were all.

    The hold of the installation ends with the last of them.
    """
    ids = await installation.list_restored(connection, limit=limit)
    released = await release_held(connection, ids, actor=actor)
    is_all = len(ids) < limit
    if is_all:
        await installation.end_hold(connection)
    return released, is_all


async def _release(
    connection: Connection, ids: Sequence[int], *, event: Event, reason: str, actor: str, delay_s: float
) -> list[int]:
    moves = [messages.Move(id_, event, reason) for id_ in sorted(set(ids))]
    return await _wait_again(connection, moves, actor=actor, delay_s=delay_s)


async def _wait_again(
    connection: Connection, moves: Sequence[messages.Move], *, actor: str, delay_s: float
) -> list[int]:
    if not moves:
        return []
    moved = await messages.apply_events(connection, moves, actor=actor)
    waiting = [item.message_id for item in moved if item.after is Status.QUEUED]
    for slice_start in range(0, len(waiting), messages.CHUNK_SIZE):
        part = waiting[slice_start : slice_start + messages.CHUNK_SIZE]
        chunk_id = await messages.next_chunk(connection)
        chunks = await messages.requeue(connection, part, chunk_id=chunk_id, delay_s=delay_s)
        await queue.enqueue(connection, [queue.WakeUp(chunk, delay_s) for chunk in chunks])
    return waiting


async def ask_platforms(pool: Pool, platforms: Mapping[str, Platform], *, round_s: float = ROUND_S) -> int:
    """Ask platforms that can be asked about uncertain messages; gives how many answers told something.

    Answers are taken as receipts are. No connection is in hand while a platform is asked, and one that is
    slow to answer keeps nobody waiting for more than a round and one question.
    """
    able = [name for name, platform in platforms.items() if platform.capabilities.can_be_asked]
    if not able:
        return 0
    async with pool.acquire() as connection:
        wanted = await unsettled.uncertain_references(
            connection, able, older_s=_ASK_AFTER_S, younger_s=_ASK_UNTIL_S, limit=_ASK_AT_ONCE
        )
    references: dict[str, list[str]] = {}
    for row in wanted:
        references.setdefault(row["platform"], []).append(row["reference"])
    until = time.monotonic() + round_s
    return sum(
        await asyncio.gather(
            *(_ask_one(pool, name, platforms[name], about, until) for name, about in references.items())
        )
    )


async def _ask_one(pool: Pool, name: str, platform: Platform, references: Sequence[str], until: float) -> int:
    told, every_s = 0, platform.capabilities.ask_every_s
    for reference in references:
        if time.monotonic() > until or not await may_ask(pool, name, every_s, until=until):
            break
        answer = await platform.ask(reference)
        if isinstance(answer, Answered):
            told += await receipts.take_one(pool, Told(name, answer.event, answer.raw))
    return told
