from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from dfpt.datasets.sources import fingerprint, resolve
from dfpt.errors import UsageError

RANDOM = np.random.default_rng(0)


def picture(colour: bool = False, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (9, 9, 3) if colour else (9, 9), np.uint8)).save(buffer, kind)
    return buffer.getvalue()


def as_hugging_face_writes(
    path: Path, images: Sequence[dict[str, Any]], labels: Sequence[int | None], names: list[str], **others: Any
) -> None:
    """The schema and the metadata that ``datasets.Dataset.to_parquet`` gives an Image and a ClassLabel feature."""
    features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
    schema = pa.schema(
        [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())]
        + [(name, pa.array(values).type) for name, values in others.items()],
        metadata={"huggingface": json.dumps({"info": {"features": features}})},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": images, "label": labels, **others}, schema=schema), path, row_group_size=2)


def test_images_in_a_struct_and_named_labels_are_read_row_by_row(tmp_path: Path) -> None:
    contents = [picture() for _ in range(5)]
    images = [{"bytes": content, "path": f"{row}.png"} for row, content in enumerate(contents)]
    as_hugging_face_writes(tmp_path / "x.parquet", images, [1, 0, 1, 1, 0], ["sound", "crack"], day=list("abcde"))
    source = resolve(f"parquet:{tmp_path / 'x.parquet'}")
    assert source.classes == ("sound", "crack")  # in the order of their numbers
    assert [item.label_name for item in source.items] == ["crack", "sound", "crack", "crack", "sound"]
    assert [item.read() for item in source.items] == contents
    assert [item.columns for item in source.items] == [{"day": day} for day in "abcde"]
    assert [item.id for item in source.items[:2]] == ["x/000000", "x/000001"]
    assert {item.split for item in source.items} == {None}
    assert source.channels == 1


def test_shards_in_a_folder_are_split_by_their_names_and_one_colour_image_makes_three_channels(tmp_path: Path) -> None:
    for shard in ("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001", "test/part-0"):
        image = {"bytes": picture(colour=shard.startswith("test")), "path": None}
        as_hugging_face_writes(tmp_path / f"{shard}.parquet", [image], [0], ["a", "b"])
    source = resolve(f"parquet:{tmp_path}")
    assert [(item.id, item.split) for item in source.items] == [
        ("test/part-0/000000", "test"),
        ("train-00000-of-00002/000000", "train"),
        ("train-00001-of-00002/000000", "train"),
        ("validation-00000-of-00001/000000", "val"),
    ]
    assert source.channels == 3


def test_labels_as_texts_plain_bytes_and_ids_are_taken(tmp_path: Path) -> None:
    table = {"id": ["p", "q"], "img": [picture(), picture(kind="JPEG")], "label": ["ok", "crack"]}
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    source = resolve(f"parquet:{tmp_path}")
    assert source.classes == ("crack", "ok")
    assert [(item.id, item.label_name) for item in source.items] == [("p", "ok"), ("q", "crack")]


def test_numbers_without_names_are_classes_in_their_order(tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": [picture()] * 3, "label": [10, 9, 2]}), tmp_path / "x.parquet")
    assert resolve(f"parquet:{tmp_path}").classes == ("2", "9", "10")


def test_paths_are_read_below_the_folder_and_never_outside(tmp_path: Path) -> None:
    content = picture()
    for place in (tmp_path / "data" / "images" / "a.png", tmp_path / "secret.png"):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    paths = ["images/a.png", "../secret.png", str(tmp_path / "secret.png"), "images/gone.png", None, "images/a\0.png"]
    pq.write_table(pa.table({"image": paths, "label": ["x"] * 6}), tmp_path / "data" / "x.parquet")
    items = resolve(f"parquet:{tmp_path / 'data'}").items
    assert items[0].read() == content
    for item, reason in zip(
        items[1:], ["leads out", "leads out", "No such file", "has no image", "no path"], strict=True
    ):
        with pytest.raises(OSError, match=reason):
            item.read()


def test_a_row_without_image_or_label_and_a_number_without_a_name_are_kept_for_validate_to_refuse(
    tmp_path: Path,
) -> None:
    images = [{"bytes": None, "path": None}, {"bytes": picture(), "path": None}, {"bytes": picture(), "path": None}]
    as_hugging_face_writes(tmp_path / "x.parquet", images, [0, None, 7], ["a", "b"])
    items = resolve(f"parquet:{tmp_path}").items
    assert [item.label_name for item in items] == ["a", "", "7"]
    with pytest.raises(OSError, match="the row has no image"):
        items[0].read()


def test_a_shard_with_a_wrong_column_is_refused_row_by_row_and_the_others_are_taken(tmp_path: Path) -> None:
    as_hugging_face_writes(tmp_path / "a.parquet", [{"bytes": picture(), "path": None}], [0], ["a"])
    pq.write_table(pa.table({"imagery": [picture()] * 3, "label": [0] * 3}), tmp_path / "b.parquet")
    items = resolve(f"parquet:{tmp_path}").items
    assert [item.refused is None for item in items] == [True, False, False, False]
    assert items[1].refused == "no column of images: its columns are imagery (binary), label (int64)"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"imagery": [b"x"], "label": [0]}, "x.parquet has no column of images: its columns are imagery (binary)"),
        ({"image": [1.5], "label": [0]}, "no column of images: its columns are image (double)"),
        ({"image": [b"x"], "target": [0]}, "no column of labels"),
        ({"image": [b"x"], "label": [[0]]}, "no column of labels"),
    ],
)
def test_a_file_without_the_columns_is_named_with_those_it_has(
    tmp_path: Path, table: dict[str, Any], message: str
) -> None:
    pq.write_table(pa.table(table), tmp_path / "x.parquet")
    with pytest.raises(UsageError) as raised:
        resolve(f"parquet:{tmp_path}")
    assert message in raised.value.message
    assert "image, img" in raised.value.remedy


def test_what_is_no_parquet_file_or_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(UsageError, match=r"x\.parquet is no Parquet file"):
        resolve(f"parquet:{tmp_path}")
    for path in (tmp_path / "gone.parquet", tmp_path / "empty"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match="No Parquet file in"):
            resolve(f"parquet:{path}")


def test_the_fingerprint_follows_the_bytes(tmp_path: Path) -> None:
    found = set()
    for _ in range(2):
        as_hugging_face_writes(tmp_path / "x.parquet", [{"bytes": picture(), "path": None}], [0], ["a"])
        found.add(fingerprint(f"parquet:{tmp_path}"))
    assert len(found) == 2
