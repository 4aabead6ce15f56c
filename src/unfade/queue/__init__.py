"""Jobs that outlive every process: photographs wait, are taken by workers, and are finished once.

No web framework is needed.

Whoever submits writes a job into the ledger and sends a message; a worker takes the job under a lease, does
it, and puts what came of it into the store.

ledger.py      THE HUB: which photographs and jobs there are, who holds each under what lease
records.py     what the ledger keeps of each              options.py     what a job may be asked
table.py       the ledger's rows, in SQLite or Redis      store.py       files, in a folder or at a URL
messages.py    huey carries messages to workers; lost ones are sent again
worker.py      a worker process: takes jobs, holds them, gives them back
job.py         what is done to one photograph             stages.py      what previews need not do again
opening.py     the ledger and the store that the settings say
"""
