"""Clients that show other models of the API's list than they should."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kimi_conformance.adapters.mutants.mutant import Mutant, body_of
from kimi_conformance.adapters.protocol import ModelConfig
from kimi_conformance.adapters.reference.models import (
    DEFAULT_WINDOW,
    get_handle,
    table_configs,
)
from kimi_conformance.http import httpx

__all__ = ["MUTANTS", "ListReader"]

Entry = Mapping[str, Any]


class ListReader(Mutant):
    """Reads the API's list over the shoulder of the sound adapter, and shows another.

    Attributes:
        entries: The entries of the last list, or None: there was none.
    """

    entries: Sequence[Entry] | None = None

    async def incoming(self, response: httpx.Response) -> httpx.Response:
        """Keep the entries of a list."""
        if self.doing != "list_models":
            return response
        response, data = await body_of(response)
        self.entries = _entries(data)
        return response

    async def list_models(self) -> Sequence[ModelConfig]:
        """Show what `shown` makes of it."""
        self.entries = None
        return self.shown(await super().list_models())

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """Another list than the sound one."""
        raise NotImplementedError


def _entries(data: bytes) -> Sequence[Entry] | None:
    try:
        listed = json.loads(data)["data"]
    except (ValueError, KeyError, TypeError):
        return None
    sound = isinstance(listed, list) and all(isinstance(entry, dict) for entry in listed)
    return listed if sound else None


def _id(entry: Entry) -> str:
    id = entry.get("id")
    return id if isinstance(id, str) else ""


class OtherFilter(ListReader):
    """Keeps what `keeps` says."""

    def keeps(self, id: str) -> bool:
        """Whether a model is shown."""
        raise NotImplementedError

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """The models that are kept, or the table where none is."""
        if not self.entries:
            return models
        kept = [entry for entry in self.entries if self.keeps(_id(entry))]
        return [self._config(entry) for entry in kept] or table_configs(self.settings)

    def _config(self, entry: Entry) -> ModelConfig:
        id = entry["id"]
        window = entry.get("context_length") or self.settings.table.windows.get(id, DEFAULT_WINDOW)
        return ModelConfig(
            id=id,
            context_window=window,
            handle=get_handle(id),
            endpoint=self.settings.base_url,
            endpoint_type="openai",
            provider_name="kimi",
            provider_category="base",
        )


OWN = ("moonshot-", "kimi-")


class KeepsMoonshotOnly(OtherFilter):
    """The filter before the fix: loses every kimi- model."""

    breaks = frozenset(
        {
            "CONFIG-21",
            "FILTER-02",
            "FILTER-07",
            "FILTER-08",
            "FILTER-10",
        }
    )

    def keeps(self, id: str) -> bool:
        """One family of two."""
        return id.startswith("moonshot-")


class StillKeepsMoonshotOnly(KeepsMoonshotOnly):
    """The same today, when nothing that there is begins so any more."""

    edition = "2026-09"
    breaks = frozenset(
        {
            "CONFIG-21",
            "FILTER-02",
            "FILTER-07",
            "FILTER-12",
            "PERF-07",
            "PROV-03",
        }
    )


class KeepsKimiOnly(OtherFilter):
    """Loses every moonshot- model."""

    breaks = frozenset({"CONFIG-21", "FILTER-01", "PROV-16"})

    def keeps(self, id: str) -> bool:
        """One family of two."""
        return id.startswith("kimi-")


class KeepsOtherVendors(OtherFilter):
    """Shows models that this provider cannot serve."""

    breaks = frozenset({"CONFIG-21", "FILTER-03"})

    def keeps(self, id: str) -> bool:
        """Kimi's, and a few more."""
        return id.startswith((*OWN, "gpt-", "text-"))


class KeepsBareNames(OtherFilter):
    """Takes the prefix without its dash for a model."""

    breaks = frozenset({"CONFIG-21", "FILTER-03"})

    def keeps(self, id: str) -> bool:
        """Kimi's, and two names that are none."""
        return id.startswith(OWN) or id in {"moonshot", "kimi"}


class KeepsIdsThatContainAPrefix(OtherFilter):
    """Looks for the prefix anywhere."""

    breaks = frozenset({"CONFIG-21", "FILTER-05"})

    def keeps(self, id: str) -> bool:
        """Not anchored."""
        return any(prefix in id for prefix in OWN)


class KeepsIdsInAnyCase(OtherFilter):
    """Lowers ids before it looks at them."""

    breaks = frozenset({"CONFIG-21", "FILTER-05"})

    def keeps(self, id: str) -> bool:
        """Not sensitive to case."""
        return id.lower().startswith(OWN)


class StumblesOverAMissingId(ListReader):
    """Falls back where one entry has no id."""

    breaks = frozenset({"FILTER-04"})

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """The table, as after a KeyError or an AttributeError."""
        if any(not isinstance(entry.get("id"), str) for entry in self.entries or ()):
            return table_configs(self.settings)
        return models


class SortsTheList(ListReader):
    """Shows the API's models from A to Z."""

    breaks = frozenset({"FILTER-06"})

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """In order of their ids."""
        return sorted(models, key=lambda model: model.id) if self.entries else models


class DropsDoubles(ListReader):
    """Shows each id once."""

    breaks = frozenset({"FILTER-06"})

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """The first of each."""
        return list({model.id: model for model in models}.values())


class FiltersAtBareAddressesOnly(OtherFilter):
    """Trusts the list of any host that has a name."""

    breaks = frozenset({"CONFIG-21", "FILTER-09"})

    def keeps(self, id: str) -> bool:
        """By where the list came from."""
        bare = httpx.URL(self.settings.base_url).host.startswith("127.")
        return id.startswith(OWN) or not bare


class StumblesOverUnknownFields(ListReader):
    """Falls back where an entry holds a field that was not there in 2025."""

    breaks = frozenset({"FILTER-11"})

    known = frozenset(
        {
            *("id", "object", "created", "owned_by", "permission", "root", "parent"),
            *("context_length", "supports_image_in", "supports_video_in", "supports_reasoning"),
            *("supports_dynamic_tools", "supports_thinking_type"),
            *("think_efforts", "reasoning_efforts"),
        }
    )

    def shown(self, models: Sequence[ModelConfig]) -> Sequence[ModelConfig]:
        """The table, as after a validation error."""
        if any(entry.keys() - self.known for entry in self.entries or ()):
            return table_configs(self.settings)
        return models


MUTANTS = (
    KeepsMoonshotOnly,
    StillKeepsMoonshotOnly,
    KeepsKimiOnly,
    KeepsOtherVendors,
    KeepsBareNames,
    KeepsIdsThatContainAPrefix,
    KeepsIdsInAnyCase,
    StumblesOverAMissingId,
    SortsTheList,
    DropsDoubles,
    FiltersAtBareAddressesOnly,
    StumblesOverUnknownFields,
)
