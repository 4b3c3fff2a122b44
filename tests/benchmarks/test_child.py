"""Measuring in processes of their own."""

import pytest

from benchmarks import child
from benchmarks.child import in_child, peak_memory_bytes, seconds_of_command
from benchmarks.lines.startup import modules_loaded
from benchmarks.machine import describe_machine
from srnet_core.errors import SrnetError


def test_a_clip_in_a_process_of_its_own():
    found = in_child("memory:clip_memory", threads=1, filter_widths=[3], channels=30, frames=40)
    assert found["frames"] == 40 and found["seconds"] > 0
    assert found["peak_bytes"] >= found["peak_bytes_before"] > 10_000_000


def test_training_in_a_process_of_its_own():
    """A step of 64 windows of 9 frames and 100 channels keeps at least its activations."""
    found = in_child("memory:training_memory", threads=1, filter_widths=[3, 3], channels=100, batch=64, frames=3000)
    assert 0 <= found["step_bytes"] <= found["peak_bytes"]


def test_what_fails_there_is_told_here():
    with pytest.raises(SrnetError, match="UnknownNameError|ConfigError|TypeError"):
        in_child("memory:clip_memory", channels=30)
    with pytest.raises(SrnetError, match="No such command|nothing"):
        seconds_of_command(["nothing"])


def test_what_does_not_end_is_stopped_and_told(monkeypatch):
    monkeypatch.setattr(child, "_TIMEOUT_S", 0.01)
    with pytest.raises(SrnetError, match="had not ended after 0.01 seconds"):
        in_child("memory:clip_memory", filter_widths=[3], channels=30, frames=40)
    with pytest.raises(SrnetError, match="srnet --help had not ended"):
        seconds_of_command(["--help"])


def test_peak_memory_grows_with_what_is_held():
    before = peak_memory_bytes()
    held = bytearray(300_000_000)
    held[::4096] = b"x" * len(held[::4096])
    assert peak_memory_bytes() >= before
    assert peak_memory_bytes() >= 300_000_000


def test_torch_is_seen_where_it_is_loaded():
    assert modules_loaded("srnet_core.stages.key", "torch") == 0
    assert modules_loaded("torch", "torch") == 1


def test_the_machine_is_described():
    machine = describe_machine()
    assert machine["cores"] >= 1 and machine["processor"] and machine["torch"]
