"""The archives are made here byte by byte as the originals are: the Python version as Python 2's cPickle wrote it."""

from __future__ import annotations

import io
import os
import pickle
import shutil
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dfpt.datasets.sources import resolve
from dfpt.errors import UsageError

RANDOM = np.random.default_rng(0)
TEN = [f"thing {number}" for number in range(10)]
FINE, COARSE = [f"fine {number}" for number in range(100)], [f"coarse {number}" for number in range(20)]
BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def python2(value: Any) -> bytes:
    """What Python 2 wrote: texts are byte strings, an array is rebuilt by numpy.core.multiarray."""
    return b"\x80\x02" + _written(value) + b"."


def _written(value: Any) -> bytes:
    if isinstance(value, str):
        return b"U" + bytes([len(value)]) + value.encode()
    if isinstance(value, int):
        return b"K" + bytes([value]) if value < 256 else b"J" + struct.pack("<i", value)
    if isinstance(value, list):
        return b"](" + b"".join(map(_written, value)) + b"e"
    if isinstance(value, dict):
        return b"}(" + b"".join(_written(key) + _written(held) for key, held in value.items()) + b"u"
    shape = b"".join(map(_written, value.shape))
    raw = value.tobytes()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(" + shape + b"t"
        b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    )


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"cifar/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def cifar10(folder: Path, images: int = 3) -> tuple[Path, Path, np.ndarray]:
    """Binary and Python archive of the same images (6, images, 3072)."""
    pixels = RANDOM.integers(0, 256, (6, images, 3072), np.uint8)
    labels = RANDOM.integers(0, 10, (6, images))
    binary = {"batches.meta.txt": "\n".join([*TEN, ""]).encode()}
    python = {"batches.meta": python2({"label_names": TEN, "num_vis": 3072})}
    for number, name in enumerate(BATCHES):
        head = labels[number].astype(np.uint8)[:, None]
        binary[f"{name}.bin"] = np.hstack([head, pixels[number]]).tobytes()
        python[name] = python2({"batch_label": name, "labels": labels[number].tolist(), "data": pixels[number]})
    return packed(folder / "binary.tar.gz", binary), packed(folder / "python.tar.gz", python), pixels


def test_both_versions_give_the_same_images_labels_and_splits(tmp_path: Path) -> None:
    binary, python, pixels = cifar10(tmp_path)
    first, second = (resolve(f"cifar10:{path}") for path in (binary, python))
    assert first.classes == second.classes == tuple(TEN)
    assert first.channels == 3
    assert [(item.id, item.split, item.label_name) for item in first.items] == [
        (item.id, item.split, item.label_name) for item in second.items
    ]
    assert [item.read() for item in first.items] == [item.read() for item in second.items]
    assert [item.split for item in first.items] == ["train"] * 15 + ["test"] * 3
    with Image.open(io.BytesIO(first.items[4].read())) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels[1, 1].reshape(3, 32, 32).transpose(1, 2, 0))


def test_an_unpacked_folder_is_read_too(tmp_path: Path) -> None:
    binary, _, _ = cifar10(tmp_path)
    shutil.unpack_archive(binary, tmp_path / "unpacked")
    packed_source, unpacked = resolve(f"cifar10:{binary}"), resolve(f"cifar10:{tmp_path / 'unpacked'}")
    assert [item.read() for item in packed_source.items] == [item.read() for item in unpacked.items]


def test_cifar100_has_fine_classes_and_coarse_ones_as_a_slice_in_both_versions(tmp_path: Path) -> None:
    pixels = RANDOM.integers(0, 256, (2, 4, 3072), np.uint8)
    fine, coarse = RANDOM.integers(0, 100, (2, 4)), RANDOM.integers(0, 20, (2, 4))
    names = {"fine_label_names": FINE, "coarse_label_names": COARSE}
    binary = {f"{key}.txt": "\n".join(value).encode() for key, value in names.items()}
    python = {"meta": python2(names)}
    for number, name in enumerate(("train", "test")):
        labels = {"fine_labels": fine[number].tolist(), "coarse_labels": coarse[number].tolist()}
        python[name] = python2({"data": pixels[number], **labels})
        heads = np.stack([coarse[number], fine[number]], 1).astype(np.uint8)
        binary[f"{name}.bin"] = np.hstack([heads, pixels[number]]).tobytes()
    for members in (binary, python):
        source = resolve(f"cifar100:{packed(tmp_path / 'a.tar.gz', members)}")
        assert (source.classes, source.slices) == (tuple(FINE), ("coarse",))
        assert [item.label_name for item in source.items] == [FINE[label] for label in fine.flatten()]
        assert [item.columns["coarse"] for item in source.items] == [COARSE[label] for label in coarse.flatten()]


