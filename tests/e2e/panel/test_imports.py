"""A file at the panel: looked over, columns and faults, and only then stored."""

from __future__ import annotations

import io
import json
import re
import zipfile
from html import unescape

import openpyxl
import pytest
from tests.support.visitor import text, visitor

CUSTOMERS = "id_cliente;Nome;Celular\r\n81001;JOÃO DA SILVA;37999931412\r\n81002;;37999931413\r\n81003;ANA;37999931414\r\n"


@pytest.fixture(scope="module")
def person(house):
    return visitor(house, ("register", "admin"))


def send(person, content, kind="clientes", name="clientes.csv", path="/painel/importar"):
    raw = content if isinstance(content, bytes) else content.encode("cp1252")
    head = "".join(
        f'--X\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
        for field, value in (("csrf", person.csrf), ("tipo", kind))
    )
    file = f'--X\r\nContent-Disposition: form-data; name="arquivo"; filename="{name}"\r\n\r\n'
    body = (head + file).encode() + raw + b"\r\n--X--\r\n"
    return person.call("POST", path, body, headers={"Content-Type": "multipart/form-data; boundary=X"})


def upload_of(page):
    return re.search(r'name="envio" value="([^"]+)"', page.raw.decode())[1]


def columns_of(page):
    """Give each column's name and the field it would be taken for."""
    rows = re.findall(
        r'<td class="mono"[^>]*>(.*?)</td>.*?<select.*?>(.*?)</select>', page.raw.decode(), re.DOTALL
    )
    chosen = (re.search(r'value="([^"]*)" selected', options) for _, options in rows)
    return [
        (unescape(name), found[1] if found else "") for (name, _), found in zip(rows, chosen, strict=True)
    ]


def count(house, first, last):
    return house.value("SELECT count(*) FROM customers WHERE id BETWEEN $1 AND $2", first, last)


def test_looking_over_stores_nothing_and_says_how_each_column_is_taken(house, person):
    page = send(person, CUSTOMERS)
    assert page.status == 200
    assert columns_of(page) == [("id_cliente", "id_cliente"), ("Nome", "nome"), ("Celular", "telefone_1")]
    said = text(page)
    assert "Linhas boas 2" in said
    assert "linha 3: nome está vazio" in said
    assert "Nada foi gravado ainda." in said
    assert "número do Brasil" not in said
    assert count(house, 81001, 81003) == 0
    wrong = send(person, CUSTOMERS.replace("37999931414", "999"))
    assert "A linha 4 tem no telefone o que não é um número do Brasil, ou um que só repete o mesmo" in text(
        wrong
    )


def test_good_lines_are_stored_once_and_bad_ones_are_given_back_with_their_reasons(house, person):
    upload = upload_of(send(person, CUSTOMERS))
    for _ in range(2):  # a double click
        page = person.post(
            "/painel/importar/gravar", envio=upload, coluna=["id_cliente", "nome", "telefone_1"]
        )
        assert page.status == 200
        assert "2 linhas gravadas de clientes.csv. 1 linha ficou de fora" in text(page)
    names = house.fetch("SELECT name FROM customers WHERE id BETWEEN 81001 AND 81003 ORDER BY id")
    assert [row["name"] for row in names] == ["JOÃO DA SILVA", "ANA"]
    refused = person.post(
        "/painel/importar/recusadas", envio=upload, coluna=["id_cliente", "nome", "telefone_1"]
    )
    assert refused.headers["content-disposition"] == 'attachment; filename="clientes-recusadas.csv"'
    assert refused.raw.decode("utf-8-sig").splitlines() == [
        "id_cliente;Nome;Celular;linha;motivo",
        "81002;;37999931413;3;nome está vazio",
    ]
    kept = house.value("SELECT detail FROM audit_log WHERE action = 'imported' ORDER BY id DESC LIMIT 1")
    assert json.loads(kept) == {"kind": "clientes", "stored": 2, "refused": 1}
    said = "importou um arquivo o que: clientes, gravadas: 2, com erro: 1"
    for page in ("/painel/auditoria", "/painel/auditoria.csv"):
        assert said in text(person.get(page)).replace(";", " "), page


