"""What each preset's platform answers, as its documentation has it (field names, types and codes; values ours)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

K = {"ok": "accepted", "no": "refused", "later": "not_taken", "?": "ambiguous"}


@dataclass(frozen=True)
class Spec:
    """`answers`: (status, body, outcome, failure); `receipts`: (file in payloads, kind, failure)."""

    fill: dict[str, Any]
    on_the_wire: list[bytes]
    accepted: tuple[int, str]
    platform_id: str | None
    answers: list[tuple[int, str, str, str | None]]
    receipts: list[tuple[str, str, str | None]] = field(default_factory=list)


SPECS = {
    "zenvia": Spec(
        fill={"secrets": {"token": "s3cret"}, "values": {"remetente": "provedor"}},
        on_the_wire=[b"X-API-TOKEN: s3cret", b'"externalId": "ref-1"', b'"to": "5511988887777"', b'"from": "provedor"'],
        accepted=(200, '{"id": "7fd1-0001", "from": "provedor", "to": "5511988887777", "externalId": "ref-1"}'),
        platform_id="7fd1-0001",
        answers=[
            (400, '{"code": "VALIDATION_ERROR", "message": "Validation error", "details": []}', "refused", "unknown"),
            (401, '{"code": "AUTHENTICATION_ERROR", "message": "No authorization token"}', "not_taken", "auth"),
            (500, '{"code": "INTERNAL_ERROR", "message": "Internal error"}', "ambiguous", "unknown"),
        ],
        receipts=[("delivered.json", "delivered", None), ("sent.json", "sent", None), ("rejected.json", "undelivered", "unknown")],
    ),
    "infobip": Spec(
        fill={"secrets": {"chave": "s3cret"}, "values": {"remetente": "27700"}},
        on_the_wire=[b"Authorization: App s3cret", b'"messageId": "ref-1"', b'"sender": "27700"'],
        accepted=(
            200,
            '{"bulkId": "b1", "messages": [{"messageId": "ref-1", "destination": "5511988887777", "status": '
            '{"groupId": 1, "groupName": "PENDING", "id": 26, "name": "PENDING_ACCEPTED", "description": "x"}}]}',
        ),
        platform_id="ref-1",
        answers=[
            (
                200,
                '{"messages": [{"messageId": "ref-1", "status": {"groupId": 5, "groupName": "REJECTED", "id": 12, '
                '"name": "REJECTED_NOT_ENOUGH_CREDITS", "description": "x"}}]}',
                "refused",
                "unknown",
            ),
            (401, '{"errorCode": "E401", "description": "x"}', "not_taken", "auth"),
            (429, '{"errorCode": "E429", "description": "x"}', "not_taken", "throttle"),
        ],
        receipts=[("delivered.json", "delivered", None), ("expired.json", "undelivered", "unknown")],
    ),
    "sinch_brasil": Spec(
        fill={"secrets": {"usuario": "isp", "token": "s3cret"}},
        on_the_wire=[b"authenticationtoken: s3cret", b"username: isp", b'"correlationId": "ref-1"'],
        accepted=(200, '[{"id": "8a1c-0001", "correlationId": "ref-1"}]'),
        platform_id="8a1c-0001",
        answers=[(401, "{}", "not_taken", "auth"), (503, "{}", "ambiguous", "unknown")],
        receipts=[
            ("carrier.json", "sent", None),
            ("handset.json", "delivered", None),
            ("opted_out.json", "undelivered", "opt_out"),
        ],
    ),
    "smsdev": Spec(
        fill={"secrets": {"chave": "s3cret"}},
        on_the_wire=[b"key=s3cret", b"type=9", b"refer=ref-1", b"number=5511988887777"],
        accepted=(200, '{"situacao": "OK", "codigo": "1", "id": "637849052", "descricao": "MENSAGEM NA FILA"}'),
        platform_id="637849052",
        answers=[
            (200, '{"situacao": "ERRO", "codigo": "402", "descricao": "NUMERO INVALIDO"}', "refused", "number"),
            (200, '{"situacao": "ERRO", "codigo": "403", "descricao": "KEY INVALIDA"}', "not_taken", "auth"),
            (200, '{"situacao": "ERRO", "codigo": "408", "descricao": "SALDO INSUFICIENTE"}', "not_taken", "credit"),
            (200, '{"situacao": "ERRO", "codigo": "999", "descricao": "?"}', "ambiguous", "unknown"),
        ],
        receipts=[("received.json", "delivered", None), ("blacklist.json", "undelivered", "opt_out")],
    ),
    "comtele": Spec(
        fill={"secrets": {"chave": "s3cret"}},
        on_the_wire=[b"auth-key: s3cret", b'"Receivers": "11988887777"', b'"Sender": "ref-1"'],
        accepted=(200, '{"Success": true, "Message": "ok", "Object": {"requestUniqueId": "c-1"}}'),
        platform_id="c-1",
        answers=[
            (200, '{"Success": false, "Message": "Créditos insuficientes", "Object": null}', "refused", "unknown"),
            (401, "{}", "not_taken", "auth"),
        ],
    ),
    "kannel": Spec(
        fill={"secrets": {"usuario": "isp", "senha": "s3cret"}, "values": {"remetente": "27700"}},
        on_the_wire=[b"GET /sms?username=isp&password=s3cret&from=27700&to=%2B5511988887777", b"dlr-mask=31", b"ref%3Dref-1%26tipo%3D%25d"],
        accepted=(202, "0: Accepted for delivery"),
        platform_id=None,
        answers=[
            (202, "3: Queued for later delivery", "accepted", None),
            (400, "Missing receiver number, rejected", "refused", "unknown"),
            (403, "Authorization failed for sendsms", "not_taken", "auth"),
            (503, "Temporal failure, try again later.", "not_taken", "throttle"),
        ],
        receipts=[("delivered.query", "delivered", None), ("rejected.query", "undelivered", "unknown")],
    ),
    "jasmin": Spec(
        fill={"secrets": {"usuario": "isp", "senha": "s3cret"}, "values": {"remetente": "27700"}},
        on_the_wire=[b"username=isp", b"dlr-level=3", b"content=Ola"],
        accepted=(200, 'Success "07033084-5cfd-4812-90a4-e4d24ffb6e3d"'),
        platform_id="07033084-5cfd-4812-90a4-e4d24ffb6e3d",
        answers=[
            (403, 'Error "Authentication failure for username:isp"', "not_taken", "auth"),
            (412, 'Error "No route found"', "refused", "number"),
        ],
        receipts=[("level1.form", "sent", None), ("level2.form", "delivered", None)],
    ),
    "android_sms_gateway": Spec(
        fill={"secrets": {"usuario": "isp", "senha": "s3cret"}, "receipts": {"hmac_key": "k"}},
        on_the_wire=[b"Authorization: Basic aXNwOnMzY3JldA==", b'"id": "ref-1"', b'"+5511988887777"'],
        accepted=(202, '{"id": "ref-1", "state": "Pending", "recipients": [{"phoneNumber": "+5511988887777", "state": "Pending"}]}'),
        platform_id="ref-1",
        answers=[(409, '{"message": "duplicate id"}', "accepted", None), (401, "{}", "not_taken", "auth")],
        receipts=[("delivered.json", "delivered", None), ("failed.json", "undelivered", "unknown")],
    ),
    "twilio": Spec(
        fill={"secrets": {"sid": "AC1", "token": "s3cret"}, "values": {"remetente": "MG1"}},
        on_the_wire=[b"Authorization: Basic QUMxOnMzY3JldA==", b"To=%2B5511988887777", b"MessagingServiceSid=MG1", b"ref%3Dref-1"],
        accepted=(201, '{"sid": "SM0001", "status": "accepted", "error_code": null}'),
        platform_id="SM0001",
        answers=[
            (400, '{"code": 21211, "message": "Invalid To", "status": 400}', "refused", "number"),
            (400, '{"code": 21610, "message": "Unsubscribed", "status": 400}', "refused", "opt_out"),
            (401, '{"code": 20003, "message": "Authenticate", "status": 401}', "not_taken", "auth"),
            (429, '{"code": 20429, "message": "Too Many Requests", "status": 429}', "not_taken", "throttle"),
            (500, "{}", "ambiguous", "unknown"),
        ],
        receipts=[("delivered.form", "delivered", None), ("undelivered.form", "undelivered", "number")],
    ),
}  # fmt: skip
