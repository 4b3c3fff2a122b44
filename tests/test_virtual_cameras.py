"""Virtual cameras: Human3.6M's, rings, and calibration files of other programs."""

import json

import numpy as np
import pytest

from srnet_core.errors import AmbiguousError, BadFileError, ConfigError, InputFileMissing, UnknownNameError
from srnet_core.geometry.h36m_cameras import h36m_cameras
from srnet_core.geometry.rotation import quaternion_to_matrix
from srnet_core.virtual_cameras import h36m_rig, read_camera, read_rig, ring

PEOPLE = np.random.default_rng(0).uniform((-0.5, -0.5, 0.1), (0.5, 0.5, 1.8), (40, 3))


def test_human36ms_cameras_see_a_person_at_their_target():
    rig = h36m_rig("S9")
    assert rig.cameras == h36m_cameras()["S9"]
    people = PEOPLE + np.array([*rig.target_m, 0])
    for camera in rig.cameras:
        pixels = camera.project(camera.world_to_camera(people))
        assert (pixels > 0).all() and (pixels < 1000).all()
    with pytest.raises(UnknownNameError):
        h36m_rig("S2")


@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_a_ring_looks_at_its_middle(count):
    rig = ring(count, radius_m=5)
    assert len(rig.cameras) == count and rig.target_m == (0, 0)
    for camera in rig.cameras:
        centre, above = camera.project(camera.world_to_camera(np.array([[0, 0, 0.9], [0, 0, 1.5]])))
        np.testing.assert_allclose(centre, (500, 500), atol=1e-9)
        assert above[1] < 490 and above[0] == pytest.approx(500)
        assert np.hypot(*camera.translation_m[:2]) == pytest.approx(5)
    assert len({camera.translation_m for camera in rig.cameras}) == count


@pytest.mark.parametrize("wrong", [{"count": 0}, {"count": 501}, {"radius_m": 0.0}, {"focal_length_px": float("nan")}])
def test_rings_that_make_no_sense(wrong):
    with pytest.raises(ConfigError):
        ring(**wrong)


def opencv_project(points, matrix, distortion, rotation, translation):
    """OpenCV's model, written out for the test."""
    x, y, z = (points @ rotation.T + translation).T
    x, y = x / z, y / z
    k1, k2, p1, p2, k3 = distortion
    r2 = x * x + y * y
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3
    u = x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    v = y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return np.stack([u * matrix[0, 0] + matrix[0, 2], v * matrix[1, 1] + matrix[1, 2]], axis=-1)


def calibration(world="z", unit=1.0, distortion=(-0.2, 0.2, 1e-4, -1e-4, 0.01)):
    """Parts of four cameras around the origin, in a world with another up axis and unit, as OpenCV has them."""
    turn = {"z": np.eye(3), "y": np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])}[world]
    parts = []
    for camera in ring(4).cameras:
        rotation = quaternion_to_matrix(np.array(camera.orientation)).T @ turn.T
        centre = turn @ camera.translation_m
        matrix = np.array([[1100.0, 0, 510], [0, 1105, 490], [0, 0, 1]])
        parts.append((matrix, np.array(distortion), rotation, -rotation @ centre * unit))
    return turn, parts


def rotation_vector(rotation):
    angle = np.arccos((np.trace(rotation) - 1) / 2)
    axis = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    return axis / (2 * np.sin(angle)) * angle


@pytest.mark.parametrize("world", ["z", "y"])
@pytest.mark.parametrize("unit", [1.0, 100.0, 1000.0])
def test_toml_and_json_files_give_the_pixels_of_opencv(tmp_path, world, unit):
    turn, parts = calibration(world, unit)
    lines = []
    for i, (matrix, distortion, rotation, translation) in enumerate(parts):
        lines += [
            f"[cam_{i}]",
            f'name = "cam_{i}"',
            "size = [1000.0, 980.0]",
            f"matrix = {matrix.tolist()}",
            f"distortions = {distortion.tolist()}",
            f"rotation = {rotation_vector(rotation).tolist()}",
            f"translation = {translation.tolist()}",
            "fisheye = false",
        ]
    (tmp_path / "calib.toml").write_text("\n".join([*lines, "[metadata]", "adjusted = false"]), encoding="utf-8")
    cameras = [
        {
            "name": f"cam_{i}",
            "resolution": [1000, 980],
            "K": k.tolist(),
            "distCoef": d.tolist(),
            "R": r.tolist(),
            "t": t.tolist(),
        }
        for i, (k, d, r, t) in enumerate(parts)
    ]
    (tmp_path / "list.json").write_text(json.dumps({"cameras": cameras}), encoding="utf-8")
    (tmp_path / "dict.json").write_text(json.dumps({c["name"]: c for c in cameras}), encoding="utf-8")
    for name in ("calib.toml", "list.json", "dict.json"):
        rig = read_rig(tmp_path / name)
        assert [c.id for c in rig.cameras] == ["cam_0", "cam_1", "cam_2", "cam_3"]
        assert (rig.cameras[0].width_px, rig.cameras[0].height_px) == (1000, 980)
        assert bool(rig.notes) == (unit != 1 or world != "z" or any("distortion" in n for n in rig.notes))
        np.testing.assert_allclose(rig.target_m, 0, atol=1e-6)
        for camera, (k, d, r, t) in zip(rig.cameras, parts):
            expected = opencv_project(PEOPLE @ turn.T * unit, k, d, r, t)
            np.testing.assert_allclose(camera.project(camera.world_to_camera(PEOPLE)), expected, atol=0.1)


