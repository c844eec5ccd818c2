"""``python -m hemm.cli`` is ``hemm``."""

from hemm.cli import main

main()
