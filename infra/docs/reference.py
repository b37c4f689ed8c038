"""Pages of the manual that are made from the code when it is built: mkdocs calls `on_files`."""

from collections.abc import Iterator, Mapping
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import TypeAdapter

from api.openapi import document
from backstop.contracts import accounts, live, strategies

Schema = Mapping[str, Any]

_OPENAPI = (
    "OpenAPI {version}, served at `/api/openapi.json`. Errors are `application/problem+json`; lists go on with `cursor`;"
    " changes take an `Idempotency-Key`."
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    pages = {
        "reference/api.md": api_page(document()),
        "reference/messages.md": messages_page(),
        "reference/settings.md": settings_page(),
        "reference/cli.md": cli_page(),
    }
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


# ---- API


def api_page(described: Schema) -> str:
    lines = [
        "# API",
        "",
        _OPENAPI.format(version=described["openapi"]),
    ]
    shapes = described["components"]["schemas"]
    by_tag: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            by_tag.setdefault(operation.get("tags", ["other"])[0], []).append(
                _operation(path, method, operation, shapes)
            )
    for tag, operations in by_tag.items():
        lines += ["", f"## {tag.capitalize()}", "", "| | | takes | answers |", "|---|---|---|---|", *operations]
    lines += ["", "## Shapes"]
    for name, schema in sorted(shapes.items()):
        if "properties" in schema:
            lines += ["", f"### {name}", "", *_fields(schema, shapes)]
    return "\n".join(lines)


def _operation(path: str, method: str, operation: Schema, shapes: Schema) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    good = [
        f"{status} {_type(answer.get('content', {}).get('application/json', {}).get('schema', {}), shapes)}".strip()
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    ]
    summary = operation.get("summary", "")
    return f"| `{method.upper()}` `{path}` | {summary} | {_type(body, shapes) if body else ''} | {', '.join(good)} |"


# ---- shapes


def _fields(schema: Schema, shapes: Schema) -> Iterator[str]:
    if text := schema.get("description"):
        yield from (" ".join(text.split()), "")
    yield from ("| field | type | default | |", "|---|---|---|---|")
    for name, field in schema["properties"].items():
        default = field.get("default", "required" if name in schema.get("required", ()) else "")
        shown = "" if default is None or default == "" else f"`{default}`" if default != "required" else "required"
        yield f"| `{name}` | {_type(field, shapes)} | {shown} | {_cell(field.get('description', ''))} |"


def _type(schema: Schema, shapes: Schema) -> str:
    """A link to a shape on the page; words that may stand there are written out."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})" if "properties" in shapes[name] else _type(shapes[name], shapes)
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(_type(one, shapes) for one in schema[several])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}), shapes)}"
    return str(schema.get("format") or schema.get("type") or "")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _shapes(title: str, intro: str, models: Mapping[str, Any]) -> str:
    lines, told = [f"# {title}", "", intro], set[str]()
    for model in models.values():
        schema = TypeAdapter(model).json_schema()
        shapes = schema.get("$defs", {})
        for name, inner in [(schema.get("title", ""), schema), *shapes.items()]:
            if "properties" in inner and name not in told:
                told.add(name)
                lines += ["", f"## {name}", "", *_fields(inner, shapes)]
    return "\n".join(lines)


def messages_page() -> str:
    intro = (
        "What a dashboard hears over its WebSocket, as JSON. `seq` numbers what must not be missed: a client that says"
        " `hello` with the last one it has is told what came since, or gets a snapshot."
    )
    return _shapes("Messages to the dashboard", intro, {"message": live.LiveMessage})


def settings_page() -> str:
    intro = "What a strategy and an account can be told. Percentages and prices are text, so that no digit is lost."
    models = {"strategy": strategies.NewStrategy, "account": accounts.NewAccount, "limits": accounts.AccountLimits}
    return _shapes("Settings", intro, models)


# ---- command line


def cli_page() -> str:
    from infra.cli.main import app  # noqa: PLC0415 - it brings the whole product along

    group: Any = typer.main.get_command(app)  # typer's own click
    lines = ["# Command line", "", "`backstop` is in `.venv/bin` after `make setup`."]
    for name, command in group.commands.items():
        lines += ["", f"## backstop {name}", "", " ".join((command.help or "").split())]
        parameters = [parameter for parameter in command.params if parameter.name != "help"]
        if parameters:
            lines += ["", "| | default | |", "|---|---|---|"]
        for parameter in parameters:
            names = ", ".join(f"`{one}`" for one in parameter.opts) if parameter.opts else parameter.name
            default = (
                "" if parameter.default in (None, False) or callable(parameter.default) else f"`{parameter.default}`"
            )
            lines.append(f"| {names} | {default} | {_cell(getattr(parameter, 'help', '') or '')} |")
    return "\n".join(lines)
