"""Which columns are taken for which: never one that could mean another customer."""

from __future__ import annotations

import time

import pytest

from disparo.sources.column_warnings import warn
from disparo.sources.columns import propose
from disparo.sources.csv_fields import BadField
from disparo.sources.row_readers import customer_reader
from disparo.sources.tables import NotReadable

HEADER = ["id_fatura", "codigo_cliente", "valor", "vencimento"]


def test_a_customers_code_is_not_their_id():
    with pytest.raises(NotReadable, match="id_cliente"):
        propose("faturas", [(1, HEADER)])


@pytest.mark.parametrize(("name", "is_said"), [("Cód. Cliente", True), ("Cliente ID", False)])
@pytest.mark.parametrize("kind", ["faturas", "contatos"])
def test_a_code_that_is_taken_for_the_id_is_told(kind, name, is_said):
    found = propose(kind, [(1, ["ID", name, "Valor", "Vencimento", "Status", "Telefone"])])
    assert (warn(kind, found) is not None) is is_said


def test_an_id_that_is_said_to_be_the_customers_goes_before_one_that_is_not():
    found = propose("clientes", [(1, ["ID", "Cliente ID", "Cód. Cliente", "Nome"])])
    assert found.fields == [None, "id_cliente", "codigo_cliente", "nome"]


def test_whoever_means_it_says_so():
    found = propose("faturas", [(1, HEADER)], {"codigo_cliente": "id_cliente"})
    assert found.positions["id_cliente"] == 1


def test_each_phone_of_a_file_is_taken():
    found = propose("clientes", [(1, ["id_cliente", "nome", "Telefone", "Celular", "WhatsApp", "Fone"])])
    assert found.fields[2:] == ["telefone_1", "telefone_2", "telefone_3", None]
    found = propose("clientes", [(1, ["id_cliente", "nome", "Celular", "Telefone Residencial"])])
    assert found.fields[2:] == ["telefone_1", "telefone_2"]


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        (  # a list of instalments: the invoice is one of them
            ["ID", "ID Cliente", "Valor Total", "Valor da Parcela", "Data Vencto.", "Data Pgto."],
            ["id_fatura", "id_cliente", None, "valor", "vencimento", "pago_em"],
        ),
        (
            ["ID", "ID Cliente", "Vlr. Título", "Dt. Venc.", "Dt. Pgto.", "Status", "Status Pagamento"],
            ["id_fatura", "id_cliente", "valor", "vencimento", "pago_em", None, "situacao"],
        ),
        (  # IXC
            ["Id", "Status", "Id Cliente", "Valor", "Valor Recebido", "Data Vencimento", "Pagamento Data"],
            ["id_fatura", "situacao", "id_cliente", "valor", "valor_pago", "vencimento", "pago_em"],
        ),
        (  # MK-AUTH
            ["id", "id_cliente", "datavenc", "datapag", "valor", "valorpag", "status", "linhadig"],
            [
                "id_fatura",
                "id_cliente",
                "vencimento",
                "pago_em",
                "valor",
                "valor_pago",
                "situacao",
                "linha_digitavel",
            ],
        ),
    ],
)
def test_an_invoices_amount_day_and_payment_are_known_by_the_names_that_offices_give_them(header, fields):
    assert propose("faturas", [(1, header)]).fields == fields


def test_a_customers_columns_of_ixc_are_known():
    header = ["id", "razao", "fantasia", "cnpj_cpf", "telefone_celular", "fone", "ativo"]
    fields = ["id_cliente", "nome", "nome_fantasia", "cpf_cnpj", "telefone_2", "telefone_1", "ativo"]
    assert propose("clientes", [(1, header)]).fields == fields


@pytest.mark.parametrize("name", ["Telefone(s)", "Telefones", "Celulares", "Fone(s)"])
@pytest.mark.parametrize("kind", ["clientes", "contatos"])
def test_a_column_of_several_phones_is_one_of_phones(kind, name):
    found = propose(kind, [(1, ["id_contato", "id_cliente", "nome", name])])
    assert (found.fields[3] or "").removesuffix("_1") == "telefone"


@pytest.mark.parametrize("name", ["Link do Boleto", "Link da Fatura", "Link de Pagamento", "URL do Boleto"])
def test_an_invoices_link_is_known_by_the_names_that_exports_give_it(name):
    assert propose("faturas", [(1, ["ID", "Cliente ID", "Valor", "Vencimento", name])]).fields[4] == "link"


@pytest.mark.parametrize("name", ["Valor (R$)", "VALOR R$", "Valor (BRL)", "Valor (em reais)", "valor_[R$]"])
def test_a_unit_is_no_part_of_a_name(name):
    found = propose("faturas", [(1, ["ID", "Cliente ID", name, "Vencimento"])])
    assert found.fields[2] == "valor"


