"""Build the site in `_docs` without Quarto: `python tools/docs.py`.

nbdev processes the notebooks, smalldocs (pure Python) lays them out. Between the two, pages get the
names that nbdev links to (`kernels/00_cell.ipynb` becomes `kernels/cell.html`), and signatures and
headings get the form in which they read best.
"""
import os
import re
import shutil
import sys
from base64 import b64decode
from pathlib import Path

from execnb.nbio import read_nb, write_nb
from nbdev.config import get_config
from nbdev.doclinks import _build_modidx, _nbpath2html
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from smalldocs.site import build

FENCED = re.compile(r'^```.*?^```', re.M | re.S)
NUMBERED = re.compile(r'(\]\(|href=")((?:[\w.-]+/)*)\d+[a-zA-Z0-9]*_(\w+\.ipynb)')
PRIVATE = re.compile(r'\[(`[^`]+`)\]\([^)\s]*#(?:[\w.]*\.)?_[a-z]\w*\)')


def comments(m):
    "An argument of a shell command, with its help as a comment"
    ends_line = m[0][-1] != ' '
    return f'{m[1]}{m[2]}, # {m[3]}' + ('' if ends_line else f'\n{m[1]}')


def signature(code):
    "A signature without links and addresses"
    code = re.sub(r'\[(`[^`]+`)\]\([^)]*\)', r'\1', code)
    code = re.sub(r'<(?:function|class) \'?([\w.]+)\'?(?: at 0x\w+)?>', r'\1', code)
    argument = r'^( +)(\w+:\w+) <([^>\n]+)>,(?: (?=\S)|(?=\n))'
    return re.sub(argument, comments, code, flags=re.M)


def plain(md):
    "Markdown without links in links or code, without nbdev's text for a missing docstring"
    md = re.sub(r'\[(\[`[^`]+`\])\([^)]*\)\](?=\()', r'\1', md)   # [[`x`](nbdev's)](ours)
    md = FENCED.sub(lambda m: signature(m[0]), md)
    md = NUMBERED.sub(r'\1\2\3', md)
    md = PRIVATE.sub(r'\1', md)     # nbdev links private names, too, but no page documents them
    return md.replace('*Call self as a function.*', '')


def demoted(md):
    "Headings one level down, outside code"
    parts = re.split(f'({FENCED.pattern})', md, flags=re.M | re.S)
    return ''.join(p if i%2 else re.sub(r'^(#{1,5} )', r'#\1', p, flags=re.M)
                   for i, p in enumerate(parts))


def has_h1(md): return bool(re.search(r'^# ', FENCED.sub('', md), flags=re.M))


def tidy_output(o):
    "One output of a cell: no progress bars, plain Markdown"
    if o.output_type == 'stream':
        o.text = re.sub(r'.*%\|.*\n?', '', ''.join(o.text))
    md = o.get('data', {}).get('text/markdown')
    if md:
        o['data']['text/markdown'] = plain(''.join(md))
    return o


def tidy(path):
    "Give a page one h1, its title, and links and signatures as they read"
    nb = read_nb(path)
    cells = [c for c in nb.cells if c.cell_type == 'markdown']
    for c in cells:
        c.source = plain(c.source)
    if any(has_h1(c.source) for c in cells):    # the title has become front matter
        for c in cells:
            c.source = demoted(c.source)
    for c in nb.cells:
        if c.cell_type != 'code': continue
        outputs = map(tidy_output, c.outputs)
        c.outputs = [o for o in outputs if o.output_type != 'stream' or o.text.strip()]
    write_nb(nb, path)


def rename(cache):
    "Name the pages as nbdev links to them: smalldocs does not read `output-file`"
    names = {}
    for path in cache.rglob('*.ipynb'):
        tidy(path)
        new = path.rename(_nbpath2html(path).with_suffix('.ipynb'))
        names[path.relative_to(cache).as_posix()] = new.relative_to(cache).as_posix()
    yml = cache/'_quarto.yml'
    known = re.sub(r'[\w./-]+\.ipynb', lambda m: names.get(m[0], m[0]), yml.read_text())
    yml.write_text(known)


def with_width(m):
    "An embedded PNG that gives its width to styles.css; pressing a wide one enlarges it"
    width = int.from_bytes(b64decode(m[2][:32])[16:20], 'big')
    press = ' tabindex="0"' if width > 640 else ''
    return f'<img style="--width: {width}px"{press}{m[1]}{m[2]}'


def finish(page, top, site):
    "Make a page's links to the site relative to it, and its pictures as wide as they are"
    up = os.path.relpath(top, page.parent)
    html = page.read_text().replace(f'href="{site}', f'href="{up}/')
    image = r'<img((?: alt="[^"]*")? src="data:image/png;base64,)([^"]+)'
    page.write_text(re.sub(image, with_width, html))


def main():
    "Process the notebooks, name the pages, build the site"
    cfg = get_config()
    cache = cfg.config_path/'_proc'
    shutil.rmtree(cache, ignore_errors=True)    # nbdev 2 never removes stale pages
    refresh_quarto_yml()
    _build_modidx()
    proc_nbs(n_workers=0)
    if not (cache/'_quarto.yml').exists():
        sys.exit('no notebook processed: is a parent folder hidden or named _proc, _docs or _site?')
    rename(cache)
    built = build(cache, quiet=True)
    out, site = cache/cfg.doc_path.name, f'{cfg.doc_host}{cfg.doc_baseurl}/'
    for page in out.rglob('*.html'):
        finish(page, out, site)
    shutil.rmtree(cfg.doc_path, ignore_errors=True)
    shutil.move(out, cfg.doc_path)
    said = [w for w in built.warnings if 'output-file' not in w]
    if said:
        print(*said, sep='\n', file=sys.stderr)
    print('wrote', Path(cfg.doc_path).name)


if __name__ == '__main__':
    main()
