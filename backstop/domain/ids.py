"""Names of things, and the order ids derived from them.

Every order has one id for ever, derived from its cause, so that a retry, a second process or a recovery
names the same order. Bybit takes at most 36 characters of `[A-Za-z0-9_-]`, always unique
(Bybit V5, "Place Order", orderLinkId).
"""

from typing import NewType
from uuid import UUID

UserId = NewType("UserId", UUID)
AccountId = NewType("AccountId", UUID)
StrategyId = NewType("StrategyId", UUID)
SignalId = NewType("SignalId", UUID)
CommandId = NewType("CommandId", UUID)
PositionId = NewType("PositionId", UUID)
Symbol = NewType("Symbol", str)
Epoch = NewType("Epoch", int)
OrderLinkId = NewType("OrderLinkId", str)

_LONGEST = 36
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no letter that is read as another."""


def compact(uuid: UUID) -> str:
    """26 characters that stand for the same 128 bits."""
    number = uuid.int
    return "".join(_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))


def expand(text: str) -> UUID | None:
    """The UUID that `compact` wrote, or None if `text` is not one."""
    if len(text) != 26 or any(character not in _ALPHABET for character in text):
        return None
    number = 0
    for character in text:
        number = (number << 5) | _ALPHABET.index(character)
    return UUID(int=number) if number < 1 << 128 else None


def order_link_id(cause: UUID, leg: str, attempt: int = 1) -> OrderLinkId:
    """The id of the `attempt`-th order that `cause` asks for in its `leg`.

    Legs: `o` entry, `s` stop-loss, `t1`... take-profits, `c` close by command, `g` by signal, `r` of a reversal,
    `p` protective close, `h` halt, `e` time exit, `w` trailing stop; `x` and `b` name levels that only move a stop.
    """
    text = f"{compact(cause)}-{leg}-{attempt}"
    assert len(text) <= _LONGEST, text
    return OrderLinkId(text)


def next_attempt(link_id: OrderLinkId) -> OrderLinkId:
    """The id of the order that follows `link_id` for the same cause and leg. After a hundred attempts a long leg leaves no
    room for their number: they go on under a short one of the same kind."""
    cause, leg, attempt = link_id.split("-")
    following = f"{cause}-{leg}-{int(attempt) + 1}"
    return OrderLinkId(following if len(following) <= _LONGEST else f"{cause}-{leg[0]}x-{int(attempt) + 1}")


def attempt_of(link_id: OrderLinkId) -> int:
    """Which of the orders for its cause and leg it is; the first is 1."""
    return int(link_id.rpartition("-")[2])


def cause_of(link_id: str) -> UUID | None:
    """Whose order this is, or None when the id was not made by us."""
    parts = link_id.split("-")
    if len(parts) != 3 or not parts[2].isdigit():
        return None
    return expand(parts[0])
