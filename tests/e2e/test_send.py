"""docs/api.md §3: enviar_sms, from the call to the handset."""

from __future__ import annotations

import re

import pytest
from tests.support.calls import FORM, JSON, SEED, count, phones
from tests.support.client import SEND


def test_the_seeds_call(house, client):
    answer = client.send(SEED, headers={**JSON, "Accept": "application/json"})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    reply = answer.json
    assert list(reply) == ["status", "msg", "job", "disparo"]
    assert reply["status"] == "success"
    assert reply["msg"].startswith("As faturas foram adicionadas para serem disparadas por SMS.")
    assert "mensagens SMS" in reply["msg"]
    job = reply["job"]
    assert list(job) == ["tries", "timeout", "memory", "faturas", "telefones", "connection", "queue", "delay"]
    assert (job["tries"], job["timeout"], job["memory"]) == (1, 172800, 2048)
    assert (job["faturas"], job["connection"], job["queue"]) == ([{"id_fatura": 11000}], None, "sms")
    assert [list(phone) for phone in job["telefones"]] == [
        ["id_contato", "id_cliente", "telefone", "nome", "permite_enviar_sms", "origem"]
    ] * 3
    assert [(phone["telefone"], phone["origem"]) for phone in job["telefones"]] == [
        ("37999931412", "cadastro_cliente"),
        ("11988887777", "telefone_adicional"),
        ("1188887776", "telefone_adicional"),
    ]
    assert job["telefones"][0] == {
        "id_contato": None,
        "id_cliente": 12025,
        "telefone": "37999931412",
        "nome": "MACIEL RODRIGUES",
        "permite_enviar_sms": True,
        "origem": "cadastro_cliente",
    }
    assert (job["delay"]["timezone_type"], job["delay"]["timezone"]) == (3, "America/Sao_Paulo")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", job["delay"]["date"])
    house.until_state(client, answer, "entregue")
    shown = client.get(reply["disparo"]["consulta"]).json["disparo"]
    assert shown["contagem"] == {"entregue": 3}
    assert shown["situacao"] == "concluido"


def test_the_seeds_json_block_with_the_phones_under_email_adicional(client):
    body = '{"id_fatura":"11000","email_adicional":["11988887777","1188887776"]}'
    assert phones(client.send(body, headers=JSON)) == ["37999931412", "11988887777", "1188887776"]


@pytest.mark.parametrize("given", [[11988887777], 11988887777, ["11988887777", 11988887777]])
def test_phones_under_email_adicional_may_be_numbers_as_well(client, given):
    assert phones(client.send({"id_fatura": 11000, "email_adicional": given})) == [
        "37999931412",
        "11988887777",
    ]


def test_emails_under_email_adicional_are_ignored_and_telefone_adicional_wins(client):
    assert phones(client.send({"id_fatura": 11000, "email_adicional": ["a@b.com", "11988887777"]})) == [
        "37999931412"
    ]
    both = {"id_fatura": 11000, "telefone_adicional": ["11988881111"], "email_adicional": ["11988882222"]}
    assert phones(client.send(both)) == ["37999931412", "11988881111"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ('{"id_fatura": 11000, "telefone_adicional": ["11988887777"]}', JSON),
        ('{"id_fatura": " 11000 ", "telefone_adicional": "11988887777"}', JSON),
        # PHP's array_filter leaves the others their numbers
        ('{"id_fatura": 11000, "telefone_adicional": {"1": "11988887777"}}', JSON),
        ('{"id_fatura": 11000, "email_adicional": {"1": "11988887777"}}', JSON),
        ('{"id_fatura": 11000, "telefone_adicional": [11988887777]}', JSON),
        ('\ufeff {"id_fatura": 11000, "telefone_adicional": ["+55 (11) 98888-7777"]}', {}),
        ('{"id_fatura": 11000, "telefone_adicional": ["11988887777"]}'.encode("utf-16"), JSON),
        ('{"id_fatura": 1, "id_fatura": 11000, "telefone_adicional": ["011988887777"]}', FORM),
        (
            '{"id_fatura": 11000, "telefone_adicional": ["11988887777"], "x": {"y": [1]}}',
            {"Content-Type": "text/plain"},
        ),
        ("id_fatura=11000&telefone_adicional[]=11988887777", FORM),
        ("id_fatura=11000&telefone_adicional[]=11988887777", JSON),
        ("id_fatura=11000&telefone_adicional%5B0%5D=5511988887777", {}),
        ("id_fatura=1&id_fatura=11000&telefone_adicional=11988887777", FORM),
        # what is no compression: a charset, as some programs write
        ('{"id_fatura": 11000, "telefone_adicional": [11988887777]}', {**JSON, "Content-Encoding": "UTF-8"}),
        ('{"id_fatura": 11000, "telefone_adicional": [11988887777]}', {**JSON, "Content-Encoding": ""}),
        # fields of a form that nobody filled in
        ("id_fatura=11000&telefone_adicional[]=&telefone_adicional[]=11988887777", FORM),
        ('{"id_fatura": 11000, "telefone_adicional": [null, "11988887777", "", " "]}', JSON),
        ('{"id_fatura": 11000, "email_adicional": ["11988887777", ""]}', JSON),
        (
            '--X\r\nContent-Disposition: form-data; name="id_fatura"\r\n\r\n11000\r\n'
            '--X\r\nContent-Disposition: form-data; name="telefone_adicional[]"\r\n\r\n11988887777\r\n--X--\r\n',
            {"Content-Type": "multipart/form-data; boundary=X"},
        ),
    ],
)
def test_encodings_of_the_field(client, body, headers):
    answer = client.send(body, headers=headers)
    assert answer.status == 200, answer.raw
    assert phones(answer) == ["37999931412", "11988887777"]


