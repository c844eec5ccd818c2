"""Overlays: what people say of samples, over packs and results that stay as they are."""
