"""The trader's side: strategies, the alerts of their sources, and what the trader does in the dashboard."""

from collections.abc import Callable, Collection
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from backstop.domain.entry import AT_MARKET, LimitEntry
from backstop.domain.ids import CommandId, SignalId, StrategyId, Symbol
from backstop.domain.limits import HaltLevel, Limits
from backstop.domain.money import Price, Qty
from backstop.domain.position import Position, PositionStatus
from backstop.domain.protection import BreakEven, PriceMark, PriceSource, Protection, TakeProfit, Trailing
from backstop.domain.side import PositionSide
from backstop.domain.signal import Action, Signal, Target
from backstop.domain.strategy import OnOpposite, Sizing, SizingMode, Strategy
from backstop.engine.events import (
    CloseCommand,
    Command,
    Edit,
    HaltCommand,
    ProtectCommand,
    ResumeCommand,
    ReverseCommand,
)
from tests.simulation.clock import Heap
from tests.simulation.exchange import Exchange
from tests.simulation.faults import Dice, Kind
from tests.simulation.listings import LISTINGS
from tests.simulation.store import Store

_ACTIONS = (
    *(Action.BUY,) * 5,
    *(Action.SELL,) * 5,
    *(Action.CLOSE,) * 2,
    *(Action.REVERSE,) * 3,
    *(Action.TARGET,) * 3,
)


_OPPOSITE = {Action.BUY: Action.SELL, Action.SELL: Action.BUY}
_TRIGGERS = (*(PriceSource.LAST,) * 3, PriceSource.MARK, PriceSource.INDEX)


