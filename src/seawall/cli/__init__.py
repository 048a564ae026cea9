"""Command line: one file a job. Parses options, calls the rooms below, prints; decides nothing.

Layer    cli, the highest. Exit codes, documents and options are an interface: docs/reference/contracts.md.
"""
