"""Killed by SIGKILL at random moments, a training goes on bit for bit; a bad disk costs nothing that was trained.

One process imports everything and warms up once, and forks a child for each training. The model is large beside its
batches, so that writing checkpoints is a good part of the time. The moment of a kill is drawn in processor time, so that
it does not depend on what else the machine does; four kills are put into the middle of a write.
"""
import json
import os
import subprocess
import sys

import pytest

COMMON = '''
import json, os, random, resource, signal, sys, time, warnings
from pathlib import Path
import torch
from rssm_nbdev.core import FileError
from rssm_nbdev.data import LatentEpisode, Windows
from rssm_nbdev.rssm import RSSM
from rssm_nbdev.train import fit, fit_all
torch.set_num_threads(1)
folder = Path(sys.argv[1])

def episode(seed, T=20):
    g = torch.Generator().manual_seed(seed)
    return LatentEpisode(torch.randn(T+1, 2, generator=g), torch.rand(T, 1, generator=g), torch.zeros(T), torch.zeros(T+1, 1).numpy(), False, seed, 'test')

eps = [episode(i) for i in range(6)]
train, valid = Windows(eps[:4], 6), Windows(eps[4:], 6)
HOW = dict(steps=24, batch=2, valid_every=2, log_every=1, seed=3, progress=False)

def model(**kw): torch.manual_seed(0); return RSSM(2, 1, **(dict(deter=192, stoch=8, hidden=192) | kw))

def train_on(out, keep=None):
    "One training, in a process of its own; what it found goes to `out`"
    m = model(); h = fit(m, train, valid, **HOW, keep=keep, resume=True if keep else None)
    torch.save({'weights': m.state_dict(), 'train': h.train, 'valid': h.valid, 'best': h.best}, out)
    os.rename(out, str(out) + '.done')

def fork(*args, before=None):
    pid = os.fork()
    if pid: return pid
    try:
        if before: before()
        train_on(*args)
    finally: os._exit(0)

def same(a, b): return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) if hasattr(a[k], 'shape') else same(a[k], b[k]) if isinstance(a[k], dict) else a[k] == b[k] for k in a)
'''

KILLS = COMMON + '''
fit(model(deter=16), train, valid, **(HOW | dict(steps=2)))              # what is slow the first time is done once, here
os.waitpid(fork(folder/'whole', folder/'whole.pt'), 0)                   # undisturbed, kept; and not kept at all
os.waitpid(fork(folder/'plain'), 0)
whole, plain = (torch.load(folder/f'{k}.done') for k in ('whole', 'plain'))
def spent(pid):
    try: return time.clock_gettime((~pid << 3) | 2)                        # processor time of another process (Linux)
    except OSError: return float('inf')
start = resource.getrusage(resource.RUSAGE_CHILDREN); os.waitpid(fork(folder/'timed', folder/'timed.pt'), 0); end = resource.getrusage(resource.RUSAGE_CHILDREN)
seconds = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
rng, found = random.Random(int(sys.argv[2])), {'keeping changes nothing': same(whole, plain), 'seconds': seconds, 'kills': []}

def after(name, n):
    "Kill this process when it enters os.<name> for the n-th time: in the middle of a write"
    real, calls = getattr(os, name), [0]
    def deadly(*args):
        calls[0] += 1
        if calls[0] == n: os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    setattr(os, name, deadly)

def steps_in(f):
    try: return torch.load(f, weights_only=True)['parts']['schedule']['last_epoch'] if f.exists() else 0
    except Exception as e: return f'unreadable: {e}'

chosen = [lambda: after('fsync', 1), lambda: after('fsync', 5), lambda: after('replace', 1), lambda: after('replace', 7)]  # written, not flushed; flushed, not renamed
for i, before in enumerate(chosen + [None]*int(sys.argv[3])):
    keep = folder/f'{i}.pt'
    pid = fork(folder/f'{i}', keep, before=before)
    if not before:
        moment = rng.uniform(.02, .95)*seconds
        while spent(pid) < moment and not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT): time.sleep(.001)
        os.kill(pid, signal.SIGKILL)
    killed = os.waitpid(pid, 0)[1] == signal.SIGKILL
    at, litter = steps_in(keep), len(list(folder.glob(f'.{i}.pt.*')))
    if not (folder/f'{i}.done').exists(): os.waitpid(fork(folder/f'{i}', keep), 0)
    found['kills'].append({'killed': killed, 'chosen': before is not None, 'checkpoint': at, 'litter': litter, 'left': len(list(folder.glob(f'.{i}.pt.*'))), 'same': same(torch.load(folder/f'{i}.done'), whole)})
found['asked'] = []
for i in (1000, 1001):                                                     # SIGTERM, as schedulers send it: the step is finished and kept, then the process dies of it
    keep, moment = folder/f'{i}.pt', rng.uniform(.3, .7)*seconds
    pid = fork(folder/f'{i}', keep)
    while spent(pid) < moment: time.sleep(.001)
    os.kill(pid, signal.SIGTERM)
    died = os.waitpid(pid, 0)[1] == signal.SIGTERM
    at = steps_in(keep); os.waitpid(fork(folder/f'{i}', keep), 0)
    found['asked'].append({'died': died, 'checkpoint': at, 'same': same(torch.load(folder/f'{i}.done'), whole)})
print(json.dumps(found))
'''

