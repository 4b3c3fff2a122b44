import base64
import dataclasses
import hashlib
import json
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srnet_core.errors import ConfigError, UserMistake
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.visualization import _files
from srnet_core.visualization._angles import joint_angles
from srnet_core.visualization._floor import place_on_floor
from srnet_core.visualization._orbit import Orbit, project
from srnet_core.visualization.page import _asset, decode_array, encode_array, render_page, scene_data, write_page

NODE = shutil.which("node")


class Parsed(HTMLParser):
    """Elements with their attributes, and the text inside each kind of element."""

    def __init__(self, page: str):
        super().__init__()
        self.elements, self.texts, self._open = [], {}, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag):
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data):
        if self._open:
            self.texts[self._open[-1]][-1] += data


def embedded(page: str) -> dict:
    parsed = Parsed(page)
    kinds = [attributes.get("type") for tag, attributes in parsed.elements if tag == "script"]
    assert kinds == ["application/json", None]
    return json.loads(parsed.texts["script"][0])["clips"][0]


def test_what_is_embedded_is_what_was_given(make_scene):
    scene = make_scene()
    data, staged = embedded(render_page(scene)), place_on_floor(scene).poses_m
    assert [pose["name"] for pose in data["poses"]] == ["prediction", "ground truth"]
    assert [pose["is_reference"] for pose in data["poses"]] == [False, True]
    assert data["joints"] == list(SKELETON.joint_names) and data["parents"] == list(SKELETON.parents)
    assert data["sides"][:5] == ["middle", "right", "right", "right", "left"]
    for pose in data["poses"]:
        np.testing.assert_allclose(decode_array(pose["points_m"]), staged[pose["name"]], atol=0.5001e-4)
    np.testing.assert_allclose(decode_array(data["keypoints_px"]), scene.keypoints_2d_px, atol=0.0501)
    np.testing.assert_allclose(decode_array(data["poses"][0]["errors_mm"]), scene.errors_mm["prediction"], atol=0.00501)
    assert data["poses"][1]["errors_mm"] is None


@given(st.lists(st.floats(-2e4, 2e4, width=32), max_size=50), st.sampled_from([1e-4, 0.01, 0.1]))
def test_encoding_is_off_by_half_a_step_at_most(values, step):
    encoded = encode_array(np.array(values), step)
    assert np.all(np.abs(decode_array(encoded) - values) <= step * 0.5001)
    small = max(map(abs, values), default=0) < 32767 * step
    assert not small or encoded["dtype"] == "int16"