class Source:
    """Alerts come at `per_hour`. `wake` is called for each new row, as NOTIFY would."""

    def __init__(
        self, heap: Heap, random: Random, dice: Dice, store: Store, exchange: Exchange, hedged: Collection[Symbol]
    ) -> None:
        self.on = True
        self.alerts = 0
        self.repeated = 0
        self.database_away: Callable[[], bool] = lambda: False
        self.wake: Callable[[], None] = lambda: None
        self.caps: dict[UUID, Decimal] = {}
        """The most coins each cause may open."""
        self._heap = heap
        self._random = random
        self._dice = dice
        self._store = store
        self._exchange = exchange
        self._per_hour = random.choice((20, 40, 80, 150))
        self._symbols = [listing.symbol for listing in LISTINGS]
        self._hedged = frozenset(hedged)
        for _ in range(random.randint(1, 3) + bool(hedged)):
            strategy = self._strategy()
            if hedged and random.random() < 0.8:
                # Both sides of a symbol have one leverage, and another's entry at its own is refused.
                strategy = replace(strategy, leverage=Decimal(2))
            store.strategies[strategy.id] = strategy
        self._again()
        heap.after(self._until(12), self._use_the_dashboard)

    # ---- strategies

    def _strategy(self) -> Strategy:
        random = self._random
        symbols = frozenset(random.sample(self._symbols, random.randint(1, len(self._symbols))))
        mode = random.choice(tuple(SizingMode))
        value = {
            SizingMode.QTY: "0",
            SizingMode.QUOTE: str(random.randint(50, 3_000)),
            SizingMode.EQUITY_PCT: str(random.randint(1, 20)),
            SizingMode.RISK_PCT: f"{random.randint(1, 20) / 20}",
        }[mode]
        if mode is SizingMode.QTY:
            value = "3" if random.random() < 0.5 else "0.05"
        with_stop = mode is SizingMode.RISK_PCT or random.random() < 0.85
        return Strategy(
            id=StrategyId(self._uuid()),
            name="",
            symbols=symbols,
            sizing=Sizing(mode, Decimal(value)),
            leverage=Decimal(random.choice((1, 2, 5, 10))),
            max_age_ms=random.choice((5_000, 15_000, 30_000, 60_000)),
            on_opposite=random.choice(tuple(OnOpposite)),
            protection=Protection(
                stop_loss=self._stop() if with_stop else None,
                take_profit=self._targets(),
                trailing=self._trailing() if random.random() < 0.3 else None,
                break_even=BreakEven(self._stop()) if random.random() < 0.2 else None,
                time_exit_ms=random.choice((60_000, 900_000)) if random.random() < 0.15 else None,
                trigger_by=random.choice(_TRIGGERS),
            ),
            entry=self._limit() if random.random() < 0.25 else AT_MARKET,
            max_entries=random.choice((1, 1, 2, 3, 5)),
        )

    def _limit(self, last: Price | None = None) -> LimitEntry:
        """A limit near the market; one far away only waits until it is over."""
        random = self._random
        share = Decimal(random.randint(0, 60)) / 10_000
        at = PriceMark(share=share)
        if last is not None and random.random() < 0.3:
            at = PriceMark(price=Price(last * (1 + share * random.choice((-1, 1)))))
        return LimitEntry(at, random.choice((5_000, 60_000, 300_000)), post_only=random.random() < 0.3)

    def _trailing(self) -> Trailing:
        return Trailing(self._stop(), self._stop() if self._random.random() < 0.5 else None)

    def _stop(self) -> PriceMark:
        return PriceMark(share=Decimal(self._random.randint(3, 30)) / 1_000)

    def _targets(self) -> tuple[TakeProfit, ...]:
        count = self._random.choice((0, 1, 1, 2, 3))
        distance, rungs, left = Decimal(0), [], Decimal(1)
        for number in range(count):
            distance += Decimal(self._random.randint(3, 20)) / 1_000
            portion = left if number == count - 1 and self._random.random() < 0.7 else left / 2
            left -= portion
            rungs.append(TakeProfit(PriceMark(share=distance), portion))
        return tuple(rungs)

    def edit_a_strategy(self) -> None:
        random = self._dice.of(Kind.STRATEGY_EDIT)
        old = random.choice(list(self._store.strategies.values()))
        changed = replace(
            old,
            enabled=random.random() < 0.8,
            on_opposite=random.choice(tuple(OnOpposite)),
            protection=replace(old.protection, stop_loss=self._stop()),
        )
        self._store.strategies[old.id] = changed
        self.wake()

    # ---- alerts

    def _until(self, per_hour: float) -> int:
        return round(self._random.expovariate(per_hour / 3_600_000)) + 1

    def _again(self) -> None:
        self._heap.after(self._until(self._per_hour), self._alert)

    def _alert(self) -> None:
        if not self.on:
            return
        self._again()
        for _ in range(3 if self._dice.hits(Kind.ALERT_BURST) else 1):
            strategy = self._random.choice(list(self._store.strategies.values()))
            symbol = self._random.choice(sorted(strategy.symbols))
            age = self._dice.of(Kind.ALERT_STALE).randint(2_000, 90_000) if self._dice.hits(Kind.ALERT_STALE) else 0
            action = self._random.choice(_ACTIONS)
            self.send(self.signal(strategy, symbol, action, age))
            if symbol in self._hedged:
                self._send_to_another(strategy, symbol, action)

    def _send_to_another(self, strategy: Strategy, symbol: Symbol, action: Action) -> None:
        """Now and then the other side at once, for another strategy."""
        others = [it for it in self._store.strategies.values() if it.id != strategy.id and symbol in it.symbols]
        if others and action in _OPPOSITE and self._random.random() < 0.4:
            self.send(self.signal(self._random.choice(others), symbol, _OPPOSITE[action]))

    def signal(self, strategy: Strategy, symbol: Symbol, action: Action, age: int = 0) -> Signal:
        random = self._random
        last = self._exchange.markets[symbol].last
        stop: PriceMark | None = None
        if random.random() < 0.2:
            side = -1 if random.random() < 0.5 else 1
            far = 1 + side * Decimal(random.randint(5, 30)) / 1_000
            stop = PriceMark(price=Price(last * far)) if random.random() < 0.3 else self._stop()
        qty = None
        if random.random() < 0.3:
            qty = Qty((Decimal(random.randint(20, 4_000)) / last).quantize(Decimal("0.00001")))
        return Signal(
            id=SignalId(self._uuid()),
            strategy_id=strategy.id,
            symbol=symbol,
            action=action,
            at=self._heap.now - age,
            qty=qty or None,
            stop_loss=stop,
            take_profit=self._targets() if random.random() < 0.2 else None,
            leverage=Decimal(random.choice((1, 3, 20))) if random.random() < 0.1 else None,
            target=random.choice(tuple(Target)) if action is Action.TARGET else None,
            trigger_by=random.choice(_TRIGGERS) if random.random() < 0.1 else None,
            entry=(self._limit(Price(last)) if random.random() < 0.7 else AT_MARKET)
            if random.random() < 0.15
            else None,
        )

    def send(self, signal: Signal) -> None:
        self._store_signal(signal, 1)
        if self._dice.hits(Kind.ALERT_TWICE):
            again = replace(signal, id=SignalId(self._uuid()))
            self._heap.after(self._random.randint(1, 20_000), self._store_repeat, again, str(signal.id))

    def _store_signal(self, signal: Signal, tries: int) -> None:
        """The webhook spools what the database does not take, and a consumer tries again."""
        if self.database_away():
            self._heap.after(min(500 * tries, 5_000), self._store_signal, signal, tries + 1)
            return
        self.alerts += self._store.add_signal(signal, str(signal.id))
        self.wake()

    def _store_repeat(self, signal: Signal, key: str) -> None:
        if not self.database_away() and not self._store.add_signal(signal, key):
            self.repeated += 1

    # ---- the dashboard

    def _use_the_dashboard(self) -> None:
        if not self.on:
            return
        self._heap.after(self._until(12), self._use_the_dashboard)
        if not self.database_away() and self._random.random() < 0.05:
            self._use_the_rails()
        live = [p for p in self._store.live_positions() if p.status is not PositionStatus.OPENING]
        if live and not self.database_away():
            self._store.add_command(self._command(self._random.choice(live)))
            self.wake()

    def _use_the_rails(self) -> None:
        """A halt is lifted again within minutes; a limit stays until the next is set."""
        random, now = self._random, self._heap.now
        if random.random() < 0.5:
            self._store.limits = random.choice(
                (
                    Limits(),
                    Limits(max_open_positions=2),
                    Limits(max_orders_per_minute=2, cooldown_ms=20_000),
                    Limits(max_notional=Decimal(3_000)),
                    Limits(max_position_notional=Decimal(1_500), max_leverage=Decimal(5)),
                    Limits(symbols=frozenset(self._symbols[:3])),
                )
            )
        else:
            self._store.add_command(HaltCommand(CommandId(self._uuid()), random.choice(tuple(HaltLevel)), now))
            self._heap.after(random.randint(5_000, 300_000), self._resume)
        self.wake()

    def _resume(self) -> None:
        if self.database_away():
            self._heap.after(5_000, self._resume)
            return
        self._store.add_command(ResumeCommand(CommandId(self._uuid()), self._heap.now))
        self.wake()

    def _command(self, position: Position) -> Command:
        random, now = self._random, self._heap.now
        command_id = CommandId(self._uuid())
        match random.randint(0, 3):
            case 0:
                return CloseCommand(command_id, position.id, Decimal(1), now)
            case 1:
                return CloseCommand(command_id, position.id, Decimal(random.randint(1, 99)) / 100, now)
            case 2:
                return ReverseCommand(command_id, position.id, now)
            case _:
                last = self._exchange.markets[position.symbol].last
                near = Decimal(random.randint(2, 40)) / 1_000 * (1 if position.side is PositionSide.LONG else -1)
                stop = PriceMark(price=Price(last * (1 - near))) if random.random() < 0.5 else self._stop()
                targets = self._targets() if random.random() < 0.5 else None
                moved = stop if random.random() < 0.8 else None
                return ProtectCommand(command_id, position.id, moved, targets, now, **self._moves_of(command_id))

    def _moves_of(self, command_id: CommandId) -> dict[str, Any]:
        """What a change of protection says of a stop that moves, and of the time; by its id, of which a seed has one."""
        choice = command_id.int % 8
        if choice == 1:
            return {"trailing": Edit(Trailing(PriceMark(share=Decimal("0.006")))), "time_exit_ms": Edit(None)}
        if choice == 2:
            return {"trailing": Edit(None), "break_even": Edit(BreakEven(PriceMark(share=Decimal("0.004"))))}
        if choice == 3:
            return {"break_even": Edit(None), "time_exit_ms": Edit(1_800_000)}
        return {}

    def _uuid(self) -> UUID:
        return UUID(int=self._random.getrandbits(128))
