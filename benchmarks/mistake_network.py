"""Train and measure the network that tells mistakes in keypoints, `srnet_core.inference.mistake_network`.

    python -m benchmarks.mistake_network --mocap FOLDER --output FILE [--steps 12000]

FOLDER is that of `benchmarks.open_weights`, and the people that are left out of training are the same: one of CMU, one
of UI-PRMD, and all of HDM05. Each example is a second of motion seen by a new virtual camera, with bodies, noise and
places of joints varied, and one of the mistakes made in it, or none.
"""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.expected_errors import HELD_OUT, TRAINED_ON
from srnet_core.geometry.mirror import mirror_poses
from srnet_core.inference.mistake_network import FRAMES, JOINTS, KINDS, NONE, build, features, save
from srnet_core.layouts import get_layout
from srnet_core.readers.npz import read_npz
from srnet_core.skeletons.h36m17 import SKELETON

_AT = {name: joint for joint, name in enumerate(get_layout("h36m17").joints)}
_MIRROR = list(SKELETON.mirror)
_SLOWEST, _FASTEST = 2, 6  # of the 50 frames per second of the data, between two frames of a window
_BATCH = 512
_RATE, _DECAY = 1e-3, 1e-3
_FALSE = 0.02  # share of the windows without mistakes that may be blamed, for the numbers that are printed
_MEASURED = 6000
_EXCHANGED = {
    "all sides": ("Hip", "Knee", "Foot", "Shoulder", "Elbow", "Wrist"),
    "legs": ("Hip", "Knee", "Foot"),
    "knees and feet": ("Knee", "Foot"),
    "knees": ("Knee",),
    "feet": ("Foot",),
    "arms": ("Shoulder", "Elbow", "Wrist"),
    "elbows and wrists": ("Elbow", "Wrist"),
    "elbows": ("Elbow",),
    "wrists": ("Wrist",),
}
_OF_ANOTHER = (  # joints that may be another person's
    ("RHip", "RKnee", "RFoot", "LHip", "LKnee", "LFoot"),
    ("Hip", "RHip", "RKnee", "RFoot", "LHip", "LKnee", "LFoot"),
    ("LShoulder", "LElbow", "LWrist", "LHip", "LKnee", "LFoot"),
    ("RShoulder", "RElbow", "RWrist", "RHip", "RKnee", "RFoot"),
    *((f"{side}Shoulder", f"{side}Elbow", f"{side}Wrist") for side in "LR"),
    *((f"{side}Hip", f"{side}Knee", f"{side}Foot") for side in "LR"),
    *((f"{side}Elbow", f"{side}Wrist") for side in "LR"),
    *((f"{side}Knee", f"{side}Foot") for side in "LR"),
)
_LIMBS = _OF_ANOTHER[4:]
_MIXED, _TILTED, _GUESSED = 0.3, 0.12, 0.15  # shares of the examples
_MOST_TILTED_DEG = 100
_SHARES = {NONE: 3.0, "all sides": 3.0, "squeezed in x": 1.5, "two people": 2.0}  # of the examples; 1 for other kinds


def takes_of(mocap: Path, names: Sequence[str], *, held_out: bool) -> list[np.ndarray]:
    """(T, 17, 3) world positions of the people of these data sets that are, or are not, left out of training."""
    found = []
    shortest = (FRAMES - 1) * _FASTEST + 2
    for name in names:
        for subject, actions in read_npz(mocap / name / f"data_3d_{name}.npz")["positions_3d"].items():
            if (subject in HELD_OUT or name not in TRAINED_ON) is not held_out:
                continue
            for positions in actions.values():
                take = np.asarray(positions, np.float32)
                rest = max(0, shortest - len(take))
                found.append(np.concatenate([take, np.repeat(take[-1:], rest, axis=0)]))
    return found


