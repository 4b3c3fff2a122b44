"""srnet train --memory-budget: what a streamed run says and keeps."""

from pathlib import Path

from support.cli import DATA, TINY

LATEST = Path("checkpoint/latest_epoch_run.bin")


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
