"""The explorer: a local web app over a folder of results. ``app.make_app`` makes it, ``hemm serve`` runs it.

It reads and never writes below the folder. Pages are rendered on the server and work without scripts.
"""
