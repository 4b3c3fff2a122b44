"""Sweeps on a Ray cluster: two nodes with folders of their own, one of which is killed."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.ray_nodes import Cluster
from support.small_data import write_published
from support.sweeps import write_sweep

pytest.importorskip("ray")
GRID = '[grid]\n"model.name" = ["srnet", "group"]\n"train.seed" = [1, 2]\n'
SECONDS = 900


@pytest.fixture
def cluster(tmp_path):
    cluster = Cluster(tmp_path)
    yield cluster
    cluster.close()


@pytest.fixture
def experiment(tmp_path) -> Path:
    path = write_sweep(tmp_path, write_published(tmp_path / "data", "small"), GRID)
    # each node has a cache of its own; enough epochs that a node can be killed in the middle of a cell
    text = path.read_text().replace(f'cache_dir = "{tmp_path}/cache"\n', "").replace("epochs = 2", "epochs = 40")
    path.write_text(text)
    return path


def sweep(folder: Path, path: Path, name: str, *options: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "srnet_cli.app", "sweep", str(path), "--threads", "1", *options]
    with open(folder / f"{name}.log", "wb") as log:
        return subprocess.Popen(
            [*command, "--output", str(folder / name), "--json", str(folder / f"{name}.json")],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )


def wait_until(condition, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_cells_of_a_killed_node_run_elsewhere_and_count_once(tmp_path, experiment, cluster):
    first, second = cluster.add_node("one"), cluster.add_node("two")
    running = sweep(tmp_path, experiment, "on_ray", "--engine", "ray", "--address", cluster.address)
    log = tmp_path / "on_ray.log"
    wait_until(lambda: list(second.glob("threads*/runs/latest_epoch_*.bin")) or running.poll() is not None)
    cluster.kill_node("two")
    assert running.wait(SECONDS) == 0, log.read_text()
    assert "lost" in log.read_text() and "4 cells" in log.read_text()
    assert sweep(tmp_path, experiment, "here").wait(SECONDS) == 0, (tmp_path / "here.log").read_text()
    on_ray, here = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("on_ray", "here"))
    assert on_ray == here and [cell["status"] for cell in here["cells"]] == ["done"] * 4
    # each node had prepared the stage for itself, with the one that holds its frames; the cluster had done what the
    # table holds
    stages, others = (sorted(p.parent.name for p in node.glob("cache/*/manifest.json")) for node in (first, second))
    assert stages == others and sum("-cross_subject-" in name for name in stages) == 1
    assert len(list(first.glob("threads*/runs/*/result.json"))) + log.read_text().count("done ") >= 4


def test_without_a_cluster_one_line_says_how_to_start_one(tmp_path, experiment):
    assert sweep(tmp_path, experiment, "none", "--engine", "ray", "--address", "127.0.0.1:9").wait(SECONDS) == 2
    text = (tmp_path / "none.log").read_text()
    assert "no Ray cluster can be reached" in text and "ray start --head" in text
