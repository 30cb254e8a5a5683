"""A provider that has the documented methods is judged as it stands."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kimi_conformance import suite as suites
from kimi_conformance.adapters.protocol import Binding, ModelConfig
from kimi_conformance.adapters.provider_object import ProviderAdapter
from kimi_conformance.adapters.registry import factory_of
from kimi_conformance.cli.checking.pytest_child import CheckRun, run_checks
from kimi_conformance.cli.keeping.run_folder import RunFolder, read_run
from kimi_conformance.errors import UsageError
from kimi_conformance.verdicts import Outcome, Verdict

HERE = Path(__file__).parent
BINDING = Binding(base_url="http://127.0.0.1:9/v1", api_key="sk-of-a-user")


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As PYTHONPATH does for a user."""
    monkeypatch.syspath_prepend(str(HERE))
    yield
    sys.modules.pop("sample_provider", None)


def opened(name: str, binding: Binding = BINDING) -> Any:
    return factory_of(f"sample_provider:{name}")(binding)


def test_a_provider_claims_what_its_methods_show() -> None:
    assert set(opened("KimiProvider").capabilities) == {
        *("models", "model_filter", "context_windows", "model_fallback", "models_sync"),
        *("embeddings", "embeddings_sync", "key_check", "handles"),
    }
    assert opened("OnlyHandles").capabilities == ("handles",)


def test_a_provider_is_made_by_the_documented_keywords() -> None:
    made = opened("KimiProvider")._provider.made_of

    assert made == ("kimi", "kimi", "base", "sk-of-a-user", "http://127.0.0.1:9/v1")


def test_what_a_check_leaves_open_is_taken_from_its_environment() -> None:
    settings = {"KIMI_API_KEY": "sk-of-the-env", "KIMI_BASE_URL": "http://127.0.0.1:8/v1"}

    made = opened("KimiProvider", Binding(environment=settings, api_key=""))._provider.made_of

    assert made == ("kimi", "kimi", "base", "", "http://127.0.0.1:8/v1")


def test_what_is_left_to_the_client_is_not_passed() -> None:
    made = opened("KimiProvider", Binding())._provider.made_of

    assert made == ("kimi", "kimi", "base", None, "https://api.moonshot.cn/v1")


def test_a_provider_that_takes_any_keyword_is_given_all() -> None:
    assert opened("OnlyHandles")._provider.settings == {
        "name": "kimi",
        "provider_type": "kimi",
        "provider_category": "base",
        "base_url": "http://127.0.0.1:9/v1",
        "api_key": "sk-of-a-user",
    }


def test_reports_name_a_provider_by_its_class() -> None:
    adapter = opened("KimiProvider")

    assert (adapter.name, adapter.version) == ("KimiProvider", "unknown")


def test_a_provider_that_takes_no_base_url_is_refused() -> None:
    with pytest.raises(UsageError, match="Elsewhere takes no keyword 'base_url'"):
        opened("Elsewhere")


def test_a_class_without_the_documented_methods_is_a_factory_like_any_other() -> None:
    assert opened("NoProvider").binding is BINDING


CONFIG = {"model": "kimi-k2.5", "context_window": "262144", "model_endpoint": "http://x/v1"}


@pytest.mark.parametrize("config", [CONFIG, SimpleNamespace(**CONFIG)], ids=["mapping", "object"])
async def test_a_configuration_is_read_by_the_documented_names(config: Any) -> None:
    async def listed() -> list[Any]:
        return [config]

    provider = SimpleNamespace(list_llm_models_async=listed)

    assert await ProviderAdapter(provider).list_models() == [
        ModelConfig(id="kimi-k2.5", context_window="262144", endpoint="http://x/v1")  # type: ignore[arg-type]
    ]


async def test_what_is_no_list_of_configurations_is_not_made_one() -> None:
    async def nothing() -> None:
        return None

    async def a_list_of_names() -> list[str]:
        return ["kimi-k2.5"]

    provider = SimpleNamespace(
        list_llm_models_async=a_list_of_names, list_embedding_models_async=nothing
    )

    assert await ProviderAdapter(provider).list_embedding_models() is None
    with pytest.raises(AttributeError, match="a str in the list has no 'model'"):
        await ProviderAdapter(provider).list_models()


# ---------------------------------------------------------------- judged by the checks


def failed(outcomes: list[Outcome], sut: str) -> set[str]:
    return {
        each.requirement
        for each in outcomes
        if each.sut == f"sample_provider:{sut}" and each.verdict is not Verdict.PASSED
        if each.verdict is not Verdict.NOT_CLAIMED
    }


@pytest.mark.heavy
def test_the_checks_tell_a_sound_provider_from_wrong_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    names = ("KimiProvider", "AcceptsEveryKey", "KeepsThePath", "OnlyHandles")
    run = RunFolder.begin(
        tmp_path, "run", lane="cassette", source="cassettes", edition="2025-09", configuration={}
    )
    plan = CheckRun(
        lane="cassette",
        edition="2025-09",
        plane="adapter",
        adapters=[f"sample_provider:{name}" for name in names],
    )

    run_checks(plan, suites.find(), run.evidence)

    outcomes = read_run(run.evidence).outcomes(suites.find().catalogue())
    passed = [each for each in outcomes if each.verdict is Verdict.PASSED]
    assert len([each for each in passed if each.sut == "sample_provider:KimiProvider"]) > 80
    assert failed(outcomes, "KimiProvider") == set()
    assert "AUTH-05" in failed(outcomes, "AcceptsEveryKey")
    assert failed(outcomes, "KeepsThePath") == {"HANDLE-03"}
    assert failed(outcomes, "OnlyHandles") == {"HANDLE-03"}
