"""Storing a dispatch of many invoices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from disparo.db.dispatches import StoredAs
from disparo.db.pool import Connection
from disparo.domain.recipients import Recipient


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message to be stored."""

    invoice_id: int
    recipient: Recipient
    reference: str
    due_at: datetime


async def insert_dispatch(
    connection: Connection,
    dispatch_id: UUID,
    *,
    invoice_ids: Sequence[int],
    purpose: str,
    user_id: int,
    starts_at: datetime,
    ignored: Sequence[Sequence[str]],
    stored_as: StoredAs,
) -> bool:
    """Store the dispatch alone; False where there is one of this id."""
    done = await connection.execute(
        """INSERT INTO dispatches (id, kind, queue, purpose, tries, timeout_s, invoice_ids, user_id,
                                   starts_at, ignored)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::jsonb) ON CONFLICT DO NOTHING""",
        dispatch_id,
        "single" if len(invoice_ids) == 1 else "bulk",
        stored_as.queue,
        purpose,
        stored_as.tries,
        stored_as.timeout_s,
        invoice_ids,
        user_id,
        starts_at,
        json.dumps(ignored),
    )
    return done.endswith(" 1")


async def insert_messages(
    connection: Connection,
    dispatch_id: UUID,
    messages: Sequence[ListedMessage],
    *,
    chunk_id: int,
    actor: str,
) -> None:
    """Store one chunk of its messages."""
    await connection.execute(
        """INSERT INTO messages (dispatch_id, invoice_id, customer_id, contact_id, origin, name, phone, e164,
                                 reference, due_at, wait_since, chunk_id, actor)
           SELECT $1, m.invoice_id, m.customer_id, m.contact_id, m.origin, m.name, m.phone, m.e164,
                  m.reference, m.due_at, m.due_at, $2, $3
           FROM unnest($4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::text[],
                       $10::text[], $11::text[], $12::timestamptz[])
               AS m (invoice_id, customer_id, contact_id, origin, name, phone, e164, reference, due_at)""",
        dispatch_id,
        chunk_id,
        actor,
        [item.invoice_id for item in messages],
        [item.recipient.customer_id for item in messages],
        [item.recipient.contact_id for item in messages],
        [str(item.recipient.origin) for item in messages],
        [item.recipient.name for item in messages],
        [item.recipient.phone.national for item in messages],
        [item.recipient.phone.e164 for item in messages],
        [item.reference for item in messages],
        [item.due_at for item in messages],
    )
