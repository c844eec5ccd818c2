"""What is kept: journal, sealed parts, run.json, and reading them back."""