def test_a_name_with_a_unit_gives_way_to_one_without_and_to_a_persons_choice():
    header = ["ID", "Cliente ID", "Valor (R$)", "Valor", "Vencimento"]
    assert propose("faturas", [(1, header)]).fields[2:4] == [None, "valor"]
    header[3] = "Preço"
    assert propose("faturas", [(1, header)], {"Preço": "valor"}).fields[2:4] == [None, "valor"]
    with pytest.raises(NotReadable, match="valor"):
        propose("faturas", [(1, header)], {"Valor (R$)": ""})
    with pytest.raises(NotReadable, match="entrariam ambas como valor"):
        propose("faturas", [(1, ["ID", "Cliente ID", "Valor (R$)", "Valor (BRL)", "Vencimento"])])


def test_a_cell_that_is_no_name_holds_nobody_up():
    endless = "a" + "-_" * 4_900  # as long as a field may be
    began = time.thread_time()  # whatever else the machine does takes none of it
    with pytest.raises(NotReadable):
        propose("clientes", [(1, [endless, "Valor (R$)"])])
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        (
            ["Telefone", "Telefone Residencial", "Telefone Comercial", "Celular"],
            ["telefone_1", "telefone_2", None, "telefone_3"],
        ),
        (
            ["Telefone", "Fone Residencial", "Fone Comercial", "Cel.", "WhatsApp"],
            ["telefone_1", None, None, "telefone_3", "telefone_2"],
        ),
        # A name of ours says which place is meant, and so does a permission.
        (["telefone_1", "telefone_2", "telefone_3", "Celular"], ["telefone_1", "telefone_2", "telefone_3"]),
        (
            ["Telefone", "Fone Residencial", "Fone Comercial", "permite_sms_3", "Celular"],
            ["telefone_1", None, "telefone_3", "permite_sms_3", "telefone_2"],
        ),
    ],
)
def test_landlines_take_no_place_from_a_mobile(header, fields):
    found = propose("clientes", [(1, ["ID", "Nome", *header])]).fields[2:]
    assert found[: len(fields)] == fields
    assert len({field for field in found if field}) == len([field for field in found if field])


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        (["telefone1", "permite1", "tel 2", "permite_2"], ["1", "sms_1", "2", "sms_2"]),
        (["Telefone 1", "Permite enviar SMS 1", "Celular2", "SMS 2"], ["1", "sms_1", "2", "sms_2"]),
        # Whose permission it is does not change for a mobile beside it.
        (["Celular", "telefone1", "permite_sms_1"], ["2", "1", "sms_1"]),
        (["Celular", "Fone 2", "Permite telefone 2"], ["1", "2", "sms_2"]),
    ],
)
def test_a_phones_permission_is_known_by_its_number(header, fields):
    found = propose("clientes", [(1, ["ID", "Nome", *header])]).fields[2:]
    assert found == [f"permite_{field}" if "sms" in field else f"telefone_{field}" for field in fields]


@pytest.mark.parametrize("kind", ["clientes", "contatos"])
@pytest.mark.parametrize("name", ["Permite", "Permissão", "Permissão SMS"])
def test_a_permission_that_does_not_name_sms_is_one(kind, name):
    found = propose(kind, [(1, ["ID", "Cliente ID", "Nome", "Celular", name])])
    assert found.fields[-1] == "permite_sms"


def test_a_persons_choice_keeps_its_place():
    header = ["ID", "Nome", "Telefone", "Fone Residencial", "Fone Comercial", "Celular"]
    chosen = {"Fone Comercial": "telefone_3", "Celular": ""}
    found = propose("clientes", [(1, header)], chosen)
    assert found.fields[2:] == ["telefone_1", "telefone_2", "telefone_3", None]


