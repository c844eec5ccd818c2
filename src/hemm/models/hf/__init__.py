"""Models in the transformers format, in this process. Nothing here imports torch before a model starts."""
