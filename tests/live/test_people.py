"""Live lifting gives the poses of the whole recording, answers every line, and keeps people apart in bounded memory."""

import json
from pathlib import Path

import numpy as np
import pytest
from support.lifters import clip_px, make_lifter

import srnet_core as srnet
from srnet_core.errors import ConfigError
from srnet_core.keypoints import Keypoints
from srnet_core.keypoints.tracks import Track
from srnet_core.layouts import get_layout
from srnet_core.lifting.lift import lift
from srnet_core.lifting.smoothing import smooth
from srnet_core.lifting.writing import write_people
from srnet_core.live import people as live_people
from srnet_core.live.people import LiveLifter, line_of

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"
SIZE = (1000, 1002)
H36M = get_layout("h36m17")


def line(points, number=None, person=None):
    entries = {"keypoints": [None if np.isnan(p[0]) else [float(p[0]), float(p[1])] for p in points]}
    entries |= {} if number is None else {"frame": number}
    return json.dumps(entries | ({} if person is None else {"person": person})).encode()


def recording(points, fps=30.0):
    frames, joints = points.shape[:2]
    there = (~np.isnan(points[..., 0])).astype(np.float32)
    track = Track("1", points, there, np.zeros((frames, joints), bool), np.zeros(frames, bool))
    return Keypoints((track,), frames, H36M, H36M.joints, "px", fps, SIZE, {}, "made", "made")


def all_answers(live, lines):
    return [answer for one in lines for answer in live.answer(one)] + live.finish()


def test_the_example_gives_the_lines_of_a_file(tmp_path):
    keypoints = srnet.read_keypoints(EXAMPLE).only(0)
    lifter = srnet.Lifter.open(device="cpu")
    live = LiveLifter(lifter, layout=keypoints.layout, image_size=keypoints.image_size, fps=keypoints.fps)
    write_people(lift(keypoints, lifter), tmp_path / "poses.jsonl")
    about, *written = [json.loads(text) for text in (tmp_path / "poses.jsonl").read_text().splitlines()]
    lines = [line(frame, i) for i, frame in enumerate(keypoints.tracks[0].points)]
    answers = [json.loads(line_of(answer)) for answer in all_answers(live, lines)]
    assert (
        about.keys() - {"camera", "frames_without_pose"} <= live.about().keys()
        and about["joints"] == live.about()["joints"]
    )
    assert len(answers) == 100 == live.poses and live.delay_frames == 0
    whole = [(a, b) for a, b in zip(answers, written) if "filled" not in a]
    assert len(whole) > 90 and all(a.keys() == b.keys() and a["frame"] == b["frame"] for a, b in whole)
    np.testing.assert_allclose([a["joints_m"] for a, _ in whole], [b["joints_m"] for _, b in whole], atol=2e-5)
    filled = [(a, b) for a, b in zip(answers, written) if "filled" in a]
    assert filled  # the joint keeps its place instead of being interpolated: the pose differs a little
    np.testing.assert_allclose([a["joints_m"] for a, _ in filled], [b["joints_m"] for _, b in filled], atol=0.1)


@pytest.mark.parametrize("causal", [False, True])
def test_networks_that_look_at_many_frames(causal):
    lifter = make_lifter(causal=causal)
    points = clip_px(30).astype(np.float32)
    live = LiveLifter(lifter, layout=H36M, image_size=SIZE, fps=30)
    assert live.about()["delay_frames"] == (0 if causal else 4) and live.about()["delay_ms"] == (0 if causal else 133)
    counts = [len(live.answer(line(frame))) for frame in points]
    assert counts == ([1] * 30 if causal else [0] * 4 + [1] * 26)
    live = LiveLifter(lifter, layout=H36M, image_size=SIZE, fps=30)
    answers = all_answers(live, map(line, points))
    assert [answer["frame"] for answer in answers] == list(range(30))
    np.testing.assert_allclose([a["joints_m"] for a in answers], lifter(points, image_size=SIZE), atol=2e-5)


