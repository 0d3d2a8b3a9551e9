"""What runs again and again: schedules.yaml, in the cluster as recurring runs and on one machine by its own clock."""
