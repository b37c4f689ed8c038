"""What a retCode proves. By code, never by exception class; a code not listed proves nothing.

Source: Bybit V5, "Error Codes".
"""

from enum import StrEnum

from backstop.engine.events import Verdict


class Meaning(StrEnum):
    """`done`: already as wanted · `ambiguous`: it may have been taken, look it up."""

    DONE = "done"
    RETRY = "retry"
    AMBIGUOUS = "ambiguous"
    NOTHING_TO_REDUCE = "nothing_to_reduce"
    FINAL = "final"


OK = 0
CLOCK_OFF = 10002
TOO_MANY = 10006
DUPLICATE_LINK_ID = 110072

_DONE = {OK, 110043, 110025, 110026, 34040}
_RETRY = {CLOCK_OFF, TOO_MANY, 110079}
_NOTHING = {110017}
_FINAL = {
    10001, 10003, 10004, 10005, 10007, 10008, 10009, 10010, 10017, 10404, 33004, -2015, 30228,
    110001, 110003, 110004, 110006, 110007, 110008, 110009, 110010, 110012, 110013, 110020, 110021, 110023, 110024,
    110028, 110044, 110045, 110061, 110063, 110066, 110074, 110090, 110092, 110093, 110094, 110120, 110121, 110123,
    110124, 110125,
}  # fmt: skip

KEY_TROUBLE = frozenset({10003, 10004, 10005, 10007, 10008, 10009, 10010, 33004, -2015})
"""The key does not work (any more): the account is paused until its owner mends it."""

RESTARTING = 10019
"""The trade service ends this connection; what is under way may still be done."""

NOT_THIS_SOCKET = frozenset({10003, 10404, 20006})
"""The trade socket did not take the order: not logged in (any more), unknown there. It may go by REST."""

_WRONG_INDEX = "position idx not match"

_PASSED = frozenset({110092, 110093})


def meaning_of(code: int) -> Meaning:
    if code in _DONE:
        return Meaning.DONE
    if code in _RETRY:
        return Meaning.RETRY
    if code in _NOTHING:
        return Meaning.NOTHING_TO_REDUCE
    if code in _FINAL:
        return Meaning.FINAL
    return Meaning.AMBIGUOUS


def verdict_of(meaning: Meaning) -> Verdict | None:
    """The engine's word for a refusal; None where nothing was refused for certain."""
    match meaning:
        case Meaning.RETRY:
            return Verdict.RETRY
        case Meaning.NOTHING_TO_REDUCE:
            return Verdict.NOTHING_TO_REDUCE
        case Meaning.FINAL:
            return Verdict.FINAL
        case Meaning.DONE | Meaning.AMBIGUOUS:
            return None


def is_wrong_mode(code: int, message: str) -> bool:
    """Whether a position index was refused that the symbol's position mode does not have."""
    return code == 10001 and _WRONG_INDEX in message


def stop_already_passed(code: int, message: str) -> bool:
    """Whether a stop was refused because the price is beyond it already."""
    return code in _PASSED or (code == 10001 and "base_price" in message)