def test_a_long_gap_cuts_the_clip_as_in_a_recording():
    lifter = make_lifter()
    points = clip_px(40).astype(np.float32)
    points[15:25] = np.nan
    answers = all_answers(LiveLifter(lifter, layout=H36M, image_size=SIZE, fps=30), map(line, points))
    assert [answer["frame"] for answer in answers] == list(range(40))
    whole = lift(recording(points), lifter).people[0].joints_m
    untouched = [*range(11), *range(25, 40)]  # neither in the gap nor looking ahead into it
    np.testing.assert_allclose([answers[i]["joints_m"] for i in untouched], whole[untouched], atol=2e-5)
    assert all(answers[i]["missing"] == list(H36M.joints) for i in range(21, 25))
    assert [a["frame"] for a in answers if a["joints_m"] is None] == list(range(21, 25))  # after 0.2 s
    assert [a["frame"] for a in answers if "filled" in a] == list(range(15, 21))


def test_a_missing_joint_moves_with_the_body_and_is_told():
    lifter = make_lifter(causal=True)
    points = np.repeat(clip_px(1), 3, axis=0).astype(np.float32)
    points[1:] += (40, 7)
    expected = all_answers(LiveLifter(lifter, layout=H36M, image_size=SIZE), map(line, points))
    points[1, 13] = np.nan
    answers = all_answers(LiveLifter(lifter, layout=H36M, image_size=SIZE), map(line, points))
    assert answers[1]["filled"] == ["LWrist"] and "filled" not in answers[2]
    np.testing.assert_allclose([a["joints_m"] for a in answers], [e["joints_m"] for e in expected], atol=1e-3)


def test_frame_numbers_that_jump_and_go_back():
    lifter = make_lifter()
    points = clip_px(20).astype(np.float32)
    steady = points[:1] + np.arange(20)[:, None, None]
    thinned = [line(steady[i], i) for i in (*range(8), *range(10, 20))]  # two lines were lost on the way
    answers = all_answers(LiveLifter(lifter, layout=H36M, image_size=SIZE, fps=30), thinned)
    expected = lifter(steady.astype(np.float32), image_size=SIZE)
    assert [a["frame"] for a in answers] == [*range(8), *range(10, 20)]
    np.testing.assert_allclose([a["joints_m"] for a in answers], expected[[a["frame"] for a in answers]], atol=1e-3)
    twice = [line(frame, i) for _ in range(2) for i, frame in enumerate(points)]
    answers = all_answers(LiveLifter(lifter, layout=H36M, image_size=SIZE), twice)
    np.testing.assert_allclose([a["joints_m"] for a in answers], [a["joints_m"] for a in answers[:20]] * 2)


def test_people_do_not_mix_and_the_memory_is_bounded(monkeypatch):
    lifter = make_lifter()
    one, other = clip_px(20, seed=1).astype(np.float32), clip_px(20, seed=2).astype(np.float32)
    live = LiveLifter(lifter, layout=H36M, image_size=SIZE)
    mixed = [text for a, b in zip(one, other) for text in (line(a, person="a"), line(b, person="b"))]
    answers = all_answers(live, mixed)
    for name, points in (("a", one), ("b", other)):
        poses = [a["joints_m"] for a in answers if a["person"] == name]
        np.testing.assert_allclose(poses, lifter(points, image_size=SIZE), atol=2e-5)
    monkeypatch.setattr(live_people, "MOST_PEOPLE", 3)
    answers = all_answers(live, [line(one[0], person=i) for i in range(10)])
    assert sorted(int(a["person"]) for a in answers) == list(range(10)) and live.forgotten == 7


