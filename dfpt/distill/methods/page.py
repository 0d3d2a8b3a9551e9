"""The table of methods as docs/methods.md shows it: ``python -m dfpt.distill.methods.page`` prints it anew."""

from __future__ import annotations

from dfpt.distill.methods import METHODS


def table() -> str:
    """A row for each method: its source, what it needs beyond student and labels, its options with their defaults."""
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
    return "\n".join(lines)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)


if __name__ == "__main__":
    print(table())
