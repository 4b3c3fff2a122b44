"""What is trained and measured: trainings, their test sets, networks, kinds of training data, and the order of all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.generalization.structures import STRUCTURES
from srnet_core.config import AugmentConfig, DataConfig, ModelConfig, RunConfig, TrainConfig, replace
from srnet_core.config.augment import AnglesConfig, ViewConfig
from srnet_core.sweep.definition import Cell

NETWORKS = ("srnet", "fc", "lcn", "group")
LETTERS = ("view", "place", "angles", "parts", "bones")
FURTHER = ("tilted", "wide", "joints", "partly")
DATA = ("published", "all", *LETTERS, "ray", *FURTHER)
"""Kinds of training data: as published; all changes together with the input `ray`; each of these alone; all, with
a quarter of the people tilted up to lying and cameras 0.5 to 1.6 times as far away; that with wider joint angles,
in nearly all windows; tilted with joints where other capture systems would put them; and that in seven of ten windows
only, the others being as recorded."""

ACTIONS = (
    "DeepSquat",
    "ShoulderAbduction",
    "SitToStand",
    "HurdleStep",
    "InlineLunge",
    "SideLunge",
    "LegRaise",
    "ShoulderExtension",
    "ShoulderRotation",
    "ShoulderScaption",
)
SEEDS = (1, 2, 3)
_FIRST_ACTIONS = 3
OTHER_NETWORKS = ("gcn", "early_split", "late_fusion", "split_fuse_split", *STRUCTURES)
"""Networks that are compared with those of `NETWORKS` on the training data "all" only."""
_EVERY = 5  # frames: ten per second remain
_LAST_RATE = 0.03  # the last epoch's share of the first learning rate
_TILTED = ViewConfig(tilt_share=0.25, nearest_scale=0.5, farthest_scale=1.6)  # as srnet-open is trained
_WIDE = AnglesConfig(share=0.9, limb_deg=40.0, end_deg=30.0, trunk_deg=20.0)
_RECORDED = 0.3  # of the windows of "partly"
_LEFT_OUT_OF_CMU = "C49"  # a training split needs a test split beside it; this one is not shown


@dataclass(frozen=True)
class TestSet:
    """One column of the tables: errors on it are averaged over the trainings that are measured on it.

    Attributes:
        part: of the training's own stage, "test" or "train"; empty for another data set.
        dataset, folder: of the other data set.
    """

    name: str
    part: str = ""
    dataset: str = ""
    folder: str = ""


UNSEEN_ACTIONS = TestSet("unseen actions", "test")
UNSEEN_CAMERAS = TestSet("unseen cameras", "test")
UNSEEN_PEOPLE = TestSet("unseen people", "test")
KNOWN = TestSet("known data", "train")
TO_HDM05 = TestSet("UI-PRMD to HDM05", dataset="hdm05", folder="hdm05")
TO_CMU = TestSet("UI-PRMD to CMU", dataset="cmu", folder="cmu")
TO_UIPRMD = TestSet("CMU to UI-PRMD", dataset="h36m", folder="uiprmd_h36m")
TEST_SETS = (UNSEEN_ACTIONS, UNSEEN_CAMERAS, UNSEEN_PEOPLE, TO_HDM05, TO_CMU, TO_UIPRMD, KNOWN)


@dataclass(frozen=True)
class Training:
    """Data to train on, and what the network is measured on."""

    name: str
    data: DataConfig
    test_sets: tuple[TestSet, ...]


@dataclass(frozen=True)
class Point:
    """One network, trained once."""

    training: Training
    network: str
    kind: str
    seed: int

    def __str__(self) -> str:
        return f"{self.training.name}, {self.network}, {self.kind}, seed {self.seed}"


def trainings(mocap: Path) -> tuple[Training, ...]:
    """All trainings, the most telling first.

    Args:
        mocap: folder of the folders `uiprmd_h36m`, `cmu` and `hdm05`.
    """
    uiprmd = DataConfig(dataset="h36m", data_dir=str(mocap / "uiprmd_h36m"), downsample=_EVERY)
    cmu = replace(uiprmd, dataset="cmu", data_dir=str(mocap / "cmu"), subjects_test=(_LEFT_OUT_OF_CMU,))
    people = Training("people", uiprmd, (UNSEEN_PEOPLE, TO_HDM05, TO_CMU, KNOWN))
    from_cmu = Training("cmu", cmu, (TO_UIPRMD,))
    actions = [
        Training(name, replace(uiprmd, protocol="cross_action", train_actions=(name,)), (UNSEEN_ACTIONS,))
        for name in ACTIONS
    ]
    cameras = [
        Training(f"camera {n}", replace(uiprmd, protocol="cross_camera", train_cameras=(n,)), (UNSEEN_CAMERAS,))
        for n in range(4)
    ]
    first = (actions[0], people, cameras[0], from_cmu, *actions[1:_FIRST_ACTIONS])
    return (*first, *cameras[1:], *actions[_FIRST_ACTIONS:])


def points(mocap: Path) -> Iterator[Point]:
    """Everything that is trained, in an order in which a table of the points so far is a fair one.

    First the networks side by side, as published and with all changes, on some trainings; then their other seeds; then
    single changes; then the further ones; then the other trainings in the same way.
    """
    every = trainings(mocap)
    number = _FIRST_ACTIONS + 3
    for group in (every[:number], every[number:]):
        for seed in SEEDS:
            for training in group:
                for network in NETWORKS:
                    for kind in DATA[:2]:
                        yield Point(training, network, kind, seed)
        for seed in SEEDS:
            for training in group:
                for kind in (*LETTERS, "ray"):
                    yield Point(training, NETWORKS[0], kind, seed)
        for seed in SEEDS:
            for training in group:
                for network in NETWORKS:
                    for kind in FURTHER:
                        yield Point(training, network, kind, seed)


def points_of_structures(mocap: Path) -> Iterator[Point]:
    """Every structure on the same data, "all", trained on two actions and on people."""
    deep_squat, people, _, _, abduction, *_ = trainings(mocap)
    for seed in SEEDS:
        for training in (deep_squat, people, abduction):
            for network in (*NETWORKS, *OTHER_NETWORKS):
                yield Point(training, network, "all", seed)


def chosen(every: Sequence[Point], **wanted: Sequence[object]) -> list[Point]:
    """The points whose network, kind, seed or training's name is among those wanted; an empty list takes all."""
    values = {"network": lambda p: p.network, "kind": lambda p: p.kind, "seed": lambda p: p.seed}
    values["training"] = lambda p: p.training.name
    return [p for p in every if all(not names or values[of](p) in names for of, names in wanted.items())]


