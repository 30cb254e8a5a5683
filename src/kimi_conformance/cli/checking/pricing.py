"""What tokens cost: as the user says, else as the edition lists the model."""

from dataclasses import dataclass

from kimi_conformance.editions import Edition

__all__ = ["Prices", "Pricing"]

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """What the user says that a model costs, in dollars a million tokens; None: not said."""

    input: float | None = None
    output: float | None = None


@dataclass(frozen=True, slots=True)
class Pricing:
    """What tokens cost: those of the recorded default model as those of the model of the run."""

    edition: Edition
    model: str | None
    model_is: str | None
    said: Prices

    def dollars(self, asked: str, prompt: float, completion: float) -> float | None:
        """What so many tokens cost; None: the price of the model is not known.

        Args:
            asked: The model that was recorded.
            prompt: Tokens of prompts.
            completion: Tokens of answers.
        """
        own = asked == self.edition.default_model
        price = self._price_of((self.model_is or self.model or asked) if own else asked)
        if price.input is None or price.output is None:
            return None if prompt or completion else 0.0
        return (prompt * price.input + completion * price.output) / MILLION

    def _price_of(self, model: str) -> Prices:
        """What the user says counts before what the edition says."""
        said, found = self.said, self.edition.find(model)
        listed = found.price if found else None
        if listed is None:
            return said
        return Prices(
            listed.input if said.input is None else said.input,
            listed.output if said.output is None else said.output,
        )

    @property
    def told(self) -> str:
        """Whose price it is, or what to do where there is none."""
        id = self.model_is or self.model or self.edition.default_model
        if self.said.input is not None and self.said.output is not None:
            return f"Price: ${self.said.input:g} in and ${self.said.output:g} out a million tokens."
        found = self.edition.find(id)
        if found is None or found.price is None:
            return (
                f"The price of {id} is not known: give --price-in and --price-out, in dollars a "
                "million tokens."
            )
        return (
            f"Price of {id}: ${found.price.input:g} in and ${found.price.output:g} out a million "
            f"tokens ({found.price.source})."
        )