BAD_DISK = COMMON + '''
found, big = {}, resource.RLIM_INFINITY
def attempt(key, f):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        try: f(); found[key] = {'error': None}
        except Exception as e: found[key] = {'error': type(e).__name__, 'text': str(e)}
    found[key]['warnings'] = [f'{w.category.__name__}: {w.message}' for w in said]

(folder/'file').write_text('')
attempt('a path under a file', lambda: fit(model(), train, valid, **HOW, keep=folder/'file'/'run.pt'))
attempt('a folder', lambda: fit(model(), train, valid, **HOW, keep=folder))

quiet = model(); h0 = fit(quiet, train, valid, **HOW)
class Filling(RSSM):
    "From the fifth step on no file may grow, as on a full disk; from the fifteenth on it may again"
    n = 0
    def loss(self, batch):
        self.n += self.training
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000 if 5 <= self.n < 15 else big, big))
        return super().loss(batch)
torch.manual_seed(0); m = Filling(2, 1, deter=192, stoch=8, hidden=192)
def full(): found['h'] = fit(m, train, valid, **HOW, keep=folder/'full.pt')
attempt('full', full)
h = found.pop('h')
found['full'] |= {'same': h.valid == h0.valid and same(m.state_dict(), quiet.state_dict()), 'litter': [f.name for f in folder.iterdir() if f.name.startswith('.')],
                  'checkpoint': torch.load(folder/'full.pt', weights_only=True)['parts']['schedule']['last_epoch']}

good = folder/'good.pt'; fit(model(), train, valid, **HOW, keep=good)
other = lambda key, m=None, t=train, v=valid, f=good, **kw: attempt(key, lambda: fit(m or model(), t, v, **(HOW | kw), resume=f))
other('class', Filling(2, 1, deter=192, stoch=8, hidden=192)); other('arguments', model(stoch=4)); other('data', t=Windows(eps[:3], 6)); other('validation data', v=Windows(eps[3:], 6))
for k, v in dict(steps=30, batch=3, lr=.5, weight_decay=.5, clip=2., context=3, valid_every=3, log_every=2, seed=4, precision='bf16').items(): other(k, **{k: v})
(folder/'half.pt').write_bytes(good.read_bytes()[:100_000]); other('half', f=folder/'half.pt'); other('none', f=folder/'none.pt')

ms = [model(), model()]; list(fit_all(ms, train, valid, seeds=[3, 4], keep=folder/'all.pt', workers=1, **{k: v for k, v in HOW.items() if k not in ('seed', 'progress')}))
found['all'] = [(folder/f'all_{i}.pt').exists() for i in (0, 1)] + [same(ms[0].state_dict(), quiet.state_dict())]
print(json.dumps(found))
'''


@pytest.fixture
def go(env, root, tmp_path):
    def run(code, *args):
        env_ = env | {'OMP_NUM_THREADS': '1', 'PYTHONPATH': f'{root}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'}
        done = subprocess.run([sys.executable, '-c', code, str(tmp_path), *args], env=env_, capture_output=True, text=True, timeout=300, cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-3000:]
        return json.loads(done.stdout.splitlines()[-1])
    return run


@pytest.mark.skipif(sys.platform != 'linux', reason='reads the processor time of another process')
def test_killed_at_random_moments_it_goes_on_bit_for_bit(go):
    found = go(KILLS, '0', '16')
    kills = found['kills']
    print(f"{found['seconds']:.2f} s a training; checkpoints found: {[k['checkpoint'] for k in kills]}; temporary files left by kills: {sum(k['litter'] for k in kills)}")
    assert found['keeping changes nothing']
    assert len(kills) == 20 and sum(k['killed'] for k in kills) >= 16
    assert all(k['same'] for k in kills), kills
    assert all(isinstance(k['checkpoint'], int) for k in kills), kills                     # never unreadable
    assert [k['checkpoint'] for k in kills[:4]] == [0, 8, 0, 12] and all(k['litter'] == 1 for k in kills[:4])  # killed while writing: the one before stands
    assert not any(k['left'] for k in kills)                                               # what kills left is cleared away
    assert all(k['died'] and k['same'] and 0 < k['checkpoint'] < 24 for k in found['asked']), found['asked']
    assert len({k['checkpoint'] for k in kills[4:]}) >= 5                                  # random indeed


