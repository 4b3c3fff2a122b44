"""Exports of tools for labelling images: several people, joints left out, other shapes, hostile files."""

import json

import numpy as np
import pytest
from figure_making import FRAMES, json_file, person
from labelled_files import (
    NAMES,
    cvat_bare_points,
    cvat_file,
    cvat_points,
    label_studio,
    labelme_folder,
    labelme_shapes,
    via,
)

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.keypoints import describe, read_keypoints

FIRST, SECOND = person("coco17"), person("coco17", x_px=520.0, seed=3)


def places(keypoints):
    return sorted(float(track.points[0, 0, 0]) for track in keypoints.tracks)


def test_groups_of_labelme_are_people(tmp_path):
    path = labelme_folder(tmp_path / "a", [labelme_shapes(p, 1) + labelme_shapes(q, 2) for p, q in zip(FIRST, SECOND)])
    found = read_keypoints(path)
    assert places(found) == pytest.approx([FIRST[0, 0, 0], SECOND[0, 0, 0]], abs=0.01)
    assert not any("not grouped" in note for note in found.notes)


def test_points_that_no_group_tells_apart_are_said(tmp_path):
    path = labelme_folder(tmp_path / "a", [labelme_shapes(p) + labelme_shapes(q) for p, q in zip(FIRST, SECOND)])
    found = read_keypoints(path)
    assert places(found) == pytest.approx([FIRST[0, 0, 0], SECOND[0, 0, 0]], abs=0.01)
    assert any("12 images" in note and "not grouped" in note for note in found.notes)


def test_joints_that_are_left_out_or_in_another_order_stay_who_they_are(tmp_path):
    frames = [labelme_shapes(p) for p in FIRST]
    frames[3] = list(reversed(frames[3]))[:-2]  # without nose and left eye
    found = read_keypoints(labelme_folder(tmp_path / "a", frames))
    track = found.tracks[0]
    assert np.isnan(track.points[3, :2]).all() and track.missing.sum() == 2
    np.testing.assert_allclose(track.points[3, 2:], FIRST[3, 2:, :2], atol=1e-2)


def test_an_image_without_people_is_a_frame(tmp_path):
    frames = [labelme_shapes(p) for p in FIRST]
    frames[5] = []
    found = read_keypoints(labelme_folder(tmp_path / "a", frames))
    assert found.frame_count == FRAMES and not found.tracks[0].present[5]


@pytest.mark.parametrize(
    "write, tool",
    [
        (
            lambda p: labelme_folder(p, [[{"label": "a", "points": [[1, 2], [3, 4]], "shape_type": "polygon"}]]),
            "labelme",
        ),
        (
            lambda p: json_file(
                p,
                {"a.jpg1": {"filename": "a.jpg", "regions": [{"shape_attributes": {"name": "rect"}}]}},
            ),
            "VIA",
        ),
        (
            lambda p: json_file(
                p,
                [{"annotations": [{"result": [{"type": "rectanglelabels", "value": {"rectanglelabels": ["a"]}}]}]}],
            ),
            "Label Studio",
        ),
        (lambda p: cvat_file(p, ['<image id="0" name="a.jpg"><box label="a" xtl="1"/></image>']), "CVAT"),
    ],
)
def test_other_shapes_are_named(tmp_path, write, tool):
    with pytest.raises(BadFileError, match=f"export of {tool} without points"):
        describe(write(tmp_path / "a"))


def test_a_person_who_leaves_the_picture_is_missing_in_cvat(tmp_path):
    frames = [f'<skeleton frame="{i}">{cvat_points(p)}</skeleton>' for i, p in enumerate(FIRST)]
    frames[4] = frames[4].replace('<skeleton frame="4"', '<skeleton frame="4" outside="1"')
    frames[6] = frames[6].replace('outside="0"', 'outside="1"', 2)
    frames[7] = frames[7].replace('occluded="0"', 'occluded="1"', 1)
    found = read_keypoints(cvat_file(tmp_path / "a", ['<track id="0" label="p">', *frames, "</track>"]))
    track = found.tracks[0]
    assert not track.present[4] and track.missing[6].sum() == 2
    assert track.confidence[7, 0] == 0.5


def test_cvat_bare_points_are_told_by_their_bones(tmp_path):
    assert describe(cvat_bare_points(tmp_path / "a"))["layout_from"] == "bones"


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY b "c">]><annotations><image name="&b;"/></annotations>',
        '<annotations><!DOCTYPE a SYSTEM "file:///etc/passwd"><image/></annotations>',
    ],
)
def test_entities_are_refused(tmp_path, text):
    path = tmp_path / "a.xml"
    path.write_text(text)
    with pytest.raises(HostileFileError, match="entities"):
        read_keypoints(path, format="cvat")


def test_elements_inside_each_other_without_end(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text("<annotations><image>" + "<points>" * 200_000 + "</points>" * 200_000 + "</image></annotations>")
    with pytest.raises(BadFileError):
        read_keypoints(path)


def test_the_first_annotation_of_a_task_counts(tmp_path):
    path = label_studio(tmp_path / "a")
    tasks = json.loads(path.read_text())
    for task in tasks:
        task["annotations"].append(task["annotations"][0])
    path.write_text(json.dumps(tasks))
    assert len(read_keypoints(path).tracks) == 1


def test_via_without_names_says_what_to_do(tmp_path):
    path = via(tmp_path / "a")
    text = path.read_text()
    for name in NAMES:
        text = text.replace(f'"{name}"', '""')
    path.write_text(text)
    with pytest.raises(BadFileError, match="attribute with the name"):
        describe(path)


def test_images_that_are_no_video(tmp_path):
    path = via(tmp_path / "a")
    text = path.read_text()
    for i in range(FRAMES):
        text = text.replace(f"walk_{i:04d}.jpg", f"{'abcdefghijkl'[i] * 3}.jpg")
    path.write_text(text)
    assert describe(path)["consecutive"] is False
