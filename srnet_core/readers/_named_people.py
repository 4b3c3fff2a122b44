"""People whose joints a file names one by one, in any order, some left out, as tools for labelling images do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from srnet_core.errors import BadFileError, HostileFileError
from srnet_core.layouts import all_layouts
from srnet_core.readers._gathering import Gathering
from srnet_core.readers.detections import MOST_PEOPLE, Detections
from srnet_core.readers.frames import few, natural_key, videos_of

_MOST_JOINTS = 1_000
_NOT_A_VIDEO = 1.5  # of frame numbers that are missing for each that is there

Point = tuple[float, float, float]  # x, y, confidence


class NamedPeople:
    """Collects people by frame and the names of their joints; a joint that a person lacks is missing."""

    def __init__(self, where: object):
        self.where = where
        self.names: dict[str, None] = {}
        self.people: list[tuple[int, dict[str, Point], object]] = []
        self.frames: list[int] = []
        self._in_frame: dict[int, int] = {}
        self._not_grouped = 0

    def frame(self, number: int) -> None:
        """A frame is in the file, whether or not it has people."""
        self.frames.append(number)

    def person(self, number: int, joints: Mapping[str, Point], who: object = None) -> None:
        """Add a person to a frame.

        Raises:
            HostileFileError: the file names more joints than any layout has, or the frame has too many people.
        """
        self._in_frame[number] = self._in_frame.get(number, 0) + 1
        if self._in_frame[number] > MOST_PEOPLE:
            raise HostileFileError(f"lists more than {MOST_PEOPLE} people in one frame", where=self.where)
        self.names.update(dict.fromkeys(joints))
        if len(self.names) > _MOST_JOINTS:
            raise HostileFileError(f"names more than {_MOST_JOINTS} joints", where=self.where)
        self.people.append((number, dict(joints), who))

    def points(self, number: int, points: Iterable[tuple[str, Point]], who: object = None) -> None:
        """Add points of a frame that no group tells apart: a joint that comes again begins the next person."""
        people: list[dict[str, Point]] = [{}]
        for name, point in points:
            if name in people[-1]:
                people.append({})
            people[-1][name] = point
        self._not_grouped += len(people) > 1
        for joints in people:
            if joints:
                self.person(number, joints, who if len(people) == 1 else None)

    def build(self, format: str, *, video: bool = True, named: Sequence[str] = (), **known) -> Detections:
        """Everything that was added.

        Args:
            video: whether the frame numbers may be those of one video.
            named: the joints that the file lists, in their order, where it has such a list.

        Raises:
            BadFileError: nobody was added, or values make no sense.
        """
        if not self.people:
            raise BadFileError("holds no keypoints of people", where=self.where)
        order = in_order(self.names, named)
        notes = list(known.pop("notes", ()))
        if self._not_grouped:
            notes.append(
                f"In {self._not_grouped} images the points of several people are not grouped: a joint that comes again "
                "begins the next person. Group them in the labelling tool if people are mixed up."
            )
        gathering = Gathering(self.where)
        for number in self.frames:
            gathering.frame(number)
        missing = (0.0, 0.0, 0.0)
        for number, joints, who in self.people:
            gathering.person(number, [v for name in order for v in joints.get(name, missing)], identity=who)
        numbered = all(name.isdigit() for name in order)
        built = gathering.build(
            format,
            sparse=_NOT_A_VIDEO,
            notes=notes,
            joint_names=None if numbered else tuple(n[:80] for n in order),
            **known,
        )
        return built if video else replace(built, consecutive=False)


def in_order(names: Iterable[str], listed: Sequence[str] = ()) -> list[str]:
    """Names of joints in the order of a list, of a known layout or of their numbers; else in the order of the file."""
    found = list(names)
    if listed and set(found) <= set(listed):
        return list(dict.fromkeys(listed))
    if all(name.isdigit() for name in found):
        return sorted(found, key=natural_key)
    plain = {_plain(name): name for name in found}
    if len(plain) == len(found):
        for layout in all_layouts():
            order = [_plain(joint) for joint in layout.joints]
            if set(order) == set(plain):
                return [plain[joint] for joint in order]
    return found


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())


def numbers_of_images(names: Sequence[str]) -> tuple[dict[str, int], bool]:
    """The frame number of each image, and whether the images are those of one video.

    Images that are named alike but for one number are a video; others are taken in the order of their names.
    """
    distinct = list(dict.fromkeys(names))
    short = {name: name.replace("\\", "/").rpartition("/")[2] for name in distinct}
    if len(set(short.values())) == len(distinct):
        videos = videos_of(list(short.values()))
        if len(videos) == 1 and not videos[0].duplicates and all(any(map(str.isdigit, n)) for n in short.values()):
            number = dict(zip(videos[0].names, videos[0].numbers))
            return {name: number[short[name]] for name in distinct}, True
    ordered = sorted(distinct, key=natural_key)
    return {name: at for at, name in enumerate(ordered)}, len(distinct) == 1


def refuse_shapes(shapes: Iterable[str], where: object, tool: str) -> None:
    """Refuse an export that has shapes, but none of them points.

    Raises:
        BadFileError: always; the message names the shapes.
    """
    raise BadFileError(
        f"is an export of {tool} without points: it holds {few(sorted(set(shapes)) or ['nothing'])}",
        where=where,
        todo="Label the joints as points, or as a skeleton",
    )


def number_of(value: object) -> float | None:
    """A value as a number; `None` for anything else."""
    if isinstance(value, str):
        try:
            return float(value) if len(value) <= 40 else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def image_number(value: object) -> int:
    """A whole number of a frame, -1 for anything else."""
    found = number_of(value)
    return int(found) if found is not None and found == found and 0 <= found < 2**53 else -1
