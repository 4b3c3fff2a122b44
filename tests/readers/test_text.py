"""Text as programs of all systems write it: line ends, byte order marks, UTF-16, the end mark of DOS."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from keypoint_files import WRITERS, person
from mocap_damage import AMC, ASF, BVH

from srnet_core.errors import BadFileError
from srnet_core.keypoints import describe, read_keypoints
from srnet_core.mocap.body import read_motions

SPELLINGS = {
    "Windows": lambda text: text.replace("\n", "\r\n").encode(),
    "old Mac": lambda text: text.replace("\n", "\r").encode(),
    "byte order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: b"\xff\xfe" + text.encode("utf-16-le"),
    "UTF-16, big end first": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "end mark": lambda text: text.encode() + b"\x1a",
    "end mark in UTF-16": lambda text: b"\xff\xfe" + text.encode("utf-16-le") + b"\x1a\0",
}
OF_TEXT = ("alphapose halpe26", "dlc csv", "mediapipe long", "csv named", "trc pixels", "ntu", "json posenet")


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", OF_TEXT)
def test_keypoints(tmp_path, kind, spelling):
    path = WRITERS[kind][0](tmp_path / "a")
    whole = read_keypoints(path)
    path.write_bytes(SPELLINGS[spelling](path.read_text()))
    found = read_keypoints(path)
    assert (found.format, found.frame_count) == (whole.format, whole.frame_count)
    np.testing.assert_array_equal(found.tracks[0].points, whole.tracks[0].points)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", ["openpose body25", "yolo"])
def test_folders_of_keypoints(tmp_path, kind, spelling):
    path = WRITERS[kind][0](tmp_path / "a")
    for file in path.iterdir():
        file.write_bytes(SPELLINGS[spelling](file.read_text()))
    found = read_keypoints(path, image_size=(640, 480))
    there = found.tracks[0].present
    np.testing.assert_allclose(found.tracks[0].points[there], person(found.layout)[there][..., :2], atol=0.02)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("kind", ["bvh", "amc"])
def test_motion_capture(tmp_path, kind, spelling):
    texts = {"a.bvh": BVH} if kind == "bvh" else {"a.asf": ASF, "a_1.amc": AMC}
    found = []
    for spell in (str.encode, SPELLINGS[spelling]):
        for name, content in texts.items():
            (tmp_path / name).write_bytes(spell(content.decode()))
        found.append(read_motions(tmp_path / list(texts)[-1])[""])
    assert found[0].names == found[1].names and found[0].fps == found[1].fps
    np.testing.assert_array_equal(found[0].positions, found[1].positions)


def test_a_skeleton_of_another_system(tmp_path):
    (tmp_path / "a.asf").write_bytes(ASF.replace(b"\n", b"\r"))
    assert describe(tmp_path / "a.asf")["joints"] == 3


def test_a_folder_of_packed_files_says_what_to_do(tmp_path):
    path: Path = WRITERS["openpose body25"][0](tmp_path / "a")
    for file in list(path.iterdir()):
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    with pytest.raises(BadFileError, match="first is a gzip archive. Unpack it first"):
        describe(path)
