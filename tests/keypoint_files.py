"""Writes 2D keypoint files in the form of every tool that is read, of people that are made up here."""

import csv
import json
import pickle
import zipfile
from pathlib import Path

import h5py
import numpy as np
from array_files import ARRAYS
from depth_camera_files import DEPTH_CAMERAS, OTHER_DEPTH_CAMERAS
from figure_making import FRAMES, SIZE_PX, figure, flat, json_file, person
from labelled_files import LABELLED
from numbered_files import NUMBERED
from nwb_files import NWB

from srnet_core.layouts import get_layout

# OpenPose and the like


def write_openpose(folder: Path, frames: list[list[np.ndarray]], *, name="video_{:012d}_keypoints.json", numbers=None):
    """One file per frame; each person (J, 3)."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, people in zip(numbers or range(len(frames)), frames):
        listed = [{"person_id": [-1], "pose_keypoints_2d": flat(p)} for p in people]
        (folder / name.format(number)).write_text(json.dumps({"version": 1.3, "people": listed}))
    return folder


def one(points: np.ndarray) -> list[list[np.ndarray]]:
    """A person alone in every frame."""
    return [[p] for p in points]


def openpose(layout: str):
    return lambda path: write_openpose(path, one(person(layout)))


def openpose_with_hands(path: Path):
    write_openpose(path, one(person("body25")))
    hand = [float(v) for v in range(63)]
    for file in path.iterdir():
        frame = json.loads(file.read_text())
        frame["people"][0] |= {"hand_left_keypoints_2d": hand, "hand_right_keypoints_2d": hand, "face_keypoints_2d": []}
        file.write_text(json.dumps(frame))
    return path


def openpose_old(path: Path):
    """Version 1.0: other keys."""
    path.mkdir()
    for number, points in enumerate(person("coco18_openpose")):
        frame = {"version": 1.0, "people": [{"pose_keypoints": flat(points), "hand_left_keypoints": []}]}
        (path / f"{number}.json").write_text(json.dumps(frame))
    return path


def openpose_as_text(path: Path):
    """Numbers in quotation marks, as some programs write JSON."""
    write_openpose(path, one(person("body25")))
    for file in path.iterdir():
        frame = json.loads(file.read_text())
        for human in frame["people"]:
            human["pose_keypoints_2d"] = [f"{v:.3f}" for v in human["pose_keypoints_2d"]]
        file.write_text(json.dumps(frame))
    return path


def openpose_matrices(path: Path):
    """`--write_keypoint` of version 1.0: a matrix in YAML for each frame, and one of the face beside it."""
    path.mkdir()
    for i, points in enumerate(person("body25")):
        for part, values in (("pose", points), ("face", points)):
            data = ", ".join(f"{v:.8e}" for v in values.reshape(-1))
            matrix = f"{part}_0: !!opencv-nd-matrix\n   sizes: [ 1, 25, 3 ]\n   dt: f\n   data: [ {data} ]\n"
            (path / f"walk_{i:012d}_{part}.yml").write_text(f"%YAML:1.0\n---\n{matrix}")
    return path


def alphapose_list(layout: str):
    def write(path: Path):
        people = [
            {
                "image_id": f"{i}.jpg",
                "category_id": 1,
                "keypoints": flat(p),
                "score": 2.5,
                "box": [1, 2, 3, 4],
                "idx": [0.0],
            }
            for i, p in enumerate(person(layout))
        ]
        return json_file(path, people)

    return write


def alphapose_cmu(path: Path):
    images = {
        f"{i}.jpg": {"version": "AlphaPose v0.3", "bodies": [{"joints": flat(p)}]}
        for i, p in enumerate(person("coco18_openpose"))
    }
    return json_file(path, images)


def alphapose_open(path: Path):
    images = {
        f"{i}.jpg": {"version": "AlphaPose v0.3", "people": [{"pose_keypoints_2d": flat(p)}]}
        for i, p in enumerate(person("coco18_openpose"))
    }
    return json_file(path, images)


# COCO, MMPose, ST-GCN


def coco_results(path: Path):
    people = [
        {"image_id": i, "category_id": 1, "keypoints": flat(p), "score": 0.9} for i, p in enumerate(person("coco17"), 1)
    ]
    return json_file(path, people)


def coco_annotations(path: Path):
    layout = get_layout("coco17")
    points = person(layout)
    points[..., 2] = 2
    points[0, 3] = 0
    points[1, 4, 2] = 1
    value = {
        "images": [{"id": 100 + i, "file_name": f"f_{i:04d}.jpg", "width": 640, "height": 480} for i in range(FRAMES)],
        "annotations": [
            {
                "id": i,
                "image_id": 100 + i,
                "category_id": 1,
                "keypoints": flat(p),
                "num_keypoints": 17,
                "bbox": [0, 0, 1, 1],
            }
            for i, p in enumerate(points)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(layout.joints), "skeleton": []}],
    }
    return json_file(path, value)


def coco_of_two_videos(path: Path):
    """Annotations of two videos, as PoseTrack and labelling tools have them: a sequence each."""
    layout = get_layout("coco17")
    images, people = [], []
    for video in (1, 2):
        for i, points in enumerate(person(layout, seed=video)):
            number = 1000 * video + i
            about = {"width": 640, "height": 480, "video_id": video, "frame_id": i}
            images.append({"id": number, "file_name": f"v{video}/{i:06d}.jpg", **about})
            people.append(
                {"id": number, "image_id": number, "category_id": 1, "track_id": 1, "keypoints": flat(points)}
            )
    categories = [{"id": 1, "name": "person", "keypoints": list(layout.joints)}]
    return json_file(path, {"images": images, "annotations": people, "categories": categories})


def hybrik(path: Path):
    """Human3.6M as HybrIK reads it: joints in the camera's coordinates (mm), and the camera; no keypoints."""
    focal, centre, depth = np.array([1145.0, 1143.8]), np.array([512.5, 515.4]), 4000.0
    points = person("h36m17")[..., :2]
    joints = np.concatenate([(points - centre) / focal * depth, np.full((FRAMES, 17, 1), depth)], axis=-1)
    camera = {"R": np.eye(3).tolist(), "t": [0, 0, 0], "f": focal.tolist(), "c": centre.tolist()}
    folder = "s_11_act_02_subact_01_ca_01"
    images = [
        {"id": i, "file_name": f"{folder}/{folder}_{i + 1:06d}.jpg", "width": 1000, "height": 1002, "cam_param": camera}
        | {"subject": 11, "action_idx": 2, "subaction_idx": 1, "cam_idx": 1, "frame_idx": i}
        for i in range(FRAMES)
    ]
    annotations = [
        {"id": i, "image_id": i, "bbox": [1, 2, 3, 4], "h36m_joints": joints[i].tolist(), "betas": [0.0] * 10}
        for i in range(FRAMES)
    ]
    return json_file(path, {"images": images, "annotations": annotations})


