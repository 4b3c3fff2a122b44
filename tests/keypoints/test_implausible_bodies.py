"""Keypoints that cannot be joints of one body are told, and real motion is not."""

from pathlib import Path

import numpy as np
import pytest

import srnet_core as srnet
from srnet_core.datasets.synthetic import SyntheticConfig, generate
from srnet_core.keypoints import check
from srnet_core.layouts import get_layout

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"
SIZE = (1920, 1080)
AT = {name: i for i, name in enumerate(get_layout("h36m17").joints)}


@pytest.fixture(scope="module")
def walking():
    """(T, 17, 2) pixels of somebody who walks to and fro, in an image of `SIZE`."""
    config = SyntheticConfig(seed=99, subjects=("S1",), actions=("Walking",), seconds_per_take=4)
    _, clips, _, _ = generate(config)
    return np.asarray(clips["S1"]["Walking"][0], np.float64) * 1.07 + [425, 0]


@pytest.fixture
def problems(tmp_path):
    """{kind: sentence} of keypoints of 17 joints."""

    def of(points, *, size=SIZE, fps=50):
        np.save(tmp_path / "a.npy", points)
        found = srnet.read_keypoints(tmp_path / "a.npy", layout="h36m17", fps=fps, image_size=size)
        return {problem.kind: problem.text for problem in check(found)}

    return of


def moved(points, joints, change):
    points = points.copy()
    indices = [AT[name] for name in joints]
    points[:, indices] = change(points[:, indices])
    return points


def exchanged(points, *kinds):
    points = points.copy()
    for kind in kinds:
        points[:, [AT[f"L{kind}"], AT[f"R{kind}"]]] = points[:, [AT[f"R{kind}"], AT[f"L{kind}"]]]
    return points


def test_somebody_who_walks_is_a_body(problems, walking):
    assert problems(walking) == {}
    assert problems(walking[::-1]) == {}  # nor is it a mistake to play it backwards
    assert problems(walking[::5], fps=10) == {}


def test_real_keypoints_are_a_body():
    keypoints = srnet.read_keypoints(EXAMPLE).only(0)
    assert not [problem for problem in check(keypoints) if problem.mistake]


def test_legs_of_somebody_else(problems, walking):
    legs = ("Hip", "RHip", "RKnee", "RFoot", "LHip", "LKnee", "LFoot")
    text = problems(moved(walking, legs, lambda p: np.add(p, [450, 0])))["implausible body"]
    assert "Shoulder and" in text and "joints may be of two people" in text


@pytest.mark.parametrize(("joint", "other"), [("LWrist", "LElbow"), ("RFoot", "RKnee")])
def test_a_joint_at_the_middle_of_the_image(problems, walking, joint, other):
    text = problems(moved(np.add(walking, [-400, 0]), (joint,), lambda p: 0 * p + [960, 200]))["implausible body"]
    assert f"{other} and {joint} are" in text and "times as far apart" in text


def test_a_joint_that_never_moves(problems, walking):
    still = moved(walking, ("LWrist",), lambda p: 0 * p + p.mean(axis=0))
    text = problems(still)["still joint"]
    assert text == "LWrist lies at exactly the same place while the other joints move."
    rounded = np.round(walking[:1] + np.random.default_rng(0).normal(0, 0.4, walking.shape))  # somebody stands still
    assert "still joint" not in problems(rounded)


def test_two_joints_at_one_place(problems, walking):
    both = walking.copy()
    both[:, AT["LWrist"]] = both[:, AT["RWrist"]]
    assert problems(both)["same place"] == "LWrist and RWrist lie at one place in 100% of the frames."


@pytest.mark.parametrize(
    ("kinds", "words"),
    [(("Wrist",), "forearms cross"), (("Hip", "Knee", "Foot"), "Hips and shoulders disagree")],
)
def test_sides_of_some_joints_exchanged_throughout(problems, kinds, words):
    """Somebody who faces the camera."""
    from keypoint_files import person

    points = person("h36m17", 60)[..., :2]
    assert problems(points, size=(640, 480)) == {}
    assert words in problems(exchanged(points, *kinds), size=(640, 480))["exchanged limbs"]


