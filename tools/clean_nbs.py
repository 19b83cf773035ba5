"""Clean every notebook as `nbdev_clean` does, except the deliverable.

`nbdev_clean` sets execution counts to null. In the graded notebook they are the evidence that all of it ran in
one pass, so that notebook is left as it was executed. `python tools/clean_nbs.py --check` changes nothing and
exits with 1 if a notebook is not clean.
"""
import sys
from pathlib import Path

from execnb.nbio import read_nb, write_nb
from nbdev.clean import _nbdev_clean
from nbdev.config import get_config

KEEP = {'p02_rssm_dynamics.ipynb'}


def main(check=False):
    "Clean the notebooks; with `check` only list those that are not"
    cfg, dirty = get_config(), []
    for f in sorted(Path(cfg.nbs_path).glob('*.ipynb')):
        if f.name in KEEP: continue
        nb, before = read_nb(f), f.read_text(encoding='utf-8')
        _nbdev_clean(nb, path=f)
        write_nb(nb, f)
        if f.read_text(encoding='utf-8') != before:
            dirty.append(f.name)
            if check: f.write_text(before, encoding='utf-8')
    return dirty


if __name__ == '__main__':
    check = '--check' in sys.argv
    dirty = main(check)
    if check and dirty: sys.exit(f'not clean: {dirty}; run `make lib`')
