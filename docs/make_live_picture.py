"""Makes docs/images/live-page.png: the live page at the size of a phone, with the example lifted, in headless Chromium.

PYTHONPATH=tests python docs/make_live_picture.py
"""

import json
import threading
from pathlib import Path

from support.browser import browser

import srnet_core as srnet
from srnet_core.checkpoint import load_checkpoint
from srnet_core.live.people import LiveLifter
from srnet_core.serving.about import page_about
from srnet_core.serving.server import Served, make_server, page_files
from srnet_core.weights import weights_file

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "images" / "live-page.png"
FRAMES = 40


def main() -> None:
    """Serve the page, send it the first frames of the example, and keep what it shows."""
    checkpoint = load_checkpoint(weights_file())
    lifter = srnet.Lifter(checkpoint, device="cpu")
    keypoints = srnet.read_keypoints(ROOT / "examples" / "balancing.npz").only(0)

    def make() -> LiveLifter:
        return LiveLifter(lifter, layout=keypoints.layout, image_size=keypoints.image_size, fps=keypoints.fps)

    about = page_about(checkpoint, name="srnet-open-1")
    server = make_server(Served(page_files(b"", about, None), make), "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lines = [
        json.dumps({"frame": i, "keypoints": [None if x != x else [float(x), float(y)] for x, y in frame]})
        for i, frame in enumerate(keypoints.tracks[0].points[:FRAMES])
    ]
    with browser() as page:
        page.open(f"http://127.0.0.1:{server.server_address[1]}/", width=390, height=844)
        page.wait("Boolean(window.srnet) && document.getElementById('status').textContent.startsWith('Ready')")
        page.run(
            "fetch('lift', {method: 'POST', headers: {'Content-Type': 'application/x-ndjson'}, "
            f"body: {json.dumps(chr(10).join(lines))}}}).then((answer) => answer.text())"
        )
        page.wait("window.srnet.poses > 0")
        page.settle()
        PICTURE.write_bytes(page.picture())
    server.shutdown()


if __name__ == "__main__":
    main()
