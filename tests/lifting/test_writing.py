"""Files of placed people: what each tells of axes, model and missing frames, and that it reads back."""

import base64
import io
import json
import re
import sys
from dataclasses import replace
from xml.etree import ElementTree

import h5py
import numpy as np
import pytest
from support.placed import FRAMES, placed

from srnet_core.articulation import articulate
from srnet_core.errors import MissingExtraError
from srnet_core.lifting.smoothing import smooth
from srnet_core.lifting.trajectory import follow
from srnet_core.lifting.world import stand
from srnet_core.lifting.writing import ENDINGS, require_format, write_people
from srnet_core.readers.bvh import read_bvh
from srnet_core.readers.c3d import read_c3d
from srnet_core.readers.trc import read_trc
from srnet_core.writers.bvh import NAMES
from srnet_core.writers.opensim import MARKERS, write_markers


@pytest.fixture(scope="module")
def world():
    return stand(follow(smooth(placed().people, "one-euro")), placed=True)


@pytest.fixture(scope="module")
def gap():
    people = placed().people
    joints = people.people[0].joints_m.copy()
    joints[100:110] = np.nan
    return replace(people, people=(replace(people.people[0], joints_m=joints),))


def test_every_ending_is_known():
    text = ".npz .h5 .json .jsonl .csv .parquet .trc .c3d .bvh .html .mp4 .gif .png .rrd"
    assert set(text.split()) == ENDINGS


def test_tables_hold_places_and_tell_of_the_whole(world, tmp_path):
    placed_m = world.people[0].placed_m
    for name in ("a.npz", "a.h5", "a.json"):
        write_people(world, tmp_path / name)
    with np.load(tmp_path / "a.npz") as file:
        told = json.loads(str(file["about"]))
        np.testing.assert_array_equal(file["1/joints_m"], placed_m)
        np.testing.assert_array_equal(file["1/root_m"], world.people[0].root_m)
        assert file["1/standing"].shape == (FRAMES, 2)
    assert told["frame_of_reference"] == "world" and "z up" in told["axes"] and told["units"] == "m"
    assert told["smoothing"].startswith("one-euro") and told["camera"]["known"] and told["model"] == "network"
    with h5py.File(tmp_path / "a.h5") as h5:
        np.testing.assert_array_equal(h5["1/joints_m"][:], placed_m)
        assert h5.attrs["frame_of_reference"] == "world" and h5["1/joints_m"].attrs["axes"] == told["axes"]
    whole = json.loads((tmp_path / "a.json").read_text())
    np.testing.assert_allclose(whole["people"][0]["joints_m"], placed_m, atol=1e-5)


def test_missing_frames_are_told(gap, tmp_path):
    write_people(gap, tmp_path / "a.json")
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["frames_without_pose"] == {"1": [[100, 109]]} and told["people"][0]["joints_m"][100][0][0] is None
    write_people(gap, tmp_path / "a.trc")
    assert np.isnan(read_trc(tmp_path / "a.trc").positions[100:110]).all()
    row = (tmp_path / "a.trc").read_text().splitlines()[5 + 100].split("\t")
    assert row[2:] == [""] * 50 + ["NaN"]  # OpenSim refuses a row that ends with an empty cell
    write_people(gap, tmp_path / "a.c3d")
    motion = read_c3d(tmp_path / "a.c3d")
    assert np.isnan(motion.positions[100:110]).all() and np.isfinite(motion.positions[:100]).all()


