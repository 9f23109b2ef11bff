"""What each preset's platform answers, as its documentation has it (field names, types and codes; values ours)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: An answer to a hand-over: (status, body, outcome, failure).
Answer = tuple[int, str, str, str | None]


@dataclass(frozen=True)
class Spec:
    """`receipts`: (file in payloads, kind, failure); `inbound`: (file, sender, text); `balance`: (body, amount);
    `asked`: (body, kind, failure), of a question about the message ref-1 with the platform's own id."""

    fill: dict[str, Any]
    on_the_wire: list[bytes]
    accepted: tuple[int, str]
    platform_id: str | None
    answers: list[Answer]
    receipts: list[tuple[str, str, str | None]] = field(default_factory=list)
    inbound: list[tuple[str, str | None, str]] = field(default_factory=list)
    balance: tuple[str, str] | None = None
    asked: tuple[str, str, str | None] | None = None
    guessed: tuple[str, ...] = ()  # classes whose answers could not be verified


def infobip(name: str, group: str, number: int = 1) -> str:
    return (
        '{"bulkId": "b1", "messages": [{"messageId": "ref-1", "destination": "5511988887777", "status": '
        f'{{"groupId": {number}, "groupName": "{group}", "id": 26, "name": "{name}", "description": "x"}}}}]}}'
    )