def test_an_error_leaves_the_stream_as_it_was():
    lifter = make_lifter()
    points = clip_px(20).astype(np.float32)
    live = LiveLifter(lifter, layout=H36M, image_size=SIZE)
    answers = []
    for i, frame in enumerate(points):
        answers += live.answer(line(frame, i))
        (bad,) = live.answer(b'{"frame": 3, "keypoints": [[1, 2]]}')
        assert bad["line"] == 2 * i + 2 and bad["frame"] == 3 and "1 joints" in bad["error"]
    answers += live.finish()
    assert live.errors == 20 and live.poses == 20
    np.testing.assert_allclose([a["joints_m"] for a in answers], lifter(points, image_size=SIZE), atol=2e-5)


def test_an_empty_line_counts_but_has_no_answer():
    live = LiveLifter(srnet.Lifter.open(device="cpu"), layout=get_layout("coco17"), image_size=SIZE)
    assert live.answer(b"\n") == live.answer(b"  \r\n") == []
    (answer,) = live.answer(b"no JSON\n")
    assert answer["line"] == 3


def test_settings_may_come_in_lines():
    lifter = make_lifter()
    live = LiveLifter(lifter)
    points = clip_px(6).astype(np.float32)
    (refused,) = live.answer(line(points[0]))
    assert "17 joints may be" in refused["error"]
    (refused,) = live.answer(b'{"layout": "h36m17"}') and live.answer(line(points[0]))
    assert "image size is unknown" in refused["error"]
    (told,) = live.answer(b'{"image_size_px": [1000, 1002], "fps": 50}')
    assert told["image_size_px"] == [1000, 1002] and told["fps"] == 50 and told["layout"] == "h36m17"
    first = [a for frame in points for a in live.answer(line(frame))]
    *rest, told = live.answer(b'{"image_size_px": [2000, 1000]}')  # another video: what is left of the first comes now
    assert len(first) + len(rest) == 6 and told["image_size_px"] == [2000, 1000]
    np.testing.assert_allclose([a["joints_m"] for a in first + rest], lifter(points, image_size=SIZE), atol=2e-5)


def test_frames_that_look_wrong_are_told_once():
    live = LiveLifter(srnet.Lifter.open(device="cpu"), layout=H36M, image_size=(1080, 1920), fps=60)
    keypoints = srnet.read_keypoints(EXAMPLE).only(0).to_h36m17().fill_gaps(max_frames=10)
    upside_down = (1080, 1920) - keypoints.tracks[0].points
    told = []
    for frame in upside_down[:60]:
        live.answer(line(frame))
        told += live.warnings()
    assert any("below the hips" in text for text in told) and live.last_warnings() == []
    short = LiveLifter(make_lifter(), layout=H36M, image_size=(1080, 1920))
    assert short.last_warnings() == []  # nobody came


@pytest.mark.parametrize("widths", [(1,), (3, 3)])
def test_smoothing_live_is_the_smoothing_of_files(widths):
    """Frame by frame, also for a network that looks ahead; frames without a pose begin anew."""
    lifter = make_lifter(filter_widths=widths)
    points = clip_px(30)
    points[20:24] = np.nan
    people = lift(recording(points), lifter, fill_s=0)
    expected = smooth(people, "one-euro:1.2").people[0].joints_m
    live = LiveLifter(lifter, layout=H36M, image_size=SIZE, fps=30, fill_s=0, smooth="one-euro:1.2")
    assert live.about()["smoothing"] == "one-euro, minimum cutoff 1.2 Hz"
    answers = all_answers(live, [line(frame, i) for i, frame in enumerate(points)])
    assert [answer["frame"] for answer in answers] == list(range(30))
    for answer, pose_m in zip(answers, expected):
        if answer["joints_m"] is None:
            assert np.isnan(pose_m).all()
        else:
            np.testing.assert_allclose(answer["joints_m"], pose_m, atol=2e-5)
    plain = LiveLifter(lifter, layout=H36M, image_size=SIZE, fps=30, fill_s=0)
    assert plain.about()["smoothing"] == "none"


def test_a_filter_that_looks_ahead_is_refused():
    with pytest.raises(ConfigError, match="cannot be used live"):
        LiveLifter(make_lifter(), smooth="butterworth:6")
