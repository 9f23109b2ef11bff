"""What people paste, upload and type into addresses."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from tempfile import SpooledTemporaryFile
from zoneinfo import ZoneInfo

import aiohttp
import pytest
from starlette.datastructures import FormData, UploadFile

from disparo.api.hubsoft.words import REASON_WORDS, reason_word
from disparo.auth.permissions import Permission
from disparo.domain.message import Status
from disparo.domain.outcome import FailureClass, OutcomeKind, ReceiptKind
from disparo.domain.recipients import IgnoredReason
from disparo.domain.windows import Purpose
from disparo.panel.access import Person
from disparo.panel.cursors import moment_and_text, read_moment_and_id, read_moment_and_text
from disparo.panel.export import cell
from disparo.panel.fields import Wrong, id_of, local_address, span
from disparo.panel.invoice_list import read_csv, read_pasted
from disparo.panel.new_dispatch import wanted_of
from disparo.wording import code_words, reason_words, words
from disparo.wording.words import actor

#: As `dispatch` writes them down: of routing, of what a lane lets go, of a source, a run and the hours.
WAITS_FOR = (
    "no_platform", "platform_hours", "platform_unavailable", "platform_day_full", "platform_busy", "platform_stopped",
    "platform_removed", "source_down", "paused", "outside_window",
)  # fmt: skip


def test_pasted_numbers_keep_their_order_and_count_once():
    assert read_pasted("3, 1;2\n#3\t4 ") == [3, 1, 2, 4]
    assert read_pasted("5.007 #70.215,1.234.567") == [5007, 70_215, 1_234_567]
    assert read_csv(b"fatura\n5.007\n70.215\n") == read_csv(b"5.007\n70.215\n") == [5007, 70_215]
    unseen = "70215\u200b\n\ufeff70216\u200e"  # as pasted from chat programs, PDFs and pages on the web
    assert read_pasted(unseen) == read_csv(f"fatura\n{unseen}".encode()) == [70_215, 70_216]
    for no_number in ("5.07", "5007.000", ".007", "5.0071", "1..234", "99.90"):
        with pytest.raises(Wrong, match=no_number):
            read_pasted(no_number)
    with pytest.raises(Wrong, match="abc"):
        read_pasted("1 abc")


@pytest.mark.parametrize(
    "raw",
    [
        b"id_fatura\n7\n8\n",
        b"nome;fatura\nJos\xe9;7\nMaria;8\n",
        b'\xef\xbb\xbf"ID_FATURA",valor\r\n7,1\r\n8,2\r\n8,2\r\n',
        b"7\n8",
        b"7\tx\n8\ty\n\n",
        b"id_fatura;nome\r7;A\r8;B\r",  # "CSV (Macintosh)"
        "nome\tid_fatura\r\nZé\t7\r\nMaria\t8\r\n".encode("utf-16"),  # "Texto Unicode"
        "7\n8\n".encode("utf-16"),
        b'id_fatura\n="7"\n="8"\n',  # as programs mark numbers for spreadsheets as text
        b"id_fatura;nome\n'7;A\n'8;B\n",
        b"sep=;\r\nid_fatura;nome, e mais\r\n7;A\r\n8;B\r\n",  # which a spreadsheet reads, and does not show
        b"\xef\xbb\xbfsep=,\n7\n8\n",
        b"numero;cliente;valor\n7;ANA;1\n8;BIA;2\n",
    ],
)
def test_a_csv_gives_its_invoice_column(raw):
    assert read_csv(raw) == [7, 8]


@pytest.mark.parametrize(
    "columns", ["ID;Razão social;CNPJ/CPF;Fone", "nome;celular;número", "Id;Nome;E-mail"]
)
def test_the_numbers_of_a_list_of_customers_are_not_taken_for_invoices(columns):
    with pytest.raises(Wrong, match=r"parece ser de clientes: a coluna (ID|número|Id) pode ser"):
        read_csv(f"{columns}\n7;8;9;10\n".encode())
    assert read_csv(f"{columns};Vencimento\n7;7;7;7;05/12/2026\n".encode()) == [7]
    assert read_csv(f"{columns};Cliente ID\n7;7;7;7;12\n".encode()) == [7]


@pytest.mark.parametrize(
    "name",
    [
        "Nº da fatura",
        "n° fatura",
        "Número da Fatura",
        "numero_fatura",
        "ID Fatura",
        "Id. da fatura",
        "FATURA",
        "Título",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_csv_names_its_invoice_column_as_people_do(name, encoding):
    assert read_csv(f"Cliente;{name};Valor\n12;7;99,90\n13;8;1,00\n".encode(encoding)) == [7, 8]


@pytest.mark.parametrize(
    "raw",
    [
        b"cliente;valor\n12;99\n13;100\n",
        b"Nome,Cliente\nANA,12\n",
        b"12;7\n13;8\n",
        "Nome;Endereço;Número;Bairro\nANA;RUA A;12;CENTRO\n".encode(),  # of a house
        b"nome,logradouro,nr,numero,cep\nANA,RUA A,1,12,30000000\n",
    ],
)
def test_of_several_columns_none_is_guessed(raw):
    with pytest.raises(Wrong, match="Chame-a de id_fatura; também servem fatura, nº da fatura"):
        read_csv(raw)


def test_a_single_column_needs_no_name():
    assert read_csv(b"cobrar\n7\n8\n") == read_csv(b"cobrar;\n7;\n8;\n") == [7, 8]


@pytest.mark.parametrize(
    "text",
    [
        "Faturas em aberto\n\nCliente;Fatura;Valor\n12;7;99,90\n13;8;1,00\n",
        "Relatório: abertas, vencidas\nPeríodo;01/11/2026;30/11/2026\nTotal;2\n"
        "Cliente;Nº Fatura;Valor;Nome\n1;7;9;A\n2;8;9;B\n",
        "Faturas em aberto;;\n;;\nCliente;Fatura;Valor\n12;7;99\n13;8;1\n",
        "PROVEDOR LTDA; matriz\nnome,id_fatura,valor\nANA,7,9.90\nRUI,8,1.00\n",
        "Cobrar em novembro\nid_fatura\n7\n8\n",
        "sep=,\nFaturas em aberto\nCliente,Fatura\n12,7\n13,8\n",
        '"Faturas\nem aberto"\nCliente;Fatura\n12;7\n13;8\n',
    ],
)
def test_a_report_may_have_lines_above_the_names_of_its_columns(text):
    assert read_csv(text.encode()) == [7, 8]


def test_under_a_title_a_column_must_be_named_all_the_same():
    with pytest.raises(Wrong, match="Chame-a de id_fatura"):
        read_csv(b"Faturas em aberto\nCliente;Documento;Valor\n12;7;99\n")


def test_a_word_among_the_numbers_makes_no_header_of_its_line():
    with pytest.raises(Wrong, match="Linha 3 do arquivo: “fatura”"):
        read_csv(b"7\n8\nfatura\n9\n")
    with pytest.raises(Wrong, match="Chame-a de id_fatura"):
        read_csv(b"Cliente;Documento;Tipo\nANA;x;fatura\n")


def test_a_file_that_is_no_csv_is_said_to_be_none():
    for begins in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        with pytest.raises(Wrong, match="abra-a, salve-a como CSV"):
            read_csv(begins + bytes(range(256)) * 20)
    with pytest.raises(Wrong, match="não é um CSV"):
        read_csv(b"id_fatura\n" + b"7" * 200_000)


@pytest.mark.parametrize(
    "text", ["0001-01-01", "1969-12-31", "9999-12-31", "3000-01-01", "2026-02-30", "30/11/2026", "x"]
)
@pytest.mark.parametrize("name", ["de", "ate"])
def test_a_day_on_which_nothing_can_have_been_is_refused(name, text):
    with pytest.raises(Wrong, match=r"não é um dia|não pode ser"):
        span({name: text}, ZoneInfo("America/Sao_Paulo"))


def test_a_period_may_be_open_or_a_single_day_and_does_not_run_backwards():
    zone = ZoneInfo("America/Sao_Paulo")
    assert span({"de": "", "ate": " "}, zone) == (None, None)
    since, until = span({"de": "2026-11-30", "ate": "2026-11-30"}, zone)
    assert (since, until) == (datetime(2026, 11, 30, tzinfo=zone), datetime(2026, 12, 1, tzinfo=zone))
    with pytest.raises(Wrong, match=r"ao contrário: começa em 30/11/2026 e termina antes, em 01/11/2026"):
        span({"de": "2026-11-30", "ate": "2026-11-01"}, zone)


def test_a_wrong_line_is_named():
    with pytest.raises(Wrong, match="Linha 3"):
        read_csv(b"id_fatura\n7\noito\n")
    with pytest.raises(Wrong, match="Linha 4"):
        read_csv(b"sep=;\nid_fatura\n7\noito\n")
    for first in (b"#7\n8\n", b"70.21\n8\n"):
        with pytest.raises(Wrong, match="Linha 1"):
            read_csv(first)


@pytest.mark.anyio
@pytest.mark.parametrize("pasted", [True, False], ids=["pasted", "file"])
async def test_a_list_as_long_as_may_be_is_read_beside_the_loop(pasted):
    """For six seconds, and for fourteen where a spreadsheet had left a million empty lines, nobody was answered."""
    lines, turns = "\n".join(map(str, range(100_000, 140_000))), 0

    async def turn():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    file = SpooledTemporaryFile(max_size=4_194_304)  # noqa: SIM115 - as a form's, which stays in memory
    file.write(lines.encode())
    file.seek(0)
    upload = UploadFile(file, filename="faturas.csv")
    clerk = Person(1, "ana@example.com", "Ana", frozenset({"send_bulk"}), b"")
    others = asyncio.create_task(turn())
    wanted = await wanted_of(FormData([("faturas", lines)] if pasted else [("arquivo", upload)]), clerk)
    others.cancel()
    assert len(wanted.invoice_ids) == 40_000
    assert turns > 10
    await upload.close()


def test_a_csv_without_an_invoice_is_told_so_and_is_no_form_left_empty():
    """With days beside it all that is due in them was simulated, and the file that was chosen forgotten."""
    for raw in (b"", b"id_fatura\n", b"id_fatura;nome\r\n\r\n;\r\n"):
        with pytest.raises(Wrong, match="não traz nenhum número de fatura"):
            read_csv(raw)


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@a", "\tx", "\rx", "\0"])
def test_cells_that_would_run_are_made_plain(text):
    assert cell(text) == f"'{text}"


def test_other_cells_stay():
    assert [cell(value) for value in ("a=1", "", None, 5, "é")] == ["a=1", "", "", "5", "é"]


@pytest.mark.parametrize("digits", ["", "0", "-1", "1e3", "٣", "9223372036854775808", "1" * 30, " 1"])
def test_what_is_no_id(digits):
    assert id_of(digits) is None


def test_places_in_a_list_survive_the_address():
    at = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
    assert read_moment_and_text(moment_and_text(at, "+55.x")) == (at, "+55.x")
    assert read_moment_and_id(moment_and_text(at, "7")) == (at, 7)
    for wrong in ("", "x", "1", "1.", ".1", "9223372036854775807.1"):
        assert read_moment_and_id(wrong) is None


def test_only_addresses_inside_the_panel_are_followed():
    assert local_address("/painel/buscar?q=1&tipo=fatura") == "/painel/buscar?q=1&tipo=fatura"
    for other in ("//x", "/painelx", "/painel/\\x", "/painel?a=<", "https://x", ""):
        assert local_address(other) == "/painel"


def test_every_stored_word_has_one_that_people_read():
    for stored, known in (
        (Permission, words.PERMISSION),
        (Status, words.STATUS),
        (Status, words.STATUS_MANY),
        (Status, words.STATUS_HELP),
        (Status, words.STATUS_COLOUR),
        (OutcomeKind, words.OUTCOME),
        (ReceiptKind, words.RECEIPT),
        (FailureClass, reason_words.REASON),
        (IgnoredReason, words.IGNORED),
        (Purpose, words.PURPOSE),
    ):
        assert {str(value) for value in stored} <= set(known)


def test_whatever_a_message_waits_for_is_said_in_words():
    for waits_for in WAITS_FOR:
        assert not words.reason(waits_for).startswith("código")
        assert reason_word(waits_for) != waits_for


def test_why_a_hand_over_failed_has_a_word_for_programs_too_and_a_platforms_own_code_stays():
    assert set(FailureClass) <= set(REASON_WORDS)
    assert reason_word("E-17") == "E-17"


def test_what_kept_an_answer_from_coming_is_said_in_words_and_a_platforms_own_code_stays():
    # None of these can be: nothing of ours goes through a proxy, follows a redirect or opens a WebSocket.
    never = re.compile("Proxy|Redirect|WSServer|UploadAborted")
    for error in (*_kinds_of(aiohttp.ClientError), OSError, TimeoutError, ValueError, ConnectionResetError):
        if not never.search(error.__name__):
            assert error.__name__ in code_words.CODE
    assert words.code("ServerDisconnectedError") == "a conexão foi cortada antes da resposta"
    assert words.code("ESME_RTHROTTLED") == "código ESME_RTHROTTLED"
    assert (words.reason("TimeoutError"), words.reason("407")) == ("não respondeu a tempo", "código 407")


def _kinds_of(error):
    return {error, *(kind for each in error.__subclasses__() for kind in _kinds_of(each))} - {
        aiohttp.ClientError
    }


def test_actors_have_names():
    people = {7: "Ana"}
    assert actor("user:7", people) == "Ana"
    assert actor("client:3/user:7", people) == "Ana pela API (cliente 3)"
    assert actor("user:8", people) == "usuário 8"
    assert actor("cli:root", people) == "root (linha de comando)"
    assert actor("platform:zenvia", people) == "plataforma zenvia"
