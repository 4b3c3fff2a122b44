"""`srnet data`: one command after the other on small files of every kind, and what a user does wrong."""

import io
import json
import sys
from pathlib import Path

import keypoint_files as files
import numpy as np
import pytest
from motion_making import JOINTS, STANDING, bvh_text, moving
from PIL import Image
from support.cli import examples_of
from support.small_data import write_published
from typer.main import get_command

from srnet_cli.app import app
from srnet_cli.reading_options import print_json
from srnet_core.geometry.rotation import rotation_about
from srnet_core.keypoints import describe
from srnet_core.mappings import read_mapping
from srnet_core.readers.trc import write_trc

KEYS = {"kind", "format", "layout", "frames", "people", "joints", "fps", "units", "image_size"}
GROUP = get_command(app).commands["data"]
COMMANDS = [("data", name) for name in GROUP.commands] + [
    ("data", "import", name) for name in GROUP.commands["import"].commands
]


@pytest.fixture
def openpose(tmp_path) -> Path:
    """A folder of OpenPose files: two people."""
    people = [list(pair) for pair in zip(files.person("body25"), files.person("body25", x_px=500.0, seed=3))]
    return files.write_openpose(tmp_path / "video", people)


@pytest.fixture
def walk(tmp_path) -> Path:
    """A BVH file of a person in centimetres, y up."""
    path = tmp_path / "walk.bvh"
    path.write_text(bvh_text())
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_two_examples_in_any_width(srnet, monkeypatch, command):
    for width in (80, 140):
        monkeypatch.setenv("COLUMNS", str(width))
        text = srnet(*command, "--help").ok().out
        assert max(map(len, text.splitlines())) <= width and "…" not in text and "\\[" not in text
        examples = examples_of(text)
        assert len(examples) == 2 and all(words[0] == "srnet" for words in examples)
    inner = GROUP
    for name in command[1:]:
        inner = inner.commands[name]
    for param in inner.params:
        assert param.help, param.name
        if param.param_type_name == "option" and not param.is_flag:
            assert "default: " in param.help, param.opts


def test_list(srnet, openpose, walk):
    (openpose.parent / "notes.txt").write_text("hello there")
    listed = json.loads(srnet("data", "list", openpose.parent, "--json").ok().out)
    assert {Path(i["path"]).name: i["format"] for i in listed} == {
        "video": "openpose",
        "walk.bvh": "bvh",
        "notes.txt": None,
    }
    text = srnet("data", "list", openpose.parent).ok().out
    assert "openpose" in text and "is of no kind that is known" in text
    known = json.loads(srnet("data", "list", "--formats", "--json").ok().out)
    assert {"bvh", "c3d", "amc", "trc", "openpose", "positions_3d"} <= {f["name"] for f in known["formats"]}
    assert {"coco17", "h36m17"} <= {x["name"] for x in known["layouts"]}
    assert all(f["about"] for f in known["formats"]) and {"cmu", "mixamo"} <= {m["name"] for m in known["mappings"]}
    srnet("data", "list", "nowhere").refused("there is no such file or folder")
    Path("nothing").mkdir()
    empty = srnet("data", "list", "nothing").ok().out
    assert empty == "Nothing in nothing is of a known format; srnet data list --formats shows what can be read.\n"


def test_info_of_keypoints(srnet, openpose):
    info = json.loads(srnet("data", "info", openpose, "--json", "--fps", 30, "--image-size", "640x480").ok().out)
    assert info.keys() >= KEYS
    assert [info[k] for k in ("kind", "format", "layout", "frames", "people", "joints", "fps", "image_size")] == [
        "keypoints-2d",
        "openpose",
        "body25",
        files.FRAMES,
        2,
        25,
        30,
        [640, 480],
    ]
    assert len(info["measured"]) == 2 and info["measured"][0]["speed_unit"] == "sizes/s"
    assert info["measured"][0]["bones"]["Neck - RShoulder"]["median"] > 10
    text = srnet("data", "info", openpose, "--bones").ok().out
    assert "body25" in text and "Neck - RShoulder" in text


