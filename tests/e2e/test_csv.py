"""`disparo importar`: the good lines are stored, the bad ones named."""

from __future__ import annotations

import pytest
from tests.support.program import command

CUSTOMERS = "id_cliente;nome;uf;telefone_1;permite_sms_1;telefone_2\n"
INVOICES = "id_fatura;id_cliente;valor;vencimento;situacao;link;linha_digitavel\n"


@pytest.fixture(scope="module")
def dsn(new_database):
    return new_database()


@pytest.fixture
def load(dsn, tmp_path):
    def load(kind, content, *, encoding="utf-8"):
        path = tmp_path / f"{kind}.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return command("importar", kind, path, env={"DISPARO_DATABASE_URL": dsn})

    return load


def test_good_lines_are_stored_and_bad_ones_named(load, rows):
    done = load(
        "clientes",
        CUSTOMERS
        + "1;ANA;SP;11988880001;sim;\nx;BIA;SP;;;\n2;;SP;;;\n3;CAIO;XX;;;\n4;DORA;RJ;;nao;21988880004\n",
    )
    assert done.returncode == 1
    assert "2 linha(s) gravada(s), 3 com erro." in done.stdout
    assert "linha 3: id_cliente deve ser um número inteiro maior que 0" in done.stderr
    assert "linha 4: nome está vazio" in done.stderr
    assert "linha 5: uf não é uma UF" in done.stderr
    assert rows(
        "SELECT id, name, phone_1, phone_1_allowed, phone_2 FROM customers WHERE id < 10 ORDER BY id"
    ) == [
        (1, "ANA", "11988880001", True, None),
        (4, "DORA", None, False, "21988880004"),
    ]


def test_what_is_no_phone_is_stored_and_the_lines_are_named(load):
    lines = (
        "21;ANA;SP;1198888;;11988880001\n22;BIA;SP;11988880002;;tem não\n23;CAIO;SP;1133334444;;\n;X;SP;9;;\n"
    )
    done = load("clientes", CUSTOMERS + lines)
    assert "2 linhas (2, 3) têm no telefone o que não é um número do Brasil, ou um que só" in done.stderr
    many = "".join(f"{n};ANA;SP;{n};;\n" for n in range(21, 36))
    assert (
        "15 linhas (2, 3, 4, 5, 6, 7, 8, 9, 10, 11 e outras) têm" in load("clientes", CUSTOMERS + many).stderr
    )
    for no_phone in ("recado", "(11) 99999-9999"):
        one = f"id_contato;id_cliente;telefone\n7;21;{no_phone}\n"
        assert "A linha 2 tem no telefone" in load("contatos", one).stderr


def test_a_contact_whose_mobile_is_empty_has_its_other_phone(load, rows):
    load("clientes", CUSTOMERS + "61;ANA;SP;;;\n")
    done = load(
        "contatos",
        "id_contato;id_cliente;nome;Telefone;Celular\n"
        "61;61;BIA;11988880061;\n62;61;CAIO;1133334444;11988880062\n63;61;DORA; ;-\n64;61;EVA;5,51199E+12;\n",
    )
    assert rows("SELECT id, phone FROM contacts WHERE customer_id = 61 ORDER BY id") == [
        (61, "11988880061"),
        (62, "11988880062"),
    ]
    assert "linha 4: Celular (telefone) está vazio" in done.stderr
    assert "linha 5: Telefone (telefone_2) foi cortado" in done.stderr


def test_names_whose_accents_a_spreadsheet_spoiled_are_told_of(load):
    names = ("JOSÉ", "Antônio", "MARIA", "JOÃO", "AMANHÃ LTDA", "José")
    spoiled = [name.encode().decode("latin-1") for name in names[:2]] + ["JosÃ‰", *names[2:]]
    lines = "".join(f"{n};{name};SP;;;\n" for n, name in enumerate(spoiled, 9041))
    told = "3 linhas (2, 3, 4) trazem nomes com os acentos trocados"
    assert told in load("clientes", CUSTOMERS + lines).stderr
    assert (
        "acentos trocados" not in load("clientes", CUSTOMERS + "9041;JOSÉ;SP;;;\n", encoding="cp1252").stderr
    )
    one = "id_contato;id_cliente;nome;telefone\n8;9041;MÃ£e;11988880001\n"
    assert "A linha 2 traz um nome com os acentos trocados" in load("contatos", one).stderr


