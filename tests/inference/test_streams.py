"""Several live clips together give what a stream of its own gives for each, whatever the others do."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.lifters import BODY, CAMERA, clip_px, make_lifter
from support.tries import tries

import srnet_core as srnet
from srnet_core.errors import ArrayError, ConfigError

SIZE = {"image_size": (1000, 1002)}


def assert_poses(found, expected):
    assert (found is None) == (expected is None)
    if expected is not None:
        assert found.shape == expected.shape and found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("norm", ["base", "lcn"])
def test_streams_together_give_what_separate_ones_give(norm, causal, flip):
    lifter = make_lifter(norm, causal=causal, body=BODY)
    given = SIZE if norm == "base" else {"camera": CAMERA}
    together = lifter.streams(3, flip=flip, **given)
    alone = [lifter.stream(flip=flip, **given) for _ in range(3)]
    clips = np.stack([clip_px(20, seed) for seed in range(3)], axis=1)  # (T, 3, J, 2)
    assert together.delay_frames == alone[0].delay_frames == (0 if causal else 4)
    for frames in clips:
        for found, stream, frame in zip(together.push(frames), alone, frames):
            assert_poses(found, stream.push(frame))
    for number, stream in enumerate(alone):
        assert_poses(together.flush(number), stream.flush())


@pytest.mark.parametrize(
    "fields", [{}, {"causal": True, "filter_widths": (1, 3)}, {"recombine": "concat", "compat": "aligned"}], ids=str
)
@settings(max_examples=tries(15), deadline=None)
@given(
    course=st.lists(st.lists(st.sampled_from(["frame", "none", "reset", "flush"]), min_size=3, max_size=3), max_size=16)
)
def test_streams_do_not_disturb_each_other(fields, course):
    """Each stream takes frames, pauses, ends and begins again when it wants."""
    lifter, clip = make_lifter(**fields), clip_px(20)
    together, alone = lifter.streams(3, **SIZE), [lifter.stream(**SIZE) for _ in range(3)]
    for turn, actions in enumerate(course):
        frames = []
        for number, (action, stream) in enumerate(zip(actions, alone)):
            if action == "reset":
                together.reset(number)
                stream.reset()
            elif action == "flush":
                assert_poses(together.flush(number), stream.flush())
            frames.append(None if action == "none" else clip[turn] + 10 * number)
        expected = [None if frame is None else stream.push(frame) for frame, stream in zip(frames, alone)]
        for found, pose in zip(together.push(frames), expected):
            assert_poses(found, pose)


@pytest.mark.parametrize("name", ["gcn", "fc"])
def test_other_networks_stream_together_too(name):
    lifter, frames = make_lifter(name=name), clip_px(12)
    together, alone = lifter.streams(2, **SIZE), lifter.stream(**SIZE)
    for frame in frames:
        for found in together.push([frame, frame])[:1]:
            assert_poses(found, alone.push(frame))


def test_every_stream_may_have_its_own_camera_and_image_size():
    frame, other = clip_px(1)[0], copy.deepcopy(CAMERA)
    lifter = make_lifter("proj", causal=True, body=BODY)
    for cameras in ([CAMERA, other], CAMERA):
        together = lifter.streams(2, camera=cameras)
        assert_poses(together.push([frame, frame])[1], lifter.stream(camera=CAMERA).push(frame))
    lifter = make_lifter(causal=True)
    together = lifter.streams(2, image_size=[(1000, 1002), (640, 480)])
    small, large = (lifter.stream(image_size=size).push(frame) for size in ((640, 480), (1000, 1002)))
    for found, expected in zip(together.push([frame, frame]), (large, small)):
        assert_poses(found, expected)
    with pytest.raises(ConfigError, match="3 for 2 streams"):
        lifter.streams(2, camera=[CAMERA] * 3)


def test_a_bad_frame_is_named_and_no_stream_takes_its_frame():
    lifter, clip = make_lifter(causal=True), clip_px(4)
    together, alone = lifter.streams(2, **SIZE), lifter.stream(**SIZE)
    assert_poses(together.push([clip[0], clip[0]])[0], alone.push(clip[0]))
    broken = clip[1].copy()
    broken[3] = np.nan
    with pytest.raises(ArrayError, match=r"RFoot.*not finite.*stream 1"):
        together.push([clip[1], broken])
    with pytest.raises(ArrayError, match="3 frames for 2 streams"):
        together.push([clip[1]] * 3)
    with pytest.raises(ArrayError, match=r"keypoints of stream 0 must be \(17, 2\)"):
        together.push([clip[1][:5], None])
    assert together.push([None, None]) == [None, None]
    assert_poses(together.push([clip[1], clip[1]])[0], alone.push(clip[1]))


@pytest.mark.parametrize("count", [0, -1, 10**6])
def test_numbers_of_streams_that_cannot_be(count):
    with pytest.raises(ConfigError, match="must be a number from 1 to"):
        make_lifter().streams(count, **SIZE)


def test_what_a_stream_refuses_streams_refuse():
    with pytest.raises(ConfigError, match="length of the clip"):
        make_lifter(recombine="concat", compat="original").streams(2, **SIZE)
    with pytest.raises(ConfigError):
        make_lifter("proj").streams(2)
    together = make_lifter().streams(2, **SIZE)
    with pytest.raises(ConfigError, match="no stream 2"):
        together.flush(2)
    with pytest.raises(TypeError, match="cannot be copied"):
        copy.copy(together)
    assert srnet.Lifter.streams.__doc__
