"""After all has come to rest: what the database says of each account is what the exchange says."""

from collections.abc import Iterator
from decimal import Decimal

import psycopg

from infra.stack import Stack
from tests.e2e.trader import Exchange
from tests.soak.crowd import Member, wallet_gain

_SIDES = {"Buy": "long", "Sell": "short"}


def differences(stack: Stack, exchange: Exchange, members: list[Member]) -> list[str]:
    with psycopg.connect(stack.database_url) as connection:
        return [text for member in members for text in _of(connection, exchange, member)]


def _of(connection: psycopg.Connection, exchange: Exchange, member: Member) -> Iterator[str]:
    held = {row["symbol"]: (_SIDES[row["side"]], Decimal(row["qty"])) for row in exchange.positions(member.api_key)}
    ours = {
        symbol: (side, qty)
        for symbol, side, qty in connection.execute(
            "select symbol, side, qty from positions where account_id = %s and status <> 'closed'", (member.account_id,)
        )
    }
    if held != ours:
        yield f"{member.api_key}: the exchange holds {held}, the database {ours}"
    theirs = {row["execId"] for row in exchange.executions(member.api_key)}
    booked = {
        row[0]
        for row in connection.execute("select exec_id from executions where account_id = %s", (member.account_id,))
        if not row[0].startswith("adopted-")
    }
    if theirs != booked:
        yield f"{member.api_key}: {len(theirs - booked)} executions not booked, {len(booked - theirs)} unheard of"
    links = [order["order_link_id"] for order in exchange.orders(member.api_key) if order["status"] == "Filled"]
    if len(links) != len(set(links)):
        yield f"{member.api_key}: an id was taken twice"
    (ledger,) = connection.execute(
        "select coalesce(sum(amount), 0) from ledger where account_id = %s", (member.account_id,)
    ).fetchone() or (Decimal(0),)
    gain = wallet_gain(exchange, member)
    if ledger != gain:
        yield f"{member.api_key}: the wallet gained {gain}, the ledger {ledger}"
