"""The OpenAPI document is current and complete."""

import json
from pathlib import Path
from typing import Any

from api.app import app
from api.openapi import document, document_text
from tests.api.gateway_events import Api

COMMITTED = Path(__file__).parents[2] / "frontend" / "openapi.json"


def test_the_committed_document_is_current() -> None:
    assert COMMITTED.read_text() == document_text(), "run: python -m api.openapi > frontend/openapi.json"


def test_it_is_served(api: Api) -> None:
    reply = api.get("/api/openapi.json")
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    assert reply.json == json.loads(COMMITTED.read_text())


def test_every_route_is_described() -> None:
    described = {(path, method.upper()) for path, methods in document()["paths"].items() for method in methods}
    assert described == {(path, method) for path, methods in app.routes.items() for method in methods}


def test_every_operation_has_an_id_of_its_own_and_a_summary() -> None:
    operations = [operation for methods in document()["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert all(operation["summary"] for operation in operations)


def test_every_reference_leads_somewhere() -> None:
    content = document()

    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            found = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return found + [ref for item in value.values() for ref in references(item)]
        return [ref for item in value for ref in references(item)] if isinstance(value, list) else []

    names = {ref.removeprefix("#/components/schemas/") for ref in references(content)}
    assert names <= set(content["components"]["schemas"])
    assert {"LiveMessage", "ClientMessage", "NativeAlert", "Problem", "PositionPage"} <= set(
        content["components"]["schemas"]
    )


def test_only_what_must_be_is_open_to_everybody() -> None:
    open_paths = {
        path
        for path, methods in document()["paths"].items()
        for operation in methods.values()
        if operation["security"] == []
    }
    assert open_paths == {
        "/api/auth/signup",
        "/api/auth/login",
        "/api/auth/recover",
        "/api/auth/refresh",
        "/api/auth/logout",
        "/api/hooks/{hook_id}",
        "/api/health",
        "/api/openapi.json",
    }
