"""Science tasks: remote sensing, chemistry, species, school science."""
