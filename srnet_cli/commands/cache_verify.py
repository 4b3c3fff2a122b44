"""srnet cache verify: read every byte of every stage and compare it with what was written."""

import shlex

import typer

from srnet_cli.commands.cache_list import as_plain, place_text, show_problems
from srnet_cli.console import say
from srnet_cli.json_output import JsonFile, write_json_to
from srnet_cli.options import CacheDir
from srnet_cli.progress import progress_bar
from srnet_cli.wording import bytes_text, count_text

EXAMPLES = ("srnet cache verify", "srnet cache verify --cache-dir elsewhere")


def main(cache_dir: CacheDir = "cache", json: JsonFile = None) -> None:
    """Read every byte of every stage and compare it with what was written.

    The exit code is 1 if a stage is damaged. srnet prepare makes a damaged stage again. Of stages at a URL the copies
    on this machine are read; what is fetched is compared on its way.
    """
    from srnet_core.config import DataConfig
    from srnet_core.stages.catalog import find_stages, verify_stages
    from srnet_core.stages.place import existing_folder

    folder = existing_folder(cache_dir)
    with progress_bar() as bar:
        entries = list(verify_stages(find_stages(folder), lambda what, done, total: bar.update(what, done, total)))
    damaged = [entry for entry in entries if entry.problem]
    if json is not None:
        write_json_to(json, {"stages": [as_plain(entry) for entry in entries]})
    else:
        show_problems(damaged)
        whole = count_text(len(entries) - len(damaged), "stage")
        read = bytes_text(sum(entry.bytes for entry in entries))
        say(f"{whole} of {len(entries)} as written, {read} read in {place_text(cache_dir)}")
        if damaged:
            where = "" if cache_dir == DataConfig().cache_dir else f" --cache-dir {shlex.quote(cache_dir)}"
            say(f"Remove the damaged ones with: srnet cache clean{where}")
    if damaged:
        raise typer.Exit(1)
