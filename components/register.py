"""The Kubeflow component of the step register."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def register(
    config: dict,
    code_revision: str,
    student: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Artifact],
    decision: dsl.Input[dsl.Artifact],
    registration: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
):
    """Register the student as a candidate and ask for its approval."""
    from dfpt import runtime

    inputs = {"student": student.path, "evaluation": evaluation.path, "decision": decision.path}
    figures = runtime.component("register", config, inputs, {"registration": registration.path}, metrics.path)
    for name, value in figures.items():
        metrics.log_metric(name, value)
