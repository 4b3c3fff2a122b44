"""srnet lift: the example of the README, choices, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from srnet_core.layouts import get_layout

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_example_of_the_readme(srnet):
    ran = srnet("lift", EXAMPLE, "--device", "cpu").ok()
    assert "output/balancing.html" in ran.out and "person 1 in 100 of 100 frames lifted" in ran.out
    told = " ".join(ran.err.split())
    assert "Person 2 is not lifted: joints are missing in each of 100 frames." in told
    assert "Person 3 is not lifted: joints are missing in the only frame in which the person is seen." in told
    assert "<html" in Path("output/balancing.html").read_text()


def test_a_filter_that_does_not_fit_the_frame_rate_is_refused_before_anything_else_is_said(srnet):
    srnet("lift", EXAMPLE, "--smooth", "butterworth:60").refused("more than 120 frames per second, not 60")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("openpose", "'body25' or 'coco18'"), ("alphapose", "'halpe26' or 'coco17'"), ("YOLO", "'coco17'")],
)
def test_a_tool_in_the_place_of_a_layout(srnet, asked, meant):
    srnet("lift", EXAMPLE, "--layout", asked).refused(f"there is no layout '{asked}'. Did you mean {meant}?")


def test_several_files_of_one_person(srnet):
    files = ["a.bvh", "b.trc", "c.c3d", "d.npz"]
    options = [word for name in files for word in ("-o", name)]
    srnet("lift", EXAMPLE, *options, "--person", "0", "--names", "mixamo", "--device", "cpu").ok()
    assert all(Path(name).stat().st_size > 1000 for name in files)
    assert "ROOT mixamorig:Hips" in Path("a.bvh").read_text()
    with np.load("d.npz") as file:
        assert file["1/joints_m"].shape == (100, 17, 3)


def test_confused_sides_are_mended_unless_they_are_to_be_kept(srnet):
    with np.load(EXAMPLE) as file:
        members = dict(file)
    layout = get_layout("body25b")
    left, right = (list(side) for side in zip(*layout.mirror_pairs))
    for name in ("keypoints", "scores"):  # (frames, people, joints, ...)
        frames = members[name][40:60]
        frames[:, :, left + right] = frames[:, :, right + left]
    np.savez("confused.npz", **members)
    poses = {}
    for what, path, extra in (
        ("true", EXAMPLE, ()),
        ("mended", "confused.npz", ()),
        ("kept", "confused.npz", ("--keep-swaps",)),
    ):
        ran = srnet("lift", path, "-o", f"{what}.npz", "--person", "0", "--device", "cpu", *extra).ok()
        told = " ".join(ran.err.split())
        assert ("confused left and right limbs in 20 frames" in told) == (what == "mended"), told
        assert ("look exchanged" in told) == (what == "kept"), told
        with np.load(f"{what}.npz") as file:
            poses[what] = file["1/joints_m"]
    np.testing.assert_allclose(poses["mended"], poses["true"], atol=1e-5)
    assert np.abs(poses["kept"] - poses["true"]).max() > 0.1


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("no.json",), ["no.json"]),
        ((str(EXAMPLE).replace("examples", "exmaples"),), ["Did you mean", str(EXAMPLE)]),
        ((EXAMPLE, "--checkpoint", "srnet-open-72"), ["Did you mean 'srnet-open-27'?"]),
        ((EXAMPLE, "-o", "pose.txt"), ["pose.txt", "no format ends in .txt", ".bvh"]),
        ((EXAMPLE, "-o", "pose.bhv"), ["Did you mean '.bvh'?"]),
        ((EXAMPLE, "-o", "pose.fbx"), ["Did you mean '.bvh'?"]),
        ((EXAMPLE, "-o", "pose"), ["the name has no ending"]),
        ((EXAMPLE, "--image-size", "1080"), ["--image-size", "1920x1080"]),
        ((EXAMPLE, "--person", "9"), ["no person 9"]),
        ((EXAMPLE, "--layout", "coco71"), ["coco71"]),
        ((EXAMPLE, "--names", "maya", "-o", "a.bvh"), ["'maya'", "mixamo"]),
    ],
)
def test_mistakes_are_one_line(srnet, arguments, parts):
    ran = srnet("lift", *arguments, "--device", "cpu")
    assert ran.code == 2 and "Traceback" not in ran.err
    (error,) = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert all(part in error for part in parts), error
    assert not list(Path().glob("*.bvh"))


def test_the_world_in_every_kind_of_file(srnet):
    files = ["a.json", "b.trc", "c.bvh", "d.png"]
    options = [word for name in files for word in ("-o", name)]
    world = [
        "--world",
        "--height",
        "1.72",
        "--smooth",
        "butterworth:6",
        "--opensim",
        "--names",
        "cmu",
        "--fill",
        "0.5s",
    ]
    ran = srnet("lift", EXAMPLE, *options, "--person", "0", *world, "--device", "cpu").ok()
    assert "b_markers.xml" in ran.out and all(Path(name).stat().st_size > 1000 for name in files)
    notes = " ".join(ran.err.split())
    assert all(words in notes for words in ("scaled to a height of 1.72 m", "butterworth", "focal length is estimated"))
    told = json.loads(Path("a.json").read_text())
    assert told["frame_of_reference"] == "world" and told["smoothing"].startswith("butterworth")
    assert "LowerBack" in Path("c.bvh").read_text()


def test_a_calibration(srnet):
    matrix = [[1500, 0, 540], [0, 1500, 960], [0, 0, 1]]
    Path("calib.json").write_text(json.dumps({"left": {"K": matrix}, "right": {"K": matrix}}))
    ran = srnet(
        "lift", EXAMPLE, "--camera", "calib.json", "--camera-name", "left", "-o", "a.json", "--device", "cpu"
    ).ok()
    assert "Camera left of calib.json" in ran.err
    assert json.loads(Path("a.json").read_text())["camera"]["focal_length_px"] == [1500, 1500]
    ran = srnet("lift", EXAMPLE, "--camera", "calib.json", "--device", "cpu")
    assert ran.code == 2 and "left, right" in ran.err


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ((EXAMPLE, "--fill", "long"), ["--fill", "0.5s"]),
        ((EXAMPLE, "--smooth", "median"), ["error: --smooth: ", "'median'", "butterworth"]),
        ((EXAMPLE, "--height", "17"), ["error: --height: ", "tall"]),
        ((EXAMPLE, "--camera", "no.toml"), ["no.toml"]),
        ((EXAMPLE, "--camera", "0"), ["--camera 0", "lifted live", "calibration"]),
        ((EXAMPLE, "--camera-name", "left"), ["--camera-name", "--camera FILE"]),
        ((EXAMPLE, "--detector", "mediapipe"), ["is no video"]),
        (("no.mp4",), ["no.mp4"]),
        (("take.mp4", "--detector", "openpose"), ["'openpose'", "mediapipe"]),
        (("take.mp4", "--detector", "rtmlib", "--detector-file", "http://a/b.onnx"), ["nothing is downloaded"]),
    ],
)
def test_more_mistakes_are_one_line(srnet, arguments, parts):
    Path("take.mp4").write_bytes(b"x")
    ran = srnet("lift", *arguments, "--device", "cpu")
    assert ran.code == 2 and "Traceback" not in ran.err
    (error,) = [line for line in ran.err.splitlines() if line.startswith("error: ")]
    assert all(part in error for part in parts), error


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (("--camera", "no.toml"), "no.toml"),
        (("--checkpoint", "no.bin"), "no.bin"),
        (("--names", "maya"), "'maya'"),
        (("--height", "172"), "172"),
        (("--trajectory-network", "no.bin"), "no.bin"),
        (("-o", "a.trc", "-o", "a.bhv"), "Did you mean '.bvh'?"),
    ],
)
def test_mistakes_in_options_are_found_before_a_video_is_looked_at(srnet, options, part):
    Path("take.mp4").write_bytes(b"no video")
    assert "take.mp4" not in srnet("lift", "take.mp4", *options, "--device", "cpu").refused(part)


def test_a_format_that_needs_the_frame_rate_is_refused_before_anything_is_lifted(srnet):
    np.savez("few.npz", keypoints=np.random.default_rng(0).uniform(100, 900, (20, 17, 2)))
    given = ("--layout", "coco17", "--image-size", "1000x1000", "--device", "cpu")
    srnet("lift", "few.npz", "-o", "a.npz", "-o", "a.bvh", *given).refused("a.bvh", "--fps")
    assert not Path("a.npz").exists()


def test_keypoints_that_look_wrong_are_told_or_refused(srnet):
    from srnet_core.keypoints import read_keypoints

    points = read_keypoints(EXAMPLE).only(0).to_h36m17().tracks[0].points
    width, height = read_keypoints(EXAMPLE).image_size
    for name, wrong, words in (
        ("up", [0, height] + points * [1, -1], "y may point up"),
        ("axes", points[..., ::-1], "x and y may be exchanged"),
    ):
        np.savez(f"{name}.npz", keypoints=np.concatenate([wrong, np.ones((*wrong.shape[:2], 1))], axis=-1))
        size = ("--layout", "h36m17", "--fps", "60", "--image-size", f"{width}x{height}", "--device", "cpu")
        assert words in " ".join(srnet("lift", f"{name}.npz", *size).ok().err.split())
        ran = srnet("lift", f"{name}.npz", *size, "--strict")
        assert ran.code == 2 and "Without --strict it is lifted anyway" in ran.err


def test_sides_that_feet_and_face_contradict_are_told_or_refused(srnet):
    from srnet_core.keypoints import read_keypoints

    keypoints = read_keypoints(EXAMPLE).only(0)
    (track,), order = keypoints.tracks, np.arange(keypoints.num_joints)
    for left, right in keypoints.layout.mirror_pairs:
        order[[left, right]] = right, left
    np.savez("turned.npz", keypoints=np.concatenate([track.points, track.confidence[..., None]], axis=-1)[:, order])
    width, height = keypoints.image_size
    known = ("--layout", "body25b", "--fps", "60", "--image-size", f"{width}x{height}", "--device", "cpu")
    words = "Left and right look exchanged throughout"
    assert words in " ".join(srnet("lift", "turned.npz", *known).ok().err.split())
    ran = srnet("lift", "turned.npz", *known, "--strict")
    assert ran.code == 2 and words in ran.err
    assert srnet("lift", EXAMPLE, "--device", "cpu", "--strict").code == 0  # a joint that is too fast is no mistake


def test_options_that_change_nothing_in_the_files_asked_for_are_named(srnet):
    options = ("--opensim", "--names", "cmu", "--no-floor", "--person", "0", "--device", "cpu")
    told = " ".join(srnet("lift", EXAMPLE, *options, "-o", "a.csv").ok().err.split())
    assert "--opensim has no effect here: it is for .trc, .c3d" in told
    assert "--names has no effect here: it is for .bvh" in told
    assert "--no-floor has no effect here" in told


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_a_place_that_takes_no_files_is_found_before_the_work(srnet):
    ran = srnet("lift", EXAMPLE, "-o", "/proc/pose.csv")
    assert ran.code == 2 and "/proc/pose.csv: no file can be made in /proc" in " ".join(ran.err.split())
    assert "Lifted" not in ran.err


@pytest.mark.parametrize(
    ("option", "todo"),
    [
        ("--opensim", "Leave it out"),
        ("--keep-swaps", "Leave it out"),
        ("--output=a.csv", "Redirect the output instead"),
    ],
)
def test_options_that_live_lifting_does_not_have(srnet, option, todo):
    srnet("lift", "-", option).refused("cannot be used with --stream", todo)


@pytest.mark.parametrize("name", ["pose.json", "take.mp4", "keypoints.csv"])
def test_visualize_points_to_lift(srnet, name):
    Path(name).write_bytes(b"{}")
    ran = srnet("visualize", name)
    assert ran.code == 2 and f"Use: srnet lift {name}" in ran.err


@pytest.mark.parametrize("name", ["walk.trc", "walk.c3d", "walk.BVH"])
def test_visualize_of_motion_points_to_the_command_that_draws_it(srnet, name):
    """`srnet lift` refuses 3D."""
    Path(name).write_bytes(b"motion")
    ran = srnet("visualize", name)
    assert ran.code == 2 and f"To look at its motion: srnet data plot {name}." in ran.err


def test_a_network_that_sees_other_joints_than_it_predicts(srnet, tmp_path):
    """As VideoPose3D's for HumanEva: 17 joints of COCO in, 15 out. Commands that need a data set say what to do."""
    import torch
    from keypoint_files import WRITERS

    import srnet_core

    model = srnet_core.build_model("fc", filter_widths=(3,), channels=8, num_joints_out=15)
    torch.save({"epoch": 1, "lr": 1e-3, "model_pos": model.state_dict(), "optimizer": {}}, "hv.bin")
    for kind in ("videopose3d script", "rtmlib halpe26"):
        path = WRITERS[kind][0](tmp_path / kind)
        outputs = ("-o", "a.json", "-o", "a.html", "-o", "a.npz")
        srnet("lift", path, "--checkpoint", "hv.bin", *outputs, "--image-size", "640x480", "--device", "cpu").ok()
        made = json.loads(Path("a.json").read_text())
        assert made["joints"][:3] == ["Pelvis", "Thorax", "LShoulder"] and len(made["joints"]) == 15
    shown = " ".join(srnet("export", "hv.bin", "--output", "hv.onnx").ok().out.split())
    assert "17, 2) -> poses (batch, frames - 2, 15, 3)" in shown
    for command in (("eval",), ("visualize",), ("export", "--format", "npz")):
        ran = srnet(command[0], "hv.bin", *command[1:])
        error = ran.err.splitlines()[-1]
        assert ran.code == 2 and "hv.bin: the network sees 17 joints and predicts 15" in error and "srnet lift" in error


