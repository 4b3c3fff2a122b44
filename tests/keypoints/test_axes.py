"""y before x, as MoveNet writes it: put right where that is certain, asked about where it is not."""

import json

import numpy as np
import pytest
from figure_making import SIZE_PX, person

from srnet_core.errors import AmbiguousError
from srnet_core.keypoints import describe, read_keypoints

LAYOUTS = ["coco17", "halpe26", "body25", "h36m17"]


def file_of(path, values, form="npy"):
    if form == "npy":
        np.save(path, values)
        return path.with_suffix(".npy")
    if form == "json":
        path.write_text(json.dumps(values.tolist()))
    else:
        np.savetxt(path, values.reshape(len(values), -1), delimiter=",")
    return path


def people(layout="coco17", *, face: float | None = None):
    """People seen from the front; `face`: how sure the detector is of it, where that differs from the body."""
    points = person(layout)
    points[..., 2] = 0.8
    if face is not None:
        points[:, :5, 2] = face
        points[0, 0, 2] += 0.01
    return points


def lying(points):
    """The same people turned, with the head to the left."""
    turned = points.copy()
    turned[..., 0], turned[..., 1] = points[..., 1], SIZE_PX[0] - points[..., 0]
    return turned


def from_behind(points):
    """The same pictures of people with their backs to the camera: the sides change places."""
    found = points.copy()
    found[..., 0] = SIZE_PX[0] - found[..., 0]
    return found


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("form", ["npy", "json", "csv"])
def test_standing_people(tmp_path, layout, form):
    points = people(layout)
    found = read_keypoints(file_of(tmp_path / f"a.{form}", points[..., [1, 0, 2]], form))
    np.testing.assert_allclose(found.tracks[0].points, points[..., :2], atol=0.01)
    assert any("y comes before x" in note for note in found.notes)
    straight = read_keypoints(file_of(tmp_path / f"b.{form}", points, form))
    np.testing.assert_allclose(straight.tracks[0].points, points[..., :2], atol=0.01)
    assert not any("y comes before x" in note for note in straight.notes)


@pytest.mark.parametrize("made", [lambda p: p[:, None], lambda p: p / [*SIZE_PX, 1], lambda p: p[..., [0, 1]]])
def test_shapes_and_units(tmp_path, made):
    points = people()
    values = made(points)
    swapped = values[..., [1, 0, 2]] if values.shape[-1] == 3 else values[..., [1, 0]]
    found = read_keypoints(file_of(tmp_path / "a.npy", swapped), image_size=SIZE_PX)
    np.testing.assert_allclose(found.tracks[0].points, points[..., :2], atol=0.01)


def test_people_who_lie_with_a_face_that_is_seen(tmp_path):
    points = lying(people(face=0.8))
    found = read_keypoints(file_of(tmp_path / "a.npy", points))
    np.testing.assert_allclose(found.tracks[0].points, points[..., :2], atol=0.01)


def test_people_seen_from_behind(tmp_path):
    points = from_behind(people(face=0.2))
    found = read_keypoints(file_of(tmp_path / "a.npy", points[..., [1, 0, 2]]))
    np.testing.assert_allclose(found.tracks[0].points, points[..., :2], atol=0.01)


def test_the_user_is_asked_where_nothing_tells(tmp_path):
    points = lying(people())
    path = file_of(tmp_path / "a.npy", points)
    assert any("y comes before x" in note for note in describe(path)["notes"])
    with pytest.raises(AmbiguousError, match="movenet"):
        read_keypoints(path)
    np.testing.assert_allclose(read_keypoints(path, "npy").tracks[0].points, points[..., :2], atol=0.01)
    np.testing.assert_allclose(read_keypoints(path, "movenet").tracks[0].points, points[..., [1, 0]], atol=0.01)


@pytest.mark.parametrize("swapped", [False, True])
def test_the_image_tells(tmp_path, swapped):
    """Somebody who lies in a flat image, and who stands in a high one, each from behind or from the front."""
    points = lying(people()) if not swapped else from_behind(people())
    size = (500, 400) if not swapped else (400, 500)
    path = file_of(tmp_path / "a.npy", points[..., [1, 0, 2]] if swapped else points)
    found = read_keypoints(path, image_size=size)
    np.testing.assert_allclose(found.tracks[0].points, points[..., :2], atol=0.01)


def test_named_coordinates_are_believed(tmp_path):
    points = lying(people())
    joints = [[{"x": x, "y": y, "score": c} for x, y, c in frame] for frame in points.tolist()]
    (tmp_path / "a.json").write_text(json.dumps([{"keypoints": frame} for frame in joints]))
    np.testing.assert_allclose(read_keypoints(tmp_path / "a.json").tracks[0].points, points[..., :2], atol=0.01)
