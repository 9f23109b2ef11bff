"""What the audit tells of who may do what, and of what was done elsewhere than at the panel."""

from __future__ import annotations

import csv
import io
import os
import pwd
from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.visitor import EVERYTHING, text, visitor


@pytest.fixture
def person(house):
    return visitor(house)


def told(person, action):
    """What the audit says of an act: page and file, the latest first."""
    page = text(person.get(f"/painel/auditoria?acao={action}"))
    answer = person.get(f"/painel/auditoria.csv?acao={action}").raw.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(answer), delimiter=";"))
    assert all(row["detalhe"] in page for row in rows)
    return rows


def test_it_tells_what_somebody_may_do_since(house, person):
    admin_id = house.value("SELECT max(id) FROM users")
    for permissions in (EVERYTHING, [each for each in EVERYTHING if each != "view_text"]):
        assert person.post(f"/painel/usuarios/{admin_id}/permissoes", permissao=permissions).status == 303
    after, before = told(person, "user_changed")
    assert "ver o texto das mensagens" in before["detalhe"]
    assert "ver o texto das mensagens" not in after["detalhe"]
    assert "pode: enviar e resolver mensagens; " in after["detalhe"]


def test_it_tells_what_somebody_new_may_do(house, person):
    person.post("/painel/usuarios", nome="Caio", email="caio@example.com", permissao=["send", "cancel"])
    house.command("usuario", "criar", "bia@example.com", "--permissao", "ver-textos")
    person.post("/painel/usuarios", nome="Davi", email="davi@example.com")
    found = [row["detalhe"] for row in told(person, "user_created")][:3]
    assert found == [
        "usuário: Davi, pode: nada",
        "usuário: bia@example.com, pode: ver o texto das mensagens",
        "usuário: Caio, pode: enviar e resolver mensagens; cancelar envios",
    ]


def test_a_dispatch_is_one_line_whichever_kind_it_is(house, person):
    for invoices, action in (("11000", "dispatch_created"), ("11000 50949", "bulk_run_stored")):
        before = house.value("SELECT max(id) FROM audit_log")
        assert person.post("/painel/disparos", faturas=invoices, disparo=str(uuid4())).status == 303
        written = house.fetch("SELECT action FROM audit_log WHERE id > $1", before)
        assert [row["action"] for row in written] == [action]


def test_of_two_with_one_name_it_tells_which(house, person):
    for email in ("rosa@example.com", "outra@example.com"):
        person.post("/painel/usuarios", nome="Rosa", email=email)
    found = [row["detalhe"].partition(",")[0] for row in told(person, "user_created")][:2]
    assert found == ["usuário: Rosa (outra@example.com)", "usuário: Rosa (rosa@example.com)"]


def test_it_tells_of_which_number_sms_were_allowed_again(house, person):
    client = house.client()
    opt_out = "/api/v1/integracao/sms/descadastro"
    for number, deeds in {
        "11955550011": (
            lambda: person.post("/painel/descadastros", telefone="11955550011"),
            lambda: person.post("/painel/descadastros/remover", telefone="11955550011"),
        ),
        "11955550022": (
            lambda: client.post(opt_out, {"telefone": "11955550022"}),
            lambda: client.call("DELETE", opt_out, {"telefone": "11955550022"}),
        ),
        "11955550033": (
            lambda: house.command("descadastro", "incluir", "11955550033"),
            lambda: house.command("descadastro", "remover", "11955550033"),
        ),
    }.items():
        for deed, action in zip(deeds, ("opt_out_added", "opt_out_removed"), strict=True):
            deed()
            (last, *_) = told(person, action)
            assert last["detalhe"] == f"número: (11) 9****-{number[-4:]}"
    assert "55550011" not in str(house.fetch("SELECT * FROM audit_log"))


def test_a_file_that_was_imported_by_a_command_is_told_too(house, person, tmp_path):
    file = tmp_path / "clientes.csv"
    file.write_text("id_cliente;nome;telefone_1\n4441;Ana;11988887777\nx;Bia;\n", encoding="utf-8")
    house.command("importar", "clientes", file, "--simular")
    assert told(person, "imported") == []
    house.command("importar", "clientes", file)
    (row,) = told(person, "imported")
    assert row["detalhe"] == "o que: clientes, gravadas: 1, com erro: 1"
    assert "linha de comando" in row["quem"]


@pytest.mark.parametrize(("before_sudo", "who"), [("daemon", "daemon"), ("", None), ("ninguem-assim", None)])
def test_whoever_came_by_sudo_is_told_and_not_whom_the_environment_names(house, person, before_sudo, who):
    logged_in = int(Path("/proc/self/loginuid").read_text())
    if logged_in != 2**32 - 1:  # then that is who it is, whatever sudo says
        who = pwd.getpwuid(logged_in).pw_name
    who = who or pwd.getpwuid(os.getuid()).pw_name
    environment = {"SUDO_USER": before_sudo, "LOGNAME": "mentira", "USER": "mentira"}
    house.command("descadastro", "incluir", "11955550077", **environment)
    house.command("descadastro", "remover", "11955550077", **environment)
    assert told(person, "opt_out_removed")[0]["quem"] == f"{who} (linha de comando)"
