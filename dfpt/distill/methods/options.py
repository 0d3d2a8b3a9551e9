"""Types that the methods' hyper-parameters share."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from dfpt.settings import Section, Weight

Temperature = Annotated[float, Field(gt=0, le=100)]


class Weights(Section):
    """Of the two parts that nearly every method has."""

    label: Weight = 1.0  # of the cross-entropy with the labels
    knowledge: Weight = 1.0  # of what the method takes from the teacher
