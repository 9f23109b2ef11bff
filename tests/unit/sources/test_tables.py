"""CSV as it comes: what parts its fields and what its bytes mean is told by the whole of it."""

from __future__ import annotations

import errno
import os
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from disparo.sources.open_table import open_table
from disparo.sources.tables import NO_RESULT, NotReadable

HEADER = ["id_cliente", "nome", "endereco"]


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "file.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        with open_table(path) as table:
            return [list(values) for _, values in table.rows()]

    return read


@pytest.mark.parametrize(
    "lines",
    [
        ["id_cliente;nome;endereco", "1;ANA;Rua A, 10, casa, Centro, Betim, MG"],
        ["id_cliente;nome;endereco", '1;ANA;"Rua A, 10, casa, Centro, Betim, MG"'],
        ["id_cliente;nome;endereco", '1;ANA;"Rua A, 10, casa,\nCentro, Betim, MG"'],
        ["Clientes, ativos, em 27/11/2026, todos", "id_cliente;nome;endereco", "1;ANA;Rua A, 10, casa, MG"],
        [
            "Provedor, Ltda, Betim, MG",
            "Rua, 1, Centro, Betim",
            "id_cliente;nome;endereco",
            "1;ANA;A, 1, B, C",
        ],
        ["sep=;", "id_cliente;nome;endereco", "1;ANA;Rua A, 10, casa, Centro"],
    ],
)
def test_signs_within_fields_do_not_part_them(read, lines):
    found = read("\n".join([*lines, lines[-1].replace("1", "2")]) + "\n")
    at = found.index(HEADER)
    assert [len(values) for values in found[at:]] == [3, 3, 3]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("id_cliente,nome\n1,11988880001;11988880002;11988880003\n", 2),
        ("id_cliente\tnome\n1\tSILVA, ANA; A\n", 2),
        ("id_cliente;nome\n", 1),
        ("id_cliente,nome\n", 1),
    ],
)
def test_what_parts_the_header_parts_the_rest(read, content, rows):
    assert [len(values) for values in read(content)] == [2] * rows


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_one_wrong_byte_does_not_make_another_encoding_of_a_file(read, bom):
    lines = "id_cliente;nome\n1;CONCEIÇÃO\n2;JOÃO\n".encode()
    found = read(bom + lines + b"3;JO\xc3\n")
    assert found[:3] == [["id_cliente", "nome"], ["1", "CONCEIÇÃO"], ["2", "JOÃO"]]
    assert found[3][0] == "3"


def test_windows_1252_is_known_by_what_is_no_utf_8(read):
    text = "id_cliente;nome\n1;CONCEIÇÃO\n2;“JOÃO” – ÍTALO\n"
    assert read(text.encode("cp1252")) == [line.split(";") for line in text.splitlines()]


def test_a_pipe_is_told_to_come_as_a_file():
    ours, theirs = os.pipe()
    os.write(theirs, b"id_cliente;nome\n1;ANA\n")
    os.close(theirs)
    with pytest.raises(NotReadable, match="grave-os num arquivo"), open_table(Path(f"/dev/fd/{ours}")):
        pass
    os.close(ours)


def test_a_formula_that_nothing_has_computed_is_no_empty_cell_and_one_with_an_empty_result_is(tmp_path):
    book = Workbook()
    for line in (HEADER, [1, "=A2", None], [2, '=""', "RUA"]):
        book.active.append(line)
    book.save(tmp_path / "written.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "written.xlsx") as written,
        zipfile.ZipFile(tmp_path / "b.xlsx", "w") as b,
    ):
        for name in written.namelist():
            content = written.read(name)
            if name.endswith("sheet1.xml"):  # as programs write an empty text that was computed
                content = content.replace(b'<c r="B3">', b'<c r="B3" t="str">')
                assert b't="str"' in content
            b.writestr(name, content)
    with open_table(tmp_path / "b.xlsx") as table:
        read = [list(values) for _, values in table.rows()]
    assert read == [HEADER, ["1", NO_RESULT, ""], ["2", "", "RUA"]]


def test_what_was_costly_to_read_is_read_once(tmp_path, monkeypatch):
    book = Workbook()
    for number in range(1203):
        book.active.append([number, "ANA", None])
    book.save(tmp_path / "a.xlsx")
    with open_table(tmp_path / "a.xlsx") as table:
        first = [(number, list(values)) for number, values in table.rows(keep=True)]
        monkeypatch.setattr("disparo.sources.workbooks.open_workbook", None)
        assert [(number, list(values)) for number, values in table.rows()] == first
        assert len(first) == 1203


def test_without_room_on_the_disk_it_is_read_twice(tmp_path, monkeypatch):
    book = Workbook()
    book.active.append(HEADER)
    book.save(tmp_path / "a.xlsx")

    def full():
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("disparo.sources.kept_rows.tempfile.TemporaryFile", full)
    with open_table(tmp_path / "a.xlsx") as table:
        for _ in range(2):
            assert [list(values) for _, values in table.rows(keep=True)] == [HEADER]


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/null"])
def test_a_device_is_no_file(path):
    with pytest.raises(NotReadable, match="dispositivo"), open_table(Path(path)):
        pass


def test_a_named_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotReadable, match="grave-os num arquivo"), open_table(tmp_path / "pipe"):
        pass


@pytest.mark.parametrize("more", [b"3;CARLA\n", b""])
def test_a_file_that_is_still_written_is_not_taken_for_a_whole_one(tmp_path, more):
    path = tmp_path / "file.csv"
    path.write_bytes(b"id_cliente;nome\n1;ANA\n2;BIA")
    with open_table(path) as table:
        rows = table.rows()
        assert [next(rows)[0]] == [1]
        with path.open("ab") as file:
            file.write(more)
        os.utime(path, (1, 1))
        with pytest.raises(NotReadable, match="mudou enquanto era lido"):
            list(rows)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(("end", "unended"), [("", 3), ("\n", 0), ("\r\n", 0), ("\r", 0), ("\n\n", 0)])
def test_whether_something_ends_the_last_line_is_known(tmp_path, encoding, end, unended):
    path = tmp_path / "file.csv"
    path.write_bytes(f"id_cliente;nome\n1;ANA\n2;BIA{end}".encode(encoding))
    with open_table(path) as table:
        assert [number for number, _ in table.rows()] == [1, 2, 3]
        assert table.unended == unended


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_known_without_its_mark_too(tmp_path, encoding):
    path = tmp_path / "file.csv"
    path.write_bytes("Nº;nome\r\n1;JOSÉ\r\n".encode(encoding))
    with open_table(path) as table:
        assert [list(values) for _, values in table.rows()] == [["Nº", "nome"], ["1", "JOSÉ"]]


@pytest.mark.parametrize("fault", [MemoryError(), OSError(errno.ENOSPC, "No space left on device")])
def test_a_workbook_is_not_called_broken_where_the_machine_has_no_room_for_it(fault, tmp_path, monkeypatch):
    def open_workbook(*_args, **_named):
        raise fault

    monkeypatch.setattr("disparo.sources.workbooks.open_workbook", open_workbook)
    Workbook().save(tmp_path / "file.xlsx")
    with pytest.raises((NotReadable, OSError)) as caught, open_table(tmp_path / "file.xlsx") as table:
        list(table.rows())
    assert caught.value is fault or "Falta memória" in str(caught.value)