@pytest.mark.parametrize(
    "named",
    [
        lambda k, d: {"camera_matrix": k, "distortion_coefficients": d, "image_width": 1000, "image_height": 980},
        lambda k, d: {
            "cameraMatrix": {"data": k},
            "dist_coefs": {"data": d},
            "imageSize": {"width": 1000, "height": 980},
        },
        lambda k, d: {"Mtx": k, "distortionCoeffs": d, "Resolution": [1000, 980]},
        lambda k, d: {
            "intrinsics": {
                "fx": 1100.0,
                "fy": 1105.0,
                "cx": 510.0,
                "cy": 490.0,
                **dict(zip(("k1", "k2", "p1", "p2", "k3"), d)),
            },
            **{"width": 1000, "height": 980},
        },
    ],
)
def test_other_names_of_the_same_values(tmp_path, named):
    """Coefficients under a name that was not known were passed over, and the lens taken for one without distortion."""
    _, parts = calibration()
    tables = {
        f"cam_{i}": {**named(k.tolist(), d.tolist()), "R": r.tolist(), "T": t.tolist()}
        for i, (k, d, r, t) in enumerate(parts)
    }
    (tmp_path / "a.json").write_text(json.dumps(tables))
    rig = read_rig(tmp_path / "a.json")
    assert (rig.cameras[0].width_px, rig.cameras[0].height_px) == (1000, 980)
    for camera, (k, d, r, t) in zip(rig.cameras, parts):
        expected = opencv_project(PEOPLE, k, d, r, t)
        np.testing.assert_allclose(camera.project(camera.world_to_camera(PEOPLE)), expected, atol=0.1)


def test_a_lens_or_a_size_that_is_not_known_is_said(tmp_path):
    _, parts = calibration()
    table = {"K": parts[0][0].tolist(), "R": parts[0][2].tolist(), "t": parts[0][3].tolist()}
    (tmp_path / "a.json").write_text(json.dumps({**table, "lens_distortion_model": [0.1, 0.2]}))
    with pytest.raises(BadFileError, match="distortion is called 'lens_distortion_model'.*Call it 'distortions'"):
        read_rig(tmp_path / "a.json")
    (tmp_path / "b.json").write_text(json.dumps(table))
    assert any("no image size of camera 0: its principal point" in note for note in read_rig(tmp_path / "b.json").notes)


def test_fisheye_lenses_are_fitted_or_refused(tmp_path):
    _, parts = calibration()
    matrix, _, rotation, translation = parts[0]
    table = {
        "K": matrix.tolist(),
        "R": rotation.tolist(),
        "t": translation.tolist(),
        "size": [1000, 980],
        "fisheye": True,
    }
    (tmp_path / "a.json").write_text(json.dumps({**table, "dist": [0.01, 0.001, 0, 0]}), encoding="utf-8")
    camera = read_rig(tmp_path / "a.json").cameras[0]
    point = camera.camera_to_world(np.array([[0.8, -0.4, 3.0]]))
    r = np.hypot(0.8, 0.4) / 3
    a = np.arctan(r)
    expected = matrix[:2, 2] + np.array([1100, 1105]) * np.array([0.8, -0.4]) / 3 * (a + 0.01 * a**3 + 0.001 * a**5) / r
    np.testing.assert_allclose(camera.project(camera.world_to_camera(point))[0], expected, atol=0.5)
    (tmp_path / "b.json").write_text(json.dumps({**table, "dist": [9, -30, 0, 0]}), encoding="utf-8")
    with pytest.raises(BadFileError, match="lens distortion cannot be described"):
        read_rig(tmp_path / "b.json")