class Malicious:
    """Pickled, it makes a folder when it is read."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.proof),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_malicious_pickle_is_refused_and_nothing_of_it_runs(tmp_path: Path, protocol: int) -> None:
    proof = tmp_path / "executed"
    pickle.loads(pickle.dumps(Malicious(proof), protocol))  # it works where nobody takes care
    assert proof.is_dir()
    proof.rmdir()
    _, python, _ = cifar10(tmp_path)
    members = {"batches.meta": pickle.dumps({"label_names": TEN, "x": Malicious(proof)}, protocol)}
    with tarfile.open(python) as archive:
        for entry in archive.getmembers():
            stream = archive.extractfile(entry)
            assert stream is not None
            members.setdefault(entry.name.removeprefix("cifar/"), stream.read())
    with pytest.raises(UsageError, match=r"batches\.meta asks for .*mkdir, which no data needs"):
        resolve(f"cifar10:{packed(tmp_path / 'malicious.tar.gz', members)}")
    assert not proof.exists()


@pytest.mark.parametrize(
    "program",
    [
        b"cbuiltins\neval\n(U\x01atR.",
        b"cnumpy\nload\n(U\x01atR.",
        b"cnumpy.core.multiarray\nfromfile\n(U\x01atR.",
        b"cnumpy\nndarray\n}U\x01aK\x01sb.",  # state for the class itself
        b"cnumpy\nndarray\nN}U\x01aK\x01s\x86b.",
        b"K\x01r\xff\xff\xff\xff.",  # a memo index that takes the other interpreter 64 GB
        b"}(U\x04dataK\x01u.",
        b"",
        b"(((",
    ],
)
def test_forged_pickles_end_as_one_message(tmp_path: Path, program: bytes) -> None:
    _, python, _ = cifar10(tmp_path)
    members = dict.fromkeys((*BATCHES, "batches.meta"), b"\x80\x02" + program)
    with pytest.raises(UsageError, match="is damaged or no cifar10 archive"):
        resolve(f"cifar10:{packed(python, members)}")


@pytest.mark.parametrize(
    "array", [np.zeros((3, 3000), np.uint8), np.zeros((2, 3072), np.uint8)], ids=["short rows", "few rows"]
)
def test_pixels_that_do_not_fit_are_named(tmp_path: Path, array: np.ndarray) -> None:
    members = {name: python2({"labels": [0, 1, 2], "data": array}) for name in BATCHES}
    members["batches.meta"] = python2({"label_names": TEN})
    with pytest.raises(UsageError, match="data_batch_1 has 3 labels and pixels of shape"):
        resolve(f"cifar10:{packed(tmp_path / 'a.tar.gz', members)}")


def test_an_incomplete_or_wrong_archive_is_named(tmp_path: Path) -> None:
    binary, _, _ = cifar10(tmp_path)
    with pytest.raises(UsageError, match=r"no complete cifar100 archive: it lacks train, test"):
        resolve(f"cifar100:{binary}")
    binary.write_bytes(binary.read_bytes()[:2000])
    with pytest.raises(UsageError, match="no tar archive or a damaged one"):
        resolve(f"cifar10:{binary}")
    with pytest.raises(UsageError, match="No such file"):
        resolve(f"cifar10:{tmp_path / 'gone.tar.gz'}")
    members = {f"{name}.bin": b"\0" * 3073 for name in BATCHES} | {"batches.meta.txt": b"a\nb\n"}
    members["test_batch.bin"] += b"\0"
    with pytest.raises(UsageError, match=r"test_batch\.bin is cut off"):
        resolve(f"cifar10:{packed(tmp_path / 'b.tar.gz', members)}")


def test_links_and_hostile_paths_in_an_archive_lead_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"\0" * 3073)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        for name in (*(f"{batch}.bin" for batch in BATCHES), "batches.meta.txt"):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, str(secret)
            archive.addfile(entry)
    with pytest.raises(UsageError, match="it lacks"):
        resolve(f"cifar10:{tmp_path / 'a.tar.gz'}")
