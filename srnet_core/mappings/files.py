"""Writes a mapping as a file that a user can edit and give back."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from srnet_core.files import atomic_write
from srnet_core.mappings import DERIVED, ResolvedMapping
from srnet_core.skeletons.h36m17 import JOINTS


def write_mapping(path: str | Path, mapping: ResolvedMapping, *, kind: str, source: str) -> Path:
    """Write the joints of a mapping that was found for a file, points by name and weight; `read_mapping` reads it.

    Joints that were made from other joints are written as comments: without them they are made in the same way.

    Args:
        kind: "joints" of a skeleton or "markers".
        source: the file it was found for.
    """
    names = _without_people(mapping.points)
    lines = []
    for joint, weights in mapping.weights.items():
        comment = "# made from other joints: " if joint in mapping.derived else ""
        lines.append(comment + _joint(joint, weights, names))
    return _write(path, lines, kind=kind, source=source)


def write_mapping_to_fill_in(
    path: str | Path, points: Sequence[str], found: Mapping[str, Mapping[int, float]], *, kind: str, source: str
) -> Path:
    """Write a mapping that a user completes: the joints that were found, the others as comments, and all points.

    Args:
        points: the names of the file's points.
        found: {joint of Human3.6M: {index of a point: weight}}.
        kind, source: as `write_mapping`.
    """
    names = _without_people(points)
    lines = [
        "# Remove the # of a line and put the name of a point between the quotation marks, or several with weights:",
        '# "LKnee" = [{ "inner knee" = 0.5, "outer knee" = 0.5 }]',
    ]
    for joint in JOINTS:
        if joint in found:
            lines.append(_joint(joint, found[joint], names))
        else:
            remark = "  # made from others if left out" if joint in DERIVED else ""
            lines.append(f'# {_quoted(joint)} = [""]{remark}')
    lines += ["", f"# The {len(names)} points of the file:", *(f"# {_quoted(name)}" for name in names)]
    return _write(path, lines, kind=kind, source=source)


def _without_people(points: Sequence[str]) -> list[str]:
    """The names of points without those of people, which are no part of a mapping."""
    names = [point.rpartition(":")[2] for point in points]
    return names if len(set(names)) == len(names) else list(points)


def _joint(joint: str, weights: Mapping[int, float], names: Sequence[str]) -> str:
    """The line of a joint."""
    if len(weights) == 1 and next(iter(weights.values())) == 1:
        return f"{_quoted(joint)} = [{_quoted(names[next(iter(weights))])}]"
    made = ", ".join(f"{_quoted(names[point])} = {_number(weight)}" for point, weight in weights.items())
    return f"{_quoted(joint)} = [{{ {made} }}]"


def _write(path: str | Path, joints: Sequence[str], *, kind: str, source: str) -> Path:
    path = Path(path)
    lines = [
        f"title = {_quoted(path.stem)}",
        f"source = {_quoted(source)}",
        f'kind = "{kind}"',
        "",
        "# Each joint of Human3.6M, and the points that make it. Weights sum to 1.",
        "[joints]",
        *joints,
    ]
    with atomic_write(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def _quoted(text: str) -> str:
    """A TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _number(weight: float) -> str:
    return repr(float(weight))