@pytest.mark.parametrize("header", [["Telefone", "Celular"], ["WhatsApp", "Telefone"]])
def test_a_contacts_phone_is_the_mobile(header):
    found = propose("contatos", [(1, ["id_contato", "id_cliente", *header])])
    assert [field == "telefone" for field in found.fields[2:]] == [name != "Telefone" for name in header]
    assert found.fields[2 + header.index("Telefone")] == "telefone_2"
    mobile = next(name for name in header if name != "Telefone")
    told = f"A coluna Telefone só vale para os contatos em que {mobile} está vazia."
    assert warn("contatos", found) == told
    more = propose("contatos", [(1, ["id_contato", "id_cliente", *header, "Fone", "Cel"])])
    assert sorted(filter(None, more.fields)) == ["id_cliente", "id_contato", "telefone", "telefone_2"]
    assert more.fields[-1] == "telefone_2"
    assert "Tem nome de telefone e não entra: Telefone, Fone." in warn("contatos", more)
    kept = propose("contatos", [(1, ["id_contato", "id_cliente", *header])], {"Telefone": "telefone"})
    assert kept.fields[2 + header.index("Telefone")] == "telefone"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["Telefone", "Celular", "WhatsApp", "Fone"], "Fone"),
        (["Celular", "Telefone da mãe", "Tel. recado"], "Telefone da mãe, Tel. recado"),
        (["Celular", "Aceita WhatsApp", "DDD Celular", "Obs. telefone", "Hotel"], None),
    ],
)
def test_a_column_named_like_a_phone_that_is_not_taken_is_told(names, told):
    said = warn("clientes", propose("clientes", [(1, ["ID", "Nome", *names])]))
    assert said is None if told is None else f"Tem nome de telefone e não entra: {told}. Se" in said


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["Celular", "Não enviar SMS"], "Não enviar SMS"),
        (["Celular", "SMS bloqueado", "Opt-out"], "SMS bloqueado, Opt-out"),
        (["Celular", "Descadastrado", "Não perturbe"], "Descadastrado, Não perturbe"),
        (["Celular", "Permite SMS", "Aceita WhatsApp", "Adoptado"], None),
        (["Celular", "Enviar SMS"], None),
        (["Celular", "Permite contato", "Consentimento LGPD"], "Permite contato, Consentimento LGPD"),
        (["Celular", "Permite WhatsApp", "Permissão de acesso", "Permite e-mail"], None),
    ],
)
@pytest.mark.parametrize("kind", ["clientes", "contatos"])
def test_a_column_that_may_say_who_wants_no_sms_and_is_not_taken_is_told(kind, names, told):
    ids = ["ID", "Nome"] if kind == "clientes" else ["id_contato", "id_cliente"]
    said = warn(kind, propose(kind, [(1, [*ids, *names])]))
    assert said is None if told is None else f"Parece dizer quem quer SMS e não entra: {told}. Quem" in said


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["Data pagamento", "Cancelado"], "Cancelado"),
        (["status", "fatura_ativa", "quitado"], "fatura_ativa"),
        (["Situação", "Data de cancelamento", "Excluída em"], "Data de cancelamento, Excluída em"),
        (["Pago?", "Excluído"], "Excluído"),
        (["Data Pgto", "Data da baixa"], "Data da baixa"),
        (["Pago", "Quitado", "Pagamento"], "Pago"),
        (["Situação", "Status Pagamento"], "Status Pagamento"),
        (["Situação", "Pago em", "Valor pago", "Forma de pagamento", "Pagador", "Ativação"], None),
    ],
)
def test_a_column_that_may_say_which_invoices_are_over_and_is_not_taken_is_told(names, told):
    said = warn("faturas", propose("faturas", [(1, ["ID", "Cliente ID", "Valor", "Vencimento", *names])]))
    assert said is None if told is None else f"canceladas e não entra: {told}. Quem não deve" in said


def test_a_name_on_several_lines_is_one():
    read = customer_reader({"id_cliente": 0, "nome": 1})
    assert read(["1", "ANA \r\n\t LIMA\n\nSOUZA"])["name"] == "ANA LIMA SOUZA"


def test_a_field_made_of_blanks_holds_nothing_else_up():
    read, began = customer_reader({"id_cliente": 0, "nome": 1}), time.process_time()
    with pytest.raises(BadField, match="nome"):
        read(["1", "A" + "\t" * 30_000 + "B"])
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (
            ["id_contato", "id_cliente", "nome", "telefone"],
            "arquivo de contatos, pois tem a coluna id_contato",
        ),
        (["ID", "Cliente ID", "Nome do contato", "Cliente", "Fone"], "de contatos, pois tem a coluna ID"),
        (
            ["id", "nome", "datavenc", "valor", "celular"],
            "faturas, pois tem as colunas valor e datavenc. Se id",
        ),
        (["id_cliente", "nome", "telefone", "vencimento"], None),  # the day of a month
        (["ID", "Cliente", "Celular", "Valor do plano"], None),
    ],
)
def test_contacts_or_invoices_that_are_taken_for_customers_are_told(header, said):
    warned = warn("clientes", propose("clientes", [(1, header)]))
    assert warned is None if said is None else said in (warned or "")


def test_a_cpf_in_the_place_of_a_phone_is_no_strangers_mobile():
    read = customer_reader({"id_cliente": 0, "nome": 1, "telefone_1": 2})
    with pytest.raises(BadField, match="telefone_1 tem a forma de um CPF"):
        read(["1", "ANA", "119.888.877-71"])
    for phone in ("11988887771", "11.98888.7771", "119 8888 77-71"):
        assert read(["1", "ANA", phone])["phone_1"] == phone


def test_a_reason_names_the_column_as_the_file_does():
    found = propose("faturas", [(1, ["id_fatura", "id_cliente", "valor", "Dt. Vencimento", "Status"])])
    said = "situacao deve ser aberta, paga ou cancelada"
    assert found.in_its_words(said) == "Status (situacao) deve ser aberta, paga ou cancelada"
    for unchanged in ("valor deve ser um valor", "há mais campos que colunas", ""):
        assert found.in_its_words(unchanged) == unchanged


def test_a_table_as_wide_as_a_spreadsheet_can_be_is_refused():
    with pytest.raises(NotReadable, match="A linha 1 tem 16384 colunas"):
        propose("clientes", [(1, ["id_cliente", "nome_razaosocial", "telefone", *[""] * 16_381])])
