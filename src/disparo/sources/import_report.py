"""The report of an imported file: what was stored, and what a person should know of the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from disparo.sources.columns import Proposal


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line that was not stored; `number` counts from 1, the header included."""

    number: int
    reason: str


@dataclass(slots=True)
class Report:
    """The result of an import; of many bad lines `bad` has only the first."""

    proposal: Proposal | None = None
    stored: int = 0
    bad_count: int = 0
    bad: list[BadLine] = field(default_factory=list)
    no_phone_count: int = 0
    no_phone_at: list[int] = field(default_factory=list)
    left_phones: Counter[str] = field(default_factory=Counter)

    @property
    def without_phone(self) -> str | None:
        """Say which good lines, the first of them, bring what is no phone; None where there is none."""
        count = self.no_phone_count
        if not count:
            return None
        where = ", ".join(map(str, self.no_phone_at)) + (" e outras" if count > len(self.no_phone_at) else "")
        lines = f"A linha {where} tem" if count == 1 else f"{count} linhas ({where}) têm"
        return f"{lines} no telefone o que não é um número do Brasil: ali não chega SMS."

    @property
    def with_old_phones(self) -> str | None:
        """Say how many customers keep another phone in a column that the file lacks; None: nobody."""
        told = [
            f"{name} ({count} {'cliente' if count == 1 else 'clientes'})"
            for name, count in sorted(self.left_phones.items())
            if count
        ]
        if not told:
            return None
        return (
            f"O que o arquivo não traz fica no cadastro e continua valendo: outro telefone em "
            f"{' e em '.join(told)}. Para tirá-lo, acrescente ao arquivo a coluna, vazia."
        )
