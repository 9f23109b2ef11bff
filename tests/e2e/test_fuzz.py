"""Whatever comes in: no 5xx, no undeclared answer.

The ordinary run tries the same every time; DISPARO_FUZZ_EXAMPLES=2000 is the long form, and tries others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.client import SEND

IS_LONG = "DISPARO_FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("DISPARO_FUZZ_EXAMPLES", "25"))
pytestmark = [pytest.mark.timeout(0)] if IS_LONG else []
#: Checks that contradict the contract: it takes more than its schema says, and refuses what fits the schema.
EXCLUDED = {
    "positive_data_acceptance": "a well-formed id of an invoice that is not there is a refusal (422) by contract",
}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
ids = st.one_of(
    st.sampled_from([11000, "11000", " 70215 ", "0", "-1", "1e3", "１１", 10**18, 2**63, "9" * 18]),
    st.integers(),
    st.text(max_size=25),
    values,
)
phones = st.one_of(
    st.lists(st.text(alphabet="0123456789+-() x", max_size=20) | values, max_size=12),
    st.lists(st.from_regex(r"[1-9][1-9]9[0-9]{8}", fullmatch=True), max_size=11),
    values,
)
bodies = st.fixed_dictionaries(
    {}, optional={"id_fatura": ids, "telefone_adicional": phones, "email_adicional": phones}
)
labels = st.sampled_from(
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "",
    ]
)
DECLARED = {200, 413, 415, 422}
many = settings(
    max_examples=max(100, EXAMPLES),
    derandomize=not IS_LONG,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check(answer):
    assert answer.status in DECLARED, answer.raw[:300]
    found = answer.json
    if answer.status == 200:
        assert found["job"]["telefones"]
    else:
        assert (found["status"], type(found["msg"]), type(found["errors"])) == ("error", str, list)


@many
@given(body=bodies)
def test_json_bodies(client, body):
    check(client.send(json.dumps(body), headers={"Content-Type": "application/json"}))


@many
@given(body=st.binary(max_size=400), label=labels)
def test_raw_bytes_under_any_label(client, body, label):
    check(client.send(body, headers={"Content-Type": label}))


@many
@given(
    pairs=st.lists(
        st.tuples(
            st.sampled_from(["id_fatura", "telefone_adicional[]", "telefone_adicional", "x[y]"]),
            st.text(max_size=20),
        )
    )
)
def test_forms(client, pairs):
    from urllib.parse import quote

    body = "&".join(f"{quote(name)}={quote(value.encode('utf-8', 'replace'))}" for name, value in pairs)
    check(client.send(body, headers={"Content-Type": "application/x-www-form-urlencoded"}))


def test_the_document_holds_for_everything_a_schema_driven_fuzzer_thinks_of(house, tmp_path):
    token = house.client(rate_per_s=0.0).token
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{house.stage.base}/openapi.json",
            "--header",
            f"Authorization: Bearer {token}",
            "--max-examples",
            str(EXAMPLES),
            "--exclude-checks",
            ",".join(EXCLUDED),
            "--continue-on-failure",
            "--no-color",
            *(() if IS_LONG else ("--generation-deterministic",)),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-4000:]
    document = house.anonymous.get("/openapi.json").json
    assert f"Tested: {sum(map(len, document['paths'].values()))}" in done.stdout
    assert not house.value("SELECT count(*) FROM messages WHERE status = 'held'")
    assert SEND in document["paths"]
