"""In short; `make fleet` does the same with 5 processes and 1,000 accounts."""

import pytest

from tests.conftest import Database
from tests.fleet.scene import share_and_kill


@pytest.mark.timeout(500)
async def test_each_account_has_one_owner_and_soon_another_when_that_dies(database: Database) -> None:
    await share_and_kill(database.url, database.url_as("backstop_streamer"), accounts=60, processes=3)
