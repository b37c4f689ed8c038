"""The webhook alerts come in by."""

from api import spool
from api.deliveries import arrived
from api.http import Answer, Request, Routes
from backstop.contracts.trading import SignalAnswer

routes = Routes(__name__)

# TradingView sends text/plain when the message is not valid JSON, and some senders call everything a form.
# The body is read as JSON whatever it is called.
_CONTENT_TYPES = ["application/json", "text/plain", "application/x-www-form-urlencoded"]


@routes.post(
    "/hooks/{hook_id}",
    status=202,
    also=(200,),
    public=True,
    problems=(401, 403, 413, 422, 429),
    content_types=_CONTENT_TYPES,
)
def receive_alert(request: Request, hook_id: str) -> Answer[SignalAnswer]:
    """Take an alert: 202 once it is stored (or put by while the database is away), 200 when it was stored before."""
    answer = spool.take(arrived(hook_id, request))
    return Answer(answer, status=200 if answer.status == "duplicate" else 202)
