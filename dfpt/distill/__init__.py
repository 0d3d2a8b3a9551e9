"""DFPT-KD (arXiv 2506.18244): the prompt-based second forward path of a frozen teacher, and the losses round it."""
