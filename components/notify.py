"""The Kubeflow component that tells how a run has ended, and why."""

from kfp import dsl

from components.image import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def notify(status: dsl.PipelineTaskFinalStatus):
    """Write the reason into the log, and tell it to the webhook where there is one."""
    from dfpt.cluster import notify

    notify.tell(status.state, status.pipeline_job_resource_name, status.error_message or "")
