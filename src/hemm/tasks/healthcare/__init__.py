"""Healthcare tasks: medical pictures."""
