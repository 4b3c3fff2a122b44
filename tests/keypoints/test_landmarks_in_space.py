"""MediaPipe's landmarks in the image, from the hips and in a room, in the files of FreeMoCap and others."""

import json
from pathlib import Path

import numpy as np
import pytest
from figure_making import FRAMES, SIZE_PX, person

from srnet_core.keypoints import describe, read_keypoints
from srnet_core.layouts import get_layout
from srnet_core.layouts.parts import FIGURE_M

LAYOUT = get_layout("blazepose33")
NAMES = LAYOUT.joints
HIPS = [23, 24]


def in_a_room_mm(frames: int = FRAMES) -> np.ndarray:
    """(T, 33, 3) mm, z up: somebody who walks through a room, as FreeMoCap writes it."""
    body = np.array([FIGURE_M[part] if part else FIGURE_M["nose"] for part in LAYOUT.parts])
    turned = 1000 * body[:, [0, 2, 1]] * [-1, 1, 1]
    walked = np.linspace([100, 2000, 0], [900, 2100, 0], frames)[:, None]
    return turned + walked + np.random.default_rng(0).normal(0, 2, (frames, 33, 3))


def from_the_hips_m() -> np.ndarray:
    points = in_a_room_mm() / 1000
    return (points - points[:, HIPS].mean(axis=1, keepdims=True)) * [1, -1, -1]


def in_the_image() -> np.ndarray:
    """(T, 33, 3) px, with the depth from the hips in the scale of x."""
    depth = 200 * from_the_hips_m()[..., 1:2]
    return np.concatenate([person("blazepose33")[..., :2], depth], axis=-1)


def wide(path: Path, values: np.ndarray, kinds: str = "xyz") -> Path:
    header = ",".join(f"{name}_{ {'v': 'visibility'}.get(kind, kind) }" for name in NAMES for kind in kinds)
    lines = [",".join(f"{v:.5f}" for v in row) for row in values.reshape(len(values), -1)]
    path.write_text("\n".join([header.replace(" ", ""), *lines]) + "\n")
    return path


@pytest.mark.parametrize("visible", [False, True])
@pytest.mark.parametrize(
    ("points", "kind", "units"),
    [
        (in_a_room_mm(), "keypoints-3d", "mm"),
        (from_the_hips_m(), "keypoints-3d", "m"),
        (in_the_image(), "keypoints-2d", "px"),
        (in_the_image() / [*SIZE_PX, SIZE_PX[0]], "keypoints-2d", "normalized"),
    ],
    ids=["room", "hips", "image", "fractions"],
)
def test_a_wide_table_is_told_by_where_the_hips_are(tmp_path, points, kind, units, visible):
    kinds = "xyzv" if visible else "xyz"
    values = np.concatenate([points, np.full((*points.shape[:2], 1), 0.9)], axis=-1)[..., : len(kinds)]
    found = describe(wide(tmp_path / "a.csv", values, kinds))
    assert (found["kind"], found["units"], found["layout"]) == (kind, units, "blazepose33")
    assert (found["frames"], found["joints"]) == (FRAMES, 33)


def test_a_long_table_of_world_landmarks(tmp_path):
    rows = [f"{i},{j},{x},{y},{z},0.9" for i, p in enumerate(from_the_hips_m()) for j, (x, y, z) in enumerate(p)]
    (tmp_path / "a.csv").write_text("\n".join(["frame,landmark,x,y,z,visibility", *rows]) + "\n")
    found = describe(tmp_path / "a.csv")
    assert (found["kind"], found["units"], found["layout"]) == ("keypoints-3d", "m", "blazepose33")


def test_json_of_world_landmarks_alone(tmp_path):
    people = [[dict(zip("xyz", p), visibility=0.9) for p in frame.tolist()] for frame in from_the_hips_m()]
    for name, frames in (
        ("a", [{"poseWorldLandmarks": p} for p in people]),
        ("b", [{"worldLandmarks": [p]} for p in people]),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(frames))
        found = describe(tmp_path / f"{name}.json")
        assert (found["kind"], found["units"], found["layout"]) == ("keypoints-3d", "m", "blazepose33")


def test_the_long_table_of_freemocap_has_times(tmp_path):
    lines = ["frame,timestamp,model,keypoint,x,y,z,reprojection_error"]
    for i, frame in enumerate(in_a_room_mm()):
        lines += [f"{i},{i / 30:.3f},mediapipe.body,{n},{p[0]},{p[1]},{p[2]},1.5" for n, p in zip(NAMES, frame)]
    (tmp_path / "by_frame.csv").write_text("\n".join(lines) + "\n")
    found = describe(tmp_path / "by_frame.csv")
    assert (found["kind"], found["units"], found["layout"]) == ("keypoints-3d", "mm", "blazepose33")
    assert found["fps"] == pytest.approx(30, abs=0.05)


@pytest.mark.parametrize("more", [0, 42, 42 + 468])
def test_cameras_of_freemocap_with_fewer_points(tmp_path, more):
    """Only the body, the body with its hands, or all without the irises: no 553 points."""
    body = in_the_image()
    others = body[:, :1] + np.random.default_rng(0).normal(0, 5, (FRAMES, more, 3))
    values = np.concatenate([body, others], axis=1)
    np.save(tmp_path / "a.npy", np.stack([values, values + np.array([30, 5, 0])]))
    found = read_keypoints(tmp_path / "a.npy", sequence="camera 2")
    assert found.layout.name == "blazepose33" and found.frame_count == FRAMES
    np.testing.assert_allclose(found.tracks[0].points, body[..., :2] + [30, 5], atol=0.01)
    np.save(tmp_path / "one.npy", values)
    np.testing.assert_allclose(read_keypoints(tmp_path / "one.npy").tracks[0].points, body[..., :2], atol=0.01)


@pytest.mark.parametrize("more", [0, 520])
def test_arrays_in_a_room_stay_points_in_space(tmp_path, more):
    body = in_a_room_mm()
    np.save(tmp_path / "a.npy", np.concatenate([body, np.repeat(body[:, 15:16], more, axis=1)], axis=1))
    found = describe(tmp_path / "a.npy")
    assert (found["kind"], found["units"], found["joints"]) == ("keypoints-3d", "mm", 33 + more)
