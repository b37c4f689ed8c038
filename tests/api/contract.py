"""The served OpenAPI document against the app: requests made from it, right and wrong ones, each answered as it says."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.gateway_events import Api

BASE = "http://127.0.0.1:8000"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

World = Callable[[], tuple[Api, dict[str, str]]]
"""A user who is logged in and has one of everything: a client, and the ids by the names that paths have for them."""


def operations(document: dict[str, Any]) -> Iterator[APIOperation[Any, Any, Any, Any]]:
    schema = schemathesis.openapi.from_dict(document)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        yield found.ok()


def failures(document: dict[str, Any], world: World, examples: int, *, unanswered: set[str]) -> list[str]:
    """What the app answered otherwise than the document says, one line each. `unanswered`: operations by which a 503 may
    come, for nobody is there to answer."""
    found = []
    for operation in operations(document):
        api, ids = world()
        name = operation.definition.raw["operationId"]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                _probe(operation, mode, api, ids, examples, may_be_unanswered=name in unanswered)
            except* Unsatisfiable:
                pass  # there is no wrong way to ask for it
            except* Exception as group:  # noqa: BLE001 - each is told
                found += [f"{name} ({mode.value}): {' '.join(str(one).split())[:600]}" for one in group.exceptions]
    return found


def _probe(
    operation: APIOperation[Any, Any, Any, Any],
    mode: GenerationMode,
    api: Api,
    ids: dict[str, str],
    examples: int,
    *,
    may_be_unanswered: bool,
) -> None:
    cases = operation.as_strategy(generation_mode=mode)

    @seed(20261124)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, ours=some.booleans())
    def probe(case: Case[Any], ours: bool) -> None:
        if ours:
            _put_ours(case, ids)
        reply = _send(api, case)
        if not (may_be_unanswered and reply.status_code == 503):
            case.validate_response(reply, checks=CHECKS)

    probe()


def _put_ours(case: Case[Any], ids: dict[str, str]) -> None:
    """Ids of what there is, for those made up."""
    for values in (case.path_parameters, case.query, case.body):
        if isinstance(values, dict):
            values.update({name: ids[name] for name in values.keys() & ids.keys()})


def _send(api: Api, case: Case[Any]) -> httpx.Response:
    prepared = requests.Request(**case.as_transport_kwargs(base_url=BASE)).prepare()
    headers = {str(name): str(value) for name, value in prepared.headers.items() if name != "Authorization"}
    path = str(prepared.url).removeprefix(BASE)
    content_type = headers.pop("Content-Type", "application/json")
    reply = api.send(prepared.method or "GET", path, prepared.body, headers=headers, content_type=content_type)
    response = httpx.Response(
        reply.status,
        headers=dict(reply.headers),
        content=reply.text.encode(),
        request=httpx.Request(prepared.method or "GET", str(prepared.url)),
    )
    response.elapsed = timedelta()
    return response
