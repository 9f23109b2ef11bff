"""What the documents tell people to type works as it stands there."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
import tomllib
from pathlib import Path
from typing import get_args

import asyncpg
import pytest
from pydantic import BaseModel
from tests.support import program
from tests.support.rows import add_messages

from disparo.api.hubsoft.lookup_reading import INVOICE_SEARCHES, SEARCHES
from disparo.api.hubsoft.words import IGNORED_WORDS, REASON_WORDS, STATUS_WORDS
from disparo.cli.app import main
from disparo.platforms.generic_settings import GenericHttpSettings
from disparo.platforms.registry import read_table
from disparo.platforms.smpp.settings import SmppSettings

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "docs" / "pt-BR" / name
    for name in ("operar.md", "importar.md", "disparos-em-massa.md", "hubsoft-ao-lado.md", "integrar.md")
]
FILES = {
    "clientes.csv": "id_cliente;nome;telefone_1\n1;ANA;11988880001\n",
    "contatos.csv": "id_contato;id_cliente;telefone\n1;1;11988880002\n",
    "faturas.csv": "id_fatura;id_cliente;valor;vencimento\n1;1;10,00;05/12/2026\n",
}


#: What these settle is there first.
TO_SETTLE = {"disparo incertas": "uncertain", "disparo retidas": "held"}

#: The platform that the page connects; nobody answers there, and nothing is sent.
PLATFORMS = '{"minha": {"url": "http://127.0.0.1:1/", "json": {"texto": "{texto}"}}}'


def commands(page):
    """Every line `disparo ...` of a fenced block, in order, without its comment."""
    for block in re.findall(
        r"^```\w*\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    ):
        for line in block.splitlines():
            if line.startswith("disparo "):
                yield line.partition("#")[0].strip()


async def leave_message_123(dsn, status):
    """In a state that waits for a person, handed over on the day that the page names."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SELECT setval(pg_get_serial_sequence('messages', 'id'), 122)")
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM messages WHERE id = 123)"):
            assert await add_messages(connection, first_id=7_300_000) == [123]
            await connection.execute(
                """WITH a AS (INSERT INTO attempts (message_id, platform, worker_id, started_at)
                              VALUES (123, 'minha', gen_random_uuid(), '2026-11-24 12:00-03') RETURNING id)
                   UPDATE messages SET platform = 'minha', attempt_id = a.id FROM a WHERE messages.id = 123"""
            )
        await connection.execute("UPDATE messages SET status = $1 WHERE id = 123", status)
    finally:
        await connection.close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_in_fences(page, new_database, tmp_path):
    for name, content in FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    dsn, lines = new_database(), list(commands(page))
    assert lines
    for line in lines:
        for told_of, status in TO_SETTLE.items():
            if line.startswith(told_of):
                asyncio.run(leave_message_123(dsn, status))
        environment = {"DISPARO_DATABASE_URL": dsn, "DISPARO_PLATFORMS": PLATFORMS}
        done = program.command(*shlex.split(line)[1:], env=environment, folder=tmp_path, typed="s\n")
        assert done.returncode == 0, (line, done.stderr)


def test_the_calls_of_the_integrators_page(house):
    page = (ROOT / "docs" / "pt-BR" / "integrar.md").read_text(encoding="utf-8")
    token, send, ask = re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    account = house.account(permissions=("send",))
    filled = {
        "https://SEU_SERVIDOR": house.stage.base,
        "CLIENT_ID": account["client_id"],
        "CLIENT_SECRET": account["client_secret"],
        "USUARIO": account["username"],
        "SENHA": account["password"],
    }

    def typed(call):
        for word, value in filled.items():
            call = call.replace(word, str(value))
        return json.loads(program.shell(call))

    filled["TOKEN"] = typed(token)["access_token"]
    sent = typed(send)
    assert len(sent["job"]["telefones"]) == 3
    filled["disparo/ID"] = "disparo/" + sent["disparo"]["id"]
    assert len(typed(ask)["disparo"]["mensagens"]) == 3


def test_every_state_of_a_message_is_on_the_integrators_page():
    page = (ROOT / "docs" / "pt-BR" / "integrar.md").read_text(encoding="utf-8")
    assert [word for word in STATUS_WORDS.values() if f"`{word}`" not in page] == []


def test_every_reason_is_on_the_integrators_page_and_in_the_document(house):
    page = (ROOT / "docs" / "pt-BR" / "integrar.md").read_text(encoding="utf-8")
    assert [word for word in REASON_WORDS.values() if f"`{word}`" not in page] == []
    shapes = house.anonymous.get("/openapi.json").json["components"]["schemas"]
    message = shapes["MessageOut"]["properties"]
    assert message["situacao"]["enum"] == list(STATUS_WORDS.values())
    assert [word for word in REASON_WORDS.values() if word not in message["motivo"]["description"]] == []
    left_out = shapes["IgnoredPhone"]["properties"]["motivo"]["description"]
    assert [word for word in IGNORED_WORDS.values() if word not in left_out] == []


def test_the_document_names_what_a_lookup_searches_by(house):
    paths = house.anonymous.get("/openapi.json").json["paths"]
    searches = {
        "cliente": SEARCHES,
        "cliente/financeiro": INVOICE_SEARCHES,
        "financeiro/fatura": INVOICE_SEARCHES,
    }
    for route, names in searches.items():
        told = {each["name"]: each for each in paths[f"/api/v1/integracao/{route}"]["get"]["parameters"]}
        assert [name for name in names if name not in told["busca"]["description"]] == []


