"""The report of an imported file: what was stored, and what a person should know of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from disparo.sources.columns import Proposal

_KEPT_PLACES = 10
#: What a file may be that has several lines of one id, by its kind.
_OF_REPEATS = {
    "clientes": " Se há uma linha por contrato ou por telefone, só entram os telefones da última: ponha os "
    "outros em telefone_2 e telefone_3, ou importe-os como contatos.",
    "faturas": " Se são parcelas ou itens de uma fatura, a coluna do id não é a certa, ou o valor não é o "
    "total.",
}


@dataclass(frozen=True, slots=True)
class BadLine:
    """One line that was not stored; `number` counts from 1, the header included."""

    number: int
    reason: str


@dataclass(slots=True)
class Places:
    """Lines of a file: how many, and the numbers of the first."""

    count: int = 0
    first: list[int] = field(default_factory=list)

    def add(self, numbers: Sequence[int]) -> None:
        """Count more of them."""
        self.count += len(numbers)
        self.first += numbers[: _KEPT_PLACES - len(self.first)]

    def told(self, one: str, several: str) -> str:
        """Name them before a verb, for one and for several."""
        where = ", ".join(map(str, self.first)) + (" e outras" if self.count > len(self.first) else "")
        return f"A linha {where} {one}" if self.count == 1 else f"{self.count} linhas ({where}) {several}"


@dataclass(slots=True)
class Report:
    """The result of an import; of many bad lines `bad` has only the first."""

    kind: str
    proposal: Proposal | None = None
    stored: int = 0
    bad_count: int = 0
    bad: list[BadLine] = field(default_factory=list)
    no_phone: Places = field(default_factory=Places)
    garbled: Places = field(default_factory=Places)
    repeated: Places = field(default_factory=Places)
    left_phones: Counter[str] = field(default_factory=Counter)
    beside: str = ""
    hidden: int = 0

    @property
    def without_phone(self) -> str | None:
        """Say which good lines, the first of them, bring what is no phone; None where there is none."""
        if not self.no_phone.count:
            return None
        lines = self.no_phone.told("tem", "têm")
        return (
            f"{lines} no telefone o que não é um número do Brasil, ou um que só repete o mesmo dígito, como "
            "(11) 99999-9999: ali não chega SMS."
        )

    @property
    def with_garbled_names(self) -> str | None:
        """Say which good lines, the first of them, bring a name with spoiled accents; None: no line."""
        if not self.garbled.count:
            return None
        lines = self.garbled.told("traz um nome", "trazem nomes")
        return (
            f"{lines} com os acentos trocados, como “JosÃ©” por “José”: o SMS sairia com outro nome. "
            "Exporte o arquivo outra vez, sem o abrir e salvar numa planilha."
        )

    @property
    def with_repeats(self) -> str | None:
        """Say which lines, the first of them, bring an id that came before; None where none does."""
        if not self.repeated.count:
            return None
        lines = self.repeated.told("traz", "trazem")
        hint = _OF_REPEATS.get(self.kind, "")
        return f"{lines} um id que já veio antes neste arquivo: de cada um vale só a última.{hint}"

    @property
    def told(self) -> list[str]:
        """Say what a person should know of the lines that are stored."""
        told = (
            self.beside.strip(),
            self.with_hidden,
            self.with_repeats,
            self.with_garbled_names,
            self.without_phone,
            self.with_old_phones,
        )
        return [said for said in told if said]

    @property
    def with_hidden(self) -> str | None:
        """Say how many rows a spreadsheet hides, as those that a filter leaves out; None: none."""
        if not self.hidden:
            return None
        lines = (
            "1 linha oculta, que também foi lida"
            if self.hidden == 1
            else f"{self.hidden} linhas ocultas, que também foram lidas"
        )
        return f"A planilha tem {lines}. Para que fiquem de fora, copie só as visíveis para outra planilha."

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
