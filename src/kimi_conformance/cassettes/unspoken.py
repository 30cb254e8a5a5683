"""
What a recording may say otherwise without breaking a promise, and why.

A mutation is drawn only where a requirement of the catalogue speaks of what is changed: elsewhere
nothing is broken. Whoever writes a requirement about such a place takes its rule away, and the
mutations there must then turn a check red. What is drawn and goes unnoticed all the same has a
rule in `UNNOTICED`, or `kimi-conformance mutate-cassettes` fails.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["UNNOTICED", "UNSPOKEN", "Rule"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Changes of a kind; each of the first three is a pattern of the shell, or several by "|".

    Attributes:
        mutation: Which, by its name.
        request: At which requests.
        place: At which places of the answer.
        reason: Why nobody needs to notice.
    """

    mutation: str
    request: str
    place: str
    reason: str

    def covers(self, mutation: str, request: str, place: str) -> bool:
        """Whether a change is of this kind."""
        return (
            _fits(mutation, self.mutation)
            and _fits(request, self.request)
            and _fits(place, self.place)
        )


def _fits(text: str, patterns: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns.split("|"))


_FIELDS = "remove_field|alter_number|change_type|swap_ids"

UNSPOKEN: Sequence[Rule] = (
    Rule(
        _FIELDS,
        "* /v1/models",
        "data.*.permission*|data.*.owned_by|data.*.root|data.*.parent"
        "|data.*.created|*_efforts*|data.*.supports_*",
        "no requirement asks each recording whose a model is, how old, and what it is able to",
    ),
    Rule(
        "swap_ids",
        "*",
        "data.*.id|choices.*.message.tool_calls.*.id",
        "no document promises an order of a list, of models or of calls",
    ),
    Rule(
        _FIELDS,
        "*",
        "code|scode|ua|url|method|status",
        "the gateway's own words beside the API's: no requirement speaks of them",
    ),
    Rule(
        _FIELDS,
        "* /v1/caching*",
        "*created_at|*expired_at|*tokens|*description|*name|*metadata*|*messages*|*tools*|*model",
        "a cache tells back what it was made of: the requirements are about its use",
    ),
    Rule(
        _FIELDS,
        "* /v1/caching/refs*",
        "*",
        "the requirements are about what a tag leads to, not about its description",
    ),
    Rule(_FIELDS, "* /v1/files*", "status_details", "no document says that it must be there"),
    Rule(
        _FIELDS,
        "GET /v1/files",
        "object|data",
        "the requirements are about the files in the list, not about the list",
    ),
    Rule(
        _FIELDS,
        "DELETE /v1/caching/refs*",
        "*",
        "that it is gone is asked for afterwards, not read off here",
    ),
    Rule(
        "*",
        "GET /v1/files/…/content",
        "title|file_type|type|filename|response.*|id|custom_id|error",
        "the requirements are about the text in it",
    ),
    Rule(
        _FIELDS,
        "* /v1/batches*",
        "metadata*|data.*.metadata*|*output_file_id|*error_file_id",
        "what a user wrote, and files that there may be: asked for where there are any",
    ),
    Rule(
        "remove_field",
        "* /v1/batches*",
        "*in_progress_at|*finalizing_at|*completed_at|*failed_at|*cancelling_at|*cancelled_at"
        "|*expires_at|*expired_at|*request_counts",
        "no document says that a batch tells of what has not come to pass",
    ),
    Rule(
        _FIELDS,
        "* /v1/formulas*",
        "context*|created_at|id|object|tools.*|formula",
        "the requirements are about which tools there are and what a call gives",
    ),
    Rule(
        _FIELDS,
        "* /v1/users/me/balance",
        "data.*",
        "amounts of money are the account's",
    ),
    Rule(
        "remove_field",
        "POST /anthropic/v1/messages",
        "*usage.cache_*|*usage.cached_tokens|*usage.prompt_tokens|*usage.completion_tokens"
        "|*usage.total_tokens|*signature|*stop_sequence|*service_tier|*inference_geo",
        "fields that a message may have: no requirement asks for them everywhere",
    ),
    Rule(
        "change_type|swap_ids",
        "POST /anthropic/v1/messages",
        "*service_tier|*inference_geo|*stop_sequence|content*.signature|content*.id|message.id",
        "no requirement speaks of what stands there",
    ),
    Rule(
        "drop_chunk",
        "POST /anthropic/v1/messages",
        "content_block_delta",
        "what the model says is its own: no requirement tells how many words it has",
    ),
    Rule(
        "*",
        "POST /anthropic/v1/messages",
        "type",
        "whose envelope a refusal has is asked for in recordings of its own",
    ),
    Rule(
        "drop_chunk",
        "POST /v1/chat/completions",
        "delta.content|delta.reasoning_content",
        "what the model says is its own: no requirement tells how many words it has",
    ),
    Rule(
        "remove_field|change_type",
        "POST /v1/chat/completions",
        "*reasoning_content|choices.*.delta.content|*cached_tokens|*_details*|choices.*.usage*",
        "fields that an answer may have: no requirement asks for them everywhere",
    ),
    Rule(
        _FIELDS,
        "POST /v1/chat/completions",
        "system_fingerprint|*tool_calls.*.index",
        "no document promises it in an answer that is not streamed",
    ),
)

UNNOTICED: Sequence[Rule] = (
    Rule("status", "DELETE *", "*", "a check tidies up and does not look at the answer"),
    Rule(
        "status",
        "GET /v1/models",
        "401 → *",
        "the check of an adapter: any refusal tells its user that the key is wrong",
    ),
    Rule(
        _FIELDS,
        "DELETE /v1/caching/…",
        "*",
        "on the adapter plane the client decides what of an answer it looks at",
    ),
    Rule(
        _FIELDS,
        "GET /v1/models",
        "error.*|object",
        "on the adapter plane the client decides what of an answer it looks at",
    ),
    Rule(
        "remove_field",
        "GET /v1/models",
        "data.*.context_length",
        "EP-MODELS-03 asks for it, in a recording of its own",
    ),
    Rule(
        "remove_field|cut_body",
        "GET *",
        "object|id|content|data|message|the body",
        "the check is about something else in the same answer",
    ),
    Rule(
        _FIELDS,
        "POST /v1/tokenizers/…",
        "data*",
        "an estimate: requirements speak of how it grows, not of the number",
    ),
)
