"The planning notebook, rehearsed, and its committed run"
import json
import shutil
import sys

import nbformat
from conftest import ROOT
from test_package import run


def test_p03_runs_with_and_without_p02s_model(env, tmp_path):
    (tmp_path/'nbs').mkdir()
    nb = tmp_path/'nbs'/'p03.ipynb'
    shutil.copy(ROOT/'nbs'/'p03_preview.ipynb', nb)
    env |= {'P03_QUICK': '1', 'P03_OUT': str(tmp_path/'out'), 'P03_RSSM': str(tmp_path/'none.pt')}
    done = run(sys.executable, ROOT/'tools'/'run_nb.py', nb, env=env, timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]
    res = json.loads((tmp_path/'out'/'results.json').read_text())
    assert res['quick'] and "P02's rssm.pt" not in res['final'] and {'episode.gif', 'returns.png', 'rssm.pt', 'reward.pt'} <= {p.name for p in (tmp_path/'out').iterdir()}
    shown = ''.join(o.get('text', '') for c in nbformat.read(nb, 4).cells for o in c.get('outputs', []))
    assert 'none.pt is not there: run P02 first' in shown
    env |= {'P03_RSSM': str(tmp_path/'out'/'rssm.pt')}                 # any model of this environment will do
    assert run(sys.executable, ROOT/'tools'/'run_nb.py', nb, env=env, timeout=400).returncode == 0
    assert "P02's rssm.pt" in json.loads((tmp_path/'out'/'results.json').read_text())['final']


def test_p03_is_the_real_run_and_reached_its_goal():
    res = json.loads((ROOT/'artifacts'/'p03'/'results.json').read_text())
    nb = nbformat.read(ROOT/'nbs'/'p03_preview.ipynb', 4)
    shown = ''.join(''.join(o.get('text', '') or o.get('data', {}).get('text/markdown', '')) for c in nb.cells for o in c.get('outputs', []))
    assert not res['quick'] and len(res['final_seeds']) == 20 and len(res['seeds']) >= 3
    assert not set(res['final_seeds']) & set(res['look_seeds'])
    for name, r in res['final'].items(): assert f"{r['mean']:.0f} [{r['low']:.0f}, {r['high']:.0f}]" in shown, name
    mean = {k: v['mean'] for k, v in res['final'].items()}
    assert mean['random policy'] < -900 and mean['planner, true equations'] > -250
    for name in ("P02's rssm.pt", 'gathered by the planner, all'): assert mean[name] > res['goal'], name
