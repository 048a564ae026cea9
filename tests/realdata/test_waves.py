"""The 16 waves of the whole venue: their deficits, the loser who is in nine of them, and what closing needed."""

from __future__ import annotations

import pytest

from tests.realdata.tables import (
    WAVE_GAPS,
    WAVE_INPUTS,
    WAVES,
    cents,
    exact,
    exact_total,
    owed_units,
    read,
    usd,
    wave_severities,
)

pytestmark = pytest.mark.realdata


def test_waves_give_the_published_sums(data_dir, publish):
    waves = read(data_dir, WAVES)
    found = {
        "waves": len(waves),
        "deficit_usd": cents(exact_total(waves["deficit_usd"])),
        "largest_usd": cents(exact(max(waves["deficit_usd"]))),
        "fills": sum(waves["n_rows"]),
        "by_wave_usd": {
            str(wave): usd(owed_units(deficit))
            for wave, deficit in zip(waves["wave"], waves["deficit_usd"], strict=True)
        },
    }
    assert (found["waves"], found["deficit_usd"], found["largest_usd"]) == (16, "100063386.69", "11831911.51")
    assert sum(units for name, units in wave_severities(data_dir).items() if name.startswith("wave_")) - (
        wave_severities(data_dir)["waves"]
    ) in range(16)  # each rounded up, against their sum rounded up
    publish(found, WAVES)


def test_one_loser_is_in_nine_waves(data_dir, publish):
    """The paper adds a loser's deficit in each wave that it is in: 87.4m of the 100.06m are one account, again."""
    waves = read(data_dir, WAVES)
    losses = [exact(loss) for loss in waves["max_loss_usd"]]
    times = losses.count(max(losses))
    once = exact_total(waves["deficit_usd"]) - (times - 1) * max(losses)
    assert (cents(max(losses)), times, cents(once)) == ("10925707.16", 9, "12657729.41")
    assert all(exact(deficit) >= loss for deficit, loss in zip(waves["deficit_usd"], losses, strict=True))
    publish(
        {
            "loss_usd": cents(max(losses)),
            "waves": times,
            "counted_again_usd": cents((times - 1) * max(losses)),
            "deficit_at_most_usd": cents(once),
        },
        WAVES,
    )


def test_five_horizons_repeat_one_deficit(data_dir, publish):
    waves, inputs = read(data_dir, WAVES), read(data_dir, WAVE_INPUTS)
    columns = ("wave", "t_start_ms", "t_end_ms", "max_loss_usd")
    horizons = sorted(set(inputs["horizon_ms"]))
    for horizon in horizons:
        rows = inputs.filter(inputs["horizon_ms"] == horizon)
        assert rows.select(columns).sort("wave").rows() == waves.select(columns).sort("wave").rows()
        pairs = zip(rows.sort("wave")["deficit_usd"], waves.sort("wave")["deficit_usd"], strict=True)
        assert max(abs(exact(a) - exact(b)) for a, b in pairs) * 10**6 < 1  # one is added in another order: a last bit
    assert len(inputs) == 16 * len(horizons) == 80
    first = inputs.filter(inputs["horizon_ms"] == 0)
    pairs = zip(first["winners_equity_start_usd"], first["winners_pnl_start_usd"], strict=True)
    ratios = sorted(exact(equity) / exact(profit) for equity, profit in pairs)
    publish(
        {
            "rows": len(inputs),
            "horizons": len(horizons),
            "equity_over_profit_median_ppm": int((ratios[7] + ratios[8]) / 2 * 10**6),
            "equity_over_profit_least_ppm": int(ratios[0] * 10**6),
            "equity_over_profit_most_ppm": int(ratios[-1] * 10**6),
        },
        WAVES,
        WAVE_INPUTS,
    )


def test_what_closing_needed(data_dir, publish):
    """Needed = sum of |mark - execution| x quantity, of one horizon: the five are the same."""
    gaps = read(data_dir, WAVE_GAPS)
    horizons = sorted(set(gaps["horizon_ms"]))
    one, *others = (gaps.filter(gaps["horizon_ms"] == horizon).drop("horizon_ms") for horizon in horizons)
    assert all(one.equals(other) for other in others)
    assert (len(gaps), len(one), len(horizons)) == (3_640, 728, 5)
    by_wave = {
        str(wave): cents(exact_total(one.filter(one["wave"] == wave)["gap_usd_x_qty"]))
        for wave in sorted(set(one["wave"]))
    }
    assert set(by_wave) == {str(wave) for wave in read(data_dir, WAVES)["wave"]}
    publish(
        {"rows": len(one), "needed_usd": cents(exact_total(one["gap_usd_x_qty"])), "by_wave_usd": by_wave},
        WAVE_GAPS,
        WAVES,
    )