def test_a_second_import_updates_and_the_last_line_of_an_id_counts(load, rows):
    assert load("clientes", CUSTOMERS + "11;UM;SP;;;\n11;DOIS;SP;;;\n").returncode == 0
    assert load("clientes", CUSTOMERS + "11;TRES;MG;;;\n").returncode == 0
    assert rows("SELECT name, uf FROM customers WHERE id = 11") == [("TRES", "MG")]


def test_a_customers_permission_speaks_of_all_their_phones(load, rows):
    header = "id_cliente;nome;telefone_1;telefone_2;permite_sms_2;telefone_3;permite_sms\n"
    lines = "12;NUNCA;11988880001;11988880002;;11988880003;nao\n13;UM;11988880001;11988880002;sim;;não\n"
    assert load("clientes", header + lines).returncode == 0
    flags = "phone_1_allowed, phone_2_allowed, phone_3_allowed"
    assert rows(f"SELECT {flags} FROM customers WHERE id IN (12, 13) ORDER BY id") == [
        (False, False, False),
        (False, True, False),
    ]


def test_a_phone_whose_column_the_file_lacks_stays_and_is_told_one_whose_column_is_empty_goes(load, rows):
    phones = "SELECT phone_1, phone_2, phone_3 FROM customers WHERE id BETWEEN 14 AND 16 ORDER BY id"
    header = "id_cliente;nome;telefone_1;telefone_2;telefone_3\n"
    load(
        "clientes",
        header
        + "14;DOIS;11988880001;(11) 98888-0002;\n15;MUDOU;11988880003;11988880004;\n"
        + "16;MESMO;11988880005;11988880006;11988880007\n",
    )
    # A single `Celular` is taken for the first phone: what was the second is not another one.
    fewer = "14;DOIS;11988880001\n15;MUDOU;11988880004\n16;MESMO;11988880006\n"
    done = load("clientes", "id_cliente;nome;Celular\n" + fewer)
    assert done.returncode == 0
    assert (
        "O que o arquivo não traz fica no cadastro e continua valendo: outro telefone em telefone_2 (1 cliente) "
        "e em telefone_3 (1 cliente). Para tirá-lo, acrescente ao arquivo a coluna, vazia." in done.stderr
    )
    assert rows(phones) == [
        ("11988880001", "(11) 98888-0002", None),
        ("11988880004", "11988880004", None),
        ("11988880006", "11988880006", "11988880007"),
    ]
    assert "outro telefone" not in load("clientes", "id_cliente;nome;uf\n14;DOIS;SP\n").stderr
    emptied = load("clientes", "id_cliente;nome;Celular;telefone_2;telefone_3\n" + fewer)
    assert (emptied.returncode, emptied.stderr) == (0, "")
    assert rows(phones) == [
        ("11988880001", None, None),
        ("11988880004", None, None),
        ("11988880006", None, None),
    ]


def test_invoices_in_windows_1252_with_commas_bom_or_iso(load, rows):
    load("clientes", "\ufeff" + CUSTOMERS + "20;JOÃO;SP;;;\n")
    assert load("clientes", CUSTOMERS + "21;CONCEIÇÃO;SP;;;\n", encoding="cp1252").returncode == 0
    assert rows("SELECT name FROM customers WHERE id IN (20, 21) ORDER BY id") == [("JOÃO",), ("CONCEIÇÃO",)]
    assert (
        load("faturas", INVOICES + "501;20;1.234,56;05/12/2026;aberta;https://f.example/1;\n").returncode == 0
    )
    comma = INVOICES.replace(";", ",") + '502,20,"1,234.56",2026-12-05,paga,,\n'
    assert load("faturas", comma).returncode == 0
    assert rows(
        "SELECT amount::text, due_date::text, status FROM invoices WHERE id IN (501, 502) ORDER BY id"
    ) == [
        ("1234.56", "2026-12-05", "open"),
        ("1234.56", "2026-12-05", "paid"),
    ]


def test_an_invoice_of_nobody_and_a_wrong_code_are_named(load, rows):
    done = load(
        "faturas", INVOICES + "601;999999;1,00;05/12/2026;;;\n602;1;1,00;05/12/2026;;;123\n603;1;1,00;;;;\n"
    )
    assert done.returncode == 1
    assert "linha 2: id_cliente não existe: importe os clientes antes" in done.stderr
    assert "linha 3: linha_digitavel não confere" in done.stderr
    assert "linha 4: vencimento está vazio" in done.stderr
    assert rows("SELECT count(*) FROM invoices WHERE id BETWEEN 601 AND 603") == [(0,)]


