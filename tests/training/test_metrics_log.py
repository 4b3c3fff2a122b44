"""The log of a run: what is damaged is moved aside, and the rest goes on."""

import json

import pytest

from srnet_core.training.metrics_log import DAMAGED, record_epoch


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for epoch in (1, 2):
        assert record_epoch(path, {"epoch": epoch, "loss": 0.5 / epoch, "lr": float("nan")}) == 0
    return path


def epochs(log) -> list[int]:
    return [json.loads(line)["epoch"] for line in log.read_text().splitlines()]


def test_lines_are_plain_json(log):
    assert [json.loads(line)["lr"] for line in log.read_text().splitlines()] == [None, None]


def test_an_epoch_that_is_trained_again_replaces_its_line_and_later_ones(log):
    record_epoch(log, {"epoch": 1, "loss": 1.0})
    assert epochs(log) == [1]


DAMAGED_LINES = {
    "no UTF-8": b"\xff{}",
    "zeros": b"\0" * 40,
    "cut short": b'{"epoch": 1, "loss": 0.',
    "text": b'"x"',
    "list": b"[1]",
    "nested": b"[" * 100_000,
    "large number": b"1" * 5000,
    "epoch of another type": b'{"epoch": true}',
    "epoch with a fraction": b'{"epoch": 1.5}',
    "another field": b'{"epoci": 1}',
}


@pytest.mark.parametrize("damaged", DAMAGED_LINES.values(), ids=DAMAGED_LINES)
def test_a_damaged_line_is_kept_aside(log, damaged):
    lines = log.read_bytes().splitlines()
    log.write_bytes(b"\n".join([damaged, lines[1]]) + b"\n")
    assert record_epoch(log, {"epoch": 3, "loss": 0.1}) == 1
    assert epochs(log) == [2, 3] and log.with_name(DAMAGED).read_bytes() == damaged + b"\n"


def test_a_flipped_bit_is_found_in_every_byte(log):
    whole = log.read_bytes()
    first_line = whole.index(b"\n")
    for position in range(first_line):
        content = bytearray(whole)
        content[position] ^= 1 << position % 7
        log.write_bytes(content)
        damaged = record_epoch(log, {"epoch": 3, "loss": 0.1})
        same = json.loads(log.read_bytes().splitlines()[0]) == json.loads(whole[:first_line])
        assert damaged or same, bytes(content[:first_line])


def test_lines_of_earlier_versions_are_kept(log):
    log.write_text('{"epoch": 1, "loss": 0.5, "train_mpjpe_mm": 3.0}\n')
    assert record_epoch(log, {"epoch": 2, "loss": 0.1}) == 0 and epochs(log) == [1, 2]


def test_a_folder_in_its_place_is_moved_aside(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.mkdir()
    record_epoch(path, {"epoch": 1})
    assert epochs(path) == [1] and path.with_name(DAMAGED).is_dir()
