"""The armed levels, so that a tick that crosses nothing costs one comparison a direction, however many are armed.

Comparing as float is exact here: prices of at most 15 significant digits keep their order when parsed to doubles.
Money is not computed in float.
"""

from dataclasses import dataclass
from typing import Any

from sortedcontainers import SortedList

from backstop.domain.ids import AccountId, OrderLinkId, Symbol
from backstop.domain.protection import Level, PriceSource


@dataclass(frozen=True, slots=True)
class Watched:
    """A level and whose it is."""

    account_id: AccountId
    level: Level


class _Ladder:
    """Levels of one symbol in one direction; the one that is crossed first lies at the end."""

    def __init__(self, *, below: bool) -> None:
        self._sign = 1.0 if below else -1.0
        self._keys: Any = SortedList()
        self.next = float("-inf")
        """The signed price of the level that is crossed first."""

    def add(self, price: float, close_id: OrderLinkId) -> None:
        self._keys.add((price * self._sign, close_id))
        self.next = self._keys[-1][0]

    def remove(self, price: float, close_id: OrderLinkId) -> None:
        self._keys.remove((price * self._sign, close_id))
        self.next = self._keys[-1][0] if self._keys else float("-inf")

    def crossed(self, price: float) -> list[OrderLinkId]:
        signed = price * self._sign
        if signed > self.next:
            return []
        found = []
        while self._keys and self._keys[-1][0] >= signed:
            found.append(self._keys.pop()[1])
        self.next = self._keys[-1][0] if self._keys else float("-inf")
        return found


class TriggerBook:
    """All armed levels of one environment, by symbol and the price they are compared with."""

    def __init__(self) -> None:
        self._ladders: dict[PriceSource, dict[Symbol, tuple[_Ladder, _Ladder]]] = {source: {} for source in PriceSource}
        self._watched: dict[OrderLinkId, Watched] = {}

    def __len__(self) -> int:
        return len(self._watched)

    def arm(self, account_id: AccountId, level: Level) -> None:
        """Watch a level; one with the same close id is replaced."""
        self.disarm(level.close_id)
        ladders = self._ladders[level.trigger_by]
        falling, rising = ladders.setdefault(level.symbol, (_Ladder(below=True), _Ladder(below=False)))
        (falling if level.fires_below else rising).add(float(level.price), level.close_id)
        self._watched[level.close_id] = Watched(account_id, level)

    def disarm(self, close_id: OrderLinkId) -> None:
        watched = self._watched.pop(close_id, None)
        if watched is not None:
            level = watched.level
            falling, rising = self._ladders[level.trigger_by][level.symbol]
            (falling if level.fires_below else rising).remove(float(level.price), close_id)

    def disarm_account(self, account_id: AccountId) -> None:
        for close_id in [key for key, watched in self._watched.items() if watched.account_id == account_id]:
            self.disarm(close_id)

    def cross(self, symbol: Symbol, price: float, source: PriceSource = PriceSource.LAST) -> list[Watched]:
        """The levels reached by the `price` of that source, which are watched no longer."""
        ladders = self._ladders[source].get(symbol)
        if ladders is None:
            return []
        crossed = ladders[0].crossed(price) + ladders[1].crossed(price)
        return [self._watched.pop(close_id) for close_id in crossed]
