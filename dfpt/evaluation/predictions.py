"""predictions.parquet: every test image's label and what each model said of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dfpt.errors import StepFailed

if TYPE_CHECKING:
    import pandas as pd


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (N, K) of logits (N, K), computed in float64. All figures come from these very numbers."""
    exponentials = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def write(path: Path, images: pd.DataFrame, probabilities: dict[str, NDArray[np.float32]]) -> None:
    """Write the columns of ``images`` and one column of float32 lists per model. Equal content gives equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(images.reset_index(drop=True), preserve_index=False).replace_schema_metadata()
    for model, values in probabilities.items():
        flat = pa.array(np.ascontiguousarray(values, dtype=np.float32).ravel())
        table = table.append_column(model, pa.FixedSizeListArray.from_arrays(flat, values.shape[1]))
    pq.write_table(table, path)


def read(path: Path, model: str) -> tuple[list[str], NDArray[np.int64], NDArray[np.float32]]:
    """Ids (N), labels (N,) and the probabilities (N, K) of ``model``.

    Raises:
        StepFailed: the file is missing, unreadable, or has no such column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, columns=["id", "label", model])
        probabilities = np.stack(table[model].to_numpy()).astype(np.float32)
        if probabilities.ndim != 2:
            raise ValueError("an image without an answer")
        return table["id"].to_pylist(), table["label"].to_numpy().astype(np.int64), probabilities
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise StepFailed(f"Cannot read the predictions of {model} in {path}: {error}", "Run evaluate again.") from error
