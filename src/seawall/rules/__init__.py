"""Rules: pure integer functions, one file a rule, that decide every unit of money.

Layer    rules; imports amounts and the design's types. Called by fund.decide and venue.plan, which put them in order.
Not here state, events, time or I/O: a rule gets numbers and gives numbers.
"""

from typing import Final

RULES_VERSION: Final = 1
"""Grows when a rule decides differently; events carry it, so that an old decision can be told from a wrong one."""
