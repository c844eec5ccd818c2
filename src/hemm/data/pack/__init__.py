"""Packs: a source's samples in Parquet, made once, which every run reads."""

from hemm.data.pack.reader import Pack, find_pack, open_pack  # where 0.1.0's pages told to import them from

__all__ = ["Pack", "find_pack", "open_pack"]
