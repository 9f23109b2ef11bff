"""Workbooks that were made to take all time or memory, and what only begins like one."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from disparo.sources import xlsx_tables
from disparo.sources.file_import import look
from disparo.sources.tables import NotReadable


def plain(path: Path) -> Path:
    """Two columns and one customer."""
    book = Workbook()
    book.active.append(["id_cliente", "nome"])
    book.active.append([1, "ANA"])
    book.save(path)
    return path


def bomb(path: Path, content: bytes, member: str = "xl/worksheets/sheet1.xml") -> Path:
    """A workbook in which one member is something else."""
    plain(path)
    with zipfile.ZipFile(path) as archive:
        kept = {name: archive.read(name) for name in archive.namelist()}
    kept[member] = content
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in kept.items():
            archive.writestr(name, data)
    return path


_ENTITIES = b'<?xml version="1.0"?><!-- x --><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>'


@pytest.mark.parametrize("member", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "[Content_Types].xml"])
def test_xml_that_declares_entities_is_refused(tmp_path, member):
    with pytest.raises(NotReadable, match="declarações"):
        look("clientes", bomb(tmp_path / "x.xlsx", _ENTITIES, member))


def test_a_file_that_was_damaged_on_its_way_is_refused_in_words(tmp_path):
    path = plain(tmp_path / "x.xlsx")
    with zipfile.ZipFile(path) as archive:
        sheet = archive.getinfo("xl/worksheets/sheet1.xml")
    damaged = bytearray(path.read_bytes())
    begin = sheet.header_offset + 30 + len(sheet.filename)
    damaged[begin : begin + 20] = b"\xff" * 20
    path.write_bytes(damaged)
    with pytest.raises(NotReadable, match="não é uma planilha"):
        look("clientes", path)


_DECLARED = b'<!DOCTYPE worksheet [<!ENTITY a "aaaa">]>'
_UNFOLDS = b"<worksheet>&a;</worksheet>"


@pytest.mark.parametrize(
    "content",
    [
        b"<!-- <a -->" + _DECLARED + _UNFOLDS,
        b"<?x <a ?>" + _DECLARED + _UNFOLDS,
        b" " * 2_000_000 + _DECLARED + _UNFOLDS,
        (_DECLARED + _UNFOLDS).decode().encode("utf-16"),
        "<worksheet/>".encode("utf-16"),
        "<worksheet/>".encode("utf-16-be"),
    ],
    ids=["after a comment", "after an instruction", "after blanks", "in UTF-16", "UTF-16", "unmarked UTF-16"],
)
def test_a_declaration_is_found_wherever_it_stands(tmp_path, content):
    with pytest.raises(NotReadable, match="declarações"):
        look("clientes", bomb(tmp_path / "x.xlsx", content))


def test_a_declaration_is_found_in_a_part_of_any_name(tmp_path):
    path = bomb(tmp_path / "x.xlsx", _DECLARED + _UNFOLDS, "xl/worksheets/sheet1.dat")
    with pytest.raises(NotReadable, match="declarações"):
        look("clientes", path)


def test_a_workbook_with_power_query_is_read(tmp_path):
    mashup = '<?xml version="1.0" encoding="utf-16"?><DataMashup>AAAA</DataMashup>'.encode("utf-16")
    assert look("clientes", bomb(tmp_path / "x.xlsx", mashup, "customXml/item1.xml")).positions


def test_what_unfolds_beyond_measure_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(xlsx_tables, "MOST_UNFOLDED_BYTES", 1_000_000)
    with pytest.raises(NotReadable, match="grande demais"):
        look("clientes", bomb(tmp_path / "x.xlsx", b"<x>" + b" " * 2_000_000 + b"</x>"))
    monkeypatch.setattr(xlsx_tables, "MOST_SHARED_BYTES", 1000)
    with pytest.raises(NotReadable, match="textos demais"):
        look("clientes", bomb(tmp_path / "y.xlsx", b"<x>" + b" " * 2000 + b"</x>", "xl/sharedStrings.xml"))


_SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'


@pytest.mark.parametrize(
    "token",
    [
        b"<!--" + b" < " * 700_000 + b"-->",
        b"<!-->" + b" < " * 700_000 + b"-->",
        b"<?x " + b" < " * 700_000 + b"?>",
        b"<a " + b" " * 2_000_000 + b"/>",
        b'<a b="' + b">" * 2_000_000 + b'"/>',
    ],
    ids=["comment", "comment that seems to end", "instruction", "tag", "attribute"],
)
@pytest.mark.parametrize("before", [0, 1, 2, 3, 4])
def test_what_the_parser_would_begin_anew_with_every_piece_is_refused(tmp_path, token, before):
    # Pieces end everywhere in what opens it.
    content = b"<worksheet>".ljust(16 * 1024 - before) + token + b"<sheetData/></worksheet>"
    with pytest.raises(NotReadable, match="grande demais"):
        look("clientes", bomb(tmp_path / "x.xlsx", content))


def test_many_short_comments_and_long_texts_are_read(tmp_path):
    rows = b"".join(
        b'<!-- < --><row r="%d"><c r="A%d" t="inlineStr"><is><t>%s</t></is></c><?x < ?></row>'
        % (number, number, b"id_cliente" if number == 1 else b"&lt;" * 30_000)
        for number in range(1, 60)
    )
    content = _SHEET + b"<sheetData>" + rows + b"</sheetData></worksheet>"
    with bomb(tmp_path / "x.xlsx", content).open("rb") as file:
        assert len(list(xlsx_tables.XlsxTable(file).rows())) == 59


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("xl/styles.xml", b"<styleSheet>" + b"<a/>" * 10_000_000 + b"</styleSheet>"),
        (
            "xl/worksheets/sheet1.xml",
            _SHEET + b"<sheetData><row>" + b"<c/>" * 4_000_000 + b"</row></sheetData>",
        ),
        ("xl/worksheets/sheet1.xml", _SHEET + b"<a/>" * 8_000_000 + b"<sheetData/>"),
    ],
    ids=["styles", "one wide row", "before the rows"],
)
def test_what_would_take_all_memory_is_refused_however_small_the_file_is(
    tmp_path, monkeypatch, member, content
):
    monkeypatch.setattr("disparo.sources.workbooks._MOST_MEMORY_BYTES", 32 << 20)
    path = bomb(tmp_path / "x.xlsx", content, member)
    assert path.stat().st_size < 100_000
    with pytest.raises(NotReadable, match="grande demais"):
        look("clientes", path)


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("xl/workbook.xml", b"<workbook>" + b"<a/>" * 7_000_000 + b"</workbook>"),
        ("xl/styles.xml", b"<styleSheet>" + b'<a b="" c="" d="" e=""/>' * 550_000 + b"</styleSheet>"),
    ],
    ids=["tags", "attributes"],
)
def test_no_part_is_parsed_that_would_hold_up_all_other_work_for_seconds(tmp_path, member, content):
    """A part that is read as a whole is parsed in one go: meanwhile a server answers nobody."""
    path = bomb(tmp_path / "x.xlsx", content, member)
    assert path.stat().st_size < 100_000
    with pytest.raises(NotReadable, match="grande demais"):
        look("clientes", path)


def test_a_workbook_with_as_many_formats_as_there_may_be_is_read(tmp_path):
    path = plain(tmp_path / "x.xlsx")
    with zipfile.ZipFile(path) as archive:
        styles = archive.read("xl/styles.xml").decode()
    one = '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" applyFont="1"><alignment horizontal="center"/></xf>'
    for kind in ("cellStyleXfs", "cellXfs"):
        styles = styles.replace(f"</{kind}>", one * 65_000 + f"</{kind}>")
    assert look("clientes", bomb(path, styles.encode(), "xl/styles.xml")).headers == ["id_cliente", "nome"]


def test_a_row_that_says_it_is_the_hundred_billionth_is_not_waited_for(tmp_path):
    rows = (
        b'<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>id_cliente</t></is></c>'
        b'<c r="B1" t="inlineStr"><is><t>nome</t></is></c></row><row r="99999999999"><c/></row></sheetData>'
    )
    path = bomb(tmp_path / "x.xlsx", _SHEET + rows + b"</worksheet>")
    assert look("clientes", path).headers == ["id_cliente", "nome"]


@pytest.mark.parametrize(
    "content",
    [b"PK\x03\x04 no archive", b"\xd0\xcf\x11\xe0 old", b"PK\x03\x04" + b"\0" * 200],
)
def test_files_that_only_begin_like_a_workbook(tmp_path, content):
    path = tmp_path / "x.xlsx"
    path.write_bytes(content)
    with pytest.raises(NotReadable):
        look("clientes", path)


def test_a_workbook_with_a_broken_sheet(tmp_path):
    with pytest.raises(NotReadable, match="planilha"):
        look("clientes", bomb(tmp_path / "x.xlsx", b"<worksheet><sheetData><row><c t='s'><v>99"))
