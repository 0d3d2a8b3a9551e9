"""Have the images of today moved away from those of then? No label is needed.

Both sets are described image by image: statistics of the pixels (:mod:`.statistics`) and, where there is a student,
its answers and its embedding (:mod:`.answers`). All descriptions are compared at once (:mod:`.compare`) by
permutation (:mod:`.permutation`), so that the level of the one decision holds whatever the number of descriptions and
however they hang together.
"""
