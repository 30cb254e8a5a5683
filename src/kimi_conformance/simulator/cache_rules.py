"""What a context cache must not be, row by row."""

import re
from collections.abc import Iterator
from typing import Any

from kimi_conformance.simulator.message_rules import MESSAGE_RULES
from kimi_conformance.simulator.rules import Case, Fills, Rule, RuleTable, typed
from kimi_conformance.simulator.tool_rules import TOOL_RULES

__all__ = ["CREATE_CACHE_RULES", "CREATE_TAG_RULES", "MODIFY_CACHE_RULES"]


def _unknown_family(case: Case) -> Iterator[Fills]:
    caching = case.edition.caching
    family = case.body.get("model")
    if caching is not None and not (isinstance(family, str) and family in caching.families):
        yield {"model": family or ""}


def _partial_message(case: Case) -> Iterator[Fills]:
    if any(message.get("partial") is True for _, message in case.placed):
        yield {}


def _two_expiries(case: Case) -> Iterator[Fills]:
    if case.body.get("ttl") and case.body.get("expired_at"):
        yield {}


def _no_ttl(case: Case) -> Iterator[Fills]:
    ttl = case.body.get("ttl")
    if type(ttl) is int and ttl < 1:
        yield {"field": "ttl"}


def _expired_already(case: Case) -> Iterator[Fills]:
    """An expired_at of 0 is as good as none, as documented."""
    expired_at = case.body.get("expired_at")
    if type(expired_at) is int and expired_at != 0 and expired_at <= case.now:
        yield {}


def _too_long_cache_text(case: Case) -> Iterator[Fills]:
    caching = case.edition.caching
    if caching is None:
        return
    for field, limit in (("name", caching.name), ("description", caching.description)):
        value = case.body.get(field)
        if isinstance(value, str) and len(value) > limit:
            yield {"field": field, "limit": limit}


def _too_much_metadata(case: Case) -> Iterator[Fills]:
    caching, metadata = case.edition.caching, case.body.get("metadata")
    if caching and isinstance(metadata, dict) and len(metadata) > caching.metadata_pairs:
        yield {"limit": caching.metadata_pairs}


def _too_long_metadata(case: Case) -> Iterator[Fills]:
    caching, metadata = case.edition.caching, case.body.get("metadata")
    if caching is None or not isinstance(metadata, dict):
        return
    for key, value in metadata.items():
        if len(key) > caching.metadata_key:
            yield {"field": "a key of metadata", "limit": caching.metadata_key}
        if isinstance(value, str) and len(value) > caching.metadata_value:
            yield {"field": "a value of metadata", "limit": caching.metadata_value}


def _is_tag(case: Case, name: Any) -> bool:
    caching = case.edition.caching
    return caching is None or (
        isinstance(name, str) and re.fullmatch(caching.tag, name) is not None
    )


def _bad_tag(case: Case) -> Iterator[Fills]:
    if not _is_tag(case, case.body.get("tag")):
        yield {}


def _bad_tags(case: Case) -> Iterator[Fills]:
    tags = case.body.get("tags")
    if isinstance(tags, list) and not all(_is_tag(case, name) for name in tags):
        yield {}


MODIFY_CACHE_RULES = RuleTable(
    (
        typed("ttl", "int"),
        typed("expired_at", "int"),
        typed("metadata", "object"),
        Rule("cache_two_expiries", "cache_two_expiries", _two_expiries, about="ttl"),
        Rule("cache_ttl_not_positive", "not_positive", _no_ttl, about="ttl"),
        Rule("cache_expired_at", "cache_expired_at", _expired_already, about="expired_at"),
        Rule(
            "cache_metadata_too_many",
            "cache_metadata_too_many",
            _too_much_metadata,
            about="metadata",
        ),
        Rule(
            "cache_metadata_too_long", "cache_text_too_long", _too_long_metadata, about="metadata"
        ),
    )
)

CREATE_CACHE_RULES = RuleTable(
    (
        typed("model", "string"),
        Rule("cache_family", "model_not_found", _unknown_family),
        typed("messages", "[]object"),
        typed("tools", "[]object"),
        typed("name", "string"),
        typed("description", "string"),
        *MESSAGE_RULES,
        Rule("cache_partial", "cache_partial", _partial_message),
        *TOOL_RULES,
        Rule("cache_text_too_long", "cache_text_too_long", _too_long_cache_text),
        *MODIFY_CACHE_RULES,
        typed("tags", "[]string"),
        Rule("cache_tags", "cache_tag_invalid", _bad_tags, about="tags"),
    )
)

CREATE_TAG_RULES = RuleTable(
    (
        typed("tag", "string"),
        typed("cache_id", "string"),
        Rule("cache_tag", "cache_tag_invalid", _bad_tag),
    )
)