def data_of(point: Point, cache: Path) -> DataConfig:
    """The settings of the stage that a point is trained on."""
    normalization = "ray" if point.kind in ("ray", "all", *FURTHER) else "base"
    return replace(point.training.data, normalization=normalization, cache_dir=str(cache))


def elsewhere(point: Point, test_set: TestSet, mocap: Path, cache: Path) -> DataConfig:
    """The settings of the stage of another data set, all of it for test."""
    return DataConfig(
        dataset=test_set.dataset,
        data_dir=str(mocap / test_set.folder),
        downsample=_EVERY,
        protocol="cross_dataset",
        normalization=data_of(point, cache).normalization,
        cache_dir=str(cache),
    )


def cell_of(point: Point, data: DataConfig, windows: int, steps: int, batch: int, frames: Sequence[int]) -> Cell:
    """The run of a point.

    Args:
        windows: of the training split, mirror images included.
        steps: training steps; every run has this number, to half of an epoch.
        frames: filter widths.
    """
    epochs = max(1, round(steps / -(-windows // batch)))
    train = TrainConfig(
        epochs=epochs,
        batch_size=batch,
        lr_decay=_LAST_RATE ** (1 / epochs),
        test_every=0,
        seed=point.seed,
        device="cpu",
    )
    use: tuple[str, ...] = LETTERS
    if point.kind in ("published", "ray"):
        use = ()
    elif point.kind in LETTERS:
        use = (point.kind,)
    elif point.kind in ("joints", "partly"):
        use = (*LETTERS, "joints")
    view = _TILTED if point.kind in FURTHER else ViewConfig()
    angles = _WIDE if point.kind == "wide" else AnglesConfig()
    recorded = _RECORDED if point.kind == "partly" else 0.0
    augment = AugmentConfig(use=use, recorded_share=recorded, view=view, angles=angles)
    model = ModelConfig(name=point.network, filter_widths=tuple(frames), channels=512)
    return Cell(RunConfig(data, model, train, augment))
