"""Venue: the exact venue machine: accounts, positions, marks, the step. It knows no layer.

Layer    venue; imports fund (through its messages and journal), rules, design, amounts.
Not here reading books and paths (stress), the waterfall (fund).
"""
