"""srnet data check: what looks wrong in a file, by sequence and frame."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from srnet_cli.console import prose, remark
from srnet_cli.reading_options import (
    DataPath,
    Format,
    Fps,
    ImageSize,
    Json,
    Layout,
    Mapping,
    Sequence_,
    name_or_position,
    parse_size,
    print_json,
    reading,
)
from srnet_cli.tables import plain_table
from srnet_cli.wording import as_options, count_text

if TYPE_CHECKING:
    from srnet_core.keypoints import Problem

EXAMPLES = (
    "srnet data check data/data_3d_h36m.npz",
    "srnet data check --fps 30 data/walk.csv",
)
_MOST_ROWS = 60


def main(
    path: DataPath,
    format: Format = "auto",
    layout: Layout = "auto",
    mapping: Mapping = None,
    fps: Fps = None,
    image_size: ImageSize = None,
    sequence: Sequence_ = None,
    json: Json = False,
) -> None:
    """Check keypoints or motion capture, and say what looks wrong in which sequence and which frames.

    2D: joints outside the image, jumps, swapped sides, upside down, the wrong layout, missing joints, impossible
    speeds. 3D: millimetres for metres, the wrong axis up, swapped sides, jumps, single joints that fly away, bones
    that change their length, uneven sides, repeated frames. The exit code is 0 whatever is found; --json lists
    everything.
    """
    problems, sequences = problems_of(path, format, layout, mapping, fps, parse_size(image_size), sequence)
    if json:
        return print_json({"path": str(path), "sequences": sequences, "problems": [asdict(p) for p in problems]})
    if not problems:
        return prose(f"{path}: nothing stands out in {count_text(sequences, 'sequence')}.")
    named = any(p.sequence for p in problems)
    people = any(p.person for p in problems)
    rows = [
        [*([p.sequence] if named else []), *([p.person] if people else []), _frames(p), p.kind, as_options(p.text)]
        for p in problems[:_MOST_ROWS]
    ]
    heads = [*(["sequence"] if named else []), *(["person"] if people else []), "frames", "what", "why"]
    kinds = ", ".join(f"{kind} {n}" for kind, n in Counter(p.kind for p in problems).most_common())
    caption = f"Frames as the file numbers them. {count_text(len(problems), 'finding')}: {kinds}."
    plain_table(f"{path}", heads, rows, text_columns=len(heads), caption=caption)
    if len(problems) > _MOST_ROWS:
        remark(f"{len(problems) - _MOST_ROWS} more findings: --json lists all")


def problems_of(
    path: Path,
    format: str,
    layout: str,
    mapping: str | None,
    fps: float | None,
    image_size: tuple[int, int] | None,
    sequence: str | None,
) -> "tuple[list[Problem], int]":
    """All findings, and how many sequences were looked at."""
    from srnet_core.keypoints import check, read_all_keypoints, read_keypoints
    from srnet_core.mocap.body import bodies_of, chosen_motions, is_in_space
    from srnet_core.mocap.check import check_body

    problems: list[Problem] = []
    if is_in_space(path, format):
        motions = chosen_motions(path, format, name_or_position(sequence), fps=fps)
        for name, motion in motions.items():
            for body in bodies_of(name, motion, mapping):
                problems += check_body(body)
        return problems, len(motions)
    with reading() as progress:
        if sequence is not None:
            chosen = name_or_position(sequence)
            one = read_keypoints(path, format, layout, None, fps, image_size, sequence=chosen, progress=progress)
            return check(one), 1
        count = 0
        for keypoints in read_all_keypoints(path, format, layout, fps, image_size, progress=progress):
            problems += check(keypoints)
            count += 1
    return problems, count


def _frames(problem: "Problem") -> str:
    if problem.first_frame is None:
        return "all"
    if problem.first_frame == problem.last_frame:
        return f"{problem.first_frame}"
    return f"{problem.first_frame} to {problem.last_frame}"
