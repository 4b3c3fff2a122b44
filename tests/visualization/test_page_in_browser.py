"""The page in a real browser: what it shows, what keys and buttons do, and that it asks for nothing."""

import json
import re

import numpy as np
import pytest
from support.browser import CHROMIUM, browser

from srnet_core.skeletons.h36m17 import SKELETON
from srnet_core.video import write_mp4
from srnet_core.visualization._theme import DARK, LIGHT
from srnet_core.visualization.footage import Footage
from srnet_core.visualization.page import write_page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH")
WIDE, PHONE = (1440, 900), (390, 844)


@pytest.fixture(scope="module")
def chromium():
    with browser() as page:
        yield page


@pytest.fixture
def shown(chromium, make_scene, tmp_path):
    """Open a page of some clips; the browser must have nothing to complain of in the end."""
    chromium.problems.clear()
    chromium.requests.clear()

    def show(fragment="", *, size=WIDE, dark=False, clips=1, **changes):
        scenes = [make_scene(title=f"Clip {i} <b>&", label=f"take{i}", **changes) for i in range(clips)]
        address = write_page(scenes, tmp_path / "page.html").as_uri() + fragment
        chromium.open(address, width=size[0], height=size[1], dark=dark)
        return chromium, scenes

    yield show
    assert chromium.problems == [] and chromium.requests == []


def text(page, selector):
    return page.run(f"document.querySelector({json.dumps(selector)}).textContent")


def pixels_drawn(page, selector):
    """How many pixels of a canvas are not empty."""
    return page.run(
        f"(() => {{ const c = document.querySelector({json.dumps(selector)});"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; })()"
    )


def test_it_shows_the_errors_that_numpy_finds(shown):
    page, (scene,) = shown("#frame=17&joints=1")
    assert text(page, "h1") == "Clip 0 <b>&"
    spoken = re.fullmatch(r"Frame 17 of 59, prediction ([\d.]+) mm", text(page, "#status"))
    assert float(spoken[1]) == pytest.approx(scene.errors_mm["prediction"][17], abs=0.056)
    rows = page.run(
        "[...document.querySelectorAll('#joints tbody tr')].map((r) => [...r.children].map((c) => c.textContent))"
    )
    gap = 1000 * np.linalg.norm(scene.poses["prediction"] - scene.poses["ground truth"], axis=-1)
    assert [row[0] for row in rows] == list(SKELETON.joint_names)
    np.testing.assert_allclose([float(row[1]) for row in rows], gap[17], atol=0.25)  # roundings to 0.1 mm, one in print
    np.testing.assert_allclose([float(row[2]) for row in rows], gap.mean(0), atol=0.15)


@pytest.mark.parametrize("size", [WIDE, PHONE])
@pytest.mark.parametrize("dark", [False, True])
def test_everything_is_drawn_and_fits(shown, size, dark):
    page, _ = shown("#joints=1&trails=1&angle=left%20knee%20flexion", size=size, dark=dark, clips=2)
    for canvas in ("#panels .flat canvas", "#panels .view", "#chart", "#angle-chart", "#body"):
        assert pixels_drawn(page, canvas) > 100, canvas
    assert page.run("document.documentElement.scrollWidth") <= size[0]
    background = page.run("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(13, 16, 20)" if dark else "rgb(244, 245, 247)")


def test_keys_move_through_the_frames(shown):
    page, _ = shown("#frame=10")
    for key, frame in (("ArrowRight", 11), ("ArrowLeft", 10), ("End", 59), ("Home", 0)):
        page.press(key)
        assert text(page, "#frame-now") == str(frame) and f"frame={frame}" in page.run("location.hash")


def test_it_plays_and_stops(shown):
    page, _ = shown("#frame=0")
    page.press(" ")
    page.wait("+document.getElementById('frame-now').textContent > 2")
    page.press(" ")
    frame = text(page, "#frame-now")
    page.settle()
    assert text(page, "#frame-now") == frame


