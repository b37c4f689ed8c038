"""What every request handler gets and gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.exchange import Exchange
from simulator.model import Account, Refusal
from simulator.numbers import parse
from simulator.order_checks import MalformedError

Result = dict[str, Any] | Refusal


@dataclass(slots=True)
class Call:
    """One request: who asks, with what, when (ms), and the work to do once it is answered."""

    exchange: Exchange
    params: Mapping[str, Any]
    now_ms: int
    signer: Account | None = None
    received_ns: int = 0
    via: str = "rest"
    after: list[Callable[[], None]] = field(default_factory=list)

    @property
    def account(self) -> Account:
        """The account that signed; only for private handlers."""
        assert self.signer is not None, self
        return self.signer

    def text(self, name: str) -> str:
        """A parameter as text; "" when absent or null."""
        value = self.params.get(name)
        return "" if value is None else str(value)

    def whole(self, name: str, default: int, low: int = 0, high: int = 2**62) -> int:
        """A whole-number parameter.

        Raises:
            MalformedError: not a number, or out of range.
        """
        number = parse(self.params.get(name) or default)
        if number is None or not low <= number <= high:
            raise MalformedError(f"params error: {name} invalid")
        return int(number)


CATEGORIES = frozenset({"linear", "inverse", "spot", "option"})


def is_linear(call: Call) -> bool:
    """Whether a read is about linear contracts; of the other categories there is nothing here.

    Raises:
        MalformedError: not a category of Bybit's.
    """
    category = call.text("category")
    if category not in CATEGORIES:
        raise MalformedError("Illegal category")
    return category == "linear"


def empty_list(call: Call) -> dict[str, Any]:
    """The answer to a read of another category."""
    return {"category": call.text("category"), "list": [], "nextPageCursor": ""}


Handler = Callable[[Call], Result]
"""Answers a request with its result, or refuses it. May raise MalformedError, which is a refusal too."""


def answer(handler: Handler, call: Call) -> Result:
    """Run a handler; a parameter that can't be read becomes a refusal."""
    try:
        return handler(call)
    except MalformedError as error:
        return error.refusal