def test_a_file_of_payments_alone_pays_and_reopens_but_what_is_cancelled_stays_so(load, rows):
    load("clientes", CUSTOMERS + "1;ANA;SP;11988880001;;\n")
    lines = (
        "301;1;9,90;01/02/2030;cancelada;;\n302;1;9,90;01/02/2030;paga;;\n303;1;9,90;01/02/2030;aberta;;\n"
    )
    load("faturas", INVOICES + lines)
    head = "id_fatura;id_cliente;valor;vencimento;pago_em\n"
    load(
        "faturas",
        head
        + "".join(
            f"{id_};1;9,90;01/02/2030;{paid}\n"
            for id_, paid in [(301, ""), (302, ""), (303, "02/02/2030"), (304, "")]
        ),
    )
    query = "SELECT id, status FROM invoices WHERE id BETWEEN 301 AND 304 ORDER BY id"
    assert rows(query) == [(301, "cancelled"), (302, "open"), (303, "paid"), (304, "open")]
    load("faturas", INVOICES + "".join(f"{id_};1;9,90;01/02/2030;;;\n" for id_ in range(301, 305)))
    assert rows(query) == [(301, "cancelled"), (302, "open"), (303, "open"), (304, "open")]


def test_an_invoice_that_is_open_again_was_paid_on_no_day(load, rows):
    load("clientes", CUSTOMERS + "1;ANA;SP;;;\n")
    head = "id_fatura;id_cliente;valor;vencimento;situacao"
    load("faturas", f"{head};pago_em\n95;1;10,00;2026-01-05;paga;2026-01-04\n")
    assert load("faturas", f"{head}\n95;1;10,00;2026-01-05;aberta\n").returncode == 0
    assert rows("SELECT status, paid_at FROM invoices WHERE id = 95") == [("open", None)]


