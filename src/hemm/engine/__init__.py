"""How a run happens: plan, pipeline, results."""
