"""Data under version control: DVC keeps the images, git their hashes, MLflow the models made of them."""