@pytest.mark.parametrize(
    ("query", "body", "headers"),
    [
        ("id_fatura=11000&telefone_adicional[]=11988887777", None, {}),
        ("id_fatura=11000&telefone_adicional[]=%2B55%2011%2098888-7777", "", JSON),
        ("telefone_adicional%5B0%5D=11988887777", '{"id_fatura": 11000}', JSON),
        ("id_fatura=70215", "id_fatura=11000&telefone_adicional=11988887777", FORM),
        (
            "id_fatura=70215&telefone_adicional=x",
            {"id_fatura": 11000, "telefone_adicional": [11988887777]},
            {},
        ),
    ],
    ids=range(5),
)
@pytest.mark.parametrize("origin", [{}, {"Origin": "https://crm.example"}])
def test_fields_may_be_in_the_address_and_those_of_the_body_go_before_them(
    client, query, body, headers, origin
):
    answer = client.post(f"{SEND}?{query}", body, headers={**headers, **origin})
    assert answer.status == 200, answer.raw
    assert phones(answer) == ["37999931412", "11988887777"]


def test_an_item_of_a_form_that_is_no_text_is_refused_as_in_json(client):
    answer = client.send("id_fatura=11000&telefone_adicional[0][numero]=11988887777", headers=FORM)
    assert (answer.status, "O telefone adicional {...} não é válido" in answer.json["msg"]) == (422, True)
    assert client.send("id_fatura=11000&outro[0][a]=1&outro[0][b]=2", headers=FORM).status == 200


@pytest.mark.parametrize("none", [None, [], "", " ", [""], [None, " "], {"0": ""}])
def test_no_additional_phones(client, none):
    assert phones(client.send({"id_fatura": 11000, "telefone_adicional": none})) == ["37999931412"]


def test_an_empty_field_of_a_form_is_no_additional_phone(client):
    assert phones(client.send("id_fatura=11000&telefone_adicional[]=", headers=FORM)) == ["37999931412"]


REFUSED = [
    ({}, "Favor preencher o atributo (id_fatura)"),
    ({"id_fatura": None}, "Favor preencher o atributo (id_fatura)"),
    ({"id_fatura": 0}, "maior que 0"),
    ({"id_fatura": -1}, "maior que 0"),
    ({"id_fatura": True}, "maior que 0"),
    ({"id_fatura": 1.0}, "maior que 0"),
    ({"id_fatura": "1_000"}, "maior que 0"),
    ({"id_fatura": "1e3"}, "maior que 0"),
    ({"id_fatura": "１１０００"}, "maior que 0"),
    ({"id_fatura": "9" * 19}, "maior que 0"),
    ({"id_fatura": 10**18}, "maior que 0"),
    ({"id_fatura": [11000]}, "maior que 0"),
    ({"id_fatura": 424242}, "Fatura de ID 424242 não encontrada"),
    ({"id_fatura": 70221}, "A fatura de ID 70221 já encontra-se quitada com data de pagamento em "),
    ({"id_fatura": 70222}, "A fatura de ID 70222 está cancelada"),
    ({"id_fatura": 70217}, "Nenhum telefone celular válido para a fatura de ID 70217"),
    ({"id_fatura": 70219}, "Nenhum telefone celular válido para a fatura de ID 70219"),
    ({"id_fatura": 11000, "telefone_adicional": ["11988887777", "123"]}, "123"),
    ({"id_fatura": 11000, "telefone_adicional": ["20988887777"]}, "20988887777"),
    ({"id_fatura": 11000, "telefone_adicional": [True]}, "O telefone adicional true não é válido"),
    ({"id_fatura": 11000, "telefone_adicional": [{"a": 1}]}, "O telefone adicional {...} não é válido"),
    (
        {"id_fatura": 11000, "telefone_adicional": [["11988887777"]]},
        "O telefone adicional [...] não é válido",
    ),
    ({"id_fatura": 11000, "telefone_adicional": {"a": 1}}, "array de strings"),
    ({"id_fatura": 11000, "telefone_adicional": 1.5}, "array de strings"),
    ({"id_fatura": 11000, "telefone_adicional": [f"119888800{n:02}" for n in range(11)]}, "máximo 10"),
    ('{"id_fatura": 11000, "nome": "JOÃO"}'.encode("cp1252"), "não está em UTF-8"),
]


