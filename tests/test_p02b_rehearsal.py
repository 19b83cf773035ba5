"The ablation notebook, rehearsed with tiny trials"
import json
import shutil
import sys

from conftest import ROOT
from test_package import run

MODELS = {'RSSM', 'deterministic only', 'stochastic only', 'GRU', 'MDN-RNN', 'persistence'}


def test_ablation_runs_and_resumes(env, tmp_path):
    nb, out = tmp_path/'p02b.ipynb', tmp_path/'out'
    shutil.copy(ROOT/'nbs'/'p02b_planet_ablation.ipynb', nb)
    (tmp_path/'p02').mkdir()
    shutil.copy(ROOT/'artifacts'/'p02'/'results.json', tmp_path/'p02')
    env |= {'P02B_QUICK': '1', 'P02B_OUT': str(out)}
    trials = []
    for _ in range(2):  # the second time every trial is there already
        done = run(sys.executable, ROOT/'tools'/'run_nb.py', nb, env=env, timeout=500)
        assert done.returncode == 0, done.stderr[-2000:]
        kept = (out/'kept').rglob('trials/*.safetensors')
        trials.append({p: p.stat().st_mtime_ns for p in kept})
    assert len(trials[0]) >= 40 and trials[0] == trials[1]
    res = json.loads((out/'results.json').read_text())
    assert res['quick'] and len(res['errors']) == 4 and set(res['errors']['Pendulum']) >= MODELS
