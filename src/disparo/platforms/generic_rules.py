"""The parts of a platform's table: conditions, answers, receipts, inbound texts, questions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from disparo.domain.outcome import FailureClass, OutcomeKind, ReceiptKind, SaidByPlatform
from disparo.platforms.placeholders import Secret, plain_address

_Outcome = Literal[OutcomeKind.REFUSED, OutcomeKind.NOT_TAKEN, OutcomeKind.AMBIGUOUS]
Words = str | list[str]
Xml = Annotated[str, AfterValidator(str.strip)]  # its declaration may have nothing before it
#: Classes that say: not now, not with this account. Nothing was taken, and it may be tried again.
_NOT_TAKEN = frozenset({FailureClass.CREDIT, FailureClass.AUTH, FailureClass.THROTTLE, FailureClass.NETWORK})


def outcome_of(failure: FailureClass) -> OutcomeKind:
    """Tell what a failure means for the message where the settings do not say."""
    return OutcomeKind.NOT_TAKEN if failure in _NOT_TAKEN else OutcomeKind.REFUSED


def one_or_more(given: object) -> object:
    """Take one as a list of it: of two types that a value may have, errors would name both."""
    return given if isinstance(given, list) else [given]


V = TypeVar("V")


def meaning(words: Mapping[str, V], word: str) -> V | None:
    """Give what a platform's word means, as it stands or else in other letters: `DELIVRD` is `delivrd` too.

    None where nothing is said of it, or where words that differ by their letters alone mean different things.
    """
    if word in words:
        return words[word]
    alike = {words[known] for known in words if known.casefold() == word.casefold()}
    return alike.pop() if len(alike) == 1 else None


class Strict(BaseModel):
    """A table in which an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(Strict):
    """Holds when everything that is given holds; paths are `data.id` or `items[0].id`."""

    status: list[int] | None = None
    path: Words | None = None
    equals: Words | None = None
    regex: str | None = None

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return compiles(value)


class ErrorRule(Condition):
    """What an answer that meets the condition means; without `outcome`, what its class says."""

    outcome: _Outcome | None = None
    failure: SaidByPlatform = FailureClass.UNKNOWN
    retry_after_s: Annotated[float | None, Field(ge=0, allow_inf_nan=False)] = None


