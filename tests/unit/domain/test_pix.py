"""A Pix code that cannot be paid is told from one that can."""

from __future__ import annotations

import pytest

from disparo.domain.pix import is_pix_code

#: The manual's own.
CODE = (
    "00020126580014br.gov.bcb.pix0136123e4567-e12b-12d1-a456-426655440000"
    "5204000053039865802BR5913Fulano de Tal6008BRASILIA62070503***63041D3D"
)


def test_a_whole_code_is_one():
    assert is_pix_code(CODE)
    assert is_pix_code(CODE[:-4] + "1d3d")
    assert is_pix_code(CODE.replace("BRASILIA", "BRASÍLIA"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "Sim",
        "12345678000195",
        "https://pix.example.com/qr/1",
        CODE[:-1],
        CODE[:60],
        CODE.replace("Fulano", "Fulana"),
        CODE.replace(" ", "  ", 1),
    ],
)
def test_what_nobody_can_pay_is_none(text):
    assert not is_pix_code(text)
