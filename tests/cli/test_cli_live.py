"""srnet lift --stream: in this process from a file, and in one of its own through pipes, with Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import srnet_core as srnet
from srnet_core.live.lines import LONGEST_LINE

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
OPTIONS = ("--layout", "body25b", "--image-size", "1080x1920", "--fps", "60", "--device", "cpu")


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    points = srnet.read_keypoints(EXAMPLE).tracks[0].points
    return [json.dumps({"frame": i, "keypoints": p.tolist()}).encode() + b"\n" for i, p in enumerate(points)]


def test_every_line_is_answered_in_order(srnet, tmp_path, lines):
    source = tmp_path / "lines.jsonl"
    too_long = b'{"keypoints": [' + b" " * (2 * LONGEST_LINE) + b"]}\n"
    source.write_bytes(b"".join([*lines[:3], b"oops\n", b"\n", too_long, *lines[3:6], b'{"keypoints": [[1,2]]}']))
    ran = srnet("lift", source, "--stream", *OPTIONS).ok()
    about, *answers = [json.loads(text) for text in ran.out.splitlines()]
    assert about["delay_frames"] == 0 and about["fps"] == 60 and len(about["joints"]) == 17
    assert [a.get("frame", a.get("line")) for a in answers] == [0, 1, 2, 4, 6, 3, 4, 5, 10]  # empty lines count
    assert "not JSON" in answers[3]["error"] and "longer than" in answers[4]["error"]
    assert "1 joints" in answers[8]["error"]
    assert "9 lines in" in ran.err and "6 poses, 0 frames without a pose, 3 errors" in ran.err
    assert "p50" in ran.err and "p99" in ran.err and "longest" in ran.err


def test_a_reader_that_goes_away_ends_the_stream_quietly(srnet, tmp_path, monkeypatch, lines):
    (tmp_path / "lines.jsonl").write_bytes(b"".join(lines))
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as nobody:
        monkeypatch.setattr(sys, "stdout", nobody)
        ran = srnet("lift", tmp_path / "lines.jsonl", "--stream", *OPTIONS)
        monkeypatch.undo()
    assert ran.code == 0 and "Traceback" not in ran.err and "lines in" in ran.err


def test_through_pipes_each_answer_comes_at_once_and_ctrl_c_ends_it_cleanly(tmp_path, lines):
    process = subprocess.Popen(
        [sys.executable, "-m", "srnet_cli.app", "lift", "-", *OPTIONS],
        env=ENVIRONMENT,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert json.loads(process.stdout.readline())["model"] == "srnet-open-27-causal"
    for number, line in enumerate(lines[:5]):
        process.stdin.write(line)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["frame"] == number  # nothing else is sent before
    process.send_signal(signal.SIGINT)
    rest, told = process.communicate(timeout=60)
    assert process.returncode == 0 and rest == b"" and b"5 poses" in told and b"Traceback" not in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-o", "x.bvh"), ("--output", "--stream")),
        (("--strict",), ("--strict", "--stream")),
        (("--layout", "coco71"), ("coco71",)),
        (("--image-size", "0x0"), ("--image-size", "not (0, 0)")),
        (("--fps", "0"), ("--fps",)),
        (("no-such-file",), ("no-such-file", "no such file")),
    ],
)
def test_mistakes(srnet, options, said):
    srnet("lift", "--stream", *options).refused(*said)


def test_without_anything_to_lift(srnet):
    srnet("lift").refused("nothing to lift", "--stream")


def test_smoothing_is_named_in_the_first_line(srnet, tmp_path):
    source = tmp_path / "lines"
    source.write_bytes(b"")
    about = json.loads(srnet("lift", source, "--stream", "--smooth", "one-euro", *OPTIONS).ok().out.splitlines()[0])
    assert about["smoothing"] == "one-euro, minimum cutoff 1.5 Hz"
    srnet("lift", source, "--stream", "--smooth", "savgol", *OPTIONS).refused("savgol", "one-euro")


def test_a_camera_is_lifted_live_until_it_is_gone(srnet, tmp_path, monkeypatch):
    """A film in place of a camera, and a detector that always finds the same two people."""
    av = pytest.importorskip("av")
    film = tmp_path / "camera.mkv"
    with av.open(str(film), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        for level in range(6):
            picture = av.VideoFrame.from_ndarray(np.full((480, 640, 3), 40 * level, np.uint8), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    found = np.random.default_rng(0).uniform(50, 300, (2, 17, 3)).astype(np.float32)
    found[1, :, 0] += 300
    found[..., 2] = 0.9

    class Finds:
        layout, about = "coco17", "a detector for tests"
        closed = False

        def __call__(self, image):
            assert image.shape == (480, 640, 3)
            return found

        def close(self):
            Finds.closed = True

    monkeypatch.setattr("srnet_core.video._camera_device", lambda number: (str(film), None))
    monkeypatch.setattr("srnet_core.detectors.open_detector", lambda name, files: Finds())
    ran = srnet("lift", "--camera", "0", "--smooth", "one-euro", "--device", "cpu").ok()
    about, *answers = [json.loads(line) for line in ran.out.splitlines()]
    assert about["smoothing"].startswith("one-euro") and "camera 0, 30 frames per second" in ran.err
    poses = [answer for answer in answers if answer.get("joints_m")]
    assert {pose["person"] for pose in poses} == {"1", "2"} and not [a for a in answers if "error" in a]
    assert f"{len(poses)} poses" in ran.err and Finds.closed


def test_a_camera_that_is_not_there_is_one_line(srnet):
    pytest.importorskip("av")
    ran = srnet("lift", "--camera", "97", "--device", "cpu")
    assert ran.code == 2 and "no camera 97" in ran.err and "Traceback" not in ran.err
    srnet("lift", "--camera", "0", "--world", "--device", "cpu").refused("--world", "--camera 0")
