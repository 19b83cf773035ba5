"The load page still runs, and its committed run kept its limits"
import json
import sys

import nbformat
import numpy as np
import pytest
from conftest import ROOT
from scipy.ndimage import maximum_filter1d
from test_package import run

NB = ROOT/'nbs'/'reports'/'load.ipynb'
RESULTS = ROOT/'artifacts'/'load'/'results.json'
COUNTS = 'living tensors', 'file descriptors', 'threads'


def test_load_still_runs(env, tmp_path):
    nb = tmp_path/'load.ipynb'
    nb.write_bytes(NB.read_bytes())
    quick = {'LOAD_QUICK': '1', 'LOAD_OUT': str(tmp_path/'out')}
    done = run(sys.executable, ROOT/'tools'/'run_nb.py', nb, env=env | quick, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    res = json.loads((tmp_path/'out'/'results.json').read_text())
    assert res['quick'] and res['before'] == res['after'] and len(res['models']) == 6
    written = {p.name for p in (tmp_path/'out').iterdir()}
    assert written == {'memory.png', 'models.png', 'results.json'}


@pytest.fixture(scope='module')
def res(): return json.loads(RESULTS.read_text())


def test_load_is_the_real_run_and_kept_its_limits(res):
    limit, beyond = res['limit_MB'], res['beyond_MB']
    assert not res['quick'] and res['frames'] >= 200_000 and len(res['models']) == 50
    assert limit <= 16 and len(beyond) == 4 and all(v <= limit for v in beyond.values()), beyond
    assert res['before'] == res['after'] and res['bytes_per_frame'] < 150
    early, later = np.array_split([o['MB'] for o in res['models'][10:]], 2)
    rises = later.min() - early.min(), later.max() - early.max()
    assert max(rises) <= limit, 'neither level rises'
    for k in COUNTS:
        assert len({o[k] for o in res['models'][10:]}) == 1, k


def slopes(res):
    "The rises beyond what is kept, again, from the samples themselves"
    seconds, frames, main, workers, _ = np.array(res['memory']).T
    marks, total = res['marks'], res['frames']
    kept, training = res['bytes_per_frame']*frames/1e6, marks['end'] - marks['train']
    # without the sample at the mark itself: the workers have ended
    some = (seconds < marks['windows'] - .1) & (frames > .1*total)
    late = (seconds > marks['train'] + training/3) & (seconds <= marks['end'])
    assert some.sum() > 50 and late.sum() > 50
    samples = {
        'main process, collecting': (frames[some], (main - kept)[some], total),
        'workers, collecting': (frames[some], workers[some], total),
        'main process, training': (
            seconds[late], maximum_filter1d(main[late], late.sum()//5), training),
    }
    return {k: np.polyfit(x, y, 1)[0]*over for k, (x, y, over) in samples.items()}


def test_load_says_what_its_samples_say(res):
    got, beyond = slopes(res), res['beyond_MB']
    np.testing.assert_allclose(list(got.values()), [beyond[k] for k in got], atol=.5)
    outputs = [o for c in nbformat.read(NB, 4).cells for o in c.get('outputs', [])]
    shown = '\n'.join(str(o.get('data', {}).get('text/markdown', '')) for o in outputs)
    for v in beyond.values():
        assert f'{v:.1f}' in shown
    assert f"{res['frames']:,} frames" in shown
    assert f"{res['frames_per_second']:,.0f} frames/s" in shown
