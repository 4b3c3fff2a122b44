"""srnet serve: a web page on this machine that lifts a webcam, a video or lines of keypoints live."""

from pathlib import Path
from typing import Annotated

from srnet_cli.checkpoints import find_checkpoint
from srnet_cli.console import remark
from srnet_cli.options import option
from srnet_cli.reading_options import Fps, ImageSize, Layout, parse_size
from srnet_cli.serving import THIS_MACHINE, Port, serve_until_interrupted

EXAMPLES = ("srnet serve", "srnet serve --bundle output/live-bundle --port 8123")
_RUNTIME, _DETECTOR = "ort.wasm.min.js", "pose.js"


def main(
    port: Port = 8080,
    host: Annotated[
        str,
        option(
            "--host", help="Address to listen at; others than 127.0.0.1 can be reached from outside", metavar="ADDRESS"
        ),
    ] = THIS_MACHINE[0],
    bundle: Annotated[
        Path | None,
        option(
            "--bundle",
            help="Folder with the detector for webcams and videos, made by examples/live/bundle.sh",
            metavar="FOLDER",
            default="none: lines of keypoints only",
        ),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        option(
            "--checkpoint",
            help="Network to lift with",
            metavar="FILE",
            default="srnet-open-27-causal, from the package; srnet-open-1 below 15 or above 60 frames per second",
            completes="checkpoints",
        ),
    ] = None,
    cache_dir: Annotated[
        Path,
        option("--cache-dir", help="Folder in which the exported network is kept", metavar="FOLDER"),
    ] = Path("cache"),
    layout: Layout = "auto",
    image_size: ImageSize = None,
    fps: Fps = None,
) -> None:
    """Serve a page on this machine that lifts a webcam, a video or lines of keypoints live. Nothing is sent out."""
    from srnet_core.checkpoint import load_checkpoint
    from srnet_core.inference.lifter import Lifter
    from srnet_core.layouts.own import layout_asked
    from srnet_core.live.people import LiveLifter
    from srnet_core.serving.about import page_about
    from srnet_core.serving.server import Served, make_server, page_files
    from srnet_core.weights import SHORTEST_CLIP, best_network, weights_file

    best = best_network(SHORTEST_CLIP, live=True, fps=fps)
    file = weights_file(best) if checkpoint is None else find_checkpoint(checkpoint)
    loaded = load_checkpoint(file)
    about = page_about(loaded, name=file.stem)
    known, size = None if layout == "auto" else layout_asked(layout), parse_size(image_size)
    in_browser = bundle is not None and (bundle / _RUNTIME).is_file()
    model = b""
    if in_browser:
        from srnet_core.serving.model_file import stream_model

        model = stream_model(loaded, file.name, cache_dir)
    files = page_files(model, about, bundle)
    lifter = Lifter(loaded, device="cpu")

    def make_lifter() -> LiveLifter:
        return LiveLifter(lifter, layout=known, image_size=size, fps=fps, model=file.stem)

    detector = bundle is not None and (bundle / _DETECTOR).is_file()
    server = make_server(Served(files, make_lifter, detector), host, port)
    if host not in THIS_MACHINE:
        remark(f"whoever can reach {host} can open the page and send lines; browsers give a webcam to localhost only")
    serve_until_interrupted(server)
