"""How the simulator behaves; told by `POST /v1/behaviour`, whole or in part."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Mode = Literal[
    "accept",
    "refuse",  # 400 with `code`, for good
    "throttle",  # 429 + Retry-After
    "no_credit",  # 402
    "bad_auth",  # 401
    "error",  # 500, nothing taken
    "error_taken",  # 500 after it was taken
    "redirect",  # 307 to itself
    "garbage",  # 200 with something that is no JSON
    "cut",  # taken, the answer breaks off in the middle
    "take_and_drop",  # taken, the connection closes without an answer
    "drop",  # not taken, the connection closes without an answer
    "hang",  # not taken, no answer
    "huge",  # an answer without end
    "die",  # the process ends at once, after it took the message
]
#: In these the message counts as taken: a handset would ring.
TAKING: frozenset[str] = frozenset({"accept", "error_taken", "cut", "take_and_drop", "garbage", "die"})


class Behaviour(BaseModel):
    """Every field may be left out; times are milliseconds."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode = "accept"
    every: int = Field(default=1, ge=1)  # the mode holds for every n-th call, the others are accepted
    code: str = Field(default="invalid_number", max_length=100)
    retry_after_s: int = Field(default=1, ge=0, le=3600)
    latency_ms: float = Field(default=0, ge=0, le=600_000)
    receipts: list[Literal["sent", "delivered", "undelivered", "strange"]] = ["sent", "delivered"]
    receipt_delay_ms: float = Field(default=300, ge=0, le=600_000)
    receipt_code: str | None = Field(default=None, max_length=100)
    receipt_times: int = Field(default=1, ge=0, le=10)  # each receipt is posted so often
