"""Whose word on the caller's address counts."""

from __future__ import annotations

import pytest

from disparo.api.callers import Callers
from disparo.api.doors import doors_of


def settled(peer, *forwarded, proto=None, trusted=("10.0.0.0/8",)):
    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    headers += [(b"x-forwarded-proto", proto.encode())] if proto else []
    scope = {"client": (peer, 1234), "headers": headers, "scheme": "http"}
    Callers(trusted).settle(scope)
    return scope


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("8.8.8.8", None, "8.8.8.8"),
        ("8.8.8.8", "1.1.1.1", "8.8.8.8"),  # nobody asked a stranger
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),  # what stands left of it is the caller's own word
        ("10.0.0.1", "1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("10.0.0.1", "1.1.1.1:4444", "1.1.1.1"),
        ("10.0.0.1", "[2001:db8::1]:80", "2001:db8::1"),
        ("10.0.0.1", "::ffff:1.1.1.1", "1.1.1.1"),
        ("::ffff:10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "unknown", "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1, unknown", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
    ],
)
def test_the_nearest_that_is_no_proxy_of_ours_is_the_caller(peer, forwarded, caller):
    lines = [] if forwarded is None else [forwarded]
    assert settled(peer, *lines)["client"] == (caller, 1234)


@pytest.mark.parametrize(
    ("forwarded", "is_told"),
    [("1.1.1.1", True), ("10.0.0.2", True), ("unknown", False), ("1.1.1.1, unknown", False), ("", False)],
)
def test_who_is_not_told_is_not_taken_for_the_proxy(forwarded, is_told):
    """Figures are open to the machine itself, which a proxy on it would seem to be."""
    assert settled("10.0.0.1", forwarded)["state"]["is_spoken_for"] is not is_told


def test_a_proxy_may_write_a_line_of_its_own():
    assert settled("10.0.0.1", "6.6.6.6, 1.1.1.1", "10.0.0.2")["client"][0] == "1.1.1.1"
    assert settled("10.0.0.1", "6.6.6.6", "1.1.1.1")["client"][0] == "1.1.1.1"


def test_the_scheme_is_the_proxys_word_too():
    assert settled("10.0.0.1", "1.1.1.1", proto="https")["scheme"] == "https"
    assert settled("8.8.8.8", "1.1.1.1", proto="https")["scheme"] == "http"
    assert settled("10.0.0.1", "1.1.1.1", proto="gopher")["scheme"] == "http"


def test_without_trusted_proxies_no_word_counts():
    assert settled("127.0.0.1", "1.1.1.1", trusted=())["client"][0] == "127.0.0.1"


def door(**table):
    return doors_of({"p": {"url": "http://x.example/", **table}}).get("p")


def test_two_secrets_live_while_one_replaces_the_other():
    both = door(webhook_secret=["new", "old"])
    assert [both.opens_to(secret, "1.1.1.1") for secret in ("new", "old", "other", "")] == [
        True,
        True,
        False,
        False,
    ]


def test_a_platform_without_a_secret_has_no_door():
    assert door() is None
    assert door(webhook_secret="") is None


def test_a_door_opens_only_to_its_sources():
    narrow = door(webhook_secret="s", sources=["45.233.20.0/24"])
    assert narrow.opens_to("s", "45.233.20.7")
    assert not narrow.opens_to("s", "45.233.21.7")
    assert not narrow.opens_to("s", "local")