SPECS = {
    "zenvia": Spec(
        fill={"secrets": {"token": "s3cret"}, "values": {"remetente": "provedor"}},
        on_the_wire=[b"X-API-TOKEN: s3cret", b'"externalId": "ref-1"', b'"to": "5511988887777"', b'"from": "provedor"'],
        accepted=(200, '{"id": "7fd1-0001", "from": "provedor", "to": "5511988887777", "externalId": "ref-1"}'),
        platform_id="7fd1-0001",
        answers=[
            (400, '{"code": "VALIDATION_ERROR", "message": "Validation error", "details": []}', "refused", "unknown"),
            (401, '{"code": "AUTHENTICATION_ERROR", "message": "No authorization token"}', "not_taken", "auth"),
            (404, '{"code": "NOT_FOUND", "message": "Not found"}', "not_taken", "auth"),
            (409, '{"code": "DUPLICATED", "message": "Duplicated"}', "ambiguous", "unknown"),
            (500, '{"code": "INTERNAL_ERROR", "message": "Internal error"}', "ambiguous", "unknown"),
        ],
        receipts=[
            ("delivered.json", "delivered", None),
            ("only_message_id.json", "delivered", None),
            ("sent.json", "sent", None),
            ("rejected.json", "undelivered", "carrier"),
        ],
        inbound=[("inbound.json", "5511988887777", "Sair")],
    ),
    "infobip": Spec(
        fill={"secrets": {"chave": "s3cret"}, "values": {"remetente": "27700"}},
        on_the_wire=[b"Authorization: App s3cret", b'"messageId": "ref-1"', b'"sender": "27700"', b'{"messages": [{'],
        accepted=(200, infobip("PENDING_ACCEPTED", "PENDING")),
        platform_id="ref-1",
        answers=[
            (200, infobip("REJECTED_NOT_ENOUGH_CREDITS", "REJECTED", 5), "not_taken", "credit"),
            (200, infobip("REJECTED_PREFIX_MISSING", "REJECTED", 5), "refused", "number"),
            (200, infobip("REJECTED_DND", "REJECTED", 5), "refused", "opt_out"),
            (200, infobip("REJECTED_MESSAGE_TOO_LONG", "REJECTED", 5), "refused", "content"),
            (200, infobip("REJECTED_SENDER", "REJECTED", 5), "not_taken", "auth"),
            (200, infobip("REJECTED_FLOODING_FILTER", "REJECTED", 5), "not_taken", "throttle"),
            (200, infobip("REJECTED_ROUTE_NOT_AVAILABLE", "REJECTED", 5), "refused", "carrier"),
            (200, infobip("REJECTED_DUPLICATE_MESSAGE_ID", "REJECTED", 5), "ambiguous", "unknown"),
            (401, '{"errorCode": "E401", "description": "x", "action": "x", "violations": [], "resources": []}', "not_taken", "auth"),
            (429, '{"errorCode": "E429", "description": "x", "action": "x", "violations": [], "resources": []}', "not_taken", "throttle"),
            (500, '{"errorCode": "E500", "description": "x"}', "ambiguous", "unknown"),
        ],
        receipts=[
            ("delivered.json", "delivered", None),
            ("operator.json", "sent", None),
            ("expired.json", "undelivered", "expired"),
            ("unknown_subscriber.json", "undelivered", "number"),
            ("passing.json", "undelivered", "carrier"),
        ],
        inbound=[("inbound.json", "5511988887777", "SAIR")],
        balance=('{"balance": 47.79134, "currency": "BRL"}', "47.79134"),
        asked=(
            '{"results": [{"messageId": "ref-1", "to": "5511988887777", "status": {"groupId": 3, "groupName": "DELIVERED", '
            '"id": 5, "name": "DELIVERED_TO_HANDSET"}, "error": {"groupId": 0, "id": 0, "name": "NO_ERROR", "permanent": false}}]}',
            "delivered",
            None,
        ),
    ),
    "sinch_brasil": Spec(
        fill={"secrets": {"usuario": "isp", "token": "s3cret"}},
        on_the_wire=[b"authenticationtoken: s3cret", b"username: isp", b'"correlationId": "ref-1"', b'{"messages": [{'],
        accepted=(200, '{"id": "ba7c-0001", "messages": [{"id": "8a1c-0001", "correlationId": "ref-1"}]}'),
        platform_id="8a1c-0001",
        answers=[
            (400, "{}", "refused", "unknown"),
            (401, "{}", "not_taken", "auth"),
            (403, "{}", "not_taken", "auth"),
            (429, "{}", "not_taken", "throttle"),
            (503, "{}", "ambiguous", "unknown"),
        ],
        receipts=[
            ("carrier.json", "sent", None),
            ("handset.json", "delivered", None),
            ("opted_out.json", "undelivered", "opt_out"),
            ("no_credit.json", "undelivered", "credit"),
        ],
        inbound=[("inbound.json", "5511988887777", "sair ")],
        asked=(
            '{"smsStatuses": [{"id": "8a1c-0001", "correlationId": "ref-1", "carrierId": 1, "carrierName": "VIVO", "destination": '
            '"5511988887777", "sentStatusCode": 202, "sentStatus": "INVALID_DESTINATION_NUMBER", "sentAt": 1266660300000,}]}',
            "undelivered",
            "number",
        ),
    ),
    "smsdev": Spec(
        fill={"secrets": {"chave": "s3cret"}},
        on_the_wire=[b'"key": "s3cret"', b'"type": 9', b'"refer": "ref-1"', b'"number": "5511988887777"', b"\r\n\r\n[{"],
        accepted=(200, '[{"situacao": "OK", "codigo": "1", "id": "637849052", "descricao": "MENSAGEM NA FILA"}]'),
        platform_id="637849052",
        answers=[
            (200, '{"situacao": "OK", "codigo": "1", "id": "637849052", "descricao": "MENSAGEM NA FILA"}', "accepted", None),
            (200, '[{"situacao": "ERRO", "codigo": "400", "descricao": "MENSAGEM NAO INFORMADA"}]', "refused", "content"),
            (200, '[{"situacao": "ERRO", "codigo": "402", "descricao": "NUMERO INVALIDO"}]', "refused", "number"),
            (200, '[{"situacao": "ERRO", "codigo": "407", "descricao": "NUMERO INVALIDO"}]', "refused", "number"),
            (200, '{"situacao": "ERRO", "codigo": "403", "descricao": "KEY INVALIDA"}', "not_taken", "auth"),
            (200, '{"situacao": "ERRO", "codigo": "414", "descricao": "CONTA BLOQUEADA"}', "not_taken", "auth"),
            (200, '{"situacao": "ERRO", "codigo": "408", "descricao": "SALDO INSUFICIENTE"}', "not_taken", "credit"),
            (200, '[{"situacao": "ERRO", "codigo": "420", "descricao": "MENSAGEM MUITO LONGA"}]', "refused", "content"),
            (200, '[{"situacao": "ERRO", "codigo": "999", "descricao": "?"}]', "ambiguous", "unknown"),
        ],
        receipts=[("received.json", "delivered", None), ("blacklist.json", "undelivered", "opt_out")],
        inbound=[("inbound.json", "5511988887777", "PARE")],
        balance=('{"situacao": "OK", "saldo_sms": "1200", "descricao": "SALDO ATUAL"}', "1200"),
        asked=('{"situacao": "OK", "codigo": "1", "data_envio": "24112026120000", "operadora": "TIM", "descricao": "RECEBIDA"}', "delivered", None),
    ),
    "comtele": Spec(
        fill={"secrets": {"chave": "s3cret"}},
        on_the_wire=[b"auth-key: s3cret", b'"Receivers": "11988887777"', b'"Sender": "ref-1"'],
        accepted=(
            200,
            '{"Success": true, "Object": {"requestUniqueId": "c-1"}, "Message": "A requisicao de envio foi encaminhada para '
            'processamento com sucesso. Voce podera acompanhar o status pelos relatorios."}',
        ),
        platform_id="c-1",
        answers=[
            (
                400,
                '{"Success": false, "Object": null, "Message": "Não foi possível continuar, pois a quantidade de créditos é '
                'insuficiente. Para efetuar o envio é necessário ao menos 1 créditos."}',
                "not_taken",
                "credit",
            ),
            (
                200,
                '{"Success": false, "Object": {}, "Message": "A conta 12345 possui 0 credito(s), mas precisa de no minimo 1 '
                'credito(s) para poder enviar a mensagem."}',
                "not_taken",
                "credit",
            ),
            (400, '{"Success": false, "Object": null, "Message": "O parâmetro \'Content\' deve ser informado com conteúdo."}', "refused", "content"),
            (400, '{"Success": false, "Object": null, "Message": "É necessário informar ao menos um destinatário que irá receber o SMS."}', "refused", "number"),
            (400, '{"Success": false, "Object": null, "Message": "Object reference not set to an instance of an object."}', "refused", "unknown"),
            (401, "", "not_taken", "auth"),
            (429, "", "not_taken", "throttle"),
            (500, "", "ambiguous", "unknown"),
            (500, '{"Success": false, "Object": null, "Message": "Houve um time out na requisição."}', "ambiguous", "unknown"),
            (503, '{"Success": false, "Object": null, "Message": "Algum problema com o servidor."}', "ambiguous", "unknown"),
        ],
        receipts=[("delivered.json", "delivered", None), ("undelivered.json", "undelivered", "carrier")],
        inbound=[("inbound.json", "5511988887777", "CANCELAR")],
        balance=('{"Success": true, "Object": 350, "Message": null}', "350"),
        asked=(
            '{"Success": true, "Object": [{"Receiver": "11988887777", "Content": "Ola", "Status": "Error", "ScheduleDate": null, '
            '"RequestDate": "2026-11-24T10:00:00-03:00", "SystemMessage": "A mensagem não foi enviada, pois o número informado não é válido.", '
            '"DlrStatus": "Rejected", "Sender": "ref-1", "Credits": 1}], "Message": null}',
            "undelivered",
            "number",
        ),
    ),
    "kannel": Spec(
        fill={"secrets": {"usuario": "isp", "senha": "s3cret"}, "values": {"remetente": "27700"}},
        on_the_wire=[b"GET /sms?username=isp&password=s3cret&from=27700&to=%2B5511988887777", b"dlr-mask=31", b"&coding=0&", b"ref%3Dref-1%26tipo%3D%25d"],
        accepted=(202, "0: Accepted for delivery"),
        platform_id=None,
        answers=[
            (202, "3: Queued for later delivery", "accepted", None),
            (400, "Missing receiver number, rejected", "refused", "number"),
            (403, "Authorization failed for sendsms", "not_taken", "auth"),
            (503, "Temporal failure, try again later.", "not_taken", "throttle"),
        ],
        receipts=[
            ("delivered.query", "delivered", None),
            ("buffered.query", "other", None),
            ("carrier.query", "sent", None),
            ("rejected.query", "undelivered", "number"),
            ("wrong_ton.query", "undelivered", "unknown"),
            ("throttled.query", "undelivered", "throttle"),
            ("expired.query", "undelivered", "expired"),
        ],
        inbound=[("inbound.query", "+5511988887777", "Stop")],
    ),
    "jasmin": Spec(
        fill={"secrets": {"usuario": "isp", "senha": "s3cret"}, "values": {"remetente": "27700"}},
        on_the_wire=[b"username=isp", b"dlr-level=3", b"content=Ola"],
        accepted=(200, 'Success "07033084-5cfd-4812-90a4-e4d24ffb6e3d"'),
        platform_id="07033084-5cfd-4812-90a4-e4d24ffb6e3d",
        answers=[
            (400, 'Error "Mandatory arguments not found, please refer to the HTTPAPI specifications."', "refused", "content"),
            (403, 'Error "Authentication failure for username:isp"', "not_taken", "auth"),
            (400, 'Error "Argument [password] has an invalid value: [of more than 16]."', "not_taken", "auth"),
            (400, 'Error "Argument [dlr-url] has an invalid value: [sms.example]."', "not_taken", "auth"),
            (400, 'Error "Authorization failed for user [isp] (Setting source address not authorized)."', "not_taken", "auth"),
            (400, 'Error "Value filter failed for user [isp] (source_address filter mismatch)."', "not_taken", "auth"),
            (400, 'Error "Value filter failed for user [isp] (content filter mismatch)."', "refused", "content"),
            (400, 'Error "Authorization failed for user [isp] (Long content not authorized)."', "refused", "content"),
            (403, 'Error "Authorization failed for username:isp"', "not_taken", "auth"),
            (403, 'Error "Cannot charge submit_sm, check RouterPB log file for details"', "not_taken", "credit"),
            (403, 'Error "User throughput exceeded"', "not_taken", "throttle"),
            (403, 'Error "Interception specific error code 403"', "refused", "unknown"),
            (412, 'Error "No route found"', "not_taken", "carrier"),
            (500, 'Error "Cannot send submit_sm, check SMPPClientManagerPB log file for details"', "not_taken", "unknown"),
            (500, 'Error "Unknown error: timeout"', "ambiguous", "unknown"),
            (503, 'Error "InterceptorPB not connected !"', "not_taken", "unknown"),
        ],
        receipts=[
            ("level1.form", "sent", None),
            ("level2.form", "delivered", None),
            ("bad_number.form", "undelivered", "number"),
            ("refused.form", "undelivered", "unknown"),
            ("refused_by_carrier.form", "undelivered", "carrier"),
            ("tried_again.form", "other", None),
        ],
        inbound=[("inbound.form", "5511988887777", "parar")],
        balance=('{"balance": 100.5, "mt_quota": "ND"}', "100.5"),
    ),
    "android_sms_gateway": Spec(
        fill={"secrets": {"usuario": "isp", "senha": "s3cret"}, "receipts": {"hmac_key": "k"}},
        on_the_wire=[b"Authorization: Basic aXNwOnMzY3JldA==", b'"id": "ref-1"', b'"+5511988887777"', b'"ttl": 86400'],
        accepted=(202, '{"id": "ref-1", "state": "Pending", "recipients": [{"phoneNumber": "+5511988887777", "state": "Pending"}]}'),
        platform_id="ref-1",
        answers=[
            (409, '{"message": "duplicate id"}', "accepted", None),
            (400, '{"message": "invalid phone number"}', "refused", "unknown"),
            (400, '{"message": "failed to select device: record not found"}', "not_taken", "auth"),
            (401, "{}", "not_taken", "auth"),
            (500, '{"message": "internal error"}', "ambiguous", "unknown"),
            (503, '{"message": "queue limits exceeded: too old pending message: 2026-11-24T10:00:00Z"}', "not_taken", "throttle"),
            (503, '{"error": "QueueLimitExceeded", "message": "too many failed messages"}', "not_taken", "throttle"),
            (503, "upstream is away", "ambiguous", "unknown"),
        ],
        receipts=[("delivered.json", "delivered", None), ("failed.json", "undelivered", "unknown")],
        inbound=[("inbound.json", "+5511988887777", "SAIR")],
        asked=(
            '{"id": "ref-1", "state": "Failed", "recipients": [{"phoneNumber": "+5511988887777", "state": "Failed", '
            '"error": "Sending: Generic failure"}], "isHashed": false, "isEncrypted": false}',
            "undelivered",
            "unknown",
        ),
    ),
    "twilio": Spec(
        fill={"secrets": {"sid": "AC1", "token": "s3cret"}, "values": {"remetente": "MG1"}},
        on_the_wire=[b"Authorization: Basic QUMxOnMzY3JldA==", b"To=%2B5511988887777", b"MessagingServiceSid=MG1", b"ref%3Dref-1"],
        accepted=(201, '{"sid": "SM0001", "status": "accepted", "error_code": null}'),
        platform_id="SM0001",
        answers=[
            (400, '{"code": 21211, "message": "Invalid To", "more_info": "x", "status": 400}', "refused", "number"),
            (400, '{"code": 21609, "message": "The StatusCallback URL is not a valid URL", "more_info": "x", "status": 400}', "not_taken", "auth"),
            (400, '{"code": 21610, "message": "Unsubscribed", "more_info": "x", "status": 400}', "refused", "opt_out"),
            (400, '{"code": 21635, "message": "A landline", "more_info": "x", "status": 400}', "refused", "number"),
            (400, '{"code": 21617, "message": "Too long", "more_info": "x", "status": 400}', "refused", "content"),
            (400, '{"code": 21606, "message": "From", "more_info": "x", "status": 400}', "not_taken", "auth"),
            (401, '{"code": 20003, "message": "Authenticate", "more_info": "x", "status": 401}', "not_taken", "auth"),
            (429, '{"code": 20429, "message": "Too Many Requests", "more_info": "x", "status": 429}', "not_taken", "throttle"),
            (400, '{"code": 21611, "message": "Queue is full", "more_info": "x", "status": 400}', "not_taken", "throttle"),
            (500, "{}", "ambiguous", "unknown"),
        ],
        receipts=[("delivered.form", "delivered", None), ("undelivered.form", "undelivered", "number")],
        inbound=[("inbound.form", "+5511988887777", " párár ")],
        balance=('{"currency": "USD", "balance": "12.45", "account_sid": "AC1"}', "12.45"),
        asked=('{"sid": "SM0001", "status": "undelivered", "error_code": 30006, "error_message": null}', "undelivered", "number"),
    ),
    "smsbarato": Spec(
        fill={"secrets": {"chave": "s3cret"}},
        on_the_wire=[b"chave=s3cret", b"dest=11988887777", b"text=Ola"],
        accepted=(200, "10834952"),
        platform_id="10834952",
        answers=[
            (200, "ERRO1-1", "not_taken", "auth"),
            (200, "ERRO1-2", "not_taken", "auth"),
            (200, "ERRO1-3", "not_taken", "credit"),
            (200, "ERRO2", "refused", "number"),
            (200, "ERRO3", "refused", "content"),
            (200, "900", "not_taken", "auth"),
            (200, "010", "refused", "content"),
            (200, "013", "refused", "number"),
            (200, "ERRO9", "ambiguous", "unknown"),
            (500, "", "ambiguous", "unknown"),
        ],
        balance=("1.234,50", "1234.50"),
        asked=("F 2026-11-24 12:00:05", "undelivered", "unknown"),
    ),
    "disparopro": Spec(
        fill={"secrets": {"token": "s3cret"}},
        on_the_wire=[b"Authorization: Bearer s3cret", b'"numero": "5511988887777"', b'"parceiro_id": "ref-1"', b'"servico": "short"', b"\r\n\r\n[{"],
        accepted=(
            200,
            '{"status": 200, "detail": [{"id": 981001, "numero": "5511988887777", "parceiro_id": "ref-1", "codigo_status": "ACCEPTED", '
            '"codigo_detalhe": "000", "descricao_detalhe": "Accepted"}]}',
        ),
        platform_id="981001",
        answers=[
            (200, '{"status": 200, "detail": [{"numero": "5511988887777", "codigo_status": "02", "descricao_detalhe": "Enviado"}]}', "accepted", None),
            (200, '{"status": 200, "detail": {"id": "981001", "codigo_status": "ACCEPTED", "codigo_detalhe": "000"}}', "accepted", None),
            (200, '{"status": 200, "detail": [{"id": 981001, "codigo_status": "DELIVERED", "codigo_detalhe": "000"}]}', "accepted", None),
            (200, '{"status": 200, "detail": [{"id": 981001, "codigo_status": "UNKNOWN", "codigo_detalhe": "190"}]}', "ambiguous", "unknown"),
            (200, '{"status": 200, "detail": [{"numero": "5511988887777", "codigo_status": "03", "descricao_detalhe": "Entregue"}]}', "accepted", None),
            (200, '{"status": 200, "detail": [{"numero": "5511988887777", "codigo_status": "77", "descricao_detalhe": "?"}]}', "ambiguous", "unknown"),
            (401, '{"status": 401, "detail": "Unauthorized"}', "not_taken", "auth"),
            (429, "{}", "not_taken", "throttle"),
            (500, "{}", "ambiguous", "unknown"),
        ],
        balance=('{"status": 200, "detail": {"saldo": "50,35"}}', "50.35"),
        guessed=("auth", "throttle"),
    ),
    "smsmarket": Spec(
        fill={"secrets": {"usuario": "isp", "senha": "s3cret"}},
        on_the_wire=[b"Authorization: Basic aXNwOnMzY3JldA==", b"country_code=55&number=11988887777&content=Ola&type=0&campaign_id=ref-1"],
        accepted=(200, '{"success": true, "responseCode": "000", "responseDescription": "Success queued", "id": 990001}'),
        platform_id="990001",
        answers=[
            (200, '{"success": false, "responseCode": "001", "responseDescription": "Invalid user or password"}', "not_taken", "auth"),
            (200, '{"success": false, "responseCode": "002", "responseDescription": "Saldo insuficiente"}', "not_taken", "credit"),
            (200, '{"success": false, "responseCode": "003", "responseDescription": "Invalid number"}', "refused", "number"),
            (200, '{"success": false, "responseCode": "004", "responseDescription": "?", "number": "11988887777"}', "refused", "unknown"),
            (401, "", "not_taken", "auth"),
            (500, "", "ambiguous", "unknown"),
            (500, '{"success": false, "responseCode": "999", "responseDescription": "Internal error"}', "ambiguous", "unknown"),
        ],
        asked=(
            '{"responseCode": "000", "messages": [{"id": 990001, "campaign_id": "ref-1", "number": "5511988887777", "status": -5, '
            '"sent_date": "2026-11-24 10:00:00", "carrier_name": "VIVO"}]}',
            "undelivered",
            "opt_out",
        ),
        guessed=("auth", "credit", "number"),
    ),
    "smsfire": Spec(
        fill={"secrets": {"usuario": "isp", "token": "s3cret"}},
        on_the_wire=[b"Username: isp", b"Api_Token: s3cret", b'"to": "5511988887777"', b'"customId": "ref-1"', b'{"messages": [{'],
        accepted=(200, '{"batchId": "b-1", "messages": [{"id": "m-1", "statusCode": 0, "statusName": "ENROUTE"}]}'),
        platform_id="m-1",
        answers=[
            (200, '{"batchId": "b-1", "messages": [{"id": "m-1", "statusCode": 4, "statusName": "REJECTD"}]}', "refused", "carrier"),
            (200, '{"batchId": "b-1", "messages": [{"id": "m-1", "statusCode": 5, "statusName": "EXPIRED"}]}', "refused", "expired"),
            (200, '{"batchId": "b-1", "messages": [{"id": "m-1", "statusCode": 9, "statusName": "WAT"}]}', "ambiguous", "unknown"),
            (401, "{}", "not_taken", "auth"),
            (429, "{}", "not_taken", "throttle"),
            (500, "{}", "ambiguous", "unknown"),
        ],
        guessed=("auth", "throttle"),
    ),
    "totalvoice": Spec(
        fill={"secrets": {"token": "s3cret"}},
        on_the_wire=[b"Access-Token: s3cret", b'"numero_destino": "11988887777"', b'"mensagem": "Ola"', b'"resposta_usuario": true'],
        accepted=(200, '{"status": 200, "sucesso": true, "motivo": 0, "mensagem": "sms criado com sucesso", "dados": {"id": 4921}}'),
        platform_id="4921",
        answers=[
            (402, '{"status": 402, "sucesso": false, "motivo": 9, "mensagem": "saldo", "dados": null}', "not_taken", "credit"),
            (403, '{"status": 403, "sucesso": false, "motivo": 8, "mensagem": "permissao", "dados": null}', "not_taken", "auth"),
            (403, '{"status": 403, "sucesso": false, "motivo": 40, "mensagem": "token", "dados": null}', "not_taken", "auth"),
            (405, '{"status": 405, "sucesso": false, "motivo": 10, "mensagem": "faltam parametros", "dados": null}', "refused", "content"),
            (405, '{"status": 405, "sucesso": false, "motivo": 11, "mensagem": "parametro invalido", "dados": null}', "refused", "unknown"),
            (429, '{"status": 429, "sucesso": false, "motivo": 100, "mensagem": "limite", "dados": null}', "not_taken", "throttle"),
            (500, '{"status": 500, "sucesso": false, "motivo": 50, "mensagem": "erro interno", "dados": null}', "ambiguous", "unknown"),
        ],
        receipts=[("delivered.json", "delivered", None), ("blocked.json", "undelivered", "content")],
        inbound=[("inbound.json", None, "SAIR")],
        balance=('{"status": 200, "sucesso": true, "motivo": 0, "mensagem": "saldo atual", "dados": {"saldo": 100.25}}', "100.25"),
        asked=(
            '{"status": 200, "sucesso": true, "motivo": 0, "mensagem": "dados retornados com sucesso", "dados": {"id": 4921, '
            '"numero_destino": "11988887777", "mensagem": "Ola", "preco": 0.045, "status_envio": "bloqueado", "data_status": null, '
            '"resposta_usuario": false, "respostas": [], "tags": "ref-1"}}',
            "undelivered",
            "content",
        ),
    ),
    "iagente": Spec(
        fill={"secrets": {"usuario": "isp", "senha": "s3cret"}},
        on_the_wire=[b"metodo=envio&usuario=isp&senha=s3cret&celular=11988887777&mensagem=Ola&codigosms=ref-1"],
        accepted=(200, "OK"),
        platform_id=None,
        answers=[
            (200, "ERRO - Usuário ou senha inválidos", "not_taken", "auth"),
            (200, "ERRO - Saldo insuficiente", "not_taken", "credit"),
            (200, "ERRO - Celular inválido", "refused", "number"),
            (200, "ERRO - ?", "refused", "unknown"),
            (500, "", "ambiguous", "unknown"),
        ],
        inbound=[("inbound.json", "5511988887777", "sair")],
        guessed=("auth", "credit", "number"),
    ),
}  # fmt: skip
