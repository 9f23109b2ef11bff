"""Files as offices really export them: other names, titles above, XLSX, and what only pretends to be one."""

from __future__ import annotations

import asyncio
import csv
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from openpyxl import Workbook
from tests.support.program import command

from disparo.db.customers import upsert_customers
from disparo.domain.phone import read_registered
from disparo.sources.columns import propose
from disparo.sources.file_import import Options, import_file, look
from disparo.sources.tables import NotReadable


@pytest.fixture(scope="module")
def dsn(new_database):
    return new_database()


@pytest.fixture
def load(dsn, tmp_path):
    def load(kind, path, **options):
        async def work():
            connection = await asyncpg.connect(dsn)
            try:
                return await import_file(connection, kind, path, Options(**options))
            finally:
                await connection.close()

        return asyncio.run(work())

    return load


def workbook(path: Path, *lines: list[object]) -> Path:
    book = Workbook()
    for line in lines:
        book.active.append(line)
    book.save(path)
    return path


def test_a_workbook_with_a_title_other_names_numbers_and_dates(load, rows, tmp_path):
    path = workbook(
        tmp_path / "clientes.xlsx",
        ["Relatório de clientes"],
        [],
        [
            "Código",
            "ID Cliente",
            "Razão Social",
            "CPF/CNPJ",
            "Celular",
            "Data de Nascimento",
            "Estado",
            "Obs",
        ],
        [7, 1, "ANA", 1234567890, 37999931412.0, datetime(1990, 1, 2), "mg", "x"],
        [8, 2.0, "BIA", "123.456.789-09", "(37) 99993-1413", "03/04/1991", "MG", None],
        [9, None, "CAIO", None, None, None, None, None],
    )
    report = load("clientes", path)
    assert (report.stored, [(bad.number, bad.reason) for bad in report.bad]) == (
        2,
        [(6, "id_cliente deve ser um número inteiro maior que 0")],
    )
    assert rows(
        "SELECT id, code, name, cpf_cnpj, phone_1, birth_date, uf FROM customers WHERE id < 3 ORDER BY id"
    ) == [
        (1, 7, "ANA", "01234567890", "37999931412", date(1990, 1, 2), "MG"),
        (2, 8, "BIA", "12345678909", "(37) 99993-1413", date(1991, 4, 3), "MG"),
    ]


def test_a_sheet_that_nobody_sees_is_passed_over_and_a_state_may_have_its_name(load, rows, tmp_path):
    book = Workbook()
    book.active.append(["Filtros"])
    book.active.sheet_state = "hidden"
    shown = book.create_sheet("Clientes")
    for line in (["id_cliente", "nome", "Estado"], [41, "ANA", "São Paulo"], [42, "BIA", "minas gerais"]):
        shown.append(line)
    book.save(tmp_path / "c.xlsx")
    assert load("clientes", tmp_path / "c.xlsx").bad == []
    assert rows("SELECT id, uf FROM customers WHERE id IN (41, 42) ORDER BY id") == [(41, "SP"), (42, "MG")]


def test_invoices_in_a_workbook(load, rows, tmp_path, dsn):
    load("clientes", workbook(tmp_path / "c.xlsx", ["id_cliente", "nome"], [10, "ANA"]))
    path = workbook(
        tmp_path / "f.xlsx",
        ["Fatura", "Cod. Cliente", "Valor", "Data Vencimento", "Data Pagamento"],
        [601, 10, 1234.5, datetime(2026, 12, 5), None],
        [602, 10, "1.234,56", "05/12/2026", date(2026, 12, 6)],
        [603, 10, 1.234, "05/12/2026", None],
        [604, 10, 1234567.89, "05/12/2026", None],
        [605, 10, 0.1 + 0.2, "05/12/2026", None],
    )
    report = load("faturas", path)
    assert [bad.reason for bad in report.bad] == ["valor deve ter no máximo dois decimais e nove inteiros"]
    found = rows("SELECT id, amount::text, status FROM invoices ORDER BY id")
    assert found == [
        (601, "1234.50", "open"),
        (602, "1234.56", "paid"),
        (604, "1234567.89", "open"),
        (605, "0.30", "open"),
    ]


