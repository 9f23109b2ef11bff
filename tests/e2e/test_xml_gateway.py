"""The page's own table of a gateway that speaks XML, against one: from the call to the handset's receipt."""

from __future__ import annotations

import json
import re
import tomllib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from tests.support.house import house as run_house
from tests.support.serving import serving
from tests.support.stage import free_port

PAGE = Path(__file__).parents[2] / "docs" / "platforms" / "generic_http.md"


class Gateway:
    """Takes what the page's table writes, and says what the page says."""

    def __init__(self):
        self.taken = []  # headers and body of each call
        self.answer = '<resposta><sms protocolo="{}"/></resposta>'
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                gateway.taken.append((self.headers, body))
                said = gateway.answer.format(7000 + len(gateway.taken)).encode("iso-8859-1")
                self.send_response(200)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/ws/envio"


@pytest.fixture(scope="module")
def gateway():
    gateway = Gateway()
    with serving(gateway.server):
        yield gateway


@pytest.fixture(scope="module")
def house(new_database, tmp_path_factory, gateway):
    folder = tmp_path_factory.mktemp("xml")
    (folder / "senha").write_text("s&nha\n")
    page = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(\[platforms\.antiga\].*?)```", page, re.DOTALL)
    tables = tomllib.loads(block.replace("/etc/disparo/senha", str(folder / "senha")))["platforms"]
    tables["antiga"]["url"] = gateway.url
    overrides = {"DISPARO_PLATFORMS": json.dumps(tables), "DISPARO_REAL_SENDING": "yes"}
    with run_house(new_database(), folder, overrides=overrides) as house:
        yield house


def tell(house, url, receipt):
    headers = {"Content-Type": "text/xml"}
    return house.anonymous.post(urlsplit(url).path, receipt.encode("iso-8859-1"), headers=headers)


def test_a_message_goes_out_in_xml_and_its_receipt_comes_in_xml(house, gateway):
    client = house.client()
    answer = client.send({"id_fatura": 11000})
    house.until_state(client, answer, "entregue_a_plataforma")
    headers, body = gateway.taken[-1]
    assert headers["Content-Type"] == "application/xml; charset=iso-8859-1"
    root = ET.fromstring(body)
    assert (root.get("usuario"), root.get("senha")) == ("provedor", "s&nha")
    (sms,) = root
    assert sms.findtext("celular") == "5537999931412"
    assert "sua fatura de R$ 99,90" in sms.findtext("texto")
    receipt = f'<recibos><recibo protocolo="{7000 + len(gateway.taken)}"><situacao>ENTREGUE</situacao></recibo></recibos>'
    assert tell(house, sms.findtext("retorno"), receipt).status == 200
    house.until_state(client, answer, "entregue")
    assert house.value("SELECT raw FROM receipts ORDER BY id DESC LIMIT 1").endswith(receipt)


@pytest.mark.parametrize(
    "receipt",
    [
        "<recibos><recibo>",
        "<recibos/>",
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><recibos><recibo protocolo="1"><situacao>&x;</situacao></recibo></recibos>',
        "<a>" * 100_000,
    ],
)
def test_no_xml_is_a_fault_of_ours(house, receipt):
    assert tell(house, "/webhook/antiga/um-texto-longo-e-aleatorio", receipt).status == 400
    assert house.anonymous.get("/saude").status == 200


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("<resposta><sms protocolo='1'>", "incerta"),
        ("<!DOCTYPE r [<!ENTITY x 'y'>]><resposta><sms protocolo='&x;'/></resposta>", "incerta"),
        ('<resposta><erro codigo="201">Celular inválido</erro></resposta>', "falhou"),
    ],
)
def test_what_it_says_is_told_to_the_client(house, gateway, said, state):
    client, before = house.client(), gateway.answer
    gateway.answer = said
    try:
        house.until_state(client, client.send({"id_fatura": 11000}), state)
    finally:
        gateway.answer = before
