"""Files as other programs and spreadsheets leave them: read as meant, or refused in words that help."""

from __future__ import annotations

import io
import json

import pytest
from openpyxl import Workbook
from tests.support.program import command

CUSTOMERS = "id_cliente;nome;Celular;CPF\n"
LINE = "34191090086171395730871444640008400000000008990"
BARS = "34194000000000089901090061713957307144464000"
PIX = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-426655440000"
    "5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D"
)


@pytest.fixture(scope="module")
def dsn(new_database):
    return new_database()


@pytest.fixture
def load(dsn, tmp_path):
    def load(kind, content, *options):
        path = tmp_path / kind
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return command("importar", kind, path, *options, env={"DISPARO_DATABASE_URL": dsn})

    return load


def test_a_number_written_with_decimals_is_not_another_persons(load, rows):
    assert load("clientes", CUSTOMERS + "1;ANA;1198887777.0;12345678901.0\n").returncode == 0
    assert rows("SELECT phone_1, cpf_cnpj FROM customers WHERE id = 1") == [("1198887777", "12345678901")]


def test_a_phone_that_was_cut_leaves_the_one_that_is_known(load, rows):
    assert load("clientes", CUSTOMERS + "2;BIA;11988880002;\n").returncode == 0
    done = load("clientes", CUSTOMERS + "2;BIA;1,19889E+10;\n")
    assert "linha 2: Celular (telefone_1) foi cortado pela planilha" in done.stderr
    assert rows("SELECT phone_1 FROM customers WHERE id = 2") == [("11988880002",)]


@pytest.mark.parametrize("rounded", ["11988900000", "5511990000000", "+5511990000000"])
def test_a_phone_that_a_spreadsheet_rounded_is_no_strangers(load, rows, rounded):
    """What is saved of 1,19889E+10 is 11988900000 once it has been opened and saved again."""
    assert load("clientes", CUSTOMERS + "3;BIA;11988880002;\n").returncode == 0
    done = load("clientes", CUSTOMERS + f"3;BIA;{rounded};\n")
    assert "linha 2: Celular (telefone_1) acaba em cinco zeros" in done.stderr
    assert rows("SELECT phone_1 FROM customers WHERE id = 3") == [("11988880002",)]
    assert load("clientes", CUSTOMERS + "3;BIA;11 98890-0000;\n").returncode == 0


def test_what_is_marked_as_text_for_spreadsheets_is_read_without_the_mark(load, rows):
    lines = """3;CAIO;="11988880003";="01234567890"\n4;DORA;'11988880004;'01234567890\n5;'TÁ BOM LTDA;;\n"""
    assert load("clientes", CUSTOMERS + lines).returncode == 0
    assert rows("SELECT name, phone_1, cpf_cnpj FROM customers WHERE id BETWEEN 3 AND 5 ORDER BY id") == [
        ("CAIO", "11988880003", "01234567890"),
        ("DORA", "11988880004", "01234567890"),
        ("'TÁ BOM LTDA", None, None),
    ]
    invoice = """="501";="3";="1.234,56";="10/12/2026";="paga"\n"""
    assert load("faturas", "id_fatura;id_cliente;valor;vencimento;situacao\n" + invoice).returncode == 0
    assert rows("SELECT amount::text, status FROM invoices WHERE id = 501") == [("1234.56", "paid")]


def test_a_phone_copied_from_a_messenger_is_one(load, rows):
    assert load("clientes", CUSTOMERS + "6;EVA;\u202a+55 11 98888\u20110006\u202c;\n").returncode == 0
    assert rows("SELECT phone_1 FROM customers WHERE id = 6") == [("+55 11 98888-0006",)]