def test_a_loop_stays_between_its_marks(shown):
    page, _ = shown("#frame=20")
    page.press("l")
    page.run(
        "document.getElementById('scrub').value = 24; document.getElementById('scrub').oninput({target: {value: 24}})"
    )
    page.press("l")
    assert "loop=20-24" in page.run("location.hash")
    page.press("Home")
    page.press(" ")
    seen = page.run(
        "new Promise((done) => { const seen = new Set(); const look = () => {"
        "seen.add(+document.getElementById('frame-now').textContent);"
        "if (seen.size > 5 || performance.now() > 60000) done([...seen]); else requestAnimationFrame(look); }; look();"
        "setTimeout(() => done([...seen]), 1500); })"
    )
    assert set(seen) <= {20, 21, 22, 23, 24} | {0}
    page.press("l")
    assert "loop" not in page.run("location.hash") or page.run("document.body.classList.contains('playing')")


def test_clips_are_listed_found_and_opened(shown):
    page, _ = shown("#clip=2&frame=5", clips=4)
    assert text(page, "h1") == "Clip 2 <b>&" and text(page, "#frame-now") == "5"
    page.run("document.getElementById('clips-search').value = 'TAKE3 clip'")
    page.run("document.getElementById('clips-search').oninput({target: document.getElementById('clips-search')})")
    assert page.run("[...document.querySelectorAll('#clips li')].map((row) => row.hidden)") == [True, True, True, False]
    page.click("#clips li:not([hidden]) button")
    assert text(page, "h1") == "Clip 3 <b>&" and "clip=3" in page.run("location.hash")
    page.press("n")
    assert text(page, "h1") == "Clip 0 <b>&"
    assert page.run("document.querySelectorAll('#panels .panel').length") == 3, "the panels of the clip before are gone"


def test_one_clip_has_no_list(shown):
    page, _ = shown()
    assert page.run("document.getElementById('clips-box').hidden")


def test_a_link_restores_the_view(shown):
    page, _ = shown("#frame=9")
    corner = "document.querySelector('.view').getBoundingClientRect()"
    x, y = page.run(f"[{corner}.x + 40, {corner}.y + 80]")
    page.drag((x, y), (x + 60, y + 20))
    for key in "otj":
        page.press(key)
    page.run("document.getElementById('angle').value = 'right elbow flexion'")
    page.run("document.getElementById('angle').onchange({target: document.getElementById('angle')})")
    page.settle()
    link = page.run("location.hash")
    assert "view=" in link and "overlay=1" in link and "angle=right%20elbow%20flexion" in link
    canvases = "document.querySelectorAll('.panel:not([hidden]) canvas, .chart, #body')"
    drawn = f"[...{canvases}].map((canvas) => canvas.toDataURL())"
    before = page.run(drawn)
    again, _ = shown(link)
    assert again.run("location.hash") == link
    assert again.run(drawn) == before


def test_the_table_is_sorted_by_its_heads(shown):
    page, (scene,) = shown("#frame=3&joints=1")
    page.run("document.querySelectorAll('#joints thead button')[2].click()")
    order = page.run("[...document.querySelectorAll('#joints tbody th')].map((cell) => cell.textContent)")
    gap = np.linalg.norm(scene.poses["prediction"] - scene.poses["ground truth"], axis=-1).mean(0)
    assert order[0] == SKELETON.joint_names[int(gap.argmax())] and order[-1] == SKELETON.joint_names[int(gap.argmin())]
    page.run("document.querySelectorAll('#joints thead button')[2].click()")
    assert text(page, "#joints tbody th") == order[-1]
    assert page.run("document.querySelectorAll('#joints thead th')[2].getAttribute('aria-sort')") == "ascending"


