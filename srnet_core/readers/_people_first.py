"""Values that hold people, each with all frames, where frames with people were looked for: told by how people move.

`[[pose, pose, ...], ...]` and `{"1": {"0": pose, ...}, ...}` may be frames of people or people of frames. A recording
shows somebody near the place of the frame before, while the people of one frame stand at different places.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from srnet_core.readers._frames_found import Frame, Person
from srnet_core.readers._movement import median_step
from srnet_core.readers.detections import MOST_PEOPLE

SAME_PERSON = 0.35  # mean distance of the joints, in sizes of the person
_ONE_OVER_TIME = 0.18  # the same where it turns people and frames round: people side by side stand 0.25 apart
_NAMES_OF_FRAMES = ("frame", "img", "image")


def frames_first(frames: list[Frame]) -> list[Frame]:
    """The frames of what was read as frames but is a person each; others as they are.

    That is so where the people of a "frame" follow each other as one person does, and those of one place in all
    "frames" do not.
    """
    if len(frames) > MOST_PEOPLE or not all(frame.listed and not frame.said for frame in frames):
        return frames
    if any(str(frame.number).lower().startswith(_NAMES_OF_FRAMES) for frame in frames):
        return frames
    most = max((len(frame.people) for frame in frames), default=0)
    if most < 2 or most <= len(frames):  # as many people as frames, or fewer
        return frames
    rows = [frame.people for frame in frames]
    numbers = [[_number(person, at) for at, person in enumerate(row)] for row in rows]
    if any(len(set(row)) < len(row) for row in numbers):
        return frames
    columns: dict[int, list[Person]] = {}
    for row, whose in zip(rows, numbers):
        for person, number in zip(row, whose):
            columns.setdefault(number, []).append(person)
    inside, across = _step(rows), _step(list(columns.values()))
    if not inside <= _ONE_OVER_TIME or across <= SAME_PERSON:
        return frames
    names = [str(at if frame.number is None else frame.number) for at, frame in enumerate(frames)]
    made = {number: Frame(number, []) for number in sorted(columns)}
    for name, row, whose in zip(names, rows, numbers):
        for person, number in zip(row, whose):
            made[number].people.append(replace(person, who=name))
    return list(made.values())


def _number(person: Person, place: int) -> int:
    """The number of the frame that somebody stands under, else the place in the list."""
    return int(person.who) if isinstance(person.who, str) and person.who.isdigit() and len(person.who) < 18 else place


def _step(rows: Sequence[Sequence[Person]]) -> float:
    """The median step between neighbours of the rows, NaN where there are none."""
    steps = []
    for row in rows[:: max(1, len(rows) // 50)]:
        poses = [person.points.values[:, :2] for person in row[:500]]
        if len(poses) > 1 and len({len(pose) for pose in poses}) == 1:
            steps.append(median_step(np.stack(poses)))
    known = [step for step in steps if step == step]
    return float(np.median(known)) if known else float("nan")
