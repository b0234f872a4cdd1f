"""Runs cases of the Autobahn suite (`kosoku` drives the original ones) against a server, and prints a line for each:
its number and its verdicts, of what was exchanged and of how it ended, with tabs between them.

suite.py ADDRESS CASES... ; each of CASES is a number, or the beginning of some with a `*`, such as `12.1.*`.
"""

import asyncio
import os
import sys

from kosoku import FailureError, run_fuzzingclient


async def main(address, cases):
    try:
        results = await run_fuzzingclient(address, cases, [], concurrency=4)
    except FailureError as failure:
        results = failure.results
    for result in results:
        verdicts = result.behavior.value, result.behavior_close.value
        print(result.case_id, *verdicts, result.result.replace("\n", " "), sep="\t")


asyncio.run(main(sys.argv[1], sys.argv[2:]))
sys.stdout.flush()
# Its threads may abort the interpreter's orderly end, after all is said.
os._exit(0)
