"""The one doorway of every route: authentication, validation, answer, problem+json, and its place in OpenAPI.

A route is a function whose parameters say what it needs, by name: `user` (who is logged in), `body` and `query`
(pydantic models), `request` (the raw request), and the `{names}` of its path. Its return type is the answer's model,
`Answer[Model]` where the status or headers vary, or None for 204.
"""

import inspect
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

import psycopg
from chalice.app import Blueprint, Chalice, Response
from pydantic import BaseModel, ValidationError

from api import config, idempotency
from api.errors import HttpError, field_errors, not_found, unprocessable, wrong_field
from api.sessions import Caller, authenticate
from api.standing import require_live
from backstop.telemetry import logger, traced

M = TypeVar("M")
F = TypeVar("F", bound=Callable[..., object])

_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Request:
    """An API Gateway proxy event (REST, payload 1.0), read. Header names are lower-case."""

    method: str
    resource: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    source_ip: str
    request_id: str
    client_certificate: str = ""
    """Subject of the certificate API Gateway verified, if the sender showed one."""

    def cookie(self, name: str) -> str | None:
        try:
            morsel = SimpleCookie(self.headers.get("cookie", "")).get(name)
        except CookieError:
            return None
        return morsel.value if morsel else None


@dataclass(frozen=True, slots=True)
class Answer(Generic[M]):
    """A model with a status or headers of its own."""

    model: M | None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JsonText:
    """An answer that is JSON already."""

    text: str


@dataclass(frozen=True, slots=True)
class CsvText:
    """An answer that is CSV."""

    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """What the OpenAPI document says about a route."""

    method: str
    path: str
    name: str
    summary: str
    tag: str
    public: bool
    statuses: tuple[int, ...]
    problems: tuple[int, ...]
    content_types: list[str]
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    answer: type[BaseModel] | None
    answer_type: str
    asks: bool
    path_types: Mapping[str, type]

    @property
    def keeps_answers(self) -> bool:
        """Whether an Idempotency-Key counts here."""
        return not self.public and self.method != "GET" and not self.asks


REGISTRY: list[Route] = []
_current: ContextVar[Request] = ContextVar("request")


