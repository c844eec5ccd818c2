"""Packs: a source's samples in Parquet, made once, which every run reads."""

from hemm.data.pack.reader import Pack, find_pack, open_pack  # their import path of hemm 0.1.0

__all__ = ["Pack", "find_pack", "open_pack"]
