"""Nothing the served document allows, or forbids, is answered by a 5xx or otherwise than it says.

A few requests for each operation here; `make contract` sends some hundreds.
"""

import os
from itertools import count

import pytest

from tests.api.conftest import User, sign_up
from tests.api.contract import failures
from tests.api.gateway_events import Api
from tests.api.test_every_route import things_of
from tests.store.books import Books

EXAMPLES = int(os.environ.get("CONTRACT_EXAMPLES", "2"))


@pytest.mark.timeout(0 if EXAMPLES > 5 else 120)
def test_every_answer_is_as_documented(api: Api, user: User, books: Books) -> None:
    document = user.api.get("/api/openapi.json").json
    numbers = count()
    held: list[tuple[Api, dict[str, str]]] = []

    def world() -> tuple[Api, dict[str, str]]:
        """The same user as long as his session lives and nothing of his is gone."""
        if held and _whole(held[-1]):
            return held[-1][0], held[-1][1]
        one = sign_up(api, f"user{next(numbers)}@example.com")
        held.append((one.api, things_of(one, books).ids))
        return held[-1]

    found = failures(document, world, EXAMPLES, unanswered={"preflight", "get_candles"})
    assert not found, "\n\n".join(found)


def _whole(held: tuple[Api, dict[str, str]]) -> bool:
    api, ids = held
    return api.get(f"/api/strategies/{ids['strategy_id']}").status == 200
