"""AlphaPose: a list of people with the name of their image, or the older form, an object of images.

The older form comes as AlphaPose's "cmu" (bodies, joints) and "open" (people, pose_keypoints_2d), all images in one
file or a file for each; its tracker, PoseFlow, writes a list of people for each image.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from srnet_core.errors import BadFileError
from srnet_core.readers._encoding import box_of, flat, frames_of, joints_of, require_pixels, who_of, write_json
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.forms import CONFIDENCES, NUMBERS, TRACKS, Form, holding
from srnet_core.readers.frames import choose_video, natural_key
from srnet_core.readers.head import Head
from srnet_core.readers.text import parse_json

FORMAT = "alphapose"
LAYOUTS = {
    17: ("coco17",),
    26: ("halpe26",),
    68: ("halpe68",),
    133: ("coco_wholebody133",),
    136: ("halpe136",),
}
LAYOUTS_OF_IMAGES = {
    17: ("coco17",),
    26: ("halpe26",),
    136: ("halpe136",),
    15: ("mpi15_openpose",),
    16: ("mpii16",),
    18: ("coco18_openpose",),
}
_MOST_BYTES_OF_A_FRAME = 64 << 20
_LISTS = (("bodies", "joints"), ("people", "pose_keypoints_2d"))


def sniff(head: Head) -> float:
    if head.is_folder:
        one = None if head.sample is None or head.sample.is_folder else head.sample
        return 0.85 if one and '"bodies"' in one.text and _is_frame(one.json) else 0.0
    if not head.looks_like_json:
        return 0.0
    value = head.json
    if _is_frame(value):
        return 0.85
    if isinstance(value, list):
        return _sniff_list(value)
    if isinstance(value, dict) and value and all(_is_image(v) for v in list(value.values())[:20]):
        return 0.9
    return 0.0


def _sniff_list(people: list) -> float:
    """COCO results look alike; AlphaPose names images by text, and has a box or the number of a track."""
    sample = [p for p in people[:20] if isinstance(p, dict)]
    if not sample or len(sample) < len(people[:20]) or not all("keypoints" in p and "image_id" in p for p in sample):
        return 0.0
    return 0.9 if isinstance(sample[0]["image_id"], str) or "idx" in sample[0] else 0.0


def _is_frame(value: object) -> bool:
    """Whether a file is one image: bodies with joints."""
    bodies = value.get("bodies") if isinstance(value, dict) else None
    return isinstance(bodies, list) and all(isinstance(b, dict) and isinstance(b.get("joints"), list) for b in bodies)


def _is_image(value: object) -> bool:
    if isinstance(value, list):  # PoseFlow
        return bool(value) and all(isinstance(p, dict) and isinstance(p.get("keypoints"), list) for p in value)
    return isinstance(value, dict) and any(_are_bodies(value.get(people), points) for people, points in _LISTS)


def _are_bodies(value: object, points: str) -> bool:
    """Whether it is a list of bodies in AlphaPose's form; other programs have people under other keys in it."""
    return isinstance(value, list) and all(isinstance(body, dict) and (not body or points in body) for body in value)


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all frames. Frames without people are not in the file: numbers that are left out count as such.

    Raises:
        BadFileError: not AlphaPose's form, or people of several numbers of joints.
    """
    value = _files(head, options) if head.is_folder else {"0": head.json} if _is_frame(head.json) else head.json
    if isinstance(value, dict):
        people, layouts = _of_images(value, head), LAYOUTS_OF_IMAGES
    elif isinstance(value, list):
        people, layouts = value, LAYOUTS
    else:
        raise BadFileError("is not a result of AlphaPose", where=head.path)
    return [_read_people(people, layouts, head, options)]


def _files(head: Head, options: ReadOptions) -> dict:
    """{name: image} of a folder with a file for each image."""
    images = {}
    for done, name in enumerate(head.frame_names, 1):
        path = head.path / name
        images[name] = parse_json(read_bounded(path, _MOST_BYTES_OF_A_FRAME), path)
        if not _is_frame(images[name]):
            raise BadFileError('is not a frame of AlphaPose: it has no list "bodies"', where=path)
        if options.progress and done % 500 == 0:
            options.progress(done, len(head.frame_names))
    return images


def _of_images(images: dict, head: Head) -> list:
    people = []
    for name, image in images.items():
        if isinstance(image, list):
            people.append({"image_id": name})
            people += [{**person, "image_id": name} for person in image if isinstance(person, dict)]
        for list_name, points in _LISTS:
            bodies = image.get(list_name) if isinstance(image, dict) else None
            if isinstance(bodies, list):
                people.append({"image_id": name})  # the frame is there, whether or not it has people
                people += [{"image_id": name, "keypoints": b.get(points)} for b in bodies if isinstance(b, dict)]
    if not people:
        raise BadFileError("is not a result of AlphaPose: its images have no bodies", where=head.path)
    return people


def _read_people(people: list, layouts: dict, head: Head, options: ReadOptions) -> Detections:
    names = list(dict.fromkeys(_image(p, head) for p in people))
    if not names:
        raise BadFileError("holds no people", where=head.path)
    numbers, notes, base = image_numbers(names, head, options)
    gathering = Gathering(head.path)
    for done, person in enumerate(people, 1):
        image = _image(person, head)
        if image not in numbers:
            continue
        if "keypoints" not in person:
            gathering.frame(numbers[image])
            continue
        flat = person["keypoints"]
        if not isinstance(flat, list):
            raise BadFileError(f"the keypoints of image {image[:60]!a} are not a list", where=head.path)
        if flat and isinstance(flat[0], list):
            flat = [v for row in flat for v in (row if isinstance(row, list) else (row,))]
        gathering.person(numbers[image], flat, identity=_identity(person))
        if options.progress and (done % 5000 == 0 or done == len(people)):
            options.progress(done, len(people))
    joints = max(set(gathering.joints), key=gathering.joints.count, default=0)
    known = layouts.get(joints, ())
    return gathering.build(
        FORMAT, base=base, notes=notes, layout=known[0] if len(known) == 1 else None, candidates=known
    )


def image_numbers(names: list[str], head: Head, options: ReadOptions) -> tuple[dict[str, int], list[str], int | None]:
    """The frame number of each image by its name, notes, and the number where counting starts."""
    if all(re.search("[0-9]", name) for name in names):
        video, notes = choose_video(names, head.path, options.sequence)
        # AlphaPose counts the frames of a video from 0, "0.jpg"; others write images, e.g. ffmpeg from 1
        of_a_video = all(re.fullmatch(r"(?:0|[1-9][0-9]*)\.\w+", name) for name in video.names)
        return dict(zip(video.names, video.numbers)), notes, 0 if of_a_video or 0 in video.numbers else 1
    ordered = sorted(names, key=natural_key)
    notes = ["Not all images have a number in their names: frames are taken in alphabetical order."]
    return {name: i for i, name in enumerate(ordered)}, notes, None


def _image(person: object, head: Head) -> str:
    if not isinstance(person, dict) or not isinstance(person.get("image_id"), (str, int)):
        raise BadFileError('has a person without an "image_id"', where=head.path)
    return str(person["image_id"])


def _identity(person: dict) -> object:
    """The number of the track: 3, [3.0], or nested lists of which the first is this person's."""
    value = person.get("idx", person.get("track_id"))
    for _ in range(4):
        if isinstance(value, list) and value:
            value = value[0]
    return f"{value:g}" if isinstance(value, (int, float)) and abs(value) < 1e15 else None


