"""`--recusadas`: what was not stored is put right in a spreadsheet and imported again."""

from __future__ import annotations

import csv

import pytest
from tests.support.program import command

CUSTOMERS = "id_cliente;nome\n"
INVOICES = "id_fatura;id_cliente;valor;vencimento\n"


@pytest.fixture(scope="module")
def dsn(new_database):
    return new_database()


@pytest.fixture
def load(dsn, tmp_path):
    def load(kind, path, refused):
        there = {"env": {"DISPARO_DATABASE_URL": dsn}, "folder": tmp_path}
        return command("importar", kind, path, "--recusadas", refused, **there)

    return load


def test_the_number_of_a_line_is_not_taken_for_a_boletos_line(load, tmp_path):
    (tmp_path / "c.csv").write_text(CUSTOMERS + "1;ANA\n")
    assert load("clientes", "c.csv", "r.csv").returncode == 0
    (tmp_path / "f.csv").write_text(INVOICES + "501;1;x;05/12/2026\n502;1;y;05/12/2026\n")
    assert "0 linha(s) gravada(s), 2 com erro." in load("faturas", "f.csv", "r.csv").stdout
    (tmp_path / "r.csv").write_text((tmp_path / "r.csv").read_text().replace(";x;", ";10,00;"))
    again = load("faturas", "r.csv", "r2.csv")
    assert "1 linha(s) gravada(s), 1 com erro." in again.stdout, again.stderr
    assert list(csv.reader((tmp_path / "r2.csv").open(encoding="utf-8-sig"), delimiter=";")) == [
        ["id_fatura", "id_cliente", "valor", "vencimento", "linha", "motivo"],
        ["502", "1", "y", "05/12/2026", "3", "valor deve ser um valor, por exemplo 1234,56"],
    ]


@pytest.mark.parametrize("name", ["c.csv", "./c.csv", "link.csv"])
def test_the_file_that_is_imported_is_not_written_over(load, tmp_path, name):
    path = tmp_path / "c.csv"
    path.write_text(CUSTOMERS + ";SEM ID\n" * 10)
    (tmp_path / "link.csv").symlink_to(path)
    done = load("clientes", "c.csv", name)
    assert done.returncode == 1
    assert "é o próprio arquivo importado" in done.stderr
    assert path.read_text() == CUSTOMERS + ";SEM ID\n" * 10


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_a_line_with_a_wrong_byte_is_refused_alone_and_comes_back_as_it_was(load, tmp_path, bom):
    lines = "id_cliente;nome\n1;CONCEIÇÃO\n2;JOÃO\n".encode()
    (tmp_path / "c.csv").write_bytes(bom + lines + b"3;MO\xc3\n")
    done = load("clientes", "c.csv", "r.csv")
    assert "2 linha(s) gravada(s), 1 com erro." in done.stdout, done.stderr
    assert "linha 4: nome tem caracteres de controle ou ilegíveis" in done.stderr
    assert b"3;MO\xc3;4;nome" in (tmp_path / "r.csv").read_bytes()


def test_a_wrong_byte_in_a_columns_name_is_shown_as_a_question_mark(load, tmp_path):
    lines = "id_cliente;fone;nome\n1;;CONCEIÇÃO\n2;;JOÃO\n".encode()
    (tmp_path / "c.csv").write_bytes(lines.replace(b"nome\n", b"nome;Observa\xc3\n"))
    done = load("clientes", "c.csv", "r.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert "colunas ignoradas: Observa?" in done.stdout


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644])
def test_refused_lines_are_as_closed_to_others_as_the_file_they_come_from(load, tmp_path, mode):
    (tmp_path / "c.csv").write_text(CUSTOMERS + "x;ANA\n")
    (tmp_path / "c.csv").chmod(mode)
    assert load("clientes", "c.csv", "r.csv").returncode == 1
    assert (tmp_path / "r.csv").stat().st_mode & 0o777 == mode


def test_where_there_is_no_room_for_the_refused_lines_it_is_said_of_which_file(load, tmp_path):
    for lines in (10, 10_000):  # written at the end alone, and on the way
        (tmp_path / "c.csv").write_text(CUSTOMERS + ";SEM ID\n" * lines)
        done = load("clientes", "c.csv", "/dev/full")
        assert done.returncode == 1
        assert "recusou a operação (/dev/full: o disco está cheio)." in done.stderr


def test_what_was_stored_before_the_disk_was_full_is_said_and_on_record(load, rows, tmp_path):
    good = "".join(f"{number};ANA\n" for number in range(1, 11))
    (tmp_path / "c.csv").write_text(f"{CUSTOMERS}{good};SEM ID\n")
    done = load("clientes", "c.csv", "/dev/full")
    assert done.returncode == 1
    assert "A importação parou antes do fim: 10 linha(s) gravada(s)." in done.stderr
    last = "SELECT detail->>'stored', detail->>'refused' FROM audit_log WHERE action = 'imported' ORDER BY id DESC"
    assert rows(f"{last} LIMIT 1") == [("10", "1")]
