"""Models in the transformers format, in this process. torch is imported when a model starts."""
