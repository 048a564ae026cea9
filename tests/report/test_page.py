"""Page: self-contained, escaped, well-formed, the same bytes each time, and it says what the summary says."""

from __future__ import annotations

import hashlib
import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from seawall.report.folder import write_report
from seawall.report.markup import POLICY
from seawall.report.page import render_comparison, render_page
from seawall.report.reading import read_run
from seawall.report.wording import currency, verdict_sentences

VOID = {"meta", "br", "link", "img"}


class Reader(HTMLParser):
    """Tags that open and close, ids, headings, and the text between."""

    def __init__(self, text):
        super().__init__()
        self.open, self.ids, self.tags, self.attributes, self.headings, self.words = [], [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, key, value or "") for key, value in attrs]
        self.ids += [value for key, value in attrs if key == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("h1", "h2"):
            self.headings.append((self.open[-1], data))
        if "svg" not in self.open and "style" not in self.open:
            self.words.append(data)


@pytest.fixture(scope="module", params=["adl", "social", "carry", "survives", "calm"])
def run(request, runs):
    return runs[request.param]


def test_the_page_is_well_formed_with_unique_ids(run):
    reader = Reader(render_page(run))
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert [level for level, _ in reader.headings][:2] == ["h1", "h2"]
    assert [level for level, _ in reader.headings].count("h1") == 1


def test_the_page_is_self_contained(run):
    text = render_page(run)
    reader = Reader(text)
    assert not re.search(r"https?://", re.sub(r'xmlns(:\w+)?="[^"]*"', "", text))
    assert not {"script", "link", "img", "iframe", "object", "image", "use", "form", "base"} & set(reader.tags)
    assert "@import" not in text and not re.search(r"url\((?!#)", text)
    for tag, key, value in reader.attributes:
        assert not key.startswith("on") and key not in ("src", "href", "xlink:href"), (tag, key, value)
    assert f'content="{POLICY}"' in text and "default-src 'none'" in POLICY


def test_every_picture_has_a_label_and_every_table_heads(run):
    text = render_page(run)
    assert text.count("<svg ") == text.count('role="img" aria-label="') == 2 * text.count("<figure>")
    assert text.count("<caption>") == text.count("<table ")
    assert '<html lang="en">' in text and 'scope="col"' in text and 'scope="row"' in text
    assert "prefers-color-scheme:dark" in text


def test_the_verdict_comes_before_everything_else(run):
    text = unescape(render_page(run))
    sentence = verdict_sentences(run.summary)[0]
    assert text.index(sentence) < text.index("<dl") < text.index("<svg") < text.index("<table")
    assert ("survives" in sentence) == (run.summary.severity == 0)


def test_the_page_shows_layers_deficits_haircuts_and_assumptions(run):
    text = unescape("".join(Reader(render_page(run)).words))
    money, summary = currency(run.summary), run.summary
    for row in summary.layers:
        assert row.layer in text and money.plain(row.after) in text
    worst = sorted(run.fund.deficits.iter_rows(named=True), key=lambda row: -row["amount"])[:10]
    assert all(row["deficit"] in text and money.plain(int(row["amount"])) in text for row in worst)
    largest = sorted(run.fund.haircuts.iter_rows(named=True), key=lambda row: -row["amount"])[:10]
    assert all(row["account"] in text for row in largest)
    for said in (summary.design.digest, summary.book.digest, summary.path.digest, summary.path.licence, "low_first"):
        assert said in text
    assert "already hold the cascade" in text and "Pass-through" in text
    for outside in run.opened.outside:
        assert outside.market in text and f"{outside.lots:,}" in text


def test_the_page_depends_on_nothing_but_the_run(run, tmp_path):
    assert render_page(run) == render_page(read_run(run.path))


HOSTILE = "</style><script>alert(1)</script>\" onload='x' <img src=x>&amp;"


def test_everything_from_files_is_escaped(copy_of):
    path = copy_of("adl")
    document = json.loads((path / "summary.json").read_text())
    document["path"] |= {"name": HOSTILE, "source": HOSTILE, "licence": HOSTILE, "intrabar": HOSTILE}
    document["layers"][0] |= {"kind": HOSTILE, "bound_by": [HOSTILE]}
    document["state"] = {HOSTILE: HOSTILE}
    (path / "summary.json").write_text(json.dumps(document))
    run = read_run(path)
    for text in (render_page(run), render_comparison([run, run])):
        reader = Reader(text)
        assert not {"script", "img"} & set(reader.tags)
        assert not any(key.startswith("on") for _, key, _ in reader.attributes)
        assert HOSTILE in "".join(reader.words)


def test_a_shock_is_not_called_an_observed_price(copy_of):
    path = copy_of("calm")
    document = json.loads((path / "summary.json").read_text())
    document["path"]["intrabar"] = "none"
    (path / "summary.json").write_text(json.dumps(document))
    text = render_page(read_run(path))
    assert "stated shock" in text and "already hold the cascade" not in text


def test_write_report_writes_the_same_bytes_each_time(copy_of):
    path = copy_of("adl")
    digests = []
    for _ in range(2):
        write_report(path)
        files = [path / "report.html", *sorted((path / "charts").iterdir())]
        digests.append([hashlib.sha256(file.read_bytes()).hexdigest() for file in files])
    assert digests[0] == digests[1]
    assert [file.name for file in files] == ["report.html"] + [
        f"{name}.{suffix}" for name in ("layers", "price", "who-paid", "worst-deficit") for suffix in ("png", "svg")
    ]
    assert (path / "report.html").stat().st_size < 600_000
