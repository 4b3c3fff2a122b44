"""MMPose: predictions of the demos (with `meta_info`) and of the inferencer (a bare list).

Of the inferencer's lists for a video, each entry is a frame with `instances`; for one image the list is the instances.
"""

from collections.abc import Sequence
from pathlib import Path

from srnet_core.errors import BadFileError
from srnet_core.motion import Motion
from srnet_core.readers._encoding import (
    box_of,
    frames_of,
    joints_of,
    layout_of,
    names_of,
    require_pixels,
    who_of,
    write_json,
)
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.forms import CONFIDENCES, NAMES, NUMBERS, TRACKS, Form, holding
from srnet_core.readers.frames import natural_key
from srnet_core.readers.head import Head
from srnet_core.readers.record import IN_SPACE, record

FORMAT = "mmpose"
_COORDINATES = 3
_LARGEST_SCORE = 1.5  # heat maps reach a little more than 1
_DATASETS = {
    "coco": "coco17",
    "coco_wholebody": "coco_wholebody133",
    "halpe26": "halpe26",
    "halpe": "halpe136",
    "aic": "aic14",
    "crowdpose": "crowdpose14",
    "mpii": "mpii16",
    "posetrack18": "posetrack18",
    "jhmdb": "jhmdb15",
    "humanart": "coco17",
    "humanart21": "humanart21",
    "h36m": "h36m17",
    "mpi_inf_3dhp": "mpi_inf_3dhp17",
    "ubody2d": "coco_wholebody133",
    "ubody3d": "coco_wholebody133",
}


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.85 if head.sample is not None and not head.sample.is_folder and _instances(head.sample) else 0.0
    return 0.9 if head.looks_like_json and _frames(head.json) is not None else 0.0


def _instances(head: Head) -> bool:
    """Whether a file holds the people of one image: a folder of such files holds the images of one recording."""
    if not head.looks_like_json or "keypoint_scores" not in head.text:
        return False
    frames = _frames(head.json)
    return frames is not None and len(frames) <= 1


def _frames(value: object) -> list | None:
    """The frames of a file, `None` where it is not MMPose's; a list of instances is one frame."""
    if isinstance(value, dict):
        frames = value.get("instance_info")
        if isinstance(frames, list):
            of_one_image = frames and all(isinstance(f, dict) and "keypoints" in f for f in frames[:20])
            return [{"frame_id": 0, "instances": frames}] if of_one_image else frames
        if isinstance(value.get("pred_instances"), dict):
            return [{"frame_id": 0, "instances": _instances_of(value["pred_instances"])}]
        inside = value.get("predictions")
        return _frames(inside) if isinstance(inside, list) else None
    if not isinstance(value, list) or not value:
        return None
    sample = value[:20]
    if all(isinstance(v, list) for v in sample):
        return _frames_of_lists(value)
    if not all(isinstance(v, dict) for v in sample):
        return None
    if all(isinstance(v.get("instances"), list) for v in sample):
        return None if _flat(sample) else value
    if all(isinstance(v.get("preds"), list) and isinstance(v.get("image_paths"), list) for v in sample):
        return _of_batches(value)
    if all(isinstance(v.get("pred_instances"), dict) for v in sample):
        return [{"instances": _instances_of(v.get("pred_instances") if isinstance(v, dict) else None)} for v in value]
    if all("keypoints" in v and "keypoint_scores" in v and "image_id" not in v for v in sample):
        if any(_is_of_several(v) for v in sample):  # `pred_instances` of each frame
            return [{"instances": _instances_of(v)} for v in value]
        return [{"frame_id": 0, "instances": value}]
    return None


def _is_of_several(instances: dict) -> bool:
    """Whether the keypoints are those of all people of a frame: (people, joints, 2)."""
    points = instances["keypoints"]
    people = points if isinstance(points, list) else []
    return any(isinstance(p, list) and p and isinstance(p[0], list) for p in people[:1])


def _flat(frames: list) -> bool:
    """Whether people have one list of numbers, as Detectron2 writes them."""
    people = (p.get("keypoints") for f in frames for p in f["instances"][:20] if isinstance(p, dict))
    return any(isinstance(points, list) and points and isinstance(points[0], (int, float)) for points in people)


def _of_batches(batches: list) -> list:
    """The frames of results as MMPose 0.x dumps them: batches of `preds`, each of the image in `image_paths`."""
    frames: dict[str, list] = {}
    for batch in batches:
        preds, images = (batch.get(k) for k in ("preds", "image_paths")) if isinstance(batch, dict) else (None, None)
        if not isinstance(preds, list) or not isinstance(images, list) or len(preds) != len(images):
            return [{}]  # which is refused in words
        for points, image in zip(preds, images):
            frames.setdefault(str(image)[:400], []).append({"keypoints": points})
    return [{"instances": frames[name]} for name in sorted(frames, key=natural_key)]


