"""What the tests of `design` share: a small design to break, and TOML documents written with known lines."""

import tomllib

import pytest
from hypothesis import strategies as st

BASE = """\
schema = "seawall.design/1"
name = "base"

[asset]
id = "USDC"
decimals = 6

[[markets]]
id = "BTC-PERP"
tick_size = "0.1"
lot_size = "0.001"
feed_floor = "100"
feed_ceiling = "1000000"

[[markets.tiers]]
up_to_notional = "100000"
initial_margin_ppm = 20000
maintenance_margin_ppm = 10000

[[markets.tiers]]
initial_margin_ppm = 40000
maintenance_margin_ppm = 20000
maintenance_deducted = "1000"

[[markets]]
id = "ETH-PERP"
tick_size = "0.01"
lot_size = "0.01"

[[markets.tiers]]
initial_margin_ppm = 50000
maintenance_margin_ppm = 25000

[liquidation]
surcharge_ppm = 5000

[accumulation.surcharge_split_ppm]
fund = 900000
treasury = 100000

[[layers]]
id = "btc-bucket"
kind = "market_bucket"
market = "BTC-PERP"
balance = "1000"
target = "2000"

[[layers]]
id = "shared"
kind = "shared_fund"
balance = "5000.50"
event_limit = "2500"
window_limit = "3000"
window_ms = 86400000

[[layers]]
id = "skin"
kind = "venue_capital"
balance = "700"

[exhaustion]
policy = "adl"

[[stress.depth]]
market = "BTC-PERP"
bids = [[1, 10], [5, 20]]
asks = [[1, 10], [5, 20]]

[[stress.depth]]
market = "ETH-PERP"
distance = "ppm"
bids = [
    [100, 10],
    [200, 10],
]
asks = [[100, 10]]
"""


@pytest.fixture(scope="session")
def base() -> str:
    """The text of a small design that loads and warns of nothing."""
    return BASE


# -- documents written with known lines ------------------------------------------------------------------------

SCALARS = ["1", "true", '"text"', "'raw'", '"# no"', "'[no.table]'", '"a \\" # b"', "1979-05-27 07:32:00", "'\"'"]
BLOCKS = [
    '"""\n[[layers]]\nkey = 1 # "no"\n"""',
    "'''\n[[layers]]\n\\\n'''",
    '"""one ""quoted"" line"""',
    '"""""two quotes at both ends"""""',
    "'''a'b''c'''''",
    '"""\\\n   escaped \\"""still inside\n"""',
    '""""""',
]
COMMENTS = ["", " # a comment", ' # "an open quote', " # [table] key = 1", " # '''"]
KEYS = ["{}", '"{}"', "'{}'", '"quoted.{}"', "'#{}'", '"\\u0041{}"', "-{}-"]


class Writing:
    """A document and the lines of its parts, written down together."""

    def __init__(self, draw):
        self.draw, self.text, self.lines, self.count = draw, "", {}, 0

    def here(self):
        return self.text.count("\n") + 1

    def mark(self, path):
        self.lines.setdefault(path, self.here())

    def key(self):
        """A new key: how it is written, and what it means."""
        self.count += 1
        written = self.draw(st.sampled_from(KEYS)).format(f"k{self.count}")
        return written, next(iter(tomllib.loads(f"{written} = 1")))

    def gap(self):
        self.text += self.draw(st.sampled_from(["", "\n", "# comment [[x]]\n", "  \t\n", "\n# 'one'\n\n"]))

    def pair(self, table, depth):
        keys = [self.key() for _ in range(self.draw(st.integers(1, 3)))]
        path = table
        for _, meaning in keys:
            path += (meaning,)
            self.mark(path)
        self.text += self.draw(st.sampled_from([".", " . "])).join(written for written, _ in keys)
        self.text += self.draw(st.sampled_from(["=", " = ", "\t=  "]))
        self.value(path, depth)

    def value(self, path, depth, one_line=False):
        shapes = ["scalar"] + ["block"] * (not one_line) + ["array", "table"] * (depth < 3)
        shape = self.draw(st.sampled_from(shapes))
        if shape == "scalar":
            self.text += self.draw(st.sampled_from(SCALARS))
        elif shape == "block":
            self.text += self.draw(st.sampled_from(BLOCKS))
        elif shape == "array":
            self.text += "["
            for position in range(self.draw(st.integers(0, 3))):
                self.text += "" if position == 0 else ","
                if not one_line:
                    self.text += self.draw(st.sampled_from(["", "\n", "\n  ", " # ] }\n\n", "\r\n"]))
                self.mark((*path, position))
                self.value((*path, position), depth + 1, one_line)
            self.text += "]" if one_line else self.draw(st.sampled_from(["]", "\n]", " # ]\n]"]))
        else:  # an inline table stays on one line, but for block strings and arrays in it
            self.text += "{ "
            for position in range(self.draw(st.integers(0, 2))):
                self.text += ", " if position else ""
                self.pair(path, depth + 1)
            self.text += " }"

    def body(self, table):
        for _ in range(self.draw(st.integers(0, 3))):
            self.gap()
            self.text += self.draw(st.sampled_from(["", "  "]))
            self.pair(table, 0)
            self.text += self.draw(st.sampled_from(COMMENTS)) + "\n"


@st.composite
def written_documents(draw):
    """A text and the lines of its parts: root keys, tables, implied tables, arrays of tables and tables below them."""
    write = Writing(draw)
    write.body(())
    for _ in range(draw(st.integers(0, 3))):
        write.gap()
        shape = draw(st.sampled_from(["table", "deep table", "array", "array below an element"]))
        (first, first_key), (second, second_key) = write.key(), write.key()
        if shape == "table":
            write.mark((first_key,))
            write.text += f"[ {first} ]\n"
            write.body((first_key,))
        elif shape == "deep table":
            write.mark((first_key,))
            write.mark((first_key, second_key))
            write.text += f"[{first} . {second}] # [x]\n"
            write.body((first_key, second_key))
        else:
            for position in range(draw(st.integers(1, 3))):
                write.mark((first_key,))
                write.mark((first_key, position))
                write.text += f"[[{first}]]\n"
                write.body((first_key, position))
                if shape == "array below an element":
                    for inner in range(draw(st.integers(0, 2))):
                        write.mark((first_key, position, second_key))
                        write.mark((first_key, position, second_key, inner))
                        write.text += f"[[{first}.{second}]]\n"
                        write.body((first_key, position, second_key, inner))
    return write.text, write.lines


@pytest.fixture(scope="session")
def documents():
    """A strategy of pairs: a TOML document in any layout, and the 1-based line of each of its parts by path."""
    return written_documents()
