"""Lines of the live input: what they may hold, which joints are missing, and what is refused in words."""

import json

import numpy as np
import pytest

from srnet_core.errors import SrnetError
from srnet_core.layouts import get_layout
from srnet_core.live.lines import LONGEST_LINE, LineSettings, points_of, read_line

COCO = get_layout("coco17")
PAIRS = [[10.0 * i + 1, 5.0 * i + 1] for i in range(17)]


def points(values, layout=COCO, **more):
    _, frame = read_line(json.dumps({"keypoints": values, **more}).encode())
    return points_of(frame, layout)[0]


@pytest.mark.parametrize(
    "values",
    [
        PAIRS,
        [[*pair, 0.9] for pair in PAIRS],
        [number for pair in PAIRS for number in pair],
        [number for pair in PAIRS for number in (*pair, 0.9)],
    ],
    ids=["pairs", "triples", "flat pairs", "flat triples"],
)
def test_every_form_of_the_same_keypoints(values):
    np.testing.assert_array_equal(points(values), PAIRS)


def test_what_counts_as_missing():
    values = [[*pair, 0.5] for pair in PAIRS]
    values[0], values[1], values[2], values[3] = None, [0, 0, 0.7], [-1, -1, 0.7], [5, 5, 0]
    values[4], values[5], values[6] = [None, 4, 1], [2e6, 3, 1], [0, -3, 0]
    np.testing.assert_array_equal(np.isnan(points(values)[:, 0]), np.arange(17) < 7)
    listed = points(PAIRS, confidence=[0.0, *[1.0] * 16])
    assert np.isnan(listed[0]).all() and np.isfinite(listed[1:]).all()
    assert np.isnan(points([])).all() and np.isnan(points(None)).all() and np.isnan(points([None] * 17)).all()


def test_a_count_that_only_one_layout_has_needs_no_name():
    _, frame = read_line(json.dumps({"keypoints": [[i + 1, 2 * i + 1] for i in range(33)]}).encode())
    assert points_of(frame, None)[1].name == "blazepose33"


def test_settings_with_and_without_a_frame():
    line = {"layout": "BODY_25", "image_size_px": [640, 480], "fps": 25}
    settings, frame = read_line(json.dumps(line).encode())
    assert settings == LineSettings(get_layout("body25"), (640.0, 480.0), 25.0) and frame is None
    settings, frame = read_line(json.dumps({"joints": list(COCO.joints), "keypoints": PAIRS, "person": 7}).encode())
    assert settings.layout == COCO and frame.person == "7" and frame.number is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"hello", "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[1, 2]", "must be a JSON object"),
        (b"{}", 'no "keypoints"'),
        (b'{"keypoints": 3}', "must be lists"),
        (b'{"keypoints": [[1, 2], [3]]}', "joint 1 must be [x, y]"),
        (b'{"keypoints": [[1, "2"]]}', "must be numbers, not text"),
        (b'{"keypoints": [[1, true]]}', "must be numbers, not true or false"),
        (b'{"keypoints": [[1, 1e999]]}', "infinite"),
        (b'{"keypoints": [[1, ' + b"9" * 5000 + b"]]}", "not usable JSON"),
        (b'{"keypoints": [[1, 1' + b"0" * 400 + b"]]}", "infinite"),
        (b'{"keypoints": ' + b"[" * 100_000, "not usable JSON"),
        (b'{"keypoints": [[1, 2]], "frame": 1.5}', "whole number"),
        (b'{"keypoints": [[1, 2]], "person": [1]}', "name or number"),
        (b'{"keypoints": [[1, 2]], "person": "' + b"x" * 101 + b'"}', "at most 100 characters"),
        (b'{"keypoints": [[1, 2], [3, 4]]}', "2 joints, but the layout coco17 has 17"),
        (b'{"keypoints": [1, 2, 3]}', "34 or 51 for coco17"),
        (json.dumps({"keypoints": [[x / 1000, y / 1000] for x, y in PAIRS]}).encode(), "must be pixels"),
        (json.dumps({"keypoints": PAIRS, "confidence": [1]}).encode(), "1 numbers for 17 joints"),
        (b'{"image_size_px": [0, 0]}', "image_size"),
        (b'{"image_size_px": [NaN, 5]}', "image_size"),
        (b'{"fps": -1}', "above 0"),
        (b'{"fps": "fast"}', "must be numbers"),
        (b'{"layout": "coco71"}', "coco71"),
        (b'{"joints": ["a", "b"]}', "joints of a person"),
        (b" " * (LONGEST_LINE + 1), "longer than"),
    ],
    ids=lambda value: value[:24].decode(errors="replace") if isinstance(value, bytes) else "",
)
def test_what_is_refused(line, said):
    with pytest.raises(SrnetError) as refused:
        _, frame = read_line(line)
        points_of(frame, COCO)
    assert said in str(refused.value) and len(str(refused.value)) < 600  # with the names of all layouts


def test_a_count_that_several_layouts_have_is_asked_about():
    _, frame = read_line(json.dumps({"keypoints": PAIRS}).encode())
    with pytest.raises(SrnetError, match="17 joints may be coco17 or .*--layout"):
        points_of(frame, None)