class ReceiptRules(Strict):
    """How to read a call of the platform to our webhook, and how to know that it is the platform's."""

    items: str | None = None  # path of the list, where one call brings several
    id: Words | None = None
    reference: Words | None = None
    status: Words  # of several paths the first whose word is in `statuses`
    code: Words | None = None
    code_regex: str | None = None  # what of it is the code: the first group that is found
    carrier: str | None = None
    permanent: str | None = None  # a path; "false" there: the failure may pass, and marks no number
    statuses: dict[str, ReceiptKind]
    failures: dict[str, SaidByPlatform] = {}  # by code, else by status
    header: str | None = None  # a header that must hold `token`
    token_path: str | None = None  # or a field of the receipt that must hold it
    token: Secret | None = None  # itself, or `{segredo:NOME}`
    signature: Literal["hex_sha256", "twilio"] = "hex_sha256"
    hmac_header: str | None = None  # the signature of the call
    hmac_timestamp_header: str | None = None  # hex_sha256: this header's seconds are signed after the body
    hmac_key: Secret | None = None  # itself, or `{segredo:NOME}`
    reply: str = "OK"

    @field_validator("code_regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return compiles(value)

    @model_validator(mode="after")
    def _whole(self) -> ReceiptRules:
        if (self.token is None) != (self.header is None and self.token_path is None):
            raise ValueError("receipts: token precisa de header ou token_path, e o contrário")
        if (self.hmac_header is None) != (self.hmac_key is None):
            raise ValueError("receipts: hmac_header e hmac_key vão juntos")
        return self


class InboundRules(Strict):
    """How to read a text that somebody sent to us; it comes to the same address as receipts."""

    items: str | None = None
    when: Condition | None = None  # for each item; without it: where there are a text and a sender
    sender: Words | None = None
    text: Words
    id: str | None = None
    about_id: str | None = None  # the platform's id of the message of ours that it answers
    about_reference: str | None = None  # or our reference of it

    @model_validator(mode="after")
    def _whole(self) -> InboundRules:
        if self.when is not None and (self.when.status or self.when.regex):
            raise ValueError("inbound: when usa path e equals")
        if not (self.sender or self.about_id or self.about_reference):
            raise ValueError("inbound: precisa de sender, about_id ou about_reference")
        return self


class Question(Strict):
    """A call that asks the platform something; it sends no SMS.

    `url` may be whole, or relative to the address messages are sent to; `path` is put behind it.
    """

    method: Literal["GET", "POST"] = "GET"
    url: str = ""
    path: str = ""
    query: dict[str, str] = {}
    json_body: Annotated[dict[str, Any] | list[Any] | None, Field(alias="json")] = None
    form: dict[str, str] | None = None
    xml: Xml | None = None

    @field_validator("url")
    @classmethod
    def _plain_address(cls, url: str) -> str:
        return plain_address(url) if ":" in url.partition("/")[0] else relative_address(url)

    @model_validator(mode="after")
    def _has_one_body(self) -> Question:
        if sum(each is not None for each in (self.json_body, self.form, self.xml)) > 1:
            raise ValueError("use json ou form ou xml, só um deles")
        return self


class AskRules(Question):
    """How to ask what became of a message, by our reference or the platform's id; read as a receipt is.

    Where the answer is plain text, `text` says with named groups what stands where. `every_s` is between two
    questions.
    """

    answer: ReceiptRules
    text: str | None = None
    every_s: Annotated[float, Field(ge=0, le=86_400)] = 0.0

    @field_validator("text")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return compiles(value)


class PollRules(AskRules):
    """Asking for receipts that nobody brings: of messages without one for `after_s`."""

    after_s: Annotated[float, Field(ge=60, le=2_592_000)] = 600.0


class BalanceRules(Question):
    """What credit is left: the number at `answer`, or what `regex` finds; low below `low`.

    `decimal`: the sign before decimals, where it is always the same: in words `8.065` may be eight thousand.
    """

    answer: Words | None = None
    regex: str | None = None
    decimal: Literal[".", ","] | None = None
    low: Annotated[Decimal | None, Field(ge=0)] = None

    @field_validator("regex")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        return compiles(value)


class HealthRules(Question):
    """Whether the platform is there: the answer meets `good`.

    With `seen`, the path of a time (of each item, where the answer is a list), whether the newest is of the
    last `seen_within_s`: what stands behind a server that always answers, like a phone.
    """

    good: Condition = Condition(status=[200])
    seen: str | None = None
    seen_within_s: Annotated[float, Field(gt=0)] = 3600.0


class BatchRules(Strict):
    """Several messages in one call: `item` each, put in the place of "{itens}" in the platform's body.

    Answers are told apart by their place in the list at `items`, or by our reference at `reference`.
    """

    max: Annotated[int, Field(ge=1, le=1000)]
    item: dict[str, Any] | str  # in `xml` a text
    items: str | None = None  # None: the answer is the list itself
    reference: str | None = None  # None: they come in the order of the messages


class SegmentRules(Strict):
    """How the platform counts and cuts, in characters: GSM-7 and UCS-2, alone and in parts."""

    single: Annotated[int, Field(ge=2)] = 160
    part: Annotated[int, Field(ge=2)] = 153
    ucs2_single: Annotated[int, Field(ge=2)] = 70
    ucs2_part: Annotated[int, Field(ge=2)] = 67
    max_parts: Annotated[int, Field(ge=1)] = 10
    cuts_at_spaces: bool = False


class HttpSegmentRules(SegmentRules):
    """For who chooses the alphabet itself: with `ascii`, one accent puts a text in UCS-2."""

    alphabet: Literal["gsm7", "ascii"] = "gsm7"


def compiles(value: str | None) -> str | None:
    """Check a regular expression; raises ValueError in words."""
    if value is not None:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"expressão regular inválida: {error}") from error
    return value


def relative_address(url: str) -> str:
    """Check an address on the platform's own server; raises ValueError in words."""
    if url.startswith("//") or "{" in url or "\\" in url:
        raise ValueError("o endereço relativo não pode ter outro servidor nem marcadores")
    return url
