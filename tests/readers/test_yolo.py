"""YOLO's label files: people are told from boxes, turned boxes and outlines by their numbers."""

import numpy as np
import pytest
from figure_making import SIZE_PX, person

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints


def line(*parts) -> str:
    return "0 " + " ".join(f"{v:.6f}" for part in parts for v in np.asarray(part).reshape(-1)) + "\n"


def folder(path, lines):
    path.mkdir()
    for i, text in enumerate(lines):
        (path / f"clip_{i + 1}.txt").write_text(text)
    return path


def outline(rng, count, *, at=(0.5, 0.5), size=0.2, waves=0.2):
    """An object that bulges, as a mask's outline goes around it."""
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    radius = size * (1 + waves * np.sin(3 * angle + rng.uniform(0, 6)) + 0.5 * waves * np.sin(7 * angle))
    return np.column_stack([at[0] + 0.6 * radius * np.cos(angle), at[1] + radius * np.sin(angle)])


@pytest.mark.parametrize("tail", [(), (0.91,), (0.91, 2)])
@pytest.mark.parametrize("counts", [(19, 19), (28, 28), (12, 70), (40, 41)])
def test_outlines_of_segmentation_are_not_taken_for_people(tmp_path, tail, counts):
    rng = np.random.default_rng(0)
    places = [(0.2, 0.3), (0.5, 0.5), (0.8, 0.75)]
    path = folder(
        tmp_path / "a",
        ["".join(line(outline(rng, n, at=places[(i + k) % 3]), tail) for k, n in enumerate(counts)) for i in range(6)],
    )
    with pytest.raises(BadFileError, match="outlines of objects, as YOLO segmentation.*pose model"):
        describe(path)
    with pytest.raises(BadFileError, match="outlines of objects"):
        read_keypoints(path / "clip_1.txt")


def test_turned_boxes_are_named(tmp_path):
    corners = [0.2, 0.2, 0.5, 0.3, 0.45, 0.6, 0.15, 0.5]
    with pytest.raises(BadFileError, match="boxes that are turned"):
        describe(folder(tmp_path / "a", [line(corners), line(corners) * 2]))


@pytest.mark.parametrize("tail", [(0.9,), (0.9, 3)])
def test_boxes_with_a_confidence_and_a_track_are_boxes(tmp_path, tail):
    with pytest.raises(BadFileError, match="boxes, but no keypoints"):
        describe(folder(tmp_path / "a", [line([0.5, 0.5, 0.2, 0.9], tail)] * 3))


@pytest.mark.parametrize("values", [2, 3])
@pytest.mark.parametrize("layout", ["coco17", "halpe26", "blazepose33", "mpii16"])
@pytest.mark.parametrize("seen", [1.0, 0.6, 0.35])
def test_people_are_people_with_many_joints_missing(tmp_path, values, layout, seen):
    rng = np.random.default_rng(1)
    points = person(layout)
    points[..., :2] /= SIZE_PX
    whole = points[..., :2]
    boxes = np.concatenate([(whole.min(axis=1) + whole.max(axis=1)) / 2, np.ptp(whole, axis=1) * 1.1], axis=1)
    points[..., 2] = 2
    points[rng.uniform(size=points.shape[:2]) > seen] = 0
    path = folder(tmp_path / "a", [line(box, joints[:, :values]) for box, joints in zip(boxes, points)])
    found = read_keypoints(path, layout=layout, image_size=SIZE_PX)
    assert found.num_joints == points.shape[1]
    there = ~found.tracks[0].missing
    np.testing.assert_allclose(found.tracks[0].points[there] / SIZE_PX, points[..., :2][there], atol=1e-4)


BOXES_IN_PIXELS = {
    "centre and size": lambda low, high: [(low + high) / 2, high - low],
    "corner and size": lambda low, high: [low, high - low],
    "two corners": lambda low, high: [low, high],
    "fractions": lambda low, high: [(low + high) / 2 / SIZE_PX, (high - low) / SIZE_PX],
}


@pytest.mark.parametrize("box", BOXES_IN_PIXELS)
@pytest.mark.parametrize("values", [2, 3])
@pytest.mark.parametrize("tail", [(), (0.9,), (0.9, 12)])
def test_joints_in_pixels(tmp_path, box, values, tail):
    lines = []
    for points in (person("coco17"), person("coco17", x_px=130.0, seed=3)):
        points[:, 3:5] = 0  # ears that were not found
        seen = points[:, [0, 1, 2, *range(5, 17)], :2]
        boxes = [BOXES_IN_PIXELS[box](*corners) for corners in zip(seen.min(axis=1), seen.max(axis=1))]
        lines.append([line(*sides, joints[:, :values], tail) for sides, joints in zip(boxes, points)])
    found = read_keypoints(folder(tmp_path / "a", [one + two for one, two in zip(*lines)]))
    assert (found.units, found.layout.name, found.frame_count, len(found.tracks)) == ("px", "coco17", 12, 2)
    assert any("in pixels" in note for note in found.notes)
    right = max(found.tracks, key=lambda track: np.nanmean(track.points[..., 0]))
    np.testing.assert_allclose(right.points[:, 5:], person("coco17")[:, 5:, :2], atol=0.01)
    assert right.missing[:, 3:5].all()


def test_outlines_and_boxes_in_pixels_are_not_people(tmp_path):
    rng = np.random.default_rng(0)
    outlines = [line(outline(rng, 17, at=(0.5, 0.5)) * SIZE_PX, [0.9]) for _ in range(5)]
    for name, lines in (("a", outlines), ("b", [line([320.0, 240.0, 50.0, 200.0], [0.9])] * 5)):
        with pytest.raises(BadFileError):
            read_keypoints(folder(tmp_path / name, lines))


@pytest.mark.parametrize("pixels", [False, True])
@pytest.mark.parametrize("order", ["confidence before joints", "confidence first", "commas"])
def test_other_orders_of_the_numbers(tmp_path, order, pixels):
    """Of forks of YOLOv5 and YOLOv7 for poses."""
    lines = []
    for points in person("coco17"):
        points[:, :2] /= 1 if pixels else SIZE_PX
        low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
        box = [*(low + high) / 2, *(high - low)]
        after = {"confidence before joints": [0, *box, 0.91], "confidence first": [0.91, 0, *box], "commas": [0, *box]}
        text = " ".join(f"{v:.8g}" for v in (*after[order], *points.reshape(-1)))
        lines.append(text.replace(" ", ",") if order == "commas" else text)
    found = read_keypoints(folder(tmp_path / "a", lines), image_size=SIZE_PX)
    assert found.layout.name == "coco17"
    np.testing.assert_allclose(found.tracks[0].points, person("coco17")[..., :2], atol=0.01)
    np.testing.assert_allclose(found.tracks[0].confidence, person("coco17")[..., 2], atol=1e-5)


def test_flags_of_labels_become_confidences(tmp_path):
    points = person("coco17")[0]
    points[:, :2] /= SIZE_PX
    points[:, 2] = 2
    points[3, 2] = 1
    low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
    found = read_keypoints(folder(tmp_path / "a", [line((low + high) / 2, high - low, points)] * 3))
    assert found.tracks[0].confidence[0, 3] == 0.5 and found.tracks[0].confidence[0, 4] == 1
