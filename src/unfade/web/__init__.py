"""The web application: a page, and an HTTP API that does all that the page does.

service.py is the hub: what a server process holds, and what several requests have in common. A request goes
guard -> routes -> service -> ledger, store, queue or sandbox. Jobs are done elsewhere: see `unfade.queue`.

server.py        the server process: a socket, the application, its workers
connections.py   how many connections there are, and how long each may wait
app.py           the application is put together: page, API, health, metrics
guard.py         who may ask, from where, how much
routes/          /api/v1, one function per request, a file for each resource
requests.py      what comes in, and responses.py: what goes out, as OpenAPI shows it
problems.py      what is said when something cannot be done
service.py       THE HUB
downloads.py     what is saved on the visitor's disk
sandbox.py       strangers' files are decoded, in a child process that may die
supervisor.py    worker processes are started, and started again
"""