def test_a_person_says_what_a_column_is_and_which_is_not_wanted(house, person):
    page = send(person, "Registro;Nome;Celular\r\n81011;ANA;37999931414\r\n")
    assert "Não achei no arquivo esta coluna: id_cliente." in text(page)
    assert columns_of(page) == [("Registro", ""), ("Nome", "nome"), ("Celular", "telefone_1")]
    upload, chosen = upload_of(page), ["id_cliente", "nome", ""]
    page = person.post("/painel/importar", envio=upload, coluna=chosen)
    assert columns_of(page) == [("Registro", "id_cliente"), ("Nome", "nome"), ("Celular", "")]
    assert person.post("/painel/importar/gravar", envio=upload, coluna=chosen).status == 200
    row = house.fetch("SELECT name, phone_1 FROM customers WHERE id = 81011")[0]
    assert (row["name"], row["phone_1"]) == ("ANA", None)


def test_a_workbook_and_invoices_of_customers_that_are_not_there(house, person):
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["id_fatura", "id_cliente", "valor", "vencimento"])
    book.active.append([81021, 12025, 99.9, "2026-12-10"])
    book.active.append([81022, 89999, 99.9, "2026-12-10"])
    book.save(file)
    page = send(person, file.getvalue(), "faturas", "faturas.xlsx")
    assert "linha 3: id_cliente não existe: importe os clientes antes" in text(page)
    chosen = [field for _, field in columns_of(page)]
    person.post("/painel/importar/gravar", envio=upload_of(page), coluna=chosen)
    amounts = house.fetch("SELECT id, amount::text FROM invoices WHERE id BETWEEN 81021 AND 81022")
    assert [(row["id"], row["amount"]) for row in amounts] == [(81021, "99.90")]


def zipped(*names):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "application/vnd.oasis.opendocument.spreadsheet")
    return file.getvalue()


def workbook(*rows):
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def test_of_a_workbook_no_columns_are_shown_that_it_does_not_have(house, person):
    page = send(person, workbook(["CLIENTES"], [], ["id_cliente", "nome"], [81031, "ANA", None, "obs"]))
    assert columns_of(page) == [
        ("id_cliente", "id_cliente"),
        ("nome", "nome"),
        ("(sem nome)", ""),
        ("(sem nome)", ""),
    ]
    page = send(person, workbook(["id_cliente", "nome"], [81031, ""]))
    assert columns_of(page) == [("id_cliente", "id_cliente"), ("nome", "nome")]
    refused = person.post("/painel/importar/recusadas", envio=upload_of(page), coluna=["id_cliente", "nome"])
    assert refused.raw.decode("utf-8-sig").splitlines()[0] == "id_cliente;nome;linha;motivo"


def test_of_columns_with_one_name_or_none_a_person_says_which_is_meant(house, person):
    page = send(person, "id_cliente;Nome;Nome;;\r\n81041;VENDEDOR;ANA;37999931441;X\r\n")
    assert "A coluna Nome aparece mais de uma vez." in text(page)
    assert [field for _, field in columns_of(page)] == ["id_cliente", "nome", "nome", "", ""]
    upload, chosen = upload_of(page), ["id_cliente", "", "nome", "telefone_1", ""]
    page = person.post("/painel/importar", envio=upload, coluna=chosen)
    assert (page.status, "Linhas boas 1" in text(page)) == (200, True)
    assert [field for _, field in columns_of(page)] == chosen
    assert person.post("/painel/importar/gravar", envio=upload, coluna=chosen).status == 200
    row = house.fetch("SELECT name, phone_1 FROM customers WHERE id = 81041")[0]
    assert (row["name"], row["phone_1"]) == ("ANA", "37999931441")


