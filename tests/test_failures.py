"Collection survives its environment: every fault, with one worker and two; nothing else is lost, and nothing is left behind"
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

import gymnasium as gym
import numpy as np
import psutil
import pytest
from conftest import ROOT

from rssm_nbdev.data import save_episodes
from rssm_nbdev.collection.episodes import collect, stream
from rssm_nbdev.env import EpisodeError
from rssm_nbdev.collection.workers import run_jobs


gym.register('Faulty-v0', Faulty, disable_env_checker=True)
N, BAD, LIMIT = 7, 3, 5.              # LIMIT: seconds; far more than an episode takes, on a busy machine too
HARMLESS = ('prints', 'leaks')
KINDS = {'raises': 'raised', 'quits': 'raised', 'returns None': 'raised', 'picture None': 'raised', 'sleeps': 'hung', 'is killed': 'killed', 'exits': 'killed', 'raises in close': 'close'}
own = dict(episodes=N, progress=False)


def workers(): return [p for p in psutil.Process().children(recursive=True) if p.is_running() and p.status() != psutil.STATUS_ZOMBIE and 'resource_tracker' not in ' '.join(p.cmdline())]
def litter(folder): return set(os.listdir(folder)) | {n for n in (os.listdir('/dev/shm') if os.path.isdir('/dev/shm') else []) if n.startswith((f'loky-{os.getpid()}-', f'sem.loky-{os.getpid()}-'))}  # of this process: other tests may run


def data(eps, path):
    "The bytes of a file of these episodes"
    save_episodes(path, eps)
    return path.read_bytes()


@pytest.fixture(scope='module')
def whole(): return collect('Faulty-v0', workers=1, **own)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path_factory, monkeypatch):
    "No process and no file of ours outlives a test"
    own = tmp_path_factory.mktemp('tmp'); monkeypatch.setattr(tempfile, 'tempdir', str(own)); monkeypatch.setenv('TMPDIR', str(own))
    before = litter(own)
    yield
    for _ in range(50):
        if not workers(): break
        time.sleep(.1)
    assert not workers() and litter(own) <= before


@pytest.mark.parametrize('n', [1, 2])
@pytest.mark.parametrize('fault', FAULTS)
def test_skip_leaves_out_what_failed_and_nothing_else(whole, fault, n, tmp_path):
    lost = []
    eps = collect('Faulty-v0', workers=n, on_failure='skip', limit=LIMIT if fault == 'sleeps' else None, failures=lost, faults={BAD: (fault, 2)}, **own)
    kind = KINDS.get(fault, 'wrong')
    assert [(f.env_id, f.seed, f.step, f.kind) for f in lost] == ([] if fault in HARMLESS else [('Faulty-v0', BAD, 5 if kind == 'close' else 2, kind)])
    kept = whole if fault in HARMLESS or kind == 'close' else [o for o in whole if o.seed != BAD]
    assert data(eps, tmp_path/'a.npz') == data(kept, tmp_path/'b.npz')


@pytest.mark.parametrize('n', [1, 2])
@pytest.mark.parametrize('fault', [f for f in FAULTS if f not in HARMLESS])
def test_raise_names_it_and_hands_over_what_was_finished(whole, fault, n, tmp_path):
    limit = LIMIT if n == 1 and KINDS.get(fault) in ('hung', 'killed') or fault == 'sleeps' else None   # with one worker and no limit it runs in this process
    with pytest.raises(EpisodeError) as e: collect('Faulty-v0', workers=n, limit=limit, faults={BAD: (fault, 2)}, **own)
    failure, kind = e.value.failure, KINDS.get(fault, 'wrong')
    assert (failure.seed, failure.step, failure.kind) == (BAD, 5 if kind == 'close' else 2, kind) and str(e.value).startswith(f'Faulty-v0, episode seed {BAD}, step ') and '\n' not in str(e.value)
    seeds = [o.seed for o in e.value.episodes]
    assert seeds[:BAD] == list(range(BAD)) and seeds == sorted(seeds) and (BAD in seeds) == (kind == 'close')
    assert data(e.value.episodes, tmp_path/'a.npz') == data([o for o in whole if o.seed in seeds], tmp_path/'b.npz')


