"""The names by which files call our fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: `Telefone(s)` and the like: a field may have several.
_SEVERAL_PHONES = ("telefones", "telefone_s", "celulares", "celular_es", "fones", "fone_s")
#: Leave to send SMS, of all phones of whoever has it.
PERMISSION = (
    "permite_enviar_sms", "sms", "recebe_sms", "aceita_sms", "enviar_sms", "autoriza_sms", "permite",
    "permissao", "permissao_sms",
)  # fmt: skip


def _numbered(number: int) -> list[str]:
    """Give a phone's names that end with its number: `celular1`, `Fone 2`."""
    return [
        word + end
        for word in ("telefone", "celular", "fone", "tel", "cel")
        for end in (f"_{number}", str(number))
    ]


def permission_of(number: int) -> list[str]:
    """Give the names of the permission of one phone (1 to 3): `permite1` beside `telefone1`."""
    ends = (f"_{number}", str(number), f"_telefone_{number}", f"_telefone{number}")
    return [base + end for base in ("permite_sms", *PERMISSION) for end in ends]


#: Fields by kind, the required ones with *, each with other names that files give it.
FIELDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "clientes": {
        "id_cliente*": ("id_do_cliente", "cliente_id", "idcliente", "id", "cod_cliente"),
        "nome*": (
            "nome_razaosocial", "nome_razao_social", "razao_social", "razao", "nome_cliente",
            "nome_do_cliente", "cliente", "nome_completo", "assinante",
        ),
        "codigo_cliente": ("codigo", "codigo_do_cliente", "cod_cliente", "cod", "matricula"),
        "nome_fantasia": ("fantasia", "apelido"),
        "cpf_cnpj": ("cpf", "cnpj", "cnpj_cpf", "documento", "cpf_ou_cnpj", "doc"),
        "telefone_1": (
            "telefone", "telefone_primario", "celular", "fone", "telefone_celular", "fone_celular",
            "telefone1", "whatsapp", "telefone_principal", "celular_1", "cel", "tel_celular",
            "telefone_movel", *_numbered(1), *_SEVERAL_PHONES,
        ),
        "permite_sms": PERMISSION,
        "permite_sms_1": permission_of(1),
        "telefone_2": (
            "telefone_secundario", "telefone2", "celular_2", "telefone_residencial", "fone_residencial",
            "fone_res", *_numbered(2),
        ),
        "permite_sms_2": permission_of(2),
        "telefone_3": (
            "telefone_terciario", "telefone3", "celular_3", "telefone_comercial", "fone_comercial",
            *_numbered(3),
        ),
        "permite_sms_3": permission_of(3),
        "email_principal": ("email", "e_mail", "email_1", "email1"),
        "email_secundario": ("email_2", "email2"),
        "data_cadastro": ("cadastro", "cadastrado_em", "data_de_cadastro", "dt_cadastro"),
        "data_nascimento": ("nascimento", "data_de_nascimento", "dt_nascimento"),
        "ativo": ("cliente_ativo",),
        "endereco": ("logradouro", "rua", "endereco_cadastral"),
        "numero": ("num", "numero_endereco"),
        "complemento": (),
        "bairro": (),
        "cep": (),
        "cidade": ("municipio",),
        "uf": ("estado", "sigla_uf"),
        "id_externo": (),
    },
    "contatos": {
        "id_contato*": ("id", "contato_id", "idcontato"),
        "id_cliente*": ("cod_cliente", "cliente_id", "id_do_cliente"),
        "nome": ("nome_contato", "contato", "nome_do_contato"),
        "telefone*": (
            "celular", "fone", "telefone_1", "telefone_celular", "whatsapp", "cel", *_SEVERAL_PHONES,
        ),
        # Of a contact whose first is empty; `prefer_mobile` says which column.
        "telefone_2": (),
        "permite_sms": PERMISSION,
    },
    "faturas": {
        "id_fatura*": (
            "id", "fatura", "id_da_fatura", "numero_fatura", "numero_da_fatura", "no_fatura", "no_da_fatura",
            "n_fatura", "nr_fatura", "num_fatura", "fatura_id", "id_titulo", "titulo",
        ),
        "id_cliente*": ("cod_cliente", "cliente_id", "id_do_cliente"),
        # A total beside an instalment is that of them all.
        "valor*": (
            "valor_fatura", "valor_parcela", "valor_da_parcela", "vlr_parcela", "valor_total",
            "valor_da_fatura", "vlr", "valor_titulo", "vlr_titulo", "total",
        ),
        "vencimento*": (
            "data_vencimento", "data_de_vencimento", "dt_vencimento", "vence_em", "venc", "vencto",
            "dt_venc", "data_venc", "datavenc", "dt_vencto", "data_vencto",
        ),
        # Of the payment: a bare status beside it is of something else, a contract for instance.
        "situacao": (
            "status_pagamento", "status_de_pagamento", "situacao_fatura", "status_fatura", "status",
        ),
        # Yes or no; some write the amount there.
        "quitado": (
            "quitada", "pago", "paga", "fatura_paga", "fatura_quitada", "foi_pago", "foi_paga", "liquidado",
            "liquidada", "baixado", "baixada",
        ),
        "pago_em": (
            "data_pagamento", "data_de_pagamento", "dt_pagamento", "data_quitacao", "data_pgto", "dt_pgto",
            "datapag", "pagamento_data", "recebido_em", "pagamento", "data_liquidacao", "data_de_liquidacao",
            "dt_liquidacao", "data_baixa", "data_de_baixa", "data_da_baixa", "dt_baixa", "data_do_pagamento",
            "data_recebimento", "data_de_recebimento", "dt_recebimento",
        ),
        "valor_pago": ("valor_recebido", "valorpag", "valor_liquidado"),
        "data_cadastro": ("emissao", "data_emissao", "cadastro", "data_de_emissao", "dt_emissao"),
        "link": (
            "url", "link_boleto", "link_fatura", "link_pagamento", "link_cobranca", "link_do_boleto",
            "link_da_fatura", "link_de_pagamento", "link_de_cobranca", "url_boleto", "url_do_boleto",
        ),
        "linha_digitavel": ("codigo_de_barras", "codigo_barras", "linha", "ld", "linhadig"),
        "pix": ("pix_copia_cola", "pix_copia_e_cola", "codigo_pix", "pix_copia", "copia_e_cola"),
        "nosso_numero": (),
    },
}  # fmt: skip


def fields_of(kind: str) -> list[str]:
    """List a kind's fields, the required ones with a *."""
    return list(FIELDS[kind])
