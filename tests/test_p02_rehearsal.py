"The deliverable, run as a user would, at rehearsal size and on the second environment"
import json
import subprocess
import sys

import nbformat
from conftest import ROOT


def rehearse(env, tmp_path, env_id, **more):
    return subprocess.run([sys.executable, ROOT/'tools'/'p02.py', env_id, tmp_path/'out'], env=env | {'P02_QUICK': '1'} | more, capture_output=True, text=True)


def test_p02_runs_on_cartpole_and_leaves_the_deliverable_alone(env, tmp_path):
    committed = (ROOT/'nbs'/'p02_rssm_dynamics.ipynb').read_bytes(), (ROOT/'artifacts'/'p02'/'results.json').read_bytes()
    done = rehearse(env, tmp_path, 'CartPole-v1')
    assert done.returncode == 0, done.stderr[-3000:]
    assert committed == ((ROOT/'nbs'/'p02_rssm_dynamics.ipynb').read_bytes(), (ROOT/'artifacts'/'p02'/'results.json').read_bytes())
    made = {p.name for p in (tmp_path/'out').iterdir()}
    assert {'results.json', 'rssm.pt', 'comparison.png', 'horizons.png', 'rollout.png', 'frames.png', 'p02_rssm_dynamics.ipynb'} <= made
    res = json.loads((tmp_path/'out'/'results.json').read_text())
    assert res['quick'] and res['env'] == 'CartPole-v1' and set(res['test']['errors']) == {'persistence', 'mean', 'ridge', 'GRU', 'MDN-RNN', 'RSSM'}
    nb = nbformat.read(tmp_path/'out'/'p02_rssm_dynamics.ipynb', as_version=4)
    counts = [c.execution_count for c in nb.cells if c.cell_type == 'code']
    assert counts == list(range(1, len(counts) + 1))


def test_p02_without_an_encoder_says_how_to_make_one(env, tmp_path):
    done = rehearse(env, tmp_path, 'Acrobot-v1')
    assert done.returncode != 0 and 'no bundled encoder of that name' in done.stderr and 'rssm encoder' in done.stderr


def test_benchmarks_still_run(env, tmp_path):
    nb = tmp_path/'benchmarks.ipynb'
    nb.write_bytes((ROOT/'nbs'/'reports/benchmarks.ipynb').read_bytes())
    done = subprocess.run([sys.executable, ROOT/'tools'/'run_nb.py', nb], env=env | {'BENCH_QUICK': '1', 'BENCH_OUT': str(tmp_path/'out')}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    res = json.loads((tmp_path/'out'/'results.json').read_text())
    assert {'train common', 'train project', 'train course', 'imagine', 'collect', 'bf16', 'growth', 'profile'} <= set(res)
