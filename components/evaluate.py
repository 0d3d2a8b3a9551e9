"""The Kubeflow component of the step evaluate."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def evaluate(
    config: dict,
    code_revision: str,
    dataset: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    teacher: dsl.Input[dsl.Model],
    baseline: dsl.Input[dsl.Model],
    student: dsl.Input[dsl.Model],
    path: dsl.Input[dsl.Model],
    evaluation: dsl.Output[dsl.Artifact],
    page: dsl.Output[dsl.HTML],
    confusion: dsl.Output[dsl.ClassificationMetrics],
    metrics: dsl.Output[dsl.Metrics],
):
    """Compute everything that is computed on the test split."""
    from dfpt import runtime
    from dfpt.runtime import shown

    inputs = {
        "dataset": dataset.path,
        "validation": validation.path,
        "teacher": teacher.path,
        "baseline": baseline.path,
        "student": student.path,
        "path": path.path,
    }
    outputs, told = {"evaluation": evaluation.path}, (f"{evaluation.path}/evaluation.html", page.path)
    figures = runtime.component("evaluate", config, inputs, outputs, metrics.path, told)
    for name, value in figures.items():
        metrics.log_metric(name, value)
    confusion.log_confusion_matrix(*shown.confusion_matrix(evaluation.path, confusion.path))
