"The load page still runs, and its committed run kept its limits"
import json
import sys

import nbformat
import numpy as np
import pytest
from conftest import ROOT
from scipy.ndimage import maximum_filter1d
from test_package import run


def test_load_still_runs(env, tmp_path):
    nb = tmp_path/'load.ipynb'
    nb.write_bytes((ROOT/'nbs'/'reports/load.ipynb').read_bytes())
    done = run(sys.executable, ROOT/'tools'/'run_nb.py', nb, env=env | {'LOAD_QUICK': '1', 'LOAD_OUT': str(tmp_path/'out')}, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    res = json.loads((tmp_path/'out'/'results.json').read_text())
    assert res['quick'] and res['before'] == res['after'] and len(res['models']) == 6
    assert {'memory.png', 'models.png', 'results.json'} == {p.name for p in (tmp_path/'out').iterdir()}


@pytest.fixture(scope='module')
def res(): return json.loads((ROOT/'artifacts'/'load'/'results.json').read_text())


def test_load_is_the_real_run_and_kept_its_limits(res):
    assert not res['quick'] and res['frames'] >= 200_000 and len(res['models']) == 50 and res['limit_MB'] <= 16
    assert len(res['beyond_MB']) == 4 and all(v <= res['limit_MB'] for v in res['beyond_MB'].values()), res['beyond_MB']
    assert res['before'] == res['after'] and res['bytes_per_frame'] < 150
    early, later = np.array_split([o['MB'] for o in res['models'][10:]], 2)
    assert max(later.min() - early.min(), later.max() - early.max()) <= res['limit_MB'], 'neither level rises'
    for k in ('living tensors', 'file descriptors', 'threads'): assert len({o[k] for o in res['models'][10:]}) == 1, k


def test_load_says_what_its_samples_say(res):
    "The slopes again, from the samples themselves, and in the page"
    seconds, frames, main, workers, _ = np.array(res['memory']).T
    at, known, train = res['marks'], res['bytes_per_frame']/1e6, res['marks']['end'] - res['marks']['train']
    some = (seconds < at['windows'] - .1) & (frames > .1*res['frames'])  # not the look at the mark itself: the workers have ended
    late = (seconds > at['train'] + train/3) & (seconds <= at['end'])
    assert some.sum() > 50 and late.sum() > 50
    looks = {'main process, collecting': (frames[some], main[some] - known*frames[some], res['frames']), 'workers, collecting': (frames[some], workers[some], res['frames']),
             'main process, training': (seconds[late], maximum_filter1d(main[late], late.sum()//5), train)}
    got = {k: np.polyfit(x, y, 1)[0]*over for k, (x, y, over) in looks.items()}
    np.testing.assert_allclose(list(got.values()), [res['beyond_MB'][k] for k in got], atol=.5)
    shown = '\n'.join(str(o.get('data', {}).get('text/markdown', '')) for c in nbformat.read(ROOT/'nbs'/'reports/load.ipynb', 4).cells for o in c.get('outputs', []))
    for v in res['beyond_MB'].values(): assert f'{v:.1f}' in shown
    assert f"{res['frames']:,} frames" in shown and f"{res['frames_per_second']:,.0f} frames/s" in shown