def test_every_code_of_a_refusal_is_on_the_integrators_page(house):
    page = (ROOT / "docs" / "pt-BR" / "integrar.md").read_text(encoding="utf-8")
    told = {
        code
        for line in re.findall(r"^\| (\d{3}(?:, \d{3})*) \|", page, re.MULTILINE)
        for code in line.split(", ")
    }
    described = house.anonymous.get("/openapi.json").json["paths"]
    routes = [
        way
        for path, ways in described.items()
        if path.startswith(("/api/", "/oauth/"))
        for way in ways.values()
    ]
    declared = {code for way in routes if isinstance(way, dict) for code in way["responses"]}
    assert {code for code in declared if code >= "400"} <= told


def test_every_figure_of_metrics_is_on_the_page_of_watching(house):
    page = (ROOT / "docs" / "pt-BR" / "acompanhar.md").read_text(encoding="utf-8")
    shown = re.findall(r"^# HELP (\w+)", house.anonymous.get("/metrics").raw.decode(), re.MULTILINE)
    assert len(shown) > 20
    assert [name for name in shown if f"`{name}`" not in page] == []


def test_commands_named_in_the_text_exist(monkeypatch):
    pages = [*ROOT.glob("README*.md"), *ROOT.glob("docs/pt-BR/*.md"), *ROOT.glob("docs/platforms/*.md")]
    assert len(pages) > 20
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"`disparo ([a-z-]+)(?: ([a-z][a-z-]*))?", text))
    assert len(named) >= 8
    for command, action in named:
        for words in ([command, "--help"], [command, action, "--help"] if action else [command, "--help"]):
            monkeypatch.setattr(sys, "argv", ["disparo", *words])
            with pytest.raises(SystemExit) as ended:
                main()
            assert ended.value.code == 0, words


def test_the_platform_table_is_valid(tmp_path):
    block = re.search(r"```toml\n(.*?)```", PAGES[0].read_text(encoding="utf-8"), re.DOTALL)[1]
    secret = tmp_path / "chave"
    secret.write_text("s3cret\n")
    table = tomllib.loads(block.replace("/etc/disparo/chave", str(secret)))["platforms"]["minha"]
    read = read_table("minha", table)
    assert read.secrets["chave"].get_secret_value() == "s3cret"
    assert read.receipts is not None


def test_every_setting_of_the_table_exists():
    from disparo.settings import Settings

    general, _, of_a_platform = PAGES[0].read_text(encoding="utf-8").partition("## Ligar uma plataforma")
    named = [_first_column(text) for text in (general, of_a_platform)]
    assert (len(named[0]) > 15, len(named[1]) > 8) == (True, True)
    assert named[0] <= set(Settings.model_fields)
    assert named[1] <= set(GenericHttpSettings.model_fields)


def test_every_setting_is_on_a_page():
    from disparo.settings import Settings

    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES[0].parent.glob("*.md"))
    assert [name for name in Settings.model_fields if not re.search(rf"\b{name}\b", pages)] == []


@pytest.mark.parametrize(
    ("page", "settings"), [("generic_http.md", GenericHttpSettings), ("smpp.md", SmppSettings)]
)
def test_every_key_of_a_platforms_table_is_in_a_table_of_a_page(page, settings):
    generic = ROOT / "docs" / "platforms" / "generic_http.md"  # what all have in common stands there
    pages = [PAGES[0], generic, generic.with_name(page)]
    named = _first_column("\n".join(text.read_text(encoding="utf-8") for text in pages))
    assert _keys(settings) - named == set()


def test_the_page_of_all_keys_names_none_that_there_is_not():
    page = ROOT / "docs" / "platforms" / "generic_http.md"
    assert _first_column(page.read_text(encoding="utf-8")) - _keys(GenericHttpSettings) == set()


def _keys(model):
    """The keys of a table and of the tables in it, as they are written."""
    found = set()
    for name, field in model.model_fields.items():
        found |= {field.alias or name}.union(*map(_keys, _models_in(field.annotation)))
    return found


def _models_in(annotation):
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


def test_the_page_of_smpp_names_settings_that_there_are(tmp_path):
    page = (ROOT / "docs" / "platforms" / "smpp.md").read_text(encoding="utf-8")
    secret = tmp_path / "smpp"
    secret.write_text("s3cret\n")
    block = re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1].replace("/etc/disparo/smpp", str(secret))
    read = read_table("smsc", tomllib.loads(block)["platforms"]["smsc"])
    assert read.password.get_secret_value() == "s3cret"
    named = _first_column(page)
    assert len(named) > 15
    assert named <= set(SmppSettings.model_fields)
    for example in re.findall(r"`((?:codes|receipt_\w+) = \{.*?\})`", page):
        read_table("smsc", {**read.model_dump(), "password": "s", **tomllib.loads(example)})


def _first_column(text):
    rows = re.findall(r"^\| ((?:`[a-z0-9_]+`(?:, )?)+) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([a-z0-9_]+)`", row)}


def test_the_tests_named_in_the_table_of_the_original_exist():
    named = set(re.findall(r"\btest_[a-z0-9_]+(?!\w*\.py)\b", (ROOT / "docs" / "hubsoft.md").read_text()))
    code = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    missing = {
        name
        for name in named
        if f"def {name}(" not in code and not list((ROOT / "tests").rglob(f"{name}.py"))
    }
    assert missing == set()


def test_the_lock_files_name_no_address():
    for path in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in path.read_text(), path.name
