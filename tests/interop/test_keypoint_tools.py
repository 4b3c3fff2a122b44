"""Keypoints that srnet writes are read by the libraries of the tools. `make interop` installs them."""

import numpy as np
import pytest

from srnet_core.keypoints import Keypoints, Track
from srnet_core.keypoints.write import write_keypoints
from srnet_core.layouts import get_layout

LAYOUT = get_layout("coco17")
POINTS = np.random.default_rng(0).uniform(50, 400, (2, 8, 17, 2)).astype(np.float32)
SCORES = np.random.default_rng(1).uniform(0.3, 0.9, (2, 8, 17)).astype(np.float32)


@pytest.fixture
def people():
    """Two people over eight frames; one joint is missing, and the second person in one frame."""
    points, scores = POINTS.copy(), SCORES.copy()
    points[0, 2, 5], scores[0, 2, 5] = np.nan, 0
    points[1, 3], scores[1, 3] = np.nan, 0
    no, never = np.zeros((8, 17), bool), np.zeros(8, bool)
    tracks = tuple(Track(name, points[i], scores[i], no, never) for i, name in enumerate(("mia", "ben")))
    return Keypoints(tracks, 8, LAYOUT, LAYOUT.joints, "px", 25.0, (640, 480), {}, "here", "npz", present=~never)


@pytest.mark.parametrize("form, read", [("deeplabcut_h5", "read_hdf"), ("deeplabcut", "read_csv")])
def test_pandas_reads_deeplabcut(package, people, tmp_path, form, read):
    pandas = package("pandas")
    if read == "read_hdf":
        package("tables")
    path = tmp_path / ("a.h5" if read == "read_hdf" else "a.csv")
    write_keypoints([people], path, form)
    table = pandas.read_hdf(path) if read == "read_hdf" else pandas.read_csv(path, header=[0, 1, 2, 3], index_col=0)
    assert list(table.columns.names) == ["scorer", "individuals", "bodyparts", "coords"]
    for track in people.tracks:
        found = table["srnet"][track.name].to_numpy().reshape(8, 17, 3)
        order = list(dict.fromkeys(table["srnet"][track.name].columns.get_level_values(0)))
        found = found[:, [order.index(name) for name in LAYOUT.joints]]
        np.testing.assert_allclose(found[..., :2], track.points, atol=1e-4)


def test_sleap_io_reads_the_analysis_export(package, people, tmp_path):
    labels_of = package("sleap_io").load_analysis_h5
    write_keypoints([people], tmp_path / "a.h5", "sleap")
    labels = labels_of(str(tmp_path / "a.h5"))
    assert [node.name for node in labels.skeletons[0].nodes] == list(LAYOUT.joints)
    frames = {frame.frame_idx: frame for frame in labels.labeled_frames}
    assert len(frames) == 8 and len(frames[3].instances) == 1
    for instance in frames[2].instances:
        track = next(t for t in people.tracks if t.name == instance.track.name)
        np.testing.assert_allclose(instance.numpy(), track.points[2], atol=1e-4)


def test_pycocotools_reads_annotations_and_results(package, people, tmp_path):
    load = package("pycocotools.coco").COCO
    write_keypoints([people], tmp_path / "a.json", "coco")
    write_keypoints([people], tmp_path / "b.json", "coco_results")
    truth = load(str(tmp_path / "a.json"))
    results = truth.loadRes(str(tmp_path / "b.json"))
    assert len(truth.getImgIds()) == 8 and len(results.getAnnIds()) == 15
    first = truth.loadAnns(truth.getAnnIds(imgIds=[0]))[0]
    np.testing.assert_allclose(np.reshape(first["keypoints"], (17, 3))[:, :2], people.tracks[0].points[0], atol=1e-3)
