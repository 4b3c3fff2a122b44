"""A lifter as an object of a program: copies, pickles, its arguments, and its messages about unusable arrays."""

import copy
import inspect
import pickle

import numpy as np
import pytest
from support.lifters import CAMERA, clip_px, make_lifter

import srnet_core as srnet
from srnet_core.errors import ArrayError, BadFileError, ConfigError
from srnet_core.inference.lifter import Lifter

SIZE = (1000, 1002)
MODELS = ("srnet", "fc", "group", "late_fusion", "early_split", "split_fuse_split", "gcn", "lcn")


def _pickled(lifter):
    return pickle.loads(pickle.dumps(lifter))


@pytest.mark.parametrize("duplicate", [_pickled, copy.copy, copy.deepcopy])
@pytest.mark.parametrize("name", MODELS)
def test_a_used_lifter_can_be_pickled_and_copied(name, duplicate):
    """As worker processes started by spawn, Ray and joblib do."""
    lifter, frames_px = make_lifter(name=name, channels=68, flip=True), clip_px(30)
    expected = lifter(frames_px, image_size=SIZE)
    lifter.stream(image_size=SIZE).push(frames_px[0])
    other = duplicate(lifter)
    np.testing.assert_array_equal(other(frames_px, image_size=SIZE), expected)
    live = other.stream(image_size=SIZE, flip=True)
    poses = [pose for frame in frames_px if (pose := live.push(frame)) is not None]
    np.testing.assert_allclose(np.concatenate([poses, live.flush()]), expected, atol=1e-5)


@pytest.mark.parametrize("norm", srnet.normalization.names())
def test_a_copy_has_the_normalization(norm):
    lifter = make_lifter(norm, residual_2d=False)
    given = {"camera": CAMERA, "root_depth_m": 4.0}
    np.testing.assert_array_equal(_pickled(lifter)(clip_px(20), **given), lifter(clip_px(20), **given))


def test_a_stream_says_why_it_cannot_be_copied():
    with pytest.raises(TypeError, match="copy its lifter"):
        copy.deepcopy(make_lifter().stream(image_size=SIZE))


def test_from_checkpoint_shows_its_arguments():
    shown = inspect.signature(Lifter.from_checkpoint).parameters
    assert set(inspect.signature(Lifter).parameters) - {"checkpoint"} <= set(shown)
    with pytest.raises(TypeError, match="flips"):
        Lifter.from_checkpoint("x.bin", flips=True)


NOT_KEYPOINTS = {
    "text": "keypoints",
    "complex": clip_px(3) + 1j,
    "ragged": [[[1.0, 2.0]] * 17, [[1.0]]],
    "None": None,
    "objects": [[[1, None]] * 17],
    "strings": np.full((3, 17, 2), "1"),
    "dates": np.zeros((3, 17, 2), "datetime64[s]"),
    "booleans": np.ones((3, 17, 2), bool),
    "no frames": clip_px(0),
    "one frame without a clip": clip_px(1)[0],
    "16 joints": clip_px(3)[:, :16],
    "three columns": np.zeros((3, 17, 3)),
    "NaN": np.full((3, 17, 2), np.nan),
    "beyond float32": np.full((3, 17, 2), 1e200),
}


@pytest.mark.parametrize("what", NOT_KEYPOINTS)
@pytest.mark.filterwarnings("error")
def test_arrays_that_cannot_be_used_raise_errors_of_arrays(what):
    lifter, given = make_lifter(), NOT_KEYPOINTS[what]
    with pytest.raises(ArrayError) as raised:
        lifter(given, image_size=SIZE)
    assert isinstance(raised.value, ValueError) and not isinstance(raised.value, BadFileError)
    whole = what in ("text", "ragged", "None", "no frames")
    if what != "one frame without a clip":
        with pytest.raises(ArrayError):
            lifter.stream(image_size=SIZE).push(given if whole else given[0])


@pytest.mark.parametrize("dtype", ["f2", "f8", "i8", "u2", "O"])
def test_arrays_of_other_real_types_are_taken(dtype):
    lifter, whole = make_lifter(), np.round(clip_px(12))
    found = lifter(whole.astype(dtype), image_size=SIZE)
    np.testing.assert_allclose(found, lifter(whole, image_size=SIZE), atol=1e-2 if dtype == "f2" else 0)


@pytest.mark.parametrize(
    "size",
    [(0, 0), (float("nan"), 1), (float("inf"), 1), (-5, -5), "ab", (1, 2, 3), (10**400, 1), (1,), 5, (10**5000, 1)],
)
def test_an_image_size_that_cannot_be_one_is_refused(size):
    lifter = make_lifter()
    with pytest.raises(ConfigError, match=r"image_size: must be \(width, height\) in pixels"):
        lifter(clip_px(3), image_size=size)
    with pytest.raises(ConfigError, match="image_size"):
        lifter.stream(image_size=size)


@pytest.mark.parametrize("depth_m", [0, -1.0, float("nan"), float("inf"), "far", [4.0] * 5, 10**400])
def test_a_depth_that_cannot_be_one_is_refused(depth_m):
    lifter = make_lifter("proj")
    with pytest.raises(ArrayError, match="root_depth_m"):
        lifter(clip_px(3), camera=CAMERA, root_depth_m=depth_m)
    with pytest.raises(ArrayError, match="root_depth_m"):
        lifter.stream(camera=CAMERA, root_depth_m=depth_m)
    with pytest.raises(ArrayError, match="root_depth_m"):
        lifter.stream(camera=CAMERA, root_depth_m=4.0).push(clip_px(1)[0], root_depth_m=depth_m)
