"""Trajectory networks and semi-supervised training as a user types them."""

from pathlib import Path

from support.small_data import write_published

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "balancing.npz"
SMALL = ("--dataset", "small", "--data-dir", "data", "--subjects-test", "C", "--arch", "1,1,1", "--channels", "16")
QUICK = ("--epochs", "1", "--batch-size", "64", "--device", "cpu")


def test_a_trajectory_network_is_trained_measured_and_used(srnet):
    write_published(Path("data"), "small", takes={"Walk": 24, "Sit": 12})
    trained = srnet("train", *SMALL, *QUICK, "--norm", "ray", "--model", "trajectory", "--name", "path").ok()
    assert "Error of the root joint in camera space" in " ".join(trained.out.split())
    measured = srnet("eval", "path", "--data-dir", "data", "--by", "camera", "--device", "cpu").ok()
    assert "MPJPE" in measured.out and "% of the distance" in " ".join(measured.out.split())
    used = ("lift", EXAMPLE, "--person", "1", "--device", "cpu")
    srnet(*used, "--trajectory-network", "path", "-o", "path.npz").ok()
    srnet(*used, "--trajectory-network", "path", "--world").refused("--trajectory-network", "--world")
    srnet(*used, "--checkpoint", "checkpoint/latest_epoch_path.bin").refused("no whole pose")


def test_semi_supervised_training(srnet):
    write_published(Path("data"), "small", takes={"Walk": 24, "Sit": 12})
    semi = ("--subjects-unlabeled", "B", "--warmup", "0", "--model", "fc", "--name", "semi")
    trained = srnet("train", *SMALL, *QUICK, *semi).ok()
    assert "without the 3D of B" in " ".join(trained.out.split())
    srnet("lift", EXAMPLE, "--person", "1", "--device", "cpu", "--trajectory-network", "semi", "-o", "a.json").ok()
    srnet("train", *SMALL, *QUICK, "--subjects-unlabeled", "D", "--force", "--name", "semi").refused("D")
