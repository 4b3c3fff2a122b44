"""docs/performance.md takes its tables from the bench's JSON."""

import importlib.util
from pathlib import Path

import pytest

from benchmarks.bench import LINES, BenchConfig, run_lines

ROOT = Path(__file__).resolve().parents[2]
MACHINE = {
    "processor": "P",
    "cores": 2,
    "memory_gib": 8,
    "instructions": "I",
    "threads": 2,
    "torch": "2",
    "python": "3",
    "load": 0.1,
    "load_after": 0.2,
}


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("make_performance", ROOT / "docs" / "make_performance.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> dict:
    config = BenchConfig(quick=True, threads=1, cache_dir=str(tmp_path_factory.mktemp("bench")))
    lines = [line.to_dict() for line in run_lines(["inference_single"], config)]
    row = {"what grows": "batch", "measured ms": 1.25}
    lines.append(
        lines[0] | {"name": "cost", "title": "cost", "speeds": (), "limit_gflops": {}, "targets": [], "rows": [row]}
    )
    return {"machine": MACHINE, "quick": True, "lines": lines}


def test_tables_are_written_between_their_marks_and_again(page, bench):
    before = page.PAGE.read_text(encoding="utf-8")
    after = page.with_tables(before, bench)
    for text in ("P, 2 cores", "the numbers mean nothing", "srnet, textbook form", ">= 3 x", "| batch | 1.25 |"):
        assert text in after
    assert page.with_tables(after, bench) == after
    emptied = [page._MARKED.sub(lambda match: match[1], text) for text in (before, after)]
    assert emptied[0] == emptied[1]


def test_lines_that_were_not_measured_leave_their_tables(page, bench):
    full = page.with_tables(page.PAGE.read_text(encoding="utf-8"), bench)
    failed = {"name": "cost", "title": "cost", "failed": "no"}
    assert "| batch | 1.25 |" in page.with_tables(full, bench | {"lines": [failed]})


def test_every_table_of_rows_has_a_line(page):
    marks = [match[3] for match in page._MARKED.finditer(page.PAGE.read_text(encoding="utf-8")) if match[3]]
    assert marks and set(marks) <= set(LINES)
