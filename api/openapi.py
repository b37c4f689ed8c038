"""The OpenAPI 3.1 document, made from the routes and the models that validate. `python -m api.openapi` prints it."""

import json
import re
import sys
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import api.app  # noqa: F401 - registers every route
from api.http import REGISTRY, Route
from backstop.contracts.alerts import NativeAlert
from backstop.contracts.errors import Problem
from backstop.contracts.live import ClientMessage, LiveMessage

_REF = "#/components/schemas/{model}"
_VERSION = "1"


def document() -> dict[str, Any]:
    """The whole document as JSON values."""
    schemas, components = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in REGISTRY:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Backstop",
            "version": _VERSION,
            "description": "A hosted Bybit trading bot: alerts become protected positions.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            },
        },
    }


def document_text() -> str:
    """The document as it is committed: sorted, indented, one newline at the end."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


Schemas = Mapping[tuple[Any, str], dict[str, Any]]


def _schemas() -> tuple[Schemas, dict[str, Any]]:
    """A schema for each model as it is used, and the components they refer to.

    Two models with the same name would be renamed by pydantic, and clients with them; so that fails here.
    """
    wanted: set[tuple[type[BaseModel], Any]] = {(model, "serialization") for model in (Problem, LiveMessage)}
    wanted |= {(model, "validation") for model in (NativeAlert, ClientMessage)}
    for route in REGISTRY:
        wanted |= {(route.body, "validation")} if route.body else set()
        wanted |= {(route.answer, "serialization")} if route.answer else set()
    ordered = sorted(wanted, key=lambda one: (one[0].__name__, one[1]))
    schemas, definitions = models_json_schema(ordered, ref_template=_REF)
    components = {_component(name): _renamed(schema) for name, schema in definitions["$defs"].items()}
    for name, schema in components.items():
        schema["title"] = name
    ambiguous = [name for name in components if not name.isalnum()]
    assert not ambiguous, f"two schemas of one name: {ambiguous}"
    return {key: _renamed(schema) for key, schema in schemas.items()}, components


def _component(name: str) -> str:
    """`Page_Position_`, as pydantic names a generic model, becomes `PositionPage`."""
    return re.sub(r"^Page_(\w+)_$", r"\1Page", name)


def _renamed(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {key: _component_ref(value) if key == "$ref" else _renamed(value) for key, value in schema.items()}
    return [_renamed(item) for item in schema] if isinstance(schema, list) else schema


def _component_ref(ref: str) -> str:
    folder, _, name = ref.rpartition("/")
    return f"{folder}/{_component(name)}"


def _operation(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "responses": _responses(route, schemas),
        "security": [] if route.public else [{"accessToken": []}],
    }
    parameters = [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)]
    if parameters:
        operation["parameters"] = parameters
    if route.body is not None:
        # A body whose every field has a default may be left out.
        required = any(field.is_required() for field in route.body.model_fields.values())
        operation["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": schemas[route.body, "validation"]}},
        }
    elif route.content_types[0] == "application/json" and len(route.content_types) > 1:
        operation["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schemas[NativeAlert, "validation"]} for kind in route.content_types},
        }
    return operation


def _responses(route: Route, schemas: Schemas) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for status in route.statuses:
        responses[str(status)] = {"description": HTTPStatus(status).phrase}
        if status != HTTPStatus.NO_CONTENT:
            other = {"type": "string"} if route.answer_type == "text/csv" else {"type": "object"}
            schema = schemas[route.answer, "serialization"] if route.answer else other
            responses[str(status)]["content"] = {route.answer_type: {"schema": schema}}
    for status in route.problems:
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            "content": {"application/problem+json": {"schema": schemas[Problem, "serialization"]}},
        }
    return responses


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"} if kind is UUID else {"type": "string"},
        }
        for name, kind in route.path_types.items()
    ]


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    if not route.keeps_answers:
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "With one, the request is done once; a repeat within a day gets the first answer.",
            "schema": {"type": "string", "minLength": 16, "maxLength": 200, "pattern": "^[!-~]+$"},
        }
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema(ref_template=_REF)
    definitions = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "required": False, "schema": _parameter_schema(field, definitions)}
        for name, field in schema["properties"].items()
    ]


def _parameter_schema(field: dict[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """A query parameter is left out rather than null, and its enums stand in place."""
    options = [option for option in field.get("anyOf", [field]) if option.get("type") != "null"]
    schema = {**options[0]}
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].rpartition("/")[2]]}
    schema.pop("title", None)
    if schema.get("default", "") is None:
        del schema["default"]
    return schema


if __name__ == "__main__":
    sys.stdout.write(document_text())
