"""The pipeline as Kubeflow knows it: the graph of components, its compiled form, its run on this machine."""
