"""srnet cache list: the stages in the cache, the newest first."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srnet_cli.console import say
from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.options import CacheDir
from srnet_cli.tables import plain_table
from srnet_cli.wording import bytes_text, choices_text, count_text, data_text

if TYPE_CHECKING:
    from srnet_core.stages.catalog import StoredStage
    from srnet_core.stages.store import Stage

EXAMPLES = ("srnet cache list", "srnet cache list --json -")
_COPIES = " What is fetched of a stage in a store are the parts that were read here."
WHOLE = "cross_dataset"  # the protocol of a stage that tests on a whole data set


def main(cache_dir: CacheDir = "cache", json: JsonFile = None) -> None:
    """List the stages: what they are of, their frames, size and age.

    The frames of a data set take space once for each normalization; the stages of protocols and choices of subjects
    share the files.
    """
    from srnet_core.stages.catalog import find_stages
    from srnet_core.stages.place import existing_folder, is_remote

    folder = existing_folder(cache_dir)
    entries = find_stages(folder)
    if json is not None:
        write_json_to(json, {"stages": [as_plain(entry) for entry in entries]})
        return
    if not entries:
        made = "fetch or make" if is_remote(cache_dir) else "make"
        say(f"There are no stages in {place_text(cache_dir)}. srnet prepare and srnet train {made} them")
        return
    plain_table(
        f"{count_text(len(entries), 'stage')} in {place_text(cache_dir)}, "
        f"{bytes_text(sum(entry.bytes for entry in entries))}",
        ["key", "data", "made", "train", "test", "size"],
        [_row(entry) for entry in entries],
        caption="Train and test: frames, counted once per camera. Stages of one data set share the files of its "
        "frames: size is without those that an older stage has."
        + (_COPIES if any(entry.copy for entry in entries) else ""),
        text_columns=3,
    )


def place_text(cache_dir: str) -> str:
    """Where stages were looked for: a folder, or the copies that this machine has of those at a URL."""
    from srnet_core.stages.place import is_remote, local_folder

    folder = f"{local_folder(cache_dir)}/"
    return f"{folder} (copies of {cache_dir})" if is_remote(cache_dir) else folder


def as_plain(entry: "StoredStage") -> dict[str, Any]:
    """A stage for JSON."""
    stage = entry.stage
    return {
        "folder": str(entry.folder),
        "problem": entry.problem or None,
        "unfinished": entry.unfinished,
        "bytes": entry.bytes,
        "copy": entry.copy,
        "bytes_fetched": stage.bytes_here if stage and entry.copy else None,
        "bytes_in_store": stage.bytes if stage and entry.copy else None,
        "changed": time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(entry.changed_s)),
        "key": stage.manifest["key"] if stage else None,
        "config": stage.manifest["config"] if stage else None,
        "train_frames": _frames(stage, "train") if stage else None,
        "test_frames": _frames(stage, "test") if stage else None,
    }


def _row(entry: "StoredStage") -> list[str]:
    made, size = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.changed_s)), bytes_text(entry.bytes)
    if entry.stage is None:
        return [entry.folder.name, entry.problem, made, "-", "-", size]
    manifest, (train, test) = entry.stage.manifest, (_frames(entry.stage, split) for split in ("train", "test"))
    data = f"{data_text(entry.stage)} {choices_text(manifest['config'])}".rstrip()
    if manifest["config"]["protocol"] == WHOLE:
        data = data.replace(WHOLE.replace("_", "-"), "all frames", 1)
    if entry.copy:
        data += f", {bytes_text(entry.stage.bytes_here)} of {bytes_text(entry.stage.bytes)} fetched"
    return [manifest["key"], data, made, f"{train:,}" if train else "-", f"{test:,}" if test else "-", size]


def _frames(stage: "Stage", split: str) -> int:
    start, stop = stage.frames(split)
    return stop - start


def show_problems(entries: "list[StoredStage]") -> None:
    """One line for each stage with a problem."""
    for entry in entries:
        if entry.problem:
            say(f"{Path(entry.folder)}: {entry.problem}")
