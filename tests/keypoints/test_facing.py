"""Left and right exchanged throughout, told by feet and face."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from srnet_core.keypoints import check, read_keypoints
from srnet_core.keypoints.check import sides_told
from srnet_core.layouts import get_layout

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"


@pytest.fixture(scope="module")
def seen():
    """A real person whose feet were found, seen from the front; image of 1080 x 1920 pixels."""
    return read_keypoints(EXAMPLE).only(0)


def turned(keypoints, layout=None):
    """The same with all left joints named right."""
    order = np.arange(keypoints.num_joints)
    for left, right in (layout or keypoints.layout).mirror_pairs:
        order[[left, right]] = right, left
    tracks = (replace(t, points=t.points[:, order], confidence=t.confidence[:, order]) for t in keypoints.tracks)
    return replace(keypoints, tracks=tuple(tracks))


def in_coco(keypoints, *, face: float, body: float = 0.9):
    """The same in COCO's 17 joints, with these confidences; the last frame's face is less sure."""
    layout = get_layout("coco17")
    joints = [keypoints.layout.parts.index(part) for part in layout.parts]
    (track,) = keypoints.tracks
    confidence = np.full((keypoints.frame_count, 17), body, np.float32)
    confidence[:, :3] = face
    confidence[-1, 0] -= 0.05
    track = replace(track, points=track.points[:, joints], confidence=confidence, filled=track.filled[:, joints])
    return replace(keypoints, tracks=(track,), layout=layout, joint_names=layout.joints)


def exchanged(keypoints) -> bool:
    return any(problem.kind == "exchanged sides" for problem in check(keypoints))


def test_feet_tell(seen):
    assert sides_told(seen, seen.tracks[0]) is True and not exchanged(seen)
    wrong = turned(seen)
    assert sides_told(wrong, wrong.tracks[0]) is False and exchanged(wrong)


def test_a_face_that_is_seen_tells_where_no_feet_are_found(seen):
    right = in_coco(seen, face=0.9)
    assert not exchanged(right)
    assert exchanged(turned(right))


def test_a_face_that_is_hardly_seen_does_not_tell(seen):
    """Seen from behind, left is on the left, and detectors guess at the face."""
    behind = turned(in_coco(seen, face=0.5))
    assert sides_told(behind, behind.tracks[0]) is None and not exchanged(behind)


def test_confidences_that_were_never_measured_do_not_tell(seen):
    behind = turned(in_coco(seen, face=0.9))
    (track,) = behind.tracks
    behind = replace(behind, tracks=(replace(track, confidence=np.ones_like(track.confidence)),))
    assert sides_told(behind, behind.tracks[0]) is None and not exchanged(behind)


def test_a_person_who_is_cut_off_is_told_as_such(seen):
    (track,) = seen.tracks
    points = track.points.copy()
    feet = [i for i, part in enumerate(seen.layout.parts) if part.endswith(("ankle", "big_toe", "small_toe"))]
    points[:, feet, 1] = seen.image_size[1] - 3
    found = {problem.kind: problem for problem in check(replace(seen, tracks=(replace(track, points=points),)))}
    assert "cut off" in found and not found["cut off"].mistake


def test_a_person_in_a_corner_beside_others_does_not_make_the_image_too_large(seen):
    (track,) = seen.tracks
    small = replace(track, name="small", points=track.points / 4)
    alone = replace(seen, tracks=(small,), others_reach=None)
    assert any(p.kind == "large image" for p in check(alone))
    both = replace(alone, tracks=(small, track))
    for shown in (both, both.only("small"), both.only(0).to_h36m17()):
        assert not any(p.kind == "large image" for p in check(shown))


def test_correct_files_of_other_tools_are_not_blamed(shared_dir):
    files = {
        "alphapose/halpe26_list.json": (393, 712),
        "mediapipe/pose2sim_cam01.wide.csv": (1080, 1920),
        "yolo/labels": (1280, 720),
        "npy/openpose25_900x25x2.npy": (1383, 1183),
        "stgcn_json/gastnet_baseball_coco17.json": (984, 878),
    }
    for name, size in files.items():
        keypoints = read_keypoints(shared_dir / "wild" / name, fps=30, image_size=size)
        assert [p.text for p in check(keypoints) if p.mistake] == [], name
        assert exchanged(turned(keypoints)), name
