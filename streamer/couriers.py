"""Hands a message to a provider through apprise. Blocking: call it in a thread.

Only providers with an address of their own are known, so that nobody can have this server call one of his choice.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from backstop.contracts.notifications import Provider
from streamer.wording import Letter

_STATUS = re.compile(r"error=(\d{3})")
_LONGEST = {"telegram": 4000, "discord": 1900, "slack": 3000, "email": 20_000}


class Couriers:
    """`mail_url`: the mail server, as apprise writes it: `mailtos://user:password@host?from=bot@example.com`."""

    def __init__(self, mail_url: str | None = None, elsewhere: Mapping[Provider, str] | None = None) -> None:
        """`elsewhere`: base URLs of stand-ins, for tests."""
        self._mail_url = mail_url
        self._elsewhere = elsewhere or {}

    def send(self, provider: Provider, parts: Mapping[str, str], letter: Letter) -> str | None:
        """None when the provider took it, else why not, with nothing secret in it."""
        import apprise  # noqa: PLC0415 - slow to import, and not needed where nobody is notified

        _silence()
        ear = _Ear()
        try:
            plugin = self._plugin(provider, parts)
            plugin.logger = ear
            courier = apprise.Apprise()
            courier.add(plugin)
            took = courier.notify(
                title=letter.title,
                body=letter.body[: _LONGEST[provider]],
                notify_type=apprise.NotifyType(letter.kind),
                body_format=apprise.NotifyFormat.TEXT,
            )
        except (apprise.exception.AppriseException, TypeError, ValueError, KeyError) as error:
            return f"{provider} is not set up well ({type(error).__name__})"
        return None if took else _reason(ear.said)

    def _plugin(self, provider: Provider, parts: Mapping[str, str]) -> Any:
        from apprise.plugins.discord import NotifyDiscord  # noqa: PLC0415
        from apprise.plugins.email import NotifyEmail  # noqa: PLC0415
        from apprise.plugins.slack import NotifySlack  # noqa: PLC0415
        from apprise.plugins.telegram import NotifyTelegram  # noqa: PLC0415

        plugin: Any
        match provider:
            case "telegram":
                plugin = NotifyTelegram(bot_token=parts["token"], targets=[parts["chat_id"]], detect_owner=False)
                plugin.notify_url = self._elsewhere.get(provider, plugin.notify_url)
            case "discord":
                webhook_id, token = parts["webhook_url"].split("/")[-2:]
                plugin = NotifyDiscord(webhook_id=webhook_id, webhook_token=token, avatar=False)
                plugin.notify_url = self._elsewhere.get(provider, plugin.notify_url)
            case "slack":
                team, hook, token = parts["webhook_url"].split("/")[-3:]
                plugin = NotifySlack(token_a=team, token_b=hook, token_c=token, include_image=False)
                plugin.webhook_url = self._elsewhere.get(provider, plugin.webhook_url)
            case "email":
                if self._mail_url is None:
                    raise KeyError("no mail server")
                joint = "&" if "?" in self._mail_url else "?"
                read = NotifyEmail.parse_url(f"{self._mail_url}{joint}to={quote(parts['address'])}")
                if read is None:
                    raise ValueError("not a mail server")
                plugin = NotifyEmail(**read)
        return plugin


def _silence() -> None:
    log = logging.getLogger("apprise")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _reason(said: list[str]) -> str:
    for line in reversed(said):
        if found := _STATUS.search(line):
            return f"the provider answered {found[1]}"
    return "the provider could not be reached" if any("onnection" in line for line in said) else "not taken"


class _Ear(logging.Logger):
    """Hears what a plugin has to say, which may name tokens: it goes nowhere else."""

    def __init__(self) -> None:
        super().__init__("apprise.heard", logging.WARNING)
        self.said: list[str] = []

    def handle(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())
