"""Files of lifted people in the hands of readers that know nothing of srnet."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import srnet_core as srnet
from srnet_core.articulation import articulate
from srnet_core.lifting.lift import lift
from srnet_core.lifting.trajectory import follow
from srnet_core.lifting.world import stand
from srnet_core.lifting.writing import write_people

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"
BLENDER = """
import builtins, json, sys
import bpy
plain = builtins.open  # Debian's Blender 3.4 runs on a Python whose open() has no mode "U", which its importer asks for
builtins.open = lambda file, mode="r", *more, **rest: plain(file, mode.replace("U", ""), *more, **rest)
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_anim.bvh(filepath=sys.argv[-2], global_scale=0.01, update_scene_fps=True)
body = bpy.context.object
bpy.context.scene.frame_set(11)
places = {bone.name: list(body.matrix_world @ bone.head) for bone in body.pose.bones}
render = bpy.context.scene.render
plain(sys.argv[-1], "w").write(json.dumps({"places": places, "fps": render.fps / render.fps_base}))
"""


@pytest.fixture(scope="module")
def people():
    keypoints = srnet.read_keypoints(EXAMPLE).only(0)
    return stand(follow(lift(keypoints, srnet.Lifter.open(device="cpu"), fill_s=0.5, model="srnet-open-1")))


def test_parquet_in_pandas_and_polars(people, tmp_path, package):
    package("pyarrow")
    pandas, polars = package("pandas"), package("polars")
    write_people(people, tmp_path / "a.parquet")
    frame, other = pandas.read_parquet(tmp_path / "a.parquet"), polars.read_parquet(tmp_path / "a.parquet")
    placed_m = people.people[0].placed_m
    assert frame.shape == other.shape == (len(placed_m), 54)
    for values in (frame["LWrist_z_m"].to_numpy(), other["LWrist_z_m"].to_numpy()):
        np.testing.assert_array_equal(values, placed_m[:, 13, 2])


def test_h5_and_csv_in_pandas(people, tmp_path, package):
    pandas = package("pandas")
    write_people(people, tmp_path / "a.csv")
    frame = pandas.read_csv(tmp_path / "a.csv")
    np.testing.assert_allclose(frame["Head_x_m"], people.people[0].placed_m[:, 10, 0], atol=1e-5)


def test_c3d_in_ezc3d(people, tmp_path, package):
    ezc3d = package("ezc3d")
    write_people(people, tmp_path / "a.c3d")
    file = ezc3d.c3d(str(tmp_path / "a.c3d"))
    parameters = file["parameters"]
    assert parameters["POINT"]["UNITS"]["value"] == ["m"] and parameters["POINT"]["RATE"]["value"][0] == 60
    assert parameters["SRNET"]["MODEL"]["value"] == ["srnet-open-1"]
    points = file["data"]["points"][:3].transpose(2, 1, 0)
    np.testing.assert_allclose(points, people.motion().positions, atol=1e-6)


def test_missing_points_in_ezc3d(people, tmp_path, package):
    ezc3d = package("ezc3d")
    person = people.people[0]
    joints = person.joints_m.copy()
    joints[10:20] = np.nan
    from dataclasses import replace

    write_people(replace(people, people=(replace(person, joints_m=joints),)), tmp_path / "a.c3d")
    file = ezc3d.c3d(str(tmp_path / "a.c3d"))
    lost = np.isnan(file["data"]["points"][0]).all(axis=0)
    assert lost[10:20].all() and lost.sum() == 10
    assert (file["data"]["meta_points"]["residuals"][0][:, 10:20] == -1).all()


def test_c3d_in_the_package_c3d(people, tmp_path, package):
    c3d = package("c3d")
    write_people(people, tmp_path / "a.c3d")
    with open(tmp_path / "a.c3d", "rb") as file:
        reader = c3d.Reader(file)
        points = np.array([frame[1][:, :3] for frame in reader.read_frames()])
    assert reader.point_rate == 60 and [label.strip() for label in reader.point_labels[:2]] == ["Hip", "RHip"]
    np.testing.assert_allclose(points, people.motion().positions, atol=1e-6)


def test_bvh_in_bvhio(people, tmp_path, package):
    bvhio = package("bvhio")
    write_people(people, tmp_path / "a.bvh")
    hierarchy, body = bvhio.readAsHierarchy(str(tmp_path / "a.bvh")), articulate(people.motion().positions)
    for frame in (0, 30, 60, 99):
        hierarchy.loadPose(frame)
        for joint, _, _ in hierarchy.layout():
            if joint.Name in body.names:
                place = body.positions_m[frame, body.names.index(joint.Name)]
                np.testing.assert_allclose(np.array(joint.PositionWorld) / 100, place, atol=0.001)


def test_bvh_in_blender(people, tmp_path):
    if shutil.which("blender") is None:
        pytest.skip("blender is not installed; Debian has a package of that name")
    write_people(people, tmp_path / "a.bvh", names="mixamo")
    (tmp_path / "look.py").write_text(BLENDER)
    command = ["blender", "-b", "--factory-startup", "-P", str(tmp_path / "look.py"), "--"]
    subprocess.run([*command, str(tmp_path / "a.bvh"), str(tmp_path / "a.json")], check=True, capture_output=True)
    seen = json.loads((tmp_path / "a.json").read_text())
    body = articulate(people.motion().positions)
    for name, place in zip(body.names, body.positions_m[10]):  # Blender counts frames from 1 and has z up
        x, y, z = seen["places"][f"mixamorig:{name}"]
        np.testing.assert_allclose((x, z, -y), place, atol=0.001)
    assert abs(seen["fps"] - 60) < 0.01


def test_trc_and_markers_in_opensim(people, tmp_path, package):
    opensim = package("opensim")
    write_people(people, tmp_path / "a.trc", opensim=True)
    table = opensim.TimeSeriesTableVec3(str(tmp_path / "a.trc"))
    markers = opensim.MarkerSet(str(tmp_path / "a_markers.xml"))
    names = {markers.get(i).getName() for i in range(markers.getSize())}
    assert table.getNumRows() == 100 and table.getTableMetaDataString("Units") == "m"
    assert names <= set(table.getColumnLabels()) and len(names) == 16


def test_a_trc_with_missing_frames_in_opensim(people, tmp_path, package):
    """It refused rows that ended with an empty cell."""
    opensim = package("opensim")
    person = people.people[0]
    joints_m = person.joints_m.copy()
    joints_m[40:60] = np.nan
    write_people(replace(people, people=(replace(person, joints_m=joints_m),)), tmp_path / "a.trc")
    table = opensim.TimeSeriesTableVec3(str(tmp_path / "a.trc"))
    there = [np.isfinite(table.getRowAtIndex(i)[j].to_numpy()).all() for i in range(100) for j in (0, 16)]
    assert there == [not 40 <= i < 60 for i in range(100) for _ in (0, 16)]


def test_rrd_is_read_by_rerun_itself(people, tmp_path, package):
    package("rerun")
    write_people(people, tmp_path / "a.rrd")

    def rerun(command):
        read = [sys.executable, "-m", "rerun", "rrd", command, str(tmp_path / "a.rrd")]
        return subprocess.run(read, check=True, capture_output=True, text=True, timeout=120).stdout

    rerun("verify")
    listed = rerun("print")
    for entity in ("/about", "/world/person_1/joints", "/world/person_1/bones", "/image/person_1"):
        assert entity in listed


def test_a_video_through_mediapipe(tmp_path, package):
    package("mediapipe", extra="video")
    package("av")
    from srnet_core.detectors import open_detector
    from srnet_core.detectors.keypoints import detect
    from srnet_core.video import write_mp4

    with open(tmp_path / "grey.mp4", "wb") as file:
        write_mp4(file, [np.full((240, 320, 3), 128, np.uint8)] * 5, 30)
    detector = open_detector("mediapipe")
    keypoints = detect(tmp_path / "grey.mp4", detector)
    detector.close()
    assert keypoints.frame_count == 5 and keypoints.layout.name == "blazepose33" and not keypoints.tracks


def test_rtmlib_with_local_files(tmp_path, package):
    """Networks of rtmlib's shapes: one always finds a person, the other every joint at its middle."""
    onnx = package("onnx")
    package("rtmlib", extra="rtmlib")
    from srnet_core.detectors import open_detector

    people_file, pose_file = _yolox(onnx, tmp_path / "yolox.onnx"), _rtmpose(onnx, tmp_path / "rtmpose.onnx")
    detector = open_detector("rtmlib", (people_file, pose_file))
    found = detector(np.zeros((480, 640, 3), np.uint8))
    assert detector.layout == "halpe26" and found.shape == (1, 26, 3)
    assert (found[..., 2] > 0).all() and (abs(found[0, :, 0] - 200) < 30).all()


def _yolox(onnx, path):
    box = onnx.numpy_helper.from_array(np.array([[[100, 50, 300, 450, 0.9]]], np.float32), "box")
    return _constant_network(onnx, path, (1, 3, 640, 640), {"dets": box})


def _rtmpose(onnx, path):
    x, y = np.zeros((1, 26, 384), np.float32), np.zeros((1, 26, 512), np.float32)
    x[..., 192] = y[..., 256] = 1
    outputs = {"simcc_x": onnx.numpy_helper.from_array(x, "x"), "simcc_y": onnx.numpy_helper.from_array(y, "y")}
    return _constant_network(onnx, path, (1, 3, 256, 192), outputs)


def _constant_network(onnx, path, shape, outputs):
    helper = onnx.helper
    nodes = [helper.make_node("Identity", [value.name], [name]) for name, value in outputs.items()]
    inputs = [helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, shape)]
    given = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, list(v.dims)) for n, v in outputs.items()]
    graph = helper.make_graph(nodes, "constant", inputs, given, initializer=list(outputs.values()))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))
    return path
