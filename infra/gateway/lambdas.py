"""A pool of warm Lambda instances, each a process of its own and busy with one event at a time."""

import asyncio
import json
import logging
import os
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from infra.gateway.routes import Api, Route

_T = TypeVar("_T")

_log = logging.getLogger(__name__)

_FRAME_LIMIT = 64 * 1024 * 1024  # bytes; a body in base64 inside JSON fits with room
_IMPORT_WITHIN_S = 60.0
_RETRY_AFTER_S = (0.1, 0.5, 1.0, 2.0, 5.0)


class LambdaError(Exception):
    """An invocation brought no answer."""


class FunctionFailedError(LambdaError):
    """The handler raised, or its process ended."""


class FunctionTimedOutError(LambdaError):
    """No answer in time, waiting for a free instance included."""


@dataclass(slots=True, eq=False)
class _Instance:
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    described: dict[str, Any]

    @classmethod
    async def create(cls, app: str) -> "_Instance":
        ours, theirs = socket.socketpair()
        with theirs:
            process = await _finished(
                asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "infra.gateway.instance", str(theirs.fileno()), app),
                    pass_fds=(theirs.fileno(),),
                    stdin=asyncio.subprocess.DEVNULL,
                    env=_environment(),
                )
            )
        reader, writer = await _finished(asyncio.open_connection(sock=ours, limit=_FRAME_LIMIT))
        instance = cls(process, reader, writer, {})
        try:
            async with asyncio.timeout(_IMPORT_WITHIN_S):
                instance.described = await instance.receive()
        except (OSError, EOFError, TimeoutError) as error:
            await instance.kill()
            raise FunctionFailedError(f"{app} cannot be imported; its traceback is above") from error
        except BaseException:
            await instance.kill()
            raise
        return instance

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps(request).encode()
        self.writer.write(len(body).to_bytes(4, "big") + body)
        await self.writer.drain()
        return await self.receive()

    async def receive(self) -> dict[str, Any]:
        size = int.from_bytes(await self.reader.readexactly(4), "big")
        message: dict[str, Any] = json.loads(await self.reader.readexactly(size))
        return message

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.writer.close()
        with suppress(OSError):
            await self.writer.wait_closed()
        await self.process.wait()


class LambdaPool:
    """Instances that can run any handler of one code base.

    AWS gives each handler its own instances; here all share them, which saves memory and shows the
    handlers no difference. When all are busy an event waits, where AWS would start more.

    Args:
        app: import path of the Chalice app, imported by every instance when it starts.
        size: instances kept.
        timeout_s: seconds from `invoke` to FunctionTimedOutError; 29 as API Gateway has it.
    """

    def __init__(self, app: str, *, size: int = 3, timeout_s: float = 29.0) -> None:
        self._app = app
        self._size = size
        self._timeout_s = timeout_s
        self._idle: asyncio.LifoQueue[_Instance] = asyncio.LifoQueue()
        self._all: set[_Instance] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._closed = False

    async def start(self) -> Api:
        """Wait for the first instance and read its routes; the others follow.

        Raises:
            FunctionFailedError: the app cannot be imported.
        """
        first = await _Instance.create(self._app)
        self._put(first)
        for _ in range(self._size - 1):
            self._begin_another()
        return _api(first.described)

    async def invoke(self, handler: str, event: dict[str, Any], request_id: str) -> Any:
        """Run one event; the answer is whatever JSON the handler returned.

        Raises:
            FunctionFailedError, FunctionTimedOutError: the instance, if it is to blame, is replaced.
        """
        try:
            async with asyncio.timeout(self._timeout_s) as limit:
                instance = await self._idle.get()
                reply = await self._run(instance, handler, event, request_id, limit.when() or 0.0)
        except TimeoutError as error:
            raise FunctionTimedOutError(f"{handler} took longer than {self._timeout_s:g} s") from error
        if "error" in reply:
            raise FunctionFailedError(f"{handler}: {reply['error']}")
        return reply["answer"]

    async def close(self) -> None:
        """End every instance, whatever it is doing."""
        self._closed = True
        for task in self._starting:
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(instance.kill() for instance in self._all))

    async def _run(
        self, instance: _Instance, handler: str, event: dict[str, Any], request_id: str, until: float
    ) -> dict[str, Any]:
        left_s = max(0.0, until - asyncio.get_running_loop().time())
        whole = False
        try:
            reply = await instance.ask(
                {"handler": handler, "event": event, "request_id": request_id, "timeout_s": left_s}
            )
            whole = True
        except (OSError, EOFError) as error:
            raise FunctionFailedError(f"{handler}: the instance ended (Runtime.ExitError)") from error
        finally:
            # A cancelled or timed out event leaves an instance in the middle of something: not used again.
            if whole:
                self._idle.put_nowait(instance)
            else:
                self._replace(instance)
        return reply

    def _put(self, instance: _Instance) -> None:
        self._all.add(instance)
        self._idle.put_nowait(instance)

    def _replace(self, instance: _Instance) -> None:
        if not self._closed:
            self._begin_another(instead_of=instance)

    def _begin_another(self, instead_of: _Instance | None = None) -> None:
        task = asyncio.create_task(self._start_another(instead_of))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start_another(self, instead_of: _Instance | None) -> None:
        if instead_of is not None:
            await instead_of.kill()
            self._all.discard(instead_of)
        attempt = 0
        while not self._closed:
            try:
                self._put(await _Instance.create(self._app))
            except FunctionFailedError as error:
                _log.warning("a new instance did not start: %s", error)
                await asyncio.sleep(_RETRY_AFTER_S[min(attempt, len(_RETRY_AFTER_S) - 1)])
                attempt += 1
            else:
                return


async def _finished(begun: Coroutine[Any, Any, _T]) -> _T:
    """What `begun` gives, even when we are cancelled meanwhile: a process half started would be left behind.

    The cancellation comes at the next await instead.
    """
    task = asyncio.ensure_future(begun)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        done = await task
        current = asyncio.current_task()
        assert current is not None
        asyncio.get_running_loop().call_soon(current.cancel)
        return done


def _environment() -> dict[str, str]:
    # Lambda's runtime always sets AWS_REGION, and Chalice's WebSocket handlers do not run without it.
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return {**os.environ, "AWS_REGION": region}


def _api(described: dict[str, Any]) -> Api:
    routes = (Route(it["resource"], frozenset(it["methods"]), it["cors"]) for it in described["routes"])
    return Api(tuple(routes), frozenset(described["binary_types"]))
