"""Fast forms of a model. The definitions in `models/` and `layers/` do not depend on them.

There are two public functions:

- `inference_form(model)`: the model for inference, with folded BatchNorms and bounded memory for clips of any length;
  its method `live()` gives the model frame by frame.
- `training_form(model)`: the model for training, with fused training steps where possible.

The other modules of this package support these two, or compute training steps with them (compiled, as a CUDA graph).
"""

from srnet_core.engine.folded import InferenceForm, inference_form
from srnet_core.engine.fused import TrainingForm, training_form

__all__ = ["InferenceForm", "TrainingForm", "inference_form", "training_form"]
