"""VIA, the VGG Image Annotator (version 2): points by image, in JSON or CSV.

An image has regions; a region is a point (`cx`, `cy`) with attributes, of which one is the name of the joint, and one
may be the person. The JSON of a whole project holds the same under `_via_img_metadata`.
Source: VIA 2.0 user guide, https://www.robots.ox.ac.uk/~vgg/software/via/
"""

import json
from collections import Counter
from collections.abc import Mapping

from srnet_core.errors import BadFileError
from srnet_core.layouts import part_of
from srnet_core.readers._csv import first_rows, rows_of
from srnet_core.readers._named_people import NamedPeople, Point, number_of, numbers_of_images, refuse_shapes
from srnet_core.readers.detections import Detections, ReadOptions
from srnet_core.readers.head import Head

FORMAT = "via"
_PROJECT = "_via_img_metadata"
_COLUMNS = ("region_shape_attributes", "region_attributes")
_MOST_CELL = 100_000

# what is read of a region: the kind of its shape, x, y, and its attributes
_Region = tuple[str, float | None, float | None, dict[str, str]]


def sniff(head: Head) -> float:
    if head.is_folder:
        return 0.0
    if head.looks_like_json:
        return 0.95 if '"shape_attributes"' in head.text and _images(head.json) is not None else 0.0
    if _COLUMNS[0] not in head.text[:1000]:
        return 0.0
    rows = first_rows(head.text, 1)
    return 0.95 if rows and all(column in rows[0] for column in _COLUMNS) else 0.0


def _images(value: object) -> list[dict] | None:
    """The images of a file, `None` where it is none of VIA's."""
    if isinstance(value, dict) and isinstance(value.get(_PROJECT), dict):
        value = value[_PROJECT]
    if not isinstance(value, dict) or not value:
        return None
    images = list(value.values())
    return images if all(isinstance(i, dict) and "filename" in i and "regions" in i for i in images) else None


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all images. Pixels are whole numbers, as VIA writes them.

    Raises:
        BadFileError: not VIA's form, or regions that are no points.
    """
    images = _of_json(head) if head.looks_like_json else _of_csv(head)
    regions = [region for found in images.values() for region in found]
    if not any(kind == "point" for kind, *_ in regions):
        refuse_shapes((kind for kind, *_ in regions), head.path, "VIA")
    attributes = [values for kind, _, _, values in regions if kind == "point"]
    names, who = _attributes(attributes)
    if names is None:
        raise BadFileError(
            "holds points of VIA without the names of the joints",
            where=head.path,
            todo="Give each region an attribute with the name of its joint",
        )
    numbers, video = numbers_of_images(list(images))
    people = NamedPeople(head.path)
    for name, found in images.items():
        people.frame(numbers[name])
        for identity, points in _groups_of(found, names, who).items():
            people.points(numbers[name], points, identity)
    return [people.build(FORMAT, video=video)]


def _attributes(regions: list[dict[str, str]]) -> tuple[str | None, str | None]:
    """The attribute that names the joints, and the one that tells the people apart."""
    parts: Counter[str] = Counter()
    for values in regions[:2000]:
        parts.update(key for key, value in values.items() if part_of(value))
    names = parts.most_common(1)[0][0] if parts else None
    if names is None:  # joints by number
        whole: Counter[str] = Counter(key for values in regions[:2000] for key, v in values.items() if v.isdigit())
        names = next((key for key, count in whole.most_common() if count == len(regions[:2000])), None)
    who = next(
        (key for values in regions[:2000] for key in values if key != names and "person" in key.lower()),
        next((key for values in regions[:2000] for key in values if key != names and key.lower().endswith("id")), None),
    )
    return names, who


def _groups_of(regions: list[_Region], names: str, who: str | None) -> dict[object, list[tuple[str, Point]]]:
    """{who it is: points} of an image; who is `None` where no attribute tells."""
    groups: dict[object, list[tuple[str, Point]]] = {}
    for kind, x, y, values in regions:
        name = values.get(names)
        if kind == "point" and x is not None and y is not None and name:
            groups.setdefault(values.get(who) if who else None, []).append((name[:80], (x, y, 1.0)))
    return groups


def _region(shape: object, attributes: object) -> _Region:
    shape = shape if isinstance(shape, dict) else {}
    attributes = attributes if isinstance(attributes, dict) else {}
    named = {str(k)[:80]: _text(v) for k, v in attributes.items() if _text(v)}
    return str(shape.get("name", "nothing"))[:40], number_of(shape.get("cx")), number_of(shape.get("cy")), named


def _text(value: object) -> str:
    """The value of an attribute; of a choice with boxes to tick ({"nose": true}) the one that is ticked."""
    if isinstance(value, dict):
        return next((str(k) for k, ticked in value.items() if ticked), "")
    return str(value) if isinstance(value, (str, int)) else ""


def _of_json(head: Head) -> Mapping[str, list[_Region]]:
    images = _images(head.json)
    if images is None:
        raise BadFileError("is not an export of VIA: it has no images with regions", where=head.path)
    found: dict[str, list[_Region]] = {}
    for image in images:
        regions = image["regions"]
        listed = list(regions.values()) if isinstance(regions, dict) else regions  # an object in version 1
        if not isinstance(listed, list) or not all(isinstance(r, dict) for r in listed):
            raise BadFileError("has an image whose regions are no list", where=head.path)
        name = str(image["filename"])[:400]
        found.setdefault(name, []).extend(
            _region(r.get("shape_attributes"), r.get("region_attributes")) for r in listed
        )
    return found


def _of_csv(head: Head) -> Mapping[str, list[_Region]]:
    rows = rows_of(head.path)
    header = [cell.strip().lstrip("#") for cell in next(rows, [])]
    if not all(column in header for column in ("filename", *_COLUMNS)):
        raise BadFileError("is not a table of VIA", where=head.path)
    at, shape, attributes = (header.index(column) for column in ("filename", *_COLUMNS))
    found: dict[str, list[_Region]] = {}
    for line, row in enumerate(rows, 2):
        if len(row) < len(header):
            raise BadFileError(f"row {line} has {len(row)} cells, the header {len(header)}", where=head.path)
        regions = found.setdefault(row[at][:400], [])
        one = _region(_cell(row[shape], line, head), _cell(row[attributes], line, head))
        if one[0] != "nothing":  # an image without regions has a row of its own
            regions.append(one)
    return found


def _cell(text: str, line: int, head: Head) -> object:
    try:
        return json.loads(text) if text.strip() and len(text) <= _MOST_CELL else {}
    except (ValueError, RecursionError):
        raise BadFileError(f"row {line}: {text[:40]!a} is not JSON", where=head.path) from None
