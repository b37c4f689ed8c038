"""Strategies. Their webhooks are in `hooks`."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from backstop.contracts.strategies import NewStrategy, Strategy
from backstop.store.paging import Numbered, PageRequest
from backstop.store.query import Query, Row, no_row
from backstop.store.watch import source_state

_COLUMNS = "id, seq, account_id, name, symbols, settings, enabled, version, watch, watch_state, hook_id, created_at"
_SETTINGS = ("sizing", "leverage", "max_age_s", "on_opposite", "protection", "margin_mode", "entry", "max_entries")

WebhookUrl = Callable[[str], str]
"""The URL of a hook id."""


@dataclass(frozen=True, slots=True)
class Trading:
    """What an alert is checked against."""

    environment: str
    symbols: frozenset[str]
    enabled: bool


def settings_of(strategy: NewStrategy | Strategy) -> dict[str, Any]:
    """What `strategies.settings` holds: these fields exactly as the contract models dump in JSON mode."""
    return strategy.model_dump(mode="json", include=set(_SETTINGS))


def strategies_page(user_id: UUID, page: PageRequest, webhook_url: WebhookUrl) -> Query[Numbered[Strategy]]:
    """Newest first."""
    sql = f"""
        select {_COLUMNS} from strategies
         where user_id = %(user_id)s and deleted_at is null and seq < %(before)s
         order by seq desc limit %(fetch)s"""  # noqa: S608 - a constant
    parameters = {"user_id": user_id, "before": page.before, "fetch": page.limit + 1}
    read = _reader(webhook_url)
    return Query(sql, parameters, lambda row: Numbered(row["seq"], read(row)))


def strategy(strategy_id: UUID, webhook_url: WebhookUrl) -> Query[Strategy]:
    sql = f"select {_COLUMNS} from strategies where id = %(id)s and deleted_at is null"  # noqa: S608 - a constant
    return Query(sql, {"id": strategy_id}, _reader(webhook_url))


def lock_strategy(strategy_id: UUID) -> Query[UUID]:
    """Whoever changes its settings holds this lock."""
    sql = "select id from strategies where id = %(id)s for update"
    return Query(sql, {"id": strategy_id}, lambda row: row["id"])


def trading(strategy_id: UUID) -> Query[Trading]:
    sql = """
        select a.environment, s.symbols, s.enabled
          from strategies s join accounts a on a.id = s.account_id
         where s.id = %(id)s"""
    return Query(
        sql, {"id": strategy_id}, lambda row: Trading(row["environment"], frozenset(row["symbols"]), row["enabled"])
    )


def add_strategy(
    strategy_id: UUID, user_id: UUID, new: NewStrategy, hook_id: str, secret_hash: bytes, webhook_url: WebhookUrl
) -> Query[Strategy]:
    sql = f"""
        insert into strategies (id, user_id, account_id, name, symbols, settings, watch, hook_id, secret_hash)
        values (%(id)s, %(user_id)s, %(account_id)s, %(name)s, %(symbols)s, %(settings)s, %(watch)s, %(hook_id)s,
                %(secret_hash)s)
        returning {_COLUMNS}"""  # noqa: S608 - a constant
    parameters = {
        "id": strategy_id,
        "user_id": user_id,
        "account_id": new.account_id,
        "name": new.name,
        "symbols": list(dict.fromkeys(new.symbols)),
        "settings": Jsonb(settings_of(new)),
        "watch": Jsonb(new.watch.model_dump(mode="json")),
        "hook_id": hook_id,
        "secret_hash": secret_hash,
    }
    return Query(sql, parameters, _reader(webhook_url))


def save_strategy(strategy: Strategy) -> Query[None]:
    """As the next version. A cadence counts from when it was set."""
    sql = """
        update strategies set name = %(name)s, symbols = %(symbols)s, settings = %(settings)s, enabled = %(enabled)s,
               watch = %(watch)s, version = version + 1,
               watch_state = case when watch->'expected_every_s' is distinct from %(watch)s::jsonb->'expected_every_s'
                                  then watch_state || jsonb_build_object('since', now(), 'quiet_since', null)
                                  else watch_state end
         where id = %(id)s"""
    parameters = {
        "id": strategy.id,
        "name": strategy.name,
        "symbols": list(dict.fromkeys(strategy.symbols)),
        "settings": Jsonb(settings_of(strategy)),
        "watch": Jsonb(strategy.watch.model_dump(mode="json")),
        "enabled": strategy.enabled,
    }
    return Query(sql, parameters, no_row)


def remove_strategy(strategy_id: UUID) -> Query[None]:
    return Query("update strategies set deleted_at = now() where id = %(id)s", {"id": strategy_id}, no_row)


def open_symbols(strategy_id: UUID) -> Query[str]:
    """Symbols with a position of this strategy that is not closed."""
    sql = "select distinct symbol from positions where strategy_id = %(id)s and status <> 'closed' order by symbol"
    return Query(sql, {"id": strategy_id}, lambda row: row["symbol"])


def taken_symbols(account_id: UUID, symbols: list[str], besides: UUID | None = None) -> Query[tuple[str, str]]:
    """Which of `symbols` another strategy of the account trades: (symbol, its strategy's name). In hedge mode two may."""
    sql = """
        select traded.symbol, s.name
          from strategies s
          join accounts a on a.id = s.account_id,
               unnest(s.symbols) as traded (symbol)
         where s.account_id = %(account_id)s and s.deleted_at is null and traded.symbol <> all (a.hedged_symbols)
           and s.id is distinct from %(besides)s and traded.symbol = any(%(symbols)s)
         order by traded.symbol"""
    parameters = {"account_id": account_id, "symbols": symbols, "besides": besides}
    return Query(sql, parameters, lambda row: (row["symbol"], row["name"]))


def unknown_symbols(environment: str, symbols: list[str]) -> Query[str]:
    """Which of `symbols` the exchange does not trade; none while its list of instruments is not known yet."""
    sql = """
        select wanted.symbol from unnest(%(symbols)s::text[]) as wanted (symbol)
         where exists (select from instruments where environment = %(environment)s)
           and not exists (select from instruments i
                            where i.environment = %(environment)s and i.symbol = wanted.symbol and i.tradable)"""
    return Query(sql, {"environment": environment, "symbols": symbols}, lambda row: row["symbol"])


def max_leverage(environment: str, symbol: str) -> Query[Decimal]:
    sql = "select max_leverage from instruments where environment = %(environment)s and symbol = %(symbol)s"
    return Query(sql, {"environment": environment, "symbol": symbol}, lambda row: row["max_leverage"])


def _reader(webhook_url: WebhookUrl) -> Callable[[Row], Strategy]:
    def read(row: Row) -> Strategy:
        return Strategy.model_validate(
            {name: row[name] for name in ("id", "account_id", "name", "symbols", "enabled", "version", "created_at")}
            | row["settings"]
            | {
                "webhook_url": webhook_url(row["hook_id"]),
                "watch": row["watch"],
                "source": source_state(row["watch_state"]),
            }
        )

    return read