def _instance(points: np.ndarray) -> dict:
    return {
        "keypoints": points[:, :2].tolist(),
        "keypoint_scores": points[:, 2].tolist(),
        "bbox": [[0, 0, 9, 9]],
        "bbox_score": 0.9,
    }


def mmpose_topdown(layout: str, dataset: str):
    def write(path: Path):
        names = get_layout(layout).joints
        value = {
            "meta_info": {
                "dataset_name": dataset,
                "num_keypoints": len(names),
                "keypoint_id2name": {str(i): n for i, n in enumerate(names)},
            },
            "instance_info": [{"frame_id": i, "instances": [_instance(p)]} for i, p in enumerate(person(layout), 1)],
        }
        return json_file(path, value, indent="\t")

    return write


def mmpose_inferencer(layout: str):
    return lambda path: json_file(
        path, [{"frame_id": i, "instances": [_instance(p)]} for i, p in enumerate(person(layout))]
    )


def mmpose_images(path: Path):
    """The inferencer on a folder of images: one list of instances each."""
    path.mkdir()
    for i, points in enumerate(person("coco17")):
        (path / f"img_{i:03d}.json").write_text(json.dumps([_instance(points)]))
    return path


def stgcn_nested(path: Path):
    frames = [
        {"frame_index": i, "skeleton": [{"pose": p[:, :2].tolist(), "score": p[:, 2:].tolist(), "bbox": [0, 0, 1, 1]}]}
        for i, p in enumerate(person("coco17"), 1)
    ]
    return json_file(path, {"label": "a", "label_index": 0, "data": frames})


def stgcn_kinetics(path: Path):
    """As the Kinetics-skeleton files are: flat, fractions of the image, 18 joints."""
    frames = [
        {"frame_index": i, "skeleton": [{"pose": flat(p[:, :2] / SIZE_PX), "score": flat(p[:, 2])}]}
        for i, p in enumerate(person("coco18_openpose"), 1)
    ]
    return json_file(path, {"data": frames, "label": "a", "label_index": 0})


# MediaPipe, YOLO


def mediapipe_json(path: Path):
    frames = [
        {
            "timestamp": 33 * i,
            "worldLandmarks": [],
            "landmarks": [[{"x": x / 640, "y": y / 480, "z": 0.1, "visibility": c} for x, y, c in p]],
        }
        for i, p in enumerate(person("blazepose33"))
    ]
    frames[0]["landmarks"] = []
    return json_file(path, {"video": "a.mp4", "width": 640, "height": 480, "fps": 30.0, "frames": frames})


def mediapipe_long(path: Path):
    rows = ["frame,landmark,x,y,z,visibility"]
    for i, p in enumerate(person("blazepose33")):
        rows += [f"{i},{j},{x / 640},{y / 480},0.1,{c}" for j, (x, y, c) in enumerate(p)]
    path = path.with_suffix(".csv")
    path.write_text("\n".join(rows) + "\n")
    return path


def mediapipe_wide(path: Path):
    names = [n.upper() for n in get_layout("blazepose33").joints]
    rows = ["frame," + ",".join(f"{n}_{k}" for n in names for k in ("x", "y", "z", "visibility"))]
    for i, p in enumerate(person("blazepose33")):
        rows.append(f"{i}," + ",".join(f"{x / 640},{y / 480},0.1,{c}" for x, y, c in p))
    path = path.with_suffix(".csv")
    path.write_text("\n".join(rows) + "\n")
    return path


def yolo(path: Path):
    """Frames 1 to 12, not padded; nobody in frame 6."""
    path.mkdir()
    for i, p in enumerate(person("coco17"), 1):
        p[:, :2] /= SIZE_PX
        if i != 6:
            (path / f"demo_{i}.txt").write_text(
                "0 0.5 0.5 0.3 0.9 " + " ".join(f"{v:.6g}" for v in p.reshape(-1)) + "\n"
            )
    return path


def yolo_in_pixels(path: Path):
    """As people write labels themselves: box and joints in pixels, the box as its upper left corner and size."""
    path.mkdir()
    for i, p in enumerate(person("coco17"), 1):
        low, size = p[:, :2].min(axis=0), np.ptp(p[:, :2], axis=0)
        values = [*low, *size, *p.reshape(-1)]
        (path / f"demo_{i}.txt").write_text("0 " + " ".join(f"{v:.3f}" for v in values) + "\n")
    return path


def yolo_tracked(path: Path):
    """With the confidence of the box and the number of the track at the end."""
    path.mkdir()
    for i, p in enumerate(person("coco17"), 1):
        p[:, :2] /= SIZE_PX
        line = "0 0.5 0.5 0.3 0.9 " + " ".join(f"{v:.6g}" for v in p.reshape(-1)) + " 0.87 3\n"
        (path / f"demo_{i}.txt").write_text(line)
    return path


