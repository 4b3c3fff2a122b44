"""What is written in the form of another tool is read back with the same values."""

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from keypoint_files import person

from srnet_core.errors import ConfigError, UnknownNameError
from srnet_core.keypoints import Keypoints, Track, describe, read_keypoints
from srnet_core.keypoints.write import FORMS, format_to_write, lost_in, write_keypoints
from srnet_core.layouts import get_layout
from srnet_core.readers.formats import load_form
from srnet_core.readers.forms import CONFIDENCES, NUMBERS, RATE, SIZE, TRACKS

SIZE_PX = (640, 480)
ENDINGS = {"csv": ".csv", "npz": ".npz", "npy": ".npy", "deeplabcut_h5": ".h5", "sleap": ".h5", "trc": ".trc"}
OF_33 = [name for name in FORMS if name.startswith("mediapipe")]
SEQUENCES = ("videopose3d",)  # of several people, each becomes a sequence
# how its reader calls the format
READ_AS = {
    "alphapose_cmu": "alphapose",
    "coco_results": "coco",
    "mmpose_list": "mmpose",
    "mediapipe_long": "mediapipe",
    "mediapipe_wide": "mediapipe",
    "detectron": "videopose3d",
    "deeplabcut_h5": "deeplabcut",
}
QUICK = settings(
    max_examples=5,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def keypoints_of(layout, people=1, frames=8, missing=(), first=0, absent=(), names=None):
    """People who stand apart; `missing`: (person, frame, joint), `absent`: (person, frame)."""
    layout = get_layout(layout)
    tracks = []
    for i in range(people):
        values = person(layout, frames, x_px=150.0 + 170 * i, seed=i).astype(np.float32)
        for who, frame, joint in missing:
            if who == i:
                values[frame % frames, joint % layout.num_joints] = (np.nan, np.nan, 0)
        for who, frame in absent:
            if who == i and 0 < frame < frames - 1:
                values[frame] = (np.nan, np.nan, 0)
        points, scores = values[..., :2], values[..., 2].copy()
        name = names[i] if names else str(i + 1)
        tracks.append(Track(name, points, scores, np.zeros(scores.shape, bool), np.zeros(frames, bool)))
    return Keypoints(
        tracks=tuple(tracks),
        frame_count=frames,
        layout=layout,
        joint_names=layout.joints,
        units="px",
        fps=25.0,
        image_size=SIZE_PX,
        origins={},
        source="made here",
        format="npz",
        first_number=first,
        present=np.ones(frames, bool),
    )


def written_and_read(written, form, folder):
    path = folder / f"a{ENDINGS.get(form, '' if load_form(form)[1].folder else '.json')}"
    write_keypoints([written], path, form, replace=True)
    known = SIZE in load_form(form)[1].holds
    read = read_keypoints(path, layout=written.layout, image_size=None if known else SIZE_PX)
    assert read.format == READ_AS.get(form, read.format)
    return read


def by_frame(keypoints):
    """{number: [(points, confidence) of each person]} of the frames in which anybody is."""
    found = {}
    for i, number in enumerate(keypoints.frame_numbers.tolist()):
        people = [(t.points[i], t.confidence[i]) for t in keypoints.tracks if t.present[i]]
        if people:
            found[number] = people
    return found


def same(written, read, form):
    holds = load_form(form)[1].holds
    one, two = by_frame(written), by_frame(read)
    if NUMBERS in holds:
        assert list(one) == list(two)
    else:
        assert len(one) == len(two)
    for people, found in zip(one.values(), two.values()):
        assert len(people) == len(found)
        for points, scores in people:
            at = [i for i, (p, _) in enumerate(found) if np.allclose(p, points, atol=2e-3, equal_nan=True)]
            assert len(at) == 1
            if CONFIDENCES in holds:
                np.testing.assert_allclose(found[at[0]][1], scores, atol=2e-5)
            else:
                assert ((found[at[0]][1] > 0) == (scores > 0)).all()
    if RATE in holds and len(one) > 1:
        assert read.fps == pytest.approx(written.fps, rel=1e-4)
    if SIZE in holds:
        assert read.origins["image_size"] == "file" and read.image_size == written.image_size


@pytest.mark.parametrize("form", FORMS)
@QUICK
@given(
    layout=st.sampled_from(["coco17", "body25", "halpe26", "h36m17", "coco18_openpose", "halpe136"]),
    people=st.integers(1, 3),
    missing=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 7), st.integers(0, 200)), max_size=6),
    absent=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6)), max_size=4),
    first=st.sampled_from([0, 1, 7]),
)
def test_what_is_written_is_read_back(tmp_path_factory, form, layout, people, missing, absent, first):
    pytest.importorskip("scipy")
    layout = "blazepose33" if form in OF_33 else layout
    people = 1 if load_form(form)[1].one_person or form in SEQUENCES else people
    written = keypoints_of(layout, people, missing=missing, absent=absent, first=first)
    same(written, written_and_read(written, form, tmp_path_factory.mktemp("a")), form)


