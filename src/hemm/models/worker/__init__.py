"""Models in a separate process and environment, for libraries that conflict with hemm's."""