def test_a_network_of_the_package_by_its_name(srnet):
    ran = srnet("lift", EXAMPLE, "-o", "a.npz", "--checkpoint", "srnet-open-1", "--device", "cpu").ok()
    assert "lifted with srnet-open-1" in ran.out and "from the package" in ran.err


def test_all_that_the_input_does_not_tell_is_asked_for_at_once(srnet):
    with np.load(EXAMPLE, allow_pickle=False) as file:
        np.save("walk.npy", file["keypoints"][:, 0] if file["keypoints"].ndim == 4 else file["keypoints"])
    size, rate = ("--image-size", "1088x1920"), ("--fps", "60")
    asked = {  # given options, what is wanted: what the message names, and what it does not
        (("-o", "a.trc"), ()): (
            ["how large its images are and its frame rate, which a.trc needs", "Give", *size[:1]],
            [],
        ),
        (("-o", "a.trc"), size): (["its frame rate, which a.trc needs. Give --fps"], ["--image-size"]),
        (("-o", "a.trc"), rate): (["how large its images are. Give --image-size"], ["--fps"]),
        (("-o", "a.csv"), ()): (["how large its images are. Give --image-size"], ["--fps"]),
        (("-o", "a.csv", "--smooth", "savgol"), size): (["which --smooth needs. Give --fps"], ["--image-size"]),
        (("-o", "a.bvh", "-o", "a.c3d", "--smooth", "savgol"), ()): (["a.bvh and --smooth need. Give"], []),
    }
    for (wanted, given), (named, unnamed) in asked.items():
        said = srnet("lift", "walk.npy", "--layout", "body25b", *wanted, *given).refused(*named)
        assert not any(option in said for option in unnamed), said
    srnet("lift", "walk.npy", "--layout", "body25b", "-o", "a.trc", *size, *rate, "--device", "cpu").ok()


