"""Charts: valid specs, the same bytes each time, nothing remote, small, legible widths; amounts beside bars exact."""

from __future__ import annotations

import re
from dataclasses import replace

import altair as alt
import polars as pl
import pytest

from seawall.design.instruments import instruments
from seawall.design.loader import parse_design
from seawall.design.presets import preset_text
from seawall.report.axes import bin_ms, bin_text, log_ticks, span_ms, time_x
from seawall.report.bars import runs_compared, who_paid, worst_deficit
from seawall.report.charts import layers_over_time, price_and_liquidations, run_charts
from seawall.report.drawing import DARK, LIGHT, NARROW, PICTURE, SERIES, WIDE, Frame, png, svg, svg_file
from seawall.report.wording import Currency, currency
from tests.report.runs import START, design_text

FRAMES = [WIDE, NARROW, PICTURE]
NAMES = ["adl", "social", "carry", "survives", "calm"]


def texts(picture):
    """Every text that a reader of the picture sees."""
    return re.findall(r"<text[^>]*>([^<]+)</text>", picture)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("frame", FRAMES)
def test_every_spec_is_valid_vega_lite(runs, name, frame):
    for chart in run_charts(runs[name]):
        alt.Chart.from_dict(chart.spec(frame), validate=True)


def test_the_charts_of_a_run(runs):
    assert [chart.name for chart in run_charts(runs["adl"])] == ["price", "layers", "who-paid", "worst-deficit"]
    assert [chart.name for chart in run_charts(runs["calm"])] == ["price", "layers"]


def test_pictures_are_the_same_bytes_each_time(runs):
    for chart in run_charts(runs["adl"]):
        assert svg(chart.spec(WIDE), chart.name) == svg(chart.spec(WIDE), chart.name)
        first = png(chart.spec(PICTURE))
        assert first == png(chart.spec(PICTURE))
        assert first.startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_fits_its_frame(runs, name):
    for chart in run_charts(runs[name]):
        for frame in (WIDE, NARROW):
            width = float(re.search(r'<svg[^>]* width="([\d.]+)"', svg(chart.spec(frame), "x")).group(1))
            assert 0.8 * frame.width < width <= frame.width


def test_an_svg_takes_its_colours_from_the_page_and_a_png_does_not(runs):
    chart = run_charts(runs["adl"])[2]
    text = svg(chart.spec(WIDE), "x")
    assert 'fill="currentColor"' in text and "var(--series-1, #1b6ca8)" in text
    assert not re.search(r'(fill|stroke)="#', text.replace(" #", "").replace('fill="#fff"', ""))
    assert "var(" not in str(chart.spec(PICTURE)) and "currentColor" not in str(chart.spec(PICTURE))


def test_light_and_dark_know_the_same_roles():
    assert set(LIGHT) == set(DARK)
    assert all(f"series-{i + 1}" in LIGHT for i in range(SERIES))


def test_an_svg_file_brings_both_palettes(runs):
    text = svg_file(run_charts(runs["adl"])[0].spec(WIDE), "price")
    assert "prefers-color-scheme:dark" in text and DARK["page"] in text
    assert text.startswith("<svg ") and text.endswith("</svg>\n")


def test_nothing_remote_no_script_one_label_and_ids_of_its_own(runs):
    for chart in run_charts(runs["adl"]):
        text = svg(chart.spec(WIDE), "here")
        assert not re.search(r"https?://", re.sub(r'xmlns(:\w+)?="[^"]*"', "", text))
        assert "<script" not in text and "<image" not in text
        assert text.count("aria-label=") == 1 and 'role="img"' in text[:400]
        assert all(name.startswith("here-") for name in re.findall(r'\bid="([^"]+)"', text))
        assert all(name.startswith("here-") for name in re.findall(r"url\(#([^)]+)\)", text))


