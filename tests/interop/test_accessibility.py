"""The pages of srnet by the rules of axe-core; `make interop` installs it where there is npm."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.browser import CHROMIUM, browser

from srnet_core.config import RunConfig, to_dict
from srnet_core.serving.watching import Watched, in_background, serve_runs
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.training.metrics_log import record_epoch
from srnet_core.visualization.page import scene_data, write_page
from srnet_core.visualization.scene import GROUND_TRUTH, Scene

SIZES = ((1440, 900), (390, 844))
_MODULES = Path(os.environ.get("SRNET_NODE_MODULES", ".venv-interop/node_modules")).resolve()
_AXE = _MODULES / "axe-core" / "axe.min.js"
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH"),
    pytest.mark.skipif(not _AXE.is_file(), reason="axe-core is not installed; `make interop` installs it"),
]
# what is wrong, and at which element
_VIOLATIONS = "axe.run().then(({ violations }) => violations.map((v) => [v.id, ...v.nodes.map((n) => n.target[0])]))"


def scene(number: int = 0) -> Scene:
    poses = np.random.default_rng(number).normal(0, 0.3, (3, 20, 17, 3)).astype(np.float32)
    return Scene(
        title=f"Walking {number}",
        skeleton=SKELETON,
        fps=50.0,
        image_size_px=(1000, 1002),
        keypoints_2d_px=500 + 200 * poses[0, ..., :2],
        poses={"one": poses[0], "two": poses[1], GROUND_TRUTH: poses[2]},
        expected_errors_mm={"one": np.full((20, 17), 30.0)},
        synthetic=True,
    )


@pytest.fixture
def viewer(tmp_path):
    address = write_page([scene(number) for number in range(3)], tmp_path / "page.html").as_uri()
    yield f"{address}#clip=1&frame=3&joints=1&overlay=1&trails=1&loop=2-9&angle=right%20knee%20flexion"


@pytest.fixture
def runs(tmp_path):
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(to_dict(RunConfig())))
        errors = {"train_mpjpe_mm": 90.0, "test_mpjpe_mm": 100.0, "loss": 0.1, "lr": 1e-3, "windows_per_second": 9e3}
        record_epoch(tmp_path / name / "metrics.jsonl", {"epoch": 1, "seconds": 3.0, **errors})
    (tmp_path / "first" / "clip.json").write_text(json.dumps({"epoch": 1, "mean_mm": 12.0, **scene_data(scene())}))
    server = serve_runs(Watched(tmp_path, tmp_path), "127.0.0.1", 0)
    in_background(server)
    yield f"http://127.0.0.1:{server.server_address[1]}/#run=first"
    server.shutdown()
    server.server_close()


@pytest.fixture
def live(tmp_path):
    command = [sys.executable, "-m", "srnet_cli", "serve", "--port", "0", "--cache-dir", str(tmp_path / "cache")]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    yield process.stdout.readline().split()[0]
    process.terminate()
    process.wait()


@pytest.mark.parametrize("name", ["viewer", "runs", "live"])
def test_pages_break_no_rule(name, request):
    address = request.getfixturevalue(name)
    with browser() as page:
        for dark in (False, True):
            for width, height in SIZES:
                page.open(address, width=width, height=height, dark=dark)
                page.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
                page.settle()
                page.run(f"{_AXE.read_text(encoding='utf-8')}; 0")
                assert page.run(_VIOLATIONS) == [], (dark, width)
                assert page.run("document.documentElement.scrollWidth") <= width
        assert page.problems == []
