"""Frame rates that the time of each frame tells, in JSON and in tables."""

import json

import pytest
from figure_making import FRAMES, person

from srnet_core.keypoints import describe
from srnet_core.layouts import get_layout

NAMES = get_layout("blazepose33").joints
POSE = person("blazepose33") / [640, 480, 1]


def landmarks(frame):
    return [{"x": x, "y": y, "z": 0.1, "visibility": c} for x, y, c in POSE[frame].tolist()]


@pytest.mark.parametrize(
    "name, time, fps",
    [
        ("timestamp", lambda i: i * 40, 25),
        ("timestamp_ms", lambda i: i * 40, 25),
        ("timestampMs", lambda i: 1.7e12 + i * 1000 / 30, 30),
        ("time", lambda i: i / 25, 25),
        ("timestamp_us", lambda i: i * 33333, 30),
        ("timestamp_ms", lambda i: i * 5, 200),
        ("timestamp", lambda i: i * 5, None),  # every fifth frame, or 200 frames a second
        ("t", lambda i: i, None),
        ("timestamp", lambda i: i * 333333, None),  # microseconds, or C#'s ticks
        ("timestamp", lambda i: -i * 40, None),
        ("timestamp", lambda i: i * 40 if i else None, None),
        ("timestamp", lambda i: f"{i}", None),
    ],
)
@pytest.mark.parametrize("key", ["poseLandmarks", "keypoints"])
def test_times_of_the_frames_in_json(tmp_path, name, time, fps, key):
    """MediaPipe's and TensorFlow.js's results, as programs write them with the time of the video."""
    frames = [{name: time(i), key: landmarks(i)} for i in range(FRAMES)]
    (tmp_path / "a.json").write_text(json.dumps(frames))
    found = describe(tmp_path / "a.json")
    assert (found["frames"], found["layout"]) == (FRAMES, "blazepose33")
    assert found["fps"] == (None if fps is None else pytest.approx(fps, abs=0.01))


def test_a_rate_beside_the_frames_wins(tmp_path):
    value = {"fps": 50, "frames": [{"timestamp_ms": i * 40, "landmarks": landmarks(i)} for i in range(FRAMES)]}
    (tmp_path / "a.json").write_text(json.dumps(value))
    assert describe(tmp_path / "a.json")["fps"] == 50


@pytest.mark.parametrize("names", [NAMES, get_layout("coco17").joints])
@pytest.mark.parametrize(
    "column, time, fps",
    [
        ("timestamp_ms", lambda i: f"{i * 40}", 25),
        ("timestamp", lambda i: f"{i * 1000 / 120:.3f}", 120),
        ("time", lambda i: f"{i / 30:.4f}", 30),
        ("time", lambda i: "", None),
    ],
)
def test_times_of_the_rows_of_tables(tmp_path, names, column, time, fps):
    rows = [",".join(["frame", column, *(f"{name}_{axis}" for name in names for axis in ("x", "y", "visibility"))])]
    for i in range(FRAMES):
        rows.append(",".join([str(i), time(i), *(f"{v:.5f}" for v in POSE[i, : len(names)].reshape(-1))]))
    (tmp_path / "a.csv").write_text("\n".join(rows))
    found = describe(tmp_path / "a.csv")
    assert (found["frames"], found["joints"]) == (FRAMES, len(names))
    assert found["fps"] == (None if fps is None else pytest.approx(fps, abs=0.01))


def test_times_of_long_tables(tmp_path):
    rows = ["frame,time_ms,landmark,x,y,z,visibility"]
    rows += [
        f"{i},{i * 40},{n},{x},{y},0.1,{c}" for i in range(FRAMES) for n, (x, y, c) in zip(NAMES, POSE[i].tolist())
    ]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    assert describe(tmp_path / "a.csv")["fps"] == 25
