"""labelme, and programs that write its form (AnyLabeling, X-AnyLabeling): a JSON file per image with named points.

`shapes` is a list of points with a label each; shapes of one `group_id` are a person, together with the box around
them. Without groups all points of an image are one person, and a label that comes again begins the next one.
Source: wkentaro/labelme, labelme/label_file.py.
"""

from collections.abc import Iterator

from srnet_core.errors import BadFileError
from srnet_core.readers._named_people import NamedPeople, Point, number_of, numbers_of_images, refuse_shapes
from srnet_core.readers.bounded import read_bounded
from srnet_core.readers.detections import Detections, ReadOptions, image_size
from srnet_core.readers.head import Head
from srnet_core.readers.text import parse_json

FORMAT = "labelme"
_MOST_BYTES_OF_AN_IMAGE = 256 << 20  # the image itself may be inside, as text
_SCORES = ("score", "kpt_score")


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.85 if head.sample is not None and not head.sample.is_folder and sniff(head.sample) else 0.0
    if not head.looks_like_json or '"shapes"' not in head.text:
        return 0.0
    images = head.json if isinstance(head.json, list) else [head.json]
    return 0.9 if images and all(_shapes_of(image) is not None for image in images[:20]) else 0.0


def _shapes_of(image: object) -> list | None:
    """The shapes of an image; `None` where it is not in labelme's form."""
    if not isinstance(image, dict) or not any(key in image for key in ("imagePath", "imageHeight", "flags")):
        return None
    shapes = image.get("shapes")
    if not isinstance(shapes, list) or not all(isinstance(s, dict) and "points" in s for s in shapes[:50]):
        return None
    return shapes


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all images.

    Raises:
        BadFileError: not labelme's form, or shapes that are no points.
    """
    notes: list[str] = []
    if head.is_folder:
        video, notes = head.video(options.sequence)
        images = [(number, name) for number, name in zip(video.numbers, video.names)]
        is_video, files = len(images) > 1, _files(head, images)
    else:
        listed = head.json if isinstance(head.json, list) else [head.json]
        names = [str(v.get("imagePath", at))[:400] if isinstance(v, dict) else str(at) for at, v in enumerate(listed)]
        by_name, is_video = numbers_of_images(names)
        files = ((by_name[name], value, head.path) for name, value in zip(names, listed))
    people = NamedPeople(head.path)
    sizes: dict[tuple[int, int], None] = {}
    shapes: set[str] = set()
    for done, (number, value, where) in enumerate(files, 1):
        listed_shapes = _shapes_of(value)
        if listed_shapes is None or not isinstance(value, dict):
            raise BadFileError('is not a file of labelme: it has no list "shapes"', where=where)
        people.frame(number)
        for who, points in _groups_of(listed_shapes, shapes, where).items():
            people.points(number, points, who)
        if size := image_size(value.get("imageWidth"), value.get("imageHeight")):
            sizes[size] = None
        if options.progress and done % 500 == 0:
            options.progress(done, len(head.frame_names) or done)
    if not people.people:
        refuse_shapes(shapes, head.path, "labelme")
    known = {"image_size": next(iter(sizes))} if len(sizes) == 1 else {"image_sizes": tuple(sorted(sizes))}
    return [people.build(FORMAT, video=is_video, notes=notes, **known)]


def _files(head: Head, images: list[tuple[int, str]]) -> Iterator[tuple[int, object, object]]:
    for number, name in images:
        path = head.path / name
        yield number, parse_json(read_bounded(path, _MOST_BYTES_OF_AN_IMAGE), path), path


def _groups_of(shapes: list, other: set[str], where: object) -> dict[object, list[tuple[str, Point]]]:
    """{number of the group: points}; the kinds of all shapes that are no points go to `other`."""
    groups: dict[object, list[tuple[str, Point]]] = {}
    for shape in shapes:
        kind, label = (shape.get(k) for k in ("shape_type", "label")) if isinstance(shape, dict) else (None, None)
        points = shape.get("points") if isinstance(shape, dict) else None
        if not isinstance(points, list) or not isinstance(label, str):
            raise BadFileError("has a shape without a label or points", where=where)
        if kind not in ("point", None) or len(points) != 1:
            other.add(str(kind)[:40])
            continue
        place = points[0]
        x, y = (number_of(v) for v in place[:2]) if isinstance(place, list) and len(place) >= 2 else (None, None)
        if x is None or y is None:
            raise BadFileError(f"has a point {label[:40]!a} without x and y", where=where)
        score = next((s for k in _SCORES if (s := number_of(shape.get(k))) is not None), 1.0)
        group = shape.get("group_id")
        groups.setdefault(group if isinstance(group, (int, str)) else None, []).append((label[:80], (x, y, score)))
    return groups
