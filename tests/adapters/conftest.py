"""The reference clients, with respx in place of the network."""

from collections.abc import AsyncIterator, Iterator

import pytest
import respx
from tests.adapters.kimi_api import BASE, KEY

from kimi_conformance.adapters.protocol import Binding
from kimi_conformance.adapters.reference import (
    KimiSettings,
    ReferenceAdapter,
    SyncKimiClient,
    open_adapter,
)
from kimi_conformance.checks import FakeClock


@pytest.fixture
def api() -> Iterator[respx.MockRouter]:
    with respx.mock(assert_all_called=False) as router:
        yield router


@pytest.fixture
async def client() -> AsyncIterator[ReferenceAdapter]:
    adapter = open_adapter(Binding(base_url=BASE, api_key=KEY, clock=FakeClock()))
    yield adapter
    await adapter.aclose()


@pytest.fixture
def sync_client() -> Iterator[SyncKimiClient]:
    settings = KimiSettings(base_url=BASE, api_key=KEY)
    with SyncKimiClient(settings, sleep=lambda _: None) as client:
        yield client
