"""The fast forms of a model. The definition in `models/` and `layers/` knows nothing of them.

There are two doors:

- `inference_form(model)`: the model for inference, BatchNorm folded, with bounded memory for clips of any length;
  its `.live()` is the model frame by frame.
- `training_form(model)`: the model for training, whose steps are fused where that is possible.

Everything else in this folder serves one of the two, or the training step built on them (compiled, as a CUDA graph).
"""

from srnet_core.engine.folded import InferenceForm, inference_form
from srnet_core.engine.fused import TrainingForm, training_form

__all__ = ["InferenceForm", "TrainingForm", "inference_form", "training_form"]
