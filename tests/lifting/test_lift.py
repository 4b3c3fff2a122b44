"""From keypoints to files: missing joints, several people, every format read back."""

import json

import h5py
import numpy as np
import pytest
from support.small_data import moving_poses

from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.inference.calibration import Calibration
from srnet_core.inference.lifter import PosesWithErrors
from srnet_core.keypoints import read_keypoints
from srnet_core.lifting.lift import lift, warnings_of
from srnet_core.lifting.writing import require_format, write_people
from srnet_core.readers.bvh import read_bvh
from srnet_core.readers.c3d import read_c3d
from srnet_core.readers.trc import read_trc
from srnet_core.skeletons.h36m17 import SKELETON

FRAMES = 30


class Flat:
    """In place of a trained network: the keypoints as metres, at depth 0, the root at zero."""

    skeleton: Skeleton = SKELETON
    seen: Skeleton = SKELETON
    receptive_field, fps, calibration = 1, None, None

    def __call__(self, keypoints_px, *, image_size, camera=None, check="warn"):
        assert np.isfinite(keypoints_px).all()
        joints = np.concatenate([keypoints_px / 200, np.zeros((*keypoints_px.shape[:2], 1))], axis=-1)
        return (joints - joints[:, :1]).astype(np.float32)


def person(seed: int) -> np.ndarray:
    """(T, 17, 2) pixels of somebody upright in an image of 1000 x 800."""
    poses = moving_poses(np.random.default_rng(seed), FRAMES)
    return np.stack([500 + 200 * poses[..., 0], 600 - 200 * poses[..., 2]], axis=-1)


def write(path, *people, missing=()):
    """A recording as JSON of COCO results would be long: npz with one array per person."""
    points = np.stack([np.concatenate([p, np.ones((*p.shape[:2], 1))], axis=-1) for p in people], axis=1)
    for frame, joint in missing:
        points[frame, 0, joint] = 0
    np.savez(path, keypoints=points[:, 0] if len(people) == 1 else points)
    return path


@pytest.fixture
def keypoints(tmp_path):
    path = write(tmp_path / "one.npz", person(0))
    return read_keypoints(path, layout="h36m17", fps=25, image_size=(1000, 800))


def test_every_frame_is_lifted_in_the_order_of_the_joints(keypoints):
    people = lift(keypoints, Flat())
    assert [p.name for p in people.people] == ["1"] and people.people[0].lifted.all()
    expected = (person(0) - person(0)[:, :1]) / 200
    np.testing.assert_allclose(people.people[0].joints_m[..., :2], expected, atol=1e-4)


def test_short_gaps_are_filled_and_long_ones_have_no_pose(tmp_path):
    path = write(tmp_path / "gap.npz", person(0), missing=[(4, 3), (5, 3), *[(f, 13) for f in range(12, 24)]])
    keypoints = read_keypoints(path, layout="h36m17", fps=25, image_size=(1000, 800))
    one = lift(keypoints, Flat(), fill_s=0.2).people[0]
    assert one.filled[4] and one.filled[5] and one.lifted[:12].all()
    assert not one.lifted[12:24].any() and one.lifted[24:].all()
    assert lift(keypoints, Flat(), fill_s=1.0).people[0].lifted.all()


def test_an_unknown_frame_rate_is_said_and_files_that_need_one_are_refused(tmp_path):
    path = write(tmp_path / "a.npz", person(0), missing=[(f, 3) for f in range(4, 10)])
    people = lift(read_keypoints(path, layout="h36m17", image_size=(1000, 800)), Flat(), fill_s=0.2)
    assert any("30 is assumed" in note for note in people.notes)
    assert people.people[0].lifted.all()  # a gap of 6 frames is 0.2 s
    for ending in ("trc", "c3d", "bvh"):
        with pytest.raises(ConfigError, match="frame rate"):
            write_people(people, tmp_path / f"out.{ending}")
        assert not (tmp_path / f"out.{ending}").exists()


def test_what_cannot_be_lifted_is_refused(keypoints, tmp_path):
    unknown = read_keypoints(write(tmp_path / "a.npz", person(0)), layout="h36m17", fps=25)
    with pytest.raises(ConfigError, match="image size is unknown"):
        lift(unknown, Flat())
    never = write(tmp_path / "never.npz", person(0), missing=[(f, 3) for f in range(FRAMES)])
    lost = read_keypoints(never, layout="h36m17", fps=25, image_size=(1000, 800))
    with pytest.raises(ConfigError, match="no frame has all joints.*RFoot"):
        lift(lost, Flat())
    with pytest.raises(ConfigError, match=r"no format ends in \.txt.*\.bvh"):
        require_format(tmp_path / "a.txt")


def test_keypoints_that_look_wrong_are_told(tmp_path):
    upside_down = person(0) * [1, -1] + [0, 800]
    keypoints = read_keypoints(write(tmp_path / "a.npz", upside_down), layout="h36m17", fps=25, image_size=(1000, 800))
    assert any("y may point up" in text for text in warnings_of(keypoints))


