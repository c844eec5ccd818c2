"""Multimedia tasks: general pictures and text."""