GOOD = {
    "K": np.diag([1000, 1000, 1]).tolist(),
    "R": [[1, 0, 0], [0, 0, -1], [0, 1, 0]],
    "t": [0, 1, 3],
    "size": [640, 480],
}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("{", "JSON text ends in the middle"),
        ("[1 2]", "is not JSON"),
        ("[" * 100_000, "nested too deep"),
        ("[]", "holds no cameras"),
        ('{"a": 1}', "holds no cameras"),
        (json.dumps([GOOD] * 600 and {str(i): GOOD for i in range(600)}), "more than 500 cameras"),
        (json.dumps({**GOOD, "K": [[1, 2], [3, 4]]}), "its matrix has 4 numbers, not 9, a 3x3 matrix"),
        (json.dumps({**GOOD, "R": [0.1, 0.2]}), "its rotation has 2 numbers, not 3 or 9"),
        (json.dumps({**GOOD, "t": [0, 0, 0, 1]}), "its translation has 4 numbers, not 3"),
        (json.dumps({**GOOD, "dist": [0] * 15}), "its distortion has 15 numbers, not at most 14"),
        (json.dumps({**GOOD, "K": [["a", 2], [3, 4]]}), "not made of numbers"),
        (json.dumps({**GOOD, "R": [[2, 0, 0], [0, 1, 0], [0, 0, 1]]}), "not a rotation"),
        (json.dumps({**GOOD, "R": [[1, 0, 0], [0, 0, 1], [0, 1, 0]]}), "not a rotation"),
        (json.dumps({**GOOD, "t": None}), "translation is missing"),
        (json.dumps({**GOOD, "size": ["a", 1]}), "image size"),
        (json.dumps({**GOOD, "size": [0, 1]}), "must be positive"),
        (json.dumps({**GOOD, "t": [float("inf"), 0, 0]}), "not made of numbers"),
    ],
)
def test_files_that_are_wrong(tmp_path, content, words):
    path = tmp_path / "a.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(BadFileError, match=words):
        read_rig(path)


def test_files_of_another_ending_may_be_toml_or_json(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(GOOD), encoding="utf-8")
    (tmp_path / "a.calib").write_text(json.dumps(GOOD), encoding="utf-8")
    (tmp_path / "b.calib").write_text("".join(f"{k} = {v}\n" for k, v in GOOD.items()), encoding="utf-8")
    wanted = read_rig(tmp_path / "a.json").cameras
    assert read_rig(tmp_path / "a.calib").cameras == read_rig(tmp_path / "b.calib").cameras == wanted
    (tmp_path / "README.md").write_text("# A title\nand text\n", encoding="utf-8")
    with pytest.raises(BadFileError, match="README.md: is neither TOML nor JSON"):
        read_rig(tmp_path / "README.md")


def test_no_file(tmp_path):
    for name in ("no.json", "no.toml"):
        with pytest.raises(InputFileMissing):
            read_rig(tmp_path / name)


def test_a_real_calibration(shared_dir):
    rig = read_rig(shared_dir / "wild/pose2sim/Calib_qualisys.toml")
    assert len(rig.cameras) == 4
    for camera in rig.cameras:  # portrait images of a person near the target
        pixels = camera.project(camera.world_to_camera(np.array([[*rig.target_m, 0.1], [*rig.target_m, 1.7]])))
        assert pixels[0, 1] > pixels[1, 1] + 400 and (pixels > 0).all() and (pixels < (1088, 1920)).all()


INTRINSICS = {"K": [[1500, 0, 960], [0, 1500, 540], [0, 0, 1]], "size": [1920, 1080]}


def test_a_recording_camera_needs_no_place(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"cam_01": INTRINSICS, "cam_02": INTRINSICS}), encoding="utf-8")
    found = read_camera(tmp_path / "a.json", recording="videos/Cam02.mp4", image_size=(1920, 1080))
    assert found.camera.id == "cam_02" and not found.placed and found.camera.center_px == (960, 540)
    assert read_camera(tmp_path / "a.json", recording="cam01_json").camera.id == "cam_01"
    assert read_camera(tmp_path / "a.json", "cam_01", recording="Cam02.mp4").camera.id == "cam_01"
    with pytest.raises(AmbiguousError, match="2 cameras.*cam_01, cam_02"):
        read_camera(tmp_path / "a.json", recording="take.mp4")
    with pytest.raises(UnknownNameError, match="cam_03"):
        read_camera(tmp_path / "a.json", "cam_03")


def test_images_of_another_size(tmp_path):
    opencv = {"camera_matrix": {"rows": 3, "cols": 3, "dt": "d", "data": [1500, 0, 960, 0, 1500, 540, 0, 0, 1]}}
    (tmp_path / "a.json").write_text(json.dumps({**opencv, "size": [1920, 1080]}), encoding="utf-8")
    half = read_camera(tmp_path / "a.json", image_size=(960, 540))
    assert half.camera.focal_length_px == (750, 750) and any("scaled" in note for note in half.notes)
    cut = read_camera(tmp_path / "a.json", image_size=(1912, 1080))
    assert cut.camera.focal_length_px == (1500, 1500) and any("cut off" in note for note in cut.notes)
    with pytest.raises(ConfigError, match="another shape"):
        read_camera(tmp_path / "a.json", image_size=(1080, 1920))


def test_a_recording_camera_of_a_real_calibration(shared_dir):
    path = shared_dir / "wild/pose2sim/Calib_qualisys.toml"
    found = read_camera(path, recording="Demo/videos/cam03.mp4", image_size=(1080, 1920))
    assert found.camera.id == "cam_03" and found.placed and 0.5 < found.camera.translation_m[2] < 4
