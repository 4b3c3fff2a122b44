"""A sweep of 24 small cells, undisturbed and disturbed: killed five times, once together with a node of a Ray cluster.

    PYTHONPATH=.:tests python -m robustness.sweeps [--folder FOLDER] [--seeds 3] [--kills 5]

Both must end with the same file of `--json` and the same table, byte for byte. Without Ray the part on the cluster is
left out, and the last line says so.
"""

import argparse
import importlib.util
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from support.ray_nodes import Cluster
from support.small_data import write_published
from support.sweeps import write_sweep

GRID = """
[grid]
"model.name" = ["srnet", "group"]
"augment.use" = [[], ["view"]]
"data.normalization" = ["base", "ray"]
"train.seed" = {seeds}
"""
_SECONDS = 7200.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--folder", type=Path, help="where to work", default=None)
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each of the 8 combinations")
    parser.add_argument("--kills", type=int, default=5)
    asked = parser.parse_args()
    folder = (asked.folder or Path(tempfile.mkdtemp(prefix="srnet-sweep-"))).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    path = write_sweep(
        folder, write_published(folder / "data", "small"), GRID.format(seeds=[*range(1, asked.seeds + 1)])
    )
    path.write_text(path.read_text().replace("epochs = 2", "epochs = 6").replace(f'"{folder}/cache"', '"cache"'))
    chance = random.Random(1)
    kills = [_killed(folder, path, chance) for _ in range(asked.kills)]
    print(f"killed {asked.kills} times, with {kills} cells done", flush=True)
    with_ray = importlib.util.find_spec("ray") is not None
    if with_ray:
        _with_a_dying_node(folder, path)
    _finish(folder, path, "disturbed")
    _finish(folder, path, "undisturbed")
    same = all(
        (folder / f"disturbed.{ending}").read_bytes() == (folder / f"undisturbed.{ending}").read_bytes()
        for ending in ("json", "md")
    )
    done = (folder / "undisturbed.json").read_text().count('"status": "done"')
    print((folder / "undisturbed.md").read_text())
    print(
        f"{done} cells; {'the same' if same else 'NOT the same'} table{'' if with_ray else '; without Ray'}; {folder}"
    )
    return 0 if same and done == 8 * asked.seeds else 1


def _sweep(folder: Path, path: Path, name: str, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "srnet_cli.app", "sweep", str(path), "--output", str(folder / name), *options]
    written = ("--json", str(folder / f"{name}.json"), "--table", str(folder / f"{name}.md"))
    with open(folder / f"{name}.log", "ab") as log:
        environment = {"SRNET_KERNELS": "mm", **os.environ}  # what is fastest may be measured differently twice
        return subprocess.Popen([*command, *written], cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=environment)


def _done(folder: Path) -> int:
    return len(list((folder / "disturbed" / "runs").glob("*/result.json")))


def _killed(folder: Path, path: Path, chance: random.Random) -> int:
    """Run the sweep, and kill it without warning somewhere in its third cell or so; the number of cells done then."""
    before = _done(folder)
    running = _sweep(folder, path, "disturbed", "--threads", "1")
    deadline = time.monotonic() + _SECONDS
    while _done(folder) < before + 2 and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(chance.uniform(0, 3))
    running.kill()
    running.wait()
    return _done(folder)


def _with_a_dying_node(folder: Path, path: Path) -> None:
    """Run the sweep on two nodes; kill one while it runs a cell, and the sweep two cells later."""
    (folder / "cluster").mkdir(exist_ok=True)
    cluster = Cluster(folder / "cluster")
    try:
        cluster.add_node("one")
        second = cluster.add_node("two")
        before = _done(folder)
        running = _sweep(folder, path, "disturbed", "--engine", "ray", "--address", cluster.address)
        deadline = time.monotonic() + _SECONDS
        while not list(second.glob("threads*/runs/latest_epoch_*.bin")) and time.monotonic() < deadline:
            time.sleep(0.05)
            if running.poll() is not None:
                raise SystemExit((folder / "disturbed.log").read_text()[-2000:])
        cluster.kill_node("two")
        while _done(folder) < before + 3 and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        running.kill()
        running.wait()
        log = (folder / "disturbed.log").read_text()
        print(
            f"a node of two killed, {log.count(' lost ')} cells lost and run elsewhere; {_done(folder)} cells done",
            flush=True,
        )
    finally:
        cluster.close()


def _finish(folder: Path, path: Path, name: str) -> None:
    running = _sweep(folder, path, name, "--threads", "1")
    if running.wait(_SECONDS):
        raise SystemExit((folder / f"{name}.log").read_text()[-2000:])


if __name__ == "__main__":
    sys.exit(main())
