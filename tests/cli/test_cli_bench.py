"""srnet bench: the table, the JSON, and what it refuses."""

import json
from pathlib import Path


def test_speeds_are_shown_and_written(srnet):
    ran = srnet("bench", "--quick", "--threads", 1, "--json", "out/bench.json").ok()
    for text in ("training", "lifting", "streaming", "plain fc", "p99", "windows/s", "ms per frame"):
        assert text in ran.out
    assert "the numbers mean nothing" in ran.err
    written = json.loads(Path("out/bench.json").read_text())
    assert written["quick"] and written["threads"] == 1 and written["device"] == "cpu"
    assert [speed["what"] for speed in written["speeds"]] == ["training", "lifting", "streaming"]
    ran = srnet("bench", "--quick", "--threads", 1, "--json", "-").ok()
    assert json.loads(ran.out)["quick"], "nothing else goes to standard output"
    assert all(speed["ours"] > 0 and speed["plain"] > 0 for speed in written["speeds"])


def test_what_cannot_be_is_refused_before_anything_is_measured(srnet, tmp_path):
    srnet("bench", "--json", tmp_path).refused("folder")
    srnet("bench", "--device", "tpu").refused("--device")
    srnet("bench", "--threads", 2000).refused("--threads")
