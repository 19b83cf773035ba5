"Execute notebooks in place, keeping tidy outputs: `python tools/run_nb.py nbs/04_gru.ipynb …`"
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def run(fn, folder=None):
    "Execute the notebook `fn` top to bottom in `folder` (its own by default) and write its outputs back"
    nb = nbformat.read(fn, as_version=4)
    for c in nb.cells: c.metadata.pop('execution', None)
    client = NotebookClient(nb, timeout=None, resources={'metadata': {'path': str(folder or fn.parent)}},
                            coalesce_streams=True, record_timing=False, store_widget_state=False)
    try: client.execute()
    finally: nbformat.write(nb, fn)  # keep the partial outputs when a cell fails


if __name__ == '__main__':
    for fn in map(Path, sys.argv[1:]): run(fn)