def test_a_picture_that_was_squeezed(problems):
    from keypoint_files import person

    points = person("h36m17", 60)[..., :2]
    arms = np.linspace(0, 1, 60)[:, None] * [[60, -70]]  # raised to the sides
    for side, sign in (("L", 1), ("R", -1)):
        points[:, AT[f"{side}Elbow"]] += arms * [sign, 1]
        points[:, AT[f"{side}Wrist"]] += 2 * arms * [sign, 1]
    assert "stretched" not in problems(points, size=(640, 480))
    assert "scaled differently" in problems(points * [1, 0.4], size=(640, 480))["stretched"]


def test_frames_of_two_people_in_turns(problems, walking):
    mixed = walking.copy()
    mixed[1::2] += [250, 30]
    assert "back and forth" in problems(mixed)["mixed frames"]
    assert "mixed frames" not in problems(np.repeat(walking, 2, axis=0))


def test_width_and_height_exchanged(problems, walking):
    wide = walking - walking.min(axis=(0, 1))
    wide *= [1150 / wide[..., 0].max(), 1000 / wide[..., 1].max()]
    assert "width and height may be exchanged" in problems(wide, size=(1080, 1920))["size exchanged"]


def test_an_image_that_is_a_little_too_small(problems, walking):
    lowest = walking[..., 1].max()
    size = (1920, round(lowest / 1.06))
    assert "the image may be larger" in problems(walking, size=size)["beyond border"]


@pytest.mark.parametrize("fps", [3000, 0.5])
def test_frame_rates_that_no_video_has(problems, walking, fps):
    assert f"{fps:g} frames per second" in problems(walking, fps=fps)["frame rate"]
    assert "frame rate" not in problems(walking, fps=240)


def test_the_lifter_tells_them_too(walking):
    lifter = srnet.Lifter.open(frames=27, device="cpu")
    points = walking[:30].astype(np.float32)  # too few to lift for a comparison
    assert lifter.problems(points, image_size=SIZE) == []
    knees = points.copy()
    knees[10:20] = exchanged(points, "Knee", "Foot")[10:20]
    (text,) = lifter.problems(knees, image_size=SIZE)
    assert text.startswith("Frame") and "Left and right look exchanged" in text
    other = points.copy()
    other[:, :, 0] -= 500
    other[15:] += [600, 0]
    assert any("jumps" in text for text in lifter.problems(other, image_size=SIZE))
    pictures = srnet.Lifter.open(frames=1, device="cpu")  # may be of different people
    assert pictures.problems(other, image_size=SIZE) == []


def test_pictures_cut_to_the_person(problems, walking):
    low, high = walking.min(axis=1, keepdims=True), walking.max(axis=1, keepdims=True)
    cut = ((walking - (low + high) / 2) / (high - low).max(axis=-1, keepdims=True) / 1.2 + 0.5) * 256
    assert "pictures that were cut to the person" in problems(cut, size=(256, 256))["cut to person"]
    assert problems(np.repeat(walking[:1], 100, axis=0)).keys() == {"frozen"}  # the same box, of somebody who is still


def test_width_and_height_of_the_image_exchanged(problems, walking):
    middle = walking - walking.mean(axis=(0, 1)) + [960, 540]
    text = problems(middle * 0.9 + [96, 54], size=(1080, 1920))["size exchanged"]
    assert "width and height may be exchanged" in text
    assert "size exchanged" not in problems(
        np.add(middle, [-420, 420]), size=(1080, 1920)
    )  # in the middle of a tall image
    assert "size exchanged" not in problems(middle * 0.4 + [500, 250], size=(1000, 1002))  # hardly taller than wide


def test_somebody_else_from_the_middle_on(problems, walking):
    other = np.add(walking[::-1], [120, 15])
    half = len(walking) // 2
    told = problems(np.concatenate([walking[:half], other[half:]]))
    assert "may be somebody else from there on" in told["jump"]
