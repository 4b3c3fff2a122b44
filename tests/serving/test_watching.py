"""The page of runs: what its server answers, what it refuses, and what the page shows in a browser."""

import http.client
import json
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from support.browser import CHROMIUM, browser

from srnet_core.config import RunConfig, to_dict
from srnet_core.serving.watching import Watched, serve_runs
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.training.metrics_log import record_epoch
from srnet_core.visualization.page import scene_data
from srnet_core.visualization.scene import GROUND_TRUTH, Scene

HOSTILE = "<img src=x onerror=alert(1)>"


def write_run(folder, name, epochs):
    run = folder / name
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.json").write_text(json.dumps(to_dict(RunConfig())))
    for epoch in range(1, epochs + 1):
        add_epoch(folder, name, epoch)


def add_epoch(folder, name, epoch):
    numbers = {"loss": 0.5 / epoch, "lr": 1e-3 * 0.95**epoch, "windows_per_second": 9000.0 + epoch, "seconds": 3.0}
    errors = {"train_mpjpe_mm": 200.0 / epoch, "test_mpjpe_mm": 220.0 / epoch}
    record_epoch(folder / name / "metrics.jsonl", {"epoch": epoch, **numbers, **errors})


def some_scene():
    poses = np.random.default_rng(0).normal(0, 0.3, (2, 20, 17, 3)).astype(np.float32)
    return Scene(
        title="Walking",
        skeleton=SKELETON,
        fps=50.0,
        image_size_px=(1000, 1002),
        keypoints_2d_px=500 + 200 * poses[0, ..., :2],
        poses={"prediction": poses[0], GROUND_TRUTH: poses[1]},
    )


@pytest.fixture
def folder(tmp_path):
    write_run(tmp_path / "runs", "first", 3)
    write_run(tmp_path / "runs", HOSTILE.replace("/", ""), 1)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "clip.json").write_text('"secret"')
    return tmp_path / "runs"


@contextmanager
def served(folder, now=None):
    server = serve_runs(Watched(folder, folder, now or {}), "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def ask(port, path, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def test_runs_and_their_curves(folder):
    with served(folder, {"run": "first", "loss": float("nan")}) as port:
        listed = json.loads(ask(port, "/runs.json")[1])
        assert {run["name"] for run in listed["runs"]} == {"first", HOSTILE.replace("/", "")}
        assert listed["now"] == {"run": "first", "loss": None}
        (first,) = [run for run in listed["runs"] if run["name"] == "first"]
        assert first["epoch"] == 3 and first["test_mm"] == pytest.approx(220 / 3) and first["clip_s"] is None
        run = json.loads(ask(port, "/run/first")[1])
        assert [epoch["train_mpjpe_mm"] for epoch in run["curves"]] == pytest.approx([200, 100, 200 / 3])
        add_epoch(folder, "first", 4)
        assert len(json.loads(ask(port, "/run/first")[1])["curves"]) == 4
        assert ask(port, "/clip/first")[0].status == 404


def test_pages_have_a_policy_and_load_nothing_from_elsewhere(folder):
    with served(folder) as port:
        for path, kind in {"/": "text/html", "/app.js": "text/javascript", "/style.css": "text/css"}.items():
            answer, content = ask(port, path)
            assert answer.status == 200 and answer.getheader("Content-Type").startswith(kind)
            assert "default-src 'none'" in answer.getheader("Content-Security-Policy")
            assert b"https:" not in content and b"import(" not in content


@pytest.mark.parametrize(
    "path", ["/clip/../secret", "/clip/..%2Fsecret", "/run/%2e%2e", "/clip/.", "/nosuch", "/run/x"]
)
def test_nothing_outside_the_folder_is_served(folder, path):
    with served(folder) as port:
        answer, content = ask(port, path)
        assert answer.status == 404 and b"secret" not in content


def test_other_names_of_the_machine_are_refused(folder):
    with served(folder) as port:
        assert ask(port, "/runs.json", Host="evil.example")[0].status == 421


def test_damaged_clips_and_missing_folders(folder, tmp_path):
    (folder / "first" / "clip.json").write_text("[" * 100_000)
    with served(folder) as port:
        assert ask(port, "/clip/first")[0].status == 404
    with served(tmp_path / "nowhere") as port:
        assert json.loads(ask(port, "/runs.json")[1])["runs"] == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
def test_clips_of_earlier_versions_are_drawn_and_damaged_ones_hide_nothing(folder):
    old = {"epoch": 3, "mean_mm": 12.0, **scene_data(some_scene())}
    del old["means_mm"], old["stage"]["depth_m"]
    (folder / "first" / "clip.json").write_text(json.dumps(old))
    write_run(folder, "strange", 2)
    (folder / "strange" / "clip.json").write_text('{"epoch": 3}')
    with served(folder) as port, browser() as page:
        page.open(f"http://127.0.0.1:{port}/#run=first")
        page.wait("document.getElementById('clip-title').textContent === 'Test clip, epoch 3'")
        page.settle()
        assert page.run("document.getElementById('clip-said').textContent") == "Walking; grey: ground truth"
        assert page.run(
            "((c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v))"
            "(document.getElementById('clip'))"
        )
        page.open(f"http://127.0.0.1:{port}/#run=strange")
        page.wait("document.getElementById('title').textContent === 'strange'")
        page.settle()
        assert page.run("document.getElementById('watched').hidden") is True
        assert page.run("document.getElementById('now').textContent") == ""
        assert page.problems == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
def test_the_page_follows_a_run(folder):
    scene = some_scene()
    (folder / "first" / "clip.json").write_text(json.dumps({"epoch": 3, **scene_data(scene)}))
    now = {"run": "first", "epoch": 4, "epochs": 60, "step": 5, "steps": 9, "loss": 0.25, "windows_per_second": 1234.5}
    with served(folder, now) as port, browser() as page:
        page.open(f"http://127.0.0.1:{port}/#run=first")
        page.wait("document.getElementById('clip-said').textContent.includes('mean')")

        def text(name):
            return page.run(f"document.getElementById('{name}').textContent")

        assert text("title") == "first" and "epoch 4 of 60, step 5 of 9, loss 0.2500, 1,235 windows/s" in text("now")
        assert text("read-error") == "train 66.7, test 73.3 mm" and text("error-series") == "traintest"
        assert page.run("document.querySelectorAll('#runs li').length") == 2
        assert text("clip-title") == "Test clip, epoch 3"
        drawn = (
            "[...document.querySelectorAll('canvas')].map((c) => "
            "c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v))"
        )
        assert page.run(drawn) == [True] * 5
        before = page.run("document.getElementById('error').toDataURL()")
        add_epoch(folder, "first", 4)
        page.wait("document.getElementById('read-error').textContent.startsWith('train 50.0')")
        assert page.run("document.getElementById('error').toDataURL()") != before
        page.click("#runs li:not(:has([aria-current])) button")
        assert text("title") == HOSTILE.replace("/", ""), "names are text"
        page.size(390, 844)
        page.settle()
        assert page.run("document.documentElement.scrollWidth") <= 390
        assert page.problems == [] and all(address.startswith(f"http://127.0.0.1:{port}/") for address in page.requests)
