"""srnet calibrate, and lifting with the errors that it has learned to tell."""

import csv
import json
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from support.small_data import write_published

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"


@pytest.fixture
def own_checkpoint(checkpoint, tmp_path) -> Path:
    """A copy of the trained checkpoint, in a folder that may be written to."""
    return Path(shutil.copy(checkpoint, tmp_path / "mine.bin"))


def test_a_network_learns_to_tell_its_errors_and_lift_writes_them(srnet, own_checkpoint):
    write_published(Path("data"), "other", subjects=("D", "E"), takes={"Walk": 350})
    ran = srnet("calibrate", own_checkpoint, "--dataset", "other", "--data-dir", "data", "--device", "cpu").ok()
    assert "mine.uncertainty.json" in ran.out and "calibrated on 2 people" in ran.out
    told = json.loads(Path("mine.uncertainty.json").read_text())
    assert told["people"] == ["D", "E"] and told["frames"] == 560 and told["about"] == "other: D, E"
    options = ("--checkpoint", own_checkpoint, "--uncertainty", "-o", "a.npz", "--device", "cpu")
    srnet("lift", EXAMPLE, *options).ok()
    with np.load("a.npz") as file:
        assert (file["1/expected_error_mm"][:, 1:] > 0).all()


def test_people_who_were_trained_on_are_left_out(srnet, own_checkpoint, project):
    data = ("--data-dir", project / "data", "--cache-dir", project / "cache")
    refused = srnet("calibrate", own_checkpoint, *data, "--subjects-test", "A", "--subjects-train", "C")
    refused.refused("trained on all people of small", "--subjects-test")
    srnet("calibrate", own_checkpoint, *data, "--device", "cpu").refused("frames are too few")
    srnet("calibrate", own_checkpoint, *data, "--noise-mm", "-1").refused("--noise-mm", "[0, 1000]")


def test_every_table_has_the_expected_errors(srnet):
    files = ["a.npz", "a.h5", "a.json", "a.jsonl", "a.csv"]
    srnet("lift", EXAMPLE, "--uncertainty", *(word for f in files for word in ("-o", f)), "--device", "cpu").ok()
    with np.load("a.npz") as file:
        errors_mm, about = file["1/expected_error_mm"], json.loads(str(file["about"]))
    assert errors_mm.shape == (100, 17) and len(about["error_bound_factors"]) == 17
    with h5py.File("a.h5") as h5:
        np.testing.assert_array_equal(h5["1/expected_error_mm"][:], errors_mm)
    whole = json.loads(Path("a.json").read_text())
    np.testing.assert_allclose(whole["people"][0]["expected_error_mm"], errors_mm, atol=0.06)
    line = json.loads(Path("a.jsonl").read_text().splitlines()[1])
    np.testing.assert_allclose(line["expected_error_mm"], errors_mm[0], atol=0.06)
    with open("a.csv", newline="") as file:
        row = next(csv.DictReader(file))
    assert float(row["LWrist_expected_error_mm"]) == pytest.approx(errors_mm[0, 13], abs=1e-4)


def test_without_being_asked_nothing_is_told_of_errors(srnet):
    srnet("lift", EXAMPLE, "-o", "a.json", "-o", "a.csv", "--device", "cpu").ok()
    assert "error" not in Path("a.json").read_text() and "error" not in Path("a.csv").read_text()


def test_a_network_that_was_not_calibrated_is_refused(srnet, own_checkpoint):
    ran = srnet("lift", EXAMPLE, "--checkpoint", own_checkpoint, "--uncertainty", "--device", "cpu")
    ran.refused("mine.uncertainty.json", "not measured", "srnet calibrate")
    srnet("lift", "--stream", "--uncertainty").refused("--uncertainty", "--stream")
