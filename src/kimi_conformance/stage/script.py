"""
The source that answers what one check wrote down.

Answers are used up in order; the last one stays, so that a check which foresees one answer
is not broken by a client that asks twice. A rule may bind an answer to a method and a path.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from kimi_conformance.stage.replies import not_found
from kimi_conformance.wire.exchange import Answer, Relay, Request

__all__ = ["Script", "Scripted"]

Scripted = Answer | Callable[[Request], Answer]


@dataclass
class Script:
    """Answers by what was written down; what was not foreseen is answered 404.

    Attributes:
        answers: For any request that no rule fits.
        rules: For "POST /v1/caching"; an entry that ends with "*" fits what begins so.
    """

    answers: list[Scripted] = field(default_factory=list)
    rules: dict[str, list[Scripted]] = field(default_factory=dict)
    kind: str = "script"

    async def answer(self, request: Request) -> Answer | Relay:
        """The next answer that fits."""
        queue = self._queue(f"{request.method} {request.path}")
        if not queue:
            return not_found(request)
        scripted = queue.pop(0) if len(queue) > 1 else queue[0]
        return scripted(request) if callable(scripted) else scripted

    def _queue(self, line: str) -> list[Scripted]:
        for rule, queue in self.rules.items():
            if line == rule or (rule.endswith("*") and line.startswith(rule[:-1])):
                return queue
        return self.answers
