"""Many accounts of one user, each with a strategy for every symbol, and alerts that keep positions coming and going."""

import time
from decimal import Decimal
from random import Random

import httpx

from tests.e2e.trader import Exchange, Strategy, Trader

SYMBOLS = (
    "BTCUSDT",
    "ETHUSDT",
    "SOLUSDT",
    "XRPUSDT",
    "DOGEUSDT",
    "ADAUSDT",
    "LINKUSDT",
    "AVAXUSDT",
    "LTCUSDT",
    "BNBUSDT",
)
BALANCE = "100000"
_ACTIONS = ("buy",) * 6 + ("sell",) * 6 + ("reverse", "close")


class Member:
    """One account, its key at the exchange, and the webhook of its strategy."""

    def __init__(self, trader: Trader, number: int) -> None:
        self.api_key = f"soak{number}-{time.time_ns()}"
        self.api_secret = f"secret{number}-{time.time_ns()}"
        trader.exchange.open_account(self.api_key, self.api_secret, BALANCE)
        keys = {"api_key": self.api_key, "api_secret": self.api_secret}
        made = {"label": f"Soak {number}", "environment": "simulator", **keys}
        self.account_id: str = trader.post("/api/accounts", made, 201)["id"]
        trader.account_id = self.account_id
        sizing = {"mode": "quote", "value": "200"}
        protection = {"stop_loss": "1%", "take_profit": [{"at": "1%", "portion": "50%"}]}
        self.hook: Strategy = trader.strategy(*SYMBOLS, name="Soak", sizing=sizing, protection=protection, leverage="5")


class Crowd:
    """`taken` and `refused` count alerts by the webhook's answer; `lost` those without one."""

    def __init__(self, trader: Trader, accounts: int, random: Random) -> None:
        self.members = [Member(trader, number) for number in range(accounts)]
        self._trader = trader
        self._random = random
        self.taken = self.refused = self.lost = 0

    def walk(self) -> None:
        """Every price wanders, by enough to reach stops now and then."""
        for seed, symbol in enumerate(SYMBOLS):
            self._trader.exchange.walk(symbol, volatility="0.0002", seed=seed)

    def fill(self) -> None:
        """An entry for each account and symbol."""
        for member in self.members:
            for symbol in SYMBOLS:
                self._alert(member, self._random.choice(("buy", "sell")), symbol)

    def act(self) -> None:
        member, symbol = self._random.choice(self.members), self._random.choice(SYMBOLS)
        self._alert(member, self._random.choice(_ACTIONS), symbol)

    def _alert(self, member: Member, action: str, symbol: str) -> None:
        body = {"secret": member.hook.secret, "id": f"soak-{time.time_ns()}", "action": action, "symbol": symbol}
        try:
            answer = self._trader.http.post(member.hook.path, json=body)
        except httpx.TransportError:
            self.lost += 1
            return
        if answer.status_code == 202:
            self.taken += 1
        else:
            self.refused += 1


def wallet_gain(exchange: Exchange, member: Member) -> Decimal:
    """USDT the account has won since the start."""
    return exchange.wallet(member.api_key, member.api_secret) - Decimal(BALANCE)
