"README.md from nbs/index.ipynb; figures go to README_files/"
import re
import sys
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parent.parent


def render():
    "README's text, and its figures as file name → bytes"
    nb = nbformat.read(ROOT/'nbs'/'index.ipynb', as_version=4)
    nb.cells = [c for c in nb.cells if not re.match(r'#\|\s*hide', c.source)]
    for c in nb.cells:
        if c.cell_type != 'code': continue
        if '#| echo: false' in c.source: c.source = ''
        c.outputs = [o for o in c.outputs if not (o.output_type == 'stream' and '%|' in o.text)] + [
            nbformat.v4.new_output('stream', text=re.sub(r'.*%\|.*\n?', '', o.text)) for o in c.outputs if o.output_type == 'stream' and '%|' in o.text]
    text, res = MarkdownExporter().from_notebook_node(nb, {'output_files_dir': 'README_files', 'unique_key': 'index'})
    text = re.sub(r'```python\n\s*```\n', '', text)
    text = re.sub(r'\]\((\w+\.ipynb)\)', r'](nbs/\1)', text)  # links to notebooks: from the top level
    return re.sub(r'\n{3,}', '\n\n', text).strip() + '\n', res.get('outputs', {})


def main(check=False):
    "Write README.md, or only say whether it is up to date"
    text, figures = render()
    stale = not (ROOT/'README.md').exists() or (ROOT/'README.md').read_text(encoding='utf-8') != text
    if check: return not stale
    (ROOT/'README.md').write_text(text, encoding='utf-8')
    for name, data in figures.items():
        (ROOT/name).parent.mkdir(exist_ok=True)
        (ROOT/name).write_bytes(data)
    return True


if __name__ == '__main__': sys.exit(0 if main('--check' in sys.argv) else 'README.md is not what nbs/index.ipynb says: run `make readme`')