# Arrays


def _object(value) -> np.ndarray:
    array = np.empty((), object)
    array[()] = value
    return array


def videopose3d_custom(path: Path):
    layout = get_layout("coco17")
    left, right = zip(*layout.mirror_pairs)
    path = path.with_suffix(".npz")
    np.savez_compressed(
        path,
        positions_2d={"a.mp4": {"custom": [person(layout)[..., :2].astype("f4")]}},
        metadata={
            "layout_name": "coco",
            "num_joints": 17,
            "keypoints_symmetry": [list(left), list(right)],
            "video_metadata": {"a.mp4": {"w": 640, "h": 480}},
        },
    )
    return path


def poseaug_16_joints(path: Path):
    """Human3.6M without Neck/Nose, under the name that the set of 17 has too."""
    layout = get_layout("h36m16")
    left, right = zip(*layout.mirror_pairs)
    path = path.with_suffix(".npz")
    metadata = {"layout_name": "h36m", "num_joints": 16, "keypoints_symmetry": [list(left), list(right)]}
    views = [person(layout)[..., :2].astype("f4")]
    np.savez_compressed(path, positions_2d={"S9": {"Walking 1": views}}, metadata=metadata)
    return path


def cameras_by_name(path: Path):
    """{camera: array} where VideoPose3D has a list."""
    path = path.with_suffix(".npz")
    metadata = {"layout_name": "coco", "num_joints": 17}
    views = {"54138969": person("coco17")[..., :2]}
    np.savez_compressed(path, positions_2d={"S9": {"Walking 1": views}}, metadata=metadata)
    return path


def write_spin(path: Path, images: list[str], **arrays: np.ndarray) -> Path:
    """A file of SPIN: one person per row, in the image of that name."""
    path = path.with_suffix(".npz")
    boxes = {"center": np.full((len(images), 2), 300.0), "scale": np.full(len(images), 1.5)}
    np.savez(path, imgname=np.array(images), **boxes, **arrays)
    return path


def spin_video(path: Path):
    """As SPIN writes MPI-INF-3DHP: every tenth frame, with 3D joints."""
    images = [f"S1/Seq1/imageFrames/video_0/frame_{10 * i + 1:06}.jpg" for i in range(FRAMES)]
    return write_spin(path, images, part=person("spin24"), S=np.ones((FRAMES, 24, 4)), pose=np.zeros((FRAMES, 72)))


def spin_49_joints(path: Path):
    points = person("spin49")
    images = [f"TS1/imageSequence/img_{i:06}.jpg" for i in range(FRAMES)]
    return write_spin(path, images, openpose=points[:, :25], part=points[:, 25:], S=np.ones((FRAMES, 24, 4)))


def detectron_script(path: Path):
    points = person("coco17")
    keypoints = np.empty((FRAMES, 2), object)
    boxes = np.empty((FRAMES, 2), object)
    for i, p in enumerate(points):
        keypoints[i] = [[], np.stack([p[:, 0], p[:, 1], 0 * p[:, 0], p[:, 2]])[None].astype("f4")]
        boxes[i] = [[], np.ones((1, 5), "f4")]
    keypoints[4, 1] = []
    path = path.with_suffix(".npz")
    np.savez_compressed(path, boxes=boxes, keypoints=keypoints, segments=boxes, metadata={"w": 640, "h": 480})
    return path


def npy(layout: str, *, confidence: bool):
    def write(path: Path):
        path = path.with_suffix(".npy")
        np.save(path, person(layout)[..., : 3 if confidence else 2].astype("f4"))
        return path

    return write


def npz_plain(path: Path):
    path = path.with_suffix(".npz")
    points = person("halpe26")
    np.savez(path, keypoints=points[..., :2], scores=points[..., 2], fps=25.0, size=np.array(SIZE_PX))
    return path


def npz_people_first(path: Path):
    """MotionBERT's and MHFormer's demos: (people, frames, joints, 2) under the name "reconstruction"."""
    path = path.with_suffix(".npz")
    np.savez_compressed(path, reconstruction=person("h36m17")[None, ..., :2])
    return path


def mmaction(path: Path):
    """A pickle of MMAction2 and PYSKL: takes with arrays of people, frames and joints."""
    points = person("coco17")
    take = {"frame_dir": "a", "label": 3, "img_shape": SIZE_PX[::-1], "total_frames": FRAMES}
    take |= {"keypoint": points[None, ..., :2].astype("f4"), "keypoint_score": points[None, ..., 2].astype("f4")}
    path = path.with_suffix(".pkl")
    path.write_bytes(pickle.dumps({"split": {"train": ["a"]}, "annotations": [take]}))
    return path


def jhmdb(path: Path):
    from scipy.io import savemat

    path = path.with_suffix(".mat")
    points = person("jhmdb15")[..., :2].transpose(2, 1, 0)
    savemat(path, {"viewpoint": "W", "pos_world": 0 * points, "pos_img": points}, do_compression=True)
    return path


def csv_named(path: Path):
    names = get_layout("body25").joints
    rows = ["frame," + ",".join(f"{n}_{k}" for n in names for k in ("x", "y", "score"))]
    rows += [f"{i}," + ",".join(map(str, p.reshape(-1))) for i, p in enumerate(person("body25"))]
    path = path.with_suffix(".csv")
    path.write_text("\n".join(rows) + "\n")
    return path


def csv_long(path: Path):
    names = get_layout("coco17").joints
    rows = ["frame;joint;x;y;confidence"]
    rows += [f"{i};{n};{x};{y};{c}" for i, p in enumerate(person("coco17")) for n, (x, y, c) in zip(names, p)]
    path = path.with_suffix(".csv")
    path.write_text("\n".join(rows) + "\n")
    return path


# DeepLabCut, SLEAP

