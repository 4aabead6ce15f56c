"""The web application: a page, and an HTTP API that does all that the page does.

app.py         the server is put together: page, API, health, metrics
api.py         /api/v1, one function per request        options.py, answers.py   what goes in and out, as OpenAPI shows it
guard.py       who may ask, from where, how much         problems.py              what is said when something cannot be done
jobs.py        A WEB JOB IS RUN: the queue, and the one place here that runs the pipeline
ledger.py      which photographs and jobs there are, and how far they have come: it outlives every process
table.py       the ledger's rows, in SQLite or Redis      store.py                 files, in a folder or at any fsspec URL
darkroom.py    strangers' files are decoded, in a child process that may die      views.py  tiles for the pan-and-zoom view
objects.py     a mask's pieces, one by one
supervisor.py  worker processes are started, and started again
"""