def test_networks_with_names_of_one_beginning_are_told_apart(shown, make_scene):
    poses = make_scene().poses
    named = {"srnet_gp5_t243_mul": poses["prediction"], "srnet_gp5_t243_add": poses["prediction"] + 0.01}
    page, _ = shown("#joints=1", poses={**named, "ground truth": poses["ground truth"]})
    heads = page.run("[...document.querySelectorAll('#panels h2')].map((head) => [head.textContent, head.title])")
    assert heads[1:3] == [["…mul", "srnet_gp5_t243_mul"], ["…add", "srnet_gp5_t243_add"]]
    buttons = page.run("[...document.querySelectorAll('#joints thead button')].map((b) => b.textContent.trim())")
    assert buttons == ["joint", "…mul", "mean", "…add", "mean"]


def test_joint_angles_are_saved_as_a_table(shown):
    page, (scene,) = shown()
    page.run("window.saved = []; URL.createObjectURL = (blob) => (window.saved.push(blob), 'blob:none')")
    page.run("HTMLAnchorElement.prototype.click = function () { window.savedName = this.download; }")
    page.click("#save-csv")
    lines = page.run("window.saved[0].text()").split("\r\n")
    assert page.run("window.savedName").endswith("angles.csv") and len(lines) == 62
    head, first = lines[0].split(","), lines[1].split(",")
    column = head.index('"ground truth: right knee flexion (deg)"')
    hip, knee, foot = (
        scene.poses["ground truth"][0, SKELETON.joint_names.index(n)] for n in ("RHip", "RKnee", "RFoot")
    )
    cosine = np.dot(knee - hip, foot - knee) / np.linalg.norm(knee - hip) / np.linalg.norm(foot - knee)
    assert float(first[column]) == pytest.approx(np.degrees(np.arccos(cosine)), abs=0.1)
    page.click("#save-png")
    page.wait("window.saved.length === 2")
    assert page.run("window.saved[1].type") == "image/png" and page.run("window.saved[1].size") > 5000


def test_names_are_in_full_where_there_is_room(shown, make_scene):
    poses = make_scene().poses
    named = {"open-27": poses["prediction"], "open-1": poses["prediction"] + 0.01}
    page, _ = shown(poses={**named, "ground truth": poses["ground truth"]})
    heads = "[...document.querySelectorAll('#panels h2')].map((head) => head.textContent)"
    assert page.run(heads)[1:] == ["open-27", "open-1", "Ground truth"]


def test_the_video_is_behind_the_keypoints(chromium, make_scene, tmp_path):
    pytest.importorskip("av")
    with open(tmp_path / "v.mp4", "wb") as file:  # from dark to bright, 4 of 255 in each frame
        write_mp4(file, (np.full((64, 64, 3), 4 * number, np.uint8) for number in range(60)), 50.0)
    path = write_page([make_scene(), make_scene()], tmp_path / "page.html", footage=Footage(tmp_path / "v.mp4"))
    chromium.problems.clear()
    corner = (
        "(() => { const c = document.querySelector('.flat canvas');"
        "return c.getContext('2d').getImageData(c.width / 2, c.height / 2 - 120, 1, 1).data[0]; })()"
    )
    for frame in (20, 52):
        chromium.open(f"{path.as_uri()}#frame={frame}")
        wanted = 4 * (frame - frame % 4)  # 50 frames per second, at most 15 pictures: each fourth frame has one
        chromium.wait(f"Math.abs({corner} - {wanted}) < 9", seconds=10)
    chromium.open(f"{path.as_uri()}#clip=1&frame=20")
    assert chromium.run(corner) > 240, "the second clip has no video"
    assert chromium.problems == [] and chromium.requests == []


def test_long_clips_show_their_peaks(shown):
    """30,000 frames in about 1,300 columns of pixels: a single frame of error is seen, and time is in minutes."""
    errors = np.full(30_000, 20.0, np.float32)
    errors[15_000] = 90
    page, _ = shown("#frame=29999", frames=30_000, errors_mm={"prediction": errors})
    high = (
        "(() => { const c = document.getElementById('chart'), x = c.width / 2 + 14;"
        "const d = c.getContext('2d').getImageData(x - 8, 0, 24, c.height * 0.4).data;"
        "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 200; return n; })()"
    )
    assert page.run(high) > 10
    assert text(page, "#seconds") == "9:59.98"


