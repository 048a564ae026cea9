"""Shock vectors: moves of the start price by hand, and each slip by its exact line."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from seawall.design.errors import BadInput
from seawall.stress.paths import read_path

GOOD = """\
schema = "seawall.shock/1"
name = "down"
start_t_ms = 1000
step_ms = 500

[start]
BTC = "65000.00"
ETH = "0.03"

[[steps]]
move_ppm = { BTC = -100000 }

[[steps]]
move_ppm = { ETH = -999999, BTC = -250001 }

[[steps]]
move_ppm = {}
"""


def read(tmp_path, design, text, needed=("BTC-PERP", "ETH-PERP")):
    path = tmp_path / "shock.toml"
    path.write_text(text)
    return read_path(str(path), design, intrabar="low_first", markets_needed=needed)


def problem(tmp_path, design, text, **options):
    with pytest.raises(BadInput) as caught:
        read(tmp_path, design, text, **options)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_moves_are_of_the_start_price_rounded_down_and_kept(tmp_path, design):
    path = read(tmp_path, design, GOOD)
    assert path.markets == ("BTC-PERP", "ETH-PERP", "BTC-MINI")
    assert path.t_ms == (1000, 1500, 2000, 2500)
    third = (130_000 - 32_501, 1, 6_500 - 1_626)  # 250,001 ppm of 130,000 is 32,500.13: rounded away from the start
    assert path.ticks == ((130_000, 3, 6_500), (117_000, 3, 5_850), third, third)
    assert (path.name, path.source, path.intrabar) == ("down", "shock vector down", "none")


def test_a_market_whose_symbol_has_no_start_price_is_left_out_or_a_problem(tmp_path, design):
    alone = GOOD.replace('ETH = "0.03"\n', "").replace("ETH = -999999, ", "")
    assert read(tmp_path, design, alone, needed=()).markets == ("BTC-PERP", "BTC-MINI")
    assert problem(tmp_path, design, alone) == (
        "shock.toml  start: wanted prices of ETH, the symbol of market ETH-PERP; found only BTC"
    )


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("-100000 }", "-1000000 }",
         ":11  steps[0].move_ppm.BTC: wanted a whole number of ppm above -1000000, since a price stays above zero; "
         "found -1000000 (shock format)"),
        ("-100000 }", "-0.1 }",
         ":11  steps[0].move_ppm.BTC: wanted a whole number of ppm above -1000000; found float -0.1 (shock format)"),
        ("-100000 }", "true }",
         ":11  steps[0].move_ppm.BTC: wanted a whole number of ppm above -1000000; found bool True (shock format)"),
        ("{ BTC = -100000 }", "{ BTCC = -100000 }",
         ":11  steps[0].move_ppm.BTCC: wanted a symbol with a start price; found 'BTCC' (shock format); "
         'did you mean "BTC"?'),
        ("{ BTC = -100000 }", "-100000",
         ":11  steps[0].move_ppm: wanted moves in ppm of the start price, e.g. {{ BTC = -100000 }}; "
         "found int -100000 (shock format)"),
        ("move_ppm = { BTC = -100000 }", "move_pmm = { BTC = -100000 }\nmove_ppm = {}",
         ":11  steps[0].move_pmm: wanted one of move_ppm; found an unknown key (shock format); "
         'did you mean "move_ppm"?'),
        ("move_ppm = { BTC = -100000 }\n", "",
         ":10  steps[0].move_ppm: wanted moves in ppm of the start price, e.g. {{ BTC = -100000 }}; "
         "found nothing (shock format)"),
        ("{ BTC = -100000 }", "{ BTC = 9000000000000000000 }",
         ":10  steps[0]: wanted a price below 2^53 ticks in BTC-PERP; "),
        ('"65000.00"', "65000.00",
         ':7  start.BTC: wanted a price as a decimal string, e.g. "65000.00"; found float 65000.0 (shock format)'),
        ('"65000.00"', '"0"', ":7  start.BTC: wanted a price above zero; found 0 (SPEC 1)"),
        ('"65000.00"', '"-5"', ":7  start.BTC: wanted an amount that is not negative; found '-5' (SPEC 1)"),
        ('"65000.00"', '"65,000"',
         ":7  start.BTC: wanted a decimal string such as \"12500000.00\"; found '65,000' (SPEC 1); "
         'did you mean "65000"?'),
        ('"0.03"', '"0.004"',
         ":8  start.ETH: wanted a price of at least one tick of 0.01 in ETH-PERP; found '0.004' (SPEC 1)"),
        ("step_ms = 500", "step_ms = 0", ":4  step_ms: wanted whole ms above zero; found 0 (shock format)"),
        ("step_ms = 500", "step_ms = 0.5", ":4  step_ms: wanted whole ms above zero; found float 0.5 (shock format)"),
        ("step_ms = 500\n", "", ":1  step_ms: wanted whole ms above zero; found nothing (shock format)"),
        ("start_t_ms = 1000", "start_t_ms = -1",
         ":3  start_t_ms: wanted whole ms UTC below 2^53; found -1 (shock format)"),
        ("step_ms", "stepms = 1\nstep_ms",
         ":4  stepms: wanted one of schema, name, start_t_ms, step_ms, start, steps; "
         'found an unknown key (shock format); did you mean "step_ms"?'),
        ("seawall.shock/1", "seawall.shock/2",
         ":1  schema: wanted \"seawall.shock/1\"; found 'seawall.shock/2' (shock format)"),
        ('schema = "seawall.shock/1"\n', "", ":1  schema: wanted \"seawall.shock/1\"; found nothing (shock format)"),
        ("step_ms = 500", "step_ms = ", ":4: wanted well-formed TOML; found Invalid value (TOML 1.0)"),
    ],
)  # fmt: skip
def test_a_slip_is_one_located_line(tmp_path, design, old, new, line):
    assert GOOD.count(old) == 1
    found = problem(tmp_path, design, GOOD.replace(old, new))
    wanted = "shock.toml" + line.replace("{{", "{").replace("}}", "}")
    assert found.startswith(wanted) if line.endswith("; ") else found == wanted


def test_a_shock_without_steps_or_start_prices(tmp_path, design):
    head = GOOD.partition("[start]")[0]
    assert problem(tmp_path, design, head + "steps = []\n[start]\n").splitlines() == [
        'shock.toml:7  start: wanted a start price, e.g. BTC = "65000.00"; found none (shock format)',
        "shock.toml:6  steps: wanted at least one step, [[steps]]; found none (shock format)",
    ]
    assert problem(tmp_path, design, head).splitlines() == [
        'shock.toml:1  start: wanted a table of start prices, e.g. BTC = "65000.00"; found nothing (shock format)',
        "shock.toml:1  steps: wanted a list of steps, [[steps]]; found nothing (shock format)",
    ]
    assert problem(tmp_path, design, "steps = [1]\n" + GOOD.partition("[[steps]]")[0]) == (
        "shock.toml:1  steps[0]: wanted a table with move_ppm; found 1 (shock format)"
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(1, 10**9), st.lists(st.integers(-999_999, 2_000_000), min_size=1, max_size=6))
def test_a_price_is_the_nearest_tick_below_and_never_zero(tmp_path, design, hundredths, moves):
    """ETH in ticks of 0.01: the start price is `hundredths` ticks."""
    text = GOOD.partition("[start]")[0] + f'[start]\nETH = "{hundredths // 100}.{hundredths % 100:02d}"\n'
    text += "".join(f"[[steps]]\nmove_ppm = {{ ETH = {move} }}\n" for move in moves)
    path = read(tmp_path, design, text, needed=("ETH-PERP",))
    assert path.ticks[0] == (hundredths,)
    for move, (ticks,) in zip(moves, path.ticks[1:], strict=True):
        exact = hundredths * (1_000_000 + move)  # in millionths of a tick
        assert ticks == 1 if exact < 1_000_000 else 0 <= exact - ticks * 1_000_000 < 1_000_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, len(GOOD)), st.text('{}[]="#.,-0a\n\\', max_size=3))
def test_a_damaged_document_is_a_path_or_a_problem(tmp_path, design, place, inserted):
    try:
        path = read(tmp_path, design, GOOD[:place] + inserted + GOOD[place + 1 :])
    except BadInput:
        return
    assert path.t_ms
