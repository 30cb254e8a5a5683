"""Where the recordings come from that tests make."""

from kimi_conformance.cassettes import Provenance

__all__ = ["PROVENANCE"]

PROVENANCE = Provenance(
    source="simulator",
    edition="2025-09",
    recorded_on="2025-09-10",
    check="endpoint/chat/any",
    suite="0.1.0",
    libraries={},
    scrubbed=(),
    digest="",
)