_DLC = "DLC_resnet50_x"


def _dlc_labels(names, individuals=("",), coords=("x", "y", "likelihood")) -> list[tuple[str, ...]]:
    who = [(w,) if w else () for w in individuals]
    return [(_DLC, *w, n, c) for w in who for n in names for c in coords]


def dlc_csv(path: Path):
    labels = _dlc_labels(get_layout("coco17").joints)
    rows = [
        ",".join([name, *[label[i] for label in labels]]) for i, name in enumerate(("scorer", "bodyparts", "coords"))
    ]
    rows += [f"{i}," + ",".join(map(str, p.reshape(-1))) for i, p in enumerate(person("coco17"))]
    path = path.with_suffix(".csv")
    path.write_text("\n".join(rows) + "\n")
    return path


def dlc_csv_two_animals(path: Path):
    labels = _dlc_labels(get_layout("coco17").joints, ("mia", "ben"))
    levels = ("scorer", "individuals", "bodyparts", "coords")
    rows = [",".join([name, *[label[i] for label in labels]]) for i, name in enumerate(levels)]
    ben = person("coco17", x_px=150.0, seed=3)
    for i, p in enumerate(person("coco17")):
        second = ["" for _ in range(51)] if i < 3 else list(map(str, ben[i].reshape(-1)))
        rows.append(f"{i}," + ",".join([*map(str, p.reshape(-1)), *second]))
    path = path.with_suffix(".csv")
    path.write_text("\n".join(rows) + "\n")
    return path


def dlc_labels_csv(path: Path):
    """Labels: three columns for the name of the image, no likelihood, blanks."""
    labels = _dlc_labels(get_layout("coco17").joints, coords=("x", "y"))
    rows = [
        ",".join([name, "", "", *[label[i] for label in labels]])
        for i, name in enumerate(("scorer", "bodyparts", "coords"))
    ]
    for i, p in enumerate(person("coco17")):
        cells = ["" if j < 2 else str(v) for j, v in enumerate(p[:, :2].reshape(-1))]
        rows.append(f"labeled-data,vid,img{i:03d}.png," + ",".join(cells))
    path = path.with_suffix(".csv")
    path.write_text("\n".join(rows) + "\n")
    return path


def _pickled(value) -> np.bytes_:
    return np.bytes_(pickle.dumps(value, 0))


def dlc_h5_two_animals(path: Path):
    """The same of two animals, who are both there from the beginning."""
    return dlc_h5_table(path, ("mia", "ben"))


def dlc_h5_table(path: Path, individuals=("",)):
    """As pandas' `to_hdf(format="table")` lays it out."""
    labels = _dlc_labels(get_layout("coco17").joints, individuals)
    points = np.concatenate(
        [person("coco17", x_px=300.0 - 150 * i, seed=3 * i) for i in range(len(individuals))], axis=1
    )
    path = path.with_suffix(".h5")
    records = np.zeros(FRAMES, [("index", "<i8"), ("values_block_0", "<f8", (len(labels),))])
    records["index"] = np.arange(FRAMES)
    records["values_block_0"] = points.reshape(FRAMES, -1)
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_("frame_table")
        group.attrs["non_index_axes"] = _pickled([(1, labels)])
        group.attrs["info"] = _pickled(
            {1: {"names": ["scorer", "bodyparts", "coords"], "type": "MultiIndex"}, "index": {}}
        )
        table = group.create_dataset("table", data=records, chunks=(4,), maxshape=(None,))
        table.attrs["values_block_0_kind"] = _pickled(labels)
    return path


def dlc_h5_fixed(path: Path):
    """As pandas' `to_hdf` lays a data frame out without a format."""
    labels = _dlc_labels(get_layout("coco17").joints)
    path = path.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_("frame")
        for name in ("axis0", "block0_items"):
            for level in range(3):
                values = sorted({label[level] for label in labels})
                group[f"{name}_level{level}"] = np.array([v.encode() for v in values])
                group[f"{name}_label{level}"] = np.array([values.index(label[level]) for label in labels], "i1")
        group["axis1"] = np.arange(FRAMES)
        group["block0_values"] = person("coco17").reshape(FRAMES, -1)
    return path


def sleap_h5(path: Path):
    layout = get_layout("coco17")
    points = np.stack([person(layout), person(layout, x_px=150.0, seed=3)])  # (people, T, J, 3)
    points[1, :3] = np.nan
    path = path.with_suffix(".h5")
    with h5py.File(path, "w") as file:
        file.create_dataset("tracks", data=points[..., :2].transpose(0, 3, 2, 1), compression="gzip")
        file.create_dataset("point_scores", data=points[..., 2].transpose(0, 2, 1), compression="gzip")
        file["node_names"] = np.array([n.encode() for n in layout.joints])
        file["track_names"] = np.array([b"mia", b"ben"])
    return path


def sleap_other_axes(path: Path):
    """As sleap-io writes it for Python users: frames first, and what the axes are in an attribute."""
    path = sleap_h5(path)
    with h5py.File(path, "r+") as file:
        for name, axes, order in (
            ("tracks", ["frame", "track", "node", "xy"], (3, 0, 2, 1)),
            ("point_scores", ["frame", "track", "node"], (2, 0, 1)),
        ):
            values = file[name][()].transpose(order)
            del file[name]
            file[name] = values
            file[name].attrs["dims"] = json.dumps(axes)
    return path