@pytest.mark.parametrize("form", [f for f in FORMS if TRACKS in load_form(f)[1].holds and f not in SEQUENCES])
def test_people_keep_who_they_are(tmp_path, form):
    pytest.importorskip("scipy")
    read = written_and_read(keypoints_of("coco17", 2, names=["4", "9"]), form, tmp_path)
    assert len(read.tracks) == 2
    expected = {"4": 150.0, "9": 320.0}
    for track in read.tracks:
        middle = float(np.nanmean(track.points[..., 0]))
        assert min(abs(middle - x) for x in expected.values()) < 60
        if form not in ("npz", "npy"):  # these hold people by their places
            assert abs(middle - expected[track.name]) < 60


@pytest.mark.parametrize("form", FORMS)
def test_it_is_recognized_and_described(tmp_path, form):
    layout = "blazepose33" if form in OF_33 else "coco17"
    written = keypoints_of(layout)
    path = tmp_path / f"a{ENDINGS.get(form, '' if load_form(form)[1].folder else '.json')}"
    write_keypoints([written], path, form)
    found = describe(path)
    assert (found["kind"], found["frames"], found["people"]) == ("keypoints-2d", 8, 1)
    assert (found["layout"], found["joints"]) == (layout, written.num_joints)


def test_what_a_form_has_no_place_for_is_said():
    written = keypoints_of("coco17", 2, first=7)
    assert lost_in("openpose", [written]) == ["the frame rate", "the image size"]
    assert lost_in("stgcn_json", [written]) == ["who is who", "the frame rate", "the image size"]
    assert "confidences" in lost_in("kinect", [written])
    assert lost_in("json", [written]) == []


def test_mediapipe_takes_its_own_landmarks_only(tmp_path):
    with pytest.raises(ConfigError, match="33 landmarks"):
        write_keypoints([keypoints_of("coco17")], tmp_path / "a.json", "mediapipe")


@pytest.mark.parametrize("form", ["yolo", *OF_33])
def test_fractions_need_the_size_of_the_image(tmp_path, form):
    written = dataclasses.replace(keypoints_of("blazepose33"), image_size=None)
    with pytest.raises(ConfigError, match="whose size is unknown"):
        write_keypoints([written], tmp_path / "a", form)
    assert not list(tmp_path.iterdir())


def test_the_form_is_told_by_the_ending(tmp_path):
    assert format_to_write("a.h5") == format_to_write("a.h5", "deeplabcut") == "deeplabcut_h5"
    assert format_to_write("a.csv", "dlc") == "deeplabcut" and format_to_write("a.csv") == "csv"
    with pytest.raises(ConfigError, match="does not tell"):
        format_to_write("a.json")
    with pytest.raises(UnknownNameError):
        format_to_write("a.json", "nothing")


def test_names_of_joints_that_no_layout_has(tmp_path):
    """Animals: DeepLabCut, SLEAP, COCO and JSON keep the names."""
    names = ("snout", "tail", "paw", "other paw", "ear")
    points = np.random.default_rng(0).uniform(50, 400, (8, 5, 2)).astype(np.float32)
    track = Track("mia", points, np.full((8, 5), 0.5, np.float32), np.zeros((8, 5), bool), np.zeros(8, bool))
    written = dataclasses.replace(keypoints_of("coco17"), tracks=(track,), layout=None, joint_names=names)
    for form in ("deeplabcut", "deeplabcut_h5", "sleap", "coco", "json"):
        read = read_keypoints_of(written, form, tmp_path)
        assert read.joint_names == names, form
        np.testing.assert_allclose(read.tracks[0].points, points, atol=1e-3)


def read_keypoints_of(written, form, folder):
    path = folder / f"{form}{ENDINGS.get(form, '.json')}"
    write_keypoints([written], path, form)
    return read_keypoints(path)
