"""Measures speed and memory of srnet beside plain fc, the textbook form of its layer and the machine's fastest product.

    python -m benchmarks                                  # everything: about ten minutes on two cores
    python -m benchmarks training inference               # some lines
    python -m benchmarks --quick                          # shows that everything runs; its numbers mean nothing
    python -m benchmarks --json output/bench.json         # also write every number; `make bench`

Nothing else should run on the machine meanwhile. Numbers measured before an interruption are shown and kept.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench import LINES, BenchConfig, chosen_lines, run_lines
from benchmarks.machine import describe_machine, load
from benchmarks.result import SCHEMA, Failed, Line
from benchmarks.show import one_line, show
from srnet_cli.console import remark, show_error, told
from srnet_cli.progress import progress_bar
from srnet_core.device import choose_device
from srnet_core.errors import SrnetError
from srnet_core.files import require_folder, require_output, write_json
from srnet_core.speed.clock import usable_cores

_BUSY_LOAD = 0.5  # per core: with more than that, wall times say little


def main(arguments: Sequence[str] | None = None) -> int:
    """The program; returns its exit code: 0, 1 if a line could not be measured, 2 for a mistake, 130 for Ctrl-C."""
    asked = _parser().parse_args(arguments)
    try:
        config = BenchConfig(asked.quick, asked.threads, asked.device, asked.cache_dir)
        chosen_lines(asked.lines)
        choose_device(config.device)
        require_folder(config.cache_dir)
        if asked.json is not None:
            require_output(asked.json)
    except SrnetError as error:
        show_error(str(error))
        return error.exit_code
    try:
        failed = measure(asked.lines, config, asked.json)
    except KeyboardInterrupt:
        return 130
    if failed:
        show_error(f"not measured: {', '.join(line.name for line in failed)}")
    return 1 if failed else 0


def measure(asked: Sequence[str], config: BenchConfig, json: Path | None) -> list[Failed]:
    """Measure, show, write; returns the lines that could not be measured."""
    machine = describe_machine(choose_device(config.device)) | {"threads": config.threads or usable_cores()}
    document = {"schema": SCHEMA, "machine": machine, "quick": config.quick, "interrupted": False}
    if machine["load"] > _BUSY_LOAD * machine["cores"]:
        busy = f"load {machine['load']} on {machine['cores']} cores"
        remark(f"the machine is busy ({busy}): trust ratios and processor time only")
    lines: list[Line | Failed] = []
    try:
        with progress_bar() as bar:
            for line in run_lines(asked, config, bar.update):
                lines.append(line)
                bar.line(one_line(line))
                _write(document, lines, json)
    except KeyboardInterrupt:
        document["interrupted"] = True
        raise
    finally:
        if lines:
            _write(document, lines, json)
            show(machine, lines, quick=config.quick)
            if json is not None:
                told(f"written: {json}")
    return [line for line in lines if isinstance(line, Failed)]


def _write(document: dict[str, Any], lines: Sequence[Line | Failed], json: Path | None) -> None:
    document["machine"]["load_after"] = load()
    if json is not None:
        write_json(json, document | {"lines": [line.to_dict() for line in lines]})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", nargs="*", metavar="LINE", help=f"what to measure (default: all): {', '.join(LINES)}")
    parser.add_argument("--quick", action="store_true", help="small networks and few rounds")
    parser.add_argument("--json", type=Path, help="file for every number, written after each line")
    parser.add_argument("--threads", type=int, default=0, help="threads of torch (default: all cores)")
    parser.add_argument("--device", default="cpu", help="auto, cpu, cuda or cuda:N")
    parser.add_argument("--cache-dir", default="cache", help="folder for the data set of prepare, which is made once")
    return parser


if __name__ == "__main__":
    sys.exit(main())
