"""Which models a client counts on to keep to a schema."""

import pytest

from kimi_conformance.checks import StructuresOutput, requirement

pytestmark = pytest.mark.usefixtures("upstream")

ANY_OTHER = "some-other-model"


@requirement("STRUCT-01")
@pytest.mark.parametrize(
    "model",
    [
        "kimi-k2-0905-preview",
        "kimi-k2-0711-preview",
        "kimi-k2-turbo-preview",
        pytest.param("KIMI-K2-TURBO-PREVIEW", id="upper case"),
        pytest.param("moonshotai/Kimi-K2-Instruct", id="another vendor's name"),
    ],
)
async def test_a_k2_model_gives_structured_output(model: str, adapter: StructuresOutput) -> None:
    """A program sends its schema where it will be kept to."""
    assert adapter.supports_structured_output(model) is True


@requirement("STRUCT-02")
@pytest.mark.parametrize(
    "model",
    ["moonshot-v1-8k", "moonshot-v1-128k", "kimi-thinking-preview", "kimi-latest"],
)
async def test_any_other_model_gets_the_answer_of_the_parent(
    model: str, adapter: StructuresOutput
) -> None:
    """No promise is made by name that the rule does not make."""
    parents = adapter.supports_structured_output(ANY_OTHER)

    assert isinstance(parents, bool)
    assert adapter.supports_structured_output(model) is parents


@requirement("STRUCT-03")
@pytest.mark.parametrize("model", [pytest.param("", id="empty"), pytest.param(None, id="none")])
async def test_no_model_gets_the_answer_of_the_parent_too(
    model: str | None, adapter: StructuresOutput
) -> None:
    """A configuration that is not complete yet breaks nothing."""
    parents = adapter.supports_structured_output(ANY_OTHER)

    assert isinstance(parents, bool)
    assert adapter.supports_structured_output(model) is parents
