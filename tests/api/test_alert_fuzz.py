"""Whatever is sent to a webhook, the answer is one that is documented, and it is noted."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import Hook
from tests.store.books import Books

DOCUMENTED = {200, 202, 401, 404, 413, 422}
NAMES = ["action", "symbol", "qty", "stop_loss", "take_profit", "leverage", "position", "prev_position", "id", "time"]
SENSIBLE = ["buy", "close", "target", "BTCUSDT", "BYBIT:BTCUSDT.P", "0.01", "1.5%", "64000", "long", "flat", "{{x}}"]

texts = st.one_of(st.sampled_from(SENSIBLE), st.text(st.characters(exclude_categories=[]), max_size=30))
numbers = st.one_of(st.integers(), st.floats(), st.sampled_from([0, -1, 5, 1e300]))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
alerts = st.dictionaries(st.one_of(st.sampled_from(NAMES), texts), values, max_size=8)
often = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@often
@given(fields=alerts)
@pytest.mark.fault(7)
def test_with_the_secret_any_alert_is_taken_or_refused_with_a_reason(
    hook: Hook, books: Books, fields: dict[str, Any]
) -> None:
    before = books.rows("select count(*) as n from signals")[0]["n"]
    reply = hook.api.post(hook.path, json.dumps({**hook.alert(), **fields, "secret": hook.secret}))
    assert reply.status in DOCUMENTED, reply.text
    if reply.status == 422:
        assert reply.fields
        after = books.rows("select (select count(*) from signals) + (select count(*) from refused_alerts) as n")
        assert after[0]["n"] > before
    json.loads(reply.text.encode())


@often
@given(body=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode())))
@pytest.mark.fault(7)
def test_any_bytes_are_refused_with_a_reason(hook: Hook, body: bytes) -> None:
    reply = hook.api.post(hook.path, body)
    assert reply.status in (401, 422), reply.text


@often
@given(body=values)
def test_any_json_is_refused_without_the_secret(hook: Hook, books: Books, body: Any) -> None:
    assert hook.api.post(hook.path, json.dumps(body)).status in (401, 422)
    assert books.rows("select * from signals") == []
