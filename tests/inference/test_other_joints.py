"""Networks that see the 17 joints of COCO and predict the 15 of HumanEva, as VideoPose3D published one."""

import numpy as np
import pytest
import torch
from keypoint_files import person

import srnet_core as srnet
from srnet_core.errors import ArrayError, ConfigError
from srnet_core.inference.lifter import Lifter
from srnet_core.layouts import get_layout
from srnet_core.normalization import base
from srnet_core.skeletons import humaneva15

SIZE = (640, 480)
CLIP = person("coco17")[..., :2].astype(np.float32)


@pytest.fixture
def network(tmp_path):
    """(path, model): a file of VideoPose3D's form, with weights by chance."""
    torch.manual_seed(0)
    model = srnet.build_model("fc", filter_widths=(3, 3), channels=16, num_joints_out=15, negative_slope=0.0)
    torch.save({"epoch": 1, "lr": 1e-3, "model_pos": model.state_dict(), "optimizer": {}}, tmp_path / "hv.bin")
    return tmp_path / "hv.bin", model.eval()


def test_the_poses_are_those_of_the_network(network):
    path, model = network
    lifter = Lifter.from_checkpoint(path, device="cpu", flip=False)
    assert lifter.seen.joint_names == get_layout("coco17").joints
    assert lifter.skeleton.joint_names == humaneva15.JOINTS
    poses_m = lifter(CLIP, image_size=SIZE)
    assert poses_m.shape == (len(CLIP), 15, 3)
    encoded = torch.from_numpy(base.encode_2d(CLIP, image_size=SIZE))
    padded = torch.cat([encoded[:1].repeat(4, 1, 1), encoded, encoded[-1:].repeat(4, 1, 1)])
    with torch.inference_mode():
        np.testing.assert_allclose(poses_m, model(padded[None])[0], atol=1e-5)


def test_mirrored_keypoints_give_mirrored_poses(network):
    lifter = Lifter.from_checkpoint(network[0], device="cpu")
    mirrored = (CLIP * np.float32([-1, 1]) + np.float32([SIZE[0], 0]))[:, list(lifter.seen.mirror)]
    poses_m = lifter(CLIP, image_size=SIZE)
    expected = (poses_m * [-1, 1, 1])[:, list(lifter.skeleton.mirror)]
    np.testing.assert_allclose(lifter(mirrored, image_size=SIZE, check="off"), expected, atol=1e-5)


def test_wrong_keypoints_are_told_by_the_names_of_the_joints_seen(network):
    lifter = Lifter.from_checkpoint(network[0], device="cpu")
    with pytest.raises(ArrayError, match=r"\(frames, 17, 2\)"):
        lifter(CLIP[:, :15], image_size=SIZE)
    lost = CLIP.copy()
    lost[2, 16] = np.nan
    with pytest.raises(ArrayError, match="right_ankle"):
        lifter(lost, image_size=SIZE)
    with pytest.raises(ConfigError, match="predicts 15 of 17 joints"):
        lifter.stream(image_size=SIZE)
