"""What each platform can do and how its answers are tested: `python -m tests.contract.table` writes the page."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.contract.presets_spec import SPECS
from tests.contract.spec import Spec

from disparo.platforms.generic_http import capabilities_of
from disparo.platforms.presets import presets
from disparo.platforms.registry import read_table

PAGE = Path(__file__).parents[2] / "docs" / "platforms" / "README.md"
HEAD = """\
# Plataformas

As que já vêm prontas, pelo nome que vai em `type`. Cada página diz o que pedir ao fornecedor e o que colar onde.
Um SMSC: [SMPP](smpp.md). Outra, por configuração: `docs/pt-BR/operar.md`.
Gerado por `python -m tests.contract.table`; um teste confere.

## O que cada uma sabe fazer

"No aparelho": distingue o que a operadora recebeu do que o celular recebeu. "Pergunta": o Disparo pergunta pelo que
ninguém confirmou. "Em lote": mensagens em cada chamada.
"""
TESTED = """
## Como as respostas são lidas

Cada célula é testada contra um servidor local que responde como a documentação diz. "documentada": há uma resposta
própria na documentação; "não verificada": lida por palavras ou por suposição; "pelo HTTP": vale o código HTTP; "—": a
documentação não tem. Sem resposta no prazo, conexão cortada depois da escrita (contada no fio: uma só) e lixo são
sempre incertas, e uma incerta nunca é reenviada sozinha.
"""
CAN = (
    "plataforma",
    "confirmações",
    "no aparelho",
    "respostas",
    "pergunta",
    "saldo",
    "em lote",
    "nossa referência",
)
READ = (
    "plataforma",
    "aceita",
    "número",
    "descadastro",
    "texto",
    "crédito",
    "credencial",
    "limite",
    "cortada",
    "prazo",
    "lixo",
)


def page() -> str:
    """Give the whole page."""
    can = [_can(name, spec) for name, spec in sorted(SPECS.items())]
    read = [_read(name, spec) for name, spec in sorted(SPECS.items())]
    return HEAD + "\n" + _table(CAN, can) + TESTED + "\n" + _table(READ, read)


def _can(name: str, spec: Spec) -> list[str]:
    settings = read_table(name, {"type": name, **spec.fill, "url": "http://127.0.0.1:1/sms"})
    able = capabilities_of(settings)
    batch = str(able.max_batch) if able.max_batch > 1 else "não"
    asks = able.can_be_asked or able.poll_after_s is not None
    flags = (able.receipts, able.handset_receipts, able.inbound, asks, able.has_balance)
    words = ["sim" if flag else "não" for flag in flags]
    return [f"[{presets()[name].title}]({name}.md)", *words, batch, "sim" if able.client_reference else "não"]


def _read(name: str, spec: Spec) -> list[str]:
    known = {failure for _, _, _, failure in spec.answers}

    def word(failure: str, otherwise: str) -> str:
        if failure in spec.guessed:
            return "não verificada"
        return "documentada" if failure in known else otherwise

    said = [word(failure, "—") for failure in ("number", "opt_out", "content", "credit")]
    by_http = [word(failure, "pelo HTTP") for failure in ("auth", "throttle")]
    return [name, "documentada", *said, *by_http, "incerta, uma escrita", "incerta", "incerta"]


def _table(head: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(0)