def test_amounts_beside_bars_are_exact(runs):
    fund, money = runs["adl"].fund, currency(runs["adl"].summary)
    found = texts(svg(who_paid(fund, ["btc-bucket", "shared", "venue"], money, WIDE), "x"))
    for row in runs["adl"].summary.layers:
        assert money.plain(row.drawn) in found
    assert money.plain(runs["adl"].summary.haircuts.adl) in found
    exact = Currency("X", 18)
    units = 1_234_567_000_000_000_000_000_000_001
    deficits = fund.deficits.head(1).with_columns(pl.lit(units).cast(pl.Decimal(38, 0)).alias("amount"))
    changed = replace(fund, deficits=deficits, draws=fund.draws.clear())
    assert "1,234,567,000.000000000000000001" in texts(svg(worst_deficit(changed, exact, WIDE), "x"))


def test_the_worst_deficit_goes_down_to_nothing(runs):
    for name in ("adl", "social", "carry"):
        run = runs[name]
        rows = worst_deficit(run.fund, currency(run.summary), WIDE)["data"]["values"]
        assert rows[0]["start"] == 0 and rows[-1]["start"] == 0
        assert rows[0]["end"] == max(row["end"] for row in rows)
        worst = max(run.fund.deficits.get_column("amount").to_list())
        assert rows[0]["amount"] == currency(run.summary).plain(int(worst))


def test_sizes_far_apart_get_a_logarithmic_axis(runs):
    run = runs["social"]
    spec = who_paid(run.fund, ["btc-bucket", "shared", "venue"], currency(run.summary), WIDE)
    x = spec["layer"][0]["encoding"]["x"]
    assert x["scale"]["type"] == "symlog" and "logarithmic" in x["axis"]["title"]
    assert x["axis"]["values"] == sorted(set(x["axis"]["values"]))


def big_steps(markets, number):
    """`VenueTables.steps` of a long run that goes up and down at every step."""
    rows = []
    for step in range(number):
        for m, market in enumerate(markets):
            ticks = 100_000 + (step * 7919 + m * 104_729) % 20_000
            rows.append((step + 1, 1_583_971_200_000 + step * 15_000, market, ticks, step % 97 == 0))
    names = ("step", "t_ms", "market", "ticks", "liquidated")
    frame = pl.DataFrame(rows, schema=names, orient="row")
    return frame.with_columns(pl.col("liquidated").cast(pl.Int64))


def test_a_run_of_11_520_steps_stays_small_and_keeps_its_extremes():
    design = parse_design(design_text(), "x")
    known = instruments(design)
    steps = big_steps(["BTC-PERP", "ETH-PERP"], 11_520)
    for frame in (WIDE, NARROW):
        spec = price_and_liquidations(steps, known, Currency("USDC", 2), frame)
        assert len(svg(spec, "x")) < 300_000
        values = spec["vconcat"][0]["data"]["values"]
        assert len(values) <= 6_000
        for market in ("BTC-PERP", "ETH-PERP"):
            ticks = steps.filter(pl.col("market") == market).get_column("ticks").to_list()
            drawn = [row["price"] for row in values if row["market"] == market]
            assert min(drawn) == pytest.approx(100 * min(ticks) / ticks[0])
            assert max(drawn) == pytest.approx(100 * max(ticks) / ticks[0])
        counted = sum(row["n"] for row in spec["vconcat"][1]["data"]["values"])
        assert counted == sum(steps.filter(pl.col("market") == "BTC-PERP").get_column("liquidated").to_list())


def test_busy_layers_stay_small():
    layers = parse_design(design_text(), "x").layers
    rows = [(1_583_971_200_000 + i * 15_000, i + 1, layers[i % 3].id, (i * 7919) % 1_000_000) for i in range(11_520)]
    names = {"t_ms": pl.Int64, "seq": pl.Int64, "layer": pl.String, "balance": pl.Int64}
    frame = pl.DataFrame(rows, schema=names, orient="row")
    spec = layers_over_time(frame, layers, Currency("USDC", 2), rows[-1][0], WIDE)
    assert len(svg(spec, "x")) < 300_000


def test_layers_add_up_at_every_drawn_time(made, runs):
    run = runs["carry"]
    values = layers_over_time(
        run.fund.layers, run.design.layers, currency(run.summary), run.summary.path.last_t_ms, WIDE
    )["data"]["values"]
    last = max(row["t"] for row in values)
    assert last == run.summary.path.last_t_ms
    held = made["carry"].venue.fund.state.layers_units
    assert sum(row["balance"] for row in values if row["t"] == last) == pytest.approx(held / 100)