def test_what_a_file_does_not_have_stays(load, rows, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id_cliente;nome;telefone_1;permite_sms_1;email\n20;ANA;11988880001;nao;a@x.example\n")
    load("clientes", path)
    path.write_text("id_cliente;nome;permite_sms_1\n20;ANA NOVA;\n")
    load("clientes", path)
    assert rows("SELECT name, phone_1, phone_1_allowed, email_1 FROM customers WHERE id = 20") == [
        ("ANA NOVA", "11988880001", False, "a@x.example")
    ]


def test_the_refused_lines_come_back_with_their_reasons_and_can_be_loaded_again(load, rows, tmp_path):
    path, refused = tmp_path / "b.csv", tmp_path / "refused.csv"
    path.write_text('id_cliente,nome,uf\n30,"SILVA, ANA",SP\n31,BIA,XX\n,CAIO,SP\n', encoding="cp1252")
    report = load("clientes", path, refused=refused)
    assert (report.stored, report.bad_count) == (1, 2)
    lines = list(csv.reader(refused.open(encoding="utf-8-sig")))
    assert lines[0] == ["id_cliente", "nome", "uf", "linha", "motivo"]
    assert lines[1] == ["31", "BIA", "XX", "3", "uf não é uma UF"]
    refused.write_text(refused.read_text(encoding="utf-8-sig").replace("XX", "SP"))
    assert load("clientes", refused).stored == 1
    assert rows("SELECT name FROM customers WHERE id IN (30, 31) ORDER BY id") == [("SILVA, ANA",), ("BIA",)]


def test_a_formula_without_a_result_takes_no_phone_away_and_calls_no_invoice_open(load, rows, tmp_path):
    load(
        "clientes", workbook(tmp_path / "a.xlsx", ["id_cliente", "nome", "fone"], [35, "ANA", "37999931412"])
    )
    phone = [35, "ANA", '=CONCATENATE("37", "999931413")']
    path = workbook(tmp_path / "b.xlsx", ["id_cliente", "nome", "fone"], phone)
    said = "é uma fórmula sem resultado: abra o arquivo numa planilha e salve-o"
    assert [bad.reason for bad in load("clientes", path).bad] == [f"fone (telefone_1) {said}"]
    assert rows("SELECT phone_1 FROM customers WHERE id = 35") == [("37999931412",)]
    header = ["id_fatura", "id_cliente", "valor", "vencimento", "situacao"]
    bill = [735, 35, 10, "05/12/2026", '=IF(TRUE, "paga", "aberta")']
    report = load("faturas", workbook(tmp_path / "c.xlsx", header, bill))
    assert [bad.reason for bad in report.bad] == [f"situacao {said}"]
    assert rows("SELECT id FROM invoices WHERE id = 735") == []


def test_of_a_workbook_that_begins_with_a_cover_the_sheet_that_was_read_is_named(tmp_path):
    book = Workbook()
    book.active.title = "Resumo"
    book.active.append(["Total", 3])
    book.create_sheet("Dados").append(["id_cliente", "nome"])
    book.create_sheet("Oculta").sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    said = 'Foi lida só a planilha "Resumo", a primeira; há também "Dados": ponha a certa'
    with pytest.raises(NotReadable, match=said):
        look("clientes", tmp_path / "a.xlsx")


def test_of_a_workbook_it_is_told_which_sheets_were_not_read_and_that_hidden_rows_were(load, rows, tmp_path):
    book = Workbook()
    for title, first in (("Página 1", 881), ("Página 2", 884)):
        sheet = book.create_sheet(title)
        sheet.append(["id_cliente", "nome"])
        for row in range(3):
            sheet.append([first + row, "ANA"])
    del book["Sheet"]
    book.create_sheet("Plan3")  # empty
    book["Página 1"].row_dimensions[3].hidden = True  # by a filter
    book.save(tmp_path / "two.xlsx")
    told = load("clientes", tmp_path / "two.xlsx", simulate=True).told
    assert told == [
        'Foi lida só a planilha "Página 1", a primeira; há também "Página 2": ponha a certa em primeiro lugar.',
        "A planilha tem 1 linha oculta, que também foi lida. Para que fiquem de fora, copie só as visíveis para "
        "outra planilha.",
    ]
    only = workbook(tmp_path / "one.xlsx", ["id_cliente", "nome"], [887, "ANA"])
    assert load("clientes", only, simulate=True).told == []
    assert rows("SELECT id FROM customers WHERE id BETWEEN 881 AND 887") == []


def test_a_simulation_stores_nothing_and_finds_everything(load, rows, tmp_path):
    path = tmp_path / "c.csv"
    path.write_text(
        "id_fatura;id_cliente;valor;vencimento\n701;40;1,00;05/12/2026\n702;999;1,00;05/12/2026\n"
    )
    load("clientes", workbook(tmp_path / "d.xlsx", ["id_cliente", "nome"], [40, "ANA"]))
    report = load("faturas", path, simulate=True)
    assert (report.stored, [bad.reason for bad in report.bad]) == (
        1,
        ["id_cliente não existe: importe os clientes antes"],
    )
    assert rows("SELECT count(*) FROM invoices WHERE id IN (701, 702)") == [(0,)]


def test_the_command_shows_the_columns_and_takes_a_persons_choice(dsn, tmp_path):
    path = tmp_path / "e.csv"
    path.write_text("Matrícula;Assinante;Contrato\n50;ANA;x\n")
    words, own = ("importar", "clientes", path, "--simular"), {"DISPARO_DATABASE_URL": dsn}
    done = command(*words, env=own)
    assert "Falta(m) a(s) coluna(s) id_cliente" in done.stderr
    done = command(*words, "--coluna", "Matrícula=id_cliente", env=own)
    assert done.returncode == 0, done.stderr
    assert (
        "coluna 'Matrícula': id_cliente\ncoluna 'Assinante': nome\ncolunas ignoradas: Contrato" in done.stdout
    )
    assert "1 linha(s) seria(m) gravada(s) (simulação), 0 com erro." in done.stdout


@pytest.mark.parametrize(
    ("kind", "header", "fields"),
    [
        (
            "clientes",
            ["Código", "Cliente", "Fone Residencial", "Telefone Celular", "E-mail", "Município", "Bairro"],
            None,
        ),
        (
            "clientes",
            ["ID", "Nome/Razão Social", "CNPJ/CPF", "Telefone primário", "Telefone secundário", "UF"],
            ["id_cliente", "nome", "cpf_cnpj", "telefone_1", "telefone_2", "uf"],
        ),
        (
            "faturas",
            [
                "Título",
                "Cód. Cliente",
                "Dt. Vencimento",
                "Vlr",
                "Linha Digitável",
                "PIX Copia e Cola",
                "Status",
            ],
            ["id_fatura", "id_cliente", "vencimento", "valor", "linha_digitavel", "pix", "situacao"],
        ),
        (
            "contatos",
            ["ID Contato", "ID Cliente", "Nome do Contato", "WhatsApp", "Aceita SMS"],
            ["id_contato", "id_cliente", "nome", "telefone", "permite_sms"],
        ),
    ],
)
def test_usual_names_are_known(kind, header, fields):
    if fields is None:
        with pytest.raises(NotReadable, match="id_cliente"):
            propose(kind, [(1, header)])
        return
    assert propose(kind, [(1, header)]).fields == fields


def test_phones_on_lines_of_their_own_in_a_cell_are_several(load, rows, tmp_path):
    """Alt+Enter is how offices put two phones into one cell."""
    path = workbook(
        tmp_path / "duas_linhas.xlsx",
        ["id_cliente", "nome", "telefone_1"],
        [61, "ANA", "(11) 98888-7777\n11 3333-4444"],
        [62, "BIA", "11988887778\r\n11988887779\n"],
    )
    report = load("clientes", path)
    assert (report.stored, report.bad) == (2, [])
    found = rows("SELECT phone_1 FROM customers WHERE id IN (61, 62) ORDER BY id")
    read = [[phone.national for phone in read_registered(field)[0]] for (field,) in found]
    assert read == [["11988887777", "1133334444"], ["11988887778", "11988887779"]]


def test_a_connection_lost_half_way_leaves_whole_batches_and_the_next_run_completes_them(dsn, rows, tmp_path):
    path = tmp_path / "f.csv"
    lines = "".join(f"{n};CLIENTE {n}\n" for n in range(200_000, 230_000))
    path.write_text("id_cliente;nome\n" + lines)

    async def cut():
        connection = await asyncpg.connect(dsn)
        pid = connection.get_server_pid()

        def stop(done: int, total: int) -> None:
            if done > total / 2:  # it is gone before the import goes on
                assert rows("SELECT pg_terminate_backend($1, 30000)", pid) == [(True,)]

        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await import_file(connection, "clientes", path, Options(progress=stop))

    asyncio.run(cut())
    count = rows("SELECT count(*) FROM customers WHERE id >= 200000")[0][0]
    assert 0 < count < 30_000
    assert count % 5000 == 0

    async def again():
        connection = await asyncpg.connect(dsn)
        report = await import_file(connection, "clientes", path)
        await connection.close()
        return report

    assert asyncio.run(again()).stored == 30_000
    assert rows("SELECT count(*) FROM customers WHERE id >= 200000") == [(30_000,)]
    total = rows("SELECT sum(delta)::int FROM register_counts WHERE kind = 'customer'")
    assert total == rows("SELECT count(*)::int FROM customers")


def test_an_unchanged_row_is_not_written_again(dsn):
    async def work():
        connection = await asyncpg.connect(dsn)
        async with connection.transaction():
            row = {"id": 90, "name": "ANA", "services": [{"id": 1}]}
            await upsert_customers(connection, [row])
            before = await connection.fetchval("SELECT ctid::text FROM customers WHERE id = 90")
            await upsert_customers(connection, [row])
            assert await connection.fetchval("SELECT ctid::text FROM customers WHERE id = 90") == before
        await connection.close()

    asyncio.run(work())


def test_an_invoice_without_a_day_of_registration_is_of_the_installations_day(load, rows, tmp_path):
    for id_, name in ((961, "Etc/GMT+12"), (962, "Pacific/Kiritimati")):  # never the same day
        path = tmp_path / "dias.csv"
        path.write_text(f"id_cliente;nome\n{id_};DIA\n")
        load("clientes", path)
        path.write_text(f"id_fatura;id_cliente;valor;vencimento\n{id_};{id_};1,00;10/12/2026\n")
        load("faturas", path, zone=ZoneInfo(name))
        assert rows("SELECT registered_on FROM invoices WHERE id = $1", id_) == [
            (datetime.now(ZoneInfo(name)).date(),)
        ]


@pytest.mark.parametrize(
    ("lines", "stored"),
    [
        (("61;1;2030-01-10;99,90", "62;1;2030-01-10;129"), 1),
        (("61;1;2030-01-10;99,90", "62;1;2030-01-10;129,9"), 1),
        (("61;1;2030-01-10;99,90", "62;1;2030-01-10;129,90"), 2),
        (("61;1;2030-01-10;99,90", "62;1;2030-01-10;129", ""), 2),
        (("61;1;2030-01-10;99", "62;1;2030-01-10;129"), 2),
        (("61;1;2030-01-10;99",), 1),
    ],
)
def test_an_amount_at_the_end_of_a_file_that_was_cut_is_not_taken_for_a_whole_one(
    load, rows, tmp_path, lines, stored
):
    path = tmp_path / "faturas.csv"
    path.write_text("id_cliente;nome\n1;ANA\n")
    load("clientes", path)
    path.write_text("\n".join(["id_fatura;id_cliente;vencimento;valor", *lines]))
    assert load("faturas", path).stored == stored
    assert len(rows("DELETE FROM invoices WHERE id IN (61, 62) RETURNING id")) == stored


@pytest.mark.parametrize(
    ("content", "stored"),
    [
        ("61;1;99,90;2030-01-10;aberta\n62;1;129,90;2030-01-10", ["99.90"]),
        ("61;1;99,90;2030-01-10;aberta\n62;1;129,90;2030-01-10;", ["99.90", "129.90"]),
        ("61;1;99,90;2030-01-10\n62;1;129,90;2030-01-10", ["99.90", "129.90"]),  # all lines are as short
        ("61;1;99,90;2030-01-10;aberta\n62;1;129,90;2030-01-10\n", ["99.90", "129.90"]),
    ],
)
def test_a_file_that_was_cut_gives_no_half_line_as_a_whole_one(load, rows, tmp_path, content, stored):
    path = tmp_path / "faturas.csv"
    path.write_text("id_cliente;nome\n1;ANA\n")
    load("clientes", path)
    path.write_text(f"id_fatura;id_cliente;valor;vencimento;situacao\n{content}")
    report = load("faturas", path)
    found = rows("DELETE FROM invoices WHERE id IN (61, 62) RETURNING amount::text")
    assert [amount for (amount,) in found] == stored
    assert ["acaba no meio" in bad.reason for bad in report.bad] == [True] * (2 - len(stored))
