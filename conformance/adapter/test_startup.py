"""What is there as soon as a client is."""

import pytest

from kimi_conformance.checks import OpenAdapter, Upstream, requirement


@requirement("START-02")
@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        pytest.param((), ["letta"], id="nothing set"),
        pytest.param(("KIMI_API_KEY",), ["letta", "kimi"], id="kimi"),
        pytest.param(
            ("KIMI_API_KEY", "GEMINI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"),
            ["letta", "openai", "anthropic", "google_ai", "kimi"],
            id="all",
        ),
    ],
)
async def test_the_providers_are_there_from_the_start(
    variables: tuple[str, ...],
    expected: list[str],
    open_adapter: OpenAdapter,
    upstream: Upstream,
) -> None:
    """Starting takes no network, and the menu begins in the same order every day."""
    environment = dict.fromkeys(variables, "sk-of-the-operator")

    providers = await open_adapter(api_key=None, environment=environment).list_providers()

    base = [provider.name for provider in providers if provider.category == "base"]
    assert base == expected
    assert upstream.requests == ()
