"The page of promises: a rehearsal, and what the committed run says"
import json
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT

NB = ROOT/'nbs'/'reports'/'promises.ipynb'
RESULTS = ROOT/'artifacts'/'promises'/'results.json'
LIBRARIES = 'h5py', 'minari', 'huggingface_hub', 'nbformat', 'hypothesis'
RUN = '''
import sys
from pathlib import Path
tools, notebook, folder = sys.argv[1:]
sys.path.insert(0, tools)
from run_nb import run
run(Path(notebook), Path(folder))  # beside the other pages: it looks for tests and tools
'''


def test_promises_rehearsal(env, tmp_path):
    for lib in LIBRARIES:
        pytest.importorskip(lib)
    committed = NB.read_bytes(), RESULTS.read_bytes()
    nb = tmp_path/NB.name
    nb.write_bytes(NB.read_bytes())
    command = [sys.executable, '-c', RUN, str(ROOT/'tools'), str(nb), str(NB.parent)]
    quick = {'PROMISES_QUICK': '1', 'PROMISES_OUT': str(tmp_path/'out')}
    done = subprocess.run(command, env=env | quick, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert committed == (NB.read_bytes(), RESULTS.read_bytes())
    res = json.loads((tmp_path/'out'/'results.json').read_text())
    assert res['quick'] and not any(f[2] for f in res['faults'].values())
    assert set(res['faults']) == set(json.loads(RESULTS.read_text())['faults'])


def shown(nb):
    "All text that a notebook's cells have printed and displayed"
    outputs = [o for c in nb.cells if c.cell_type == 'code' for o in c.outputs]
    texts = [o.get('text', '') or o.get('data', {}).get('text/markdown', '') for o in outputs]
    return '\n'.join(map(''.join, texts))


def test_promises_are_of_the_real_run_and_kept():
    res, text = json.loads(RESULTS.read_text()), shown(nbformat.read(NB, as_version=4))
    assert not res['quick'] and not any(f[2] for f in res['faults'].values())
    training, files = res['training'], res['files']
    assert training['kills'] >= 80 and training['left'] == 0
    assert training['same'] == training['readable'] == training['kills']
    assert files['refused'] + files['unchanged'] >= 6000 and files['slowest'] < 1
    assert set(files['errors']) == {'FileError'} and f"{files['refused']:,}" in text
    total = sum(map(sum, res['faults'].values()))
    assert f'{total:,} faults injected' in text
