"""The index: one row for each answer, in DuckDB, made from what the results folder holds."""