class Routes:
    """A Chalice Blueprint whose routes are registered for OpenAPI too."""

    def __init__(self, module: str) -> None:
        self.blueprint = Blueprint(module)
        self._tag = module.rpartition(".")[2]

    def route(
        self,
        method: str,
        path: str,
        *,
        status: int = 200,
        also: tuple[int, ...] = (),
        public: bool = False,
        asks: bool = False,
        problems: tuple[int, ...] = (),
        content_types: list[str] | None = None,
    ) -> Callable[[F], F]:
        """Serve `/api<path>`.

        Args:
            status: of the usual answer; `also` lists others that carry the same model.
            public: no access token is asked for.
            asks: it changes nothing, whatever its method.
            problems: statuses of refusals beyond those every such route has.
            content_types: of the body; JSON if not given.
        """

        def register(handler: F) -> F:
            types = get_type_hints(handler)
            full_path = f"/api{path}"
            path_types = {name: types[name] for name in _names_in(full_path)}
            has_body = method in ("POST", "PATCH", "PUT")
            keeps_answers = not public and method != "GET" and not asks
            usual = {
                *([] if public else [401]),
                *([404] if path_types else []),
                *([415] if has_body else []),
                *([422] if "body" in types or "query" in types else []),
                *([409, 422] if keeps_answers else []),
                500,
                503,
            }
            route = Route(
                method=method,
                path=full_path,
                name=handler.__name__,
                summary=(inspect.getdoc(handler) or "").partition("\n")[0],
                tag=self._tag,
                public=public,
                statuses=(status, *also),
                problems=tuple(sorted(usual | set(problems))),
                content_types=content_types or (["application/json"] if has_body else ["*/*"]),
                body=types.get("body"),
                query=types.get("query"),
                answer=_model(_returned(types)),
                answer_type="text/csv" if _returned(types) is CsvText else "application/json",
                asks=asks,
                path_types=path_types,
            )
            REGISTRY.append(route)
            view = _view(handler, types, route)
            self.blueprint.route(route.path, name=route.name, methods=[method], content_types=route.content_types)(view)
            return handler

        return register

    def get(self, path: str, **options: Any) -> Callable[[F], F]:
        return self.route("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[F], F]:
        return self.route("POST", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[F], F]:
        return self.route("PATCH", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[F], F]:
        return self.route("PUT", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[F], F]:
        return self.route("DELETE", path, status=204, **options)


class App(Chalice):
    """Chalice, with the same headers and the same form of error on every answer, its own ones too."""

    def __call__(self, event: dict[str, Any], context: object) -> dict[str, Any]:
        request = read_request(event)
        with _serving(request):
            # Chalice answers an unknown path with 405.
            known = request.resource in self.routes
            answer = super().__call__(event, context) if known else _unknown_path(request)
        if answer["statusCode"] >= 400 and not _is_problem(answer):
            answer = _as_problem(answer, request)
        answer["headers"] = {**answer["headers"], **_ALWAYS, "X-Request-Id": request.request_id}
        return answer


def read_request(event: Mapping[str, Any]) -> Request:
    context = event.get("requestContext") or {}
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    queries = event.get("multiValueQueryStringParameters") or {}
    return Request(
        method=context.get("httpMethod", ""),
        resource=context.get("resourcePath", ""),
        path=event.get("path") or "",
        headers=headers,
        query={name: values[-1] for name, values in queries.items() if values},
        body=_body(event),
        source_ip=_source_ip(context, headers),
        request_id=context.get("requestId") or "",
        client_certificate=((context.get("identity") or {}).get("clientCert") or {}).get("subjectDN") or "",
    )


def _source_ip(context: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Who asks: the address API Gateway saw, or where our own front stands before it, what that says.

    The front overwrites its header, and the firewall lets nothing past it; X-Forwarded-For is whatever the caller wrote.
    """
    if (name := config.viewer_header()) is not None:
        return headers.get(name, "")
    return (context.get("identity") or {}).get("sourceIp") or ""


def _body(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if isinstance(body, bytes):
        return body
    if event.get("isBase64Encoded"):
        return b64decode(body)
    return str(body).encode("utf-8", "surrogatepass")


@contextmanager
def _serving(request: Request) -> Iterator[None]:
    """Makes `request` the current one. Chalice keeps its own on the app, where two threads would swap theirs."""
    token = _current.set(request)
    try:
        yield
    finally:
        _current.reset(token)


def _returned(types: Mapping[str, Any]) -> Any:
    returned = types.get("return")
    return get_args(returned)[0] if get_origin(returned) is Answer else returned


def _model(returned: Any) -> type[BaseModel] | None:
    """The model in a route's return type, if it answers with one."""
    return returned if isinstance(returned, type) and issubclass(returned, BaseModel) else None


def _names_in(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _view(handler: Callable[..., object], types: Mapping[str, Any], route: Route) -> Callable[..., Response]:
    """The function Chalice calls with the path's parameters."""

    def view(**path: str) -> Response:
        request = _current.get()
        try:
            arguments: dict[str, object] = {}
            caller: Caller | None = None
            if not route.public:
                caller = authenticate(request.headers.get("authorization", ""), request.source_ip)
                if route.method != "GET":
                    require_live(caller)
                arguments |= {"user": caller} if types.get("user") is Caller else {}
            arguments |= {name: _path_value(path[name], kind) for name, kind in route.path_types.items()}
            if (query := route.query) is not None:
                arguments["query"] = _validated(lambda: query.model_validate(dict(request.query)), "query")
            if (body := route.body) is not None:
                # PostgreSQL's text cannot hold it.
                if b"\\u0000" in request.body:
                    raise wrong_field("body", "must not contain the character U+0000")
                arguments["body"] = _validated(lambda: body.model_validate_json(request.body or b"{}"), "body")
            if types.get("request") is Request:
                arguments["request"] = request
            with traced(route.name):
                return _once(caller, request, route, lambda: _answer(handler(**arguments), route.statuses[0]))
        except HttpError as error:
            return _problem(error, request.request_id)
        except psycopg.OperationalError as error:
            logger().warning("database_unavailable", extra={"route": route.name, "error": type(error).__name__})
            return _problem(
                HttpError(503, "database_unavailable", "try again in a few seconds", headers={"Retry-After": "5"}),
                request.request_id,
            )
        except Exception:  # noqa: BLE001 - the edge: noted once, and nothing of it told
            logger().exception("unhandled", extra={"route": route.name, "request_id": request.request_id})
            return _problem(
                HttpError(500, "internal_error", "this is our mistake and has been noted"), request.request_id
            )

    return view


def _once(caller: Caller | None, request: Request, route: Route, act: Callable[[], Response]) -> Response:
    key = request.headers.get(idempotency.HEADER)
    if key is None or caller is None or not route.keeps_answers:
        return act()
    same = "\n".join(
        [route.method, request.path, *(f"{name}={value}" for name, value in sorted(request.query.items()))]
    )
    return idempotency.once(caller, key, same.encode("utf-8", "surrogatepass") + b"\n" + request.body, act)


def _validated(validate: Callable[[], BaseModel], root: str) -> BaseModel:
    try:
        return validate()
    except ValidationError as error:
        # The original holds what was sent.
        raise unprocessable(field_errors(error, root)) from None


def _path_value(text: str, kind: type) -> object:
    if kind is not UUID:
        if "\0" in text:
            raise not_found()
        return text
    try:
        return UUID(text)
    except ValueError:
        raise not_found() from None


def _answer(answer: object, status: int) -> Response:
    headers: dict[str, Any] = {}
    if isinstance(answer, Answer):
        status, headers, answer = answer.status or status, dict(answer.headers), answer.model
    if answer is None:
        return Response("", headers, status)
    if isinstance(answer, CsvText):
        return Response(answer.text, {**headers, "Content-Type": "text/csv; charset=utf-8"}, status)
    headers["Content-Type"] = "application/json"
    # Text made by pydantic: Chalice's own encoder turns decimals into floats.
    text = answer.text if isinstance(answer, JsonText) else _json(answer)
    return Response(text, headers, status)


def _json(model: object) -> str:
    assert isinstance(model, BaseModel), model
    return model.model_dump_json()


def _problem(error: HttpError, request_id: str = "") -> Response:
    headers: dict[str, str | list[str]] = {**error.headers, "Content-Type": "application/problem+json"}
    return Response(error.problem(request_id).model_dump_json(), headers, error.status)


def _unknown_path(request: Request) -> dict[str, Any]:
    return _problem(not_found(), request.request_id).to_dict()


def _is_problem(answer: Mapping[str, Any]) -> bool:
    return bool(answer["headers"].get("Content-Type") == "application/problem+json")


def _as_problem(answer: Mapping[str, Any], request: Request) -> dict[str, Any]:
    """What Chalice itself refused, in our form."""
    codes = {405: "method_not_allowed", 415: "unsupported_media_type"}
    status = answer["statusCode"]
    error = HttpError(status, codes.get(status, "internal_error" if status >= 500 else "bad_request"))
    response: dict[str, Any] = _problem(error, request.request_id).to_dict()
    response["headers"] |= {name: value for name, value in answer["headers"].items() if name == "Allow"}
    return response