def drawn_colours(page, number):
    """{"r,g,b": pixels} of the 3D view of a pose, in the order of the poses."""
    return page.run(
        f"(() => {{ const view = document.querySelectorAll('.view')[{number}], seen = {{}};"
        "const c = new OffscreenCanvas(view.width, view.height).getContext('2d', {willReadFrequently: true});"
        "c.drawImage(view, 0, 0); const d = c.getImageData(0, 60, view.width, view.height - 60).data;"
        "for (let i = 0; i < d.length; i += 4) { if (d[i + 3] < 255) continue;"
        "const k = `${d[i]},${d[i + 1]},${d[i + 2]}`; seen[k] = (seen[k] || 0) + 1; } return seen; })()"
    )


def rgb(colour):
    return ",".join(str(value) for value in bytes.fromhex(colour[1:]))


@pytest.mark.parametrize(("dark", "theme"), [(False, LIGHT), (True, DARK)])
def test_limbs_have_the_colours_of_their_expected_errors(shown, dark, theme):
    """All joints at 0 mm, and one frame later all at the top of the scale: the colours of its two ends."""
    expected = np.zeros((60, 17))
    expected[1::2] = 200.0
    page, _ = shown("#frame=2", dark=dark, expected_errors_mm={"prediction": expected})
    assert text(page, "#tint-key") == "expected error: 0200 mm" and not page.run(
        "document.getElementById('tint-key').hidden"
    )
    first = drawn_colours(page, 0)
    assert first.get(rgb(theme["tint-0"]), 0) > 300 and rgb(theme["tint-2"]) not in first
    page.press("ArrowRight")
    last = drawn_colours(page, 0)
    assert last.get(rgb(theme["tint-2"]), 0) > 300 and rgb(theme["tint-0"]) not in last
    assert not {rgb(theme[name]) for name in ("tint-0", "tint-2")} & set(drawn_colours(page, 1)), "the truth has none"


def test_the_colours_are_switched_and_stay(shown):
    expected = np.full((60, 17), 90.0)
    page, _ = shown("#frame=2", clips=2, expected_errors_mm={"prediction": expected})
    chosen = "document.getElementById('tint').value"
    assert page.run(chosen) == "expected" and "colour" not in page.run("location.hash")
    page.press("u")
    assert page.run(chosen) == "error" and "colour=error" in page.run("location.hash")
    assert text(page, "#tint-name") == "error: 0"
    page.press("u")
    assert page.run(chosen) == "" and "colour=sides" in page.run("location.hash")
    assert page.run("document.getElementById('tint-key').hidden")
    assert not {rgb(LIGHT[f"tint-{i}"]) for i in range(3)} & set(drawn_colours(page, 0))
    page.press("n")
    assert page.run(chosen) == "", "what was asked for stays"
    link = page.run("location.hash")
    again, _ = shown(link, clips=2, expected_errors_mm={"prediction": expected})
    assert again.run(chosen) == ""


def test_without_expected_errors_the_sides_are_shown_first(shown, make_scene):
    page, (scene,) = shown("#frame=5")
    options = "[...document.getElementById('tint').options].map((one) => one.value)"
    assert page.run(options) == ["", "error"] and page.run("document.getElementById('tint-key').hidden")
    page, _ = shown("#colour=expected", poses={"lifted": scene.poses["prediction"]})
    assert page.run("document.getElementById('tint').closest('label').hidden"), "nothing to choose from"


def test_hostile_links_change_nothing(shown):
    page, _ = shown("#clip=99&frame=1e999&view=NaN,x,2&loop=5-2&colour=constructor&eye=__proto__&angle=<script>")
    assert text(page, "#frame-now") == "0" and text(page, "h1") == "Clip 0 <b>&"
