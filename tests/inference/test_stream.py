"""Frame by frame gives what the whole clip gives, through pixels and metres; and what bad frames do."""

import numpy as np
import pytest
from support.lifters import BODY, CAMERA, clip_px, make_lifter

import srnet_core as srnet
from srnet_core.errors import ArrayError, CheckpointError, ConfigError
from srnet_core.inference import lifter as lifter_module
from srnet_core.inference import predict
from srnet_core.inference.stream import PoseStream


def streamed(live, frames_px, **each):
    poses = [live.push(frame, **{k: v[t] for k, v in each.items()}) for t, frame in enumerate(frames_px)]
    late = [p is None for p in poses]
    assert late == [t < live.delay_frames for t in range(len(frames_px))]
    return np.concatenate([*([p[None] for p in poses if p is not None]), live.flush()])


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("norm", ["base", "proj", "weak_proj", "lcn"])
def test_a_stream_gives_what_the_whole_clip_gives(norm, causal, flip):
    """With the depth estimated frame by frame where the normalization needs one."""
    lifter = make_lifter(norm, causal=causal, flip=flip, body=BODY)
    given = {"image_size": (1000, 1002)} if norm == "base" else {"camera": CAMERA}
    live = lifter.stream(flip=flip, **given)
    assert live.delay_frames == (0 if causal else 4)
    for frames in (30, 3, 1):  # one after the other on the same stream
        frames_px = clip_px(frames, seed=frames)
        found = streamed(live, frames_px)
        assert found.shape == (frames, 17, 3) and found.dtype == np.float32
        np.testing.assert_allclose(found, lifter(frames_px, **given), atol=1e-5)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "fc"},
        {"name": "gcn"},
        {"name": "lcn"},
        {"recombine": "concat"},
        {"recombine": "concat", "compat": "aligned"},
        {"recombine": "add", "context": "all"},
        {"name": "fc", "dense": True},
        {"filter_widths": (5, 3, 1)},
    ],
    ids=str,
)
def test_other_networks_stream_too(fields):
    lifter, frames_px = make_lifter(**fields), clip_px(25)
    found = streamed(lifter.stream(image_size=(1000, 1002)), frames_px)
    np.testing.assert_allclose(found, lifter(frames_px, image_size=(1000, 1002)), atol=1e-5)


def test_a_depth_for_every_frame():
    lifter, frames_px, depths_m = make_lifter("proj"), clip_px(20), np.linspace(3, 6, 20)
    found = streamed(lifter.stream(camera=CAMERA, root_depth_m=4.0), frames_px, root_depth_m=depths_m)
    np.testing.assert_allclose(found, lifter(frames_px, camera=CAMERA, root_depth_m=depths_m), atol=1e-5)


def test_streams_of_one_lifter_do_not_know_of_each_other():
    lifter = make_lifter(causal=True)
    first, second = (lifter.stream(image_size=(1000, 1002)) for _ in range(2))
    a, b = clip_px(12, seed=1), clip_px(12, seed=2)
    pairs = [(first.push(x), second.push(y)) for x, y in zip(a, b)]
    np.testing.assert_allclose(np.stack([p for p, _ in pairs]), lifter(a, image_size=(1000, 1002)), atol=1e-5)
    np.testing.assert_allclose(np.stack([p for _, p in pairs]), lifter(b, image_size=(1000, 1002)), atol=1e-5)


def test_poses_stay_as_they_were_given():
    live = make_lifter(causal=True).stream(image_size=(1000, 1002))
    first, *more = clip_px(5)
    pose = live.push(first)
    kept = pose.copy()
    for frame in more:
        live.push(frame)
    np.testing.assert_array_equal(pose, kept)


def test_reset_begins_another_sequence():
    live, frames_px = make_lifter(causal=True).stream(image_size=(1000, 1002)), clip_px(10)
    first = [live.push(f) for f in frames_px]
    live.reset()
    np.testing.assert_array_equal([live.push(f) for f in frames_px], first)
    assert live.flush().shape == (0, 17, 3)


def test_flush_without_a_frame_gives_none():
    assert make_lifter().stream(image_size=(1000, 1002)).flush().shape == (0, 17, 3)


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_bad_frame_is_one_error_and_leaves_the_sequence_alone(broken):
    lifter, frames_px = make_lifter(), clip_px(15)
    live = lifter.stream(image_size=(1000, 1002))
    poses = [live.push(f) for f in frames_px[:7]]
    bad = frames_px[7].copy()
    bad[3, 1] = broken
    with pytest.raises(ArrayError, match=r"frame 7, joint 3.*RFoot"):
        live.push(bad)
    with pytest.raises(ArrayError, match=r"\(17, 2\), not \(16, 2\)"):
        live.push(frames_px[7, :16])
    with pytest.raises(ArrayError, match=r"not \(1, 17, 2\)"):
        live.push(frames_px[7:8])
    poses += [live.push(f) for f in frames_px[7:]]
    found = np.concatenate([[p for p in poses if p is not None], live.flush()])
    np.testing.assert_allclose(found, lifter(frames_px, image_size=(1000, 1002)), atol=1e-5)


def test_what_is_missing_is_said_before_the_first_frame():
    with pytest.raises(ConfigError, match="image_size"):
        make_lifter().stream()
    with pytest.raises(ConfigError, match="camera and root_depth_m"):
        make_lifter("proj").stream()
    with pytest.raises(ConfigError, match="cannot stream"):
        make_lifter(recombine="concat", compat="original").stream(image_size=(1000, 1002))


def test_a_model_streams_without_a_checkpoint():
    model = srnet.build_model("srnet", filter_widths=(3,), channels=40)
    assert PoseStream(model, image_size=(10, 10)).push(clip_px(1)[0]) is None


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("each", [False, True], ids=["one depth", "a depth per frame"])
def test_long_clips_are_encoded_and_decoded_in_pieces(monkeypatch, flip, each):
    lifter, frames_px = make_lifter("proj", flip=flip), clip_px(40)
    depth_m = np.linspace(3, 6, 40) if each else 4.0
    whole = lifter(frames_px, camera=CAMERA, root_depth_m=depth_m)
    monkeypatch.setattr(lifter_module, "DECODE_FRAMES", 7)
    monkeypatch.setattr(predict, "DECODE_FRAMES", 11)
    np.testing.assert_allclose(lifter(frames_px, camera=CAMERA, root_depth_m=depth_m), whole, atol=1e-6)
    if each:
        with pytest.raises(ArrayError, match="39 depths for 40 frames"):
            lifter(frames_px, camera=CAMERA, root_depth_m=depth_m[:39])
    frames_px[33, 2] = np.nan
    with pytest.raises(ArrayError, match="frame 33, joint 2"):
        lifter(frames_px, camera=CAMERA, root_depth_m=4.0)


def test_a_network_without_whole_poses_is_refused():
    with pytest.raises(CheckpointError, match="predicts 1 of 17 joints"):
        make_lifter(name="fc", num_joints_out=1)
    model = srnet.build_model("fc", filter_widths=(3,), channels=32, num_joints_out=1)
    with pytest.raises(ConfigError, match="predicts 1 of 17 joints"):
        PoseStream(model, image_size=(1000, 1002))
