"""Normalizations against the published code: forward, back, flipped and in batches that mix cameras."""

import numpy as np
import pytest

from benchmarks.published.normalizations import NAMES, clips, encode, our_parameters
from srnet_core import normalization

BOXED = NAMES[1:]


@pytest.fixture(scope="module", params=NAMES)
def reference(request, golden_dir):
    """(name, arrays) of one normalization."""
    with np.load(golden_dir / "B_norm" / f"B_norm_{request.param}.npz") as file:
        return request.param, {key: file[key] for key in file.files}


def published_columns(name, parameters):
    """The five unnamed numbers of the published code, from ours."""
    p = dict(zip(normalization.load(name).PARAMETERS, np.moveaxis(parameters.astype(np.float64), -1, 0)))
    depth_mm = 1000 * p["root_depth_m"]
    z_scale = p["fx_px"] / depth_mm + (name == "lcn")
    return z_scale, p["root_depth_m"] / p["fx_px"], p.get("root_x_px"), p.get("root_y_px"), depth_mm


def test_encode(reference):
    name, arrays = reference
    for clip in clips(arrays):
        encoded = encode(name, arrays, clip)
        target = arrays[f"{clip}/out_n3d"]
        if name == "base":  # published: the root keeps its place until training zeroes it
            np.testing.assert_array_equal(encoded.root_cam_m, target[:, 0])
            target = target - target * (np.arange(17) == 0)[:, None]
        np.testing.assert_allclose(encoded.pose_2d, arrays[f"{clip}/out_n2d"], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(encoded.pose_3d, target, rtol=1e-6, atol=1e-6)


def test_parameters(reference):
    name, arrays = reference
    for clip in clips(arrays) if name != "base" else ():
        theirs = np.moveaxis(arrays[f"{clip}/out_params"][:, 0], -1, 0)
        for ours, column in zip(published_columns(name, encode(name, arrays, clip).parameters), theirs):
            if ours is not None:
                np.testing.assert_allclose(ours, column, rtol=1e-6)


def test_decode_comes_back_to_the_input(reference):
    name, arrays = reference
    for clip in clips(arrays):
        encoded, pose = encode(name, arrays, clip), arrays[f"{clip}/in_p3d_m"]
        back = normalization.load(name).decode(encoded.pose_3d, encoded.parameters)
        np.testing.assert_allclose(back, pose - pose[:, :1], atol=1e-6, rtol=0)


def test_decode_as_published(reference):
    name, arrays = reference
    plugin = normalization.load(name)
    places = sorted({key.rsplit("pp_", 1)[0] + "pp_" for key in arrays if key.endswith("pp_pred_in")})
    assert bool(places) == (name != "base")
    for place in places:
        parameters = our_parameters(name, arrays[place + "cam"], arrays[place + "params"])
        for which in ("pred", "gt"):
            ours = plugin.decode_original(arrays[f"{place}{which}_in"], parameters)
            np.testing.assert_allclose(ours, arrays[f"{place}{which}_out"], atol=1e-6, rtol=1e-6, err_msg=place)


def test_flipped_parameters_as_published(reference):
    name, arrays = reference
    for clip in clips(arrays) if name != "base" else ():
        cam, params = (arrays[f"{clip}/flip_pp_{key}"] for key in ("cam", "params"))
        plain, flipped = our_parameters(name, cam, params)
        np.testing.assert_allclose(normalization.load(name).flip_original(plain), flipped, rtol=1e-6)


def test_weak_proj_as_published_misses_the_ground_truth_by_centimetres(golden_dir):
    """The mistake is real, so the two inverses must differ, and only the true one may find the way back."""
    with np.load(golden_dir / "B_norm" / "B_norm_weak_proj.npz") as arrays:
        clip = "S9/Photo/3"
        encoded, pose = encode("weak_proj", arrays, clip), arrays[f"{clip}/in_p3d_m"]
    plugin = normalization.load("weak_proj")
    published = plugin.decode_original(encoded.pose_3d, encoded.parameters)
    off_mm = 1000 * np.linalg.norm(published - (pose - pose[:, :1]), axis=-1)
    assert off_mm.mean() == pytest.approx(64.13155, rel=1e-4)
    assert off_mm.max() == pytest.approx(200.15048, rel=1e-4)
