"""srnet data convert: keypoints and motion in the form of another tool."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from srnet_cli.console import next_steps, remark, say
from srnet_cli.options import option
from srnet_cli.reading_options import (
    DataPath,
    Format,
    Fps,
    ImageSize,
    Json,
    Layout,
    Mapping,
    Person,
    Sequence_,
    name_or_position,
    parse_size,
    print_json,
    reading,
)
from srnet_core.errors import ConfigError

if TYPE_CHECKING:
    from srnet_core.keypoints import Keypoints

EXAMPLES = (
    "srnet data convert openpose_folder/ keypoints.csv --person 0",
    "srnet data convert data/walk.bvh walk.npz --to-layout h36m17",
)


def main(
    path: DataPath,
    output: Annotated[Path, typer.Argument(help="File or folder to write", metavar="OUTPUT", show_default=False)],
    to: Annotated[
        str,
        option(
            "--to",
            help="Format to write (2D: openpose, rtmlib, alphapose, alphapose_cmu, coco, coco_results, mmpose, "
            "mmpose_list, stgcn_json, mediapipe, mediapipe_long, mediapipe_wide, yolo, videopose3d, detectron, "
            "deeplabcut, sleap, kinect, vitpose, trc, json, csv, npz or npy; 3D: trc, csv, npz or npy)",
            metavar="FORMAT",
            default="told by the ending .csv, .npz, .npy, .trc or .h5",
            completes="formats to write",
        ),
    ] = "auto",
    to_layout: Annotated[
        str | None,
        option(
            "--to-layout",
            help="Bring the joints to this layout; h36m17 is the one that networks take, for 3D in metres with z up",
            metavar="LAYOUT",
            default="as they are",
            completes="layouts",
        ),
    ] = None,
    mend_swaps: Annotated[
        bool, option("--mend-swaps/--keep-swaps", help="Swap left and right limbs back where the tool confused them")
    ] = False,
    fill_gaps: Annotated[
        float | None,
        option(
            "--fill-gaps",
            help="Fill gaps of up to this many seconds by straight lines; needs the frame rate",
            metavar="SECONDS",
            default="none",
            min=0,
        ),
    ] = None,
    mapping: Mapping = None,
    force: Annotated[bool, option("--force", help="Replace a folder that is not empty")] = False,
    format: Format = "auto",
    layout: Layout = "auto",
    fps: Fps = None,
    image_size: ImageSize = None,
    sequence: Sequence_ = None,
    person: Person = None,
    json: Json = False,
) -> None:
    """Write keypoints or motion of any known format in another one, and in another layout of joints.

    2D becomes what another tool reads; people, frame numbers and confidences are kept where that format has them. A
    2D file of a data set keeps its subjects, takes and cameras. Motion capture becomes plain points; to train on it
    use: srnet data import mocap.
    """
    from srnet_core.files import require_output
    from srnet_core.mocap.body import is_in_space

    size = parse_size(image_size)
    if output.is_file():
        require_output(output, read=[path])
    if is_in_space(path, format):
        if mend_swaps or fill_gaps is not None or image_size or person:
            raise ConfigError("--mend-swaps, --fill-gaps, --image-size and --person are for 2D keypoints", where=path)
        notes, written = _convert_motion(path, output, to, to_layout, mapping, format, fps, sequence)
        lost, missing, joints = [], None, None
    else:
        found = _read(path, format, layout, fps, size, sequence, person)
        found = [_changed(keypoints, to_layout, mend_swaps, fill_gaps) for keypoints in found]
        from srnet_core.keypoints.write import lost_in, write_keypoints

        written = write_keypoints(found, output, to, replace=force)
        notes = list(dict.fromkeys(note for keypoints in found[:3] for note in keypoints.notes))
        if lost := lost_in(written, found):
            notes.append(f"The format {written} has no place for {', '.join(lost)}: not written.")
        tracks = [track for keypoints in found for track in keypoints.tracks]
        missing = sum(int(track.missing[track.present].sum()) for track in tracks)
        joints = sum(track.missing[track.present].size for track in tracks)
        if missing:
            notes.append(f"Joints missing: {missing:,} of {joints:,}.")
    if json:
        result = {"path": str(path), "output": str(output), "format": written, "lost": list(lost)}
        return print_json({**result, "missing": None if joints is None else [missing, joints], "notes": notes})
    for note in dict.fromkeys(notes):
        remark(note)
    say(f"written: {output} ({written})")
    next_steps(f"data check {shlex.quote(str(output))}")


def _read(
    path: Path,
    format: str,
    layout: str,
    fps: float | None,
    size: tuple[int, int] | None,
    sequence: str | None,
    person: str | None,
) -> "list[Keypoints]":
    from srnet_core.keypoints import read_all_keypoints, read_keypoints

    with reading() as progress:
        if sequence is not None:
            chosen = name_or_position(sequence)
            found = [read_keypoints(path, format, layout, None, fps, size, sequence=chosen, progress=progress)]
        else:
            found = list(read_all_keypoints(path, format, layout, fps, size, progress=progress))
    who = person
    return [keypoints.only(who) for keypoints in found] if who is not None else found


def _changed(keypoints: "Keypoints", to_layout: str | None, mend_swaps: bool, fill_gaps: float | None) -> "Keypoints":
    from srnet_core.keypoints.relayout import to_layout as relayout

    if mend_swaps:
        keypoints = keypoints.mend_swaps()
    if to_layout is not None:
        keypoints = relayout(keypoints, to_layout)
    if fill_gaps is not None:
        keypoints = keypoints.fill_gaps(max_seconds=fill_gaps)
    return keypoints


def _convert_motion(
    path: Path,
    output: Path,
    to: str,
    to_layout: str | None,
    mapping: str | None,
    format: str,
    fps: float | None,
    sequence: str | None,
) -> tuple[list[str], str]:
    """Notes and the format that was written."""
    from srnet_core.mocap.body import bodies_of, chosen_motions
    from srnet_core.mocap.write import seventeen, write_motion

    motions = chosen_motions(path, format, name_or_position(sequence), fps=fps)
    if len(motions) > 1:
        raise ConfigError(
            f"holds {len(motions)} sequences, and one is written",
            where=path,
            todo=f"Choose it with --sequence, e.g. --sequence {next(iter(motions))!r}",
        )
    name, motion = next(iter(motions.items()))
    if to_layout is None:
        return list(motion.notes), write_motion(motion, output, to)
    if to_layout.lower().replace("-", "_") not in ("h36m17", "h36m"):
        raise ConfigError("points in space are brought to h36m17 only", where="--to-layout")
    bodies = bodies_of(name, motion, mapping)
    if len(bodies) > 1:
        raise ConfigError(f"holds {len(bodies)} people, and one is written", where=path)
    return list(bodies[0].notes), write_motion(seventeen(bodies[0]), output, to)
