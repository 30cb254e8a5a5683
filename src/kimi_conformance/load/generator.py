"""
Whether the load generator itself could keep up.

A generator that is out of breath reads late and sends late, and then measures itself. All
virtual users share one thread, so two things tell: how much of one core it used, and how
late it woke from short sleeps.
"""

from collections.abc import Sequence

from kimi_conformance.load.samples import Tick
from kimi_conformance.statistics import mean, percentile

__all__ = ["LAG_LIMIT_S", "OWN_CORE_LIMIT", "saturation"]

LAG_LIMIT_S = 0.100  # of the 99th percentile; 5 % of the two seconds that a mean may take
OWN_CORE_LIMIT = 90.0  # percent of one core, mean


def saturation(ticks: Sequence[Tick]) -> list[str]:
    """Why the measurement does not count, one reason each; empty where it does."""
    core = mean([tick.own_core for tick in ticks])
    lag = percentile([lag for tick in ticks for lag in tick.lags], 99)
    if core is None or lag is None:
        return ["the health of the load generator was not measured"]
    reasons = []
    if core > OWN_CORE_LIMIT:
        reasons.append(
            f"the load generator used {core:.0f} % of its core, the limit is {OWN_CORE_LIMIT:.0f} %"
        )
    if lag > LAG_LIMIT_S:
        reasons.append(
            f"the load generator woke up to {lag * 1000:.0f} ms late (99th percentile), "
            f"the limit is {LAG_LIMIT_S * 1000:.0f} ms: this machine is too busy for this load"
        )
    return reasons
