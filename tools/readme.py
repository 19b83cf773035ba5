"""Write README.md from nbs/index.ipynb; figures go to README_files/: `python tools/readme.py`.

With `--check` it writes nothing, and the exit code is 1 if README.md is stale.
"""
import re
import sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parent.parent
README = ROOT/'README.md'


def without_bars(output):
    "An output without its progress bars"
    if output.output_type != 'stream': return output
    return output | {'text': re.sub(r'.*%\|.*\n?', '', output.text)}


def shown(nb):
    "The cells of the index that README shows"
    for c in nb.cells:
        if re.match(r'#\|\s*hide', c.source): continue
        if c.cell_type == 'code':
            c.outputs = [nbformat.from_dict(without_bars(o)) for o in c.outputs]
            if '#| echo: false' in c.source:
                c.source = ''
        yield c


def render():
    "README's text, and its figures as file name → bytes"
    nb = nbformat.read(ROOT/'nbs'/'index.ipynb', as_version=4)
    nb.cells = list(shown(nb))
    where = {'output_files_dir': 'README_files', 'unique_key': 'index'}
    text, res = MarkdownExporter().from_notebook_node(nb, where)
    text = re.sub(r'```python\n\s*```\n', '', text)
    text = re.sub(r'\]\(([\w/]+\.ipynb)\)', r'](nbs/\1)', text)  # from the top level
    return re.sub(r'\n{3,}', '\n\n', text).strip() + '\n', res.get('outputs', {})


def main(check=False):
    "Write README.md, or only say whether it is up to date"
    text, figures = render()
    if check: return README.exists() and README.read_text(encoding='utf-8') == text
    README.write_text(text, encoding='utf-8')
    for name, data in figures.items():
        (ROOT/name).parent.mkdir(exist_ok=True)
        (ROOT/name).write_bytes(data)
    return True


if __name__ == '__main__':
    fresh = main('--check' in sys.argv)
    if not fresh: sys.exit('README.md is not what nbs/index.ipynb says: run `make readme`')
