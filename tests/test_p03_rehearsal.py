"The planning notebook, rehearsed, and its committed run"
import json
import shutil
import sys

import nbformat
from conftest import ROOT
from test_package import run

HANDED = "P02's rssm.pt"


def rehearse(notebook, env):
    done = run(sys.executable, ROOT/'tools'/'run_nb.py', notebook, env=env, timeout=400)
    assert done.returncode == 0, done.stderr[-2000:]


def output_text(notebook):
    "All text that a notebook's outputs show"
    outputs = [o for c in nbformat.read(notebook, 4).cells for o in c.get('outputs', [])]
    texts = [o.get('text', '') or o.get('data', {}).get('text/markdown', '') for o in outputs]
    return ''.join(''.join(o) for o in texts)


def test_p03_runs_with_and_without_p02s_model(env, tmp_path):
    (tmp_path/'nbs').mkdir()
    notebook, out = tmp_path/'nbs'/'p03.ipynb', tmp_path/'out'
    shutil.copy(ROOT/'nbs'/'p03_preview.ipynb', notebook)
    env |= {'P03_QUICK': '1', 'P03_OUT': str(out), 'P03_RSSM': str(tmp_path/'none.pt')}
    rehearse(notebook, env)
    res = json.loads((out/'results.json').read_text())
    assert res['quick'] and HANDED not in res['final']
    expected = {'episode.gif', 'returns.png', 'rssm.pt', 'reward.pt'}
    assert expected <= {p.name for p in out.iterdir()}
    assert 'none.pt is not there: run P02 first' in output_text(notebook)
    env |= {'P03_RSSM': str(out/'rssm.pt')}                 # any model of this environment will do
    rehearse(notebook, env)
    assert HANDED in json.loads((out/'results.json').read_text())['final']


def test_p03_is_the_real_run_and_reached_its_goal():
    res = json.loads((ROOT/'artifacts'/'p03'/'results.json').read_text())
    shown = output_text(ROOT/'nbs'/'p03_preview.ipynb')
    assert not res['quick'] and len(res['final_seeds']) == 20 and len(res['seeds']) >= 3
    assert not set(res['final_seeds']) & set(res['look_seeds'])
    for name, r in res['final'].items():
        assert f"{r['mean']:.0f} [{r['low']:.0f}, {r['high']:.0f}]" in shown, name
    mean = {k: v['mean'] for k, v in res['final'].items()}
    assert mean['random policy'] < -900 and mean['planner, true equations'] > -250
    for name in (HANDED, 'gathered by the planner, all'):
        assert mean[name] > res['goal'], name
