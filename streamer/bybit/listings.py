"""What a listing tells. Anything that is not what it should be is no answer: never less than was there, and never an error
of another kind.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from backstop.domain.ids import Symbol
from streamer.bybit import codec
from streamer.bybit.answers import NoAnswer
from streamer.bybit.public import Ticker

_T = TypeVar("_T")


def list_of(result: Mapping[str, Any]) -> list[Any]:
    """The rows of a result. Raises `NoAnswer` when it has none, not even an empty list."""
    listed = result.get("list")
    if not isinstance(listed, list):
        raise NoAnswer("the reply holds no list")
    return listed


def read(reader: Callable[[codec.Fields], _T], row: object) -> _T:
    """One row. Raises `codec.Unreadable`, also for what is no row at all."""
    if not isinstance(row, Mapping):
        raise codec.Unreadable(f"no row: {str(row)[:100]}")
    return reader(row)


def read_all(reader: Callable[[codec.Fields], _T], rows: Iterable[object]) -> list[_T]:
    """All rows, or `NoAnswer`: what is told of a part would be taken for the whole."""
    try:
        return [read(reader, row) for row in rows]
    except codec.Unreadable as error:
        raise NoAnswer(f"not understood: {error}") from None


def read_ticker(row: object, at: object) -> Ticker | None:
    """A row of /v5/market/tickers in a reply made at `at`. None where symbol, prices or time are none: it tells no price."""
    if not isinstance(row, Mapping) or not isinstance(at, int):
        return None
    names = ("symbol", "lastPrice", "markPrice", "indexPrice")
    symbol, last, mark, index = (row.get(name, "") for name in names)
    if not (isinstance(symbol, str) and isinstance(last, str) and isinstance(mark, str) and isinstance(index, str)):
        return None
    return Ticker(Symbol(symbol), last, mark, index, at)
