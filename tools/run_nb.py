"""Execute notebooks in place, keeping tidy outputs: `python tools/run_nb.py nbs/08_gru.ipynb …`

While a notebook runs, the terminal shows the time since the start, the cell and its section, and
the text that the cell prints, progress bars included.
"""
import base64
import io
import re
import sys
import time
from pathlib import Path

import nbformat
import zmq
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image
from traitlets.config import Config

LARGE = 100_000     # bytes from which a picture is stored with a palette
EVERY = 30          # seconds between two states of a progress bar, if no terminal shows it


def with_palette(png):
    "The same picture (base64) in 256 colours, if that is smaller"
    with Image.open(io.BytesIO(base64.b64decode(png))) as img, io.BytesIO() as f:
        small = img.convert('RGB').quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(f, 'PNG', optimize=True)
        encoded = base64.b64encode(f.getvalue()).decode()
    return encoded if len(encoded) < len(png) else png


def shrink(nb):
    "Store large pictures with a palette"
    for data in (o.data for c in nb.cells for o in c.get('outputs', []) if 'data' in o):
        png = data.get('image/png', '')
        if len(png) > LARGE:
            data['image/png'] = with_palette(png)


def duration(seconds):
    "Minutes and seconds, as 3:05, or with hours, as 1:02:33"
    minutes, s = divmod(int(seconds), 60)
    hours, m = divmod(minutes, 60)
    return f'{hours}:{m:02}:{s:02}' if hours else f'{m}:{s:02}'


def sections(nb):
    "For each cell the last heading above it"
    found, heading = [], 'Start'
    for c in nb.cells:
        if c.cell_type == 'markdown':
            text = re.sub(r'^```.*?^```', '', c.source, flags=re.M | re.S)
            heading = (re.findall(r'^#{1,6} +(.+)$', text, flags=re.M) or [heading])[-1]
        found.append(heading)
    return found


class Live:
    "Text that comes in pieces: a terminal shows it as it comes, a log gets whole lines"
    def __init__(self, out):
        self.out, self.terminal = out, out.isatty()
        self.line, self.shown = '', time.monotonic()

    def write(self, text):
        "Show a piece of text, in which `\\r` goes back to the start of the line"
        for piece in re.findall(r'[\r\n]|[^\r\n]+', text):
            if self.terminal or self.is_due(piece):
                self.out.write(piece if self.terminal else f'{self.line.rstrip()}\n')
            self.line = '' if piece in '\r\n' else self.line + piece
        self.out.flush()

    def is_due(self, piece):
        "Does `piece` end a line for the log? States of a progress bar are lines now and then"
        if not self.line.strip() or piece not in '\r\n': return False
        if piece == '\r' and time.monotonic() - self.shown < EVERY: return False
        self.shown = time.monotonic()
        return True

    def end(self):
        "Finish a line that has been begun"
        if self.line:
            self.write('\n')


class LiveClient(NotebookClient):
    "Executes a notebook, and says where it is and what it prints"
    def __init__(self, nb, **kwargs):
        super().__init__(nb, **kwargs)
        self.on_cell_execute = self.begin
        self.start, self.live, self.sections = time.monotonic(), Live(sys.stdout), sections(nb)
        self.code = [i for i, c in enumerate(nb.cells) if c.cell_type == 'code']

    def begin(self, cell, cell_index):
        "Show the time, the cell and its section"
        self.live.end()
        at = f'cell {self.code.index(cell_index) + 1}/{len(self.code)}'
        spent = duration(time.monotonic() - self.start)
        self.live.write(f'{spent:>7}  {at:<10} {self.sections[cell_index]}\n')

    def output(self, outs, msg, display_id, cell_index):
        "Show what a cell prints, and keep it"
        if msg['msg_type'] == 'stream':
            self.live.write(msg['content']['text'])
        return super().output(outs, msg, display_id, cell_index)


def run(fn, folder=None):
    "Execute `fn` top to bottom in `folder` (its own by default) and write its outputs back"
    fn = Path(fn)
    nb = nbformat.read(fn, as_version=4)
    for c in nb.cells:
        c.metadata.pop('execution', None)
    encrypted = {'transport_encryption': 'auto'} if zmq.has('curve') else {}
    client = LiveClient(
        nb, timeout=None, coalesce_streams=True, record_timing=False, store_widget_state=False,
        resources={'metadata': {'path': str(folder or fn.parent)}},
        config=Config(KernelManager=encrypted))
    try:
        client.execute()
    except CellExecutionError as e:
        sys.exit(f'{fn.name}: {e}')
    finally:    # the outputs before a failure are kept
        client.live.end()
        shrink(nb)
        nbformat.write(nb, fn)
    client.live.write(f'{duration(time.monotonic() - client.start):>7}  executed {fn.name}\n')


if __name__ == '__main__':
    for name in sys.argv[1:]:
        run(name)
