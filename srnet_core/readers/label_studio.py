"""Label Studio: exports of key points, as JSON and JSON-MIN. Coordinates are percent of the image.

JSON: tasks with `annotations` -> `result` -> {type "keypointlabels", value {x, y, keypointlabels}, original_width,
original_height, parentID}. JSON-MIN: the same values in a list beside the image of the task.
Source: https://labelstud.io/guide/export, https://labelstud.io/tags/keypoint
"""

from collections.abc import Iterator

from srnet_core.errors import BadFileError
from srnet_core.readers._named_people import NamedPeople, Point, number_of, numbers_of_images, refuse_shapes
from srnet_core.readers.detections import Detections, ReadOptions, image_size
from srnet_core.readers.head import Head

FORMAT = "label_studio"
_MARK = "keypointlabels"
_KINDS = ("rectanglelabels", "polygonlabels", "brushlabels", "ellipselabels", "choices")


def sniff(head: Head) -> float:
    if head.is_folder or not head.looks_like_json:
        return 0.0
    if not any(f'"{kind}"' in head.text for kind in (_MARK, *_KINDS)):
        return 0.0
    return 0.95 if isinstance(head.json, list) and any(_has_results(task) for task in head.json[:50]) else 0.0


def _has_results(task: object) -> bool:
    return isinstance(task, dict) and (
        isinstance(task.get("annotations", task.get("completions")), list) or any(True for _ in _min_values(task))
    )


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all images, one task each. Where a task was labelled several times, the first annotation counts.

    Raises:
        BadFileError: not Label Studio's form, or labels that are no key points.
    """
    tasks = head.json
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        raise BadFileError("is not an export of Label Studio: it is no list of tasks", where=head.path)
    images = [_image(task, at) for at, task in enumerate(tasks)]
    numbers, video = numbers_of_images(images)
    people = NamedPeople(head.path)
    sizes: dict[tuple[int, int], None] = {}
    kinds: set[str] = set()
    for name, task in zip(images, tasks):
        people.frame(numbers[name])
        groups, size = _groups_of(task, kinds, head)
        for points in groups.values():
            people.points(numbers[name], points)
        if size:
            sizes[size] = None
    if not people.people:
        refuse_shapes(kinds, head.path, "Label Studio")
    known = {"image_size": next(iter(sizes))} if len(sizes) == 1 else {"image_sizes": tuple(sorted(sizes))}
    return [people.build(FORMAT, video=video, units="normalized", **known)]


def _image(task: dict, position: int) -> str:
    data = task.get("data")
    values = data.values() if isinstance(data, dict) else task.values()
    named = next((v for v in values if isinstance(v, str) and "." in v), None)
    upload = task.get("file_upload")
    return str(upload if isinstance(upload, str) else named if named is not None else position)[:400]


def _results(task: dict) -> list[dict]:
    """What was labelled, each with `value`, `original_width` and `original_height`."""
    annotations = task.get("annotations", task.get("completions"))
    if not isinstance(annotations, list):
        return [{"type": _MARK, "value": value, **value} for value in _min_values(task)]
    for annotation in annotations:
        result = annotation.get("result") if isinstance(annotation, dict) else None
        if isinstance(result, list) and result:
            return [one for one in result if isinstance(one, dict)]
    return []


def _min_values(task: dict) -> Iterator[dict]:
    for value in task.values():
        if isinstance(value, list):
            yield from (one for one in value if isinstance(one, dict) and _MARK in one)


def _groups_of(
    task: dict, kinds: set[str], head: Head
) -> tuple[dict[object, list[tuple[str, Point]]], tuple[int, int] | None]:
    """{what a point belongs to: points} of an image, and its size; the kinds of all other labels go to `kinds`."""
    groups: dict[object, list[tuple[str, Point]]] = {}
    size = None
    for one in _results(task):
        value = one.get("value")
        labels = value.get(_MARK) if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(labels, list) or not labels:
            kinds.add(str(one.get("type", "nothing"))[:40])
            continue
        x, y, label = number_of(value.get("x")), number_of(value.get("y")), str(labels[0])[:80]
        if x is None or y is None:
            raise BadFileError(f"has a key point {label[:40]!a} without x and y", where=head.path)
        size = image_size(one.get("original_width"), one.get("original_height")) or size
        parent = one.get("parentID")
        points = groups.setdefault(parent if isinstance(parent, str) else None, [])
        points.append((label, (x / 100, y / 100, 1.0)))
    return groups, size