def sleap_project(path: Path):
    """A project of SLEAP: frames point to instances, instances to points; the nodes are named in another order."""
    layout = get_layout("coco17")
    people = [person(layout), person(layout, x_px=150.0, seed=3)]
    count, joints = 2 * FRAMES, layout.num_joints
    frames = np.zeros(FRAMES, [(n, "<i8") for n in ("frame_id", "video", "frame_idx")] + _BOUNDS_OF_INSTANCES)
    frames["frame_id"] = frames["frame_idx"] = np.arange(FRAMES)
    frames["instance_id_start"], frames["instance_id_end"] = 2 * np.arange(FRAMES), 2 * np.arange(FRAMES) + 2
    instances = np.zeros(count, _INSTANCES_OF_SLEAP)
    instances["instance_id"], instances["from_predicted"] = np.arange(count), -1
    instances["instance_type"], instances["track"] = 1, np.arange(count) % 2
    instances["point_id_start"] = joints * np.arange(count)
    instances["point_id_end"] = joints * np.arange(1, count + 1)
    points = np.zeros(
        count * joints, [("x", "<f8"), ("y", "<f8"), ("visible", "?"), ("complete", "?"), ("score", "<f8")]
    )
    rows = np.stack(people, axis=1).reshape(-1, 3)
    points["x"], points["y"], points["score"], points["visible"] = *rows.T, True
    nodes = [{"name": name, "weight": 1.0} for name in reversed(layout.joints)]
    order = [{"id": joints - 1 - joint} for joint in range(joints)]
    about = {"version": "2.0.0", "nodes": nodes, "skeletons": [{"nodes": order, "links": [], "graph": {"name": "s"}}]}
    video = {"backend": {"type": "MediaVideo", "filename": "a.mp4", "shape": [FRAMES, SIZE_PX[1], SIZE_PX[0], 1]}}
    path = path.with_suffix(".slp")
    with h5py.File(path, "w") as file:
        file.create_group("metadata").attrs.update({"format_id": 1.2, "json": np.bytes_(json.dumps(about))})
        file["frames"], file["instances"], file["pred_points"] = frames, instances, points
        file["points"] = points[:0]
        file["tracks_json"] = np.array([json.dumps([0, name]).encode() for name in ("mia", "ben")])
        file["videos_json"] = np.array([json.dumps(video).encode()])
    return path


_BOUNDS_OF_INSTANCES = [("instance_id_start", "<u8"), ("instance_id_end", "<u8")]
_INSTANCES_OF_SLEAP = [
    ("instance_id", "<i8"),
    ("instance_type", "u1"),
    ("frame_id", "<u8"),
    ("skeleton", "<u4"),
    ("track", "<i4"),
    ("from_predicted", "<i8"),
    ("score", "<f4"),
    ("point_id_start", "<u8"),
    ("point_id_end", "<u8"),
]


# Kinect, TRC


def kinect(path: Path):
    layout = get_layout("kinect_v2_25")
    path.mkdir()
    for i, p in enumerate(person(layout)):
        joints = [
            {"JointType": n, "TrackingState": "True", "Position": {"X": float(x), "Y": float(y)}}
            for n, (x, y, _) in zip(layout.joints, p)
        ]
        in_3d = [{**j, "Position": {"X": 0.1, "Y": 0.2, "Z": 2.0}} for j in joints]
        frame = {
            "FrameID": 10**18 + i,
            "Timestamp": 10**17 + 333_333 * i,
            "ImageWidth": 1920,
            "ImageHeight": 1080,
            "Bodies": [{"TrackingId": 7, "IsTracked": True, "Joints": in_3d, "Joints2D": joints}],
        }
        (path / f"frame_{i}.json").write_bytes(json.dumps(frame).encode("utf-16-le"))
    return path


def trc_text(names, rows, *, rate="30", units="m", separator="\t", count=None) -> str:
    """`rows`: (frame, time, values)."""
    s = separator
    head = [
        f"PathFileType{s}4{s}(X/Y/Z){s}a.trc",
        s.join(
            [
                "DataRate",
                "CameraRate",
                "NumFrames",
                "NumMarkers",
                "Units",
                "OrigDataRate",
                "OrigDataStartFrame",
                "OrigNumFrames",
            ]
        ),
        s.join([rate, rate, str(count or len(rows)), str(len(names)), units, rate, "0", str(len(rows))]),
        s.join(["Frame#", "Time", *[c for n in names for c in (n, "", "")]]),
        s.join(["", "", *[f"{c}{i}" for i in range(1, len(names) + 1) for c in "XYZ"]]),
    ]
    return "\n".join([*head, *[s.join(map(str, row)) for row in rows]]) + "\n"


def trc_pixels(path: Path):
    """As Sports2D writes it: pixels, though the unit says m; nobody in the first frame."""
    layout = get_layout("halpe26")
    rows = [
        [i, i / 30, *[v for x, y, _ in p for v in ((x, y, 0.0) if i else ("", "", 0.0))]]
        for i, p in enumerate(person(layout))
    ]
    path = path.with_suffix(".trc")
    path.write_text(trc_text(layout.joints, rows))
    return path


# JSON in other forms


def json_posenet(path: Path):
    """TensorFlow.js: a list of poses per frame, each joint with its part and its position."""
    names = get_layout("coco17").joints

    def pose(points):
        joints = [
            {"score": float(c), "part": n, "position": {"x": float(x), "y": float(y)}}
            for n, (x, y, c) in zip(names, points)
        ]
        return [{"score": 0.9, "keypoints": joints}]

    return json_file(path, [pose(p) for p in person("coco17")])


def json_arrays(path: Path):
    return json_file(
        path, {"fps": 25, "width": SIZE_PX[0], "height": SIZE_PX[1], "keypoints": person("coco17").tolist()}
    )


def json_ultralytics(path: Path):
    """A folder with the summary of each image."""
    path.mkdir()
    for i, p in enumerate(person("coco17")):
        x, y, visible = p.T.tolist()
        result = [{"name": "person", "class": 0, "keypoints": {"x": x, "y": y, "visible": visible}}]
        (path / f"image_{i}.json").write_text(json.dumps(result))
    return path


