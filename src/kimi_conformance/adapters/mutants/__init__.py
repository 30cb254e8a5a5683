"""
The adapter mutants: reference adapters, each wrong in one place.

One module a topic, as the checks have it; `session` holds those of `caching` whose fault is
in what a session remembers, `comparing` those in how it looks at that, `official_host` those in
who is asked for caches, `memory` those that only a second call shows, `sending` those that only
a wire law notices.
"""

from collections.abc import Mapping

from kimi_conformance.adapters.mutants import (
    api_changes,
    application,
    auth,
    caching,
    comparing,
    config_cache,
    configuration,
    context_window,
    embeddings,
    errors,
    fallback,
    filter,  # noqa: A004 - the topic's name
    guidance,
    handle,
    key,
    listing,
    memory,
    model_overrides,
    multimodal,
    official_host,
    offline,
    performance,
    providers,
    requests,
    retry,
    sending,
    session,
    streaming,
    structured_output,
    switching,
    telemetry,
    tools,
)
from kimi_conformance.adapters.mutants.mutant import Mutant, name_of
from kimi_conformance.adapters.mutants.unchanged import Unchanged

__all__ = ["BREAKS", "MUTANTS", "TOPICS", "UNCHANGED", "Mutant"]

TOPICS = (
    *(listing, filter, context_window, fallback, auth, handle),
    *(streaming, caching, official_host, comparing, session, sending),
    *(providers, configuration, config_cache, telemetry),
    *(offline, switching, performance),
    *(retry, errors, requests, tools, memory),
    *(structured_output, multimodal, embeddings),
    *(api_changes, guidance, model_overrides, key, application),
)

_WRONG: Mapping[str, type[Mutant]] = {
    name_of(mutant): mutant for topic in TOPICS for mutant in topic.MUTANTS
}
BREAKS: Mapping[str, frozenset[str]] = {name: mutant.breaks for name, mutant in _WRONG.items()}
UNCHANGED = name_of(Unchanged)
MUTANTS: Mapping[str, type[Mutant]] = {UNCHANGED: Unchanged, **_WRONG}
