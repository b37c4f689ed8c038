"""The first run's demo: a user, an account at the simulator and a strategy, all by the public HTTP API."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from infra import web
from infra.environment import Place
from infra.keys import write_private

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
# The first is refused by validators that know .local as reserved.
_EMAILS = ("demo@backstop.local", "demo@example.com")
_BALANCE = "10000"
_WALK_VOLATILITY = "0.0002"  # a tenth of a second; about half a percent a minute


class DemoError(Exception):
    """The demo could not be set up; the message is one line."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What is remembered of it; an empty text is not made yet."""

    email: str = ""
    password: str = ""
    api_key: str = ""
    api_secret: str = ""
    account_id: str = ""
    strategy_id: str = ""
    webhook_url: str = ""
    webhook_secret: str = ""


def demo_file(home: Path) -> Path:
    """Where it is remembered."""
    return home / "demo.json"


def read_demo(home: Path) -> Demo | None:
    """What an earlier run made; None when there was none."""
    try:
        kept = json.loads(demo_file(home).read_text())
        return Demo(**{name: str(kept.get(name, "")) for name in asdict(Demo())})
    except (OSError, ValueError, AttributeError):
        return None


def ensure_demo(place: Place) -> Demo:
    """Make what is missing, remembering each piece as soon as it exists; what exists stays.

    Raises:
        DemoError: a call was refused.
        web.UnreachableError: gateway or simulator do not answer.
    """
    demo = read_demo(place.home) or Demo()
    if not demo.api_key:
        keys = replace(demo, api_key=f"demo-{secrets.token_hex(8)}", api_secret=secrets.token_hex(24))
        demo = _remember(place.home, replace(keys, password=secrets.token_urlsafe(12)))
    _post(
        f"{place.sim_url}/sim/accounts",
        {"api_key": demo.api_key, "api_secret": demo.api_secret, "balance": _BALANCE},
    )
    demo, token = _log_in(place, demo)
    if not demo.account_id:
        account = _post(
            f"{place.url}/api/accounts",
            {
                "label": "Demo",
                "environment": "simulator",
                "api_key": demo.api_key,
                "api_secret": demo.api_secret,
            },
            token,
        )
        demo = _remember(place.home, replace(demo, account_id=str(account["id"])))
    if not demo.webhook_url:
        strategy = _post(f"{place.url}/api/strategies", _strategy(demo.account_id), token)
        made = replace(demo, strategy_id=str(strategy["id"]), webhook_url=str(strategy["webhook_url"]))
        demo = _remember(place.home, replace(made, webhook_secret=str(strategy["webhook_secret"])))
    return demo


def start_walks(place: Place) -> None:
    """Let the demo's prices wander gently, each its own way."""
    for seed, symbol in enumerate(SYMBOLS, start=1):
        walk = {"symbol": symbol, "on": True, "volatility": _WALK_VOLATILITY, "seed": seed}
        _post(f"{place.sim_url}/sim/walk", walk)


def signal_command(demo: Demo) -> str:
    """One line for a shell that sends a buy signal."""
    alert = {"secret": demo.webhook_secret, "action": "buy", "symbol": SYMBOLS[0], "qty": "0.01"}
    return f"curl -sS {demo.webhook_url} -H 'Content-Type: application/json' -d '{json.dumps(alert)}'"


def _log_in(place: Place, demo: Demo) -> tuple[Demo, str]:
    """Log in, or sign up where the database is new and knows nothing of what is remembered."""
    if demo.email:
        answer = web.call("POST", f"{place.url}/api/auth/login", {"email": demo.email, "password": demo.password})
        if answer.ok:
            return demo, str(answer.body["access_token"])
        if answer.status != 401:
            raise DemoError(_refusal("POST /api/auth/login", answer))
        demo = Demo(password=demo.password, api_key=demo.api_key, api_secret=demo.api_secret)
    refused = None
    for email in _EMAILS:
        _remember(place.home, replace(demo, email=email))
        refused = web.call("POST", f"{place.url}/api/auth/signup", {"email": email, "password": demo.password})
        if refused.ok:
            return replace(demo, email=email), str(refused.body["access_token"])
        if refused.status != 422:
            break
    assert refused is not None
    if refused.status == 409:
        raise DemoError(
            f"the demo user exists and {demo_file(place.home)} does not know its password;"
            " start with --no-demo and log in as you set it up"
        )
    raise DemoError(_refusal("POST /api/auth/signup", refused))


def _strategy(account_id: str) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "name": "Demo",
        "symbols": list(SYMBOLS),
        "sizing": {"mode": "qty", "value": "0.01"},
        "leverage": "5",
        "max_age_s": 30,
        "on_opposite": "reverse",
        "protection": {"stop_loss": "1.5%", "take_profit": [{"at": "3%", "portion": "100%"}]},
    }


def _post(url: str, body: Mapping[str, Any], token: str | None = None) -> dict[str, Any]:
    answer = web.call("POST", url, body, token=token, timeout_s=30.0)
    if not answer.ok:
        raise DemoError(_refusal(f"POST {url}", answer))
    return answer.body


def _refusal(what: str, answer: web.Answer) -> str:
    # The reasons alone: a body may repeat what was sent.
    named = [
        f"{it.get('field')}: {it.get('message')}" for it in answer.body.get("errors") or [] if isinstance(it, dict)
    ]
    reason = "; ".join(named) or answer.body.get("detail") or answer.body.get("title") or "no reason given"
    return f"the demo could not be set up: {what} answered {answer.status} ({reason})"


def _remember(home: Path, demo: Demo) -> Demo:
    write_private(demo_file(home), json.dumps(asdict(demo), indent=2))
    return demo
