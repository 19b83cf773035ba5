"Build `_docs` without Quarto: nbdev's own notebook processing, then smalldocs (pure Python)"
import re
import shutil
import sys
from base64 import b64decode

from execnb.nbio import read_nb, write_nb
from nbdev.config import get_config
from nbdev.doclinks import _build_modidx, _nbpath2html
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from smalldocs.site import build


def signature(code):
    "Code of a cell's output, mostly signatures, as it reads: no links, no addresses of this run, what arguments of the shell are for as comments"
    code = re.sub(r'\[(`[^`]+`)\]\([^)]*\)', r'\1', code)
    code = re.sub(r'<(?:function|class) \'?([\w.]+)\'?(?: at 0x\w+)?>', r'\1', code)
    return re.sub(r'^( +)(\w+:\w+) <([^>\n]+)>,(?: (?=\S)|(?=\n))', lambda m: f'{m[1]}{m[2]}, # {m[3]}' + (f'\n{m[1]}' if m[0][-1] == ' ' else ''), code, flags=re.M)


def plain(md):
    "What nbdev linked twice or inside code, without those links, and without what it says of a function that says nothing"
    md = re.sub(r'\[(\[`[^`]+`\])\([^)]*\)\](?=\()', r'\1', md)  # [[`x`](nbdev's)](ours) → [`x`](ours)
    return re.sub(r'^```.*?^```', lambda m: signature(m[0]), md, flags=re.M | re.S).replace('*Call self as a function.*', '')


def demoted(md):
    "Headings one level down, outside code"
    parts = re.split(r'(^```.*?^```)', md, flags=re.M | re.S)
    return ''.join(p if i%2 else re.sub(r'^(#{1,5} )', r'#\1', p, flags=re.M) for i, p in enumerate(parts))


def tidy(f):
    "One h1 on a page, its title; links and signatures as they read"
    nb = read_nb(f)
    cells = [c for c in nb.cells if c.cell_type == 'markdown']
    for c in cells: c.source = plain(c.source)
    if any(re.search(r'^# ', re.sub(r'^```.*?^```', '', c.source, flags=re.M | re.S), flags=re.M) for c in cells):  # the title has become front matter
        for c in cells: c.source = demoted(c.source)
    for c in nb.cells:
        for o in c.get('outputs', []):
            if o.output_type == 'stream': o.text = re.sub(r'.*%\|.*\n?', '', ''.join(o.text))  # progress bars, as in README
            md = o.get('data', {}).get('text/markdown')
            if md: o['data']['text/markdown'] = plain(''.join(md))
        if c.cell_type == 'code': c.outputs = [o for o in c.outputs if o.output_type != 'stream' or o.text.strip()]
    write_nb(nb, f)


def with_width(m):
    "An embedded PNG that says how wide it is, for styles.css; a wide one can be pressed to enlarge it"
    width = int.from_bytes(b64decode(m[2][:32])[16:20], 'big')
    press = ' tabindex="0"' if width > 640 else ''
    return f'<img style="--width: {width}px"{press}{m[1]}{m[2]}'


def main():
    "Process the notebooks, rename the pages as nbdev links them, build the site"
    cfg = get_config()
    cache = cfg.config_path/'_proc'
    shutil.rmtree(cache, ignore_errors=True)  # nbdev 2 never removes stale pages
    refresh_quarto_yml()
    _build_modidx()
    proc_nbs(n_workers=0)
    if not (cache/'_quarto.yml').exists(): sys.exit('nothing processed: is a parent folder hidden (.x) or named _proc, _docs or _site?')
    yml, renamed = (cache/'_quarto.yml').read_text(), {}
    for f in cache.rglob('*.ipynb'):  # smalldocs ignores `output-file`: 00_core.ipynb must become core.html
        new = _nbpath2html(f).with_suffix('.ipynb')
        tidy(f)
        if new != f:
            f.rename(new)
            renamed[f.stem] = new.stem
            yml = yml.replace(f.name, new.name)
    (cache/'_quarto.yml').write_text(yml)
    build(cache, quiet=True)
    out, site = cache/cfg.doc_path.name, f'{cfg.doc_host}{cfg.doc_baseurl}/'
    for f in out.glob('*.html'):
        html = f.read_text().replace(f'href="{site}', 'href="./')  # browsable from disk
        for old, new in renamed.items(): html = html.replace(f'href="{old}.html', f'href="{new}.html')  # links between notebooks
        f.write_text(re.sub(r'<img((?: alt="[^"]*")? src="data:image/png;base64,)([^"]+)', with_width, html))
    shutil.rmtree(cfg.doc_path, ignore_errors=True)
    shutil.move(out, cfg.doc_path)
    print('wrote', cfg.doc_path)


if __name__ == '__main__': main()
