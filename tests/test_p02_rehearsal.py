"The deliverable, run as a user would, at rehearsal size and on the second environment"
import json
import subprocess
import sys

import nbformat
from conftest import ROOT

P02 = ROOT/'nbs'/'p02_rssm_dynamics.ipynb'
RESULTS = ROOT/'artifacts'/'p02'/'results.json'
MADE = {'results.json', 'rssm.pt', 'comparison.png', 'horizons.png', 'rollout.png', 'frames.png',
        'p02_rssm_dynamics.ipynb'}
MODELS = {'persistence', 'mean', 'ridge', 'GRU', 'MDN-RNN', 'RSSM'}


def python(env, *command, **more):
    command = [sys.executable, *command]
    return subprocess.run(command, env=env | more, capture_output=True, text=True)


def rehearse(env, tmp_path, env_id):
    return python(env, ROOT/'tools'/'p02.py', env_id, tmp_path/'out', P02_QUICK='1')


def results(folder): return json.loads((folder/'results.json').read_text())


def test_p02_runs_on_cartpole_and_leaves_the_deliverable_alone(env, tmp_path):
    committed = P02.read_bytes(), RESULTS.read_bytes()
    done = rehearse(env, tmp_path, 'CartPole-v1')
    assert done.returncode == 0, done.stderr[-3000:]
    assert committed == (P02.read_bytes(), RESULTS.read_bytes())
    assert MADE <= {p.name for p in (tmp_path/'out').iterdir()}
    res = results(tmp_path/'out')
    assert res['quick'] and res['env'] == 'CartPole-v1' and set(res['test']['errors']) == MODELS
    nb = nbformat.read(tmp_path/'out'/P02.name, as_version=4)
    counts = [c.execution_count for c in nb.cells if c.cell_type == 'code']
    assert counts == list(range(1, len(counts) + 1))


def test_p02_without_an_encoder_says_how_to_make_one(env, tmp_path):
    done = rehearse(env, tmp_path, 'Acrobot-v1')
    assert done.returncode != 0
    assert 'no bundled encoder of that name' in done.stderr and 'rssm encoder' in done.stderr


def test_benchmarks_still_run(env, tmp_path):
    nb = tmp_path/'benchmarks.ipynb'
    nb.write_bytes((ROOT/'nbs'/'reports'/nb.name).read_bytes())
    quick = {'BENCH_QUICK': '1', 'BENCH_OUT': str(tmp_path/'out')}
    done = python(env, ROOT/'tools'/'run_nb.py', nb, **quick)
    assert done.returncode == 0, done.stderr[-3000:]
    parts = 'train common|train project|train course|imagine|collect|bf16|growth|profile'
    assert set(parts.split('|')) <= set(results(tmp_path/'out'))
