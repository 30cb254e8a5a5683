"""The simplest request of a check is one that the endpoint claims to answer."""

import pytest

from kimi_conformance import suite
from kimi_conformance.checks import Endpoint
from kimi_conformance.simulator import Simulator
from kimi_conformance.stage import Stage


@pytest.mark.parametrize(
    ("without", "asked"),
    [((), "GET /models"), (("files",), "GET /models"), (("models",), "POST /chat/completions")],
    ids=["all", "no files", "no models"],
)
async def test_a_vendor_without_a_model_list_is_asked_to_chat(
    stage: Stage, without: tuple[str, ...], asked: str
) -> None:
    edition = suite.find().edition("2026-09")
    lane = stage.open_lane(Simulator(edition, api_key="sk-placeholder"))
    endpoint = Endpoint(
        lane.base_url, "sk-placeholder", edition.default_model, edition, without=without
    )

    granted, refused = await endpoint.knock(), await endpoint.knock(key="sk-wrong")
    await endpoint.aclose()
    stage.close_lane(lane)

    assert (granted.status, granted.asked) == (200, asked)
    assert (refused.status, refused.asked) == (401, asked)
