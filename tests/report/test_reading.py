"""Reading: a folder for each way to be broken, and what is said about it."""

from __future__ import annotations

import json

import pytest

from seawall.design.errors import BadInput
from seawall.report.reading import read_run, read_summary
from tests.report.runs import design_text, make_run


def problems(path):
    with pytest.raises(BadInput) as caught:
        read_run(path)
    return caught.value.problems


def edit(path, **changes):
    """Change keys of summary.json; `a__b` is key b of a."""
    file = path / "summary.json"
    document = json.loads(file.read_text())
    for key, value in changes.items():
        *outer, last = key.split("__")
        inner = document
        for name in outer:
            inner = inner[name]
        if value is None:
            del inner[last]
        else:
            inner[last] = value
    file.write_text(json.dumps(document))


def test_a_run_is_read_whole(made, runs):
    run = runs["adl"]
    assert run.design.name == "adl"
    assert run.document["steps"] == run.summary.steps == 8
    assert run.opened.book_digest == run.summary.book.digest
    assert len(run.fund_log) == len(made["adl"].venue.fund.lines)
    assert read_summary(run.path) == run.summary


def test_no_folder_and_a_file(tmp_path):
    (found,) = problems(tmp_path / "nowhere")
    assert found.found == "no such folder"
    (tmp_path / "file").write_text("x")
    (found,) = problems(tmp_path / "file")
    assert found.found == "a file" and "folder" in found.hint


def test_an_empty_folder_is_one_problem(tmp_path):
    (found,) = problems(tmp_path)
    assert "events.jsonl" in found.wanted and found.found == "a folder with none of them"


def test_every_missing_file_is_a_problem(copy_of):
    path = copy_of()
    (path / "venue.jsonl").unlink()
    (path / "summary.json").unlink()
    assert [p.file.rsplit("/", 1)[1] for p in problems(path)] == ["venue.jsonl", "summary.json"]


def test_a_folder_in_place_of_a_file(copy_of):
    path = copy_of()
    (path / "summary.json").unlink()
    (path / "summary.json").mkdir()
    (found,) = problems(path)
    assert found.wanted == "a file that can be read"


def test_all_broken_files_are_told_at_once(copy_of):
    path = copy_of()
    (path / "design.toml").write_text("schema = 7")
    (path / "events.jsonl").write_bytes(b"")
    (path / "venue.jsonl").write_bytes(b"{}\n")
    (path / "summary.json").write_bytes(b"\xff")
    assert len({p.file for p in problems(path)}) == 4


@pytest.mark.parametrize("name", ["events.jsonl", "venue.jsonl"])
def test_a_torn_last_line(copy_of, name):
    path = copy_of()
    data = (path / name).read_bytes()
    (path / name).write_bytes(data[:-20])
    (found,) = problems(path)
    assert found.line == data.count(b"\n") and "cut short" in found.found


@pytest.mark.parametrize("name", ["events.jsonl", "venue.jsonl"])
def test_a_changed_digit_breaks_the_chain(copy_of, name):
    path = copy_of()
    lines = (path / name).read_bytes().split(b"\n")
    lines[2] = lines[2].replace(b'"t":1760130', b'"t":1760131', 1)
    (path / name).write_bytes(b"\n".join(lines))
    (found,) = problems(path)
    assert found.line == 4 and "hash" in found.found


def test_whole_lines_missing_at_the_end_do_not_agree_with_the_summary(copy_of):
    path = copy_of("carry")
    lines = (path / "events.jsonl").read_bytes().split(b"\n")
    (path / "events.jsonl").write_bytes(b"\n".join(lines[:-4]) + b"\n")
    found = problems(path)
    assert found and all(p.file.endswith("summary.json") and "as the logs say" in p.wanted for p in found)


def test_steps_missing_at_the_end(copy_of):
    path = copy_of("calm")
    lines = (path / "venue.jsonl").read_bytes().split(b"\n")
    (path / "venue.jsonl").write_bytes(lines[0] + b"\n")
    assert [p.field for p in problems(path)] == ["steps"]


def test_the_logs_of_another_run(copy_of, made):
    path = copy_of("adl")
    for name in ("events.jsonl", "venue.jsonl"):
        (path / name).write_bytes((made["social"].path / name).read_bytes())
    (found,) = problems(path)
    assert "design" in found.field


def test_the_venue_log_in_place_of_the_funds(copy_of):
    path = copy_of()
    (path / "events.jsonl").write_bytes((path / "venue.jsonl").read_bytes())
    (found,) = problems(path)
    assert found.line == 1 and "unknown kind" in found.found


def test_a_comment_added_to_the_design(copy_of):
    path = copy_of()
    (path / "design.toml").write_text(design_text("adl", name="adl") + "# later\n")
    (found,) = problems(path)
    assert found.file.endswith("design.toml") and "another text" in found.found


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"schema": "seawall.stress.summary/2"}, "schema"),
        ({"drawn": 5}, "drawn"),
        ({"drawn": "5.0"}, "drawn"),
        ({"drawn": None}, ""),
        ({"verdict": "unsure"}, "verdict"),
        ({"layers": {}}, "layers"),
        ({"path__licence": None}, "path"),
    ],
)
def test_a_summary_of_another_shape(copy_of, change, field):
    path = copy_of()
    edit(path, **change)
    (found,) = problems(path)
    assert found.file.endswith("summary.json") and found.field == field


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"drawn": "1"}, "drawn"),
        ({"deficits__count": 1400}, "deficits.count"),
        ({"haircuts__adl": "1"}, "haircuts.adl"),
        ({"book__digest": "00"}, "book.digest"),
        ({"path__digest": "00"}, "path.digest"),
        ({"steps": 9}, "steps"),
        ({"verdict": "survives"}, "verdict"),
        ({"asset__decimals": 6}, "asset.decimals"),
        ({"design__name": "other"}, "design.name"),
        ({"layers": []}, "layers"),
    ],
)
def test_a_summary_that_does_not_agree_with_the_logs(copy_of, change, field):
    path = copy_of()
    edit(path, **change)
    found = problems(path)
    assert field in [p.field for p in found]
    assert all("as the logs say" in p.wanted for p in found)


def test_control_characters_are_refused(copy_of):
    path = copy_of()
    edit(path, path__source="\x1b[31mred")
    (found,) = problems(path)
    assert found.wanted == "printable text"
    with pytest.raises(BadInput):
        read_summary(path)


def test_new_keys_are_passed_over(copy_of):
    path = copy_of()
    edit(path, later="x", deficits__median="5")
    assert read_run(path).document["later"] == "x"


def test_nothing_but_the_four_files_is_opened(copy_of):
    path = copy_of()
    (path / "book.parquet").write_bytes(b"rubbish")
    (path / "deficits.parquet").write_bytes(b"rubbish")
    read_run(path)


def test_a_run_with_carried_debt_repaid_agrees(tmp_path):
    made = make_run(tmp_path / "run", design_text("carry", "carry", bucket="0", shared="0"))
    summary = read_run(made.path).summary
    assert summary.recovered > 0 and summary.carried > 0
