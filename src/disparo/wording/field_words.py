"""What the fields of a file are, for whoever says which of its columns is which."""

from __future__ import annotations

from collections.abc import Mapping

from disparo.sources.column_names import fields_of

_FIELD: Mapping[str, str] = {
    "id_cliente": "número do cliente no seu sistema",
    "nome": "nome ou razão social",
    "codigo_cliente": "código do cliente",
    "nome_fantasia": "nome fantasia",
    "cpf_cnpj": "CPF ou CNPJ",
    "telefone": "telefone",
    "telefone_1": "primeiro telefone",
    "telefone_2": "segundo telefone",
    "telefone_3": "terceiro telefone",
    "permite_sms": "aceita SMS, sim ou não",
    "permite_sms_1": "aceita SMS no primeiro telefone, sim ou não",
    "permite_sms_2": "aceita SMS no segundo telefone, sim ou não",
    "permite_sms_3": "aceita SMS no terceiro telefone, sim ou não",
    "email_principal": "e-mail",
    "email_secundario": "segundo e-mail",
    "data_cadastro": "data do cadastro",
    "data_nascimento": "data de nascimento",
    "ativo": "cliente ativo, sim ou não",
    "endereco": "rua",
    "numero": "número da casa",
    "complemento": "complemento do endereço",
    "bairro": "bairro",
    "cep": "CEP",
    "cidade": "cidade",
    "uf": "estado",
    "id_externo": "número do cliente em outro sistema",
    "id_contato": "número do contato",
    "id_fatura": "número da fatura",
    "valor": "valor da fatura",
    "vencimento": "data de vencimento",
    "situacao": "situação: aberta, paga ou cancelada",
    "quitado": "paga: sim ou não",
    "pago_em": "data do pagamento",
    "valor_pago": "valor pago",
    "link": "link do boleto",
    "linha_digitavel": "linha digitável",
    "pix": "Pix copia e cola",
    "nosso_numero": "nosso número do boleto",
}
#: Where a field is something else in files of one kind.
_OF_KIND: Mapping[tuple[str, str], str] = {
    ("contatos", "nome"): "nome do contato",
    ("faturas", "data_cadastro"): "data de emissão",
}


def fields(kind: str) -> dict[str, str]:
    """Give each field of a kind as a person is offered it: `número da fatura (id_fatura), obrigatório`."""
    return {name.rstrip("*"): _offered(kind, name) for name in fields_of(kind)}


def _offered(kind: str, marked: str) -> str:
    name = marked.rstrip("*")
    said = _OF_KIND.get((kind, name)) or _FIELD[name]
    return f"{said} ({name})" + (", obrigatório" if marked != name else "")
