"""srnet cache clean: remove damaged stages, what killed processes left, and old stages."""

from typing import TYPE_CHECKING, Annotated

from srnet_cli.commands.cache_list import place_text
from srnet_cli.console import remark, say
from srnet_cli.options import CacheDir, option
from srnet_cli.progress import progress_bar
from srnet_cli.wording import bytes_text, count_text

if TYPE_CHECKING:
    from srnet_core.stages.catalog import StoredStage

EXAMPLES = ("srnet cache clean", "srnet cache clean --older-than 30 --dry-run")
_DAY_S = 86400.0


def main(
    cache_dir: CacheDir = "cache",
    older_than: Annotated[
        float | None,
        option(
            "--older-than",
            help="Also remove whole stages that were made so many days ago",
            metavar="DAYS",
            default="keep all whole ones",
            min=0,
        ),
    ] = None,
    all: Annotated[bool, option("--all", help="Remove every stage; they can be made again from the data")] = False,
    dry_run: Annotated[bool, option("--dry-run", help="Only show what would be removed")] = False,
) -> None:
    """Remove damaged stages and what killed processes left; with an option, whole stages too.

    Input files, checkpoints and other files in the folder are never touched. Files that a stage shares with others stay
    as long as one of them does. Of stages at a URL only the copies on this machine are removed.
    """
    from srnet_core.errors import ConfigError
    from srnet_core.stages.catalog import find_stages, freed_bytes, removable, remove, verify_stages
    from srnet_core.stages.place import existing_folder

    if all and older_than is not None:
        raise ConfigError("--all removes stages of every age", where="--older-than", todo="Give one of the two")
    folder = existing_folder(cache_dir)
    age_s = 0.0 if all else None if older_than is None else older_than * _DAY_S
    entries = find_stages(folder)
    if not all:  # every byte is read, as a damaged stage can look whole
        with progress_bar() as bar:
            read = {entry.folder: entry for entry in verify_stages(entries, bar.update)}
        entries = [read.get(entry.folder, entry) for entry in entries]
    chosen = removable(entries, older_than_s=age_s)
    gone: list[StoredStage] = []
    for entry in chosen:
        if dry_run:
            say(f"would remove {entry.folder}: {entry.problem or 'whole'}, {bytes_text(entry.bytes)}")
        elif remove(entry):
            say(f"removed {entry.folder}: {entry.problem or 'whole'}, {bytes_text(entry.bytes)}")
            gone.append(entry)
        else:
            remark(f"{entry.folder} is being written, and was kept")
    if dry_run:
        freed, what = freed_bytes(chosen, entries), count_text(len(chosen), "folder")
        say(f"{what} would be removed, {bytes_text(freed)}")
    elif not chosen:
        say(f"There is nothing to remove in {place_text(cache_dir)}")
    else:
        say(f"{count_text(len(gone), 'folder')} removed, {bytes_text(freed_bytes(gone, entries))} freed")
