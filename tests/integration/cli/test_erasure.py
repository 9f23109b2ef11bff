"""A customer's data are erased at their request; what proves a sending stays, and no source brings them back."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from tests.support import rows

from disparo.db import erasure, messages, opt_outs
from disparo.db.customers import find_missing, upsert_customers
from disparo.db.messages import Start
from disparo.db.pool import connected

pytestmark = pytest.mark.anyio

TEXT = "CLIENTE 1, sua fatura de R$ 99,90 vence amanhã"


async def sent(connection):
    """Two customers who got an SMS each, and what came back."""
    ids = await rows.add_messages(connection, 2)
    worker, token = await rows.add_worker(connection), "01a21bcd-874d-730c-8acd-3091a2c91c4a"
    await connection.execute("UPDATE messages SET status = 'claimed', claim_token = $1", token)
    starts = [Start(id_, token, TEXT, 1) for id_ in ids]
    attempts = await messages.start(connection, starts, platform="p", worker_id=worker)
    await connection.execute("UPDATE messages SET status = 'delivered'")
    await connection.execute("UPDATE attempts SET detail = 'CLIENTE ' || message_id, outcome = 'accepted'")
    await connection.executemany(
        """INSERT INTO receipts (platform, digest, kind, raw, attempt_id)
           VALUES ('p', sha256($1::text::bytea), 'delivered', 'to ' || $1, $2)""",
        [(str(id_), attempts[id_]) for id_ in ids],
    )
    await connection.executemany(
        """INSERT INTO inbound_texts (platform, digest, sender, e164, message_id, text, opted_out, raw)
           VALUES ('p', sha256($1::text::bytea), '11', '+55', $2, $3, $4, $3)""",
        [
            (f"{id_} {text}", id_, text, gone)
            for id_ in ids
            for text, gone in (("já paguei 👍", False), ("SAIR", True))
        ],
    )
    await connection.execute("INSERT INTO contacts (id, customer_id, name, phone) VALUES (1, 1, 'MÃE', '1')")
    await connection.execute("""UPDATE dispatches SET ignored = '[["1133334444", "landline"]]'""")
    await opt_outs.add(connection, "+5511900000001", reason="inbound", actor="x")
    return ids


async def test_all_that_is_stored_of_a_customer_and_nothing_of_another(command, connection, tmp_path):
    first, second = await sent(connection)
    status, said = command("titular", "exportar", 1)
    assert status == 0, said
    found = json.loads(said)
    counts = {name: len(list_) for name, list_ in found.items()}
    assert counts == {
        "cadastro": 1,
        "contatos": 1,
        "faturas": 1,
        "mensagens": 1,
        "acontecimentos": 4,
        "tentativas": 1,
        "confirmacoes": 1,
        "ignorados": 1,
        "respostas": 2,
        "descadastros": 1,
        "numeros_que_nao_servem": 0,
    }
    assert found["mensagens"][0]["texto"] == TEXT
    (ignored,) = found["ignorados"]
    assert (ignored["telefone"], ignored["motivo"]) == ("1133334444", "telefone fixo: não recebe SMS")
    assert {event["id_mensagem"] for event in found["acontecimentos"]} == {first}
    assert "CLIENTE 2" not in said
    assert str(second) not in {str(row["id_mensagem"]) for row in found["respostas"]}
    assert (
        await connection.fetchval("SELECT detail ->> 'customer' FROM audit_log ORDER BY id DESC LIMIT 1")
        == "1"
    )

    file = tmp_path / "dados.json"
    assert command("titular", "exportar", 1, "--arquivo", file)[0] == 0
    assert json.loads(file.read_text(encoding="utf-8")) == found
    assert file.stat().st_mode & 0o077 == 0
    assert json.loads(command("titular", "exportar", 1, PYTHONIOENCODING="latin-1")[1]) == found
    status, said = command("titular", "exportar", 1, "--arquivo", file)
    assert status == 1
    assert "não pôde ser gravado" in said
    assert "Nada se sabe de um cliente 77." in command("titular", "exportar", 77)[1]


async def test_what_is_known_of_a_registered_number_is_told_also_where_nothing_was_sent_to_it(
    command, connection
):
    await rows.add_invoices(connection, 2)
    await connection.execute("UPDATE customers SET phone_2 = '(11) 98888-0002 / 1188880003' WHERE id = 1")
    await connection.execute(
        "INSERT INTO contacts (id, customer_id, name, phone) VALUES (1, 1, 'MÃE', '21988880004')"
    )
    for number in ("+5511988880002", "+5511988880003", "+5521988880004", "+5511900000002"):
        await opt_outs.add(connection, number, reason="asked", actor="x")
    await connection.execute("INSERT INTO bad_numbers (e164, platform) VALUES ('+5511900000001', 'p')")
    await connection.execute(
        """INSERT INTO inbound_texts (platform, digest, e164, text, opted_out, raw)
           VALUES ('p', 'd', '+5511988880002', 'SAIR', true, '')"""
    )
    found = json.loads(command("titular", "exportar", 1)[1])
    assert [row["telefone_e164"] for row in found["descadastros"]] == [
        "+5511988880002",
        "+5511988880003",
        "+5521988880004",
    ]
    assert [row["telefone_e164"] for row in found["numeros_que_nao_servem"]] == ["+5511900000001"]
    assert [row["texto"] for row in found["respostas"]] == ["SAIR"]


async def test_what_is_given_out_is_in_portuguese_and_holds_nothing_of_the_programs_own(command, connection):
    await sent(connection)
    await connection.execute("""UPDATE customers SET addresses = '{"registered": {"street": "RUA A"}}',
        services = '[{"id": 5, "plan_id": 2, "devices": {"routing": {"name": "X"}}}]' WHERE id = 1""")
    await connection.execute("""UPDATE invoices SET details = '{"items": [{"description": "Plano"}]}'""")
    found = json.loads(command("titular", "exportar", 1)[1])
    (customer,) = found["cadastro"]
    assert customer["id_cliente"] == 1
    assert customer["enderecos"] == {"endereco_cadastral": {"endereco": "RUA A"}}
    (service,) = customer["servicos"]
    assert service["aparelhos"] == {"equipamento_roteamento": {"nome": "X"}}
    assert found["faturas"][0]["detalhes"] == {"detalhamento": [{"descricao": "Plano"}]}
    assert (found["faturas"][0]["situacao"], found["mensagens"][0]["situacao"]) == ("aberta", "entregue")
    columns = {
        row["column_name"]
        for row in await connection.fetch("SELECT column_name FROM information_schema.columns")
    }
    same = {"id", "uf", "cpf_cnpj", "link", "linha_digitavel", "latitude", "longitude", "pix"}
    keys = {key for rows_ in found.values() for row in rows_ for key in row}
    assert keys & columns <= same, keys & columns - same


async def test_what_names_a_customer_goes_and_what_proves_a_sending_stays(command, connection):
    first, second = await sent(connection)
    await connection.execute("INSERT INTO bad_numbers (e164, platform) SELECT e164, 'p' FROM messages")
    status, said = command("titular", "apagar", 1, "--sim")
    assert (status, said.splitlines()[0]) == (
        0,
        "Dados do cliente 1 apagados, com os textos de 1 mensagem(ns).",
    )
    assert "Backups e cópias de antes de atualizações" in said
    kept = await connection.fetch(
        "SELECT id, name, text, text_sha256, e164, status FROM messages ORDER BY id"
    )
    digest = sha256(TEXT.encode()).digest()
    assert [tuple(row) for row in kept] == [
        (first, "", None, digest, "+5511900000001", "delivered"),
        (second, "CLIENTE 2", TEXT, None, "+5511900000002", "delivered"),
    ]
    for query, left in (
        ("SELECT id FROM customers", [2]),
        ("SELECT id FROM invoices", [2]),
        ("SELECT id FROM contacts", []),
        ("SELECT message_id FROM attempts WHERE detail IS NOT NULL", [second]),
        ("SELECT attempt_id FROM receipts WHERE raw <> ''", [await last_attempt(connection, second)]),
        (f"SELECT message_id FROM inbound_texts WHERE raw <> '' AND message_id = {first}", []),
        (f"SELECT count(*) FROM inbound_texts WHERE message_id = {first} AND text = 'SAIR'", [1]),
        (f"SELECT count(*) FROM inbound_texts WHERE message_id = {first} AND text = ''", [1]),
        ("SELECT jsonb_array_length(ignored) FROM dispatches", [0]),
        ("SELECT count(*) FROM opt_outs", [1]),
        ("SELECT e164 FROM bad_numbers", ["+5511900000002"]),
    ):
        assert [row[0] for row in await connection.fetch(query)] == left, query
    told = await connection.fetchval("SELECT action || detail::text FROM audit_log")
    assert told == 'customer_erased{"customer": 1}'


async def test_what_a_customer_wrote_goes_too_where_it_answers_no_message(command, connection):
    await rows.add_invoices(connection, 2)
    await connection.executemany(
        """INSERT INTO inbound_texts (platform, digest, e164, text, opted_out, raw)
           VALUES ('p', sha256($2::text::bytea), $1, $2, $3, $2)""",
        [
            ("+5511900000001", "sou eu, a Ana", False),
            ("+5511900000001", "SAIR", True),
            ("+5511900000002", "outra pessoa", False),
        ],
    )
    assert command("titular", "apagar", 1, "--sim")[0] == 0
    found = await connection.fetch("SELECT text, raw FROM inbound_texts ORDER BY id")
    assert [tuple(row) for row in found] == [("", ""), ("SAIR", ""), ("outra pessoa", "outra pessoa")]


async def test_what_answers_another_customers_message_stays_though_both_have_one_number(command, connection):
    _, second = await sent(connection)
    await connection.execute("UPDATE inbound_texts SET e164 = '+5511900000001'")
    await connection.execute("UPDATE receipts SET raw = 'to 5511900000001'")
    assert command("titular", "apagar", 1, "--sim")[0] == 0
    kept = "SELECT text FROM inbound_texts WHERE raw <> '' AND message_id = $1 ORDER BY id"
    assert [row["text"] for row in await connection.fetch(kept, second)] == ["já paguei 👍", "SAIR"]
    assert await connection.fetchval("SELECT count(*) FROM receipts WHERE raw = 'to 5511900000001'") == 1


async def last_attempt(connection, message_id):
    return await connection.fetchval("SELECT attempt_id FROM messages WHERE id = $1", message_id)


async def test_nothing_goes_while_something_could_still_be_sent_or_nobody_is_known(command, connection):
    await rows.add_messages(connection, 1)
    for state in ("queued", "claimed", "sending", "held", "uncertain"):
        await connection.execute("UPDATE messages SET status = $1", state)
        status, said = command("titular", "apagar", 1, "--sim")
        assert (status, "1 mensagem(ns) deste cliente esperam" in said) == (1, True), said
    assert await connection.fetchval("SELECT count(*) FROM customers") == 1
    status, said = command("titular", "apagar", 99, "--sim")
    assert (status, "Nada se sabe de um cliente 99" in said) == (1, True), said
    assert not await connection.fetchval("SELECT count(*) FROM erased_customers")


async def test_what_a_worker_hands_over_meanwhile_is_waited_for_and_keeps_no_text(connection, dsn):
    (id_,) = await rows.add_messages(connection, 1)
    worker, token = await rows.add_worker(connection), "01a21bcd-874d-730c-8acd-3091a2c91c4a"
    await connection.execute("UPDATE messages SET status = 'claimed', claim_token = $1", token)
    async with connection.transaction():
        await erasure.erase(connection, 1)
    async with connected(dsn) as eraser:
        emptying = asyncio.create_task(erasure.empty_latecomers(eraser, 1))
        await asyncio.wait({emptying}, timeout=1)
        await messages.start(connection, [Start(id_, token, TEXT, 1)], platform="p", worker_id=worker)
        await connection.execute("UPDATE attempts SET detail = 'CLIENTE 1', outcome = 'accepted'")
        await connection.execute("UPDATE messages SET status = 'accepted'")
        await emptying
    kept = await connection.fetchrow(
        "SELECT name, text, text_sha256, detail FROM messages m JOIN attempts a ON a.id = m.attempt_id"
    )
    assert tuple(kept) == ("", None, sha256(TEXT.encode()).digest(), None)


async def test_no_file_and_no_source_brings_them_back_until_they_are_let_in_again(
    command, connection, tmp_path
):
    await rows.add_invoices(connection)
    assert command("titular", "apagar", 1, "--sim")[0] == 0
    file = tmp_path / "c.csv"
    file.write_text("id_cliente;nome\n1;ANA\n2;BIA\n")
    status, said = command("importar", "clientes", file)
    assert (status, "linha 2: os dados deste cliente foram apagados a pedido dele" in said) == (1, True), said
    assert await find_missing(connection, [1, 2, 3]) == {3}
    async with connection.transaction():
        assert await upsert_customers(connection, [{"id": 1, "name": "ANA"}]) == {1}
    assert [row["id"] for row in await connection.fetch("SELECT id FROM customers")] == [2]
    assert await erasure.among(connection, [1, 2]) == {1}
    assert command("titular", "readmitir", 1)[0] == 0
    assert command("importar", "clientes", file)[0] == 0
    assert await connection.fetchval("SELECT name FROM customers WHERE id = 1") == "ANA"
    assert command("titular", "readmitir", 1)[0] == 1


async def test_a_person_is_asked_first(command, connection):
    await rows.add_invoices(connection)
    status, said = command("titular", "apagar", 1)
    assert status == 1, said
    assert await connection.fetchval("SELECT count(*) FROM customers") == 1


async def test_an_export_that_does_not_fit_leaves_no_half_of_it(command, connection, dsn, tmp_path):
    """The room is made small by a limit of the process: what is larger than that is not written."""
    await sent(connection)
    file = tmp_path / "ana.json"
    words = ["titular", "exportar", "1", "--arquivo", str(file)]
    done = subprocess.run(
        [sys.executable, "-m", "disparo", *words],
        env={**os.environ, "DISPARO_DATABASE_URL": dsn},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20)),
    )
    assert (done.returncode, "o arquivo é grande demais" in done.stderr) == (1, True), done.stderr
    assert not file.exists()
    assert command(*words)[0] == 0


async def test_receipts_that_found_no_message_keep_nothing_of_the_customers_numbers(command, connection):
    await rows.add_invoices(connection, 2)
    await connection.execute("UPDATE customers SET phone_2 = '(11) 98888-0002 / 1133330003' WHERE id = 1")
    named = (
        'POST ?\n{"to": "+5511900000001"}',
        "GET ?to=11%2098888-0002&status=5\n",
        "GET ?ddd=11&numero=988880002\n",
        "GET ?to=551188880002\n",  # without the nine
        "deliver_sm 551133330003 > 28000\n",
    )
    others = 'POST ?\n{"to": "5511900000002"}'
    await connection.executemany(
        """INSERT INTO receipts (platform, digest, kind, raw, applied_at, result)
           VALUES ('p', sha256($1::text::bytea), 'delivered', $1, $2, $3)""",
        [(raw, None, None) for raw in (*named[1:], others)] + [(named[0], datetime.now(UTC), "unmatched")],
    )
    assert command("titular", "apagar", 1, "--sim")[0] == 0
    assert [row["raw"] for row in await connection.fetch("SELECT raw FROM receipts WHERE raw <> ''")] == [
        others
    ]
    assert await connection.fetchval("SELECT count(*) FROM receipts") == 6


async def test_a_reply_that_answers_no_message_loses_its_number_and_an_opt_out_keeps_it(command, connection):
    """Message 9 was deleted when its time was over: its reply answers none any more."""
    await rows.add_invoices(connection, 2)
    await connection.executemany(
        """INSERT INTO inbound_texts (platform, digest, sender, e164, message_id, text, opted_out, raw)
           VALUES ('p', sha256($3::text::bytea), $1, $1, $2, $3, $3 = 'SAIR', $3)""",
        [
            ("+5511900000001", None, "sou a Ana"),
            ("+5511900000001", 9, "já paguei"),
            ("+5511900000001", None, "SAIR"),
            ("+5511900000002", None, "outra pessoa"),
        ],
    )
    assert command("titular", "apagar", 1, "--sim")[0] == 0
    found = await connection.fetch("SELECT sender, e164, text, raw FROM inbound_texts ORDER BY id")
    assert [tuple(row) for row in found] == [
        (None, None, "", ""),
        (None, None, "", ""),
        ("+5511900000001", "+5511900000001", "SAIR", ""),
        ("+5511900000002", "+5511900000002", "outra pessoa", "outra pessoa"),
    ]
