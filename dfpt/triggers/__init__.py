"""What asks for a retraining by itself: new data, drift, age, a run before it, a signed call. Nothing here trains."""
