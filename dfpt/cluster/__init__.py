"""The pipeline on Kubeflow: submitting, watching, schedules."""
