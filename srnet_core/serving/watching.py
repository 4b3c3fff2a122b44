"""The page of runs: curves of the runs of a folder while they are trained, and a test clip of each epoch.

The page asks for what has changed every second or two. Nothing can be changed through it.
"""

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from srnet_core.errors import SrnetError
from srnet_core.files import without_nan
from srnet_core.runs.catalog import CURVES, Run, find_runs, read_run
from srnet_core.serving.local import LocalHandler, LocalServer, listen
from srnet_core.training.naming import RunFiles
from srnet_core.visualization.page import drawing_script, page_style
from srnet_core.visualization.watched_clip import CLIP_FILE

_SHOWN = (*CURVES, "lr", "windows_per_second", "seconds", "test_root_mm")
_MOST_CLIP_BYTES = 2**25
_MOST_RUNS = 500
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass
class Watched:
    """What the page of runs shows.

    Attributes:
        checkpoint_dir, best_dir: folders of the runs.
        now: the run that this process trains, as plain values: run, epoch, epochs, step, steps, loss,
            windows_per_second, seconds_left; empty if it trains none. Replaced as a whole, never changed.
    """

    checkpoint_dir: Path
    best_dir: Path
    now: Mapping[str, Any] = field(default_factory=dict)


def serve_runs(watched: Watched, host: str, port: int) -> LocalServer:
    """A server of the page of runs that listens; call its `serve_forever`.

    Raises:
        SrnetError: the port is taken, or the address is not one of this machine.
    """

    class Handler(_Handler):
        runs = watched
        files = page_files()

    return listen(Handler, host, port)


def in_background(server: LocalServer) -> threading.Thread:
    """Answer requests in a thread that ends with the process."""
    thread = threading.Thread(target=server.serve_forever, name="page of runs", daemon=True)
    thread.start()
    return thread


def page_files() -> dict[str, bytes]:
    """The files of the page by path."""
    own = {
        name: resources.files("srnet_core.serving").joinpath("runs_page", name).read_text(encoding="utf-8")
        for name in ("index.html", "runs.css", "curves.js", "runs.js")
    }
    script = "\n".join([drawing_script(), own["curves.js"], own["runs.js"]])
    files = {
        "/": own["index.html"],
        "/style.css": f"{page_style()}\n{own['runs.css']}",
        "/app.js": f'(() => {{\n"use strict";\n{script}\n}})();',
    }
    return {path: content.encode() for path, content in files.items()}


class _Handler(LocalHandler):
    runs: Watched
    files: Mapping[str, bytes]
    policy = _POLICY

    def do_GET(self) -> None:
        """A file of the page, the list of runs, a run, or its clip."""
        if not self.is_for_us():
            return
        path = self.path.partition("?")[0]
        kind, _, name = path.removeprefix("/").partition("/")
        if path == "/runs.json":
            self._json(runs_data(self.runs))
        elif kind in ("run", "clip") and name:
            self._of_run(kind, unquote(name))
        else:
            self.answer_file(self.files, path)

    do_HEAD = do_GET

    def _of_run(self, kind: str, name: str) -> None:
        folder = self.runs.checkpoint_dir
        known = folder.is_dir() and name in {path.name for path in folder.iterdir()}  # a name, never a path
        content: Any = None
        if known:
            files = RunFiles(name, folder, self.runs.best_dir)
            content = run_data(read_run(files)) if kind == "run" else clip_data(files)
        if content is None:
            self.answer(HTTPStatus.NOT_FOUND, f"there is no such {kind}\n".encode())
        else:
            self._json(content)

    def _json(self, values: Any) -> None:
        body = values if isinstance(values, bytes) else json.dumps(without_nan(values), allow_nan=False).encode()
        self.answer(HTTPStatus.OK, body, "application/json")


def runs_data(watched: Watched) -> dict[str, Any]:
    """The list of runs, the newest first, and what is being trained now."""
    runs: Sequence[Run] = []
    if watched.checkpoint_dir.is_dir():
        try:
            runs = find_runs(watched.checkpoint_dir, watched.best_dir)[:_MOST_RUNS]
        except (SrnetError, OSError):  # e.g. a folder that vanishes meanwhile
            runs = []
    now_s = time.time()
    listed = [
        {
            "name": run.name,
            "state": run.state(),
            "epoch": run.last_epoch,
            "epochs": run.config.train.epochs if run.config else None,
            "test_mm": run.last("test_mpjpe_mm"),
            "changed_s": run.changed_s,
            "age_s": max(0.0, now_s - run.changed_s),
            "clip_s": _changed_s(run.files.folder / CLIP_FILE),
        }
        for run in runs
    ]
    return {"folder": f"{watched.checkpoint_dir}", "runs": listed, "now": dict(watched.now)}


def run_data(run: Run) -> dict[str, Any]:
    """A run: what it trains on what, and its curves as lists of epoch and value."""
    epochs = [
        {"epoch": epoch["epoch"], **{name: epoch[name] for name in _SHOWN if _is_number(epoch.get(name))}}
        for epoch in run.epochs
    ]
    about = {}
    if run.config is not None:
        model, data = run.config.model, run.config.data
        about = {
            "model": f"{model.name} {','.join(map(str, model.filter_widths))}, {model.channels} channels",
            "data": f"{data.dataset or '?'}, {data.protocol.replace('_', '-')}, normalization {data.normalization}",
            "synthetic": "synthetic" in (data.dataset or ""),
            "epochs": run.config.train.epochs,
        }
    result = None if run.result is None else run.result.report["mean"].get("mpjpe_mm")
    return {"name": run.name, "state": run.state(), **about, "curves": epochs, "result_mm": result}


def clip_data(files: RunFiles) -> bytes | None:
    """The clip of the last epoch as JSON; `None` if there is none."""
    path = files.folder / CLIP_FILE
    try:
        if path.stat().st_size > _MOST_CLIP_BYTES:
            return None
        content = path.read_bytes()
        json.loads(content)
    except (OSError, ValueError, RecursionError):
        return None
    return content


def _changed_s(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
