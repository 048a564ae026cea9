"""A summary written by hand, so that what is said about it does not move with the venue's rules."""

from __future__ import annotations

import json
from typing import Any

from seawall.report.summary import Summary, decode_summary

DOCUMENT: dict[str, Any] = {
    "schema": "seawall.stress.summary/1",
    "design": {"name": "example", "digest": "487a63" + "0" * 58},
    "asset": {"id": "USDC", "decimals": 2},
    "book": {"digest": "b0" * 32, "accounts": 120, "positions": 150},
    "path": {
        "name": "crash",
        "digest": "ab" * 32,
        "intrabar": "low_first",
        "source": "made up",
        "licence": "CC0-1.0",
        "first_t_ms": 1_760_130_000_000,
        "last_t_ms": 1_760_130_420_000,
    },
    "seed": 7,
    "steps": 8,
    "rounds": 11,
    "pass_through_ppm": 0,
    "recovery_ppm": 1_000_000,
    "outside": [{"market": "BTC-PERP", "lots": -100, "share_ppm": 200_000}],
    "accounts": {"liquidated": 34, "bankrupt": 13, "deleveraged": 44, "haircut": 44, "induced": 0, "waiting": 0},
    "layers": [
        {
            "layer": "btc-bucket",
            "kind": "market_bucket",
            "before": "200000",
            "credited": "14930772",
            "drawn": "6754009",
            "after": "8376763",
            "bound_by": ["capacity"],
        },
        {
            "layer": "shared",
            "kind": "shared_fund",
            "before": "3000000",
            "credited": "17168641",
            "drawn": "5086970",
            "after": "15081671",
            "bound_by": ["event_limit"],
        },
        {
            "layer": "venue",
            "kind": "venue_capital",
            "before": "50000",
            "credited": "0",
            "drawn": "40000",
            "after": "10000",
            "bound_by": ["minimum_left"],
        },
    ],
    "receivers": {"treasury": "5"},
    "deficits": {"count": 13, "amount": "12725393", "largest": "5000000", "covered_ppm": 933643},
    "drawn": "11880979",
    "severity": "844414",
    "haircuts": {"adl": "844414", "adl_money": "0", "socialised_loss": "0"},
    "overshoot": "0",
    "carried": "0",
    "recovered": "0",
    "pending": "0",
    "pending_fees": "0",
    "unrecognised": "0",
    "unrecognised_peak": "0",
    "unrecognised_peak_t_ms": 0,
    "stale_steps": 0,
    "policy": "adl",
    "fallback": "socialised_loss",
    "verdict": "exhausted",
    "conservation": {"exact": True, "money": "1", "opening": "1"},
    "state": {"fund": "00" * 32, "venue": "11" * 32},
}


def example(**changes: Any) -> Summary:
    """The summary, some keys of its document changed."""
    return decode_summary(json.dumps({**DOCUMENT, **changes}).encode())


def calm() -> Summary:
    """A run in which nothing happened."""
    layers = [
        {**row, "credited": "0", "drawn": "0", "after": row["before"], "bound_by": []} for row in DOCUMENT["layers"]
    ]
    return example(
        accounts=dict.fromkeys(DOCUMENT["accounts"], 0),
        layers=layers,
        deficits={"count": 0, "amount": "0", "largest": "0", "covered_ppm": 1_000_000},
        drawn="0",
        severity="0",
        haircuts={"adl": "0", "adl_money": "0", "socialised_loss": "0"},
        verdict="survives",
    )
