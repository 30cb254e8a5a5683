"""
Faults: the simulator, wrong on purpose.

One table, `FAULTS`, holds every way to be wrong and every benign variant by name. It is put
together from the files here, one a subject; `change` has the ways to write a row's change in
one line. Some rows are made from other tables: one `accepts_<rule>` for each rule that a
request can break, one `refuses_<field>` for each field of a chat.

A check is sound when a fault turns it red and no benign variant does.
"""

from kimi_conformance.simulator.faults.fault import Change, Fault, Parameters, Sound
from kimi_conformance.simulator.faults.switch import FAULTS, FaultSwitch, parse_switch

__all__ = ["FAULTS", "Change", "Fault", "FaultSwitch", "Parameters", "Sound", "parse_switch"]
