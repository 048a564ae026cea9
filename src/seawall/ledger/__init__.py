"""Ledger: the durable log of any machine. Nothing is answered before it is durable; one writer, many readers.

Layer    ledger; imports amounts, and of fund only the envelope of events (ledger.machine names it, once).
Not here what a command means: a `Machine` decides (fund.machine is the fund's).
"""
