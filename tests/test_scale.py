"""The report on scale still runs, and shards of separate processes are a single run's bytes.

The shards are made in any order and with any number of workers.
"""
import json
import os
import subprocess
import sys

from conftest import ROOT

SHARD = '''
import sys
from rssm_nbdev.collection.episodes import collect
from rssm_nbdev.collection.shards import parse_shard, save_shard

shard, workers, out = parse_shard(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
run = dict(env_id='CartPole-v1', episodes=10, seed=5)
save_shard(out, collect(**run, shard=shard, workers=workers, progress=False), shard, run)
'''
WHOLE = '''
import sys
from pathlib import Path
from rssm_nbdev.collection.episodes import collect
from rssm_nbdev.collection.shards import merge_shards
from rssm_nbdev.data import save_episodes

d = Path(sys.argv[1])
eps = collect('CartPole-v1', episodes=10, seed=5, workers=2, progress=False)
save_episodes(d/'single.npz', eps)
merge_shards(d.glob('part_*.npz'), d/'merged.npz')
try: merge_shards([d/'part_3_of_3.npz', d/'part_1_of_3.npz'], d/'bad.npz')
except OSError as e: print(e)
'''
RESULTS = {'rates', 'bytes_per_frame', 'step_seconds', 'message_seconds', 'core_seconds',
           'training_seconds', 'limits'}


def python(env, *args):
    "Run Python in an environment"
    command = [sys.executable, *args]
    return subprocess.run(command, env=env, text=True, capture_output=True)


def test_shards_of_separate_processes_are_the_single_run(env, tmp_path):
    path = f'{ROOT}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'
    env = env | {'PYTHONPATH': path, 'OMP_NUM_THREADS': '1'}
    for shard, workers in (('3/3', '1'), ('1/3', '2'), ('2/3', '1')):
        python(env, '-c', SHARD, shard, workers, tmp_path/'part.npz').check_returncode()
    done = python(env, '-c', WHOLE, tmp_path)
    done.check_returncode()
    assert (tmp_path/'single.npz').read_bytes() == (tmp_path/'merged.npz').read_bytes()
    assert 'part_2_of_3.npz: missing' in done.stdout and not (tmp_path/'bad.npz').exists()


def test_scale_still_runs(env, tmp_path):
    nb = tmp_path/'scale.ipynb'
    nb.write_bytes((ROOT/'nbs/reports/scale.ipynb').read_bytes())
    quick = {'SCALE_QUICK': '1', 'SCALE_OUT': str(tmp_path/'out')}
    done = python(env | quick, ROOT/'tools'/'run_nb.py', nb)
    assert done.returncode == 0, done.stderr[-3000:]
    res = json.loads((tmp_path/'out'/'results.json').read_text())
    assert res['quick'] and RESULTS <= set(res)
    frames = [o['frames'] for o in res['limits']]
    assert frames == sorted(frames) and len(frames) >= 8
