"""The live page in a real browser: lines of keypoints become poses, bones are seen by day and by night."""

import json
import threading
from io import BytesIO

import numpy as np
import pytest
from support.browser import CHROMIUM, browser

import srnet_core as srnet
from srnet_core.checkpoint import load_checkpoint
from srnet_core.layouts import get_layout
from srnet_core.live.people import LiveLifter
from srnet_core.serving.about import page_about
from srnet_core.serving.server import Served, make_server, page_files
from srnet_core.weights import weights_file

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")


@pytest.fixture(scope="module")
def address():
    checkpoint = load_checkpoint(weights_file())
    lifter = srnet.Lifter(checkpoint, device="cpu")

    def make():
        return LiveLifter(lifter, layout=get_layout("h36m17"), image_size=(1000, 1000), fps=30)

    server = make_server(Served(page_files(b"", page_about(checkpoint, name="open"), None), make), "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def tab():
    with browser() as opened:
        yield opened


def lines(count: int) -> str:
    """Somebody who stands and raises an arm, as lines of keypoints."""
    standing = np.array(
        [
            *((500, 500), (460, 500), (455, 650), (450, 800), (540, 500), (545, 650), (550, 800), (500, 420)),
            *((500, 340), (500, 300), (500, 250), (560, 350), (600, 420), (620, 480), (440, 350), (400, 420)),
            (380, 480),
        ],
        float,
    )
    rows = []
    for i in range(count):
        frame = standing.copy()
        frame[13] += (2 * i, -12 * i)
        rows.append(json.dumps({"frame": i, "keypoints": frame.tolist()}))
    return "\\n".join(rows)


def send(tab, text: str) -> str:
    """Lines to the server of the open page, and its answer."""
    return tab.run(
        f"""fetch("lift", {{method: "POST", headers: {{"Content-Type": "application/x-ndjson"}}, body: `{text}`}})
        .then((answer) => answer.text())"""
    )


def drawn(tab, kind: str) -> int:
    """Pixels of the pose in the colour of one side, as the style says it."""
    return tab.run(
        f"""(() => {{
          const canvas = document.getElementById("pose"), paint = document.createElement("canvas").getContext("2d");
          paint.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--{kind}").trim();
          paint.fillRect(0, 0, 1, 1);
          const want = paint.getImageData(0, 0, 1, 1).data;
          const {{ data }} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let count = 0;
          for (let i = 0; i < data.length; i += 4)
            if (data[i + 3] > 200 && [0, 1, 2].every((c) => Math.abs(data[i + c] - want[c]) < 8)) count += 1;
          return count;
        }})()"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_become_poses_that_are_seen(tab, address, scheme):
    tab.open(address, width=390, height=844, dark=scheme == "dark")
    tab.wait("Boolean(window.srnet) && document.getElementById('status').textContent.startsWith('Ready')")
    answered = send(tab, lines(5))
    assert len(answered.splitlines()) >= 5
    tab.wait("window.srnet.poses >= 5")
    pose = np.array(tab.run("window.srnet.pose"))
    assert pose.shape == (17, 3) and np.isfinite(pose).all()
    assert drawn(tab, "left") > 100 and drawn(tab, "right") > 100 and drawn(tab, "middle") > 100
    assert tab.run("document.getElementById('input').offsetHeight") == 0  # lines have no picture to show
    image = pytest.importorskip("PIL.Image").open(BytesIO(tab.picture())).convert("L")
    dark = np.asarray(image)[:20].mean() < 100
    assert dark == (scheme == "dark")
    assert [text for text in tab.problems if "getImageData" not in text] == []  # which only this test calls
    assert tab.requests and all(asked.startswith(address) for asked in tab.requests), tab.requests


def test_a_page_turns_dark_while_it_is_open(tab, address):
    """The colours of the bones follow the style, and are not those of when the page was opened."""
    tab.open(address, width=390, height=844)
    tab.wait("Boolean(window.srnet) && document.getElementById('status').textContent.startsWith('Ready')")
    send(tab, lines(2))
    tab.wait("window.srnet.poses >= 2")
    assert drawn(tab, "left") > 100
    tab.by_night(True)
    tab.wait("matchMedia('(prefers-color-scheme: dark)').matches")
    tab.settle()
    assert drawn(tab, "left") > 100 and drawn(tab, "right") > 100


def test_the_page_says_what_a_camera_needs(tab, address):
    tab.open(address)
    tab.wait("document.getElementById('status').textContent.includes('--bundle')")
    assert tab.run("document.getElementById('webcam').disabled")


SLOW_DETECTOR = """
window.sends = 0;
window.Pose = class {
  setOptions() {}
  onResults(tell) { this.tell = tell; }
  async initialize() {}
  async send({ image }) {
    if (window.sends === 25) throw new Error("the test is over");
    window.sends += 1;
    window.seen = [image.tagName, image.width, image.height];
    for (const end = performance.now() + 60; performance.now() < end; );
    const poseLandmarks = Array.from({ length: 33 }, (_, j) => ({ x: 0.3 + 0.01 * j, y: 0.02 * j }));
    this.tell({ poseLandmarks });
  }
};"""
MADE_UP_NETWORK = """
const poses = { data: new Float32Array(102).fill(0.1) };
window.ort = {
  env: { wasm: {} },
  Tensor: class {},
  InferenceSession: { create: async () => ({ run: async () => ({ poses }) }) },
};"""


@pytest.fixture
def bundled(tmp_path):
    """The page with a detector that is slower than the camera, and with a network of no consequence."""
    (tmp_path / "pose.js").write_text(SLOW_DETECTOR)
    (tmp_path / "ort.wasm.min.js").write_text(MADE_UP_NETWORK)
    about = page_about(load_checkpoint(weights_file()), name="open") | {"states": "[]"}
    files = page_files(b"", about, tmp_path)
    server = make_server(Served(files, lambda: None, detector=True), "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()


def test_a_detector_slower_than_the_camera_leaves_the_page_alive(bundled):
    """It once took all of the page's time: nothing was drawn, and clicks were not answered."""
    with browser("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as page:
        page.open(bundled, width=390, height=844)
        page.wait("document.getElementById('status').textContent.startsWith('Ready')")
        page.run(
            """document.getElementById("webcam").click();
            const watch = setInterval(() => {
              if (window.srnet.poses < 2) return;
              clearInterval(watch);
              window.drawn = window.sends;
              document.getElementById("stop").click();
            }, 20);"""
        )
        page.wait("document.getElementById('stop').disabled")
        assert page.run("document.getElementById('status').textContent") == "Stopped"
        assert page.run("window.drawn") < 25
        # the detector gets a picture that stays, so that bones are drawn over what they were found in
        assert page.run("document.getElementById('input').offsetHeight") > 0
        name, width, height = page.run("window.seen")
        assert name == "CANVAS" and width >= 320 and height >= 240
