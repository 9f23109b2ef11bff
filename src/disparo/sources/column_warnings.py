"""What the columns of a file that can be imported leave open, said before anything is stored."""

from __future__ import annotations

import re

from disparo.sources.column_names import FIELDS
from disparo.sources.columns import Proposal, plain
from disparo.sources.phone_columns import PHONES, without_place

#: Of names that no field has: who does not want SMS would go on getting them.
_OF_CONSENT = re.compile(
    r"(?:^|_)(?:sms|opt_?out|descadastr|nao_perturb|nao_(?:envi|receb|notific)|permi(?:te|ss)|consent)"
)
#: Of an invoice: who has paid it, or does not owe it, would be asked for the money.
_SETTLED = "pag|quitad|liquidad|recebid|baixad|cancelad|estornad|excluid|renegociad"
_OF_AN_END = re.compile(
    rf"(?:fatura_|titulo_|boleto_|foi_|esta_)?(?:(?:{_SETTLED})[oa]s?|(?:in)?ativ[oa])"
    rf"|(?:data|dt)_(?:d[eoa]_)?(?:cancelamento|exclusao|estorno)|(?:cancelad|excluid|estornad)[oa]_em"
)
#: And of another column that is one of these fields already: what this one tells is not read.
_TAKEN_ENDS = {name for field in ("situacao", "quitado", "pago_em") for name in FIELDS["faturas"][field]}
_TAKEN_ENDS -= {"pagamento"}  # by boleto, say
#: What such a name may be about instead: `Permite WhatsApp`.
_OF_ANOTHER_WAY = re.compile(
    r"(?:^|_)(?:e_?mail|whats|zap|liga|boleto|carta|correio|acesso|desconto|usuario)"
)


def warn(kind: str, proposal: Proposal) -> str | None:
    """Say what a file that can be imported leaves open, where it does."""
    said = []
    place = proposal.positions.get("id_cliente")
    if kind != "clientes" and place is not None and plain(proposal.headers[place]) == "cod_cliente":
        said.append(
            f"A coluna {proposal.headers[place]} entra como id_cliente. Se o código e o id de um cliente são "
            "números diferentes no seu sistema, isto iria para outros clientes: exporte com o id."
        )
    if kind == "clientes" and set(PHONES).isdisjoint(proposal.fields):
        said.append(
            "Nenhuma coluna entra como telefone: destes clientes só recebe SMS quem já tem um no cadastro ou "
            "um contato. Se uma coluna os traz, indique-a como telefone_1."
        )
    if kind == "contatos" and {"telefone", "telefone_2"} <= proposal.positions.keys():
        first, second = (proposal.headers[proposal.positions[name]] for name in ("telefone", "telefone_2"))
        said.append(f"A coluna {second} só vale para os contatos em que {first} está vazia.")
    if other := _other_kind(kind, proposal):
        said.append(other)
    unused = without_place([plain(name) for name in proposal.headers], proposal.fields)
    if kind != "faturas" and unused:
        named = ", ".join(proposal.headers[place] for place in unused)
        said.append(
            f"Tem nome de telefone e não entra: {named}. Se os números dali devem receber SMS, indique a "
            f"coluna como {'telefone_1, telefone_2 ou telefone_3' if kind == 'clientes' else 'telefone'}."
        )
    of_consent = [
        name
        for name, field in zip(proposal.headers, proposal.fields, strict=True)
        if field is None and _OF_CONSENT.search(plain(name)) and not _speaks_of_else(plain(name))
    ]
    if kind != "faturas" and of_consent:
        said.append(
            f"Parece dizer quem quer SMS e não entra: {', '.join(of_consent)}. Quem não quer receberia: se a "
            "coluna traz sim em quem pode receber, indique-a como permite_sms; se traz sim em quem não quer, "
            "troque as respostas antes."
        )
    if kind == "faturas" and (ends := _ends(proposal)):
        said.append(
            f"Parece dizer quais faturas estão pagas ou canceladas e não entra: {', '.join(ends)}. Quem não "
            "deve seria cobrado: ponha isso na coluna situacao (aberta, paga ou cancelada) antes de importar."
        )
    elif kind == "faturas" and {"situacao", "quitado", "pago_em"}.isdisjoint(proposal.fields):
        said.append(
            "Nenhuma coluna diz quais faturas estão pagas ou canceladas: as novas entram como abertas, e as "
            "outras ficam como estão. Se uma coluna o diz, indique-a como situacao, quitado ou pago_em."
        )
    return " ".join(said) or None


def _ends(proposal: Proposal) -> list[str]:
    """Name the columns that seem to tell which invoices are over, and are taken for nothing."""
    return [
        name
        for name, field in zip(proposal.headers, proposal.fields, strict=True)
        if field is None and (_OF_AN_END.fullmatch(plain(name)) or plain(name) in _TAKEN_ENDS)
    ]


def _speaks_of_else(name: str) -> bool:
    return "sms" not in name and _OF_ANOTHER_WAY.search(name) is not None


def _other_kind(kind: str, proposal: Proposal) -> str | None:
    """Say that a file for customers seems to be one of contacts or invoices, whose ids and names it has."""
    if kind != "clientes":
        return None
    names = [plain(name) for name in proposal.headers]
    columns = {
        name: head
        for name, head, field in zip(names, proposal.headers, proposal.fields, strict=True)
        if not field
    }

    def called(of: str, field: str) -> str | None:
        return next((columns[name] for name in (field, *FIELDS[of][f"{field}*"]) if name in columns), None)

    if (contact := called("contatos", "id_contato")) is not None:
        return (
            f"Parece um arquivo de contatos, pois tem a coluna {contact}: importado como clientes, põe o "
            "nome e o telefone de cada contato no lugar dos do cliente. Se é de contatos, "
            "importe-o como contatos."
        )
    amount, due = called("faturas", "valor"), called("faturas", "vencimento")
    if amount is not None and due is not None:
        own = proposal.headers[proposal.positions["id_cliente"]]
        return (
            f"Parece um arquivo de faturas, pois tem as colunas {amount} e {due}. Se {own} é o número da "
            "fatura, isto trocaria os nomes de outros clientes: importe-o como faturas."
        )
    return None
