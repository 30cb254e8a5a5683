"""The journal knows which requests came on the same connection."""

from kimi_conformance.http import httpx
from kimi_conformance.stage import Script, Stage
from kimi_conformance.stage.replies import completion


def test_a_client_that_keeps_its_connection_is_seen_to_keep_it(stage: Stage) -> None:
    lane = stage.open_lane(Script(answers=[completion()]))
    with httpx.Client() as client:
        for _ in range(3):
            client.get(f"{lane.base_url}/models")

    assert lane.journal is not None
    assert len(lane.journal.connections) == 3
    assert len(set(lane.journal.connections)) == 1


def test_a_client_that_hangs_up_is_seen_to_come_back(stage: Stage) -> None:
    lane = stage.open_lane(Script(answers=[completion()]))
    with httpx.Client(headers={"Connection": "close"}) as client:
        for _ in range(3):
            client.get(f"{lane.base_url}/models")

    assert lane.journal is not None
    assert len(set(lane.journal.connections)) > 1
