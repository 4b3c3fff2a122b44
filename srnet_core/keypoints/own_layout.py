"""The joints of 2D keypoints whose layout may be unknown: what a layout file of one's own starts from."""

from pathlib import Path

from srnet_core.errors import AmbiguousError, BadFileError
from srnet_core.keypoints._layout import find_layout
from srnet_core.keypoints.read import chosen_sequence, load_detections
from srnet_core.layouts import Layout


def joints_of(path: str | Path, *, sequence: int | str | None = None) -> tuple[list[str], Layout | None, list[str]]:
    """(names of the joints, their layout, notes) of a file or folder of 2D keypoints.

    Joints that nothing names are called "joint 0" and so on. The layout is `None` where it cannot be told.

    Raises:
        InputFileMissing, BadFileError: as `read_keypoints`; `BadFileError` also where nobody was found.
        AmbiguousError: there is no such sequence.
    """
    found = load_detections(path, sequence=sequence if isinstance(sequence, str) else None)
    detections = found[0] if sequence is None else chosen_sequence(found, sequence)
    if not detections.joints:
        raise BadFileError("no person was found in any frame: its joints are unknown", where=path)
    try:
        layout, _, notes = find_layout(detections, "auto")
    except AmbiguousError as error:
        layout, notes = None, [f"{error.what[:1].upper()}{error.what[1:]}."]
    if layout is not None:
        return list(layout.joints), layout, notes
    names = detections.joint_names or tuple(f"joint {number}" for number in range(detections.joints))
    return list(names), None, notes
