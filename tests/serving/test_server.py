"""The server of the live page: what it serves, whom it answers, and what it refuses."""

import http.client
import json
import threading

import pytest
from support.lifters import clip_px, make_lifter

from srnet_core.errors import InputFileMissing, SrnetError
from srnet_core.layouts import get_layout
from srnet_core.live.people import LiveLifter
from srnet_core.serving.server import LINES_TYPE, MOST_BODY_BYTES, Served, make_server, page_files


@pytest.fixture
def port(tmp_path):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "pose.js").write_text("1")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "bundle" / "link.js").symlink_to(tmp_path / "secret")
    lifter = make_lifter(causal=True)

    def make():
        return LiveLifter(lifter, layout=get_layout("h36m17"), image_size=(1000, 1002))

    files = page_files(b"model", {"joints": []}, tmp_path / "bundle")
    server = make_server(Served(files, make), "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def ask(port, method, path, body=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer, content


def test_the_page_and_its_files(port):
    for path, kind in {"/": "text/html", "/app.js": "text/javascript", "/bundle/pose.js": "text/javascript"}.items():
        answer, content = ask(port, "GET", path)
        assert answer.status == 200 and answer.getheader("Content-Type").startswith(kind) and content
        policy = answer.getheader("Content-Security-Policy")
        assert "default-src 'none'" in policy and "connect-src 'self'" in policy and "http" not in policy
    assert ask(port, "GET", "/model.onnx")[1] == b"model"
    assert json.loads(ask(port, "GET", "/about.json")[1])["bundle"] == ["pose.js"]


@pytest.mark.parametrize("path", ["/../secret", "/bundle/../../secret", "/bundle/link.js", "/bundle/%2e%2e/secret"])
def test_nothing_else_is_served(port, path):
    answer, content = ask(port, "GET", path)
    assert answer.status == 404 and b"secret" not in content


@pytest.mark.parametrize(
    ("host", "status"), [("evil.example", 421), ("localhost:1", 200), ("[::1]:80", 200), ("", 421)]
)
def test_a_foreign_name_that_points_here_is_refused(port, host, status):
    assert ask(port, "GET", "/", Host=host)[0].status == status


def test_lines_are_lifted_and_shown(port):
    line = json.dumps({"keypoints": clip_px(1)[0].tolist()}).encode()
    viewer = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    viewer.request("GET", "/events")
    events = viewer.getresponse()
    answer, content = ask(port, "POST", "/lift", line + b"\n\noops\n", Content_Type=LINES_TYPE)
    pose, error = [json.loads(text) for text in content.splitlines()]
    assert answer.status == 200 and len(pose["joints_m"]) == 17 and "not JSON" in error["error"]
    assert events.readline() == b"data: " + content.splitlines()[0] + b"\n"
    assert json.loads(ask(port, "POST", "/start", b"", Content_Type=LINES_TYPE)[1])["delay_frames"] == 0
    viewer.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": LINES_TYPE, "Origin": "http://evil.example"}, 403),
        ({"Content_Type": LINES_TYPE, "Content_Length": str(MOST_BODY_BYTES + 1)}, 413),
        ({"Content_Type": LINES_TYPE, "Content_Length": "-1"}, 411),
        ({"Content_Type": LINES_TYPE, "Host": "evil.example"}, 421),
    ],
)
def test_lines_that_are_refused(port, headers, status):
    assert ask(port, "POST", "/lift", b"", **headers)[0].status == status


def test_mistakes(port, tmp_path):
    with pytest.raises(InputFileMissing, match=r"bundle\.sh"):
        page_files(b"", {}, tmp_path / "nowhere")
    with pytest.raises(SrnetError, match="cannot listen there"):
        make_server(Served({}, lambda: None), "127.0.0.1", port)
