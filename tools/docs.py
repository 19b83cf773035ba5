"Build `_docs` without Quarto: nbdev's own notebook processing, then smalldocs (pure Python)"
import shutil
import sys

from nbdev.config import get_config
from nbdev.doclinks import _build_modidx, _nbpath2html
from nbdev.quarto import refresh_quarto_yml
from nbdev.serve import proc_nbs
from smalldocs.site import build


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
        f.write_text(html)
    shutil.rmtree(cfg.doc_path, ignore_errors=True)
    shutil.move(out, cfg.doc_path)
    print('wrote', cfg.doc_path)


if __name__ == '__main__': main()
