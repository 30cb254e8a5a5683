"""Which of the models on offer meet a user's need; what the list does not tell is held against."""

from collections.abc import Mapping, Sequence

from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.models import API, Known, ModelBook, ModelFacts, Need, Value, choose

__all__ = ["suggested"]


def suggested(
    configs: Sequence[ModelConfig], told: Mapping[str, Mapping[str, Value]], need: Need
) -> Sequence[ModelConfig]:
    """The configurations that meet a need, those of the largest windows first.

    Args:
        configs: The models on offer, as they are configured.
        told: What the API's list says of each, by id: see `models.told_by_api`.
        need: What is needed.
    """
    by_id = {config.id: config for config in configs}
    book = ModelBook("", {id: _facts(by_id[id], told.get(id, {})) for id in by_id})
    return tuple(by_id[each.facts.id] for each in choose(book, need).suggested)


def _facts(config: ModelConfig, told: Mapping[str, Value]) -> ModelFacts:
    values = dict(told)
    if config.context_window is not None:
        values["context_window"] = config.context_window
    known = {name: Known(value, API) for name, value in values.items()}
    return ModelFacts(id=config.id, offered=True, known=known)
