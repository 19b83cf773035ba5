"The scale page still runs, and shards made by separate processes, in any order and with any number of workers, are a single run's bytes"
import json
import os
import subprocess
import sys

from conftest import ROOT

SHARD = '''
import sys
from rssm_nbdev.collection.episodes import collect
from rssm_nbdev.collection.shards import save_shard
from rssm_nbdev.collection.shards import parse_shard
shard, workers, out = parse_shard(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
run = dict(env_id='CartPole-v1', episodes=10, seed=5)
save_shard(out, collect(**run, shard=shard, workers=workers, progress=False), shard, run)
'''
WHOLE = '''
import sys
from pathlib import Path
from rssm_nbdev.data import save_episodes
from rssm_nbdev.collection.episodes import collect
from rssm_nbdev.collection.shards import merge_shards
d = Path(sys.argv[1])
save_episodes(d/'single.npz', collect('CartPole-v1', episodes=10, seed=5, workers=2, progress=False))
merge_shards(d.glob('part_*.npz'), d/'merged.npz')
try: merge_shards([d/'part_3_of_3.npz', d/'part_1_of_3.npz'], d/'bad.npz')
except OSError as e: print(e)
'''


def test_shards_of_separate_processes_are_the_single_run(env, tmp_path):
    env = env | {'PYTHONPATH': f'{ROOT}{os.pathsep}{os.environ.get("PYTHONPATH", "")}', 'OMP_NUM_THREADS': '1'}
    for shard, workers in (('3/3', 1), ('1/3', 2), ('2/3', 1)):
        subprocess.run([sys.executable, '-c', SHARD, shard, str(workers), tmp_path/'part.npz'], env=env, check=True)
    said = subprocess.run([sys.executable, '-c', WHOLE, tmp_path], env=env, check=True, capture_output=True, text=True).stdout
    assert (tmp_path/'single.npz').read_bytes() == (tmp_path/'merged.npz').read_bytes()
    assert 'part_2_of_3.npz: missing' in said and not (tmp_path/'bad.npz').exists()


def test_scale_still_runs(env, tmp_path):
    nb = tmp_path/'reports/scale.ipynb'
    nb.write_bytes((ROOT/'nbs'/'reports/scale.ipynb').read_bytes())
    done = subprocess.run([sys.executable, ROOT/'tools'/'run_nb.py', nb], env=env | {'SCALE_QUICK': '1', 'SCALE_OUT': str(tmp_path/'out')}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    res = json.loads((tmp_path/'out'/'results.json').read_text())
    assert res['quick'] and {'rates', 'bytes_per_frame', 'step_seconds', 'message_seconds', 'core_seconds', 'training_seconds', 'limits'} <= set(res)
    assert [o['frames'] for o in res['limits']] == sorted(o['frames'] for o in res['limits']) and len(res['limits']) >= 8
