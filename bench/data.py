"""`./dev bench dados [--json FILE] [--escala 0.05]`: a register of a million customers, in and looked up.

The file goes in through the command people use; its memory is read from outside. Lookups go through HTTP.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
from tests.support.stage import Stage

from bench.load import Load
from bench.machine import describe, tell
from disparo.db.embedded import EmbeddedPostgres
from disparo.db.pool import connect
from disparo.dispatch.prepare import prepare

CUSTOMERS, INVOICES = 1_000_000, 2_000_000
BASE = "/api/v1/integracao"
_FIRST_NAMES = """
MARIA JOSÉ ANA JOÃO ANTÔNIO FRANCISCO CARLOS PAULO PEDRO LUCAS LUIZ MARCOS GABRIEL RAFAEL DANIEL
MARCELO BRUNO EDUARDO FELIPE RAIMUNDO RODRIGO MANOEL MATEUS ANDRÉ FERNANDO FÁBIO LEONARDO
GUSTAVO GUILHERME LEANDRO TIAGO ANDERSON RICARDO MÁRCIO JORGE SEBASTIÃO ALEXANDRE ROBERTO EDSON
DIEGO VITOR SÉRGIO CLÁUDIO MATHEUS THIAGO GERALDO ADRIANO LUCIANO JÚLIO RENATO ALEX VINÍCIUS
ROGÉRIO SAMUEL RONALDO MÁRIO FLÁVIO IGOR DOUGLAS FRANCISCA ANTÔNIA ADRIANA JULIANA MÁRCIA
FERNANDA PATRÍCIA ALINE SANDRA CAMILA AMANDA BRUNA JÉSSICA LETÍCIA JÚLIA LUCIANA VANESSA MARIANA
GABRIELA VERA VITÓRIA LARISSA CLÁUDIA BEATRIZ RITA LUANA SÔNIA RENATA ELIANE
"""
_LAST_NAMES = """
SILVA SANTOS OLIVEIRA SOUZA RODRIGUES FERREIRA ALVES PEREIRA LIMA GOMES COSTA RIBEIRO MARTINS
CARVALHO ALMEIDA LOPES SOARES FERNANDES VIEIRA BARBOSA ROCHA DIAS NASCIMENTO ANDRADE MOREIRA
NUNES MARQUES MACHADO MENDES FREITAS CARDOSO RAMOS GONÇALVES SANTANA TEIXEIRA CAVALCANTI MOURA
CAMPOS JESUS PINTO ARAÚJO LEITE BORGES MELO AZEVEDO MIRANDA REIS CASTRO CORREIA CUNHA MONTEIRO
NEVES COELHO FARIAS FONSECA PIRES BATISTA MOTA MATOS SALES DUARTE GUIMARÃES TAVARES AMARAL
FIGUEIREDO PEIXOTO MAIA SIQUEIRA QUEIROZ BRITO MACIEL PAIVA XAVIER ANTUNES BARROS VASCONCELOS
NOGUEIRA CARNEIRO VARGAS PACHECO ASSIS FRANCO DOMINGUES BUENO PRADO RANGEL ZANETTI WEBER KLEIN
SCHMIDT MÜLLER YAMAMOTO TANAKA BITTENCOURT ABREU AGUIAR BASTOS BEZERRA BRAGA CALDEIRA
"""
FIRST, LAST = _FIRST_NAMES.split(), _LAST_NAMES.split()


def today() -> date:
    return datetime.now().astimezone().date()


def name_of(number: int) -> str:
    """Common names are common: squared draws favour the first ones of each list."""
    draw = random.Random(number)
    last = [LAST[int(draw.random() ** 2 * len(LAST))] for _ in range(draw.choice((2, 2, 3)))]
    return " ".join([FIRST[int(draw.random() ** 2 * len(FIRST))], *last])


def phone_of(number: int) -> str:
    own = number % 10**8
    if not own % 10**5:  # five zeros at the end are taken for those of a spreadsheet that rounded it
        own = 90_000_001 + own // 10**5
    return f"{(11, 21, 31, 41, 71)[number % 5]}9{own:08d}"


def customer_lines(count: int) -> Iterator[str]:
    yield "id_cliente;codigo_cliente;nome;cpf_cnpj;telefone_1;telefone_2;email;data_cadastro;uf\n"
    first = date(2012, 1, 1)
    for n in range(1, count + 1):
        day = first + timedelta(days=n * 5000 // count)
        yield (
            f"{n};{n + 7};{name_of(n)};{n:011d};{phone_of(n)};;c{n}@example.com;{day:%d/%m/%Y};"
            f"{('SP', 'RJ', 'MG', 'PR', 'BA')[n % 5]}\n"
        )


def invoice_lines(count: int, customers: int) -> Iterator[str]:
    yield "id_fatura;id_cliente;valor;vencimento;situacao;pago_em;link\n"
    first = today() - timedelta(days=330)
    for n in range(1, count + 1):
        due = first + timedelta(days=30 * (n % 12) + (n // 12) % 3)
        paid = n % 3 and due < today()
        yield (
            f"{n};{n % customers + 1};{50 + n % 200},90;{due:%d/%m/%Y};{'paga' if paid else 'aberta'};"
            f"{f'{due:%d/%m/%Y}' if paid else ''};https://faturas.example.com/f/{n}\n"
        )


def load_file(kind: str, path: Path, lines: int, dsn: str) -> dict[str, float]:
    """Run the command; its memory's slope is a line through what was read after the first tenth."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "disparo", "importar", kind, str(path)],
        env={**os.environ, "DISPARO_DATABASE_URL": dsn},
        stdout=subprocess.DEVNULL,
    )
    watched, samples = psutil.Process(process.pid), []
    while process.poll() is None:
        try:
            samples.append((time.perf_counter() - began, watched.memory_info().rss / 1e6))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)  # between two looks
    seconds = time.perf_counter() - began
    if process.wait() != 0:
        raise SystemExit(f"disparo importar {kind} falhou")
    steady = [(at / seconds * lines, rss) for at, rss in samples if at > seconds / 10]
    return {
        "lines": lines,
        "seconds": round(seconds, 2),
        "lines_per_s": round(lines / seconds, 1),
        "rss_mb": round(max(rss for _, rss in samples), 1),
        "rss_slope_mb_per_100k": round(slope(steady) * 100_000, 3),
    }