def openpose_one_file(path: Path):
    """As ComfyUI saves DWPose."""
    frames = [
        {
            "people": [{"pose_keypoints_2d": flat(p), "face_keypoints_2d": None}],
            "canvas_width": 640,
            "canvas_height": 480,
        }
        for p in person("coco18_openpose")
    ]
    return json_file(path, frames)


def alphapose_files(path: Path):
    path.mkdir()
    for i, p in enumerate(person("coco18_openpose")):
        (path / f"{i}.json").write_text(json.dumps({"version": "AlphaPose v0.3", "bodies": [{"joints": flat(p)}]}))
    return path


def mmpose_pred_instances(path: Path):
    return json_file(
        path,
        [
            {"pred_instances": {"keypoints": [p[:, :2].tolist()], "keypoint_scores": [p[:, 2].tolist()]}}
            for p in person("coco17")
        ],
    )


def vitpose(path: Path):
    frames = [{"0": p[:, [1, 0, 2]].tolist()} for p in person("coco17")]
    return json_file(path, {"keypoints": frames, "skeleton": dict(enumerate(get_layout("coco17").joints))})


def annolist(path: Path):
    """PoseTrack 2017: numbered points, each value in a list of one."""
    limbs = [
        "rankle",
        "rknee",
        "rhip",
        "lhip",
        "lknee",
        "lankle",
        "rwrist",
        "relbow",
        "rshoulder",
        "lshoulder",
        "lelbow",
        "lwrist",
    ]
    parts = [*limbs, "neck", "nose", "top"]
    own = {"neck": "upper_neck", "nose": "nose", "top": "head_top"}
    sides = {"r": "right_", "l": "left_"}
    moving = figure()
    frames = []
    for i in range(FRAMES):
        points = []
        for j, part in enumerate(parts):
            x, y = moving[own.get(part) or sides[part[0]] + part[1:]][i].round(3).tolist()
            points.append({"id": [j], "x": [x], "y": [y], "score": [0.5]})
        person_ = {"track_id": [3], "annopoints": [{"point": points}]}
        frames.append({"image": [{"name": f"val/{i:08d}.jpg"}], "annorect": [person_]})
    return json_file(path, {"annolist": frames})


def ntu(path: Path):
    """NTU RGB+D: a line for each number of bodies and of joints, then 12 values of each joint; places in the image."""
    lines = [str(FRAMES)]
    for points in person("kinect_v2_25"):
        lines += ["1", "72057594037931101 0 1 1 1 1 0 0.02 0.05 2", "25"]
        lines += [f"0.1 0.2 3.1 240.5 200.5 {x} {y} 0.1 0.2 0.3 0.9 2" for x, y, _ in points]
    path = path.with_suffix(".skeleton")
    path.write_text("\n".join(lines) + "\n")
    return path


def jta(path: Path):
    """JTA: a row per joint of two people, of whom the second comes later."""
    rows = []
    for who, points in ((3, person("jta22")), (17, person("jta22", x_px=900.0, seed=3))):
        for i, joints in enumerate(points, 1):
            if who == 17 and i < 4:
                continue
            rows += [[i, who, j, x, y, 0.1, 0.2, 9.0, 0, int(j == 6)] for j, (x, y, _) in enumerate(joints.tolist())]
    return json_file(path, rows)


def ai_challenger(path: Path):
    points = person("aic14")
    points[..., 2] = 1
    images = [
        {
            "image_id": f"clip_{i}",
            "human_annotations": {"human1": [0, 0, 1, 1]},
            "keypoint_annotations": {"human1": flat(p)},
        }
        for i, p in enumerate(points)
    ]
    return json_file(path, images)


def simple_hrnet_csv(path: Path):
    """Without a header: frame, detection, then y, x, score of each joint."""
    path = path.with_suffix(".csv")
    rows = [",".join(map(str, [i, 0, *flat(p[:, [1, 0, 2]])])) for i, p in enumerate(person("coco17"))]
    path.write_text("\n".join(rows) + "\n")
    return path


