"""Notifications outside the dashboard: by which provider, where to, and of what. Where to goes in and never comes out."""

import re
from enum import StrEnum
from typing import Annotated, Literal, get_args

from pydantic import EmailStr, Field, SecretStr, StringConstraints, field_validator

from backstop.contracts.base import Incoming, Moment, Outgoing

Provider = Literal["telegram", "discord", "slack", "email"]
PROVIDERS: tuple[Provider, ...] = get_args(Provider)


class Topic(StrEnum):
    """`opened`, `closed`: positions · `refused`: signals refused, expired or failed · `warning`, `error`: notices."""

    OPENED = "opened"
    CLOSED = "closed"
    REFUSED = "refused"
    WARNING = "warning"
    ERROR = "error"


class _Channel(Incoming):
    enabled: bool = True
    topics: Annotated[list[Topic], Field(max_length=len(Topic))] = Field(default_factory=lambda: list(Topic))

    @field_validator("topics")
    @classmethod
    def _each_once(cls, topics: list[Topic]) -> list[Topic]:
        return list(dict.fromkeys(topics))


_KEPT = " Left out: as it was set before."
_Secret = Annotated[SecretStr, Field(max_length=300)]


class TelegramChannel(_Channel):
    provider: Literal["telegram"]
    token: _Secret | None = Field(default=None, description="Of a bot, from @BotFather." + _KEPT)
    chat_id: Annotated[str, StringConstraints(pattern=r"^(-?\d{1,20}|@[A-Za-z]\w{3,31})$")] | None = Field(
        default=None, description="A chat's number or a channel's @name." + _KEPT
    )

    @field_validator("token")
    @classmethod
    def _shape(cls, token: SecretStr | None) -> SecretStr | None:
        return _matching(token, r"\d{5,15}:[\w-]{30,60}", "must be a bot's token like 123456789:AAE…")


class DiscordChannel(_Channel):
    provider: Literal["discord"]
    webhook_url: _Secret | None = Field(default=None, description="Of a channel's webhook." + _KEPT)

    @field_validator("webhook_url")
    @classmethod
    def _shape(cls, url: SecretStr | None) -> SecretStr | None:
        text = "must be like https://discord.com/api/webhooks/…/…"
        return _matching(url, r"https://(?:discord|discordapp)\.com/api/webhooks/\d{5,25}/[\w-]{30,100}", text)


class SlackChannel(_Channel):
    provider: Literal["slack"]
    webhook_url: _Secret | None = Field(default=None, description="Of an incoming webhook." + _KEPT)

    @field_validator("webhook_url")
    @classmethod
    def _shape(cls, url: SecretStr | None) -> SecretStr | None:
        text = "must be like https://hooks.slack.com/services/T…/B…/…"
        return _matching(url, r"https://hooks\.slack\.com/services/T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]{12,60}", text)


class EmailChannel(_Channel):
    provider: Literal["email"]
    address: Annotated[EmailStr, Field(max_length=254)] | None = Field(default=None, description=_KEPT.strip())


ChannelSettings = Annotated[
    TelegramChannel | DiscordChannel | SlackChannel | EmailChannel, Field(discriminator="provider")
]


class NotificationsChange(Incoming):
    """All channels; one that is not named is removed."""

    channels: Annotated[list[ChannelSettings], Field(max_length=len(PROVIDERS))]

    @field_validator("channels")
    @classmethod
    def _one_of_each(cls, channels: list[ChannelSettings]) -> list[ChannelSettings]:
        if len({channel.provider for channel in channels}) < len(channels):
            raise ValueError("must name each provider once")
        return channels


class NotificationTest(Incoming):
    provider: Provider


class NotificationChannel(Outgoing):
    provider: Provider
    enabled: bool
    topics: list[Topic]
    destination: str = Field(description="Such as `chat 12345 by bot 987654`; nothing secret.")
    last_sent_at: Moment | None
    last_error: str | None = Field(description="Why the newest message has not been taken yet; null when it was.")
    waiting: int = Field(description="Messages not taken yet.")


class NotificationSettings(Outgoing):
    channels: list[NotificationChannel]
    providers: list[Provider] = Field(description="What can be set up here: e-mail needs a mail server.")


def _matching(value: SecretStr | None, pattern: str, otherwise: str) -> SecretStr | None:
    if value is not None and re.fullmatch(pattern, value.get_secret_value(), re.ASCII) is None:
        raise ValueError(otherwise)
    return value