def test_many_buckets_are_drawn_as_one():
    layers = parse_design(design_text(), "x").layers
    many = [type(layers[0])(id=f"b{i}", kind="market_bucket", market="BTC-PERP") for i in range(12)] + [layers[1]]
    rows = [(1000, 1, layer.id, 100) for layer in many] + [(2000, 2, "b3", 40), (2000, 2, "shared", 10)]
    names = {"t_ms": pl.Int64, "seq": pl.Int64, "layer": pl.String, "balance": pl.Int64}
    spec = layers_over_time(pl.DataFrame(rows, schema=names, orient="row"), many, Currency("USDC", 0), 2000, WIDE)
    found = {(row["t"], row["layer"]): row["balance"] for row in spec["data"]["values"]}
    assert found == {
        (1000, "12 market buckets"): 1200,
        (1000, "shared"): 100,
        (2000, "12 market buckets"): 1140,
        (2000, "shared"): 10,
    }


def test_one_market_is_drawn_in_money():
    text = design_text()
    known = instruments(parse_design(text, "x"))
    spec = price_and_liquidations(big_steps(["BTC-PERP"], 50), known, Currency("USDC", 2), WIDE)
    assert spec["vconcat"][0]["title"] == "price of BTC-PERP, USDC"
    assert spec["vconcat"][0]["data"]["values"][0]["price"] == 100_000 * 0.5
    assert START["BTC-PERP"] == 240_000  # in ticks of 0.5


def test_runs_compared_add_up(runs):
    chosen = [(name, runs[name].summary) for name in ("adl", "social", "carry")]
    spec = runs_compared(chosen, currency(runs["adl"].summary), NARROW)
    values = spec["layer"][0]["data"]["values"]
    for i, (_, summary) in enumerate(chosen):
        parts = sum(row["value"] for row in values if row["row"] == i)
        assert parts == pytest.approx(summary.deficits.amount / 100)


@pytest.mark.parametrize(
    ("whole", "most", "span"),
    [(0, 4, 1), (60_000, 4, 15_000), (172_800_000, 9, 21_600_000), (10**15, 9, 36400 * 86_400_000)],
)
def test_spans_of_time(whole, most, span):
    assert span_ms(whole, most) == span


def test_bins_and_their_names():
    assert [bin_text(bin_ms(whole, 100)) for whole in (1, 6_000_000, 180_000_000, 10**10)] == [
        "per minute",
        "per minute",
        "per 30 minutes",
        "per 2 days",
    ]


def test_time_ticks_lie_on_the_axis():
    for first, last in ((0, 0), (5, 6), (1_760_054_400_000, 1_760_226_300_000)):
        x = time_x(first, last, WIDE, labels=True)
        assert 1 <= len(x["axis"]["values"]) <= 10
        assert all(first <= tick <= max(last, first) for tick in x["axis"]["values"])


def test_log_ticks():
    assert log_ticks(4_500.0, 2e7, 8) == [0.0, 1e4, 1e5, 1e6, 1e7]
    assert log_ticks(1.0, 1e9, 4) == [0.0, 1.0, 1e3, 1e6, 1e9]


def test_hostile_names_stay_text():
    frame = Frame(340, True)
    steps = big_steps(["BTC-PERP"], 3)
    money = Currency('<script>alert("x")</script>', 0)
    text = svg(price_and_liquidations(steps, instruments(parse_design(design_text(), "x")), money, frame), "x")
    assert "<script" not in text and "&lt;script" in text


def test_a_price_of_an_inverse_contract_is_not_in_the_coin():
    known = instruments(parse_design(preset_text("bitmex-like"), "bitmex-like"))
    spec = price_and_liquidations(big_steps(["XBTUSD"], 50), known, Currency("XBT", 8), WIDE)
    assert spec["vconcat"][0]["title"] == "price of XBTUSD, for one XBT"
