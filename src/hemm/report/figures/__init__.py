"""Figures: of a profile as SVG inside the page, of the HEMM paper as files."""