def test_info_of_motion_capture(srnet, walk):
    info = json.loads(srnet("data", "info", walk, "--json").ok().out)
    assert info.keys() >= KEYS and info["kind"] == "motion-capture" and info["format"] == "bvh"
    (one,) = info["measured"]
    assert one["unit"] == "cm" and one["up"] == "y" and 1.4 < one["stature_m"] < 2.1
    assert any("Unit of length: cm" in note for note in info["notes"])


def test_info_says_where_a_unit_comes_from(srnet, tmp_path):
    (tmp_path / "walk.bvh").write_text(bvh_text())
    ran = srnet("data", "info", tmp_path / "walk.bvh").ok()
    assert "units    cm (told by the size of the body)" in ran.out
    np.save(tmp_path / "lifted.npy", (moving() * 1000).astype(np.float32))
    ran = srnet("data", "info", tmp_path / "lifted.npy").ok()
    assert "mm (told by the size of the body)" in ran.out
    assert "mm, told by the size of the body" in ran.err and "as the file says" not in ran.err
    assert json.loads(srnet("data", "info", tmp_path / "lifted.npy", "--json").ok().out)["units_from"] == "size"


def coco_images(path: Path, sizes: list[tuple[int, int]]) -> Path:
    """COCO annotations of images of these sizes, with two people in each and an empty one in the first."""
    people = [files.person("coco17"), files.person("coco17", x_px=400.0, seed=2)]
    for one in people:
        one[..., 2] = 2
    images = [{"id": i, "file_name": f"f_{i:04d}.jpg", "width": w, "height": h} for i, (w, h) in enumerate(sizes)]
    listed = [{"image_id": i, "keypoints": files.flat(one[i])} for i in range(len(sizes)) for one in people]
    listed.append({"image_id": 0, "keypoints": [0] * 51})
    return files.json_file(path, {"images": images, "annotations": listed, "categories": []})


def test_nobody_is_followed_through_images_of_different_sizes(srnet, tmp_path):
    path = coco_images(tmp_path / "a.json", [(640, 480), (500, 333), (640, 427), (480, 640)])
    ran = srnet("data", "info", path).ok()
    said = " ".join(ran.out.split())
    assert "kind 2D keypoints in single images" in said and "images 4 people 9 listed, at most 3 in one image" in said
    assert "image size 4 sizes, from 500 x 333 to 640 x 480" in said
    assert "8 with joints" in said and "speed" not in said and "bones" not in said and "fps" not in said
    assert "The images have different sizes" in ran.err
    info = json.loads(srnet("data", "info", path, "--json").ok().out)
    assert not info["consecutive"] and info["people"] == 3 and len(info["image_sizes"]) == 4
    (measured,) = info["measured"]
    assert measured["people"] == 8 and measured["speed_median"] is None and measured["bones"] == {}
    video = coco_images(tmp_path / "b.json", [(640, 480)] * 4)
    assert "frames" in srnet("data", "info", video).ok().out
    assert len(json.loads(srnet("data", "info", video, "--json").ok().out)["measured"]) == 2


def test_info_says_which_joints_of_a_layout_are_there_and_how_many_frames_are_empty(srnet, tmp_path):
    points = files.person("body25")[..., :2]
    points[3:5] = np.nan
    names = list(files.get_layout("body25").joints)
    rows = [[*row] for row in np.delete(points, [15, 16], axis=1)]
    del names[15:17]
    path = tmp_path / "a.trc"
    values = [
        [i, i / 30, *("" if np.isnan(v) else v for x, y in row for v in (x, y, 0.0))] for i, row in enumerate(rows)
    ]
    path.write_text(files.trc_text(names, values))
    said = srnet("data", "info", path).ok().out
    assert "body25 (told by: file, 23 of its 25 joints)" in said
    assert f"{files.FRAMES}, {files.FRAMES - 2} of them with people" in said


