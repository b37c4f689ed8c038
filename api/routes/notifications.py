"""Notifications outside the dashboard."""

from api import notifications
from api.http import Routes
from api.sessions import Caller
from backstop.contracts.notifications import NotificationsChange, NotificationSettings, NotificationTest

routes = Routes(__name__)


@routes.get("/notifications")
def get_notifications(user: Caller) -> NotificationSettings:
    """Where your notifications go, of what, and whether they arrive."""
    return notifications.read(user)


@routes.put("/notifications", problems=(403,))
def set_notifications(user: Caller, body: NotificationsChange) -> NotificationSettings:
    """Replace your channels: Telegram, Discord, Slack, e-mail. Tokens and URLs left out stay as they were."""
    return notifications.change(user, body)


@routes.post("/notifications/test", status=204, problems=(404,))
def test_notifications(user: Caller, body: NotificationTest) -> None:
    """Send a message by one channel; `last_error` and `last_sent_at` tell what became of it."""
    notifications.test(user, body)
