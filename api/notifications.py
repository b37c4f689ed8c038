"""Where a user's notifications go. What is secret of it is sealed at once, for the streamer, which sends them."""

import json
import os
from collections.abc import Mapping
from uuid import uuid4

from api import audit
from api.accounts import sealer
from api.database import transaction
from api.errors import not_found, wrong_field
from api.sessions import Caller
from api.standing import require_fresh
from backstop.contracts.notifications import (
    PROVIDERS,
    ChannelSettings,
    DiscordChannel,
    NotificationsChange,
    NotificationSettings,
    NotificationTest,
    Provider,
    SlackChannel,
    TelegramChannel,
)
from backstop.store import notifications as stored
from backstop.store.query import execute, fetch_all, fetch_one
from backstop.vault import ChannelContext


def read(caller: Caller) -> NotificationSettings:
    with transaction(caller.id) as connection:
        return NotificationSettings(channels=fetch_all(connection, stored.channels(caller.id)), providers=_offered())


def change(caller: Caller, wish: NotificationsChange) -> NotificationSettings:
    """Raises HttpError 403 `confirmation_needed`, 422 for a provider not offered, or of which too little is known."""
    named: list[Provider] = [channel.provider for channel in wish.channels]
    with transaction(caller.id) as connection:
        require_fresh(connection, caller)
        execute(connection, stored.remove_channels(caller.id, besides=named))
        for index, channel in enumerate(wish.channels):
            field = f"channels.{index}"
            if channel.provider not in _offered():
                raise wrong_field(f"{field}.provider", f"{channel.provider} is not set up on this installation")
            parts = _parts(channel)
            given = {name: value for name, value in parts.items() if value is not None}
            missing = [name for name in parts if name not in given]
            if given and missing:
                raise wrong_field(f"{field}.{missing[0]}", f"must be given with {', '.join(given)}")
            saving = stored.save_channel(
                caller.id,
                channel.provider,
                enabled=channel.enabled,
                topics=channel.topics,
                destination=_told(channel.provider, given) if given else None,
                sealed=(
                    sealer().seal_bytes(json.dumps(given).encode(), ChannelContext(caller.id, channel.provider))
                    if given
                    else None
                ),
            )
            if fetch_one(connection, saving) is None:
                raise wrong_field(f"{field}.{missing[0]}", "is not known yet")
        kept = fetch_all(connection, stored.channels(caller.id))
        told = {one.provider: one.model_dump(mode="json", include={"enabled", "topics", "destination"}) for one in kept}
        audit.record(connection, caller, "notifications.changed", None, **told)
        return NotificationSettings(channels=kept, providers=_offered())


def test(caller: Caller, wish: NotificationTest) -> None:
    """Queue a message. Raises HttpError 404 without such a channel that is on."""
    with transaction(caller.id) as connection:
        if fetch_one(connection, stored.add_test(caller.id, wish.provider, uuid4())) is None:
            raise not_found()


def _offered() -> list[Provider]:
    return [one for one in PROVIDERS if one != "email" or os.environ.get("BACKSTOP_MAIL") == "on"]


def _parts(channel: ChannelSettings) -> Mapping[str, str | None]:
    """Where to, in the names the streamer's courier knows."""
    match channel:
        case TelegramChannel(token=token, chat_id=chat_id):
            return {"token": token.get_secret_value() if token is not None else None, "chat_id": chat_id}
        case DiscordChannel(webhook_url=url) | SlackChannel(webhook_url=url):
            return {"webhook_url": url.get_secret_value() if url is not None else None}
        case _:
            return {"address": channel.address}


def _told(provider: Provider, parts: Mapping[str, str]) -> str:
    """Where to, for people: ids, nothing that lets one write there."""
    match provider:
        case "telegram":
            return f"chat {parts['chat_id']} by bot {parts['token'].partition(':')[0]}"
        case "discord" | "slack":
            return f"webhook {parts['webhook_url'].split('/')[-2]}"
        case "email":
            return parts["address"]
