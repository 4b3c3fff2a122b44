"""A network that lifts live, with what turns pixels into its input and its output into metres."""

from dataclasses import dataclass

from srnet_core import normalization as normalizations
from srnet_core.body import BodySize
from srnet_core.checkpoint import require_whole_poses
from srnet_core.engine import InferenceForm, inference_form
from srnet_core.errors import ConfigError
from srnet_core.geometry.skeleton import Skeleton
from srnet_core.models.pose_model import PoseModel
from srnet_core.normalization import Normalization


@dataclass(frozen=True)
class StreamNetwork:
    """What all streams of a lifter share.

    Attributes:
        form: the network in its fastest form.
        skeleton: its joints.
        normalization: how keypoints are encoded and poses decoded.
        body_size: to estimate the root's depth frame by frame, if it is needed and not given.
    """

    form: InferenceForm
    skeleton: Skeleton
    normalization: Normalization
    body_size: BodySize | None = None


def stream_network(network: "PoseModel | InferenceForm | StreamNetwork") -> StreamNetwork:
    """A network as streams take it. A model alone has its own skeleton and the normalization "base".

    Raises:
        ConfigError: the network has no skeleton, or predicts fewer joints than its input has.
    """
    known = network if isinstance(network, StreamNetwork) else _alone(inference_form(network))
    require_whole_poses(known.form)
    return known


def _alone(form: InferenceForm) -> StreamNetwork:
    require_whole_poses(form)
    if form.skeleton is None:
        raise ConfigError("the network has no skeleton", where="skeleton", todo="Give the skeleton")
    return StreamNetwork(form, form.skeleton, normalizations.load("base"))
