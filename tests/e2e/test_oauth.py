"""docs/api.md §2: tokens as clients in the field ask for them, and every way to be refused."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
from tests.support.client import DISPATCH, SEND, Client

TOKEN = "/oauth/token"


def ask(house, body, **kwargs):
    return house.anonymous.post(TOKEN, body, **kwargs)


def works(house, token):
    return Client(house.stage.base, token).get(DISPATCH).status == 200


def test_password_grant(house):
    account = house.account()
    answer = ask(house, {**account, "host": "x", "scope": ""}, headers={"Authorization": "Bearer stale"})
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert set(answer.json) == {"token_type", "expires_in", "access_token", "refresh_token"}
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_in"] == 2_592_000
    token = answer.json["access_token"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.get_unverified_header(token)["alg"] == "RS256"
    assert jwt.get_unverified_header(token)["jti"] == claims["jti"]
    assert claims["aud"] == str(account["client_id"])
    assert {"iat", "nbf", "exp", "sub", "scopes"} <= set(claims)
    assert works(house, token)


def test_the_client_id_may_be_a_string_and_the_body_a_form(house):
    account = house.account()
    assert ask(house, {**account, "client_id": str(account["client_id"])}).status == 200
    form = "&".join(f"{name}={value}" for name, value in account.items())
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert ask(house, form, headers=headers).status == 200
    assert ask(house, form, headers={"Content-Type": "application/json"}).status == 200


@pytest.mark.parametrize(
    ("change", "status", "error", "hint"),
    [
        ({"grant_type": None}, 400, "unsupported_grant_type", None),
        ({"grant_type": "client_credentials"}, 400, "unsupported_grant_type", None),
        ({"grant_type": ["password"]}, 400, "unsupported_grant_type", None),
        ({"client_id": None}, 400, "invalid_request", "client_id"),
        ({"client_secret": None}, 400, "invalid_request", "client_secret"),
        ({"client_id": 999_999}, 401, "invalid_client", None),
        ({"client_id": True}, 401, "invalid_client", None),
        ({"client_id": "1; DROP"}, 401, "invalid_client", None),
        ({"client_id": 10**40}, 401, "invalid_client", None),
        ({"client_secret": "wrong"}, 401, "invalid_client", None),
        ({"client_secret": "wrong", "password": "wrong"}, 401, "invalid_client", None),
        ({"client_secret": "wrong", "username": None}, 401, "invalid_client", None),
        ({"username": None}, 400, "invalid_request", "username"),
        ({"password": ""}, 400, "invalid_request", "password"),
        ({"password": "wrong"}, 401, "invalid_credentials", None),
        ({"username": "nobody@example.com"}, 401, "invalid_credentials", None),
        ({"username": "a\0b"}, 401, "invalid_credentials", None),
        ({"password": "\ud800"}, 401, "invalid_credentials", None),
        ({"password": "x" * 5000}, 401, "invalid_credentials", None),
        ({"grant_type": "refresh_token"}, 400, "invalid_request", "refresh_token"),
        ({"grant_type": "refresh_token", "refresh_token": "nope"}, 401, "invalid_request", None),
    ],
)
def test_refusals_grant_then_client_then_user(house, change, status, error, hint):
    body = {**house.account(), **change}
    answer = ask(house, {name: value for name, value in body.items() if value is not None})
    assert (answer.status, answer.json["error"]) == (status, error)
    assert answer.json["message"] == answer.json["error_description"]
    assert hint is None or hint in answer.json["hint"]


def test_an_unknown_user_looks_like_a_wrong_password(house):
    account = house.account()
    wrong = ask(house, {**account, "password": "x"})
    unknown = ask(house, {**account, "username": "x@example.com"})
    assert (wrong.status, wrong.raw) == (unknown.status, unknown.raw)
    assert wrong.json["message"] == "The user credentials were incorrect."


@pytest.mark.parametrize("body", ["{", "[]", "{}", "", "nonsense", "\0", '{"a":' * 5000, '{"a": NaN}'])
def test_bodies_that_are_none_are_a_clear_400(house, body):
    answer = ask(house, body, headers={"Content-Type": "application/json"})
    assert answer.status in (400, 415)
    assert answer.json["error"] in ("invalid_request", "unsupported_grant_type")


def test_earlier_tokens_stay_alive(house):
    account = house.account()
    tokens = [ask(house, account).json["access_token"] for _ in range(3)]
    assert all(works(house, token) for token in tokens)


def refresh(house, account, token):
    return ask(house, {**account, "grant_type": "refresh_token", "refresh_token": token})


def test_a_refresh_rotates_and_the_last_one_may_be_used_again_for_a_minute(house):
    account = house.account()
    first = ask(house, account).json["refresh_token"]
    second = refresh(house, account, first)
    again = refresh(house, account, first)
    assert second.status == again.status == 200
    assert len({first, second.json["refresh_token"], again.json["refresh_token"]}) == 3
    assert works(house, second.json["access_token"])


def test_two_workers_that_share_a_token_file_both_get_a_pair(house):
    account = house.account()
    token = ask(house, account).json["refresh_token"]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: refresh(house, account, token), range(8)))
    assert {answer.status for answer in answers} == {200}


def test_a_late_second_use_revokes_the_whole_family(house):
    account = house.account()
    first = ask(house, account).json
    second = refresh(house, account, first["refresh_token"]).json
    house.fetch(
        "UPDATE refresh_tokens SET rotated_at = rotated_at - interval '61 seconds' WHERE rotated_at IS NOT NULL"
    )
    stolen = refresh(house, account, first["refresh_token"])
    assert (stolen.status, stolen.json["error"]) == (401, "invalid_request")
    assert refresh(house, account, second["refresh_token"]).status == 401
    assert not works(house, second["access_token"])
    assert not works(house, first["access_token"])


def test_one_that_was_rotated_before_the_last_is_stolen_even_within_the_minute(house):
    account = house.account()
    first = ask(house, account).json["refresh_token"]
    second = refresh(house, account, first).json["refresh_token"]
    third = refresh(house, account, second).json["refresh_token"]
    assert refresh(house, account, first).status == 401
    assert refresh(house, account, third).status == 401  # nobody knows which of the two is the thief


def test_a_refresh_token_belongs_to_its_client(house):
    token = ask(house, house.account()).json["refresh_token"]
    assert refresh(house, house.account(), token).status == 401


def test_revocation_takes_effect_at_once(house):
    account = house.account()
    token = ask(house, account).json["access_token"]
    assert works(house, token)
    house.fetch("UPDATE users SET active = false WHERE email = $1", account["username"])
    assert not works(house, token)
    house.fetch("UPDATE users SET active = true WHERE email = $1", account["username"])
    jti = jwt.decode(token, options={"verify_signature": False})["jti"]
    house.fetch("UPDATE access_tokens SET revoked_at = now() WHERE jti = $1", jti)
    assert not works(house, token)


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def forgeries(house):
    good = ask(house, house.account()).json["access_token"]
    header, claims = jwt.get_unverified_header(good), jwt.decode(good, options={"verify_signature": False})
    public = house.value("SELECT public_pem FROM signing_keys")
    head, payload, signature = good.split(".")
    yield "missing", None
    yield "empty", "Bearer "
    yield "garbage", "Bearer abc.def.ghi"
    yield "basic", "Basic " + good
    yield "alg none", f"Bearer {part({**header, 'alg': 'none'})}.{payload}."
    key = public.encode()
    import hashlib
    import hmac

    signed = f"{part({**header, 'alg': 'HS256'})}.{payload}"
    mac = (
        base64.urlsafe_b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest())
        .rstrip(b"=")
        .decode()
    )
    yield "HS256 with the public key", f"Bearer {signed}.{mac}"
    yield "other claims", f"Bearer {head}.{part({**claims, 'sub': '1'})}.{signature}"
    yield "unknown kid", f"Bearer {part({**header, 'kid': 'x'})}.{payload}.{signature}"
    yield "huge", "Bearer " + "a" * 5000


def test_forged_tokens_are_401(house):
    for name, header in forgeries(house):
        answer = house.anonymous.post(SEND, {"id_fatura": 11000}, headers={"Authorization": header})
        assert (answer.status, answer.headers.get("www-authenticate")) == (401, "Bearer"), name
        assert answer.json == {"error": "Unauthenticated.", "message": "Unauthenticated."}, name


def test_the_scheme_may_have_any_case_or_be_missing(house, client):
    for header in (f"bearer {client.token}", f"BEARER  {client.token}", client.token):
        assert house.anonymous.get(DISPATCH, headers={"Authorization": header}).status == 200


def test_permissions(house):
    nobody = house.client(permissions=())
    answer = nobody.send({"id_fatura": 11000})
    assert (answer.status, answer.json["status"], answer.json["errors"]) == (403, "error", [])
    assert house.client(permissions=("send",)).post(f"{DISPATCH}/x/cancelar").status == 403


def test_secrets_and_passwords_are_stored_hashed(house):
    account = house.account()
    refresh_token = ask(house, account).json["refresh_token"]
    for table in ("users", "api_clients", "refresh_tokens", "access_tokens"):
        stored = str(house.fetch(f"SELECT * FROM {table}"))
        for secret in (account["client_secret"], account["password"], refresh_token):
            assert secret not in stored
