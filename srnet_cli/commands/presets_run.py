"""srnet presets run: an experiment of the paper."""

import shlex
from typing import Annotated

from srnet_cli.commands.presets_show import PresetName
from srnet_cli.commands.sweep import (
    DEFAULT_FOLDER,
    Address,
    Columns,
    EngineName,
    Jobs,
    MeanOver,
    Memory,
    Metric,
    Output,
    Rows,
    Table,
    Threads,
    names_in,
    size_mib,
)
from srnet_cli.json_output import JsonFile
from srnet_cli.options import CacheDir, DataDir, SetOption, option
from srnet_cli.sweeping import Outputs, Resources, ViewOptions, run_sweep
from srnet_core.errors import ConfigError

EXAMPLES = (
    "srnet presets run cross-subject-243 --data-dir data",
    "srnet presets run structures --seeds 1,2,3 --set train.epochs=20",
)


def main(
    name: PresetName,
    output: Output = None,
    data_dir: DataDir = "data",
    cache_dir: CacheDir = "cache",
    seeds: Annotated[
        str | None,
        option("--seeds", help="Run every cell with each of these seeds", metavar="NUMBERS", default="4321 alone"),
    ] = None,
    json: JsonFile = None,
    table: Table = None,
    rows: Rows = None,
    columns: Columns = None,
    metric: Metric = "mpjpe_mm",
    mean: MeanOver = "action",
    jobs: Jobs = None,
    threads: Threads = None,
    memory: Memory = None,
    engine: EngineName = "local",
    address: Address = None,
    set_: SetOption = None,
) -> None:
    """Run an experiment of the paper as a sweep, and show our numbers beside the published ones.

    Without Human3.6M, try it with --set data.dataset=synthetic.
    """
    from srnet_core.presets.catalog import find_preset
    from srnet_core.sweep.definition import with_seeds

    preset = find_preset(name)
    if not preset.experiment:
        raise ConfigError(
            "holds the settings of one run, not an experiment",
            where=name,
            todo=f"Train with them: srnet train --config {name}",
        )
    folders = [f"data.data_dir={_toml(data_dir)}", f"data.cache_dir={_toml(cache_dir)}"]
    sweep = preset.read_sweep([*folders, *(set_ or [])])
    if seeds is not None:
        sweep = with_seeds(sweep, names_in(seeds), where="--seeds")
    view = ViewOptions(names_in(rows), names_in(columns), metric, mean)
    words = ["srnet", "presets", "run", name, *(["--output", str(output)] if output else [])]
    words += [*(["--seeds", seeds] if seeds else []), *(w for s in set_ or [] for w in ("--set", s))]
    words += [w for flag, value, usual in _folders(data_dir, cache_dir) if value != usual for w in (flag, value)]
    resources = Resources(jobs, threads, size_mib(memory), engine, address)
    run_sweep(sweep, view, output or DEFAULT_FOLDER / name, resources, Outputs(json, table), shlex.join(words))


def _folders(data_dir: str, cache_dir: str) -> list[tuple[str, str, str]]:
    return [("--data-dir", data_dir, "data"), ("--cache-dir", cache_dir, "cache")]


def _toml(text: str) -> str:
    """Text as a string of TOML."""
    import json

    return json.dumps(text, ensure_ascii=False)