def csv_cells(path: Path):
    """Ultralytics' `to_csv()` of each frame of a video, one below the other: a dict of lists in a cell."""
    path = path.with_suffix(".csv")
    with open(path, "w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["", "name", "class", "confidence", "box", "keypoints"])
        for points in person("coco17"):
            x, y, visible = points.T.tolist()
            box = {"x1": min(x), "y1": min(y), "x2": max(x), "y2": max(y)}
            table.writerow([0, "person", 0, 0.9, str(box), str({"x": x, "y": y, "visible": visible})])
    return path


def frame_arrays(path: Path):
    """A .npy file for each frame."""
    path.mkdir()
    for i, points in enumerate(person("coco17")):
        np.save(path / f"frame_{i:05d}.npy", points[None])
    return path


def _as_pickle(path: Path, value) -> Path:
    path = path.with_suffix(".pkl")
    path.write_bytes(pickle.dumps(value))
    return path


def mmpose_dump(path: Path):
    """What MMPose 1.x writes with --dump."""
    frames = []
    for i, p in enumerate(person("coco17")):
        found = {"keypoints": p[None, :, :2].astype("f4"), "keypoint_scores": p[None, :, 2].astype("f4")}
        frames.append({"img_id": i, "ori_shape": SIZE_PX[::-1], "pred_instances": found, "gt_instances": {}})
    return _as_pickle(path, frames)


def mmpose_preds(path: Path):
    """What MMPose 0.x writes with --out: the last image first."""
    batches = [
        {"preds": p[None].astype("f4"), "boxes": np.ones((1, 6)), "image_paths": [f"a/{i}.jpg"], "bbox_ids": [i]}
        for i, p in enumerate(person("coco17"))
    ]
    return _as_pickle(path, batches[::-1])


def stgcn_array(path: Path):
    points = person("coco18_openpose")
    array = np.zeros((2, 3, 30, 18, 2), "f4")
    array[:, :2, :FRAMES, :, 0] = (points[..., :2] / SIZE_PX - 0.5).transpose(2, 0, 1)
    array[:, 2, :FRAMES, :, 0] = points[..., 2]
    path = path.with_suffix(".npy")
    np.save(path, array[:1])
    return path


# Points in space


def azure_kinect(path: Path):
    """Two bodies, of which the second comes later; millimetres."""
    names = [f"JOINT_{i}" for i in range(32)]
    rng = np.random.default_rng(0)
    frames = []
    for i in range(FRAMES):
        bodies = [
            {"body_id": b + 1, "joint_positions": rng.uniform(-900, 900, (32, 3)).round(2).tolist()}
            for b in range(1 if i < 3 else 2)
        ]
        for body in bodies:
            body["joint_orientations"] = [[1.0, 0.0, 0.0, 0.0]] * 32
        frames.append({"frame_id": i, "num_bodies": len(bodies), "timestamp_usec": 33_333 * i + 7, "bodies": bodies})
    about = {"k4abt_sdk_version": "1.1.2", "source_file": "a.mkv", "joint_names": names, "bone_list": []}
    return json_file(path, {**about, "frames": frames})


def panoptic(path: Path):
    """A file per frame; nobody in frame 5; a joint that was not found in each frame."""
    path.mkdir()
    rng = np.random.default_rng(0)
    for i in range(FRAMES):
        bodies = []
        for number in range(0 if i == 5 else 2):
            joints = np.concatenate([rng.uniform(-200, 200, (19, 3)), rng.uniform(0.2, 1, (19, 1))], axis=1).round(3)
            joints[3] = -1
            bodies.append({"id": number, "joints19": flat(joints)})
        frame = {"version": 0.7, "univTime": 53_541.5 + i, "fpsType": "hd_29_97", "vgaVideoTime": 0.0, "bodies": bodies}
        (path / f"body3DScene_{i:08d}.json").write_text(json.dumps(frame))
    return path


def json_in_space(path: Path):
    """MediaPipe's world landmarks as a page exports them: names, metres, y down."""
    names = get_layout("blazepose33").joints
    rng = np.random.default_rng(0)
    frames = [
        {
            "frame": i,
            "worldLandmarks": [
                {"name": n, "x": x, "y": y, "z": z, "visibility": 0.9}
                for n, (x, y, z) in zip(names, rng.uniform(-1, 1, (33, 3)).round(4).tolist())
            ],
        }
        for i in range(FRAMES)
    ]
    return json_file(path, {"fps": 30, "frames": frames})


def openpose_in_space(path: Path):
    path.mkdir()
    rng = np.random.default_rng(0)
    for i in range(FRAMES):
        people = [{"pose_keypoints_2d": [], "pose_keypoints_3d": rng.uniform(1, 300, 100).round(3).tolist()}]
        (path / f"v_{i:012d}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": people}))
    return path