def invoices(*days, id_cliente=7, first=900):
    head = "id_fatura;id_cliente;valor;vencimento;situacao\n"
    return head + "".join(f"{first + at};{id_cliente};9,90;{day};aberta\n" for at, day in enumerate(days))


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (["12/5/2026", "12/15/2026"], "O vencimento da linha 3 está como mês/dia/ano."),
        (["2026-05-12", "12/15/2026 00:00"], "O vencimento da linha 3 está como mês/dia/ano."),
        (["2026-05-12 00:00:00", "15/12/2026"], "os dias até 12 são datas e os outros são textos"),
    ],
)
def test_due_dates_that_were_turned_round_are_refused_with_their_file(load, rows, days, said):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    done = load("faturas", invoices(*days))
    assert done.returncode == 1
    assert said in done.stderr
    assert rows("SELECT count(*) FROM invoices WHERE id BETWEEN 900 AND 910") == [(0,)]


@pytest.mark.parametrize(
    ("early", "late", "said"),
    [
        ("12/05/2026", "12/15/2026", "O vencimento da linha 6002 está como mês/dia/ano."),
        ("2026-05-12", "15/12/2026", "os dias até 12 são datas e os outros são textos"),
    ],
)
def test_a_file_that_shows_it_only_far_down_stores_nothing_before(load, rows, early, late, said):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    done = load("faturas", invoices(*[early] * 6000, late, first=20_000))
    assert done.returncode == 1
    assert said in done.stderr
    assert rows("SELECT count(*) FROM invoices WHERE id BETWEEN 20000 AND 26000") == [(0,)]


def test_a_file_that_shows_only_far_down_that_nothing_was_turned_round_is_read(load):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    done = load("faturas", invoices("12/15/2026", *["05/12/2026"] * 6000, "15/12/2026"), "--simular")
    assert "6001 linha(s) seria(m) gravada(s) (simulação), 1 com erro." in done.stdout


@pytest.mark.parametrize(
    "days",
    [
        ["05/12/2026", "15/12/2026", "2026-12-05"],
        ["2026-12-05", "2026-12-15", "15/12/2026"],
        ["05/12/2026", "06/12/2026"],
        ["2026-12-05", "05/12/2026", "15/12/2026"],
    ],
)
def test_due_dates_of_one_order_are_read_however_they_are_written(load, days):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    assert f"{len(days)} linha(s)" in load("faturas", invoices(*days), "--simular").stdout


def test_one_slip_among_days_that_are_plain_costs_its_own_line_alone(load):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    done = load("faturas", invoices("05/12/2026", "15/12/2026", "12/15/2026"), "--simular")
    assert "2 linha(s) seria(m) gravada(s) (simulação), 1 com erro." in done.stdout
    assert "linha 4: vencimento deve ser uma data" in done.stderr


@pytest.mark.parametrize(
    ("column", "is_said"), [("Quitação?", True), ("Dt. Pgto.", False), ("Status", False)]
)
def test_a_file_that_does_not_say_what_is_paid_is_told_so(load, column, is_said):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    head = f"id_fatura;id_cliente;valor;vencimento;{column}\n"
    done = load("faturas", head + "950;7;9,90;10/12/2026;\n", "--simular")
    assert done.returncode == 0
    assert ("Nenhuma coluna diz quais faturas estão pagas" in done.stderr) is is_said


def test_an_invoice_called_open_with_a_day_of_payment_is_not_taken_for_unpaid(load, rows):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    head = "id_fatura;id_cliente;valor;vencimento;Status;Dt. Pgto.\n"
    lines = "961;7;9,90;10/12/2026;Vencida;03/11/2026\n962;7;9,90;10/12/2026;Cancelada;03/11/2026\n"
    done = load("faturas", head + lines + "963;7;9,90;10/12/2026;Vencida;00/00/0000\n")
    assert "linha 2: Status (situacao) diz que a fatura está aberta, e pago_em que foi paga" in done.stderr
    assert rows("SELECT id, status FROM invoices WHERE id BETWEEN 961 AND 963 ORDER BY id") == [
        (962, "cancelled"),
        (963, "open"),
    ]


