"""The Kubeflow component of the step gate."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def gate(
    config: dict,
    code_revision: str,
    dataset: dsl.Input[dsl.Dataset],
    validation: dsl.Input[dsl.Dataset],
    evaluation: dsl.Input[dsl.Artifact],
    decision: dsl.Output[dsl.Artifact],
    page: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
    metrics: dsl.Output[dsl.Metrics],
) -> str:
    """Decide whether the student may be registered: "pass" or "fail"."""
    from dfpt import runtime
    from dfpt.runtime import shown

    inputs = {"dataset": dataset.path, "validation": validation.path, "evaluation": evaluation.path}
    told = (f"{decision.path}/gate.html", page.path)
    figures = runtime.component("gate", config, inputs, {"decision": decision.path}, metrics.path, told)
    for name, value in figures.items():
        metrics.log_metric(name, value)
    shown.summary(decision.path, summary.path)
    return "pass" if figures["passed"] == 1 else "fail"