# kind -> (writer, format, layout, joints, units)
WRITERS = {
    "openpose body25": (openpose("body25"), "openpose", "body25", 25, "px"),
    "openpose body25b": (openpose("body25b"), "openpose", "body25b", 25, "px"),
    "openpose coco18": (openpose("coco18_openpose"), "openpose", "coco18_openpose", 18, "px"),
    "openpose mpi": (openpose("mpi15_openpose"), "openpose", "mpi15_openpose", 15, "px"),
    "openpose hands": (openpose_with_hands, "openpose", "body25", 25, "px"),
    "openpose body135": (openpose("body135"), "openpose", "body135", 135, "px"),
    "openpose old": (openpose_old, "openpose", "coco18_openpose", 18, "px"),
    "openpose as text": (openpose_as_text, "openpose", "body25", 25, "px"),
    "openpose matrices": (openpose_matrices, "openpose", "body25", 25, "px"),
    "rtmlib halpe26": (openpose("halpe26"), "rtmlib", "halpe26", 26, "px"),
    "rtmlib wholebody": (openpose("coco_wholebody133"), "rtmlib", "coco_wholebody133", 133, "px"),
    "rtmlib openpose": (openpose("openpose_wholebody134"), "rtmlib", "openpose_wholebody134", 134, "px"),
    "rtmlib coco17": (openpose("coco17"), "rtmlib", "coco17", 17, "px"),
    "alphapose coco17": (alphapose_list("coco17"), "alphapose", "coco17", 17, "px"),
    "alphapose halpe26": (alphapose_list("halpe26"), "alphapose", "halpe26", 26, "px"),
    "alphapose halpe136": (alphapose_list("halpe136"), "alphapose", "halpe136", 136, "px"),
    "alphapose cmu": (alphapose_cmu, "alphapose", "coco18_openpose", 18, "px"),
    "alphapose open": (alphapose_open, "alphapose", "coco18_openpose", 18, "px"),
    "coco results": (coco_results, "coco", "coco17", 17, "px"),
    "coco annotations": (coco_annotations, "coco", "coco17", 17, "px"),
    "coco hybrik": (hybrik, "coco", "h36m17", 17, "px"),
    "mmpose coco": (mmpose_topdown("coco17", "coco"), "mmpose", "coco17", 17, "px"),
    "mmpose halpe26": (mmpose_topdown("halpe26", "halpe26"), "mmpose", "halpe26", 26, "px"),
    "mmpose wholebody": (
        mmpose_topdown("coco_wholebody133", "coco_wholebody"),
        "mmpose",
        "coco_wholebody133",
        133,
        "px",
    ),
    "mmpose aic": (mmpose_topdown("aic14", "aic"), "mmpose", "aic14", 14, "px"),
    "mmpose list coco": (mmpose_inferencer("coco17"), "mmpose", "coco17", 17, "px"),
    "mmpose list h36m": (mmpose_inferencer("h36m17"), "mmpose", "h36m17", 17, "px"),
    "mmpose list crowdpose": (mmpose_inferencer("crowdpose14"), "mmpose", "crowdpose14", 14, "px"),
    "mmpose images": (mmpose_images, "mmpose", "coco17", 17, "px"),
    "stgcn nested": (stgcn_nested, "stgcn_json", "coco17", 17, "px"),
    "stgcn kinetics": (stgcn_kinetics, "stgcn_json", "coco18_openpose", 18, "normalized"),
    "mediapipe json": (mediapipe_json, "mediapipe", "blazepose33", 33, "normalized"),
    "mediapipe long": (mediapipe_long, "mediapipe", "blazepose33", 33, "normalized"),
    "mediapipe wide": (mediapipe_wide, "mediapipe", "blazepose33", 33, "normalized"),
    "yolo": (yolo, "yolo", "coco17", 17, "normalized"),
    "yolo in pixels": (yolo_in_pixels, "yolo", "coco17", 17, "px"),
    "yolo tracked": (yolo_tracked, "yolo", "coco17", 17, "normalized"),
    "videopose3d custom": (videopose3d_custom, "videopose3d", "coco17", 17, "px"),
    "videopose3d script": (detectron_script, "videopose3d", "coco17", 17, "px"),
    "videopose3d 16 joints": (poseaug_16_joints, "videopose3d", "h36m16", 16, "px"),
    "videopose3d cameras": (cameras_by_name, "videopose3d", "coco17", 17, "px"),
    "spin": (spin_video, "spin", "spin24", 24, "px"),
    "spin 49 joints": (spin_49_joints, "spin", "spin49", 49, "px"),
    "npy body25": (npy("body25", confidence=False), "npy", "body25", 25, "px"),
    "npy coco with confidence": (npy("coco17", confidence=True), "npy", "coco17", 17, "px"),
    "npz": (npz_plain, "npz", "halpe26", 26, "px"),
    "npz people first": (npz_people_first, "npz", "h36m17", 17, "px"),
    "csv named": (csv_named, "csv", "body25", 25, "px"),
    "csv long": (csv_long, "csv", "coco17", 17, "px"),
    "dlc csv": (dlc_csv, "deeplabcut", "coco17", 17, "px"),
    "dlc csv two": (dlc_csv_two_animals, "deeplabcut", "coco17", 17, "px"),
    "dlc labels": (dlc_labels_csv, "deeplabcut", "coco17", 17, "px"),
    "dlc h5 table": (dlc_h5_table, "deeplabcut", "coco17", 17, "px"),
    "dlc h5 two": (dlc_h5_two_animals, "deeplabcut", "coco17", 17, "px"),
    "dlc h5 fixed": (dlc_h5_fixed, "deeplabcut", "coco17", 17, "px"),
    "sleap": (sleap_h5, "sleap", "coco17", 17, "px"),
    "sleap other axes": (sleap_other_axes, "sleap", "coco17", 17, "px"),
    "sleap project": (sleap_project, "sleap", "coco17", 17, "px"),
    "kinect": (kinect, "kinect", "kinect_v2_25", 25, "px"),
    "ntu": (ntu, "ntu", "kinect_v2_25", 25, "px"),
    "json posenet": (json_posenet, "json", "coco17", 17, "px"),
    "json arrays": (json_arrays, "json", "coco17", 17, "px"),
    "json ultralytics": (json_ultralytics, "json", "coco17", 17, "px"),
    "openpose one file": (openpose_one_file, "openpose", "coco18_openpose", 18, "px"),
    "alphapose files": (alphapose_files, "alphapose", "coco18_openpose", 18, "px"),
    "mmpose pred_instances": (mmpose_pred_instances, "mmpose", "coco17", 17, "px"),
    "vitpose": (vitpose, "vitpose", "coco17", 17, "px"),
    "trc pixels": (trc_pixels, "trc", "halpe26", 26, "px"),
    "pickle": (mmaction, "pickle", "coco17", 17, "px"),
    "matlab": (jhmdb, "matlab", "jhmdb15", 15, "px"),
}
# the same for joints of no known layout, several sequences, and points in space, which `read_keypoints` refuses
OTHER_WRITERS = {
    "coco videos": (coco_of_two_videos, "coco", "coco17", 17, "px"),
    "annolist": (annolist, "annolist", None, 15, "px"),
    "azure kinect": (azure_kinect, "azure_kinect", None, 32, "mm"),
    "panoptic": (panoptic, "panoptic", None, 19, "cm"),
    "json in space": (json_in_space, "json", "blazepose33", 33, None),
    "openpose in space": (openpose_in_space, "openpose", "body25", 25, None),
}
OTHER_WRITERS |= OTHER_DEPTH_CAMERAS
WRITERS |= LABELLED | DEPTH_CAMERAS | NUMBERED | ARRAYS
WRITERS |= {
    "jta": (jta, "jta", "jta22", 22, "px"),
    "ai challenger": (ai_challenger, "ai_challenger", "aic14", 14, "px"),
    "csv cells": (csv_cells, "csv_cells", "coco17", 17, "px"),
    "frame arrays": (frame_arrays, "frame_arrays", "coco17", 17, "px"),
    "csv simplehrnet": (simple_hrnet_csv, "csv", "coco17", 17, "px"),
    "mmpose dump": (mmpose_dump, "pickle", "coco17", 17, "px"),
    "mmpose preds": (mmpose_preds, "pickle", "coco17", 17, "px"),
    "stgcn array": (stgcn_array, "stgcn_array", "coco18_openpose", 18, "normalized"),
}
ALL_WRITERS = {**WRITERS, **OTHER_WRITERS, **NWB}


def zip_bomb(path: Path) -> Path:
    """An .npz whose member decompresses to 300 MB of zeros."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (40000000,), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("keypoints.npy", "w") as member:
        member.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        for _ in range(320):
            member.write(bytes(1 << 20))
    return path
