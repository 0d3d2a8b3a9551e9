"""The table of methods as docs/methods.md shows it: ``python -m dfpt.distill.methods.page`` prints it anew."""

from __future__ import annotations

from dfpt.config import resolve
from dfpt.distill.methods import METHODS

_PAPER = "DFPT-KD 2025, arXiv 2506.18244"
_OURS = {
    "dfpt-kd": "Dual-forward path teacher: the prompt blocks are trained",
    "dfpt-kd+": "The same, and a copy of the teacher's later stages is trained too",
}


def table() -> str:
    """A row for each method: its source, what it needs beyond student and labels, its options with their defaults.

    Those of DFPT-KD are the keys of ``distillation`` itself, as params.yaml ships them.
    """
    lines = ["| method | what | source | needs | options |", "|---|---|---|---|---|"]
    for name, info in METHODS.items():
        source = (
            f"{info.source.authors.split(',')[0]} et al. {info.source.year}, {info.source.where}"
            if info.source
            else "-"
        )
        options = ", ".join(f"{key} {_short(value)}" for key, value in info.options().model_dump().items())
        lines.append(
            f"| {name} | {info.title} | {source} | {', '.join(sorted(info.needs)) or '-'} | {options or '-'} |"
        )
    shipped = resolve(None, environment={}).distillation.model_dump(exclude={"method", "options"})
    keys = ", ".join(f"{key} {_short(value)}" for key, value in shipped.items())
    lines += [f"| {name} | {title} | {_PAPER} | logits, path | {keys} |" for name, title in _OURS.items()]
    return "\n".join(lines)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)


if __name__ == "__main__":
    print(table())
