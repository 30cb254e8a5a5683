"""Clients that promise structured output for the wrong models."""

from kimi_conformance.adapters.mutants.mutant import Mutant

__all__ = ["MUTANTS"]


class LooksForK2InLowerCaseOnly(Mutant):
    """Compares names letter by letter."""

    breaks = frozenset({"STRUCT-01"})

    def supports_structured_output(self, model: str | None) -> object:
        """Case counts."""
        return "k2" in (model or "")


class PromisesNoStructuredOutput(Mutant):
    """Promises it for no model, as later code does."""

    breaks = frozenset({"STRUCT-01"})

    def supports_structured_output(self, model: str | None) -> object:  # noqa: ARG002
        """Never."""
        return False


class PromisesItForAllOfKimis(Mutant):
    """Takes every model of Kimi's for one that keeps to a schema."""

    breaks = frozenset({"STRUCT-02"})

    def supports_structured_output(self, model: str | None) -> object:
        """By the beginning of the name too."""
        own = (model or "").startswith(("kimi-", "moonshot-"))
        return own or super().supports_structured_output(model)


class NeedsAModelName(Mutant):
    """Fails over a configuration that names no model."""

    breaks = frozenset({"STRUCT-03"})

    def supports_structured_output(self, model: str | None) -> object:
        """An exception for no name."""
        if not model:
            raise AttributeError("there is no name to look at")
        return super().supports_structured_output(model)


MUTANTS: tuple[type[Mutant], ...] = (
    LooksForK2InLowerCaseOnly,
    PromisesNoStructuredOutput,
    PromisesItForAllOfKimis,
    NeedsAModelName,
)