def test_an_amount_paid_in_full_is_not_asked_for(load, rows):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    head = "id_fatura;id_cliente;valor;vencimento;situacao;valor_pago\n"
    lines = ["9,90;10/12/2026;Vencida;9,90", "9,90;10/12/2026;;12,00", "9,90;10/12/2026;;5,00"]
    lines += ["9,90;10/12/2026;aberta;5,00", "0,00;10/12/2026;aberta;0,00", "9,90;10/12/2026;cancelada;9,90"]
    done = load("faturas", head + "".join(f"{9640 + at};7;{line}\n" for at, line in enumerate(lines)))
    assert "linha 2: situacao diz que a fatura está aberta, e valor_pago que foi paga" in done.stderr
    assert [
        status
        for _, status in rows("SELECT id, status FROM invoices WHERE id BETWEEN 9640 AND 9645 ORDER BY id")
    ] == [
        "paid",
        "open",
        "open",
        "open",
        "cancelled",
    ]
    paid = "id_fatura;id_cliente;valor;vencimento;valor_pago\n9642;7;9,90;10/12/2026;9,90\n"
    assert load("faturas", paid).returncode == 0
    assert rows("SELECT status, paid_amount::text FROM invoices WHERE id = 9642") == [("paid", "9.90")]


def test_an_amount_whose_cents_a_comma_has_cut_off_is_not_asked_for(load, rows):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    head = "id_fatura,id_cliente,vencimento,valor,obs\n"
    whole = '9603,7,10/12/2026,"99,90",\n9604,7,10/12/2026,100,\n9605,7,10/12/2026,100,quarta\n'
    done = load("faturas", head + "9601,7,10/12/2026,99,90,\n9602,7,10/12/2026,99,90\n" + whole)
    assert "linha 2: há mais campos que colunas" in done.stderr
    assert "linha 3: valor pode ter perdido os centavos para a coluna seguinte" in done.stderr
    assert rows("SELECT id, amount::text FROM invoices WHERE id BETWEEN 9601 AND 9605 ORDER BY id") == [
        (9603, "99.90"),
        (9604, "100.00"),
        (9605, "100.00"),
    ]


def test_a_cell_of_several_lines_is_text_on_one(load, rows):
    head = "id_cliente;nome;endereco;complemento\n"
    load("clientes", head + '11;"JOSÉ\r\nDA SILVA";"RUA A, 10 \n";"CASA 2\n\n FUNDOS"\n')
    found = rows("SELECT name, addresses -> 'registered' FROM customers WHERE id = 11")
    assert [(name, json.loads(address)) for name, address in found] == [
        ("JOSÉ DA SILVA", {"street": "RUA A, 10", "complement": "CASA 2 FUNDOS"})
    ]
    load("contatos", 'id_contato;id_cliente;nome;telefone\n11;11;"MÃE\nANA";11988880001\n')
    assert rows("SELECT name FROM contacts WHERE id = 11") == [("MÃE ANA",)]


def test_an_open_quote_takes_no_line_along_that_has_a_fault_of_its_own(load, rows):
    head = "id_cliente;nome;endereco;complemento\n"
    done = load("clientes", head + '12;"ABERTA;;\n13;;RUA B;\n14;;RUA C;"\n')
    assert "linha 2: há aspas sem par" in done.stderr
    assert rows("SELECT id FROM customers WHERE id BETWEEN 12 AND 14") == []


def test_what_is_no_pix_code_does_not_go_to_a_customer(load, rows):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    lines = "".join(f"{971 + at};7;9,90;10/12/2026;;{pix}\n" for at, pix in enumerate(["Sim", "-", PIX, ""]))
    done = load("faturas", "id_fatura;id_cliente;valor;vencimento;Status;Pix\n" + lines)
    assert "linha 2: pix não é um Pix copia e cola inteiro" in done.stderr
    assert rows("SELECT id, pix FROM invoices WHERE id BETWEEN 971 AND 974 ORDER BY id") == [
        (972, None),  # a dash is how some write that there is none
        (973, PIX),
        (974, None),
    ]


def amounts(*texts, first=980):
    head = "id_fatura;id_cliente;valor;vencimento;situacao\n"
    return head + "".join(f"{first + at};7;{text};15/12/2026;aberta\n" for at, text in enumerate(texts))


