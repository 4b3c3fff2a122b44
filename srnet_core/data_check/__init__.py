"""The geometric check of a data set: do its 3D, its 2D, its cameras and its skeleton belong together?

`check_dataset` looks at a few frames of each view: where the cameras see the 3D and where the 2D is, how large people
are, which way is up, which side is left. Where something is wrong it tries the likely reasons and names the one that
makes the data fit.

    from srnet_core import datasets
    from srnet_core.data_check import check_dataset

    dataset = datasets.load("lab", datasets.locate("lab", "data", "gt", "cache"), "gt")
    for finding in check_dataset(dataset).findings:
        print(finding.level, finding.text)
"""

from srnet_core.data_check.check import check_dataset
from srnet_core.data_check.report import ClipFit, DataCheck, Finding

__all__ = ["ClipFit", "DataCheck", "Finding", "check_dataset"]
