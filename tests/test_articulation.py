"""Rigid bones: lengths, rotations, and how near they stay to the joints they follow."""

import io

import numpy as np
import pytest
from support.small_data import moving_poses

from srnet_core.articulation import articulate
from srnet_core.errors import ConfigError
from srnet_core.readers.bvh import read_bvh
from srnet_core.writers.bvh import euler_zxy_deg, write_bvh

Z_UP_TO_Y_UP = [0, 2, 1]


def joints(noise_m: float = 0.0, frames: int = 40) -> np.ndarray:
    rng = np.random.default_rng(3)
    poses = moving_poses(rng, frames).astype(float)
    return poses[..., Z_UP_TO_Y_UP] * [1, 1, -1] + rng.normal(0, noise_m, (frames, 17, 3))


def test_rotations_are_rotations_and_bones_keep_their_length():
    body = articulate(joints(0.02))
    turned = body.rotations @ np.swapaxes(body.rotations, -1, -2)
    np.testing.assert_allclose(turned, np.broadcast_to(np.eye(3), turned.shape), atol=1e-9)
    np.testing.assert_allclose(np.linalg.det(body.rotations), 1, atol=1e-9)
    for child, parent in enumerate(body.parents):
        if parent >= 0:
            length = np.linalg.norm(body.positions_m[:, child] - body.positions_m[:, parent], axis=-1)
            np.testing.assert_allclose(length, np.linalg.norm(body.offsets_m[child]), atol=1e-9)


def test_a_body_that_is_rigid_already_is_followed_exactly():
    first = articulate(joints())
    at = {name: index for index, name in enumerate(first.names)}
    names = ["", "RightUpLeg", "RightLeg", "RightFoot", "LeftUpLeg", "LeftLeg", "LeftFoot", "Spine1", "Spine2", "Head"]
    names += ["", "LeftArm", "LeftForeArm", "LeftHand", "RightArm", "RightForeArm", "RightHand"]
    rigid = joints()
    for joint, name in enumerate(names):
        if name:
            rigid[:, joint] = first.positions_m[:, at[name]]
    again = articulate(rigid)
    followed = [joint for joint, name in enumerate(names) if name]
    assert again.moved_m[:, followed].max() < 1e-9


@pytest.mark.parametrize("noise_m", [0.0, 0.03])
def test_bvh_gives_the_places_back(tmp_path, noise_m):
    body = articulate(joints(noise_m))
    path = tmp_path / "a.bvh"
    with open(path, "wb") as file:
        write_bvh(file, body, 50.0)
    motion = read_bvh(path)
    order = [motion.names.index(name) for name in body.names]
    np.testing.assert_allclose(motion.positions[:, order] / 100, body.positions_m, atol=1e-5)


def test_angles_do_not_jump():
    turn = np.radians(np.linspace(0, 720, 100))
    zero, one = np.zeros_like(turn), np.ones_like(turn)
    about_y = np.stack([np.cos(turn), zero, np.sin(turn), zero, one, zero, -np.sin(turn), zero, np.cos(turn)], axis=-1)
    angles = euler_zxy_deg(about_y.reshape(-1, 3, 3))
    np.testing.assert_allclose(angles[:, 2], np.linspace(0, 720, 100), atol=1e-6)


def test_gaps_and_other_skeletons_are_refused():
    with pytest.raises(ConfigError, match="every joint in every frame"):
        broken = joints()
        broken[3, 4] = np.nan
        articulate(broken)
    with pytest.raises(ConfigError, match="17 joints"):
        articulate(np.zeros((3, 15, 3)))
    with pytest.raises(ConfigError, match="no names 'maya'"):
        write_bvh(io.BytesIO(), articulate(joints()), 25, names="maya")