def test_info_of_a_folder_of_recordings_is_a_table_of_all(srnet, openpose, walk):
    (openpose.parent / "broken.json").write_text('{"people": [')
    ran = srnet("data", "info", openpose.parent).ok()
    assert "video" in ran.out and "walk.bvh" in ran.out and "broken.json" in ran.err
    info = json.loads(srnet("data", "info", openpose.parent, "--json").ok().out)
    assert info["kind"] == "folder" and info.keys() >= KEYS
    assert {Path(c["path"]).name: c["format"] for c in info["contents"]} == {
        "video": "openpose",
        "walk.bvh": "bvh",
        "broken.json": None,
    }
    both = json.loads(srnet("data", "info", openpose, walk, "--json").ok().out)
    assert [one["format"] for one in both] == ["openpose", "bvh"]


def test_info_of_a_published_data_set(srnet, tmp_path):
    data = write_published(tmp_path / "data", "small")
    info = json.loads(srnet("data", "info", data / "data_3d_small.npz", "--json").ok().out)
    assert (info["kind"], info["format"], info["units"]) == ("keypoints-3d", "positions_3d", "m")
    assert info["subjects"] == ["A", "B", "C"] and info["cameras"] == 2
    assert sum(s["frames"] for s in info["sequences"]) == info["frames"]
    flat = json.loads(srnet("data", "info", data / "data_2d_small_gt.npz", "--json").ok().out)
    assert flat["kind"] == "keypoints-2d" and len(flat["sequences"]) == 2 * len(info["sequences"])


def test_unknown_formats_and_layouts_name_the_nearest_and_what_lists_all(srnet, openpose, tmp_path):
    (tmp_path / "x.bin").write_bytes(bytes(range(256)))
    listed = "srnet data list --formats lists"
    for command in (["data", "info"], ["lift"]):
        line = srnet(*command, tmp_path / "x.bin").refused("is of no kind that is known. Give 2D keypoints", listed)
        assert len(line) < 300
    for asked, meant in (
        ("openpse", "Did you mean 'openpose'? "),
        ("detectron3", "Did you mean 'detectron'? "),
        ("qq", ""),
    ):
        line = srnet("data", "info", openpose, "--format", asked).refused(f"no format '{asked}'. {meant}{listed}")
        assert len(line) < 150
    line = srnet("data", "info", openpose, "--layout", "coco71").refused("Did you mean 'coco17'? " + listed)
    assert len(line) < 150
    listing = srnet("data", "list", "--formats").ok().out  # and the command named is there
    assert all(name in listing for name in ("openpose", "videopose3d", "coco17", "mixamo"))


@pytest.mark.parametrize("command", ["info", "check", "plot", "mapping"])
def test_what_is_no_data_is_refused_in_one_line(srnet, tmp_path, command):
    (tmp_path / "a.txt").write_text("hello there")
    (tmp_path / "empty.json").touch()
    srnet("data", command, tmp_path / "nowhere").refused("there is no such file or folder")
    srnet("data", command, tmp_path / "a.txt").refused("is of no kind that is known")
    srnet("data", command, tmp_path / "empty.json").refused("is empty")
    for start, what in (
        (b"Kaydara FBX Binary  \0", "FBX"),
        (b"\x1f\x8b", "gzip"),
        (b"\xcd\xf3\x00\x01", "import h36m"),
    ):
        (tmp_path / "file").write_bytes(start + bytes(100))
        srnet("data", command, tmp_path / "file").refused(what)