@pytest.mark.parametrize(("body", "says"), REFUSED)
def test_refusals_queue_nothing(house, client, body, says):
    before = count(house)
    answer = client.send(body)
    assert answer.status == 422
    assert list(answer.json) == ["status", "msg", "errors"]
    assert answer.json["status"] == "error"
    assert says in answer.json["msg"]
    assert all(isinstance(error, str) for error in answer.json["errors"])
    assert count(house) == before


def test_clients_set_to_hubsofts_codes_get_the_same_body_with_200(house, client):
    like_hubsoft = house.client(error_codes="hubsoft")
    for body, _ in REFUSED:
        rest, original = client.send(body), like_hubsoft.send(body)
        assert (original.status, original.raw) == (200, rest.raw)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("{", JSON, 422),
        ('{"id_fatura": NaN}', JSON, 422),
        ('{"id_fatura": 1' + "0" * 5000 + "}", JSON, 422),
        ('{"a":' * 20_00 + "1" + "}" * 20_00, JSON, 422),
        ('{"id_fatura": "\\ud800"}', JSON, 422),
        ('{"id_fatura": 11000, "telefone_adicional": ["\\ud800\\u0000"]}', JSON, 422),
        ('{"id_fatura": "1\\u0000"}', JSON, 422),
        ("[1]", JSON, 422),
        ('"x"', JSON, 422),
        ("<xml/>", {"Content-Type": "application/xml"}, 415),
        (b"\x1f\x8b", {**JSON, "Content-Encoding": "gzip"}, 415),
        (b"\x1f\x8b", {**JSON, "Content-Encoding": "identity, X-GZIP"}, 415),
        (b"\x28\xb5", {**JSON, "Content-Encoding": "zstd"}, 415),
        (b"{" + b" " * 70_000, JSON, 413),
        ("--X\r\nbroken", {"Content-Type": "multipart/form-data; boundary=X"}, 422),
        (
            '--X\r\nContent-Disposition: form-data; name="id_fatura"\r\n\r\n11000\r\n'
            '--X\r\nContent-Disposition: form-data; name="telefone_adicional[]"\r\n\r\n11988887777\r\n',
            {"Content-Type": "multipart/form-data; boundary=X"},
            422,
        ),
        ("x", {"Content-Type": "multipart/form-data"}, 422),
        (b"\xff\xfe\xfd", JSON, 422),
        ("&".join(f"a{n}=1" for n in range(2000)), FORM, 422),
    ],
)
def test_hostile_bodies_get_a_clear_answer(client, body, headers, status):
    answer = client.send(body, headers=headers)
    assert answer.status == status, answer.raw[:200]
    assert answer.json["status"] == "error"
    assert answer.json["msg"]


def test_phones_that_are_left_out_are_listed(client):
    answer = client.send({"id_fatura": 70215, "telefone_adicional": ["2133334444", "21987650006"]})
    assert phones(answer) == ["31987650001"]
    assert answer.json["disparo"]["ignorados"] == [
        {"telefone": "3133334444", "motivo": "telefone_fixo"},
        {"telefone": "2133334444", "motivo": "telefone_fixo"},
        {"telefone": "21987650006", "motivo": "descadastrado"},
    ]


def test_contacts_and_numbers_that_share_a_field(client):
    answer = client.send({"id_fatura": 70218})
    (contact,) = answer.json["job"]["telefones"]
    assert (contact["id_contato"], contact["origem"], contact["nome"]) == (
        501,
        "contato",
        "GABRIELA (FINANCEIRO)",
    )
    assert phones(client.send({"id_fatura": 70220})) == ["11987650007", "11987650008"]


def test_a_legacy_mobile_is_shown_as_registered_and_sent_with_nine_digits(house, client):
    answer = client.send({"id_fatura": 70216})
    assert phones(answer) == ["1187650002"]
    house.until_state(client, answer, "entregue")
    assert "+5511987650002" in {message["to"] for message in house.received("Bruno")}
