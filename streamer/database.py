"""What the streamer's database may do to it."""

from typing import Final

import psycopg
from psycopg_pool import PoolTimeout

AWAY: Final = (psycopg.OperationalError, psycopg.errors.ReadOnlySqlTransaction, PoolTimeout)
"""It does not answer, or takes no writes (a failover under way): try again."""
