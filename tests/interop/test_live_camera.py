"""The live page with a recorded clip as its camera: MediaPipe and onnxruntime-web in headless Chromium.

`make live-page` gathers what it needs. SRNET_LIVE_BUNDLE names the folder of examples/live/bundle.sh, SRNET_LIVE_CLIP a
video of one person, SRNET_LIVE_PICTURE a file for a picture of the page.
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from support.browser import CHROMIUM, browser

import srnet_core as srnet

BUNDLE, CLIP = (os.environ.get(name, "") for name in ("SRNET_LIVE_BUNDLE", "SRNET_LIVE_CLIP"))
SECONDS, HEIGHT = 3, 640
MEASURED_S = 20
# what MediaPipe and the driver of a machine without a graphics processor write about themselves
CHATTER = ("gl_context", "GL Driver Message (OpenGL, Performance", "inference_feedback_manager", "XNNPACK")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The address of `srnet serve`, as a user starts it."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on PATH")
    if not (BUNDLE and (Path(BUNDLE) / "pose.js").is_file()):
        pytest.skip("no bundle; `make live-page` makes one where there is npm")
    folder = tmp_path_factory.mktemp("served")
    command = [sys.executable, "-c", "from srnet_cli.app import main; main()", "serve", "--port", "0"]
    command += ["--bundle", str(Path(BUNDLE).resolve()), "--cache-dir", str(folder / "cache")]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().split()[0]
    finally:
        process.terminate()
        process.wait()


LIFT_AND_DRAW = """(async () => {
  const { StreamLifter } = await import("/lift.js"), { PoseView } = await import("/draw.js");
  await new Promise((resolve) => {
    const element = document.createElement("script");
    element.src = "bundle/ort.wasm.min.js";
    element.onload = resolve;
    document.head.append(element);
  });
  ort.env.wasm.wasmPaths = new URL("bundle/", location.href).href;
  ort.env.wasm.numThreads = 1;
  const about = await (await fetch("about.json")).json();
  const model = await (await fetch("model.onnx")).arrayBuffer();
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  const lifter = new StreamLifter(ort, session, about), view = new PoseView(document.getElementById("pose"), about);
  const frames = FRAMES, poses = [], took_ms = { network: [], drawing: [] };
  const lift = async (frame) => {
    const began = performance.now();
    const pose = await lifter.push(frame, WIDTH, HEIGHT);
    const lifted = performance.now();
    if (pose) view.draw(pose);
    took_ms.network.push(lifted - began);
    took_ms.drawing.push(performance.now() - lifted);
    return pose;
  };
  for (const frame of frames) poses.push(await lift(frame));
  const began = performance.now();
  for (const frame of frames) await lift(frame);
  return { rate: (1000 * frames.length) / (performance.now() - began), poses, took_ms };
})()"""


def test_the_network_and_the_drawing_keep_up_with_a_camera(served):
    """Without the detector: the poses are those of the lifter, and their rate is printed."""
    example = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"
    keypoints = srnet.read_keypoints(example).only(0).to_h36m17().fill_gaps(max_frames=20)
    points, (width, height) = keypoints.tracks[0].points, keypoints.image_size
    script = LIFT_AND_DRAW.replace("FRAMES", json.dumps(points.tolist()))
    script = script.replace("WIDTH", str(width)).replace("HEIGHT", str(height))
    with browser() as page:
        page.open(served, width=390, height=844)
        found = page.run(script)
        assert page.problems == []
        assert page.requests and all(asked.startswith(served) for asked in page.requests), page.requests
    print(f"{found['rate']:.0f} poses a second, lifted and drawn; {parts_text(found['took_ms'])}")
    poses_m = np.array([pose for pose in found["poses"] if pose])
    expected = srnet.Lifter.open(json.loads(ask(served, "about.json"))["model"], device="cpu")(
        points, image_size=(width, height)
    )
    np.testing.assert_allclose(poses_m, expected[: len(poses_m)], atol=1e-3)


def parts_text(took_ms: dict[str, list[float]]) -> str:
    """Median and 95th percentile of the milliseconds of each part, for one picture."""
    parts = ((part, *np.percentile(times, (50, 95))) for part, times in took_ms.items())
    return ", ".join(f"{part} {half:.1f} ms (95 %: {most:.1f})" for part, half, most in parts)


def ask(served: str, path: str) -> bytes:
    with urllib.request.urlopen(served + path, timeout=60) as answer:
        return answer.read()


@pytest.fixture(scope="module")
def camera(tmp_path_factory):
    """The clip as the raw video that Chromium takes for a camera."""
    av = pytest.importorskip("av")
    if not CLIP:
        pytest.skip("no clip; `make live-page` fetches one")
    path = tmp_path_factory.mktemp("camera") / "camera.y4m"
    with av.open(CLIP) as video, open(path, "wb") as file:
        step = max(1, round(float(video.streams.video[0].average_rate) / 30))
        for i, frame in enumerate(video.decode(video=0)):
            width = 2 * round(HEIGHT * frame.width / frame.height / 2)
            if i == 0:
                file.write(f"YUV4MPEG2 W{width} H{HEIGHT} F30:1 Ip A1:1 C420mpeg2\n".encode())
            if i >= 30 * SECONDS * step:
                break
            if i % step == 0:
                file.write(b"FRAME\n" + frame.reformat(width, HEIGHT, "yuv420p").to_ndarray().tobytes())
    return path


def test_a_clip_as_camera_becomes_poses_and_nothing_leaves_the_machine(served, camera, tmp_path):
    picture = Path(os.environ.get("SRNET_LIVE_PICTURE", tmp_path / "page.png"))
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--enable-unsafe-swiftshader")
    with browser(*fake, f"--use-file-for-fake-video-capture={camera}") as page:
        page.open(served, width=390, height=844)
        page.wait("document.getElementById('status').textContent === 'Ready: choose a source'")
        page.run("document.getElementById('webcam').click()")
        page.wait("window.srnet.poses > 0", seconds=400)
        before, began = page.run("window.srnet.poses"), time.monotonic()
        time.sleep(MEASURED_S)
        rate = (page.run("window.srnet.poses") - before) / (time.monotonic() - began)
        pose = np.array(page.run("window.srnet.pose"))
        picture.write_bytes(page.picture())
        parts = parts_text(page.run("window.srnet.took_ms"))
        print(f"{rate:.1f} poses a second; the camera gives 30 pictures; {parts}")
        assert pose.shape == (17, 3) and np.isfinite(pose).all()
        assert 0.5 < np.ptp(pose[:, 1]) < 2.5  # metres, from the head to the feet
        assert rate > 0 and page.run("document.getElementById('status').textContent") == "Lifting the webcam"
        assert page.requests and all(asked.startswith(served) for asked in page.requests), page.requests
        assert [text for text in page.problems if not any(word in text for word in CHATTER)] == []
