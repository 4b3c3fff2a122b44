"""Speed and errors of low precision: that the script runs, on a small network."""

import pytest
import torch

from benchmarks import low_precision


@pytest.fixture(autouse=True)
def same_threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_every_precision_lifts_and_streams(capsys):
    assert low_precision.main(["--channels", "32", "--rounds", "1"]) == 0
    lines = "".join(capsys.readouterr()).splitlines()
    for precision in low_precision.usable():
        for what in ("clip", "stream"):
            for frames in (243, 1):
                assert any(line.startswith(f"{what}, {frames} frames, {precision}: ") for line in lines)
