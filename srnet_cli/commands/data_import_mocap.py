"""srnet data import mocap: motion capture seen by virtual cameras."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from srnet_cli.console import command, err, remark, say
from srnet_cli.errors import StoppedByUser
from srnet_cli.options import option
from srnet_cli.progress import progress_bar
from srnet_cli.reading_options import Json, print_json, shown
from srnet_cli.tables import plain_table
from srnet_cli.wording import count_text
from srnet_core.config import DataConfig
from srnet_core.errors import ConfigError

if TYPE_CHECKING:
    from srnet_core.datasets.mocap import ImportReport

EXAMPLES = (
    "srnet data import mocap recordings/ --name mine",
    "srnet data import mocap recordings/ --name mine --cameras ring:8 --fps 25",
)
_WITHOUT_NAME = "mocap"
_MOST_ROWS = 30
_BLIND = 0.5
_DATA_DIR = Path(DataConfig().data_dir)
_FILES_PANEL = "What the files do not say"
_TAKES_PANEL = "Takes"


def main(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder of BVH, AMC, C3D, TRC or MVNX files or tables of Qualisys, Motive and Nexus, or one file",
            metavar="FOLDER",
        ),
    ],
    name: Annotated[
        str | None,
        option("--name", help="Name of the data set, for --dataset", metavar="NAME", default=_WITHOUT_NAME),
    ] = None,
    data_dir: Annotated[
        Path, option("--data-dir", help="Folder to write the data set to", metavar="FOLDER")
    ] = _DATA_DIR,
    fps: Annotated[float, option("--fps", help="Frames per second of the data set", metavar="N")] = 50.0,
    cameras: Annotated[
        str,
        option(
            "--cameras",
            help="Virtual cameras: h36m, h36m:S9, ring, ring:8 (number of cameras), or a calibration (.toml, .json)",
            metavar="CAMERAS",
            completes=("h36m", "ring"),
        ),
    ] = "h36m",
    skeleton: Annotated[
        str,
        option(
            "--skeleton",
            help="Joints of the data set: h36m17 (the 17 of Human3.6M), or own (those of the files' own skeleton)",
            metavar="NAME",
            completes=("h36m17", "own"),
        ),
    ] = "h36m17",
    mapping: Annotated[
        str | None,
        option(
            "--mapping",
            help="Mapping of the skeleton or marker set to the 17 joints, or a file of your own (.toml)",
            metavar="NAME",
            default="found for each file",
            completes="mappings",
        ),
    ] = None,
    constant_bones: Annotated[
        bool,
        option("--constant-bones/--free-bones", help="Give every bone of a subject its median length"),
    ] = False,
    unit: Annotated[
        float | None,
        option(
            "--metres-per-unit",
            help="Length of one unit of the files in metres, e.g. 0.01 for centimetres",
            metavar="N",
            default="found by the height of the person",
            panel=_FILES_PANEL,
        ),
    ] = None,
    up: Annotated[
        str | None,
        option(
            "--up",
            help="Axis that points up in the files (x, y, z, -x, -y or -z)",
            metavar="AXIS",
            default="found: heads are above feet",
            panel=_FILES_PANEL,
            completes=("x", "y", "z", "-x", "-y", "-z"),
        ),
    ] = None,
    source_fps: Annotated[
        float | None,
        option(
            "--source-fps",
            help="Frames per second of files that do not state it",
            metavar="N",
            default="120 for AMC, else refused",
            panel=_FILES_PANEL,
        ),
    ] = None,
    naming: Annotated[
        str | None,
        option(
            "--naming",
            help="Where subject, action and take stand in a path below the folder, e.g. {subject}/{action}_{take}",
            metavar="PATTERN",
            default="folder is the subject, file is the take",
            panel=_TAKES_PANEL,
        ),
    ] = None,
    longest_gap: Annotated[
        float,
        option(
            "--longest-gap",
            help="Joints that are missing for longer than this many seconds cut a take in two; shorter gaps are filled",
            metavar="SECONDS",
            panel=_TAKES_PANEL,
        ),
    ] = 0.25,
    shortest_take: Annotated[
        float,
        option("--shortest-take", help="Leave out pieces shorter than this", metavar="SECONDS", panel=_TAKES_PANEL),
    ] = 0.2,
    centre: Annotated[
        bool,
        option("--centre/--in-place", help="Put the middle of every take where the cameras look", panel=_TAKES_PANEL),
    ] = True,
    json: Json = False,
) -> None:
    """Make a data set of motion capture: metres, z up, one frame rate, and exact 2D of virtual cameras.

    Formats are told by the content. Unit, axis and joints are found from the skeleton itself and written down, with
    the reason, in data_NAME_manifest.json. Files that cannot be used are left out with the reason. Then prepare and
    train as on any data set. An import that was stopped (Ctrl-C, or killed) goes on where it was when it is started
    again.
    """
    from srnet_core.datasets.mocap import MocapConfig, import_mocap, kept_results

    if name is None:
        _require_free(_WITHOUT_NAME, folder, data_dir)
    config = MocapConfig(
        name=name or _WITHOUT_NAME,
        fps=fps,
        cameras=cameras,
        skeleton=skeleton,
        mapping=mapping,
        metres_per_unit=unit,
        up=up,
        source_fps=source_fps,
        naming=naming,
        longest_gap_s=longest_gap,
        shortest_take_s=shortest_take,
        constant_bones=constant_bones,
        centre=centre,
    )
    try:
        with progress_bar() as bar:
            report = import_mocap(
                folder,
                data_dir,
                config,
                progress=lambda done, total: bar.update("reading files", done, total),
                converting=lambda done, total: bar.update("converting", done, total),
            )
    except KeyboardInterrupt:
        if not kept_results(data_dir, config.name).folder.is_dir():
            raise
        remark("interrupted; what was read is kept: the same command goes on from there")
        raise StoppedByUser from None
    if report.read_before and not json:
        read = count_text(report.read_before, "file")
        remark(f"went on with an import that was stopped: {read} had been read before")
    if json:
        return print_json({"paths": [str(path) for path in report.paths], **report.manifest})
    if name is None:
        remark(f"the data set is called {config.name}: give it another name with --name")
    _show(report, config.name, data_dir)


def _require_free(name: str, folder: Path, data_dir: Path) -> None:
    """Refuse to replace a data set of other files by one that was given no name.

    Raises:
        ConfigError: there is one.
    """
    from srnet_core.datasets.mocap import made_of

    source = made_of(data_dir, name)
    if source is not None and source.absolute() != folder.absolute():
        raise ConfigError(
            f"there is a data set {name} already, made of {source}",
            where=data_dir,
            todo="Give this one a name with --name",
        )


def _show(report: "ImportReport", name: str, data_dir: Path) -> None:
    manifest = report.manifest
    files: Sequence[Mapping[str, Any]] = manifest["files"]
    rows = [
        [
            file["file"] + (f" ({file['person']})" if file["person"] else ""),
            file["mapping"],
            f"{file['unit']}",
            file["up"],
            shown(file["stature_m"]),
            f"{file['fps']:.6g}",
            shown(file["frames"]),
            len(file["takes"]),
            f"{100 * max(max(take['outside_image']) for take in file['takes']):.0f} %",
        ]
        for file in files[:_MOST_ROWS]
    ]
    heads = ["file", "mapping", "unit", "up", "height,\nm", "fps", "frames", "takes", "outside\nimage"]
    caption = "Outside image: the largest share of joints that a camera does not see in a take."
    if len(files) > _MOST_ROWS:
        caption += f" {len(files) - _MOST_ROWS} more files: see the manifest."
    plain_table(f"{name}: {count_text(len(files), 'file')}", heads, rows, text_columns=4, caption=caption)
    for file, why in list(report.left_out.items())[:_MOST_ROWS]:
        remark(f"left out: {file}: {why}")
    if len(report.left_out) > _MOST_ROWS:
        remark(f"{len(report.left_out) - _MOST_ROWS} more were left out: see the manifest")
    for note in [*manifest["cameras"]["notes"], *_common_notes(files), *_blind_cameras(manifest)]:
        remark(note)
    for path in report.paths:
        say(f"written: {path}")
    subjects = list(dict.fromkeys(take["subject"] for file in files for take in file["takes"]))
    show_next(name, subjects, data_dir)


def _blind_cameras(manifest: Mapping[str, Any]) -> list[str]:
    """A sentence for each camera that sees less than half of the joints, over all takes."""
    shares = [take["outside_image"] for file in manifest["files"] for take in file["takes"]]
    means = [sum(of_camera) / len(of_camera) for of_camera in zip(*shares)]
    return [
        f"Camera {name}: {100 * share:.0f} % of the joints are outside its image. Check where it looks, and the unit "
        "of length of the calibration."
        for name, share in zip(manifest["cameras"]["ids"], means)
        if share > _BLIND
    ]


def _common_notes(files: Sequence[Mapping[str, Any]], most: int = 12) -> list[str]:
    """Notes, each once, with the number of files it is about; what stands in the table already is left out."""
    counts: dict[str, int] = {}
    for file in files:
        for note in file["notes"]:
            if not note.startswith("Unit of length: as the file says"):
                counts[note] = counts.get(note, 0) + 1
    common = sorted(counts, key=lambda note: -counts[note])[:most]
    return [note if counts[note] == len(files) else f"{note} ({count_text(counts[note], 'file')})" for note in common]


def show_next(
    name: str, subjects: Sequence[str], data_dir: Path, *, split: bool = False, keypoints: str = "gt"
) -> None:
    """The commands that come next; they can be copied.

    Args:
        split: the files say which subjects are for testing.
    """
    options = f"--dataset {name}"
    if str(data_dir) != DataConfig().data_dir:
        options += f" --data-dir {_quoted(str(data_dir))}"
    if keypoints != "gt":
        options += f" --keypoints {_quoted(keypoints)}"
    if not split:
        if len(subjects) == 1:
            options += f" --protocol cross-camera --subjects-train {_quoted(subjects[0])}"
            remark("there is one subject only: training and test differ by camera")
        options += f" --subjects-test {_quoted(subjects[-1])}"
    if err.quietly:
        return
    say("next:")
    for arguments in (f"prepare {options}", f"train {options} --minutes 1"):
        say(f"  {command(arguments)}")


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)