@pytest.mark.parametrize('n', [1, 2])
def test_shards_with_failures_end_to_end_are_the_whole_without_them(whole, n, tmp_path):
    faults, lost = {1: ('is killed', 0), 4: ('raises', 3), 6: ('reward NaN', 5)}, []
    parts = [collect('Faulty-v0', workers=n, shard=(i, 3), on_failure='skip', failures=lost, faults=faults, **own) for i in (1, 2, 3)]
    assert data(sum(parts, []), tmp_path/'a.npz') == data([o for o in whole if o.seed not in faults], tmp_path/'b.npz')
    assert {f.seed: f.step for f in lost} == {k: t for k, (_, t) in faults.items()}


def test_every_episode_may_fail():
    lost = []
    assert collect('Faulty-v0', workers=2, on_failure='skip', failures=lost, faults={i: ('raises', i % 6) for i in range(N)}, **own) == []
    assert [(f.seed, f.step) for f in lost] == [(i, i % 6) for i in range(N)]
    with pytest.warns(UserWarning, match='episode failed: Faulty-v0, episode seed 2, step 1: ZeroDivisionError'):
        collect('Faulty-v0', workers=1, on_failure='skip', faults={2: ('raises', 1)}, **own)


def test_workers_killed_at_any_moment_cost_what_they_were_doing():
    "From outside, at random: while they start, step, render, send"
    rng, lost, over, kills = random.Random(0), [], threading.Event(), []
    whole = collect('Pendulum-v1', 60, max_steps=100, workers=1, progress=False)
    def kill():
        while not over.wait(rng.uniform(.5, 1.2)):
            try: p = rng.choice(workers() or [None])
            except psutil.NoSuchProcess: continue
            if p: kills.append(p.pid); os.kill(p.pid, signal.SIGKILL)
    killer = threading.Thread(target=kill); killer.start()
    try: eps = collect('Pendulum-v1', 60, max_steps=100, workers=2, on_failure='skip', failures=lost, progress=False)
    finally: over.set(); killer.join()
    assert len(kills) >= 2 and {f.kind for f in lost} <= {'killed'}
    gone = {f.seed for f in lost}
    assert [o.seed for o in eps] == [o.seed for o in whole if o.seed not in gone] and len(eps) + len(gone) == 60
    for a, b in zip(eps, (o for o in whole if o.seed not in gone)): assert all(np.array_equal(getattr(a, k), getattr(b, k)) for k in ('obs', 'act', 'reward', 'state'))


def test_a_stream_that_is_left_early_leaves_nothing():
    eps = stream('Faulty-v0', workers=2, faults={5: ('sleeps', 1)}, **own)
    assert next(eps).seed == 0
    start = time.perf_counter(); eps.close()
    assert time.perf_counter() - start < 10 and not workers()


COMMAND = '''
import os, signal, sys, threading
import gymnasium as gym

gym.register('Faulty-v0', Faulty, disable_env_checker=True, kwargs={'faults': FAULTS})
from rssm_nbdev.cli.use import main
if __name__ == '__main__': main(sys.argv[1:])
'''


def asleep(p, out):
    "Wait until a command's workers have begun, and used no processor time for three seconds"
    spent, since, end = None, time.perf_counter(), time.perf_counter() + 120
    while time.perf_counter() < end:
        kids = [k for k in psutil.Process(p.pid).children(recursive=True) if 'pebble' in ' '.join(k.cmdline())] if (out/'config.json').exists() else []
        now = [(k.pid, round(sum(k.cpu_times()[:2]), 1)) for k in kids]
        if now != spent: spent, since = now, time.perf_counter()
        if len(kids) == 2 and time.perf_counter() - since > 3: return
        time.sleep(.2)
    raise AssertionError('the workers never slept')


