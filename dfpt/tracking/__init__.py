"""What MLflow is told of a run: figures, settings, evidence, lineage."""
