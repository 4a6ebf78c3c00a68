"""The desk spoken over a unix socket: HTTP, JSON, and server-sent events.

`routes.py` is the table of what can be asked, with `shapes.py` (what a question looks like), `documents.py` (what an answer
looks like) and `openapi.py` (the same for programs); `server.py` answers at the socket that `sockets.py` makes, `feed.py` tells
those who follow, `events.py` is the form of what happens, `problems.py` that of errors; `client.py` is the other end.
May import the pipeline and what is below it, never loop.
"""
