"""Brazil's states, by their two letters or their names."""

from __future__ import annotations

import unicodedata

_NAMES = {
    "ACRE": "AC", "ALAGOAS": "AL", "AMAPA": "AP", "AMAZONAS": "AM", "BAHIA": "BA", "CEARA": "CE",
    "DISTRITO FEDERAL": "DF", "ESPIRITO SANTO": "ES", "GOIAS": "GO", "MARANHAO": "MA", "MATO GROSSO": "MT",
    "MATO GROSSO DO SUL": "MS", "MINAS GERAIS": "MG", "PARA": "PA", "PARAIBA": "PB", "PARANA": "PR",
    "PERNAMBUCO": "PE", "PIAUI": "PI", "RIO DE JANEIRO": "RJ", "RIO GRANDE DO NORTE": "RN",
    "RIO GRANDE DO SUL": "RS", "RONDONIA": "RO", "RORAIMA": "RR", "SANTA CATARINA": "SC", "SAO PAULO": "SP",
    "SERGIPE": "SE", "TOCANTINS": "TO",
}  # fmt: skip
#: The two letters of each.
UFS = frozenset(_NAMES.values())


def uf_of(text: str) -> str | None:
    """Give a state's two letters; None for what is neither they nor its name."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().upper()
    word = " ".join(bare.split())
    return word if word in UFS else _NAMES.get(word)