def test_wrong_options(srnet, openpose, walk):
    srnet("data", "info", openpose, "--image-size", "big").refused("--image-size", "1920x1080")
    srnet("data", "info", openpose, "--format", "opnpose").refused("openpose")
    srnet("data", "info", openpose, "--fps", "-1").refused("fps")
    srnet("data", "check", openpose, "--layout", "body26").refused("body25")
    srnet("data", "check", walk, "--mapping", "plug_in_gait").refused("finds no points")
    srnet("data", "check", walk, "--sequence", "5").refused("there is no sequence")
    srnet("data", "plot", walk, "--output", "a.jpg").refused("--output", ".png")
    srnet("data", "plot", walk, "--frames", "0").refused("1 to 60")


# Checks


def test_check_of_good_files_finds_nothing(srnet, openpose, walk, tmp_path):
    write_published(tmp_path / "data", "small")
    for path in (openpose, walk):
        assert json.loads(srnet("data", "check", path, "--json").ok().out)["problems"] == []
        assert "nothing stands out" in srnet("data", "check", path).ok().out


def walking(frames: int) -> np.ndarray:
    """(T, 17, 3): a person who walks to and fro and turns a little; all bones keep their lengths."""
    time = np.arange(frames)[:, None] / 50
    turn = rotation_about(2, 0.4 * np.sin(2 * time[:, 0]))
    poses = np.einsum("tij,kj->tki", turn, STANDING)
    return poses + 0.5 * np.concatenate([np.sin(time), np.cos(time), 0 * time], axis=1)[:, None]


def mistakes(path: Path, change) -> Path:
    """A 3D file of a data set in which one take is changed."""
    poses = walking(60)
    takes = {"good": poses.astype(np.float32), "bad": change(poses.copy()).astype(np.float32)}
    with open(path, "wb") as file:
        np.savez(file, positions_3d=np.array({"S1": takes}, object), metadata=np.array({"fps": 50}, object))
    return path


def jump(poses):
    poses[30:] += (2.0, 0, 0)
    return poses


def spike(poses):
    poses[20, JOINTS.index("LWrist")] += (0, 0, 1.0)
    return poses


def frozen(poses):
    poses[5:50] = poses[5]
    return poses


def missing(poses):
    poses[7, 3] = np.nan
    return poses


@pytest.mark.parametrize(
    ("change", "kind", "frames"),
    [
        (lambda poses: 1000 * poses, "wrong unit", None),
        (lambda poses: poses / 1000, "wrong unit", None),
        (lambda poses: poses * (1, -1, -1), "upside down", None),
        (lambda poses: poses[..., [0, 2, 1]] * (1, -1, 1), "wrong axis", None),
        (jump, "jump", (30, 30)),
        (spike, "spike", (20, 20)),
        (frozen, "frozen", (5, 49)),
        (missing, "missing", (7, 7)),
    ],
)
def test_check_says_what_is_wrong_in_which_sequence_and_frame(srnet, tmp_path, change, kind, frames):
    path = mistakes(tmp_path / "data_3d_x.npz", change)
    found = json.loads(srnet("data", "check", path, "--json").ok().out)
    assert found["sequences"] == 2
    problems = {p["kind"]: p for p in found["problems"]}
    assert {p["sequence"] for p in found["problems"]} == {"S1/bad"}
    assert kind in problems, problems
    if frames:
        assert (problems[kind]["first_frame"], problems[kind]["last_frame"]) == frames
    assert kind in srnet("data", "check", path).ok().out


def test_check_of_keypoints_upside_down_and_outside(srnet, tmp_path):
    points = files.person("coco17")
    points[..., 1] = 480 - points[..., 1]
    points[5, 0, 0] = 900
    path = files.write_openpose(tmp_path / "video", files.one(points))
    found = json.loads(srnet("data", "check", path, "--layout", "coco17", "--image-size", "640x480", "--json").ok().out)
    kinds = {p["kind"]: p for p in found["problems"]}
    assert {"upside down", "outside image"} <= set(kinds)
    assert kinds["outside image"]["first_frame"] == kinds["outside image"]["last_frame"] == 5


# Pictures


