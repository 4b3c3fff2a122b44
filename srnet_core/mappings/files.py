"""Writes a mapping as a file that a user can edit and give back."""

from pathlib import Path

from srnet_core.files import atomic_write
from srnet_core.mappings import ResolvedMapping


def write_mapping(path: str | Path, mapping: ResolvedMapping, *, kind: str, source: str) -> Path:
    """Write the joints of a mapping that was found for a file, points by name and weight; `read_mapping` reads it.

    Joints that were made from other joints are written as comments: without them they are made in the same way.

    Args:
        kind: "joints" of a skeleton or "markers".
        source: the file it was found for.
    """
    path = Path(path)
    names = [point.rpartition(":")[2] for point in mapping.points]  # names of people are no part of a mapping
    if len(set(names)) < len(names):
        names = list(mapping.points)
    lines = [
        f"title = {_quoted(path.stem)}",
        f"source = {_quoted(source)}",
        f'kind = "{kind}"',
        "",
        "# Each joint of Human3.6M, and the points that make it. Weights sum to 1.",
        "[joints]",
    ]
    for joint, weights in mapping.weights.items():
        made = ", ".join(f"{_quoted(names[p])} = {_number(w)}" for p, w in weights.items())
        alone = len(weights) == 1 and next(iter(weights.values())) == 1
        value = _quoted(names[next(iter(weights))]) if alone else f"{{ {made} }}"
        comment = "# made from other joints: " if joint in mapping.derived else ""
        lines.append(f"{comment}{_quoted(joint)} = [{value}]")
    with atomic_write(path, "w") as file:
        file.write("\n".join(lines) + "\n")
    return path


def _quoted(text: str) -> str:
    """A TOML string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'


def _number(weight: float) -> str:
    return repr(float(weight))