class Examples:
    """Endless batches of windows with and without mistakes."""

    def __init__(self, takes: Sequence[np.ndarray], seed: int):
        self.frames = torch.from_numpy(np.concatenate(takes))
        ends = np.cumsum([len(take) for take in takes])
        span = (FRAMES - 1) * _FASTEST + 1
        self.starts = torch.from_numpy(
            np.concatenate([np.arange(end - len(take), end - span) for end, take in zip(ends, takes)])
        )
        self.weights = torch.from_numpy(
            np.concatenate([np.full(len(take) - span, len(take) ** -0.5) for take in takes])
        )
        self.random = torch.Generator().manual_seed(seed)
        self.shares = torch.tensor([_SHARES.get(kind, 1.0) for kind in KINDS])

    def batch(self, count: int) -> tuple[Tensor, Tensor]:
        """(N, FRAMES, J, 2) windows as `features` takes them, and the (N,) index of the mistake in each."""
        kinds = torch.multinomial(self.shares, count, replacement=True, generator=self.random)
        points = self._noisy(self._seen(self._bodies(count)))
        return self._mistaken(points, kinds), kinds

    def _uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(*shape, generator=self.random)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.random)

    def _log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        return self._uniform(math.log(low), math.log(high), *shape).exp()

    def _bodies(self, count: int) -> Tensor:
        """(N, FRAMES, J, 3) metres around the first root, z up; half are mirrored, joints lie as tools differ."""
        starts = self.starts[torch.multinomial(self.weights, count, replacement=True, generator=self.random)]
        steps = torch.randint(_SLOWEST, _FASTEST + 1, (count,), generator=self.random)
        joints = self.frames[starts[:, None] + steps[:, None] * torch.arange(FRAMES)]
        mirrored = torch.rand(count, generator=self.random) < 0.5
        joints = torch.where(mirrored[:, None, None, None], mirror_poses(joints, _MIRROR), joints)
        mixed = self._share(_MIXED, count)[:, None, None, None]
        joints = torch.where(mixed, _with_upper_body(joints, joints.roll(1, dims=0)), joints)
        self._place_pair(joints, "Hip", 0.8, 1.7, 0.02)
        middle = joints[:, :, [_AT["LHip"], _AT["RHip"]]].mean(dim=2)
        joints[:, :, 0] = 0.7 * middle + 0.3 * joints[:, :, 0] + 0.015 * self._normal(count, 1, 3)
        self._place_pair(joints, "Shoulder", 0.85, 1.25, 0.015)
        across = joints[:, :, _AT["LShoulder"]] - joints[:, :, _AT["RShoulder"]]
        up = joints[:, :, _AT["Thorax"]] - joints[:, :, 0]
        ahead = nn.functional.normalize(torch.linalg.cross(across, up), dim=-1)
        up = nn.functional.normalize(up, dim=-1)
        for name, nearest, farthest, by in (
            ("Neck/Nose", -0.05, 0.12, 0.07),
            ("Head", -0.05, 0.08, 0.08),
            ("Spine", -0.05, 0.05, 0.08),
            ("Thorax", -0.03, 0.03, 0.05),
        ):
            joints[:, :, _AT[name]] += ahead * self._uniform(nearest, farthest, count, 1, 1)
            joints[:, :, _AT[name]] += up * self._uniform(-by, by, count, 1, 1)
        root = joints[:, :, :1].mean(dim=1, keepdim=True)
        return self._tilted((joints - root) * self._uniform(0.75, 1.15, count, 1, 1, 1))

    def _tilted(self, joints: Tensor) -> Tensor:
        """Some of the people lie, lean or hang head down."""
        count = len(joints)
        angle = torch.deg2rad(self._uniform(-_MOST_TILTED_DEG, _MOST_TILTED_DEG, count))
        angle = torch.where(self._share(_TILTED, count), angle, 0.0)[:, None, None]
        x, y, z = joints.unbind(-1)
        return torch.stack([x, y * angle.cos() - z * angle.sin(), y * angle.sin() + z * angle.cos()], dim=-1)

    def _place_pair(self, joints: Tensor, kind: str, least: float, most: float, off_m: float) -> None:
        """Left and right joint nearer together or farther apart, and somewhere else."""
        pair, count = [_AT[f"L{kind}"], _AT[f"R{kind}"]], len(joints)
        middle = joints[:, :, pair].mean(dim=2, keepdim=True)
        wider = middle + (joints[:, :, pair] - middle) * self._uniform(least, most, count, 1, 1, 1)
        joints[:, :, pair] = wider + off_m * self._normal(count, 1, 1, 3)

    def _seen(self, joints: Tensor) -> Tensor:
        """(N, FRAMES, J, 2) by cameras from all sides that mostly look down a little, some of them tilted or rolled."""
        count = len(joints)
        x, y, z = joints.unbind(-1)
        azimuth = self._uniform(0, 2 * math.pi, count)[:, None, None]
        across, depth = x * azimuth.cos() - y * azimuth.sin(), x * azimuth.sin() + y * azimuth.cos()
        usual = (9 * self._normal(count) + 8).clamp(-15, 50)
        pitch_deg = torch.where(self._share(0.1, count), self._uniform(-20, 55, count), usual)
        pitch = torch.deg2rad(pitch_deg)[:, None, None]
        down = -z * pitch.cos() - depth * pitch.sin()
        depth = depth * pitch.cos() - z * pitch.sin()
        shapes = torch.tensor([[1, 9 / 16], [1, 3 / 4], [1, 1], [9 / 16, 1], [3 / 4, 1]])
        shape = shapes[torch.randint(0, len(shapes), (count,), generator=self.random)]
        focal = (0.25 * self._normal(count) + math.log(1.1)).exp().clamp(0.6, 2.0)
        place = self._uniform(-1, 1, count, 2) * shape * torch.tensor([0.375, 0.19]) / focal[:, None]
        distance = self._log_uniform(1.6, 9, count)[:, None, None]
        depth = (depth + distance).clamp(min=0.3)
        flat = torch.stack([across, down], -1) + (place[:, None, None] * distance[..., None])
        points = flat / depth[..., None] * focal[:, None, None, None]
        rolled = torch.where(self._share(0.05, count), self._uniform(-180, 180, count), 3 * self._normal(count))
        roll = torch.deg2rad(rolled)[:, None, None]
        x, y = points.unbind(-1)
        return torch.stack([x * roll.cos() - y * roll.sin(), x * roll.sin() + y * roll.cos()], dim=-1)

    def _share(self, share: float, count: int) -> Tensor:
        return torch.rand(count, generator=self.random) < share

    def _noisy(self, points: Tensor) -> Tensor:
        """Noise of every joint and frame, errors of every joint that last, and some limbs that were guessed."""
        count, size = len(points), _sizes(points)
        guessed = (self._chosen(_LIMBS, count) & self._share(_GUESSED, count)[:, None])[:, None, :, None]
        wrong = 0.08 * self._normal(count, 1, 1, 2) + 0.05 * self._normal(*points.shape)
        points = points + torch.where(guessed, size * wrong, 0.0)
        points = points + size * self._log_uniform(0.001, 0.02, count, 1, 1, 1) * self._normal(*points.shape)
        later = torch.linspace(0, 1, FRAMES)[None, :, None, None]
        lasting = self._normal(count, 1, JOINTS, 2) * (1 - later) + self._normal(count, 1, JOINTS, 2) * later
        return points + size * self._log_uniform(0.001, 0.015, count, 1, 1, 1) * lasting

    def _mistaken(self, points: Tensor, kinds: Tensor) -> Tensor:
        changed = points.clone()
        for kind, names in _EXCHANGED.items():
            order = torch.arange(JOINTS)
            for name in names:
                left, right = _AT[f"L{name}"], _AT[f"R{name}"]
                order[[left, right]] = torch.tensor([right, left])
            where = kinds == KINDS.index(kind)
            changed[where] = points[where][:, :, order]
        for axis, kind in enumerate(("squeezed in x", "squeezed in y")):
            where = kinds == KINDS.index(kind)
            changed[where, :, :, axis] *= self._uniform(0.4, 0.8, int(where.sum()), 1, 1)
        where = kinds == KINDS.index("two people")
        changed[where] = self._two_people(points[where], points.roll(1, dims=0)[where])
        return changed

    def _two_people(self, points: Tensor, others: Tensor) -> Tensor:
        """Some joints of each person are those of somebody else, of about the same size and at about the same place."""
        count, size = len(points), _sizes(points)
        root, other_root = (someone[:, :, :1].mean(dim=1, keepdim=True) for someone in (points, others))
        scale = size / _sizes(others) * (0.15 * self._normal(count, 1, 1, 1)).exp()
        nearby = root + size * torch.tensor([0.25, 0.06]) * self._normal(count, 1, 1, 2)
        chosen = self._chosen(_OF_ANOTHER, count)[:, None, :, None]
        return torch.where(chosen, (others - other_root) * scale + nearby, points)

    def _chosen(self, groups: Sequence[Sequence[str]], count: int) -> Tensor:
        """(N, J) bool: the joints of one of the groups, drawn for each example."""
        masks = torch.zeros(len(groups), JOINTS, dtype=torch.bool)
        for mask, names in zip(masks, groups):
            mask[[_AT[name] for name in names]] = True
        return masks[torch.randint(0, len(masks), (count,), generator=self.random)]


