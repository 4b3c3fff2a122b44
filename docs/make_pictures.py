"""Make the pictures of the page and of the terminal in docs/images again: make pictures.

It needs Chromium, and for one picture Blender. The page shows the networks that come with the package on SYNTHETIC
people, so that nothing has to be downloaded and every run draws the same.
"""

import argparse
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from fcntl import ioctl
from pathlib import Path

import make_live_picture
from rich.console import Console
from rich.text import Text
from support.browser import browser

from srnet_core.files import atomic_write
from srnet_core.serving.watching import Watched, in_background, serve_runs
from srnet_core.weights import weights_file

IMAGES = Path(__file__).parent / "images"
_PAGES = {
    "viewer.png": ("#clip=0&frame=30&joints=1&angle=right%20knee%20flexion&overlay=1&trails=1", 1440, 900, False),
    "viewer-dark.png": ("#clip=4&frame=80&eye=side&joints=1", 1440, 900, True),
    "viewer-phone.png": ("#clip=2&frame=30", 390, 844, False),
}
_SCREENS = {
    "terminal-eval-80.svg": (
        80,
        ("eval", "{open27}", "--dataset", "synthetic", "--actions", "Walking,WalkTogether,Eating"),
    ),
    "terminal-eval-140.svg": (
        140,
        ("eval", "{open27}", "--dataset", "synthetic", "--actions", "Walking,WalkTogether,Eating"),
    ),
}
_RUNS, _STRIP, _EXPECTED = "runs-page.png", "strip.png", "uncertainty-page.png"
_LIFTED = ("lift-strip.png", "lift-trc.png", "lift-blender.png")
_LIVE, _FRAME_IN_BLENDER = make_live_picture.PICTURE.name, 46
_EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "balancing.npz"
_CHARTS = {
    "chart-model.svg": ("model", "--arch", "3,3,3", "--width", "page"),
    "chart-skeleton.svg": ("skeleton",),
    "chart-poses.svg": ("poses", "--dataset", "synthetic", "--count", "15"),
}
# the alternatives of a font that the reader has; the picture must ask for nothing on the network
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", help="only these pictures")
    asked = parser.parse_args().names or [*_PAGES, *_SCREENS, *_CHARTS, *_LIFTED, _LIVE, _RUNS, _STRIP, _EXPECTED]
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pictures-") as folder:
        os.chdir(folder)
        if pages := {name: _PAGES[name] for name in asked if name in _PAGES}:
            draw_pages(pages)
        if lifted := [name for name in asked if name in _LIFTED]:
            draw_lifted(lifted)
        if _LIVE in asked:
            make_live_picture.main()
        for name in asked:
            if name in _SCREENS:
                draw_screen(name, *_SCREENS[name])
            if name in _CHARTS:
                run(["chart", *_CHARTS[name], "--output", str(IMAGES / name)])
            if name == _STRIP:
                what = ("--dataset", "synthetic", "--action", "Walking", "--limit", "100")
                run(["visualize", str(weights_file("srnet-open-27")), *what, "--output", str(IMAGES / name)])
            if name == _EXPECTED:
                draw_expected(IMAGES / name)
            if name == _RUNS:
                draw_runs(IMAGES / name)


def draw_pages(pages: dict[str, tuple[str, int, int, bool]]) -> None:
    """One page, from several sides."""
    networks = [str(weights_file(f"srnet-open-{frames}")) for frames in (27, 1)]
    where = ("--dataset", "synthetic", "--subjects-test", "S9", "--output", "page.html", "--no-pictures")
    run(["visualize", *networks, *where, "--gallery", "3", "--frames", "300"])
    with browser() as page:
        for name, (view, width, height, dark) in pages.items():
            page.open(Path("page.html").resolve().as_uri() + view, width=width, height=height, dark=dark)
            with atomic_write(IMAGES / name) as file:
                file.write(page.picture())
            print(IMAGES / name)


def draw_lifted(names: list[str]) -> None:
    """The real person of the example: moments, its TRC read back, its BVH in Blender."""
    strip, trc, in_blender = _LIFTED
    run(["lift", str(_EXAMPLE), "--person", "0", "--world", "-o", "pose.trc", "-o", "pose.bvh", "-o", "strip.png"])
    if strip in names:
        shutil.copyfile("strip.png", IMAGES / strip)
    if trc in names:
        run(["data", "plot", "pose.trc", "--output", str(IMAGES / trc)])
    if in_blender in names:
        if (blender := shutil.which("blender")) is None:
            print(f"{in_blender} stays as it is: Blender is not installed")
            return
        script = str(Path(__file__).resolve().parent / "blender_picture.py")
        command = [blender, "-b", "--factory-startup", "-P", script, "--", "pose.bvh"]
        subprocess.run([*command, "blender.png", str(_FRAME_IN_BLENDER)], check=True, stdout=sys.stderr)
        shutil.copyfile("blender.png", IMAGES / in_blender)


def draw_expected(path: Path) -> None:
    """The page of the real person of the example, in the colours of the expected errors."""
    run(["lift", str(_EXAMPLE), "--person", "0", "--uncertainty", "--output", "expected.html"])
    with browser() as page:
        page.open(Path("expected.html").resolve().as_uri() + "#frame=40", width=1100, height=700)
        with atomic_write(path) as file:
            file.write(page.picture())
    print(path)


def draw_runs(path: Path) -> None:
    """The page of runs, with two short trainings on the SYNTHETIC people."""
    small = ("--dataset", "synthetic", "--subset", "0.2", "--arch", "3,3", "--channels", "128", "--epochs", "8")
    for name in ("small-steps", "first"):
        lr = ("--lr", "0.0003") if name == "small-steps" else ()
        run(["train", *small, *lr, "--validation", "S8", "--name", name, "--watch", "--port", "0"])
    server = serve_runs(Watched(Path("checkpoint"), Path("best_checkpoint")), "127.0.0.1", 0)
    in_background(server)
    with browser() as page:
        page.open(f"http://127.0.0.1:{server.server_address[1]}/#run=first")
        page.wait("document.getElementById('clip-said').textContent.includes('mean')")
        page.settle()
        with atomic_write(path) as file:
            file.write(page.picture())
    server.shutdown()
    print(path)


def draw_screen(name: str, columns: int, arguments: tuple[str, ...]) -> None:
    """What a command prints to a terminal of so many columns, as SVG."""
    filled = [a.format(open27=weights_file("srnet-open-27")) for a in arguments]
    text = in_terminal(["srnet", *filled], columns)
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
    shown = ["srnet", *(Path(a).stem if "/" in a else a for a in filled)]
    console.print(Text(f"$ {' '.join(shown)}\n", style="bold"), Text.from_ansi(text), sep="")
    svg = _FONT_FACE.sub("", console.export_svg(title="srnet"))
    with atomic_write(IMAGES / name, "w") as file:
        file.write(svg)
    print(IMAGES / name)


def in_terminal(command: list[str], columns: int) -> str:
    """The output of a command in a real terminal, without what was erased."""
    master, terminal = pty.openpty()
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=subprocess.DEVNULL, close_fds=True)
    os.close(terminal)
    parts = []
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:  # the command has ended
            break
        if not part:
            break
        parts.append(part)
    os.close(master)
    if process.wait():
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return b"".join(parts).decode().replace("\r\n", "\n")


def run(arguments: list[str]) -> None:
    srnet = shutil.which("srnet") or "srnet"
    subprocess.run([srnet, *arguments], check=True, stdout=sys.stderr)


if __name__ == "__main__":
    main()
