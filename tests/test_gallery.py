"The gallery page, its environments, and Minari datasets that go from process to process"
import json
import re
import subprocess
import sys

import nbformat
import pytest
from conftest import ROOT

NB = ROOT/'nbs'/'gallery.ipynb'
RESULTS = ROOT/'artifacts'/'gallery'/'results.json'
ENVIRONMENTS = {'Acrobot-v1', 'CarRacing-v3'}
MODELS = 'GRU', 'MDN-RNN', 'RSSM'


def run(env, *cmd, **more):
    return subprocess.run(list(map(str, cmd)), env=env | more, capture_output=True, text=True)


def python(env, code, *args, **more): return run(env, sys.executable, '-c', code, *args, **more)
def code_of(nb): return [c for c in nb.cells if c.cell_type == 'code']


def output_text(nb):
    "All text that a notebook's outputs show, one a line"
    outputs = [o for c in code_of(nb) for o in c.outputs]
    texts = [o.get('text', '') or o.get('data', {}).get('text/markdown', '') for o in outputs]
    return '\n'.join(''.join(o) for o in texts)


def test_gallery_rehearsal(env, tmp_path):
    pytest.importorskip('Box2D')
    committed = NB.read_bytes(), RESULTS.read_bytes()
    nb, out = tmp_path/NB.name, tmp_path/'out'
    nb.write_bytes(NB.read_bytes())
    settings = {'GALLERY_QUICK': '1', 'GALLERY_OUT': str(out)}
    done = run(env, sys.executable, ROOT/'tools'/'run_nb.py', nb, **settings)
    assert done.returncode == 0, done.stderr[-3000:]
    assert committed == (NB.read_bytes(), RESULTS.read_bytes())
    res = json.loads((out/'results.json').read_text())
    assert res['quick'] and set(res['worlds']) == ENVIRONMENTS
    for w in res['worlds'].values():
        errors = w['errors']
        assert set(errors) == {'persistence', 'mean', 'ridge', *MODELS}
        assert len(errors['RSSM']) == 10
        for k in MODELS:
            assert len(errors[k]['1']['seeds']) == len(res['seeds'])
    figures = {p.name for p in out.glob('*.png')}
    assert figures == {p.name for p in RESULTS.parent.glob('*.png')}
    counts = [c.execution_count for c in code_of(nbformat.read(nb, as_version=4))]
    assert counts == list(range(1, len(counts) + 1))


def test_gallery_is_the_real_run_and_says_what_results_json_says():
    res, shown = json.loads(RESULTS.read_text()), output_text(nbformat.read(NB, as_version=4))
    assert not res['quick'] and len(res['seeds']) >= 2 and res['core_minutes'] < 60
    for w in res['worlds'].values():
        assert w['text'] in shown
        for name, rows in w['errors'].items():
            for h in ('1', '5', '10'):
                r = rows[h]
                expected = f"{r['mean']:.4f} [{r['low']:.4f}, {r['high']:.4f}]"
                assert expected in shown, (name, h)


def test_gallery_imports_only_the_package_and_plain_tools():
    sources = [c.source for c in code_of(nbformat.read(NB, as_version=4))]
    imports = [m for s in sources for m in re.findall(r'^\s*(?:from|import) ([\w.]+)', s, re.M)]
    allowed = {'rssm_nbdev', 'os', 'tempfile', 'time', 'resource', 'dataclasses', 'pathlib',
               'numpy', 'torch', 'IPython'}
    assert {m.split('.')[0] for m in imports} <= allowed
    own = [s for s in sources if re.search(r'\bplt\.|class \w+\(', s)]
    assert not own, 'figures and models come from the package'


def test_worlds_of_the_gallery_were_learnt():
    """Ten steps ahead the models beat the baselines without learning, by more than the intervals;
    the encoder's pictures are better than the average picture"""
    for name, w in json.loads(RESULTS.read_text())['worlds'].items():
        assert w['encoder']['decibels'] > w['encoder']['average picture'] + 3, name
        last = {k: rows['10'] for k, rows in w['errors'].items()}
        simple = min(last[b]['low'] for b in ('persistence', 'mean'))
        for k in MODELS:
            assert last[k]['high'] < simple, (name, k)


def test_pedals_reach_the_car(env):
    "What the simulator's own car is told, when a model says −1, 0 and 1"
    pytest.importorskip('Box2D')
    done = python(env, '''
import numpy as np
from rssm_nbdev.env import make_env
env = make_env('CarRacing-v3', size=16)
env.reset(seed=0)
car, got = env.unwrapped.car, {}
for name in ('steer', 'gas', 'brake'):
    setattr(car, name, lambda v, name=name: got.update({name: float(v)}))
cases = ([0, 0, 0], (0, .5, .5)), ([1, -1, -1], (-1, 0, 0)), ([-1, 1, .5], (1, 1, .75))
for told, expected in cases:                              # the simulator turns the wheel's sign
    *_, info = env.step(np.array(told, np.float32))
    np.testing.assert_allclose((got['steer'], got['gas'], got['brake']), expected, atol=1e-6)
assert info['state'].shape == (0,)
''')
    assert done.returncode == 0, done.stderr[-2000:]


