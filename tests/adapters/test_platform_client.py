"""The platform around the client: providers, configurations, telemetry, and no key anywhere."""

import asyncio
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.adapters.reference import KimiPlatform, KimiSettings
from kimi_conformance.adapters.reference.configs import MOST, ConfigCache, limited
from kimi_conformance.adapters.reference.providers import TYPES, brought, providers_from
from kimi_conformance.http import httpx

KEY = "sk-of-somebody"
MINIMAL = {"name": "mine", "provider_type": "ollama", "provider_category": "byok"}
CONFIG = ModelConfig(id="kimi-latest", context_window=131072, handle="kimi/kimi-latest")


@pytest.mark.parametrize("key", [None, "", " \n", KEY])
@pytest.mark.parametrize(
    ("flag", "hides"),
    [(None, False), ("", False), ("0", False), ("false", False), ("1", True), (" TRUE ", True)],
)
def test_a_provider_is_there_exactly_with_a_key_and_without_its_flag(
    flag: str | None, hides: bool, key: str | None
) -> None:
    given = {"LETTA_DISABLE_OPENAI_PROVIDER": flag, "OPENAI_API_KEY": key}
    environment = {name: value for name, value in given.items() if value is not None}

    names = [provider.name for provider in providers_from(environment)]

    assert names == (["letta", "openai"] if key == KEY and not hides else ["letta"])


@pytest.mark.parametrize("type", TYPES)
def test_no_repr_of_a_provider_shows_its_key(type: str) -> None:
    fields = {**MINIMAL, "provider_type": type, "api_key": KEY, "access_key": "access-of-somebody"}

    assert "of-somebody" not in repr(brought(fields))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"provider_type": "mistral"}, "Unknown provider type 'mistral'"),
        ({"provider_category": "lent"}, "Unknown provider category 'lent'"),
        ({"colour": "red"}, "A provider has no colour"),
        ({"provider_type": "kimi"}, "needs api_key"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        brought({**MINIMAL, **change})


def test_a_limit_beyond_the_window_is_refused() -> None:
    with pytest.raises(ValueError, match="131072"):
        limited(CONFIG, context_window_limit=131073)


async def test_the_cache_holds_so_many_and_no_more() -> None:
    asked: list[int] = []

    async def look_up(number: int) -> ModelConfig:
        asked.append(number)
        return CONFIG

    cache = ConfigCache(look_up)
    for number in [*range(MOST + 1), MOST, 0]:
        await cache.get(number=number)

    assert asked == [*range(MOST + 1), 0]


async def test_who_gives_up_waiting_does_not_end_the_lookup_for_others() -> None:
    go_on = asyncio.Event()

    async def look_up() -> ModelConfig:
        await go_on.wait()
        return CONFIG

    cache = ConfigCache(look_up)
    first, second = (asyncio.ensure_future(cache.get()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    go_on.set()

    assert await second == CONFIG


@given(st.text(string.digits, min_size=8))  # no word is a key by chance
async def test_the_diagnosis_never_shows_the_key(secret: str) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, text=f"not {request.headers['Authorization']}")

    settings = KimiSettings(api_key=f"sk-{secret}")
    async with KimiPlatform(settings, {}, transport=httpx.MockTransport(refuse)) as platform:
        told = await platform.diagnosis()

    assert "API key error" in told
    assert secret not in told


async def test_of_many_configurations_the_one_asked_for_longest_ago_is_forgotten() -> None:
    looked_up: list[int] = []

    async def look_up(number: int) -> ModelConfig:
        looked_up.append(number)
        return CONFIG

    cache = ConfigCache(look_up)
    for number in [*range(MOST), 0, MOST, 0, 1]:
        await cache.get(number=number)

    assert looked_up == [*range(MOST), MOST, 1]


async def test_the_diagnosis_of_a_kimi_that_is_switched_off_asks_nobody() -> None:
    settings = KimiSettings(api_key=KEY, disabled=True)
    async with KimiPlatform(settings, {}, transport=httpx.MockTransport(_nobody)) as platform:
        told = await platform.diagnosis()

    assert "Network: not tried" in told


def _nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} was asked")


async def test_a_model_of_another_api_cannot_be_switched_to() -> None:
    async with KimiPlatform(KimiSettings(api_key=KEY), {}) as platform:
        with pytest.raises(ValueError, match="speaks no Kimi API"):
            await platform.switch_model("letta/letta-free")

        assert platform.current_model is None
