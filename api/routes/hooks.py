"""The webhook alerts come in by."""

from api import hooks
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
    problems=(401, 413, 422),
    content_types=_CONTENT_TYPES,
)
def receive_alert(request: Request, hook_id: str) -> Answer[SignalAnswer]:
    """Take an alert: 202 once it is stored, 200 when it was stored before."""
    answer = hooks.receive(hook_id, request.body, request.source_ip)
    return Answer(answer, status=200 if answer.status == "duplicate" else 202)
