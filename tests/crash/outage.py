"""PostgreSQL away in the middle of a trade: ways to take it away, scenes to do it in, and what must hold afterwards."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import psycopg

from infra.stack import Stack
from tests.crash.scene import SYMBOL, check_books, filled, protected, statuses
from tests.e2e.trader import Trader, eventually

CLOSED_WITHIN_S = 3.0
"""From the price crossing a stop to the position closed at the exchange, with the database away."""

RECOVERED_WITHIN_S = 30.0
"""From the database back to everything written down and the next step made. A paced pool of connections, and what was
asked of the exchange meanwhile and not answered, is waited for."""


# ---- ways to be away


@contextmanager
def killed(stack: Stack) -> Iterator[None]:
    """kill -9, then started again: what was committed is recovered from the log."""
    stack.kill("postgres")
    try:
        yield
    finally:
        stack.start("postgres")


@contextmanager
def suspended(stack: Stack) -> Iterator[None]:
    """All its processes stand still: connections stay open, and nothing answers."""
    postmaster = stack.pid("postgres")
    assert postmaster is not None
    os.kill(postmaster, signal.SIGSTOP)
    family = [postmaster, *_children_of(postmaster)]
    _tell(family, signal.SIGSTOP)
    try:
        yield
    finally:
        _tell(family, signal.SIGCONT)


@contextmanager
def read_only(stack: Stack) -> Iterator[None]:
    """As a standby before its promotion: it answers, and takes no writes."""
    _settings(stack, "alter system set default_transaction_read_only = on")
    try:
        yield
    finally:
        _settings(stack, "alter system reset default_transaction_read_only")


@contextmanager
def disconnected(stack: Stack) -> Iterator[None]:
    """Every session is ended, again and again."""
    over = threading.Event()

    def cut() -> None:
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            while not over.wait(0.1):
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where datname = current_database() and pid <> pg_backend_pid()"
                )

    cutting = threading.Thread(target=cut)
    cutting.start()
    try:
        yield
    finally:
        over.set()
        cutting.join()


@contextmanager
def full(stack: Stack) -> Iterator[None]:
    """Every commit that touches what trading writes fails as on a full disk (SQLSTATE 53100), at its very end."""
    tables = ("orders", "positions", "executions", "signals")
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("""
            create or replace function disk_full() returns trigger language plpgsql as $$
              begin
                raise exception 'could not extend file: No space left on device' using errcode = 'disk_full';
              end $$""")
        for table in tables:
            connection.execute(
                f"create constraint trigger disk_full after insert or update on {table}"
                " deferrable initially deferred for each row execute function disk_full()"
            )
    try:
        yield
    finally:
        with psycopg.connect(stack.database_url, autocommit=True) as connection:
            for table in tables:
                connection.execute(f"drop trigger disk_full on {table}")


Away = Callable[[Stack], AbstractContextManager[None]]

WAYS: dict[str, Away] = {
    "killed": killed,
    "suspended": suspended,
    "read-only": read_only,
    "disconnected": disconnected,
    "disk full": full,
}


def _children_of(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _tell(processes: list[int], number: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, number)


def _settings(stack: Stack, statement: str) -> None:
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute(statement.encode())
        connection.execute("select pg_reload_conf()")


# ---- scenes


@dataclass
class Figures:
    """Seconds."""

    closed_after: float | None = None
    recovered_after: float = 0.0

    def __str__(self) -> str:
        closed = f"closed after {self.closed_after:.2f} s, " if self.closed_after is not None else ""
        return f"{closed}recovered after {self.recovered_after:.1f} s"


class Scene:
    """One trader; `away` takes the database away for `hold_s` at the moment the scene is about."""

    def __init__(self, stack: Stack, trader: Trader, away: Away, hold_s: float) -> None:
        self.trader = trader
        self.figures = Figures()
        self._stack = stack
        self._away = away
        self._hold_s = hold_s
        trader.exchange.price(SYMBOL, "60000")
        self.strategy = trader.strategy(SYMBOL, max_age_s=300)

    def mid_entry(self) -> None:
        """The opening order is filled, and the news of it is still on its way."""
        self._delay_what_is_told()
        self._alert("buy")
        self._sees(lambda: self._held("Buy"), "the order filled at the exchange")
        with self._outage():
            pass
        self._recovers(lambda: protected(self.trader, "long"), "the position, with its stop")
        assert len(filled(self.trader)) == 1

    def mid_stop(self) -> None:
        """The stop is crossed while nothing can be written."""
        self._opens()
        with self._outage():
            self._crosses_the_stop()
        self._recovers(self._has_stopped_out, "the trade")

    def mid_close(self) -> None:
        """The close is filled, and the news of it is still on its way."""
        self._opens()
        self._delay_what_is_told()
        self._crosses_the_stop()
        with self._outage():
            pass
        self._recovers(self._has_stopped_out, "the trade")

    def mid_reversal(self) -> None:
        """The first half of a reversal is filled, and the news of it is still on its way."""
        self._opens()
        self._delay_what_is_told()
        self._alert("sell")
        self._sees(lambda: filled(self.trader, reduce_only=True), "the close filled at the exchange")
        with self._outage():
            pass
        self._recovers(lambda: self._traded(1) and protected(self.trader, "short"), "reversed")
        assert len(filled(self.trader)) == 3

    def end(self) -> None:
        """What is open is closed by hand, and all books are compared."""
        for position in self.trader.positions():
            traded = len(self.trader.trades())
            self.trader.post(f"/api/positions/{position['id']}/close", {}, 202)
            self._sees(lambda traded=traded: self._traded(traded + 1), "closed by hand")  # type: ignore[misc]
        assert self.trader.exchange.position(self.trader.api_key, SYMBOL) is None
        assert statuses(self.trader) == {"executed"}
        check_books(self.trader)

    # ---- parts of scenes

    @contextmanager
    def _outage(self) -> Iterator[None]:
        began, log = time.monotonic(), self._stack.log("streamer")
        said_before = log.stat().st_size
        with self._away(self._stack):
            self.trader.exchange.mend()
            yield
            while time.monotonic() < began + self._hold_s:
                time.sleep(0.05)
        self._back_at = time.monotonic()
        said = log.read_bytes()[said_before:]
        assert self._away is suspended or b"commit failed" in said or b"administrator command" in said, "not missed"

    def _delay_what_is_told(self) -> None:
        """The answer to the next order, and what the private stream says, for longer than it takes to begin an outage."""
        for kind in ("ack_delay", "private_delay"):
            self.trader.exchange.fault(kind, ms=1_000, api_key=self.trader.api_key)

    def _opens(self) -> None:
        self._alert("buy")
        self._sees(lambda: protected(self.trader, "long"), "a protected long")

    def _alert(self, action: str) -> None:
        self.trader.alert(self.strategy, action=action, symbol=SYMBOL, qty="0.02")

    def _crosses_the_stop(self) -> None:
        began = time.monotonic()
        self.trader.exchange.price(SYMBOL, "59050")  # beyond the watched stop, not the resident one
        self._sees(lambda: not self._held("Buy"), "closed at the exchange", CLOSED_WITHIN_S)
        self.figures.closed_after = time.monotonic() - began

    def _recovers(self, look: Callable[[], object], what: str) -> None:
        def answered() -> object:
            with suppress(AssertionError):  # the API says 503 as long as it has no database
                return look()
            return None

        self._sees(answered, what, RECOVERED_WITHIN_S)
        self.figures.recovered_after = time.monotonic() - self._back_at

    def _sees(self, look: Callable[[], object], what: str, within_s: float = RECOVERED_WITHIN_S) -> None:
        eventually(look, what, within_s)

    def _held(self, side: str) -> bool:
        held = self.trader.exchange.position(self.trader.api_key, SYMBOL)
        return held is not None and held["side"] == side

    def _traded(self, number: int) -> bool:
        return len(self.trader.trades()) >= number

    def _has_stopped_out(self) -> bool:
        if not self._traded(1):
            return False
        (trade,) = self.trader.trades()
        assert trade["exit_reason"] == "stop_loss"
        assert Decimal(trade["exit_price"]) == 59050
        assert len(filled(self.trader, reduce_only=True)) == 1
        return True


MOMENTS: dict[str, Callable[[Scene], None]] = {
    "mid-entry": Scene.mid_entry,
    "mid-stop": Scene.mid_stop,
    "mid-close": Scene.mid_close,
    "mid-reversal": Scene.mid_reversal,
}


def play_outage(stack: Stack, way: str, moment: str, hold_s: float) -> Figures:
    """Raises AssertionError when something is lost, doubled, late, or the streamer had to be started anew."""
    streamer = stack.pid("streamer")
    with Trader(stack) as trader:
        scene = Scene(stack, trader, WAYS[way], hold_s)
        try:
            MOMENTS[moment](scene)
            scene.end()
        finally:
            trader.exchange.mend()
    assert stack.pid("streamer") == streamer, "the streamer did not recover by itself"
    return scene.figures