@pytest.mark.parametrize(
    "texts",
    [
        ["67.425", "89.9", "1234.50"],  # what a program did not round
        ["89.900", "129.900"],  # three decimals throughout
        ["1.234", "1234.500"],
        ["100", "67.425"],
        ["1,500", "1,234.56"],  # of a spreadsheet in English
        ["1,500", "100"],
    ],
)
def test_three_decimals_are_not_taken_for_thousands(load, rows, texts):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    done = load("faturas", amounts(*texts))
    unsure = [
        at for at, text in enumerate(texts, 2) if text in ("67.425", "89.900", "129.900", "1.234", "1,500")
    ]
    for line in unsure:
        assert f"linha {line}: valor pode ser de milhares ou ter três decimais" in done.stderr
    assert f"{len(texts) - len(unsure)} linha(s) gravada(s), {len(unsure)} com erro." in done.stdout
    assert rows("SELECT id FROM invoices WHERE id BETWEEN 980 AND 989 AND amount > 2000") == []


def test_thousands_beside_amounts_with_a_comma_are_thousands(load, rows):
    load("clientes", CUSTOMERS + "7;GIL;;\n")
    assert load("faturas", amounts("R$ 1.234", "89,90", "1.234.567", first=990)).returncode == 0
    assert rows("SELECT amount::text FROM invoices WHERE id BETWEEN 990 AND 992 ORDER BY id") == [
        ("1234.00",),
        ("89.90",),
        ("1234567.00",),
    ]


def test_the_error_of_a_formula_is_no_name_and_no_phone(load, rows):
    assert load("clientes", CUSTOMERS + "8;HUGO;11988880008;\n").returncode == 0
    done = load("clientes", CUSTOMERS + "8;HUGO;#N/D;\n9;#REF!;;\n10;#1 LANCHES;;\n")
    assert "linha 2: Celular (telefone_1) traz o erro de uma fórmula da planilha" in done.stderr
    assert "linha 3: nome traz o erro de uma fórmula da planilha" in done.stderr
    assert rows("SELECT name, phone_1 FROM customers WHERE id IN (8, 9, 10) ORDER BY id") == [
        ("HUGO", "11988880008"),
        ("#1 LANCHES", None),
    ]


def test_the_bars_of_a_boleto_are_stored_as_the_line_that_people_type(load, rows):
    assert load("clientes", CUSTOMERS + "8;LIA;11988880008;\n").returncode == 0
    head = "Nº da Fatura;Cod_Cliente;valor;vencimento;Código de Barras\n"
    assert load("faturas", head + f"950;8;89,90;10/12/2026;{BARS}\n").returncode == 0
    assert rows("SELECT linha_digitavel FROM invoices WHERE id = 950") == [(LINE,)]
    wrong = load("faturas", head + f"951;8;89,90;10/12/2026;{BARS[:-1]}9\n")
    assert "(linha_digitavel) não confere: dígito verificador ou tamanho errado" in wrong.stderr


def test_a_long_id_that_a_spreadsheet_rounded_is_nobodys_and_a_day_0_is_none(load, rows):
    book, file = Workbook(), io.BytesIO()
    for number in (1.2345678901234501e17, 1234567890123450.0, 1234567890123450, "1234567890123450"):
        book.active.append([number, "ANA", 0])
    book.active.append([123456789012345.0, "BIA", "30/12/1899"])
    book.active.append([1234567890123457, "CAIO", None])
    book.active.insert_rows(1)
    for place, name in enumerate(("id_cliente", "nome", "data_nascimento"), 1):
        book.active.cell(1, place, name)
    book.active["C5"].number_format = "dd/mm/yyyy"
    book.save(file)
    done = load("clientes", file.getvalue())
    assert "3 linha(s) gravada(s), 3 com erro." in done.stdout
    for line in (2, 3, 4):
        assert f"linha {line}: id_cliente deve ser um número inteiro maior que 0" in done.stderr
    assert rows("SELECT id, birth_date FROM customers WHERE id > 100000000000000 ORDER BY id") == [
        (123456789012345, None),
        (1234567890123450, None),
        (1234567890123457, None),
    ]
