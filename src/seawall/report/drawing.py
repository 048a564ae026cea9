"""Drawing: Vega-Lite specs to SVG and PNG, on light and dark, wide and narrow.

Layer    report; imports nothing of ours; vl-convert renders without a browser, a font or the network.
Not here what a chart shows (report.charts).
Held to  this by tests/report/test_charts.py (the same bytes each time, no remote data, under 300 kB) and by looking.

An SVG takes its colours from the page around it, `currentColor` for text and `var(--name, fallback)` for marks, so that
one file serves light and dark. PNG renderers know no variables: pictures use the light palette as plain colours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

import vl_convert

Spec = dict[str, Any]
"""A Vega-Lite specification as plain values."""

VEGA_LITE: Final = "6.4"
"""The version of Vega-Lite that draws; pinned, since another one would give other bytes."""

LIGHT: Final[Mapping[str, str]] = {
    "text": "#1b2430",
    "muted": "#5b6675",
    "grid": "#dfe4ea",
    "page": "#ffffff",
    "deficit": "#5b6675",
    "severity": "#1b2430",
    "adl": "#8a4fa3",
    "adl_money": "#b98bcb",
    "socialised_loss": "#c77d0a",
    "gains_haircut": "#e0a11e",
    "tear_up": "#7a4a1e",
    "withdrawal_haircut": "#d9b88f",
    "carried": "#c0392b",
    "pending": "#9aa3ad",
    "liquidated": "#c0392b",
    "series-1": "#1b6ca8",
    "series-2": "#2a9d6f",
    "series-3": "#e0a11e",
    "series-4": "#b04a8b",
    "series-5": "#5fb0d6",
    "series-6": "#8a6d3b",
    "series-7": "#6b7f99",
    "series-8": "#8fbf5a",
}
"""Colours by role, on white."""

DARK: Final[Mapping[str, str]] = {
    "text": "#e6eaf0",
    "muted": "#a3adba",
    "grid": "#39424f",
    "page": "#14181f",
    "deficit": "#a3adba",
    "severity": "#e6eaf0",
    "adl": "#b98ad0",
    "adl_money": "#8d6ba0",
    "socialised_loss": "#e0a04a",
    "gains_haircut": "#f0c04f",
    "tear_up": "#b98a5a",
    "withdrawal_haircut": "#8a7355",
    "carried": "#ef6f61",
    "pending": "#7c8794",
    "liquidated": "#ef6f61",
    "series-1": "#5aa9e6",
    "series-2": "#4fc596",
    "series-3": "#f0c04f",
    "series-4": "#d983bd",
    "series-5": "#9ad4ef",
    "series-6": "#c2a26b",
    "series-7": "#9fb1c9",
    "series-8": "#b4dc87",
}
"""The same roles on a dark page."""

SERIES: Final = 8
"""Colours that tell series apart."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a chart is shown: its whole width in pixels, and whether that is a phone's.

    plain  colours as they are (PNG), not taken from the page (SVG)
    """

    width: int
    narrow: bool
    plain: bool = False

    def colour(self, role: str) -> str:
        """A colour of the palette, as this frame's renderer understands it."""
        if self.plain:
            return LIGHT[role]
        return "currentColor" if role == "text" else f"var(--{role}, {LIGHT[role]})"

    def series(self, index: int) -> str:
        """The colour of the index-th series, counted from 0; after eight they begin again."""
        return self.colour(f"series-{index % SERIES + 1}")

    def all_series(self, number: int) -> list[str]:
        """The colours of the first `number` series."""
        return [self.series(i) for i in range(number)]


WIDE: Final = Frame(width=880, narrow=False)
NARROW: Final = Frame(width=340, narrow=True)
PICTURE: Final = Frame(width=880, narrow=False, plain=True)


def config(frame: Frame) -> Spec:
    """The look that all charts share."""
    text, grid = frame.colour("text"), frame.colour("grid")
    size = 12
    return {
        "background": frame.colour("page") if frame.plain else "transparent",
        "aria": False,  # thousands of labelled marks help nobody; the whole picture has one label
        "font": "sans-serif",
        "padding": 4,
        "view": {"stroke": None},
        "axis": {
            "labelColor": text,
            "titleColor": text,
            "labelFontSize": size,
            "titleFontSize": size,
            "titleFontWeight": "normal",
            "gridColor": grid,
            "domainColor": grid,
            "tickColor": grid,
            "labelOverlap": True,
        },
        "legend": {
            "labelColor": text,
            "titleColor": text,
            "labelFontSize": size,
            "titleFontSize": size,
            "labelLimit": 150 if frame.narrow else 240,
            "symbolStrokeWidth": 3,
        },
        "text": {"color": text, "fontSize": size},
        "title": {"color": text, "fontSize": size, "fontWeight": "normal", "anchor": "start", "offset": 6},
    }


def whole_spec(body: Spec, description: str, frame: Frame) -> Spec:
    """A chart's body with schema, look, and the sentence that tells it to those who cannot see it."""
    schema = "https://vega.github.io/schema/vega-lite/v6.json"
    return {"$schema": schema, "description": description, "config": config(frame), **body}


def colours(names: Sequence[str], palette: Sequence[str], field: str, frame: Frame, symbol: str) -> Spec:
    """The colour channel of named series; `symbol` of the legend below the chart, "" for no legend."""
    place = {"orient": "bottom", "title": None, "columns": 2 if frame.narrow else 5, "symbolType": symbol}
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": list(names), "range": list(palette)},
        "legend": place if symbol and names else None,
    }


def svg(spec: Spec, name: str) -> str:
    """A spec as one inline `<svg>` element, for HTML.

    name  prefix of the ids within, unique in the page
    The spec's `description` becomes the picture's label. Coordinates are rounded to a tenth of a pixel.
    """
    text = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])
    text = re.sub(r"<[^<>]+>", lambda tag: _tidied(tag.group(), name), text)  # tags only: no digit of a text is touched
    label = escape(str(spec.get("description", "")), quote=True)
    head = re.sub(r'\sclass="[^"]*"', "", text[: text.index(">")])
    return f'{head} class="chart" role="img" aria-label="{label}"{text[text.index(">") :]}'


def _tidied(tag: str, name: str) -> str:
    tag = re.sub(r'\s(role|aria-(label|roledescription))="[^"]*"', "", tag)
    tag = re.sub(r"(-?\d+\.\d)\d+", r"\1", tag)
    tag = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', tag)
    return re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", tag)


def svg_file(spec: Spec, name: str) -> str:
    """A spec as an SVG file of its own, which follows the reader's light or dark setting."""
    text = svg(spec, name)
    cut = text.index(">") + 1
    style = f"svg{{{css(LIGHT)}color:var(--text);background:var(--page)}}"
    style += f"@media (prefers-color-scheme:dark){{svg{{{css(DARK)}}}}}"
    return f"{text[:cut]}<style>{style}</style>{text[cut:]}\n"


def png(spec: Spec, scale: float = 2.0) -> bytes:
    """A spec as PNG, two pixels for one; give it a plain frame's spec."""
    return vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=scale, allowed_base_urls=[])


def css(palette: Mapping[str, str]) -> str:
    """A palette as custom properties: `--text:#1b2430;...`."""
    return "".join(f"--{role}:{colour};" for role, colour in palette.items())
