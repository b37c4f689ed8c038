"""The reference pages hold everything that the code has."""

from api.openapi import document
from infra.cli.main import app
from infra.docs.reference import api_page, cli_page, messages_page, settings_page


def test_every_route_and_shape_is_told() -> None:
    described = document()
    page = api_page(described)
    missing = [path for path in described["paths"] if f"`{path}`" not in page]
    missing += [
        name
        for name, schema in described["components"]["schemas"].items()
        if "properties" in schema and f"### {name}\n" not in page
    ]
    assert missing == []


def test_every_link_to_a_shape_leads_somewhere() -> None:
    for page in (api_page(document()), messages_page(), settings_page()):
        headings = {line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("#")}
        wanted = {link.split(")")[0] for link in page.split("](#")[1:]}
        assert wanted <= headings


def test_every_command_is_told() -> None:
    page = cli_page()
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]
    assert [name for name in names if f"## backstop {name.replace('_', '-')}" not in page] == []


def test_settings_and_messages_have_their_fields() -> None:
    settings, messages = settings_page(), messages_page()
    assert [
        field for field in ("max_age_s", "resident_gap", "max_entries", "daily_loss") if field not in settings
    ] == []
    assert [
        shape for shape in ("SnapshotMessage", "PriceMessage", "NoticeMessage") if f"## {shape}" not in messages
    ] == []
