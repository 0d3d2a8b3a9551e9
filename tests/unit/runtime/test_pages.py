from __future__ import annotations

from pathlib import Path

import pytest

from dfpt import runtime
from tests.unit.datasets.pictures import fill


@pytest.mark.parametrize("fit", [True, False])
def test_kubeflow_gets_the_page_of_validate_whether_the_data_is_refused_or_not(tmp_path: Path, fit: bool) -> None:
    for label in ("a", "b") if fit else ("a",):
        fill(tmp_path / "raw" / label, 20)
    place = {name: str(tmp_path / name) for name in ("dataset", "validation", "page", "metrics")}
    data = {"source": f"folder:{tmp_path / 'raw'}", "image_size": 16}
    runtime.component("prepare", {"seed": 0, "data": data}, {}, {"dataset": place["dataset"]}, place["metrics"])
    given = {"validation": {"min_per_class": 2}}
    told = (f"{place['validation']}/validation.html", place["page"])
    arguments = ({"dataset": place["dataset"]}, {"validation": place["validation"]}, place["metrics"], told)
    if fit:
        runtime.component("validate", given, *arguments)
    else:
        with pytest.raises(SystemExit) as ended:
            runtime.component("validate", given, *arguments)
        assert ended.value.code == 3
    page = Path(place["page"]).read_text()
    assert ("Passed" if fit else "Refused") in page
    assert page == (Path(place["validation"]) / "validation.html").read_text()
