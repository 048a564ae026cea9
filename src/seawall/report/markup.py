"""Markup: the pieces of HTML that pages are made of; everything that comes from a file is escaped here.

Layer    report; imports report.{charts,drawing}. Called by report.{page,comparison}.
Not here what a page says.
Held to  this by tests/report/test_page.py: no script, no address, well-formed, hostile names stay text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from seawall.report.charts import Chart
from seawall.report.drawing import DARK, LIGHT, NARROW, WIDE, css, svg

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The content-security policy that a page states for itself, and under which it works."""

_STYLE: Final = (
    ":root{color-scheme:light dark;" + css(LIGHT) + "}"
    "@media (prefers-color-scheme:dark){:root{" + css(DARK) + "}}"
    """
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{max-width:912px;margin:0 auto;padding:16px}
h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.2rem;margin:2.2rem 0 .4rem}
p{margin:.5rem 0;max-width:75ch}
code{font:.85em ui-monospace,monospace;overflow-wrap:anywhere}
.muted,figcaption{color:var(--muted);font-size:.9rem}
.verdict{font-size:1.1rem;border-left:4px solid var(--series-2);padding:.2rem 0 .2rem .8rem;margin:1rem 0}
.exhausted{border-color:var(--carried)}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:12px 20px;margin:1.2rem 0}
.figures div{border-top:1px solid var(--grid);padding-top:6px}
dt{color:var(--muted);font-size:.85rem}
dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.figures dd{font-size:1.15rem}
figure{margin:.6rem 0 1.4rem}
svg.chart{display:block;max-width:100%;height:auto}
.narrow{display:none}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);padding:4px 0}
th,td{padding:5px 8px;text-align:left;vertical-align:top;border-bottom:1px solid var(--grid)}
th:first-child,td:first-child{padding-left:0}
thead th{font-weight:600;white-space:nowrap}
tbody th{font-weight:400;overflow-wrap:anywhere;min-width:6.5em}
.n{text-align:right;white-space:nowrap}
td.t{white-space:nowrap}
ul{padding-left:1.2rem;max-width:75ch}
@media screen and (max-width:819px){
.wide{display:none}
.narrow{display:block}
.narrow svg.chart{width:100%;max-width:560px}
.figures{display:block}
.figures div{display:flex;justify-content:space-between;gap:12px;align-items:baseline;padding:5px 0}
.figures dd{font-size:1rem;text-align:right}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table,caption,tbody,tr{display:block}
tr{border-bottom:1px solid var(--grid);padding:8px 0}
tbody th{display:block;border:0;padding:0;font-weight:600}
td{display:flex;justify-content:space-between;gap:12px;border:0;padding:1px 0;text-align:right;overflow-wrap:anywhere}
td::before{content:attr(data-name);color:var(--muted);text-align:left;white-space:nowrap}
.n{white-space:normal}
}
"""
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading, whether it holds figures (set to the right), whether its texts stay whole."""

    name: str
    figures: bool = False
    whole: bool = False

    @property
    def kind(self) -> str:
        """Its class attribute."""
        return ' class="n"' if self.figures else ' class="t"' if self.whole else ""


def page(title: str, body: Sequence[str]) -> str:
    """A whole document: one file, no script, nothing fetched, light and dark."""
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
    )
    return head + "<body>\n<main>\n" + "\n".join(part for part in body if part) + "\n</main>\n</body>\n</html>\n"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f"<p{_class(kind)}>{escape(text)}</p>"


def verdict(sentences: Sequence[str], *, survives: bool) -> str:
    """The verdict: the first sentence stands out, its colour only repeats what it says."""
    first, rest = escape(sentences[0]), escape(" ".join(sentences[1:]))
    kind = "verdict" if survives else "verdict exhausted"
    return f'<p class="{kind}"><strong>{first}</strong> {rest}</p>'


def heading(text: str, level: int = 2) -> str:
    """A heading of plain text."""
    return f"<h{level}>{escape(text)}</h{level}>"


def figures(pairs: Sequence[tuple[str, str]]) -> str:
    """Key figures: (what, figure)."""
    whole = [(escape(what), escape(figure).replace(" %", "\N{NO-BREAK SPACE}%")) for what, figure in pairs]
    cells = "".join(f"<div><dt>{what}</dt><dd>{figure}</dd></div>" for what, figure in whole)
    return f'<dl class="figures">{cells}</dl>'


def items(texts: Sequence[str]) -> str:
    """A list of plain texts."""
    return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in texts) + "</ul>"


def table(caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column names its rows; on a phone every row becomes a card.

    Roles are stated, since a table shown as cards would lose them.
    """
    heads = "".join(
        f'<th role="columnheader" scope="col"{column.kind}>{escape(column.name)}</th>' for column in columns
    )
    lines = []
    for first, *rest in rows:
        cells = f'<th role="rowheader" scope="row">{escape(first)}</th>'
        for column, text in zip(columns[1:], rest, strict=True):
            cells += f'<td role="cell"{column.kind} data-name="{escape(column.name)}">{escape(text)}</td>'
        lines.append(f'<tr role="row">{cells}</tr>')
    return (
        f'<table role="table"><caption>{escape(caption)}</caption>'
        f'<thead role="rowgroup"><tr role="row">{heads}</tr></thead>\n'
        f'<tbody role="rowgroup">{chr(10).join(lines)}</tbody></table>'
    )


def figure(chart: Chart) -> str:
    """A chart, wide and narrow, of which a screen shows one; the label of each picture tells what it shows."""
    wide, narrow = svg(chart.spec(WIDE), chart.name), svg(chart.spec(NARROW), f"{chart.name}-narrow")
    return (
        f'<figure><div class="wide">{wide}</div><div class="narrow">{narrow}</div>'
        f"<figcaption>{escape(chart.caption)}</figcaption></figure>"
    )


def _class(kind: str) -> str:
    return f' class="{kind}"' if kind else ""
