"""The dashboard's files and the headers around them."""

from pathlib import Path

import pytest

from infra.gateway.dashboard import content_security_policy
from tests.infra.gateway.conftest import Gateway


@pytest.fixture
def dist(gateway: Gateway) -> Path:
    dist = gateway.folder / "dist"
    (dist / "assets").mkdir(parents=True)
    (dist / "index.html").write_text("<title>it</title>")
    (dist / "assets" / "app-a1b2.js").write_text("1")
    (gateway.folder / "secret.txt").write_text("no")
    return dist


async def test_a_missing_build_says_how_to_make_it(gateway: Gateway) -> None:
    async with gateway.http.get("/") as answer:
        assert answer.status == 503
        assert "make dashboard" in await answer.text()


@pytest.mark.usefixtures("dist")
@pytest.mark.parametrize("path", ["/", "/positions", "/trades/1"])
async def test_pages_are_the_index_and_never_cached(gateway: Gateway, path: str) -> None:
    async with gateway.http.get(path) as answer:
        assert await answer.text() == "<title>it</title>"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        host = gateway.url.removeprefix("http://")
        assert f"connect-src 'self' ws://{host};" in answer.headers["Content-Security-Policy"]


@pytest.mark.usefixtures("dist")
async def test_hashed_files_are_cached_for_good(gateway: Gateway) -> None:
    async with gateway.http.get("/assets/app-a1b2.js") as answer:
        assert answer.status == 200
        assert answer.content_type in ("text/javascript", "application/javascript")
        assert "immutable" in answer.headers["Cache-Control"]


@pytest.mark.usefixtures("dist")
@pytest.mark.parametrize("path", ["/assets/gone.js", "/%2e%2e/secret.txt", "/..%2fsecret.txt"])
async def test_what_is_not_there_or_not_ours_is_404(gateway: Gateway, path: str) -> None:
    async with gateway.http.get(path) as answer:
        assert answer.status == 404


def test_a_strange_host_gets_no_word_in_the_policy() -> None:
    assert content_security_policy("a; script-src *") == content_security_policy("")
