"""The project's own tests; the name of the file is one that others use too."""

import json

import httpx
import pytest
from sample_client.client import Client


@pytest.mark.asyncio
async def test_an_answer_is_handed_on() -> None:
    client = Client("http://127.0.0.1:9/v1", "k")
    await client.close()
    client._http = httpx.AsyncClient(
        base_url="http://127.0.0.1:9/v1",
        transport=httpx.MockTransport(lambda sent: httpx.Response(200, content=sent.content)),
    )

    assert await client.ask(model="m") == {"model": "m"}
    await client.close()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_that_anyio_runs(anyio_backend: str) -> None:
    client = Client("http://127.0.0.1:9/v1", "k")
    await client.close()

    with pytest.raises(RuntimeError):
        await client.ask(model="m")


def test_the_projects_own_fixtures_are_meant(adapter: str, check: str) -> None:
    assert (adapter, check) == ("230 V", "paid")


@pytest.mark.requirement("SHOP-12")
@pytest.mark.needs("paper")
def test_the_projects_own_requirement_is_none_of_the_suites() -> None:
    assert json.loads("[]") == []


@pytest.mark.requirement("CHAT-01")
def test_nor_is_one_of_the_same_name(request: pytest.FixtureRequest, running: list[str]) -> None:
    assert running == [request.node.nodeid]