def slope(points: list[tuple[float, float]]) -> float:
    if len(points) < 2:
        return 0.0
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def lookups(customers: int, draw: random.Random) -> dict[str, list[str]]:
    """Addresses of each kind, each call another one."""

    def some() -> Iterator[int]:
        for _ in range(400):
            yield draw.randrange(1, customers + 1)

    def customer(kind: str, term: str) -> str:
        return f"{BASE}/cliente?busca={kind}&termo_busca={quote(term)}"

    this_day, ago = today(), timedelta(days=1)
    periods = [(this_day - ago * draw.randrange(300), draw.randrange(1, 90)) for _ in range(200)]
    return {
        "nome_inteiro": [customer("nome_razaosocial", name_of(n).lower()) for n in some()],
        "nome_e_sobrenome": [customer("nome_razaosocial", " ".join(name_of(n).split()[:2])) for n in some()],
        "sobrenome": [customer("nome_razaosocial", name_of(n).split()[-1]) for n in some()],
        "pedaco": [customer("nome_razaosocial", name_of(n)[3:9].strip() or "silva") for n in some()],
        "nome_em_ordem": [
            customer("nome_razaosocial", name_of(n).split()[-1]) + "&order_by=nome_razaosocial&limit=100"
            for n in some()
        ],
        "cpf_cnpj": [customer("cpf_cnpj", f"{n:011d}") for n in some()],
        "codigo": [customer("codigo_cliente", str(n + 7)) for n in some()],
        "telefone": [customer("telefone", phone_of(n)) for n in some()],
        "email": [customer("email", f"C{n}@example.com") for n in some()],
        "faturas_do_cliente": [
            f"{BASE}/cliente/financeiro?busca=cpf_cnpj&termo_busca={n:011d}&apenas_pendente=nao"
            for n in some()
        ],
        "todos": [f"{BASE}/cliente/todos?pagina={n // 50}" for n in some()],
        "relatorio": [
            f"{BASE}/financeiro/fatura?data_inicio={first - ago * days}&data_fim={first}&pagina={page}{more}"
            for first, days in periods
            for page, more in ((0, ""), (days * 20, "&apenas_quitado=sim"))
        ],
    }


async def measure_lookups(stage: Stage, customers: int) -> dict[str, Any]:
    token = await stage.token()
    kinds = lookups(customers, random.Random(1))
    found: dict[str, Any] = {}
    everything: list[float] = []
    for kind, paths in kinds.items():
        requests = [
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            for path in paths
        ]
        await Load("127.0.0.1", stage.server_port, requests, 1, 0.5).run()  # caches, plans
        load = Load("127.0.0.1", stage.server_port, requests, 1, 5)
        await load.run()
        found[kind] = {
            "p50_ms": round(load.quantile(0.5) * 1000, 2),
            "p99_ms": round(load.quantile(0.99) * 1000, 2),
            "calls": len(load.latencies),
            "not_200": load.others,
        }
        if kind != "relatorio":
            everything += load.latencies[:200]  # of each kind as many
    everything.sort()
    return {
        "lookup_p99_ms": round(everything[int(len(everything) * 0.99)] * 1000, 2),
        "report_p99_ms": found["relatorio"]["p99_ms"],
        "kinds": found,
    }


async def settle(dsn: str) -> None:
    """What autovacuum does within seconds in a house that is not being measured."""
    connection = await connect(dsn)
    for table in ("customers", "invoices", "register_counts"):
        await connection.execute(f"VACUUM ANALYZE {table}")
    await connection.close()


async def served(dsn: str, folder: Path, customers: int) -> dict[str, Any]:
    async with Stage(dsn, folder, workers_count=0, latency_ms=0) as stage:
        return await measure_lookups(stage, customers)


def measure(dsn: str, folder: Path, *, scale: float) -> dict[str, Any]:
    customers, invoices = int(CUSTOMERS * scale), int(INVOICES * scale)
    asyncio.run(prepare(dsn))
    files = {
        "clientes": (customers, customer_lines(customers)),
        "faturas": (invoices, invoice_lines(invoices, customers)),
    }
    imports = {}
    for kind, (count, lines) in files.items():
        path = folder / f"{kind}.csv"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(lines)
        imports[kind] = load_file(kind, path, count, dsn)
    asyncio.run(settle(dsn))
    found = asyncio.run(served(dsn, folder, customers))
    seconds = sum(item["seconds"] for item in imports.values())
    return {
        "import_lines_per_s": round((customers + invoices) / seconds, 1),
        "lookup_p99_ms": found["lookup_p99_ms"],
        "report_p99_ms": found["report_p99_ms"],
        "rss_slope_mb_per_100k": max(item["rss_slope_mb_per_100k"] for item in imports.values()),
        "imports": imports,
        "lookups": found["kinds"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench dados", description=__doc__)
    parser.add_argument("--json", type=Path, help="grava os números neste arquivo")
    parser.add_argument("--escala", type=float, default=1.0, help="1: um milhão de clientes")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="disparo-bench-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    try:
        found = measure(server.start(), folder, scale=options.escala)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    found["machine"] = describe()
    tell(found, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