def test_parquet(world, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow, of the extra parquet, is not installed")
    write_people(world, tmp_path / "a.parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table.num_rows == FRAMES and table.column_names[:3] == ["person", "frame", "time_s"]
    np.testing.assert_array_equal(table["LWrist_z_m"].to_numpy(), world.people[0].placed_m[:, 13, 2])
    assert json.loads(table.schema.metadata[b"srnet"])["frame_of_reference"] == "world"


@pytest.mark.parametrize("names", NAMES)
def test_bvh_follows_the_joints_within_a_millimetre(world, tmp_path, names):
    write_people(world, tmp_path / "a.bvh", names=names)
    motion, body = read_bvh(tmp_path / "a.bvh"), articulate(world.motion().positions)
    joints = [motion.names.index(NAMES[names](name)) for name in body.names]
    assert np.abs(motion.positions[:, joints] / 100 - body.positions_m).max() < 0.001
    assert (names != "cmu") or {"LowerBack", "Spine1", "LeftUpLeg"} <= set(motion.names)


def test_markers_for_opensim(world, tmp_path):
    written = write_people(world, tmp_path / "a.trc", opensim=True)
    assert [path.name for path in written] == ["a.trc", "a_markers.xml"]
    motion = read_trc(tmp_path / "a.trc")
    assert {"RAnkle", "LAnkle", "Neck", "Nose", "Hip"} <= set(motion.names) and motion.fps == 50
    markers = ElementTree.parse(tmp_path / "a_markers.xml").getroot().iter("Marker")
    places = {m.get("name"): [float(v) for v in m.findtext("location").split()] for m in markers}
    assert places.keys() == set(MARKERS.values()) <= set(motion.names)
    for name in (n for n in places if n[0] == "R"):  # x forward, y up, z right: sides are mirror images in z
        x, y, z = places[name]
        assert places["L" + name[1:]] == [x, y, -z]


def test_the_comment_of_a_marker_set_cannot_end_early():
    file = io.BytesIO()
    write_markers(file, about="a --> b -- c")
    assert len(list(ElementTree.fromstring(file.getvalue()).iter("Marker"))) == 16


def test_c3d_tells_where_it_is_from(world, tmp_path):
    write_people(world, tmp_path / "a.c3d")
    content = (tmp_path / "a.c3d").read_bytes()
    assert b"SRNET" in content and b"network" in content and b"MANUFACTURER" in content
    motion = read_c3d(tmp_path / "a.c3d")
    np.testing.assert_allclose(motion.positions, world.motion().positions, atol=1e-6)
    assert motion.units == "m" and motion.fps == 50 and motion.details["y_screen"] == "+Y"


def test_pictures(world, tmp_path):
    image = pytest.importorskip("PIL.Image")
    short = follow(placed().people)
    write_people(short, tmp_path / "a.png")
    with image.open(tmp_path / "a.png") as picture:
        assert picture.width > 1000 and json.loads(picture.text["Description"])["frame_of_reference"] == "camera"
    pytest.importorskip("av", reason="PyAV, of the extra video, is not installed")
    from srnet_core.video import Video

    told: list[tuple[int, int]] = []
    write_people(world, tmp_path / "a.mp4", progress=lambda _, done, total: told.append((done, total)))
    assert told[-1] == (FRAMES // 2, FRAMES // 2) and len(told) > FRAMES // 4  # how long it will take
    with Video(tmp_path / "a.mp4") as film:
        assert abs(film.info.fps - 25) < 0.01 and sum(1 for _ in film.frames()) == FRAMES // 2


def test_a_page_of_a_video_has_the_pictures_of_the_stretch_it_shows(world, tmp_path):
    """A page shows the longest stretch without a gap; the video must begin there too."""
    pytest.importorskip("av", reason="PyAV, of the extra video, is not installed")
    from srnet_core.video import write_mp4

    grey = [200 if number == 4 else 20 for number in range(FRAMES)]
    with open(tmp_path / "v.mp4", "wb") as file:
        write_mp4(file, (np.full((64, 64, 3), value, np.uint8) for value in grey), world.fps)
    person = world.people[0]
    joints_m = person.joints_m.copy()
    joints_m[3] = np.nan  # the longest stretch begins after it
    filmed = replace(world, source=str(tmp_path / "v.mp4"), people=(replace(person, joints_m=joints_m),))
    write_people(filmed, tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="scene">(.*?)</script>', page, re.DOTALL)[1])
    video = data["clips"][0]["video"]
    assert len(video["pictures"]) == -(-(FRAMES - 4) // video["every"])
    image = pytest.importorskip("PIL.Image")
    files = [io.BytesIO(base64.b64decode(text)) for text in video["pictures"]]
    shown = [image.open(file).convert("L").getpixel((30, 30)) for file in files]
    assert shown[0] > 120 and max(shown[1:]) < 60


def test_without_video_frames_nobody_is_seen_as_filmed(tmp_path):
    pytest.importorskip("av", reason="PyAV, of the extra video, is not installed")
    frames = 12
    image = pytest.importorskip("PIL.Image")
    from srnet_core.video import Video, write_mp4

    whole = placed().people
    green = np.full((64, 64, 3), (0, 200, 0), np.uint8)
    with open(tmp_path / "v.mp4", "wb") as file:
        write_mp4(file, (green for _ in range(frames)), whole.fps)
    person = whole.people[0]
    parts = {name: getattr(person, name)[:frames] for name in ("joints_m", "keypoints_px", "filled")}
    filmed = replace(
        whole,
        people=(replace(person, **parts),),
        frame_numbers=np.arange(frames),
        source=str(tmp_path / "v.mp4"),
    )

    def greens(pixels: np.ndarray) -> int:
        red, green, blue = np.moveaxis(pixels[..., :3].astype(int), -1, 0)
        return int(((green > red + 100) & (green > blue + 100)).sum())

    def seen(ending: str, video_frames: bool) -> bool:
        path = tmp_path / f"a.{ending}"
        write_people(filmed, path, video_frames=video_frames)
        if ending == "html":
            return "image/jpeg" in path.read_text(encoding="utf-8") and '"video":' in path.read_text(encoding="utf-8")
        if ending == "mp4":
            with Video(path) as film:
                return greens(next(iter(film.frames()))) > 1000
        with image.open(path) as picture:
            return greens(np.asarray(picture.convert("RGB"))) > 1000

    for ending in ("html", "png", "gif", "mp4"):
        assert seen(ending, True) and not seen(ending, False), ending


def test_a_missing_package_is_said_before_any_work(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"srnet\[parquet\]"):
        require_format(tmp_path / "a.parquet")


def test_names_of_people_become_parts_of_file_names(world, tmp_path):
    twice = replace(world, people=tuple(replace(world.people[0], name=name) for name in ("a/../b", "c")))
    written = write_people(twice, tmp_path / "x.trc")
    assert [path.name for path in written] == ["x_a-..-b.trc", "x_c.trc"] and all(p.parent == tmp_path for p in written)
