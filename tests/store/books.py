"""Rows as the streamer would write them, put in by the database's owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from backstop.domain.ids import order_link_id

Id = UUID | str
NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SETTINGS = {
    "sizing": {"mode": "qty", "value": "0.01"},
    "leverage": "1",
    "max_age_s": 30,
    "on_opposite": "reverse",
    "protection": {"stop_loss": "1.5%", "take_profit": [], "resident_gap": "0.5%"},
}


@dataclass(frozen=True, slots=True)
class Books:
    """Writes rows with sensible values for what a test does not name; answers their ids."""

    url: str

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[dict[str, Any]]]:
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            yield connection

    def rows(self, statement: str, *parameters: object) -> list[dict[str, Any]]:
        with self.connected() as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def insert(self, table: str, **values: object) -> None:
        names = sql.SQL(", ").join(map(sql.Identifier, values))
        marks = sql.SQL(", ").join([sql.Placeholder()] * len(values))
        with self.connected() as connection:
            connection.execute(
                sql.SQL("insert into {} ({}) values ({})").format(sql.Identifier(table), names, marks),
                list(values.values()),
            )

    def user(self, email: str = "") -> UUID:
        user_id = uuid4()
        self.insert("users", id=user_id, email=email or f"{user_id}@example.com", password_hash="-")
        return user_id

    def account(self, user_id: Id, **values: object) -> UUID:
        account_id = uuid4()
        usual = {"label": "main", "environment": "simulator", "api_key_last4": "1234", "sealed_credentials": b"\x01"}
        self.insert("accounts", **{"id": account_id, "user_id": user_id, **usual, **values})
        return account_id

    def strategy(self, user_id: Id, account_id: Id, **values: object) -> UUID:
        strategy_id = uuid4()
        usual = {
            "name": "trend",
            "symbols": ["BTCUSDT"],
            "settings": Jsonb(SETTINGS),
            "hook_id": str(strategy_id),
            "secret_hash": b"-",
        }
        self.insert(
            "strategies", **{"id": strategy_id, "user_id": user_id, "account_id": account_id, **usual, **values}
        )
        return strategy_id

    def signal(self, user_id: Id, account_id: Id, strategy_id: Id, **values: object) -> UUID:
        signal_id = uuid4()
        usual = {
            "dedupe_key": str(signal_id),
            "body_hash": b"-",
            "raw": '{"secret":"***","action":"buy","symbol":"BTCUSDT"}',
            "parsed": Jsonb({"action": "buy", "symbol": "BTCUSDT"}),
            "symbol": "BTCUSDT",
            "action": "buy",
            "status": "accepted",
        }
        ids = {"id": signal_id, "user_id": user_id, "account_id": account_id, "strategy_id": strategy_id}
        self.insert("signals", **{**ids, **usual, **values})
        return signal_id

    def position(self, user_id: Id, account_id: Id, **values: object) -> UUID:
        """Long 0.01 BTCUSDT at 64000, if nothing else is said."""
        position_id = uuid4()
        qty, cost = values.get("qty", Decimal("0.01")), values.get("cost", Decimal(640))
        usual = {
            "symbol": "BTCUSDT",
            "side": "long",
            "status": "open",
            "qty": qty,
            "cost": cost,
            "entry_qty": qty,
            "entry_value": cost,
            "exit_qty": 0,
            "exit_value": 0,
            "gross_pnl": 0,
            "fees": 0,
            "funding": 0,
            "protection": Jsonb({}),
            "opened_at": NOON,
            "levels_round": 1,
        }
        self.insert("positions", **{"id": position_id, "user_id": user_id, "account_id": account_id, **usual, **values})
        return position_id

    def level(self, user_id: Id, account_id: Id, position_id: Id, **values: object) -> None:
        position = UUID(str(position_id))
        rung, round_ = values.get("rung", 1), values.pop("round", 1)
        usual = {
            "close_link_id": order_link_id(position, f"t{rung}r{round_}"),
            "symbol": "BTCUSDT",
            "kind": "take_profit",
            "rung": rung,
            "price": 66000,
            "portion": 1,
            "status": "armed",
        }
        ids = {"user_id": user_id, "account_id": account_id, "position_id": position_id}
        self.insert("levels", **{**ids, **usual, **values})

    def order(self, user_id: Id, account_id: Id, **values: object) -> str:
        link_id = order_link_id(uuid4(), "o")
        usual = {
            "symbol": "BTCUSDT",
            "side": "buy",
            "purpose": "entry",
            "qty": Decimal("0.01"),
            "reduce_only": False,
            "status": "filled",
            "filled_qty": Decimal("0.01"),
            "filled_value": Decimal("640.1"),
            "created_at": NOON,
        }
        self.insert("orders", **{"link_id": link_id, "user_id": user_id, "account_id": account_id, **usual, **values})
        return link_id

    def execution(self, user_id: Id, account_id: Id, **values: object) -> str:
        exec_id = str(uuid4())
        usual = {
            "symbol": "BTCUSDT",
            "side": "buy",
            "exec_type": "Trade",
            "price": 64010,
            "qty": Decimal("0.01"),
            "fee": Decimal("0.352"),
            "realised_pnl": 0,
            "executed_at": NOON,
        }
        self.insert(
            "executions", **{"exec_id": exec_id, "user_id": user_id, "account_id": account_id, **usual, **values}
        )
        return exec_id

    def trade(self, user_id: Id, account_id: Id, **values: object) -> UUID:
        """A closed position and its trade."""
        position_id = self.position(user_id, account_id, status="closed", qty=0, cost=0, closed_at=NOON)
        usual = {
            "symbol": "BTCUSDT",
            "side": "long",
            "qty": Decimal("0.01"),
            "entry_price": 64000,
            "exit_price": 65000,
            "gross_pnl": 10,
            "fees": Decimal("0.7"),
            "funding": Decimal("-0.05"),
            "net_pnl": Decimal("9.25"),
            "exit_reason": "take_profit",
            "opened_at": NOON,
            "closed_at": NOON,
        }
        self.insert("trades", **{"id": position_id, "user_id": user_id, "account_id": account_id, **usual, **values})
        return position_id

    def price(self, last: object, mark: object = None, *, age_s: float = 0, environment: str = "simulator") -> None:
        """What BTCUSDT costs, as told `age_s` seconds ago."""
        self.rows(
            """insert into prices values (%s, 'BTCUSDT', %s, %s, now() - make_interval(secs => %s))
               on conflict (environment, symbol)
               do update set last = excluded.last, mark = excluded.mark, ticked_at = excluded.ticked_at""",
            environment,
            last,
            mark or last,
            age_s,
        )

    def instrument(self, symbol: str = "BTCUSDT", *, environment: str = "simulator", max_leverage: int = 50) -> None:
        self.insert(
            "instruments",
            environment=environment,
            symbol=symbol,
            tick_size=Decimal("0.1"),
            qty_step=Decimal("0.001"),
            min_qty=Decimal("0.001"),
            max_market_qty=100,
            min_notional=5,
            max_leverage=max_leverage,
            tradable=True,
        )
