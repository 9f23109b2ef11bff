"""What is stored in English is told in Portuguese, in the words of the panel."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from tests.integration.dispatch.test_receipts import handed_over, say
from tests.support import rows
from tests.support.hours import closed_hours

from disparo.wording import words

pytestmark = pytest.mark.anyio
TABLE = {"url": "http://127.0.0.1:1/", "json": {"to": "{telefone}", "text": "{texto}"}}


async def test_a_simulation_says_how_long_each_part_is_and_whose_the_phone_is(command, connection):
    await rows.add_invoices(connection)
    status, said = command("simular", 1)
    assert (status, "gsm7" in said) == (0, False), said
    assert "até 160 letras em cada SMS" in said
    assert "cadastro do cliente" in said


@pytest.mark.parametrize(
    ("facts", "allowed", "says"),
    [
        (("paid", 10), {}, "a fatura está quitada; a chamada seria recusada"),
        (("paid", 10), {"DISPARO_ALLOW_PAID": "true"}, None),
        (
            ("cancelled", 10),
            {"DISPARO_ALLOW_PAID": "true"},
            "a fatura está cancelada; a chamada seria recusada",
        ),
        (("open", 0), {}, "a fatura é de R$ 0,00; a chamada seria recusada"),
        (("open", 0), {"DISPARO_ALLOW_ZERO": "true"}, None),
    ],
)
async def test_a_simulation_says_what_a_call_would(command, connection, facts, allowed, says):
    await rows.add_invoices(connection)
    await connection.execute("UPDATE invoices SET status = $1, amount = $2 WHERE id = 1", *facts)
    exit_status, said = command("simular", 1, **allowed)
    assert (exit_status, "seria recusada" in said) == (0, says is not None), said
    assert says is None or says in said


@pytest.mark.parametrize(
    ("price", "given", "says"),
    [
        ({"cost_per_segment": 0.5}, (), "Total: 1 SMS, 1 segmento(s), R$ 0,50."),
        ({"cost_per_segment": 0.5}, ("--custo-segmento", "0.08"), "Total: 1 SMS, 1 segmento(s), R$ 0,08."),
        ({}, (), "Total: 1 SMS, 1 segmento(s). Nada"),
        ({"ddds": [99]}, (), "SMS é de um DDD que nenhuma plataforma atende"),
    ],
)
async def test_a_simulation_knows_what_the_platform_costs(command, connection, price, given, says):
    await rows.add_invoices(connection)
    status, said = command("simular", 1, *given, DISPARO_PLATFORMS=json.dumps({"p": {**TABLE, **price}}))
    assert (status, says in said) == (0, True), said


async def test_a_simulation_says_that_nobody_can_get_it(command, connection):
    await rows.add_invoices(connection)
    await connection.execute("UPDATE customers SET phone_1 = '1133334444'")
    status, said = command("simular", 1)
    assert (status, "não há telefone celular que receba; a chamada seria recusada" in said) == (0, True), said


async def test_a_run_that_takes_longer_than_a_message_may_wait_is_warned_of(command, connection):
    await rows.add_invoices(connection, 4)
    slow = {"DISPARO_PLATFORMS": json.dumps({"p": {**TABLE, "per_second": 0.01}})}
    for timeout_s, is_warned in (("600", False), ("300", True)):
        status, said = command(
            "disparar", "--ate", "2040-01-01", "--simular", **slow, DISPARO_TIMEOUT_S=timeout_s
        )
        assert (status, "6 min 40 s, em horário de envio" in said) == (0, True), said
        assert ("espera no máximo 5 min 0 s" in said) == is_warned, said


async def test_a_stopped_platform_says_why(command, connection):
    await connection.execute(
        """INSERT INTO platform_states (platform, open_reason, paused_by)
           VALUES ('p', 'error_rate', NULL), ('q', NULL, 'cli:ana')"""
    )
    _, said = command("plataforma", "listar", DISPARO_PLATFORMS=json.dumps({"p": TABLE, "q": TABLE}))
    assert "parada: metade dos últimos envios falhou" in said
    assert "pausada por ana (linha de comando)" in said


async def test_a_platform_that_takes_nothing_now_is_not_said_to_be_used(command, connection):
    await connection.execute("INSERT INTO platform_day_use VALUES ('cheia', now() - interval '20 h', 5)")
    tables = {
        "cheia": {**TABLE, "per_day": 5},
        "fechada": {**TABLE, "hours": closed_hours()},
        "reserva": {**TABLE, "weight": 0},
        "outra": {**TABLE, "per_day": 5},
    }
    _, said = command("plataforma", "listar", DISPARO_PLATFORMS=json.dumps(tables))
    assert [line.split("(")[1].split(", ")[1] for line in said.splitlines()] == [
        "limite de 24 horas atingido",
        "fora do horário",
        "não recebe novas",
        "em uso",
    ]


async def test_a_platform_of_a_preset_has_its_name(command):
    tables = {"a": {"type": "smsdev", "secrets": {"chave": "k"}}, "b": TABLE}
    _, said = command("plataforma", "listar", DISPARO_PLATFORMS=json.dumps(tables))
    assert [line.split(",")[0] for line in said.splitlines()] == ["a: smsdev", "b: generic_http"], said
    assert [words.platform_kind(each) for each in ("smsdev", "smpp")] == ["SMSDev (SMS Empresa)", "por SMPP"]


async def test_a_platform_out_of_reach_is_no_word_of_the_program(command):
    table = {**TABLE, "balance": {"path": "/saldo", "answer": "saldo"}}
    status, said = command("plataforma", "saldo", DISPARO_PLATFORMS=json.dumps({"p": table}))
    assert (status, said) == (1, "p: não respondeu como devia (a plataforma está fora de alcance)\n")


@pytest.mark.parametrize("what", ["listar", "saldo"])
async def test_that_there_is_no_platform_is_said(command, what):
    status, said = command("plataforma", what, DISPARO_PLATFORMS="{}")
    assert (status, said.startswith("Nenhuma plataforma configurada")) == (0, True), said


async def test_a_trials_simulated_platform_is_paused_and_resumed_as_any(command, connection):
    trial = {"DISPARO_PLATFORMS": "{}"}
    for what, state in (("listar", "em uso"), ("pausar", "pausada por"), ("retomar", "em uso")):
        status, said = command("plataforma", what, *([] if what == "listar" else ["simulador"]), **trial)
        assert status == 0, said
        _, said = command("plataforma", "listar", **trial)
        assert f"simulador: simulada ({state}" in said
    status, said = command("plataforma", "pausar", "simuladro", **trial)
    assert (status, "Não há plataforma simuladro" in said) == (1, True), said
    await rows.add_messages(connection)
    for what in ("testar", "saldo"):
        more = ("--telefone", "11988887777") if what == "testar" else ()
        status, said = command("plataforma", what, "simulador", *more, **trial)
        assert (status, "só existe enquanto `disparo run` roda" in said) == (1, True), said
    # Where there was a real one nothing is simulated any more, nor among others of the settings.
    await connection.execute(
        "INSERT INTO attempts (message_id, platform, worker_id) SELECT id, 'p', gen_random_uuid() FROM messages"
    )
    status, said = command("plataforma", "pausar", "simulador", **trial)
    assert (status, "só existe enquanto" in said) == (1, True), said
    assert "simulada (" not in command("plataforma", "listar", **trial)[1]
    status, said = command("plataforma", "pausar", "simulador", DISPARO_PLATFORMS=json.dumps({"p": TABLE}))
    assert (status, "Não há plataforma simulador. Configuradas: p" in said) == (1, True), said


async def test_looks_at_a_message_that_could_not_go_are_one_line(command, connection):
    (message_id,) = await rows.add_messages(connection)
    for _ in range(3):
        await rows.look_in_vain(connection, message_id, "platform_day_full")
    _, said = command("mensagem", "buscar", "--fatura", 1)
    lines = [line for line in said.splitlines() if "3 vezes, a última em" in line]
    assert (len(lines), said.count("o limite de SMS por dia da plataforma foi atingido")) == (1, 2), said
    assert "na fila de envio" not in said


async def test_a_receipt_that_contradicts_what_was_known_says_so(command, pool, connection):
    await handed_over(connection)
    await say(pool, "undelivered")
    await say(pool, "delivered")
    _, said = command("mensagem", "buscar", "--fatura", 1)
    assert "p: entregue no aparelho, contradiz o que se sabia: vale a entrega\n" in said, said


async def test_what_happened_is_told_in_order_of_time(command, pool, connection):
    await handed_over(connection)
    await say(pool, "delivered")
    _, said = command("mensagem", "buscar", "--fatura", 1)
    wanted = ("tentativa na", "  entregue à plataforma", "confirmação da", "  entregue  por")
    marks = [said.index(each) for each in wanted]
    assert marks == sorted(marks), said


_OBEYED = "\x1b]0;dono\x07\x1b[2J\r\nMensagem 9: \u202efalsa"
_SHOWN = "\ufffd]0;dono\ufffd\ufffd[2J  Mensagem 9: \ufffdfalsa"


@pytest.mark.parametrize("kind", ["sent", "undelivered"])
async def test_what_a_platform_says_does_nothing_to_a_terminal(command, pool, connection, kind):
    await handed_over(connection)
    await say(pool, kind, code=_OBEYED, carrier=_OBEYED)
    _, said = command("mensagem", "buscar", "--fatura", 1)
    assert f"pela operadora {_SHOWN}" in said
    assert f"código {_SHOWN}" in said
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(said)


async def test_what_a_platform_answers_a_test_does_nothing_to_a_terminal_and_the_audit_names_the_test(
    command, connection
):
    class Platform(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"OK\n\t{_OBEYED}".encode())

    with HTTPServer(("127.0.0.1", 0), Platform) as platform:
        threading.Thread(target=platform.handle_request).start()
        table = {**TABLE, "url": f"http://127.0.0.1:{platform.server_port}/"}
        settings = {"DISPARO_PLATFORMS": json.dumps({"p": table}), "DISPARO_REAL_SENDING": "yes"}
        _, said = command("plataforma", "testar", "p", "--telefone", "11988887777", **settings)
    assert "OK\n        \ufffd]0;dono\ufffd\ufffd[2J\nMensagem 9: \ufffdfalsa" in said
    assert "\x1b" not in said
    audited = await connection.fetchrow("SELECT actor, action, detail FROM audit_log")
    assert audited["actor"].startswith("cli:")
    assert (audited["action"], json.loads(audited["detail"])) == (
        "platform_tested",
        {"platform": "p", "number": "(11) 9****-7777"},
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"url": "http://127.0.0.1:1/"}, "a conexão não abriu"),
        ({"url": "http://0.0.0.0:1/"}, "o Disparo não chama este endereço, que é reservado"),
        (
            {"type": "smpp", "host": "127.0.0.1", "port": 1, "system_id": "a", "password": "b"},
            "a conexão foi recusada",
        ),
    ],
)
async def test_a_test_that_brings_no_answer_says_why_in_words_alone(command, changes, why):
    table = changes if "type" in changes else {**TABLE, **changes}
    settings = {"DISPARO_PLATFORMS": json.dumps({"p": table}), "DISPARO_REAL_SENDING": "yes"}
    status, said = command("plataforma", "testar", "p", "--telefone", "11988887777", **settings)
    assert status == 1
    assert f"Resposta:\n({why})\n" in said, said
    assert f"(a plataforma está fora de alcance, {why})\n" in said, said


async def test_a_platform_that_fails_in_answering_a_test_refused_nothing(command):
    class Platform(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(500)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Platform) as platform:
        threading.Thread(target=platform.handle_request).start()
        table = {**TABLE, "url": f"http://127.0.0.1:{platform.server_port}/"}
        settings = {"DISPARO_PLATFORMS": json.dumps({"p": table}), "DISPARO_REAL_SENDING": "yes"}
        _, said = command("plataforma", "testar", "p", "--telefone", "11988887777", **settings)
    assert "Resultado: a plataforma não respondeu direito: pode ter recebido ou não (" in said, said
    assert "recusou" not in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "está vazio"),
        ("😀 ", "está vazio, ou só tem sinais"),
        ("longo " * 270, "ocupa 11 SMS, e o limite é 10"),
    ],
)
async def test_a_test_without_a_text_or_with_an_endless_one_sends_nothing(command, text, why):
    settings = {"DISPARO_PLATFORMS": json.dumps({"p": TABLE}), "DISPARO_REAL_SENDING": "yes"}
    arguments = ("plataforma", "testar", "p", "--telefone", "11988887777", "--texto", text)
    status, said = command(*arguments, **settings)
    assert (status, why in said, "Pedido" in said) == (1, True, False), said


async def test_an_opt_out_says_how_it_came(command, connection):
    command("descadastro", "incluir", "11988887777")
    assert "pediu à empresa" in command("descadastro", "listar")[1]
