"""Collection survives its environment: every fault, with one worker and with two.

No other episode is lost, and no process and no file is left behind.
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time

import faulty
import numpy as np
import psutil
import pytest
from conftest import ROOT
from faulty import FAULTS

from rssm_nbdev.collection.episodes import collect, stream
from rssm_nbdev.collection.workers import run_jobs
from rssm_nbdev.data import load_episodes, save_episodes
from rssm_nbdev.env import EpisodeError

faulty.register()
N = 7         # episodes
BAD = 3       # the seed that fails
LIMIT = 5.    # seconds; far more than an episode takes, on a busy machine too
HARMLESS = ('prints', 'leaks')
KINDS = {'raises': 'raised', 'quits': 'raised', 'returns None': 'raised', 'picture None': 'raised',
         'sleeps': 'hung', 'is killed': 'killed', 'exits': 'killed', 'raises in close': 'close'}
own = dict(episodes=N, progress=False)


def is_worker(process):
    "Is it a process that runs, other than the tracker that lives as long as this one?"
    if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE: return False
    return 'resource_tracker' not in ' '.join(process.cmdline())


def workers():
    "The worker processes of this one"
    return [p for p in psutil.Process().children(recursive=True) if is_worker(p)]


def litter(folder):
    "Names of temporary files and shared memory of this process; other tests may run beside it"
    shared = os.listdir('/dev/shm') if os.path.isdir('/dev/shm') else []
    ours = f'loky-{os.getpid()}-', f'sem.loky-{os.getpid()}-'
    return {*os.listdir(folder), *(n for n in shared if n.startswith(ours))}


def data(eps, path):
    "The bytes of a file of these episodes"
    save_episodes(path, eps)
    return path.read_bytes()


def kind_of(fault): return KINDS.get(fault, 'wrong')


def step_of(fault): return 5 if kind_of(fault) == 'close' else 2  # the last step, the bad one


@pytest.fixture(scope='module')
def whole(): return collect('Faulty-v0', workers=1, **own)


@pytest.fixture(autouse=True)
def nothing_left(tmp_path_factory, monkeypatch):
    "No process and no file of ours outlives a test"
    folder = tmp_path_factory.mktemp('tmp')
    monkeypatch.setattr(tempfile, 'tempdir', str(folder))
    monkeypatch.setenv('TMPDIR', str(folder))
    before = litter(folder)
    yield
    for _ in range(50):
        if not workers(): break
        time.sleep(.1)
    assert not workers()
    assert litter(folder) <= before


@pytest.mark.parametrize('n', [1, 2])
@pytest.mark.parametrize('fault', FAULTS)
def test_skip_leaves_out_what_failed_and_nothing_else(whole, fault, n, tmp_path):
    lost, kind = [], kind_of(fault)
    eps = collect('Faulty-v0', workers=n, on_failure='skip', failures=lost,
                  limit=LIMIT if fault == 'sleeps' else None, faults={BAD: (fault, 2)}, **own)
    found = [(f.env_id, f.seed, f.step, f.kind) for f in lost]
    assert found == ([] if fault in HARMLESS else [('Faulty-v0', BAD, step_of(fault), kind)])
    complete = fault in HARMLESS or kind == 'close'
    kept = whole if complete else [o for o in whole if o.seed != BAD]
    assert data(eps, tmp_path/'a.npz') == data(kept, tmp_path/'b.npz')


@pytest.mark.parametrize('n', [1, 2])
@pytest.mark.parametrize('fault', [f for f in FAULTS if f not in HARMLESS])
def test_raise_names_it_and_hands_over_what_was_finished(whole, fault, n, tmp_path):
    kind = kind_of(fault)
    in_worker = n == 1 and kind in ('hung', 'killed')  # one worker without limit is this process
    limit = LIMIT if in_worker or fault == 'sleeps' else None
    with pytest.raises(EpisodeError) as e:
        collect('Faulty-v0', workers=n, limit=limit, faults={BAD: (fault, 2)}, **own)
    failure, message, episodes = e.value.failure, str(e.value), e.value.episodes
    assert (failure.seed, failure.step, failure.kind) == (BAD, step_of(fault), kind)
    assert message.startswith(f'Faulty-v0, episode seed {BAD}, step ') and '\n' not in message
    seeds = [o.seed for o in episodes]
    assert seeds[:BAD] == list(range(BAD)) and seeds == sorted(seeds)
    assert (BAD in seeds) == (kind == 'close')
    kept = [o for o in whole if o.seed in seeds]
    assert data(episodes, tmp_path/'a.npz') == data(kept, tmp_path/'b.npz')


@pytest.mark.parametrize('step', [2, -1])
def test_all_faults_at_once_are_those_of_the_report(step, tmp_path):
    "At a step and at the reset; `python tests/faulty.py` has written the report's figures"
    episodes, failures = faulty.rehearse(step, limit=3)
    gone = {f.seed for f in failures.values() if f.kind != 'close'}
    whole = collect('Faulty-v0', 2*len(FAULTS) + 1, workers=1, progress=False)
    kept = [o for o in whole if o.seed not in gone]
    assert data(episodes, tmp_path/'a.npz') == data(kept, tmp_path/'b.npz')

    no_reward = ('reward NaN', 'reward None') if step == -1 else ()  # a reset gives no reward
    assert set(failures) == set(FAULTS) - set(HARMLESS) - set(no_reward)
    for fault, f in failures.items():
        expected = step_of(fault)
        if step == -1 and f.kind != 'close':  # a wrong size of the state shows later
            expected = 0 if fault == 'state shape' else None
        assert f.step == expected

    report = json.loads((ROOT/'artifacts/promises/collection.json').read_text())
    assert faulty.summary(step, failures) == report['runs'][0 if step == 2 else 1]


@pytest.mark.parametrize('n', [1, 2])
def test_shards_with_failures_end_to_end_are_the_whole_without_them(whole, n, tmp_path):
    faults = {1: ('is killed', 0), 4: ('raises', 3), 6: ('reward NaN', 5)}
    lost, parts = [], []
    for i in (1, 2, 3):
        parts += collect('Faulty-v0', workers=n, shard=(i, 3), on_failure='skip', failures=lost,
                         faults=faults, **own)
    kept = [o for o in whole if o.seed not in faults]
    assert data(parts, tmp_path/'a.npz') == data(kept, tmp_path/'b.npz')
    assert {f.seed: f.step for f in lost} == {seed: step for seed, (_, step) in faults.items()}


def test_every_episode_may_fail():
    lost, faults = [], {i: ('raises', i % 6) for i in range(N)}
    skip = dict(on_failure='skip', **own)
    assert collect('Faulty-v0', workers=2, failures=lost, faults=faults, **skip) == []
    assert [(f.seed, f.step) for f in lost] == [(i, i % 6) for i in range(N)]
    message = 'episode failed: Faulty-v0, episode seed 2, step 1: ZeroDivisionError'
    with pytest.warns(UserWarning, match=message):
        collect('Faulty-v0', workers=1, faults={2: ('raises', 1)}, **skip)


def test_workers_killed_at_any_moment_cost_what_they_were_doing():
    "From outside, at random: while they start, step, render, send"
    rng, over = random.Random(0), threading.Event()
    lost, kills = [], []
    run = dict(env_id='Pendulum-v1', episodes=60, max_steps=100, progress=False)
    whole = collect(workers=1, **run)

    def kill():
        while not over.wait(rng.uniform(.5, 1.2)):
            try:
                p = rng.choice(workers() or [None])
            except psutil.NoSuchProcess:
                continue
            if p is None: continue
            kills.append(p.pid)
            os.kill(p.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        eps = collect(workers=2, on_failure='skip', failures=lost, **run)
    finally:
        over.set()
        killer.join()
    assert len(kills) >= 2 and {f.kind for f in lost} <= {'killed'}
    gone = {f.seed for f in lost}
    kept = [o for o in whole if o.seed not in gone]
    assert [o.seed for o in eps] == [o.seed for o in kept]
    assert len(eps) + len(gone) == 60
    for a, b in zip(eps, kept):
        for k in ('obs', 'act', 'reward', 'state'):
            assert np.array_equal(getattr(a, k), getattr(b, k))


def test_a_stream_that_is_left_early_leaves_nothing():
    eps = stream('Faulty-v0', workers=2, faults={5: ('sleeps', 1)}, **own)
    assert next(eps).seed == 0
    start = time.perf_counter()
    eps.close()
    assert time.perf_counter() - start < 10 and not workers()


COMMAND = '''
import sys
import faulty
from rssm_nbdev.cli.use import main

faulty.register(faults=FAULTS)
if __name__ == '__main__': main(sys.argv[1:])
'''


def start_command(env, tmp_path, faults, *words, **kwargs):
    "The command `rssm collect` on Faulty-v0 as a process"
    script = tmp_path/'rssm.py'
    script.write_text(COMMAND.replace('FAULTS', repr(faults)))
    path = os.pathsep.join([str(ROOT), str(ROOT/'tests'), env.get('PYTHONPATH', '')])
    env = env | {'PYTHONPATH': path, 'OMP_NUM_THREADS': '1'}
    collect = ['collect', 'Faulty-v0', '--episodes', str(N), '--out', tmp_path/'out']
    return subprocess.Popen([sys.executable, script, *collect, *words], env=env, **kwargs)


def wait_asleep(p, out):
    "Wait until a command's workers have begun, and used no processor time for three seconds"
    spent, since = None, time.perf_counter()
    end = since + 120
    while time.perf_counter() < end:
        begun = (out/'config.json').exists()
        found = psutil.Process(p.pid).children(recursive=True) if begun else []
        found = [k for k in found if 'pebble' in ' '.join(k.cmdline())]
        now = [(k.pid, round(sum(k.cpu_times()[:2]), 1)) for k in found]
        if now != spent:
            spent, since = now, time.perf_counter()
        if len(found) == 2 and time.perf_counter() - since > 3: return
        time.sleep(.2)
    raise AssertionError('the workers never slept')


def run_command(env, tmp_path, faults, *words, interrupt=False):
    "Exit code, output, errors, metrics.json and the bytes of the episodes"
    p = start_command(env, tmp_path, faults, *words,
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if interrupt:
        wait_asleep(p, tmp_path/'out')
        p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=120)
    metrics = json.loads((tmp_path/'out'/'metrics.json').read_text())
    saved = tmp_path/'out'/'episodes.npz'
    return p.returncode, out, err, metrics, saved.read_bytes() if saved.exists() else None


def test_the_command_skips_and_says_so(env, whole, tmp_path):
    faults = {2: ('is killed', 4), 5: ('sleeps', 0)}
    words = ['--workers', '2', '--on-failure', 'skip', '--limit', '5']
    code, out, _, metrics, saved = run_command(env, tmp_path, faults, *words)
    assert code == 0 and 'stopped' not in metrics
    failures = [(f['seed'], f['step'], f['kind']) for f in metrics['failures']]
    assert failures == [(2, 4, 'killed'), (5, 0, 'hung')]
    log = [json.loads(line) for line in (tmp_path/'out'/'log.jsonl').read_text().splitlines()]
    assert [(r['failed_seed'], r['failed_step']) for r in log] == [(2, 4), (5, 0)]
    assert 'episode seed 2, step 4: its worker process died (SIGKILL)' in out
    assert saved == data([o for o in whole if o.seed not in (2, 5)], tmp_path/'b.npz')


@pytest.mark.parametrize('n', ['1', '2'])
def test_the_command_stops_with_one_line_and_what_was_finished(env, whole, n, tmp_path):
    faults = {BAD: ('raises', 1)}
    code, _, err, metrics, saved = run_command(env, tmp_path, faults, '--workers', n)
    assert code == 1 and 'Traceback' not in err
    message = f'Faulty-v0, episode seed {BAD}, step 1: ZeroDivisionError: division by zero'
    assert err.strip().splitlines()[-1] == f'rssm collect: {message}'
    assert 'step 1' in metrics['stopped'] and metrics['episodes'] >= BAD
    kept = [o.seed for o in load_episodes(tmp_path/'out'/'episodes.npz')]
    assert len(kept) == metrics['episodes'] and BAD not in kept
    assert kept[:BAD] == list(range(BAD))  # of the later ones those that were finished, in order
    assert saved == data([o for o in whole if o.seed in kept], tmp_path/'b.npz')


def test_ctrl_c_saves_what_was_finished(env, whole, tmp_path):
    faults = {5: ('sleeps', 1)}
    code, _, err, metrics, saved = run_command(env, tmp_path, faults, '--workers', '2',
                                               interrupt=True)
    assert code == 130 and metrics['stopped'] == 'KeyboardInterrupt' and 'Traceback' not in err, err
    assert saved == data([o for o in whole if o.seed < 5], tmp_path/'b.npz')


def large_or_dead(n, at):
    "300 MB take a while to send; the second job's worker dies in the middle of it"
    at[0] = n
    if n != 1: return bytes(1000)
    threading.Timer(.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
    time.sleep(.3)
    return bytes(300_000_000)


@pytest.mark.parametrize('n', [1, 2])
def test_a_worker_that_dies_while_it_sends_stops_nobody_else(n):
    res = [r for _, r in run_jobs(large_or_dead, ((i,) for i in range(5)), n)]
    kinds = [getattr(r, 'kind', 'well') for r in res]
    assert kinds == ['well', 'killed', 'well', 'well', 'well'] and res[1].step == 1


def test_workers_end_with_their_parent_even_if_the_environment_hangs(env, tmp_path):
    faults = {0: ('sleeps', 1), 1: ('sleeps', 1)}
    p = start_command(env, tmp_path, faults, '--workers', '2', stdout=subprocess.DEVNULL)
    wait_asleep(p, tmp_path/'out')
    alive = psutil.Process(p.pid).children(recursive=True)
    assert len(alive) >= 2
    p.kill()
    p.wait()
    assert not psutil.wait_procs(alive, timeout=15)[1]
