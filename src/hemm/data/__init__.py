"""Where samples come from: sources, safe extraction, and the pack that every run reads."""
