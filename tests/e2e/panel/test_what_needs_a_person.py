"""Início: what people are told of by alerts needs a person there too, whether or not alerts go anywhere."""

from __future__ import annotations

import re
from html import unescape

import pytest
from tests.support.house import house as run_house
from tests.support.rows import add_messages
from tests.support.visitor import text, visitor


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory):
    """Without a worker, who would see that nothing of this is so."""
    with run_house(new_database(), tmp_path_factory.mktemp("house"), workers_count=0) as house:
        yield house


@pytest.mark.parametrize(
    ("kind", "subject", "detail", "says"),
    [
        ("credit_low", "simulador", "12.50", "O crédito da plataforma simulador está acabando Restam 12,50."),
        ("credit_gone", "simulador", None, "Plataforma simulador sem crédito"),
        ("platform_unreachable", "simulador", "not_seen", "A plataforma simulador não responde como devia"),
        ("dispatch_stuck", "", "27/11 08:10", "Mensagens na hora de sair não saem"),
        ("disk_low", "", "0,8 GB", "O disco do banco de dados está quase cheio Restavam 0,8 GB."),
        (
            "certificate_ends",
            "a.com.br",
            "10/12/2026 08:00 (arquivo /a.crt)",
            "Vale só até 10/12/2026 08:00 (arq",
        ),
        ("certificate_ends", "a.com.br", "x (arquivo /a.crt)", "certificado HTTPS de a.com.br está no fim"),
        (
            "certificate_refused",
            "a.com.br",
            "A chave é a de outro certificado (arquivo /a.crt)",
            "O certificado HTTPS de a.com.br mudou e o novo não serve O anterior continua",
        ),
        ("backup_old", "", "25/11/2026 03:30", "Não há backup recente O último é de 25/11/2026 03:30."),
        ("settings_refused", "web1", "tries: falta", "A configuração mudada na máquina web1 está errada"),
        ("clock_off", "web1", "1 h 0 min atrasado", "O relógio da máquina web1 está errado Está 1 h 0 min"),
        (
            "no_platform",
            "web1",
            "zenvia",
            "não tem mais nenhuma plataforma de SMS A última em uso era zenvia.",
        ),
        ("source_down", "hubsoft", None, "O cadastro de hubsoft não responde"),
        ("sync_failed", "hubsoft", None, "A sincronização com hubsoft falhou"),
        ("receipts_stopped", "simulador", None, "As confirmações de simulador pararam"),
    ],
)
def test_what_an_alert_tells_is_on_the_first_page_while_it_lasts(house, kind, subject, detail, says):
    person = visitor(house)
    house.fetch("INSERT INTO alerts (kind, subject, detail) VALUES ($1, $2, $3)", kind, subject, detail)
    assert says in text(person.get("/painel"))
    house.fetch("UPDATE alerts SET cleared_at = now()")
    assert says not in text(person.get("/painel"))


def test_only_what_can_be_seen_there_leads_to_the_platforms(house):
    """Who looks for the backup there finds all platforms well."""
    person, page = visitor(house), '">Ver plataformas</a>'
    for kind, leads in (("backup_old", False), ("source_down", False), ("receipts_stopped", True)):
        house.fetch("INSERT INTO alerts (kind, subject) VALUES ($1, 'simulador')", kind)
        assert (page in person.get("/painel").raw.decode()) is leads, kind
        house.fetch("UPDATE alerts SET cleared_at = now()")


def test_a_platform_that_is_no_longer_there_needs_nobody(house):
    house.fetch("INSERT INTO alerts (kind, subject, detail) VALUES ('credit_low', 'tirada', '1')")
    assert "tirada" not in text(visitor(house).get("/painel"))


@pytest.mark.parametrize(("status", "path"), [("uncertain", "/painel/incertas"), ("held", "/painel/retidas")])
def test_of_many_each_can_be_reached(house, status, path):
    """The first hundred were all that could be ticked."""
    first = {"uncertain": 8_900_001, "held": 8_910_001}[status]
    ids = house.run(lambda connection: add_messages(connection, 205, first_id=first, due_in_s=86_400))
    house.fetch(
        """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id)
                      SELECT id, 'simulador', gen_random_uuid() FROM unnest($1::bigint[]) id
                      RETURNING id, message_id)
           UPDATE messages m SET status = $2, platform = 'simulador', attempt_id = a.id
           FROM a WHERE m.id = a.message_id""",
        ids,
        status,
    )
    person, seen, at = visitor(house), [], path
    while at:
        page = person.get(at).raw.decode()
        seen += [int(found) for found in re.findall(r'name="id" value="(\d+)"', page)]
        assert "(5)" not in page  # of all that the filter finds, not of this page
        onward = re.search(r'rel="next" href="([^"]+)"', page)
        at = unescape(onward[1]) if onward else ""
    assert seen == ids
    person.post(path, id=seen[-1], acao="dar-como-enviada" if status == "uncertain" else "liberar")
    assert house.value("SELECT status FROM messages WHERE id = $1", ids[-1]) != status
    assert "Não há mais nenhuma aqui" in text(person.get(f"{path}?depois={ids[-1]}"))
    house.fetch("UPDATE messages SET status = 'failed' WHERE id = ANY($1)", ids)
