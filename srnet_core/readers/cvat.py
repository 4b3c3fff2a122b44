"""CVAT: skeletons and points in `annotations.xml`, of images and of video (CVAT XML 1.1).

Images: `image` (name, width, height) with `skeleton` -> `points` (label, points "x,y", outside, occluded), or `points`
with all joints of a person in one text. Video: `track` with a `skeleton` or `points` per frame. An element that is
outside of the picture is missing. Source: https://docs.cvat.ai/docs/other/xml_format
"""

import re
from xml.etree import ElementTree

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.readers._named_people import (
    NamedPeople,
    Point,
    image_number,
    number_of,
    numbers_of_images,
    refuse_shapes,
)
from srnet_core.readers.detections import MOST_VALUES, Detections, ReadOptions, image_size
from srnet_core.readers.head import Head
from srnet_core.readers.text import decode

FORMAT = "cvat"
_MOST_ELEMENTS = 20_000_000
_HIDDEN = 0.5  # confidence of a joint that is occluded
_OTHER = ("box", "polygon", "polyline", "mask", "ellipse", "cuboid", "tag")
_DECLARED = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


def sniff(head: Head) -> float:
    if head.is_folder or not head.text.lstrip("\ufeff \r\n\t").startswith("<"):
        return 0.0
    return 0.95 if "<annotations>" in head.text[:4096] else 0.0


def read(head: Head, options: ReadOptions) -> list[Detections]:
    """The people of all images or frames.

    Raises:
        BadFileError: not XML, not of CVAT, or without points.
        HostileFileError: it declares entities, which CVAT never does.
    """
    root = _parsed(head)
    images, tracks = root.findall("image"), root.findall("track")
    people = NamedPeople(head.path)
    shapes: set[str] = set()
    sizes: dict[tuple[int, int], None] = {}
    video = True
    if images:
        names = [str(image.get("name", at))[:400] for at, image in enumerate(images)]
        numbers, video = numbers_of_images(names)
        for name, image in zip(names, images):
            people.frame(numbers[name])
            shapes.update(element.tag for element in image if element.tag in _OTHER)
            if size := image_size(_whole(image.get("width")), _whole(image.get("height"))):
                sizes[size] = None
            _add_people(people, numbers[name], image, head)
    elif size := _size_of_video(root):
        sizes[size] = None
    for at, track in enumerate(tracks):
        shapes.update(element.tag for element in track if element.tag in _OTHER)
        for element in track:
            if element.tag in ("skeleton", "points") and element.get("outside") != "1":
                number = image_number(element.get("frame"))
                if number < 0:
                    raise BadFileError(f"has a {element.tag} of a track without a frame number", where=head.path)
                if joints := _joints_of(element, head):
                    people.person(number, joints, track.get("id", str(at))[:80])
    if not people.people:
        refuse_shapes(shapes, head.path, "CVAT")
    known = {"image_size": next(iter(sizes))} if len(sizes) == 1 else {"image_sizes": tuple(sorted(sizes))}
    return [people.build(FORMAT, video=video, **known)]


def _parsed(head: Head) -> ElementTree.Element:
    text = decode(head.content, head.path)
    if _DECLARED.search(text):
        raise HostileFileError("declares a document type or entities, which no export of CVAT does", where=head.path)
    if text.count("<") > _MOST_ELEMENTS:
        raise HostileFileError(f"holds more than {_MOST_ELEMENTS} elements", where=head.path)
    try:
        # the text is decoded already: an encoding that it declares does not count any more
        root = ElementTree.fromstring(re.sub(r"^\ufeff?\s*<\?xml[^>]*\?>", "", text))
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise BadFileError(f"is not XML: {' '.join(str(error).split())[:80]}", where=head.path) from None
    if root.tag != "annotations" or not (root.findall("image") or root.findall("track")):
        raise BadFileError("is not an export of CVAT: it has neither images nor tracks", where=head.path)
    return root


def _add_people(people: NamedPeople, number: int, image: ElementTree.Element, head: Head) -> None:
    """The people of an image: skeletons, points of many joints, and all points of one joint each together."""
    single: list[tuple[str, Point]] = []
    for element in image:
        if element.tag not in ("skeleton", "points"):
            continue
        joints = _joints_of(element, head)
        if element.tag == "points" and len(joints) == 1:
            single.append(((element.get("label") or "0")[:80], next(iter(joints.values()))))
        elif joints:
            people.person(number, joints)
    people.points(number, single)


def _joints_of(element: ElementTree.Element, head: Head) -> dict[str, Point]:
    if element.tag == "points":
        places = _places(element, head)
        score = _HIDDEN if element.get("occluded") == "1" else 1.0
        return {str(at): (x, y, score) for at, (x, y) in enumerate(places)}
    joints: dict[str, Point] = {}
    for part in element.findall("points"):
        if part.get("outside") == "1":
            continue
        for x, y in _places(part, head)[:1]:
            joints[(part.get("label") or str(len(joints)))[:80]] = (
                x,
                y,
                _HIDDEN if part.get("occluded") == "1" else 1.0,
            )
    return joints


def _places(element: ElementTree.Element, head: Head) -> list[tuple[float, float]]:
    """The places in a text like "310.5,88.2;312,90"."""
    text = element.get("points") or ""
    if len(text) > MOST_VALUES:
        raise HostileFileError("has points without end", where=head.path)
    found = []
    for pair in text.split(";"):
        x, _, y = pair.partition(",")
        px, py = number_of(x.strip()), number_of(y.strip())
        if px is None or py is None:
            raise BadFileError(f"has a point {pair[:40]!a} that is not x,y", where=head.path)
        found.append((px, py))
    return found


def _whole(value: str | None) -> int | None:
    found = image_number(value)
    return found if found > 0 else None


def _size_of_video(root: ElementTree.Element) -> tuple[int, int] | None:
    size = root.find(".//original_size")
    if size is None:
        return None
    return image_size(_whole(size.findtext("width")), _whole(size.findtext("height")))
