"""What is stored of one customer, for whoever the data are about (LGPD, art. 18 II)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from disparo.db.pool import Connection
from disparo.domain.phone import read_registered

#: Lists by name, one JSON object a row, without what only helps the program; $1 is the customer.
_OF_CUSTOMER = {
    "cadastro": """SELECT to_jsonb(c) - ARRAY['search', 'name_folded', 'trade_name_folded', 'shown_code',
        'sms_numbers', 'no_sms'] FROM customers c WHERE id = $1""",
    "contatos": """SELECT to_jsonb(c) - ARRAY['sms_numbers', 'no_sms'] FROM contacts c
        WHERE customer_id = $1 ORDER BY id""",
    "faturas": "SELECT to_jsonb(i) FROM invoices i WHERE customer_id = $1 ORDER BY id",
}
#: The same; $1 are the ids of the messages about the customer's invoices.
_OF_MESSAGES = {
    "mensagens": """SELECT to_jsonb(m) - ARRAY['chunk_id', 'worker_id', 'claim_token', 'crashes', 'trouble',
        'attempt_id', 'tries', 'not_taken', 'wait_since'] FROM messages m
        WHERE id = ANY($1) ORDER BY id""",
    "acontecimentos": """SELECT to_jsonb(e) FROM message_events e WHERE message_id = ANY($1)
        ORDER BY message_id, id""",
    "tentativas": """SELECT to_jsonb(a) - 'worker_id' FROM attempts a WHERE message_id = ANY($1)
        ORDER BY id""",
    "confirmacoes": """SELECT to_jsonb(r) - ARRAY['digest', 'applied_at', 'result'] FROM receipts r
        WHERE attempt_id = ANY(ARRAY(SELECT id FROM attempts WHERE message_id = ANY($1))) ORDER BY id""",
    "ignorados": """SELECT jsonb_build_object('dispatch_id', d.id, 'created_at', d.created_at,
            'phone', i ->> 0, 'reason', i ->> 1)
        FROM dispatches d, jsonb_array_elements(d.ignored) WITH ORDINALITY AS e (i, place)
        WHERE d.kind = 'single' AND d.id = ANY(ARRAY(SELECT dispatch_id FROM messages WHERE id = ANY($1)))
        ORDER BY d.created_at, d.id, place""",
}
#: The same; $2 are the numbers in E.164 of the register and of those messages.
_OF_BOTH = {
    "respostas": """SELECT to_jsonb(t) - 'digest' FROM inbound_texts t
        WHERE message_id = ANY($1) OR (e164 = ANY($2::text[])
            AND NOT EXISTS (SELECT FROM messages m WHERE m.id = t.message_id)) ORDER BY id""",
}
#: $1 are those numbers.
_OF_NUMBERS = {
    "descadastros": "SELECT to_jsonb(o) FROM opt_outs o WHERE e164 = ANY($1::text[]) ORDER BY e164",
    "numeros_que_nao_servem": """SELECT to_jsonb(b) FROM bad_numbers b
        WHERE e164 = ANY($1::text[]) ORDER BY e164""",
}


async def read(connection: Connection, customer_id: int) -> dict[str, list[Any]] | None:
    """Give everything, list by list; None where nothing is known. Reads all messages: a few times a year."""
    ids = await connection.fetchval("SELECT array_agg(id) FROM messages WHERE customer_id = $1", customer_id)
    ids, numbers = ids or [], await numbers_of(connection, customer_id)
    queries: tuple[tuple[Mapping[str, str], tuple[object, ...]], ...] = (
        (_OF_CUSTOMER, (customer_id,)),
        (_OF_MESSAGES, (ids,)),
        (_OF_BOTH, (ids, numbers)),
        (_OF_NUMBERS, (numbers,)),
    )
    found: dict[str, list[Any]] = {}
    for lists, arguments in queries:
        for name, query in lists.items():
            found[name] = [json.loads(row[0]) for row in await connection.fetch(query, *arguments)]
    return found if any(found.values()) else None


async def numbers_of(connection: Connection, customer_id: int) -> list[str]:
    """Give the E.164 numbers of a customer: the register's, the contacts', and those of their messages."""
    rows = await connection.fetch(
        """SELECT unnest(ARRAY[phone_1, phone_2, phone_3]) AS field FROM customers WHERE id = $1
           UNION SELECT phone FROM contacts WHERE customer_id = $1
           UNION SELECT e164 FROM messages WHERE customer_id = $1""",
        customer_id,
    )
    return sorted({phone.e164 for row in rows for phone in read_registered(row["field"])[0]})
