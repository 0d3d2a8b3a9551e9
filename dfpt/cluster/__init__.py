"""The pipeline on Kubernetes: what each step asks of the cluster, the launcher of many nodes, notifications.

Nothing here changes a step's result: the package is no part of the code revision, its settings of no cache key.
"""
