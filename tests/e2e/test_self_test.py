"""What an account's key may do, from outside."""

import pytest

from tests.e2e.trader import Trader, eventually


@pytest.mark.fault(53)
def test_a_new_account_is_tested_and_a_key_that_gains_a_right_to_withdraw_opens_nothing(trader: Trader) -> None:
    path = f"/api/accounts/{trader.account_id}/self-test"
    first = eventually(lambda: found if (found := trader.get(path))["outcome"] else None, "the first self-test")
    assert (first["cause"], first["outcome"]) == ("added", "warned")
    lines = {line["code"]: line["status"] for line in first["lines"]}
    assert (lines["withdrawal"], lines["trading"], lines["ip_binding"]) == ("ok", "ok", "warning")

    rights = {"ContractTrade": ["Order", "Position"], "Wallet": ["Withdraw"]}
    trader.exchange.key(trader.api_key, permissions=rights)
    trader.post(path, {}, 202)

    failed = eventually(lambda: found if (found := trader.get(path))["outcome"] == "failed" else None, "it failed")
    assert failed["cause"] == "user"
    strategy = trader.strategy("BTCUSDT")
    alert = trader.alert(strategy, action="buy", symbol="BTCUSDT")
    record = eventually(
        lambda: found if (found := trader.signal(alert["signal_id"]))["status"] == "refused" else None, "refused"
    )
    assert record["reason_code"] == "account_unfit"
    assert "Withdraw" in record["reason"]
    account = eventually(
        lambda: found if (found := trader.get("/api/accounts")["items"][0])["status"] == "paused" else None, "paused"
    )
    assert "Withdraw" in account["status_reason"]