def test_the_video_beside_keypoints_tells_their_image_size_and_frame_rate(srnet):
    av = pytest.importorskip("av", reason="PyAV, of the extra video, is not installed")
    with np.load(EXAMPLE, allow_pickle=False) as file:
        np.save("walk.npy", file["keypoints"][:, 0] if file["keypoints"].ndim == 4 else file["keypoints"])
    srnet("lift", "walk.npy", "--layout", "body25b", "-o", "a.csv").refused("how large its images are")
    with av.open("walk.mp4", "w") as container:
        stream = container.add_stream("mpeg4", rate=60)
        stream.width, stream.height, stream.pix_fmt = 1088, 1920, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((1920, 1088, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    ran = srnet("lift", "walk.npy", "--layout", "body25b", "-o", "a.json", "--device", "cpu").ok()
    told = " ".join(ran.err.split())
    assert "images of 1088 x 1920 pixels and 60 frames per second, as walk.mp4 beside the keypoints has" in told
    about = json.loads(Path("a.json").read_text())
    assert about["image_size_px"] == [1088, 1920] and about["fps"] == 60
    ran = srnet("lift", "walk.npy", "--layout", "body25b", "--image-size", "700x1900", "-o", "a.json").ok()
    assert "has pictures of 1088 x 1920 pixels, not 700 x 1900" in " ".join(ran.err.split())