def ink(path: Path) -> int:
    """The number of pixels in the colours of left and right sides."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    blue = np.abs(pixels - (11, 111, 184)).sum(-1) < 40
    orange = np.abs(pixels - (209, 72, 10)).sum(-1) < 40
    return min(int(blue.sum()), int(orange.sum()))


def test_plot(srnet, openpose, walk, tmp_path):
    data = write_published(tmp_path / "data", "small")
    for path, name in (
        (openpose, "video"),
        (walk, "walk"),
        (data / "data_3d_small.npz", "data_3d_small"),
        (data / "data_2d_small_gt.npz", "data_2d_small_gt"),
    ):
        assert f"output/{name}.png" in srnet("data", "plot", path, "--frames", "6").ok().out
        assert ink(Path("output") / f"{name}.png") > 300
    few, many = (
        Image.open(
            json.loads(srnet("data", "plot", walk, "--frames", n, "--output", f"{n}.png", "--json").ok().out)["picture"]
        )
        for n in (4, 12)
    )
    assert many.size[1] > few.size[1]
    srnet("data", "plot", data / "data_2d_small_gt.npz", "--sequence", "1", "--output", "one.png").ok()
    assert ink(Path("one.png")) > 300


# Mappings


def test_mapping(srnet, walk):
    found = json.loads(srnet("data", "mapping", walk, "--json").ok().out)
    assert set(found["joints"]) == set(JOINTS)
    ran = srnet("data", "mapping", walk, "--output", "mine.toml").ok()
    assert "LKnee" in ran.out and "written: mine.toml" in ran.err
    assert set(read_mapping("mine.toml").joints) == set(JOINTS) - set(found["derived"])
    again = json.loads(srnet("data", "mapping", walk, "--mapping", "mine.toml", "--json").ok().out)
    assert again["mapping"] == "mine" and again["joints"] == found["joints"]
    srnet("data", "mapping", walk, "--mapping", "nowhere.toml").refused("nowhere.toml")


def test_a_mapping_that_is_not_found_is_written_to_be_filled_in(srnet, tmp_path):
    names = list(JOINTS)
    strange = {"LWrist": "Glove", "RWrist": "Racket", "RKnee": 'in "quotes"'}
    points = tmp_path / "markers.trc"
    write_trc(points, moving() * 1000, [strange.get(name, name) for name in names], 50.0, "mm")
    ran = srnet("data", "info", points).ok()
    assert "No points were found for" in ran.err and "srnet data mapping FILE --output MINE.toml" in ran.err
    assert "--mapping MINE.toml" in ran.err
    srnet("data", "mapping", points).refused("srnet data mapping FILE --output MINE.toml")
    ran = srnet("data", "mapping", points, "--output", "mine.toml").ok()
    assert "written: mine.toml. Fill in the joints" in ran.err
    found = json.loads(srnet("data", "mapping", points, "--output", "mine.toml", "--json").ok().out)
    assert found["mapping"] is None and all(found["joints"][joint] is None for joint in strange)
    text = Path("mine.toml").read_text()
    for joint, point in strange.items():
        assert f'# "{joint}" = [""]' in text
        quoted = point.replace('"', '\\"')
        assert f'# "{quoted}"' in text
        text = text.replace(f'# "{joint}" = [""]', f'"{joint}" = ["{quoted}"]')
    Path("mine.toml").write_text(text)
    made = json.loads(srnet("data", "mapping", points, "--mapping", "mine.toml", "--json").ok().out)["joints"]
    assert {joint: made[joint] for joint in strange} == strange
    srnet("data", "check", points, "--mapping", "mine.toml").ok()


def test_what_to_do_with_keypoints_whose_joints_are_not_known(srnet, tmp_path):
    np.savez(tmp_path / "a.npz", keypoints=np.random.default_rng(0).uniform(0, 400, (9, 12, 2)))
    said = srnet("data", "info", tmp_path / "a.npz").ok().err
    assert "srnet data mapping FILE --output MINE.toml" in said and "--layout MINE.toml" in said


def test_a_mapping_is_of_points_in_space_and_keypoints_have_a_layout(srnet, openpose):
    srnet("data", "mapping", openpose, "--mapping", "mixamo").refused("holds 2D keypoints")
    assert "layout: body25" in srnet("data", "mapping", openpose).ok().out


# Completion


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("srnet data c", ["check", "convert"]),
        ("srnet data import h", ["h36m", "humaneva"]),
        ("srnet data info --format bv", ["bvh"]),
        ("srnet data info --layout halpe2", ["halpe26"]),
        ("srnet data check --mapping mi", ["mixamo"]),
        ("srnet data convert a b --to alpha", ["alphapose", "alphapose_cmu"]),
        ("srnet data import mocap a --cameras r", ["ring"]),
    ],
)
def test_completion(srnet, monkeypatch, line, offered):
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    monkeypatch.setenv("_SRNET_COMPLETE", "complete_bash")
    assert srnet().ok().out.split() == offered


def test_one_of_several_files_that_cannot_be_read_does_not_hide_the_others(srnet, tmp_path):
    from keypoint_files import WRITERS

    good = WRITERS["npz"][0](tmp_path / "a")
    (tmp_path / "b.trc").write_text("PathFileType\t4\n")
    ran = srnet("data", "info", good, tmp_path / "b.trc")
    assert (
        ran.code == 2 and "halpe26" in ran.out and "b.trc: has no line that begins with" in ran.err.replace("\n", " ")
    )
    ran = srnet("data", "info", good, tmp_path / "b.trc", "--json")
    known, unknown = json.loads(ran.out)
    assert ran.code == 2 and known["layout"] == "halpe26" and unknown["kind"] is None and "no line" in unknown["why"]
    srnet("data", "info", tmp_path / "b.trc", tmp_path / "b.trc").refused("b.trc")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_in_a_file_do_not_control_the_terminal_as_json(tmp_path, encoding, monkeypatch):
    names = [f"\x9b31m\x7f\u202e\U0001f600 \u00e9 {i}" for i in range(17)]
    people = [{"image_id": 1, "category_id": 1, "keypoints": [5.0, 6.0, 2.0] * 17}]
    value = {"images": [{"id": 1}], "annotations": people, "categories": [{"id": 1, "keypoints": names}]}
    (tmp_path / "a.json").write_text(json.dumps(value))
    stream = io.TextIOWrapper(io.BytesIO(), encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    print_json(describe(tmp_path / "a.json"))
    stream.flush()
    text = stream.buffer.getvalue().decode(encoding)
    assert json.loads(text)["joint_names"] == names
    assert not set("\x9b\x7f\u202e") & set(text)
    assert ("\u00e9" in text) == (encoding == "utf-8")


def test_info_of_one_sequence(srnet, tmp_path, small_data):
    folder = tmp_path / "two"
    for name, frames in (("left", 12), ("right", 9)):
        files.write_openpose(folder, files.one(files.person("body25", frames)), name=name + "_{:012d}_keypoints.json")
    srnet("data", "info", folder).refused("2 videos", "name one with --sequence")
    one = json.loads(srnet("data", "info", folder, "--sequence", "right_#_keypoints", "--json").ok().out)
    assert (one["frames"], one["joints"]) == (9, 25)
    srnet("data", "info", folder, "--sequence", "middle").refused("no files of 'middle'")
    path = small_data / "data_3d_small.npz"
    whole = json.loads(srnet("data", "info", path, "--json").ok().out)
    name = whole["measured"][0]["sequence"]
    one = json.loads(srnet("data", "info", path, "--sequence", name, "--json").ok().out)
    assert [m["sequence"] for m in one["measured"]] == [name] and one["frames"] < whole["frames"]
    srnet("data", "info", path, "--sequence", "nobody").refused("no sequence 'nobody'")
