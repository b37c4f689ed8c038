"""What a pool promises whatever a handler does."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from infra.gateway.lambdas import FunctionFailedError, LambdaPool
from tests.infra.gateway.conftest import REPOSITORY, SAMPLE


@pytest.fixture
async def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LambdaPool]:
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setenv("SAMPLE_FOLDER", str(tmp_path))
    pool = LambdaPool(f"{SAMPLE}:app", size=1)
    await pool.start()
    yield pool
    await pool.close()


async def test_a_handler_is_given_a_lambda_context(pool: LambdaPool) -> None:
    answer = await pool.invoke(f"{SAMPLE}:told", {}, "id-1")
    assert (answer["request_id"], answer["name"]) == ("id-1", "tests-infra-gateway-sample_app-told")
    assert 0 < answer["left_ms"] <= 29_000


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        ("raises", "ValueError: on purpose"),
        ("too_much", "ResponseSizeTooLarge"),
        ("exits", "instance ended"),
        ("missing", "AttributeError"),
    ],
)
async def test_a_failing_handler_fails_its_own_event_only(pool: LambdaPool, handler: str, reason: str) -> None:
    with pytest.raises(FunctionFailedError, match=reason):
        await pool.invoke(f"{SAMPLE}:{handler}", {}, "id-1")
    assert (await pool.invoke(f"{SAMPLE}:told", {}, "id-2"))["request_id"] == "id-2"


async def test_an_app_that_cannot_be_imported_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(REPOSITORY)
    pool = LambdaPool("tests.infra.gateway.absent:app")
    with pytest.raises(FunctionFailedError, match="cannot be imported"):
        await pool.start()
    await pool.close()


async def test_routes_are_read_from_the_app(pool: LambdaPool) -> None:
    again = LambdaPool(f"{SAMPLE}:app", size=1)
    api = await again.start()
    await again.close()
    find: Callable[[str], object] = api.match
    assert find("/api/items/7/parts/8") is not None
    assert find("/api/items/7/") is not None
    assert find("/api/items//") is None
    assert "image/png" in api.binary_types
