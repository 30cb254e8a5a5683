"""The tiers of an edition: what an organisation may use, by how much it has ever recharged."""

from dataclasses import dataclass

__all__ = ["LIMIT_ERRORS", "Tier"]

LIMIT_ERRORS = ("max_concurrency", "max_rpm", "max_tpm", "max_tpd")
"""The errors that word the refusals; an edition that has tiers has these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A row of the API's table of rate limits.

    Attributes:
        concurrency: Chats that are being answered at the same time.
        rpm: Chats a minute.
        tpm: Tokens a minute; the simulator's `rate_limits` says which ones count.
        tpd: Tokens a day, or None: as many as there are.
    """

    concurrency: int
    rpm: int
    tpm: int
    tpd: int | None = None
