"""The names of the reader's stages, in the order in which they are tried."""

WHOLE, STRUCTURED, MARKER = "whole", "structured", "final marker"
CONCLUSION, LEADING, ONLY = "conclusion", "leading", "only"
OPEN = "open"
"""Open formats (captions, free text) take the whole answer."""
