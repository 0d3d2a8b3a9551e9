"""``dfpt bench distill``: which method teaches this student best, by how much, and how sure is that?

*screen*: on one development partition every method gets the same number of trials, selected on validation images.
*confirm*: on partitions whose seeds stood here before the search, the best few with the setting that they were
screened with, every test image asked once for each partition and seed. *ablate*: ours with one decision changed.
*gap*: whether ours gains most where teacher and student differ most. Every cell's answers are stored, image by image;
every figure of the summary is computed from them.
"""

from dfpt.bench.distill.ablation import ablate
from dfpt.bench.distill.confirmation import confirm
from dfpt.bench.distill.gap import sweep
from dfpt.bench.distill.repetition import rerun
from dfpt.bench.distill.screening import screen
from dfpt.bench.distill.suites import SUITES, Suite, make_images, quick
from dfpt.bench.distill.summary import summarise

__all__ = ["SUITES", "Suite", "ablate", "confirm", "make_images", "quick", "rerun", "screen", "summarise", "sweep"]