def _frames_of_lists(value: list) -> list | None:
    """A list of instances per frame: of the inferencer called from Python, and of MMPose 0.x (x, y, score)."""
    people = [p for frame in value[:50] if isinstance(frame, list) for p in frame[:20]]
    of_mmpose = (
        isinstance(p, dict) and "keypoints" in p and ("keypoint_scores" in p or ("bbox" in p and "scores" not in p))
        for p in people
    )
    return [{"instances": frame} for frame in value] if people and all(of_mmpose) else None


def _instances_of(arrays: object) -> list | None:
    """A list of instances from `pred_instances`, which holds all of a frame in lists beside each other."""
    points = arrays.get("keypoints") if isinstance(arrays, dict) else None
    if not isinstance(arrays, dict) or not isinstance(points, list):
        return None
    scores = arrays.get("keypoint_scores")
    scores = scores if isinstance(scores, list) and len(scores) == len(points) else [None] * len(points)
    return [{"keypoints": p, "keypoint_scores": s} for p, s in zip(points, scores)]


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames, of a file or of a folder with one file per image.

    Raises:
        BadFileError: not MMPose's form.
    """
    gathering = Gathering(head.path, values_per_joint=3)
    notes: list[str] = []
    meta: object = None
    if head.is_folder:
        video, notes = head.video(options.sequence)
        for done, (number, name) in enumerate(zip(video.numbers, video.names), 1):
            one = Head(head.path / name)
            if one.json == []:  # nobody in this image
                gathering.frame(number)
                continue
            meta = meta or _meta(one.json)
            frames = _frames(one.json) or _refuse(one)
            if len(frames) > 1:
                raise BadFileError(f"holds {len(frames)} frames, where the others hold one", where=one.path)
            for frame in frames:
                _add_frame(gathering, number, frame, one.path)
            if options.progress and done % 500 == 0:
                options.progress(done, len(video.names))
    else:
        meta = _meta(head.json)
        for position, frame in enumerate(_frames(head.json) or _refuse(head)):
            number = frame.get("frame_id", position) if isinstance(frame, dict) else position
            if type(number) is not int or not 0 <= number < 2**62:
                raise BadFileError(f"has a frame_id that is not a frame number: {str(number)[:30]!a}", where=head.path)
            _add_frame(gathering, number, frame, head.path)
    layout, names = _layout(meta)
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    return [
        gathering.build(
            FORMAT,
            notes=notes,
            layout=layout,
            joint_names=names if names and len(names) == joints else None,
            zero_confidence_is_missing=any(gathering.values[2::3]),
        )
    ]


def describe(head: Head) -> dict | None:
    """What a prediction of 3D poses holds (MMPose's lifters write x, y, z); `None` for 2D, which `read` reads."""
    frames = () if head.is_folder else _frames(head.json) or ()
    people = [f["instances"] for f in frames if isinstance(f, dict) and isinstance(f.get("instances"), list)]
    first = next((person for listed in people for person in listed if isinstance(person, dict)), {})
    points = _unpacked(first.get("keypoints"))
    if not isinstance(points, list) or not points or not isinstance(points[0], list) or len(points[0]) != 3:
        return None
    if "keypoint_scores" not in first and _like_scores(points):
        return None
    layout, names = _layout(_meta(head.json))
    return record(
        IN_SPACE,
        FORMAT,
        layout=layout,
        frames=len(frames),
        people=max(map(len, people)),
        joints=len(points),
        joint_names=names if names else None,
    )


def motions(head: Head) -> dict[str, Motion] | None:
    """{person: motion} of a prediction of 3D poses, without a unit; `None` for 2D."""
    found = describe(head)
    if found is None:
        return None
    gathering = Gathering(head.path, values_per_joint=4)
    for position, frame in enumerate(_frames(head.json) or ()):
        instances = frame.get("instances") if isinstance(frame, dict) else None
        gathering.frame(position)
        for person in instances if isinstance(instances, list) else ():
            points = _unpacked(person.get("keypoints")) if isinstance(person, dict) else None
            if not isinstance(points, list) or not all(isinstance(p, list) and len(p) == 3 for p in points):
                raise BadFileError("has a keypoint that is not [x, y, z]", where=head.path)
            gathering.person(position, [value for point in points for value in (*point, 1.0)])
    positions = gathering.in_space(missing_below=None)
    names = found["joint_names"] or tuple(f"joint {i}" for i in range(positions.shape[2]))
    details = {"layout": found["layout"]} if found["layout"] else {}
    return {
        str(place + 1) if len(positions) > 1 else "": Motion(FORMAT, tuple(names), None, one, details=details)
        for place, one in enumerate(positions)
    }


def _refuse(head: Head) -> list:
    raise BadFileError("is not a prediction of MMPose, or holds no frames", where=head.path)


def _in_rows(points: list, scores: object) -> list:
    """One list of numbers for all joints as a row for each, by how many scores stand beside it."""
    joints = len(scores) if isinstance(scores, list) else 0
    if not joints or len(points) not in (2 * joints, 3 * joints) or not isinstance(points[0], (int, float)):
        return points
    width = len(points) // joints
    return [points[at : at + 2] for at in range(0, len(points), width)]


def _add_frame(gathering: Gathering, number: int, frame: object, where: object) -> None:
    instances = frame.get("instances") if isinstance(frame, dict) else None
    if not isinstance(instances, list):
        raise BadFileError('has a frame without the list "instances"', where=where)
    gathering.frame(number, len(instances))
    for person in instances:
        points = _unpacked(person.get("keypoints")) if isinstance(person, dict) else None
        if not isinstance(points, list):
            raise BadFileError("has an instance without keypoints", where=where)
        scores = _unpacked(person.get("keypoint_scores"))
        points = _in_rows(points, scores)
        if scores is None and _like_scores(points):
            points, scores = [p[:2] for p in points], [p[2] for p in points]
        scores = scores if isinstance(scores, list) and len(scores) == len(points) else [1.0] * len(points)
        flat: list[object] = []
        for point, score in zip(points, scores):
            if not isinstance(point, list) or len(point) != 2:
                is_3d = isinstance(point, list) and len(point) == 3
                raise BadFileError(
                    "holds 3D points, not 2D keypoints" if is_3d else "has a keypoint that is not [x, y]", where=where
                )
            flat += (point[0], point[1], score)
        gathering.person(number, flat, identity=person.get("track_id"), where=where)


def _unpacked(values: object) -> object:
    """The keypoints, or the scores, of one person that stand in a list of their own."""
    if isinstance(values, list) and len(values) == 1 and isinstance(values[0], list) and values[0]:
        inside = values[0]
        return inside if isinstance(inside[0], list) or len(inside) > _COORDINATES else values
    return values


def _like_scores(points: list) -> bool:
    """Whether all points are x, y and a score, as MMPose 0.x writes them."""
    threes = all(isinstance(p, list) and len(p) == 3 and isinstance(p[2], (int, float)) for p in points)
    return threes and all(0 <= p[2] <= _LARGEST_SCORE for p in points)


def _meta(value: object) -> object:
    return value.get("meta_info") if isinstance(value, dict) else None


def _layout(meta: object) -> tuple[str | None, tuple[str, ...] | None]:
    """The layout and the names of the joints that `meta_info` tells."""
    if not isinstance(meta, dict):
        return None, None
    names = meta.get("keypoint_id2name")
    joints = None
    if isinstance(names, dict) and all(isinstance(n, str) for n in names.values()):
        joints = tuple(n[:80] for n in names.values())
    dataset = meta.get("dataset_name")
    return _DATASETS.get(dataset.lower()) if isinstance(dataset, str) else None, joints


# Writing


def _as_frames(detections: Detections) -> list[dict]:
    require_pixels(detections, "MMPose's form")
    who = who_of(detections)
    frames = []
    for number, rows in frames_of(detections):
        instances = []
        for row in rows:
            joints = joints_of(detections, row)
            x, y, width, height = box_of(detections, row)
            instances.append(
                {
                    "keypoints": [joint[:2] for joint in joints],
                    "keypoint_scores": [joint[2] for joint in joints],
                    "bbox": [[x, y, x + width, y + height]],
                    "track_id": who[row],
                }
            )
        frames.append({"frame_id": number, "instances": instances})
    return frames


def write(sequences: Sequence[Detections], path: Path) -> None:
    """As the demos save predictions: with `meta_info`."""
    detections = sequences[0]
    names, layout = names_of(detections), layout_of(detections)
    meta = {
        "dataset_name": layout.name if layout else "unknown",
        "num_keypoints": len(names),
        "keypoint_id2name": {str(i): name for i, name in enumerate(names)},
        "keypoint_name2id": {name: i for i, name in enumerate(names)},
        "skeleton_links": [list(bone) for bone in layout.bones] if layout else [],
    }
    write_json(path, {"meta_info": meta, "instance_info": _as_frames(detections)})


def write_list(sequences: Sequence[Detections], path: Path) -> None:
    """As the inferencer writes a video: a bare list of frames."""
    write_json(path, _as_frames(sequences[0]))


FORMS = {
    "mmpose": Form(write, holding(CONFIDENCES, TRACKS, NAMES, NUMBERS)),
    "mmpose_list": Form(write_list, holding(CONFIDENCES, TRACKS, NUMBERS)),
}
