"""The Lambda side: one Chalice app of thin routes."""

from api.http import App
from api.routes import (
    accounts,
    auth,
    health,
    history,
    hooks,
    live,
    notifications,
    openapi,
    positions,
    self_tests,
    sessions,
    stats,
    strategies,
)
from api.sockets import sockets, ws_connect, ws_disconnect, ws_message
from api.spool import replay_spooled

__all__ = ["app", "replay_spooled", "ws_connect", "ws_disconnect", "ws_message"]

# Chalice would add a handler of its own to our logger, which masks nothing.
app = App(app_name="backstop", configure_logs=False)
app.experimental_feature_flags.add("WEBSOCKETS")
for _module in (
    auth,
    sessions,
    accounts,
    self_tests,
    strategies,
    hooks,
    positions,
    history,
    stats,
    live,
    notifications,
    health,
    openapi,
):
    app.register_blueprint(_module.routes.blueprint)
app.register_blueprint(sockets)
app.lambda_function(name="replay_spooled")(replay_spooled)
