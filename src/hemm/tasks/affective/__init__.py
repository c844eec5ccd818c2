"""Affective computing tasks: memes, cartoons, faces."""