def test_contacts(load, rows):
    load("clientes", CUSTOMERS + "30;EVA;SP;;;\n")
    assert (
        load(
            "contatos", "id_contato;id_cliente;nome;telefone;permite_sms\n7;30;LUCA;11988880007;sim\n"
        ).returncode
        == 0
    )
    assert rows("SELECT name, sms_allowed FROM contacts WHERE id = 7") == [("LUCA", True)]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "vazio"),
        (b"a;b\n1;2\n", "Falta"),
        (b'id_cliente;nome\n1;"' + b"x" * 20_000, "CSV"),
        (b"id_cliente;nome;nome\n1;a;b\n", "mais de uma vez"),
        (b"\x00\x01\x02", "Falta"),
    ],
)
def test_files_that_are_none(load, content, says):
    done = load("clientes", content)
    assert done.returncode == 1
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_lines_of_separators_alone_are_empty_ones(load):
    done = load("clientes", CUSTOMERS + "43;BOA;SP;;;\n;;;;;\n ; ;;;;\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 linha(s) gravada(s), 0 com erro." in done.stdout


def test_an_open_quote_takes_no_line_along_in_silence(load, rows):
    header = "id_cliente;nome;observacao\n"
    told = '45;BOA;"um; dois\ntrês; quatro"\n'
    done = load("clientes", header + told + '46;ABERTA;"vip\n47;LEVADA;\n48;LEVADA;\n')
    assert done.returncode == 1
    assert "há aspas sem par" in done.stderr
    assert rows("SELECT id FROM customers WHERE id BETWEEN 45 AND 48") == [(45,)]


def test_nul_bytes_and_too_many_fields_are_bad_lines(load):
    done = load("clientes", CUSTOMERS + "40;A\0B;SP;;;\n41;OK;SP;;;;;;extra\n42;BOA;SP;;;\n")
    assert "1 linha(s) gravada(s), 2 com erro." in done.stdout


def test_fifty_thousand_lines_stream_through(load, rows):
    lines = "".join(f"{number};CLIENTE {number};SP;11988880001;;\n" for number in range(100_000, 150_000))
    assert load("clientes", CUSTOMERS + lines).returncode == 0
    assert rows("SELECT count(*) FROM customers WHERE id >= 100000") == [(50_000,)]


def test_numbers_that_a_program_wrote_with_decimals_are_whole_ones(load, rows):
    done = load(
        "clientes",
        "id_cliente;codigo_cliente;nome;telefone_1;cpf_cnpj\n"
        "936.0;7,00;ANA;37999931412,00;1234567890,00\n"
        "937,0;8;BIA;37999931413.00;12345678901234.0\n938.5;;CAIO;;\n",
    )
    assert "linha 4: id_cliente deve ser um número inteiro maior que 0" in done.stderr
    assert "2 linha(s) gravada(s), 1 com erro." in done.stdout
    assert "não é um número do Brasil" not in done.stderr
    assert rows("SELECT code, phone_1, cpf_cnpj FROM customers WHERE id IN (936, 937) ORDER BY id") == [
        (7, "37999931412", "01234567890"),
        (8, "37999931413", "12345678901234"),
    ]


def test_a_field_may_hold_more_phones_than_three(load, rows):
    phones = " / ".join(f"(37) 99993-{last}" for last in range(1412, 1418))
    done = load("clientes", f"id_cliente;nome;telefone_1\n939;ANA;{phones}\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert rows("SELECT phone_1 FROM customers WHERE id = 939") == [(phones,)]


def test_a_date_that_is_shown_as_a_number_is_told(load):
    header = "id_fatura;id_cliente;valor;vencimento\n"
    done = load("faturas", header + "9411;941;10,00;46357\n")
    assert "linha 2: vencimento é o número de uma data: formate a coluna como data na planilha" in done.stderr


def test_a_dash_is_an_empty_field_and_no_reason_to_refuse_a_line(load, rows):
    header = "id_cliente;nome;telefone_1;telefone_2;email;uf\n"
    load("clientes", header + "942;ANA;37999931412;37999931413;a@x.example;MG\n")
    assert load("clientes", header + "942;ANA;37999931412;-; - ;—\n").stderr == ""
    assert rows("SELECT phone_1, phone_2, email_1, uf FROM customers WHERE id = 942") == [
        ("37999931412", None, None, None)
    ]
    header = "id_cliente;nome;telefone_1;permite_sms;endereco;complemento\n"
    assert load("clientes", header + "943;ANA;37999931412;nao;RUA A;AP 1\n").stderr == ""
    assert load("clientes", header + "943;ANA;37999931412;-;RUA B;—\n").stderr == ""
    query = "SELECT phone_1_allowed, addresses -> 'registered' ->> 'complement' FROM customers WHERE id = 943"
    assert rows(query) == [(False, None)]
    numbered = "id_fatura;id_cliente;valor;vencimento;situacao;nosso_numero\n9430;942;10,00;05/12/2026;;-\n"
    assert load("faturas", numbered).stderr == ""
    assert rows("SELECT details ->> 'our_number' FROM invoices WHERE id = 9430") == [(None,)]
    header = "id_fatura;id_cliente;valor;vencimento;situacao;pago_em;valor_pago;link;linha_digitavel;pix\n"
    done = load(
        "faturas", header + "9420;942;10,00;05/12/2026;aberta;-; R$ -   ;-;--;–\n9421;942;-;-;;;;;;\n"
    )
    assert "1 linha(s) gravada(s), 1 com erro." in done.stdout, done.stderr
    assert "linha 3: valor deve ser um valor" in done.stderr
    query = "SELECT status, paid_amount, link, linha_digitavel, pix FROM invoices WHERE id = 9420"
    assert rows(query) == [("open", None, None, None, None)]


def test_lines_of_which_only_the_last_counts_are_told(load, rows):
    customers = load("clientes", CUSTOMERS + "940;ANA;SP;11988880009;sim;\n940;ANA;SP;11988880001;sim;\n")
    assert "só entram os telefones da última" in customers.stderr
    assert "parcelas" not in customers.stderr
    header, line = "id_fatura;id_cliente;valor;vencimento\n", ";940;10,00;05/12/2026\n"
    twice = load("faturas", header + f"9400{line}9401{line}9400;940;25,00;05/12/2026\n")
    assert (
        "A linha 4 traz um id que já veio antes neste arquivo: de cada um vale só a última. Se são parcelas"
        in twice.stderr
    )
    assert rows("SELECT amount::int FROM invoices WHERE id IN (9400, 9401) ORDER BY id") == [(25,), (10,)]
    once = "".join(f"{number}{line}" for number in range(10_000, 16_000))
    apart = load("faturas", header + once + once)
    assert "6000 linhas (6002, 6003, 6004, 6005, 6006, 6007, 6008, 6009, 6010, 6011 e outras)" in apart.stderr
    assert "um id que já veio" not in load("faturas", header + once).stderr


def test_no_terminal_obeys_what_stands_in_a_files_header(load):
    header = CUSTOMERS.replace("\n", ";\x1b[2Jobs\x9b31m\n")
    shown = load("clientes", f"{header}9099;ANA;SP;;;;x\n")
    assert shown.returncode == 0
    assert "colunas ignoradas: \ufffd[2Jobs\ufffd31m" in shown.stdout
    assert "\x1b" not in shown.stdout + shown.stderr
