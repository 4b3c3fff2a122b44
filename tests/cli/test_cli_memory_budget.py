"""srnet train --memory-budget: how sizes are written, and what a streamed run says and keeps."""

from pathlib import Path

import pytest
from support.cli import DATA, TINY

from srnet_cli.options import TRAIN
from srnet_core.errors import ConfigError

LATEST = Path("checkpoint/latest_epoch_run.bin")
_, mebibytes = TRAIN["memory_budget_mib"]


@pytest.mark.parametrize(
    ("text", "mib"),
    [
        ("2GiB", 2048),
        ("500MiB", 500),
        ("1.5 gib", 1536),
        ("1TiB", 2**20),
        ("1024KiB", 1),
        ("1.048576MB", 1),
        ("auto", 0),
    ],
)
def test_sizes_are_written_as_people_write_them(text, mib):
    assert mebibytes(text) == mib


@pytest.mark.parametrize("text", ["", "2", "2 G", "GiB", "-1GiB", "0MiB", "1e3MiB", "two GiB", "nan MiB"])
def test_other_sizes_are_refused(text):
    with pytest.raises(ConfigError, match="--memory-budget: expected a size such as 2GiB or 500MiB"):
        mebibytes(text)


def test_a_streamed_run_says_so_and_goes_on_streaming(srnet, own_data):
    ran = srnet("train", *DATA, *TINY, "--name", "run", "--memory-budget", "100KiB").ok()
    assert "blocks, " in ran.out and "mixed at a time" in ran.out
    ran = srnet("train", "--resume", str(LATEST), "--epochs", "2").ok()
    assert "blocks, " in ran.out and "mixed at a time" in ran.out
    ran = srnet("train", "--resume", str(LATEST), "--epochs", "3", "--memory-budget", "auto").ok()
    assert "all frames in memory" in ran.out


def test_a_budget_that_is_too_small_says_what_would_do(srnet, own_data):
    said = srnet("train", *DATA, *TINY, "--name", "run", "--memory-budget", "1KiB").refused(
        "--memory-budget", "at least"
    )
    enough = said.partition("at least ")[2].partition(",")[0]
    srnet("train", *DATA, *TINY, "--name", "run", "--memory-budget", enough).ok()


def test_a_damaged_chunk_is_one_line(srnet, own_data):
    srnet("prepare", *DATA).ok()
    (chunk,) = Path("cache").glob("small_*/pose_3d/c/0/0/0")
    content = bytearray(chunk.read_bytes())
    content[len(content) // 2] ^= 0x10
    chunk.write_bytes(content)
    for budget in ("100KiB", "1GiB"):
        srnet("train", *DATA, *TINY, "--memory-budget", budget).refused("damaged: pose_3d cannot be read", code=1)
