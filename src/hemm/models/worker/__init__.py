"""Models in a process and an environment of their own, for libraries that do not get on with ours."""
