"""srnet lift: the example of the README, choices, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_example_of_the_readme(srnet):
    ran = srnet("lift", EXAMPLE, "--device", "cpu").ok()
    assert "output/balancing.html" in ran.out and "1 person lifted (1: 100 of 100 frames)" in ran.out
    assert "Person 2: 100 of 100 frames have joints missing and no pose" in " ".join(ran.err.split())
    assert "<html" in Path("output/balancing.html").read_text()


def test_several_files_of_one_person(srnet):
    files = ["a.bvh", "b.trc", "c.c3d", "d.npz"]
    options = [word for name in files for word in ("-o", name)]
    srnet("lift", EXAMPLE, *options, "--person", "0", "--names", "mixamo", "--device", "cpu").ok()
    assert all(Path(name).stat().st_size > 1000 for name in files)
    assert "ROOT mixamorig:Hips" in Path("a.bvh").read_text()
    with np.load("d.npz") as file:
        assert file["1/joints_m"].shape == (100, 17, 3)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("no.json",), ["no.json"]),
        ((EXAMPLE, "-o", "pose.txt"), ["pose.txt", "no format ends in .txt", ".bvh"]),
        ((EXAMPLE, "--image-size", "1080"), ["--image-size", "1920x1080"]),
        ((EXAMPLE, "--person", "9"), ["no person 9"]),
        ((EXAMPLE, "--layout", "coco71"), ["coco71"]),
        ((EXAMPLE, "--names", "maya", "-o", "a.bvh"), ["'maya'", "mixamo"]),
        ((EXAMPLE, "--strict"), ["--strict"]),
    ],
)
def test_mistakes_are_one_line(srnet, arguments, parts):
    ran = srnet("lift", *arguments, "--device", "cpu")
    assert ran.code == 2 and "Traceback" not in ran.err
    (error,) = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert all(part in error for part in parts), error
    assert not list(Path().glob("*.bvh"))
