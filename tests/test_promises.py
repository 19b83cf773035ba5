"The page of promises: a rehearsal, and what the committed run says"
import json
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT

NB, RESULTS = ROOT/'nbs'/'reports/promises.ipynb', ROOT/'artifacts'/'promises'/'results.json'


def test_promises_rehearsal(env, tmp_path):
    for lib in ('h5py', 'minari', 'huggingface_hub', 'nbformat', 'hypothesis'): pytest.importorskip(lib)
    committed = NB.read_bytes(), RESULTS.read_bytes()
    nb = tmp_path/NB.name
    nb.write_bytes(NB.read_bytes())
    code = f"import sys; sys.path.insert(0, {str(ROOT/'tools')!r}); from pathlib import Path; from run_nb import run; run(Path({str(nb)!r}), Path({str(NB.parent)!r}))"   # beside the others: it looks for tests and tools
    done = subprocess.run([sys.executable, '-c', code], env=env | {'PROMISES_QUICK': '1', 'PROMISES_OUT': str(tmp_path/'out')}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert committed == (NB.read_bytes(), RESULTS.read_bytes())
    res = json.loads((tmp_path/'out'/'results.json').read_text())
    assert res['quick'] and not any(f[2] for f in res['faults'].values()) and set(res['faults']) == set(json.loads(RESULTS.read_text())['faults'])


def test_promises_are_of_the_real_run_and_kept():
    res, nb = json.loads(RESULTS.read_text()), nbformat.read(NB, as_version=4)
    shown = '\n'.join(''.join(o.get('text', '') or o.get('data', {}).get('text/markdown', '')) for c in nb.cells if c.cell_type == 'code' for o in c.outputs)
    assert not res['quick'] and not any(f[2] for f in res['faults'].values())
    training, files = res['training'], res['files']
    assert training['kills'] >= 80 and training['same'] == training['readable'] == training['kills'] and training['left'] == 0
    assert files['refused'] + files['unchanged'] >= 6000 and files['slowest'] < 1 and set(files['errors']) == {'FileError'} and f"{files['refused']:,}" in shown
    total = sum(map(sum, res['faults'].values()))
    assert f'{total:,} faults injected' in shown
