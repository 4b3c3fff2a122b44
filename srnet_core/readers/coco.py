"""COCO: result lists (a person each, by image) and annotation files (images, annotations, categories).

The third value of a joint is a flag in annotations and in some results (0 not labelled, 1 hidden, 2 visible), and a
score in other results. Joints of flag or score 0 are missing.

Data sets of people in space in this form hold places in the image under other names (MuCo-3DHP and MuPoTS-3D of
mks0601/3DMPPE_POSENET_RELEASE: `keypoints_img`), or none but joints in space and the camera (HybrIK's Human3.6M and
3DPW, jeffffffli/HybrIK: `h36m_joints`): `_annotated_in_space` finds them.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from srnet_core.errors import BadFileError
from srnet_core.readers._annotated_in_space import keypoints_of
from srnet_core.readers._encoding import (
    box_of,
    flat,
    frames_of,
    joints_of,
    layout_of,
    names_of,
    require_pixels,
    who_of,
    write_json,
)
from srnet_core.readers._flags import flags_to_confidences
from srnet_core.readers._gathering import Gathering
from srnet_core.readers._known_files import of_annotations
from srnet_core.readers.detections import Detections, ReadOptions, image_size
from srnet_core.readers.forms import CONFIDENCES, NAMES, NUMBERS, SIZE, TRACKS, Form, holding
from srnet_core.readers.frames import videos_of
from srnet_core.readers.head import Head

FORMAT = "coco"
_EXTRAS = {"feet": "foot_kpts", "face": "face_kpts", "left_hand": "lefthand_kpts", "right_hand": "righthand_kpts"}
_FIRST_PEOPLE = 1000  # of a list, among which at least one has keypoints
_MOST_DIGITS = 18  # of a number that is text
_NOT_A_VIDEO = 1.5  # with more missing numbers than this, images do not follow each other


def sniff(head: Head) -> float:
    if head.is_folder or not head.looks_like_json:
        return 0.0
    value = head.json
    if isinstance(value, dict):
        annotations, images = value.get("annotations"), value.get("images", [])
        if not isinstance(annotations, list) or not isinstance(images, list):
            return 0.0
        return 0.9 if images or any(isinstance(a, dict) and "image_id" in a for a in annotations[:20]) else 0.0
    sample = value[:20] if isinstance(value, list) else []
    if not sample or not all(isinstance(p, dict) and "image_id" in p for p in sample):
        return 0.0
    if not any(isinstance(p, dict) and "keypoints" in p for p in value[:_FIRST_PEOPLE]):
        return 0.2 if all("bbox" in p for p in sample) else 0.0  # boxes, which `read` refuses in words
    return 0.8 if all(isinstance(p["image_id"], int) for p in sample) and "idx" not in sample[0] else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """People by image. Images whose numbers leave large holes are not taken for a video.

    Raises:
        BadFileError: not COCO's form, or no person has keypoints.
    """
    value = head.json
    if isinstance(value, dict):
        return _videos(value, head)
    if isinstance(value, list):
        if value and not any(isinstance(p, dict) and "keypoints" in p for p in value[:_FIRST_PEOPLE]):
            raise BadFileError("holds boxes, but no keypoints", where=head.path)
        return [_results(value, head)]
    raise BadFileError("is neither COCO results nor annotations", where=head.path)


def _results(people: list, head: Head) -> Detections:
    gathering = Gathering(head.path)
    with_joints = [p for p in people if not isinstance(p, dict) or "keypoints" in p]
    for person in with_joints:
        _add(gathering, person, head, number=None)
    left_out = len(people) - len(with_joints)
    notes = [f"Results that are boxes without keypoints were left out: {left_out}."] if left_out else []
    flags_to_confidences(gathering, notes, always=False)
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    return gathering.build(FORMAT, sparse=_NOT_A_VIDEO, notes=notes, candidates=_candidates(joints))


def _videos(value: dict, head: Head) -> list[Detections]:
    """A sequence for each video; one where the images are not said to be of several videos."""
    images, annotations = value.get("images", []), value.get("annotations")
    if not isinstance(images, list) or not isinstance(annotations, list):
        raise BadFileError("is not a COCO annotation file: images and annotations must be lists", where=head.path)
    images, annotations = _with_numbers(images, annotations)
    of_video = _video_of_each(images)
    if not of_video:
        return [_annotations(value, images, annotations, head)]
    videos: dict[str, tuple[list, list]] = {name: ([], []) for name in of_video.values()}
    for image in images:
        if (name := of_video.get(image["id"])) is not None:
            videos[name][0].append(image)
    for annotation in annotations:
        image_id = annotation.get("image_id") if isinstance(annotation, dict) else None
        if type(image_id) is not int or image_id not in of_video:
            raise BadFileError("has a person without the number of an image", where=head.path)
        videos[of_video[image_id]][1].append(annotation)
    seen = {name: pair for name, pair in videos.items() if any(a.get("keypoints") for a in pair[1])}
    if not seen:
        return [_annotations(value, images, annotations, head)]
    found = [replace(_annotations(value, *pair, head), sequence=name) for name, pair in seen.items()]
    if len(seen) < len(videos):
        note = f"Videos in which nobody has keypoints were left out: {len(videos) - len(seen)}."
        found[0] = replace(found[0], notes=(*found[0].notes, note))
    return found


def _video_of_each(images: list) -> dict[int, str]:
    """{number of an image: its video}, where there are several videos; else nothing.

    The number of the video tells them apart, or else the folder, where several have images of the same names.
    """
    if not all(isinstance(image, dict) and type(image.get("id")) is int for image in images):
        return {}
    for key in ("video_id", "vid_id"):
        numbers = [image.get(key) for image in images]
        if all(isinstance(n, (int, str)) for n in numbers) and 1 < len(set(numbers)) < len(numbers):
            return {image["id"]: str(n)[:80] for image, n in zip(images, numbers)}
    paths = [str(image.get("file_name", "")).replace("\\", "/").rpartition("/") for image in images]
    folders, names = [folder for folder, _, _ in paths], {name for _, _, name in paths}
    if len(set(folders)) < 2 or len(names) > len(images) / 2 + 1 or len(set(paths)) < len(paths):
        return {}
    return {image["id"]: folder[-80:] for image, folder in zip(images, folders)}


def _annotations(value: dict, images: list, annotations: list, head: Head) -> Detections:
    gathering = Gathering(head.path)
    numbers, sizes = _images(images, head)
    for number in numbers.values():
        gathering.frame(number)
    left_out = 0
    how: dict[str, None] = {}
    of_image = {image["id"]: image for image in images}
    for annotation in annotations:
        if isinstance(annotation, dict) and not annotation.get("keypoints"):
            image = annotation.get("image_id")
            found = keypoints_of(annotation, of_image.get(image) if type(image) is int else None)
            if found is not None:
                annotation = {**annotation, "keypoints": found.flat}
                how[found.note] = None
        if not isinstance(annotation, dict) or not annotation.get("keypoints"):
            left_out += 1
            continue
        _add(gathering, annotation, head, number=numbers)
    if not gathering.joints:
        known = of_annotations(images, annotations)
        what, todo = known or ("has annotations, but none with keypoints", None)
        raise BadFileError(what, where=head.path, todo=todo)
    notes = [f"Annotations without keypoints were left out: {left_out}."] if left_out else []
    notes += how
    flags_to_confidences(gathering, notes, always=not how)
    names = _joint_names(value.get("categories"))
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    return gathering.build(
        FORMAT,
        sparse=_NOT_A_VIDEO,
        notes=notes,
        candidates=() if how else _candidates(joints),
        joint_names=names if names and len(names) == joints else None,
        image_size=sizes[0] if len(sizes) == 1 else None,
        image_sizes=tuple(sizes) if len(sizes) > 1 else (),
    )


def _with_numbers(images: list, annotations: list) -> tuple[list, list]:
    """Images and annotations, with a number in place of each id of an image that is text: its own, or its place."""
    texts = [image["id"] for image in images if isinstance(image, dict) and isinstance(image.get("id"), str)]
    if not texts:
        return images, annotations
    plain = all(text.isascii() and text.isdigit() and len(text) < _MOST_DIGITS for text in texts)
    taken = {image["id"] for image in images if isinstance(image, dict) and type(image.get("id")) is int}
    numbers = {text: int(text) if plain else place for place, text in enumerate(dict.fromkeys(texts))}
    if len(set(numbers.values())) < len(numbers) or taken & set(numbers.values()):
        return images, annotations  # 7 and "07" are two images: refused
    images = [
        {"file_name": image["id"], **image, "id": numbers[image["id"]]}
        if isinstance(image, dict) and isinstance(image.get("id"), str)
        else image
        for image in images
    ]
    annotations = [
        {**a, "image_id": numbers[a["image_id"]]}
        if isinstance(a, dict) and isinstance(a.get("image_id"), str) and a["image_id"] in numbers
        else a
        for a in annotations
    ]
    return images, annotations


def _images(images: list, head: Head) -> tuple[dict[int, int], list[tuple[int, int]]]:
    """The frame number of each image: that of its name where all names are of one video, else its id."""
    ids, names = [], []
    sizes: dict[tuple[int, int], None] = {}
    for image in images:
        if not isinstance(image, dict) or type(image.get("id")) is not int:
            raise BadFileError("has an image without a number as id", where=head.path)
        ids.append(_bounded(image["id"]))
        names.append(str(image.get("file_name", "")).replace("\\", "/").rpartition("/")[2])
        if size := image_size(image.get("width"), image.get("height")):
            sizes[size] = None
    frame_ids = [image.get("frame_id") for image in images]
    if ids and all(type(n) is int and 0 <= n < 1 << 40 for n in frame_ids) and len(set(frame_ids)) == len(ids):
        return dict(zip(ids, frame_ids)), sorted(sizes)
    videos = videos_of(names) if len(set(names)) == len(names) and all(names) else []
    if len(videos) == 1 and not videos[0].duplicates:
        by_name = dict(zip(videos[0].names, videos[0].numbers))
        return {i: by_name[n] for i, n in zip(ids, names)}, sorted(sizes)
    return {i: i for i in ids}, sorted(sizes)


def _add(gathering: Gathering, person: object, head: Head, number: dict | None) -> None:
    if not isinstance(person, dict) or type(person.get("image_id")) is not int:
        raise BadFileError("has a person without the number of an image", where=head.path)
    flat = person.get("keypoints")
    if not isinstance(flat, list):
        raise BadFileError("has a person whose keypoints are not a list", where=head.path)
    if flat and isinstance(flat[0], list):
        flat = [v for row in flat for v in (row if isinstance(row, list) else (row,))]
    flat = _with_scores(flat, person.get("keypoint_scores"))
    image = _bounded(person["image_id"])
    frame = image if number is None else number.get(image, image)
    track = person.get("track_id")
    index = gathering.person(frame, flat, identity=track if isinstance(track, int) else None)
    for name, key in _EXTRAS.items():  # COCO-WholeBody
        if isinstance(more := person.get(key), list):
            gathering.extra(name, index, more)


def _with_scores(flat: list, scores: object) -> list:
    """x, y and score of each joint, of lists that have the scores beside the joints, or none."""
    joints = len(scores) if isinstance(scores, list) else 0
    if isinstance(scores, list) and joints and len(flat) in (2 * joints, 3 * joints):
        width = len(flat) // joints
        return [v for at, score in zip(range(0, len(flat), width), scores) for v in (*flat[at : at + 2], score)]
    if len(flat) % 3 and not len(flat) % 2:
        return [v for at in range(0, len(flat), 2) for v in (*flat[at : at + 2], 1.0)]
    return flat


def _bounded(number: int) -> int:
    return max(-(2**62), min(2**62, number))


def _joint_names(categories: object) -> tuple[str, ...] | None:
    for category in categories if isinstance(categories, list) else ():
        names = category.get("keypoints") if isinstance(category, dict) else None
        if isinstance(names, list) and names and all(isinstance(n, str) for n in names):
            return tuple(n[:80] for n in names)
    return None


def _candidates(joints: int) -> tuple[str, ...]:
    """17 joints without names are those of COCO itself."""
    return {17: ("coco17",), 133: ("coco_wholebody133",)}.get(joints, ())


# Writing


def write(sequences: Sequence[Detections], path: Path) -> None:
    """Annotations. Confidences stand in the place of the flag, unless all of them are 0 or 1."""
    detections = sequences[0]
    require_pixels(detections, "COCO's form")
    size = dict(zip(("width", "height"), detections.image_size)) if detections.image_size else {}
    flags = detections.confidence is None or bool(np.isin(detections.confidence, (0, 1)).all())
    who = who_of(detections)
    images: list[dict] = []
    annotations: list[dict] = []
    for number, rows in frames_of(detections):
        images.append({"id": number, "frame_id": number, "file_name": f"{number:012d}.jpg", **size})
        for row in rows:
            joints = [[x, y, 2 * c if flags else c] for x, y, c in joints_of(detections, row)]
            box = box_of(detections, row)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "track_id": who[row],
                    "keypoints": flat(joints),
                    "num_keypoints": sum(c > 0 for _, _, c in joints),
                    "bbox": box,
                    "area": round(box[2] * box[3], 3),
                    "iscrowd": 0,
                }
            )
    layout = layout_of(detections)
    bones = [[p + 1, j + 1] for p, j in layout.bones] if layout else []
    category = {"id": 1, "name": "person", "keypoints": names_of(detections), "skeleton": bones}
    write_json(path, {"images": images, "annotations": annotations, "categories": [category]})


def write_results(sequences: Sequence[Detections], path: Path) -> None:
    """The list of results, as COCO's evaluation reads it."""
    detections = sequences[0]
    require_pixels(detections, "COCO's form")
    people = []
    for number, rows in frames_of(detections):
        for row in rows:
            joints = joints_of(detections, row)
            score = round(sum(c for _, _, c in joints) / len(joints), 5)
            people.append({"image_id": number, "category_id": 1, "keypoints": flat(joints), "score": score})
    write_json(path, people)


FORMS = {
    "coco": Form(write, holding(CONFIDENCES, TRACKS, SIZE, NAMES, NUMBERS)),
    "coco_results": Form(write_results, holding(CONFIDENCES, NUMBERS)),
}
