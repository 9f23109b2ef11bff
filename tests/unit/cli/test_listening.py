"""With which certificate a server listens."""

from __future__ import annotations

from pathlib import Path

import pytest

from disparo.cli.listening import certificate_of
from disparo.errors import SettingsInvalid
from disparo.settings import Settings


@pytest.mark.parametrize(
    ("given", "own", "said"),
    [
        ({"tls_certificate": Path("c.pem"), "tls_key": Path("k.pem")}, True, "Escolha: --tls-self-signed"),
        ({"tls_certificate": Path("c.pem")}, False, "Informe os dois"),
        ({"tls_key": Path("k.pem")}, True, "Escolha: --tls-self-signed"),
    ],
)
def test_which_certificate_is_meant_must_be_clear(given, own, said, tmp_path):
    with pytest.raises(SettingsInvalid, match=said):
        certificate_of(Settings(data_dir=tmp_path, **given), own=own)
    assert not list(tmp_path.iterdir())