def test_a_bad_disk_or_another_training(go):
    found = go(BAD_DISK)
    assert found['a path under a file']['error'] == 'FileError' and 'file: cannot write there' in found['a path under a file']['text']
    assert found['a folder']['error'] == 'FileError'
    full = found['full']
    assert full['error'] is None and full['same'] and full['checkpoint'] == 24 and not full['litter']
    assert len(full['warnings']) == 5 and all(w.startswith('TrainingWarning') and 'full.pt: not written (File too large)' in w and 'of step 4; training goes on' in w for w in full['warnings'])
    for key, sides in {'class': "model='RSSM' there, model='Filling' here", 'arguments': 'RSSM.stoch=8 there, RSSM.stoch=4 here', 'data': 'from 3 episodes', 'validation data': 'from 3 episodes'}.items():
        assert found[key]['error'] == 'FileError' and sides in found[key]['text'] and 'good.pt: it holds another training' in found[key]['text'], found[key]
    for key in 'steps batch lr weight_decay clip context valid_every log_every seed precision'.split():
        assert found[key]['error'] == 'FileError' and f'{key}=' in found[key]['text'] and ' there' in found[key]['text'], found[key]
    assert 'half.pt: damaged or foreign' in found['half']['text'] and 'none.pt: no such file' in found['none']['text']
    assert found['all'] == [True, True, True]


REAL_DISK = COMMON + '''
found = {}
def attempt(key, f):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter('always')
        try: f(); found[key] = {'error': None}
        except FileError as e: found[key] = {'error': str(e)}
    found[key]['warnings'] = [str(w.message) for w in said]
def steps(f): return torch.load(f, weights_only=True)['parts']['schedule']['last_epoch']

small, keep = dict(deter=24, stoch=4, hidden=24), folder/'run.pt'
quiet = model(**small); h0 = fit(quiet, train, valid, **HOW)
class Filling(RSSM):
    "From the fifth step on the disk is full"
    n = 0
    def loss(self, batch):
        self.n += self.training
        if self.n == 5 and self.training:
            with open(folder/'ballast', 'wb', buffering=0) as f:
                try:
                    while True: f.write(bytes(4096))
                except OSError: pass
        return super().loss(batch)
torch.manual_seed(0); m = Filling(2, 1, **small)
attempt('full', lambda: fit(m, train, valid, **HOW, keep=keep))
found['full'] |= {'same': same(m.state_dict(), quiet.state_dict()), 'checkpoint': steps(keep), 'litter': [f.name for f in folder.iterdir() if f.name.startswith('.')]}
(folder/'ballast').unlink(); before = keep.read_bytes()
os.system(f'mount -o remount,ro {folder}')
attempt('read-only', lambda: fit(model(**small), train, valid, **HOW, keep=folder/'other.pt'))
attempt('read-only, resumed', lambda: fit(Filling(2, 1, **small), train, valid, **HOW, keep=keep, resume=True))
found['stands'] = keep.read_bytes() == before
print(json.dumps(found))
'''


@pytest.fixture
def little_disk(tmp_path):
    "A file system of one megabyte"
    disk = tmp_path/'disk'; disk.mkdir()
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], capture_output=True).returncode: pytest.skip('file systems cannot be mounted here')
    yield disk
    subprocess.run(['umount', disk], check=True)


@pytest.mark.skipif(sys.platform != 'linux', reason='mounts a file system')
def test_a_full_or_read_only_disk_leaves_the_last_checkpoint_whole(env, root, little_disk):
    env_ = env | {'OMP_NUM_THREADS': '1', 'PYTHONPATH': f'{root}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'}
    done = subprocess.run([sys.executable, '-c', REAL_DISK, str(little_disk)], env=env_, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    full = found['full']
    assert full['error'] is None and full['same'] and full['checkpoint'] == 4 and not full['litter'] and len(full['warnings']) == 10, full
    assert all('No space left on device' in w and 'of step 4; training goes on' in w for w in full['warnings']), full['warnings'][:2]
    assert 'cannot write there (Read-only file system)' in found['read-only']['error'] and 'Read-only file system' in found['read-only, resumed']['error'] and found['stands']