# Writing


def write(sequences: Sequence[Detections], path: Path) -> None:
    """The list of people."""
    detections = sequences[0]
    require_pixels(detections, "AlphaPose's form")
    who = who_of(detections)
    people = []
    for number, rows in frames_of(detections):
        for row in rows:
            joints = joints_of(detections, row)
            people.append(
                {
                    "image_id": f"{number}.jpg",
                    "category_id": 1,
                    "keypoints": flat(joints),
                    "score": round(sum(c for _, _, c in joints) / len(joints), 5),
                    "box": box_of(detections, row),
                    "idx": who[row],
                }
            )
    write_json(path, people)


def write_cmu(sequences: Sequence[Detections], path: Path) -> None:
    """The older form: an object of images with bodies."""
    detections = sequences[0]
    require_pixels(detections, "AlphaPose's form")
    images = {
        f"{number}.jpg": {
            "version": "AlphaPose v0.3",
            "bodies": [{"joints": flat(joints_of(detections, row))} for row in rows],
        }
        for number, rows in frames_of(detections)
    }
    write_json(path, images)


FORMS = {
    "alphapose": Form(write, holding(CONFIDENCES, TRACKS, NUMBERS)),
    "alphapose_cmu": Form(write_cmu, holding(CONFIDENCES, NUMBERS)),
}
