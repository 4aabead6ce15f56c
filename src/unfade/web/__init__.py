"""The web application: a page, and an HTTP API that does all that the page does.

service.py is the hub: what a server process holds, and what several requests have in common. A request goes
guard -> routes -> service -> ledger, store, queue or sandbox; a job goes ledger -> worker -> store.

server.py      the server process: a socket, the application, its workers
app.py         the application is put together: page, API, health, metrics
routes/        /api/v1, one function per request, a file for each resource
service.py     THE HUB                                   downloads.py             what is saved on the visitor's disk
options.py, responses.py    what comes in and goes out, as OpenAPI shows it
guard.py       who may ask, from where, how much         problems.py              what is said when something cannot be done
sandbox.py     strangers' files are decoded, in a child process that may die      brush.py  strokes become a mask
jobs.py        A WEB JOB IS RUN: the queue, and the one place here that runs the pipeline
ledger.py      which photographs and jobs there are, and how far they have come: it outlives every process
table.py       the ledger's rows, in SQLite or Redis     store.py                 files, in a folder or at any fsspec URL
supervisor.py  worker processes are started, and started again
"""