@pytest.fixture
def two(tmp_path):
    path = write(tmp_path / "two.npz", person(0), person(1) + np.array([250, 0]))
    return lift(read_keypoints(path, layout="h36m17", fps=25, image_size=(1000, 800)), Flat(), model="flat")


def test_formats_that_hold_everybody(two, tmp_path):
    for ending in ("npz", "h5", "json", "jsonl", "csv"):
        assert write_people(two, tmp_path / f"out.{ending}") == [tmp_path / f"out.{ending}"]
    joints = {p.name: p.joints_m for p in two.people}
    with np.load(tmp_path / "out.npz") as file:
        assert json.loads(str(file["about"]))["fps"] == 25
        assert all((file[f"{name}/joints_m"] == values).all() for name, values in joints.items())
    with h5py.File(tmp_path / "out.h5") as h5:
        assert h5.attrs["model"] == "flat"
        assert all((h5[name]["joints_m"][:] == values).all() for name, values in joints.items())
    whole = json.loads((tmp_path / "out.json").read_text())
    assert whole["joints"][0] == "Hip" and "y down" in whole["axes"]
    for one in whole["people"]:
        np.testing.assert_allclose(one["joints_m"], joints[one["name"]], atol=1e-5)
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert len(lines) == 1 + 2 * FRAMES and lines[1]["frame"] == 0
    rows = (tmp_path / "out.csv").read_text().splitlines()
    assert rows[0].startswith("person,frame,time_s,Hip_x_m") and len(rows) == 1 + 2 * FRAMES


def test_formats_that_hold_one_person_get_a_file_each(two, tmp_path):
    names = [p.name for p in two.people]
    for ending, read in (("trc", read_trc), ("c3d", read_c3d)):
        written = write_people(two, tmp_path / f"out.{ending}")
        assert [p.name for p in written] == [f"out_{name}.{ending}" for name in names]
        for index, path in enumerate(written):
            np.testing.assert_allclose(read(path).positions, two.motion(index).positions, atol=1e-5)
    assert [p.suffix for p in write_people(two, tmp_path / "out.html")] == [".html", ".html"]


def test_bvh_follows_the_person(two, tmp_path):
    (path,) = write_people(two.only(0), tmp_path / "out.bvh", names="mixamo")
    motion = read_bvh(path)
    assert motion.names[0] == "mixamorig:Hips" and motion.fps == pytest.approx(25)
    wrist = motion.positions[:, motion.names.index("mixamorig:LeftHand")] / 100
    assert np.linalg.norm(wrist - two.motion(0).positions[:, 13], axis=-1).mean() < 0.12  # bones keep their length


def test_the_lower_foot_stands_on_the_floor(two):
    heights = two.motion(0).positions[..., 1]
    np.testing.assert_allclose(heights.min(axis=1), 0, atol=1e-9)
    assert heights[:, 10].min() > heights[:, 0].min() > 0  # head above hip above floor


class Temporal(Flat):
    """A network of 9 frames, trained at 50 frames per second, that notes how many frames it gets."""

    receptive_field, fps = 9, 50.0

    def __init__(self):
        self.frames = []

    def __call__(self, keypoints_px, **given):
        self.frames.append(len(keypoints_px))
        return super().__call__(keypoints_px, **given)


def test_networks_of_several_frames_get_their_own_frame_rate(keypoints):
    network = Temporal()
    people = lift(keypoints, network)
    assert network.frames == [59]  # 30 frames at 25 per second are 59 at 50
    expected = (person(0) - person(0)[:, :1]) / 200
    np.testing.assert_allclose(people.people[0].joints_m[..., :2], expected, atol=2e-3)
    assert any("Lifted at 50 frames per second" in note for note in people.notes)
    single = Flat()
    assert not any("Lifted at" in note for note in lift(keypoints, single).notes)
    network.fps = None
    assert any("does not tell the frame rate" in note for note in lift(keypoints, network).notes)


def test_expected_errors_go_with_the_frames_also_at_another_rate(tmp_path):
    """The network sees every second frame; each frame gets the error of the nearest one that it saw."""

    ones = (1.0,) * 17

    class Sure(Flat):
        receptive_field, fps = 9, 25
        calibration = Calibration("", SKELETON.joint_names, (0.0, 0.0, 0.0), ones, ones, ("A",), 1)

        def with_errors(self, keypoints_px, **given):
            number = np.broadcast_to(np.arange(len(keypoints_px))[:, None], keypoints_px.shape[:2])
            return PosesWithErrors(self(keypoints_px, **given), number, number)

    path = write(tmp_path / "one.npz", person(0), missing=[(20, 13)])
    keypoints = read_keypoints(path, layout="h36m17", fps=50, image_size=(1000, 800))
    people = lift(keypoints, Sure(), fill_s=0.0)
    errors_mm = people.people[0].expected_error_mm
    assert errors_mm[:4, 0].tolist() == [0, 0, 1, 2] and errors_mm[18, 0] == 9 and errors_mm[21, 0] == 0
    assert np.isnan(errors_mm[20]).all() and people.error_bound_factors == (1.0,) * 17