def _with_upper_body(joints: Tensor, others: Tensor) -> Tensor:
    """The legs of each person with the trunk, arms and head of another, who is turned as the legs are."""
    across, other_across = (someone[:, :, _AT["LHip"]] - someone[:, :, _AT["RHip"]] for someone in (joints, others))
    angle = torch.atan2(across[..., 1], across[..., 0]) - torch.atan2(other_across[..., 1], other_across[..., 0])
    x, y, z = (others - others[:, :, :1]).unbind(-1)
    cosine, sine = angle.cos()[..., None], angle.sin()[..., None]
    turned = torch.stack([x * cosine - y * sine, x * sine + y * cosine, z], dim=-1) + joints[:, :, :1]
    upper = torch.tensor([name not in _OF_ANOTHER[1] for name in _AT])
    return torch.where(upper[None, None, :, None], turned, joints)


def _sizes(points: Tensor) -> Tensor:
    """(N, 1, 1, 1) the larger side of the box around a person, median over the frames."""
    return (points.amax(dim=2) - points.amin(dim=2)).amax(dim=-1).median(dim=1).values[:, None, None, None]


def train(examples: Examples, steps: int) -> nn.Sequential:
    """A trained network; a line every tenth of the way."""
    torch.manual_seed(0)
    network = build().train()
    optimizer = torch.optim.AdamW(network.parameters(), _RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    recent = 0.0
    for step in range(1, steps + 1):
        windows, kinds = examples.batch(_BATCH)
        loss = nn.functional.cross_entropy(network(features(windows)), kinds)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        recent += loss.item()
        if step % max(1, steps // 10) == 0:
            print(f"step {step} of {steps}, loss {recent / max(1, steps // 10):.3f}", flush=True)
            recent = 0.0
    return network.eval()


@torch.inference_mode()
def told(network: nn.Module, examples: Examples) -> dict[str, float]:
    """{kind: share of windows with this mistake that are told}, where so many correct ones are blamed for this kind."""
    windows, kinds = examples.batch(_MEASURED)
    logits = network(features(windows)) + network(features(mirror_poses(windows, _MIRROR)))
    found = {}
    for index, kind in enumerate(KINDS[1:], 1):
        odds = logits[:, index] - logits[:, 0]
        limit = torch.quantile(odds[kinds == 0], 1 - _FALSE)
        found[kind] = float((odds[kinds == index] > limit).float().mean())
    return found


def main() -> None:
    """Train, write the weights, and print what a second of motion tells."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mocap", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--output", type=Path, required=True, help="file of the weights, .safetensors")
    parser.add_argument("--steps", type=int, default=12000)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    network = train(Examples(takes_of(asked.mocap, TRAINED_ON, held_out=False), seed=0), asked.steps)
    save(network, asked.output)
    for name in (*TRAINED_ON, "hdm05"):
        shares = told(network, Examples(takes_of(asked.mocap, [name], held_out=True), seed=1))
        print(f"{name}, people left out: {', '.join(f'{kind} {share:.0%}' for kind, share in shares.items())}")


if __name__ == "__main__":
    main()
