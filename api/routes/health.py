"""Is it alive."""

from api import status
from api.http import Routes
from backstop.contracts.health import Health

routes = Routes(__name__)


@routes.get("/health", public=True)
def health() -> Health:
    """Whether the database, the streamer and its connections to Bybit are alive. Always 200."""
    return status.read()
