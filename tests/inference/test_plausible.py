"""Keypoints that cannot be right: each of the usual mistakes, handed to the lifter as a program would."""

import warnings
from pathlib import Path

import numpy as np
import pytest

import srnet_core as srnet
from srnet_core.datasets.synthetic import SyntheticConfig, generate
from srnet_core.errors import ArrayError, ConfigError, KeypointWarning, UnknownNameError

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"
# the joints of COCO as far as Human3.6M has them: what comes in where 17 joints of COCO are taken for Human3.6M's
COCO_ORDER = [9, 9, 9, 9, 9, 11, 14, 12, 15, 13, 16, 4, 1, 5, 2, 6, 3]


@pytest.fixture(scope="module")
def lifter():
    return srnet.Lifter.open(device="cpu")


@pytest.fixture(scope="module")
def clip():
    """Real keypoints, (T, 17, 2) pixels without gaps, and the size of the image."""
    keypoints = srnet.read_keypoints(EXAMPLE).only(0).to_h36m17().fill_gaps(max_frames=10)
    points = keypoints.tracks[0].points
    return points[np.isfinite(points).all(axis=(1, 2))], keypoints.image_size


def mistakes(points, size):
    wrist, zeros = points.copy(), points.copy()
    wrist[::10, 13] = 0
    zeros[20:30] = 0
    hip = points.copy()
    hip[:, 0] = 0
    return {
        "x and y": (points[..., ::-1].copy(), size, "x and y may be exchanged"),
        "COCO order": (points[:, COCO_ORDER], size, "do not have the proportions"),
        "hip at 0, 0": (hip, size, "Hip is (0, 0)"),
        "0 to 1": (points / np.array(size, np.float32), size, "fractions of the image"),
        "zero frames": (zeros, size, "frame 20"),
        "y upwards": (np.array([0, size[1]]) + points * np.array([1, -1]), size, "y may point up"),
        "image too small": (points, (size[0] // 3, size[1] // 3), "outside the image"),
        "image too large": (points, (4 * size[0], 4 * size[1]), "the image may be smaller"),
        "wrist": (wrist, size, "LWrist is (0, 0)"),
    }


NAMES = list(mistakes(np.zeros((40, 17, 2), np.float32), (10, 10)))


def told(lifter, points, size) -> str:
    """What is said: the warnings, or the error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            lifter(points, image_size=size)
        except ArrayError as error:
            return str(error)
    return " ".join(str(w.message) for w in caught if issubclass(w.category, KeypointWarning))


def test_good_keypoints_are_lifted_without_a_word(lifter, clip):
    assert told(lifter, *clip) == ""


@pytest.mark.parametrize("name", NAMES)
def test_a_mistake_is_told_and_can_be_made_an_error(lifter, clip, name):
    points, size, words = mistakes(*clip)[name]
    assert words in told(lifter, points, size)
    with pytest.raises(ArrayError):
        lifter(points, image_size=size, check="error")


def test_left_and_right_exchanged_are_told_where_the_motion_shows_it(lifter):
    """Somebody who walks: 17 joints without face and feet, of a person whom the network never saw."""
    config = SyntheticConfig(seed=99, subjects=("S1",), actions=("Walking",), seconds_per_take=2.5)
    _, clips, _, _ = generate(config)
    points, size = np.asarray(clips["S1"]["Walking"][0], np.float32), (1000, 1002)
    assert told(lifter, points, size) == ""
    turned = points[:, list(lifter.skeleton.mirror)]
    assert "exchanged throughout" in told(lifter, turned, size)
    with pytest.raises(ArrayError, match="exchanged"):
        lifter(turned, image_size=size, check="error")


def test_checks_can_be_left_out(lifter, clip):
    points, size, _ = mistakes(*clip)["y upwards"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert lifter(points, image_size=size, check="off").shape == (*points.shape[:2], 3)
    with pytest.raises(UnknownNameError, match="warn, error, off"):
        lifter(points, image_size=size, check="loud")


@pytest.mark.parametrize(
    "size", [(0, 0), (-1000, 1002), (float("nan"), 1000), 1000, "1000x1002", (1000,), None, [[1, 2]]]
)
def test_sizes_that_cannot_be(lifter, clip, size):
    with pytest.raises(ConfigError):
        lifter(clip[0], image_size=size)


@pytest.mark.parametrize(
    "points", [Path("keypoints.json"), "keypoints.json", [[1, 2], [3]], None, [[[1, 2]] * 17, [[1, 2]]]]
)
def test_what_is_no_array(lifter, points):
    with pytest.raises(ArrayError):
        lifter(points, image_size=(1000, 1000))


@pytest.mark.parametrize("written", [(0, 0), (-1, -1), (0, -3)])
def test_a_stream_refuses_a_joint_that_was_not_found(lifter, clip, written):
    live = lifter.stream(image_size=clip[1])
    frame = clip[0][0].copy()
    frame[5] = written
    with pytest.raises(ArrayError, match="LKnee.*not found"):
        live.push(frame)
    assert live.push(clip[0][0]) is not None


def test_numbers_below_a_mask_are_no_keypoints(lifter, clip):
    points, size = clip
    covered = np.zeros(points.shape, bool)
    covered[20, 5] = True
    with pytest.raises(ArrayError, match="frame 20, joint 5"):
        lifter(np.ma.masked_array(points, covered), image_size=size)
    bare = np.ma.masked_array(points, np.zeros(points.shape, bool))
    np.testing.assert_array_equal(lifter(bare, image_size=size), lifter(points, image_size=size))
    live = lifter.stream(image_size=size)
    with pytest.raises(ArrayError, match="not finite"):
        live.push(np.ma.masked_array(points[20], covered[20]))


@pytest.mark.parametrize("path", ["keypoints.json", Path("keypoints.json")])
def test_a_path_in_place_of_an_array_points_to_the_reader(lifter, path):
    with pytest.raises(ArrayError, match=r"keypoints.json: keypoints are a path.*read_keypoints"):
        lifter(path, image_size=(1000, 1000))
