"""Stress: a book and a price path, carried through the venue's step into an event log.

Layer    stress; imports venue, fund, rules, design, amounts; called by scenario and cli.
Not here the rules of a step (venue), of cover (fund) and of a decision (rules): this room only feeds them.
Held to  this by the venue conformance suite: one book and path, equal with `==`.
"""