def test_without_box2d_the_error_says_what_is_missing(env):
    done = python(env, '''
import sys; sys.modules['Box2D'] = None
from rssm_nbdev.core import EnvError
from rssm_nbdev.env import make_env
try: make_env('CarRacing-v3')
except EnvError as e: print(e)
''')
    message = done.stdout
    assert message.startswith('CarRacing-v3: its code cannot be loaded'), message + done.stderr
    assert 'box2d' in message.lower()


WRITE = '''
import sys
from rssm_nbdev.data import save_episodes
from rssm_nbdev.collection.episodes import collect
from rssm_nbdev.collection.minari_io import to_minari
for name, n, steps in (('CartPole-v1', 4, 30), ('Pendulum-v1', 2, 25)):
    eps = collect(name, n, seed=5, workers=1, progress=False, max_steps=steps)
    save_episodes(f'{sys.argv[1]}/{name}.npz', eps)
    to_minari(eps, f'trip/{name}')
'''
READ = '''
import sys
from dataclasses import fields
import numpy as np
from rssm_nbdev.data import load_episodes
from rssm_nbdev.env import Episode
from rssm_nbdev.collection.minari_io import from_minari
ends = set()
for name in ('CartPole-v1', 'Pendulum-v1'):
    kept, got = load_episodes(f'{sys.argv[1]}/{name}.npz'), from_minari(f'trip/{name}')
    assert len(kept) == len(got)
    for a, b in zip(kept, got):
        for f in fields(Episode):
            x, y = getattr(a, f.name), getattr(b, f.name)
            assert np.array_equal(x, y), (name, f.name)
            assert getattr(x, 'dtype', 0) == getattr(y, 'dtype', 0), (name, f.name)
        ends.add(a.terminated)
assert ends == {True, False}
'''
OTHERS = '''
# somebody who has Minari and Gymnasium, and our environment's wrappers
import sys
sys.modules['rssm_nbdev.collection.minari_io'] = None
import minari, numpy as np
for name in ('CartPole-v1', 'Pendulum-v1'):
    data = minari.load_dataset(f'trip/{name}')
    env = data.recover_environment()
    assert env.observation_space == data.observation_space
    assert env.action_space == data.action_space and env.spec.id == name
    for ep, meta in zip(data, data.storage.get_episode_metadata(data.episode_indices)):
        obs, info = env.reset(seed=meta['seed'])
        assert np.array_equal(obs, ep.observations[0])
        for t, action in enumerate(ep.actions):
            obs, reward, end, cut, info = env.step(action)
            assert env.action_space.contains(action)
            assert np.array_equal(obs, ep.observations[t+1])
            assert np.array_equal(info['state'], ep.infos['state'][t+1])
            assert end == ep.terminations[t] and np.float32(reward) == ep.rewards[t]
'''


def test_minari_round_trip_between_processes(env, tmp_path):
    "One process writes, a second reads and compares, a third has Minari alone and replays"
    pytest.importorskip('minari')
    pytest.importorskip('h5py')
    for code in (WRITE, READ, OTHERS):
        done = python(env, code, tmp_path, MINARI_DATASETS_PATH=str(tmp_path/'minari'))
        assert done.returncode == 0, done.stderr[-3000:]
    assert len(list((tmp_path/'minari'/'trip').glob('*/data/main_data.hdf5'))) == 2


def test_minari_is_optional(env):
    done = python(env, '''
import sys; sys.modules['minari'] = None
from rssm_nbdev.core import MissingError
from rssm_nbdev.collection.minari_io import from_minari
try: from_minari('a-v0')
except MissingError as e: print(e)
''')
    assert "pip install 'rssm_nbdev[minari]'" in done.stdout, done.stderr


def test_a_writer_that_is_killed_leaves_nothing_that_passes_for_data(env, tmp_path):
    pytest.importorskip('minari')
    pytest.importorskip('h5py')
    where = {'MINARI_DATASETS_PATH': str(tmp_path)}
    done = python(env, '''
import os
from rssm_nbdev.collection.episodes import collect
from rssm_nbdev.collection.minari_io import to_minari
def dies():
    yield from collect('CartPole-v1', 2, workers=1, progress=False)
    os._exit(9)
to_minari(dies(), 'dead/end-v0')
''', **where)
    assert done.returncode == 9
    done = python(env, '''
from rssm_nbdev.core import FileError
from rssm_nbdev.collection.minari_io import from_minari
try: print(len(from_minari('dead/end-v0')))
except FileError as e: print('refused', e)
''', **where)
    assert done.stdout.startswith('refused'), done.stdout + done.stderr