def rssm(env, tmp_path, faults, *words, interrupt=False):
    (tmp_path/'rssm.py').write_text(COMMAND.replace('FAULTS', repr(faults)))
    env = env | {'PYTHONPATH': f'{ROOT}{os.pathsep}{env.get("PYTHONPATH", "")}', 'OMP_NUM_THREADS': '1'}
    p = subprocess.Popen([sys.executable, tmp_path/'rssm.py', 'collect', 'Faulty-v0', '--episodes', str(N), '--out', tmp_path/'out', *words], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if interrupt: asleep(p, tmp_path/'out'); p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=120)
    metrics = json.loads((tmp_path/'out'/'metrics.json').read_text())
    saved = tmp_path/'out'/'episodes.npz'
    return p.returncode, out, err, metrics, saved.read_bytes() if saved.exists() else None


def test_the_command_skips_and_says_so(env, whole, tmp_path):
    code, out, err, metrics, saved = rssm(env, tmp_path, {2: ('is killed', 4), 5: ('sleeps', 0)}, '--workers', '2', '--on-failure', 'skip', '--limit', '5')
    assert code == 0 and [(f['seed'], f['step'], f['kind']) for f in metrics['failures']] == [(2, 4, 'killed'), (5, 0, 'hung')] and 'stopped' not in metrics
    log = [json.loads(line) for line in (tmp_path/'out'/'log.jsonl').read_text().splitlines()]
    assert [(r['failed_seed'], r['failed_step']) for r in log] == [(2, 4), (5, 0)] and 'episode seed 2, step 4: its worker process died (SIGKILL)' in out
    assert saved == data([o for o in whole if o.seed not in (2, 5)], tmp_path/'b.npz')


@pytest.mark.parametrize('n', ['1', '2'])
def test_the_command_stops_with_one_line_and_what_was_finished(env, whole, n, tmp_path):
    code, out, err, metrics, saved = rssm(env, tmp_path, {BAD: ('raises', 1)}, '--workers', n)
    assert code == 1 and err.strip().splitlines()[-1] == f'rssm collect: Faulty-v0, episode seed {BAD}, step 1: ZeroDivisionError: division by zero' and 'Traceback' not in err
    assert 'step 1' in metrics['stopped'] and metrics['episodes'] >= BAD
    first = [o for o in whole if o.seed < BAD]
    assert saved == data(first + [o for o in whole if o.seed > BAD][:metrics['episodes'] - BAD], tmp_path/'b.npz')


def test_ctrl_c_saves_what_was_finished(env, whole, tmp_path):
    code, out, err, metrics, saved = rssm(env, tmp_path, {5: ('sleeps', 1)}, '--workers', '2', interrupt=True)
    assert code == 130 and metrics['stopped'] == 'KeyboardInterrupt' and 'Traceback' not in err, err
    assert saved == data([o for o in whole if o.seed < 5], tmp_path/'b.npz')


def large_or_dead(n, at):
    "300 MB take a while to send; the second job's worker dies in the middle of it"
    at[0] = n
    if n == 1: threading.Timer(.5, os.kill, (os.getpid(), signal.SIGKILL)).start(); time.sleep(.3)
    return bytes(300_000_000 if n == 1 else 1000)


@pytest.mark.parametrize('n', [1, 2])
def test_a_worker_that_dies_while_it_sends_stops_nobody_else(n):
    res = [r for _, r in run_jobs(large_or_dead, ((i,) for i in range(5)), n)]
    assert [getattr(r, 'kind', 'well') for r in res] == ['well', 'killed', 'well', 'well', 'well'] and res[1].step == 1


def test_workers_end_with_their_parent_even_if_the_environment_hangs(env, tmp_path):
    (tmp_path/'rssm.py').write_text(COMMAND.replace('FAULTS', repr({0: ('sleeps', 1), 1: ('sleeps', 1)})))
    env = env | {'PYTHONPATH': f'{ROOT}{os.pathsep}{env.get("PYTHONPATH", "")}', 'OMP_NUM_THREADS': '1'}
    p = subprocess.Popen([sys.executable, tmp_path/'rssm.py', 'collect', 'Faulty-v0', '--episodes', str(N), '--workers', '2', '--out', tmp_path/'out'], env=env, stdout=subprocess.DEVNULL)
    asleep(p, tmp_path/'out')
    alive = [c for c in psutil.Process(p.pid).children(recursive=True)]
    assert len(alive) >= 2
    p.kill(); p.wait()
    assert not psutil.wait_procs(alive, timeout=15)[1]
