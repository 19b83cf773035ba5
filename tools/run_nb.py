"Execute notebooks in place, keeping tidy outputs: `python tools/run_nb.py nbs/04_gru.ipynb …`"
import base64
import io
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

LARGE = 100_000  # bytes from which a picture is stored with a palette


def with_palette(png):
    "The same picture (base64) in 256 colours, if that is smaller"
    with Image.open(io.BytesIO(base64.b64decode(png))) as img, io.BytesIO() as f:
        img.convert('RGB').quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(f, 'PNG', optimize=True)
        small = base64.b64encode(f.getvalue()).decode()
    return small if len(small) < len(png) else png


def shrink(nb):
    "Store large pictures with a palette"
    for data in (o.data for c in nb.cells for o in c.get('outputs', []) if 'data' in o):
        if len(data.get('image/png', '')) > LARGE: data['image/png'] = with_palette(data['image/png'])


def run(fn, folder=None):
    "Execute the notebook `fn` top to bottom in `folder` (its own by default) and write its outputs back"
    nb = nbformat.read(fn, as_version=4)
    for c in nb.cells: c.metadata.pop('execution', None)
    client = NotebookClient(nb, timeout=None, resources={'metadata': {'path': str(folder or fn.parent)}},
                            coalesce_streams=True, record_timing=False, store_widget_state=False)
    try: client.execute()
    finally: shrink(nb); nbformat.write(nb, fn)  # keep the partial outputs when a cell fails


if __name__ == '__main__':
    for fn in map(Path, sys.argv[1:]): run(fn)
