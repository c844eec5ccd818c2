"""Human-computer interaction tasks: screens of apps."""
