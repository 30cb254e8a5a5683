"""
State machines: courses of many steps, chosen by Hypothesis, on which a law must hold.

One module a topic, as the checks have it; `machine` is what they share.
"""

from kimi_conformance.checks.machines.caching import CachingCourse, CachingLaw
from kimi_conformance.checks.machines.caching_machine import CachingMachine
from kimi_conformance.checks.machines.machine import Course, Machine, Step, search, take_all
from kimi_conformance.checks.machines.retry import RetryCourse, RetryLaw, RetryMachine
from kimi_conformance.checks.machines.tools import ToolsCourse, ToolsMachine

__all__ = [
    "CachingCourse",
    "CachingLaw",
    "CachingMachine",
    "Course",
    "Machine",
    "RetryCourse",
    "RetryLaw",
    "RetryMachine",
    "Step",
    "ToolsCourse",
    "ToolsMachine",
    "search",
    "take_all",
]
