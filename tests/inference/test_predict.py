"""Predictions for whole clips: where the cores are used."""

import torch

from srnet_core.inference import predict
from srnet_core.inference.predict import decode_mean, predict_normalized
from srnet_core.models import build_model
from srnet_core.normalization import load
from srnet_core.skeletons.h36m17 import SKELETON


def test_small_arrays_stay_on_one_core_and_the_caller_keeps_its_threads(monkeypatch):
    threads = {}

    def noting(name, function):
        def call(*arguments):
            threads.setdefault(name, set()).add(torch.get_num_threads())
            return function(*arguments)

        return call

    class Network:
        receptive_field = 1
        config = build_model("srnet", filter_widths=(1,), channels=60).config

        def __call__(self, x):
            threads["network"] = {torch.get_num_threads()}
            return torch.zeros(*x.shape[:3], 3)

    monkeypatch.setattr(predict, "inference_form", lambda model: model)
    for name in ("pad_edges", "mirror_poses", "_decode_mean"):
        monkeypatch.setattr(predict, name, noting(name, getattr(predict, name)))
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        outputs = predict_normalized(Network(), torch.zeros(1, 9, 17, 2), SKELETON.mirror, flip=True)
        decode_mean(load("base"), outputs, torch.ones(1, 9, 0))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert threads == {"pad_edges": {1}, "mirror_poses": {1}, "_decode_mean": {1}, "network": {2}}