HOSTILE = [
    "</script><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "<!--<script>",
    "{{data}} {{script}}",
    "\u2028 ]]> \ud800 \\u003c",
    "&lt;b&gt; '\"",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_names_from_outside_stay_text(make_scene, text):
    scene = make_scene(title=text, subtitle=text, poses={text: np.zeros((60, 17, 3))})
    page = render_page(scene)
    assert embedded(page)["poses"][0]["name"] == next(iter(scene.poses))
    parsed, usual = Parsed(page), Parsed(render_page(make_scene()))
    assert parsed.elements == usual.elements
    assert parsed.texts["title"] == parsed.texts["h1"] == [scene.title]
    page.encode("utf-8")


def test_a_page_of_several_clips(make_scene):
    scenes = [make_scene(title=f"clip {i}", label=f"short {i}") for i in range(3)]
    clips = json.loads(Parsed(render_page(scenes)).texts["script"][0])["clips"]
    assert [(clip["title"], clip["label"]) for clip in clips] == [(f"clip {i}", f"short {i}") for i in range(3)]
    assert clips[0]["means_mm"] == {"prediction": pytest.approx(scenes[0].errors_mm["prediction"].mean(), abs=0.006)}
    with pytest.raises(ConfigError, match="1 to 1,000 clips, not 0"):
        render_page([])


def test_expected_errors_are_embedded_and_checked(make_scene):
    scene = make_scene(3)
    assert all(pose["expected_errors_mm"] is None for pose in scene_data(scene)["poses"])
    errors_mm = np.random.default_rng(0).uniform(0, 300, (3, 17))
    scene = dataclasses.replace(scene, expected_errors_mm={"prediction": errors_mm}).section(1, 3)
    embedded = {pose["name"]: pose["expected_errors_mm"] for pose in scene_data(scene)["poses"]}
    np.testing.assert_allclose(decode_array(embedded["prediction"]), errors_mm[1:], atol=0.051)
    assert embedded["ground truth"] is None
    with pytest.raises(ConfigError, match=r"one number per frame and joint, the shape \(2, 17\), not \(2,\)"):
        dataclasses.replace(scene, expected_errors_mm={"prediction": errors_mm[1:, 0]})


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_discs_are_as_large_as_the_expected_errors():
    call = """
      const radii = [], ctx = {save() {}, restore() {}, beginPath() {}, fill() {}, arc: (x, y, r) => radii.push(r)};
      const points = [{x: 0, y: 0, scale: 200}, {x: 1, y: 1, scale: 300}];
      drawExpected(ctx, {expected: [9, 9, 0, 50]}, 1, points, () => "red");
      console.log(JSON.stringify(radii));"""
    done = subprocess.run([NODE, "-e", _asset("view.js") + call], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [0, 15]


def test_angles_are_those_between_limbs(make_scene):
    """A right angle at the knee, and thighs in line with the trunk."""
    scene = make_scene(1)
    angles = {angle["name"]: angle["joints"] for angle in scene_data(scene)["angles"]}
    assert len(angles) == 8
    names = SKELETON.joint_names
    assert [names[j] for j in angles["right knee flexion"]] == ["RHip", "RKnee", "RKnee", "RFoot"]
    assert [names[j] for j in angles["left shoulder elevation"]] == ["Thorax", "Hip", "LShoulder", "LElbow"]
    hand = Skeleton("hand", ("palm", "tip"), (None, "palm"), left=(), right=())
    assert joint_angles(hand) == ()


def test_nothing_is_loaded(make_scene):
    page = render_page(make_scene())
    assert "://" not in page and "@import" not in page and "url(" not in page
    addresses = [a[k] for _, a in Parsed(page).elements for k in ("src", "href", "action") if k in a]
    assert addresses == ["data:,"]  # the icon, which browsers would otherwise ask for


def test_the_policy_admits_only_this_style_and_script(make_scene):
    parsed = Parsed(render_page(make_scene()))
    policy = next(a["content"] for t, a in parsed.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy and "unsafe" not in policy
    for directive, text in (("style-src", parsed.texts["style"][0]), ("script-src", parsed.texts["script"][1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy


def test_badge_of_synthetic_data(make_scene):
    assert '<span class="badge">SYNTHETIC DATA</span>' in render_page(make_scene())
    assert "SYNTHETIC" not in render_page(make_scene(synthetic=False))


def test_size_of_a_minute(make_scene, tmp_path):
    assert write_page(make_scene(3000), tmp_path / "page.html").stat().st_size < 2e6


def test_a_failed_write_leaves_the_old_page(make_scene, tmp_path, monkeypatch):
    path = write_page(make_scene(), tmp_path / "new" / "page.html")
    before = path.read_bytes()

    def full_disk(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("srnet_core.files.os.fsync", full_disk)
    with pytest.raises(UserMistake, match=r"page\.html: cannot be written: No space left"):
        write_page(make_scene(title="another"), path)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == ["page.html"]


def test_a_folder_in_the_way(tmp_path):
    with pytest.raises(UserMistake, match="cannot be written"):
        _files.write_bytes(tmp_path, b"")


@pytest.mark.skipif(NODE is None, reason="node is not installed")
@pytest.mark.parametrize("sunk_m", [0, 0.4])
def test_script_and_python_see_the_same_view(sunk_m):
    points = np.random.default_rng(2).normal(0, 0.6, (40, 3))
    orbit, radius_m, height_m, size, top = Orbit(37, 21, 1.3), 0.8, 1.7, (410, 380), 40
    call = f"""
      const body = {{radius_m: {radius_m}, height_m: {height_m}, depth_m: {sunk_m}}};
      const eye = makeEye({{azimuth: 37, elevation: 21, zoom: 1.3}}, body, {size[0]}, {size[1]}, {top});
      const seen = {points.tolist()}.map((p) => eye(...p));
      console.log(JSON.stringify(seen.map((q) => [q.x, q.y, q.depth])));"""
    done = subprocess.run(
        [NODE, "-e", _asset("view.js") + call], capture_output=True, text=True, check=True, timeout=20
    )
    seen = np.array(json.loads(done.stdout))
    pixels, depth = project(points, orbit, radius_m, height_m, size, top, sunk_m)
    np.testing.assert_allclose(seen, np.concatenate([pixels, depth[:, None]], axis=1), atol=1e-6)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_home_view_is_the_same():
    done = subprocess.run(
        [NODE, "-e", _asset("view.js") + "console.log(JSON.stringify(HOME))"], capture_output=True, text=True
    )
    home = json.loads(done.stdout)
    assert home == {"azimuth": Orbit().azimuth_deg, "elevation": Orbit().elevation_deg, "zoom": Orbit().zoom}


def test_scene_data_is_plain(make_scene):
    data = scene_data(make_scene(1))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
