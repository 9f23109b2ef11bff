"""The lookups (docs/api.md §4) as shapes for the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

from disparo.api.hubsoft.schemas import Paging
from disparo.api.schemas import COMMON, TOO_LARGE, Refused, Responses

_FLAG = "sim ou nao"
PARAMETERS: Mapping[str, str] = {
    "busca": "O que se sabe do cliente",
    "termo_busca": "O valor procurado; nomes: qualquer parte, sem acentos; com menos de 3 letras, o começo",
    "limit": "De 1 a 100",
    "inativo": "sim, nao (padrão) ou todos",
    "cancelado": "Serviços cancelados: sim, nao (padrão) ou todos",
    "servico_status": "Prefixos de status separados por vírgula",
    "incluir_contrato": "Aceito e ignorado",
    "ultima_conexao": f"Acrescenta ultima_conexao aos serviços: {_FLAG}",
    "relacoes": "Aceito e ignorado: tudo é mostrado",
    "order_by": "Clientes: data_cadastro (padrão), codigo_cliente, nome_razaosocial. "
    "Faturas: data_vencimento (padrão), data_pagamento, data_cadastro, valor",
    "order_type": "asc (padrão) ou desc",
    "pagina": "Página, a partir de 0",
    "itens_por_pagina": "De 1 a 500 (padrão 50)",
    "quantidade": "O mesmo que itens_por_pagina",
    "data_inicio": "AAAA-MM-DD, inclusive",
    "data_fim": "AAAA-MM-DD, inclusive",
    "tipo_data": "data_vencimento (padrão), data_pagamento ou data_cadastro",
    "apenas_pendente": f"{_FLAG}; padrão sim",
    "apenas_quitado": _FLAG,
    "apenas_em_aberto": _FLAG,
    "valor_zerado": "sim: só as de valor zero; nao: só as outras; ausente: todas",
    "exibir_fatura_inativa": f"Também as canceladas: {_FLAG} (padrão)",
    "exibir_pix_copia_cola": f"{_FLAG}; padrão sim",
    "tipo_resultado": "simplificado (padrão), detalhado ou completo",
    "documento": "CNPJ da empresa que emitiu as faturas, ou CPF ou CNPJ do cliente",
    "status_cadastro_cliente": "ativo, inativo ou todos (padrão)",
}
_SEARCH = ("busca", "termo_busca")
_SERVICES = ("cancelado", "servico_status", "ultima_conexao", "relacoes", "incluir_contrato")
_ORDER = ("order_by", "order_type")
_PAGES = ("pagina", "itens_por_pagina", "quantidade")
_PERIOD = ("data_inicio", "data_fim")
CUSTOMER_PARAMETERS = (*_SEARCH, "limit", "inativo", *_SERVICES, *_ORDER)
PAGED_CUSTOMER_PARAMETERS = (*_PAGES, *_PERIOD, "inativo", *_SERVICES, *_ORDER)
CUSTOMER_INVOICE_PARAMETERS = (*_SEARCH, "limit", "apenas_pendente", "tipo_data", *_PERIOD, *_ORDER)
INVOICE_PARAMETERS = (
    *_PAGES,
    *_SEARCH,
    "tipo_data",
    *_PERIOD,
    "apenas_quitado",
    "apenas_em_aberto",
    "valor_zerado",
    "exibir_fatura_inativa",
    "exibir_pix_copia_cola",
    "tipo_resultado",
    "documento",
    "status_cadastro_cliente",
)


class Coordinates(BaseModel):
    """Onde fica."""

    latitude: float | None
    longitude: float | None


class Address(BaseModel):
    """Um endereço."""

    completo: str | None
    endereco: str | None
    numero: str | None
    complemento: str | None
    referencia: str | None
    bairro: str | None
    cep: str | None
    estado: str | None
    uf: str | None
    cidade: str | None
    coordenadas: Coordinates


class Interface(BaseModel):
    """Uma interface de rede."""

    nome: str | None
    tipo: str | None
    called_sid: str | None


class Device(BaseModel):
    """Um equipamento de rede."""

    nome: str | None
    ipv4: str | None
    ipv6: str | None


class Addresses(BaseModel):
    """Os quatro endereços."""

    endereco_cadastral: Address
    endereco_instalacao: Address
    endereco_fiscal: Address
    endereco_cobranca: Address


class ServiceSummary(BaseModel):
    """O que as faturas mostram de um serviço."""

    id_cliente_servico: int | None
    numero_plano: int | None
    nome: str | None
    valor: float | None
    status: str | None
    status_prefixo: str | None


class LastConnection(BaseModel):
    """A última conexão, que só a rede conhece."""

    conectado: bool | None
    data_inicio: str | None
    data_fim: str | None
    ipv4: str | None
    mac: str | None


class Service(ServiceSummary, Addresses):
    """Um serviço de um cliente."""

    id_servico: int | None
    data_habilitacao: str | None
    tecnologia: str | None
    login: str | None
    senha: None
    ipv4: str | None
    ipv6: str | None
    mac: str | None
    interface: Interface
    interface_roteamento: Interface
    equipamento_conexao: Device
    equipamento_roteamento: Device
    pacotes: list[dict[str, Any]]
    senhas: list[dict[str, Any]]
    ultima_conexao: LastConnection | None = None


class Person(BaseModel):
    """O que toda consulta diz de um cliente."""

    id_cliente: int
    codigo_cliente: int
    nome_razaosocial: str
    nome_fantasia: str | None
    tipo_pessoa: Literal["pf", "pj"]
    cpf_cnpj: str | None
    telefone_primario: str | None
    telefone_secundario: str | None
    telefone_terciario: str | None
    email_principal: str | None
    email_secundario: str | None
    data_cadastro: str
    ativo: bool


class Customer(Person):
    """Um cliente."""

    data_nascmento: str | None
    data_nascimento: str | None
    alerta: bool
    alerta_mensagens: list[str]
    grupos: list[dict[str, Any]]
    servicos: list[Service]


class CustomerList(BaseModel):
    """A resposta de GET cliente."""

    status: Literal["success"]
    msg: str
    clientes: list[Customer]


class CustomerPage(CustomerList):
    """A resposta de GET cliente/all e cliente/todos."""

    paginacao: Paging


class Company(BaseModel):
    """A empresa que emitiu a fatura."""

    documento: str | None
    nome_razaosocial: str
    nome_fantasia: str | None


class Item(BaseModel):
    """Uma parte da fatura."""

    id_cobranca: int
    descricao: str | None
    valor: float | None


class InvoiceService(ServiceSummary, Addresses):
    """O serviço de uma fatura."""


class InvoiceCustomer(BaseModel):
    """O cliente de uma fatura."""

    codigo_cliente: int
    nome_razaosocial: str
    cpf_cnpj: str | None
    servico: InvoiceService


class InvoiceCodes(BaseModel):
    """Como se paga."""

    id_fatura: int
    quitado: bool
    status: Literal["aguardando", "vencido", "quitado", "cancelado"]
    nosso_numero: str | None
    nosso_numero_dv: str | None
    linha_digitavel: str | None
    codigo_barras: str | None
    link: str | None
    tipo_cobranca: str | None
    valor: float
    valor_pago: float | None
    data_vencimento: str
    data_cadastro: str
    data_pagamento: str | None


class CustomerInvoice(InvoiceCodes):
    """Uma fatura de GET cliente/financeiro; datas DD/MM/AAAA."""

    pix_copia_cola: str | None
    agencia_codigo_beneficiario: str | None
    beneficiario: str
    numero_documento: int
    especie: str | None
    especie_dinheiro: Literal["R$"]
    aceite: str | None
    local_pagamento: str | None
    carteira: str | None
    data_documento: str
    data_processamento: str
    empresa: Company
    detalhamento: list[Item]
    cliente: InvoiceCustomer
    processamento_cartao: list[dict[str, Any]]


class CustomerInvoices(BaseModel):
    """A resposta de GET cliente/financeiro."""

    status: Literal["success"]
    msg: str
    faturas: list[CustomerInvoice]


class ReportedInvoice(InvoiceCodes):
    """Uma fatura de GET financeiro/fatura; datas AAAA-MM-DD."""

    id_cliente_servico: int | None
    fatura_ativa: bool
    pix_copia_e_cola: str | None
    empresa: Company
    cliente: Person
    detalhamento: list[Item] | None = None


class InvoicePage(BaseModel):
    """A resposta de GET financeiro/fatura."""

    status: Literal["success"]
    msg: str
    faturas: list[ReportedInvoice]
    paginacao: Paging


def lookup(model: type[BaseModel]) -> Responses:
    """Describe a lookup: its refusals come with 200 for every client."""
    found = {"model": model | Refused, "description": "O que foi encontrado, ou a recusa"}
    return {**COMMON, **TOO_LARGE, 200: found}