@pytest.mark.parametrize(
    ("content", "kind", "answer"),
    [
        (b"", "clientes", (422, "O arquivo está vazio.")),
        (b"\xd0\xcf\x11\xe0 antigo", "clientes", (422, "salve-o como .xlsx ou .csv")),
        (b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"), "clientes", (422, "tem senha")),
        (b"PK\x03\x04 nada", "clientes", (422, "não")),
        (zipped("content.xml", "mimetype"), "clientes", (422, "é um .ods: salve-o como .xlsx ou .csv")),
        (zipped("clientes.csv"), "clientes", (422, "é um .zip: descompacte-o")),
        (b"%PDF-1.7\n%\xe2\xe3", "clientes", (422, "é um PDF: exporte os dados como .xlsx ou .csv")),
        (
            b"\xef\xbb\xbf\n<HTML><table><tr><td>id_cliente",
            "clientes",
            (422, "abra-a num programa de planilhas"),
        ),
        (b'<?xml version="1.0"?><Workbook>', "clientes", (422, "abra-a num programa de planilhas")),
        (CUSTOMERS, "boletos", (422, "Diga o que está no arquivo")),
        (
            b"\x89PNG\r\n\x1a\n\0\0\0",
            "clientes",
            (200, "Não achei no arquivo estas colunas: id_cliente, nome."),
        ),
    ],
)
def test_what_cannot_be_imported_is_said_in_words(house, person, content, kind, answer):
    page = send(person, content, kind)
    status, says = answer
    assert (page.status, says in text(page)) == (status, True)


def test_a_file_is_its_owners_and_no_other_form_finds_it(house, person):
    upload = upload_of(send(person, CUSTOMERS))
    page = visitor(house, ("register",)).post("/painel/importar/gravar", envio=upload)
    assert (page.status, "O arquivo conferido não está mais aqui" in text(page)) == (422, True)
    for wrong in ("", "nada", "00000000-0000-4000-8000-000000000000"):
        assert person.post("/painel/importar/gravar", envio=wrong).status == 422
    assert person.post("/painel/importar").status == 422
    large = send(person, b"a" * 17_000_000)
    assert large.status == 413


def test_a_file_of_invoices_that_does_not_say_what_is_paid_is_told_so_before_it_is_stored(house, person):
    said = "Nenhuma coluna diz quais faturas estão pagas"
    lines = "id_fatura;id_cliente;valor;vencimento;Quitação?\r\n81061;12025;9,90;10/12/2026;03/11/2026\r\n"
    page = send(person, lines, "faturas")
    assert said in text(page)
    chosen = ["id_fatura", "id_cliente", "valor", "vencimento", "pago_em"]
    upload = upload_of(page)
    assert said not in text(person.post("/painel/importar", envio=upload, coluna=chosen))
    person.post("/painel/importar/gravar", envio=upload, coluna=chosen)
    assert house.value("SELECT status FROM invoices WHERE id = 81061") == "paid"


def test_looking_over_says_which_phones_stay_that_the_file_does_not_bring(house, person):
    said = "fica no cadastro e continua valendo: outro telefone em telefone_2 (1 cliente). Para tirá-lo"
    chosen = ["id_cliente", "nome", "telefone_1", "telefone_2"]
    both = send(person, "id_cliente;nome;Telefone;Celular\r\n81071;ANA;37999931471;37999931472\r\n")
    assert said not in text(both)
    assert person.post("/painel/importar/gravar", envio=upload_of(both), coluna=chosen).status == 200
    assert said in text(send(person, "id_cliente;nome;Celular\r\n81071;ANA;37999931473\r\n"))
    with_name_alone = send(person, "id_cliente;nome;Celular;telefone_2\r\n81071;ANA;37999931473\r\n")
    assert said not in text(with_name_alone)
    person.post("/painel/importar/gravar", envio=upload_of(with_name_alone), coluna=chosen)
    row = house.fetch("SELECT phone_1, phone_2 FROM customers WHERE id = 81071")[0]
    assert tuple(row) == ("37999931473", None)


def test_a_file_of_customers_without_phones_is_told_so_before_it_is_stored(house, person):
    said = "Nenhuma coluna entra como telefone"
    page = send(person, "ID;Nome;Contato\r\n81041;ANA;37999931414\r\n")
    assert "Linhas boas 1" in text(page)
    assert said in text(page)
    page = send(person, "ID;Nome;Telefone(s)\r\n81041;ANA;37999931414 / 37999931415\r\n")
    assert columns_of(page)[-1] == ("Telefone(s)", "telefone_1")
    assert said not in text(page)
