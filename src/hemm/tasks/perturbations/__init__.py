"""What ``--perturb`` does to a sample's pictures and texts. ``docs/robustness.md`` has the definitions."""
