"""Clean every notebook as `nbdev_clean` does, except the deliverable: `python tools/clean_nbs.py`.

`nbdev_clean` sets execution counts to null. In the graded notebook they are the evidence that all
of it ran in one pass, so that notebook stays as it was executed. With `--check` the notebooks do
not change, and the exit code is 1 if one of them is not clean.
"""
import sys
from pathlib import Path

from execnb.nbio import read_nb, write_nb
from nbdev.clean import _nbdev_clean
from nbdev.config import get_config
from nbdev.doclinks import nbglob

KEEP = {'p02_rssm_dynamics.ipynb'}


def clean(path):
    "Clean one notebook; return the text that it had"
    nb, before = read_nb(path), path.read_text(encoding='utf-8')
    _nbdev_clean(nb, path=path)
    write_nb(nb, path)
    return before


def main(check=False):
    "Clean the notebooks, or with `check` leave them; return the names of those that are not clean"
    root, dirty = Path(get_config().nbs_path), []
    for path in sorted(nbglob(as_path=True)):
        if path.name in KEEP: continue
        before = clean(path)
        if path.read_text(encoding='utf-8') == before: continue
        dirty.append(str(path.relative_to(root)))
        if check:
            path.write_text(before, encoding='utf-8')
    return dirty


if __name__ == '__main__':
    check = '--check' in sys.argv
    dirty = main(check)
    if check and dirty: sys.exit(f'not clean: {dirty}; run `make lib`')
