"""A small design for the tests of the stress room's inputs, made without the loader."""

from __future__ import annotations

import pytest

from seawall.amounts import Units
from seawall.design.types import Asset, Design, Exhaustion, Layer, Liquidation, Market, PlainDecimal, Tier

USD = 10**6


@pytest.fixture(scope="session")
def design() -> Design:
    """USDC with 6 decimals; BTC in ticks of 0.5 and lots of 0.001, ETH, and a second BTC market with coarse ticks."""
    tiers = (
        Tier(initial_margin_ppm=20_000, maintenance_margin_ppm=10_000, up_to_notional=Units(100_000 * USD)),
        Tier(initial_margin_ppm=100_000, maintenance_margin_ppm=50_000, maintenance_deducted=Units(4_000 * USD)),
    )

    def market(name: str, tick: str, lot: str, symbol: str) -> Market:
        return Market(id=name, tick_size=PlainDecimal(tick), lot_size=PlainDecimal(lot), tiers=tiers, underlying=symbol)

    return Design(
        schema="seawall.design/1",
        name="inputs",
        asset=Asset(id="USDC", decimals=6),
        markets=(
            market("BTC-PERP", "0.5", "0.001", "BTC"),
            market("ETH-PERP", "0.01", "0.01", "ETH"),
            market("BTC-MINI", "10", "0.1", "BTC"),
        ),
        liquidation=Liquidation(surcharge_ppm=5_000),
        layers=(Layer(id="shared", kind="shared_fund"),),
        exhaustion=Exhaustion(policy="adl"),
    )
