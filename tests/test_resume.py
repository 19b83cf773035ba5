"""Killed by SIGKILL at random moments, a training goes on bit for bit; a bad disk ends none.

One process imports everything and warms up once, and forks a child for each training. The model is
large beside its batches, so that writing checkpoints is a good part of the time. The moment of a
kill is drawn in processor time, so that it does not depend on the machine's other work; four kills
fall into the middle of a write.
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
from rssm_nbdev.callbacks.resume import Checkpointing
from rssm_nbdev.core import FileError
from rssm_nbdev.data import LatentEpisode, Windows
from rssm_nbdev.rssm import RSSM
from rssm_nbdev.train import fit, fit_all
torch.set_num_threads(1)
folder = Path(sys.argv[1])

def episode(seed, T=20):
    g = torch.Generator().manual_seed(seed)
    e, a = torch.randn(T+1, 2, generator=g), torch.rand(T, 1, generator=g)
    return LatentEpisode(e, a, torch.zeros(T), torch.zeros(T+1, 1).numpy(), False, seed, 'test')

eps = [episode(i) for i in range(6)]
train, valid = Windows(eps[:4], 6), Windows(eps[4:], 6)
HOW = dict(steps=24, batch=2, valid_every=2, log_every=1, seed=3, progress=False)
BIG = dict(deter=192, stoch=8, hidden=192)

def model(cls=RSSM, **kw):
    torch.manual_seed(0)
    return cls(2, 1, **(BIG | kw))

def kept(path, resume=False): return dict(callbacks=[Checkpointing(path, resume)])
def steps(file): return torch.load(file, weights_only=True)['parts']['schedule']['last_epoch']

def train_on(out, path=None):
    "One training, in a process of its own; its result goes to `out`"
    m = model()
    h = fit(m, train, valid, **HOW, **(kept(path, resume=True) if path else {}))
    found = {'weights': m.state_dict(), 'train': h.train, 'valid': h.valid, 'best': h.best}
    torch.save(found, out)
    os.rename(out, str(out) + '.done')

def fork(*args, before=None):
    pid = os.fork()
    if pid: return pid
    try:
        if before: before()
        train_on(*args)
    finally: os._exit(0)

def equal(a, b):
    if hasattr(a, 'shape'): return torch.equal(a, b)
    return same(a, b) if isinstance(a, dict) else a == b

def same(a, b): return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)

def attempt(key, f):
    "Error and warnings of a call, in `found`"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        try:
            f()
            found[key] = {'error': None}
        except Exception as e: found[key] = {'error': type(e).__name__, 'text': str(e)}
    found[key]['warnings'] = [f'{w.category.__name__}: {w.message}' for w in caught]

def litter(): return [f.name for f in folder.iterdir() if f.name.startswith('.')]
'''

KILLS = COMMON + '''
fit(model(deter=16), train, valid, **(HOW | dict(steps=2)))  # what is slow the first time
os.waitpid(fork(folder/'whole', folder/'whole.pt'), 0)       # undisturbed, kept; and not kept
os.waitpid(fork(folder/'plain'), 0)
whole, plain = (torch.load(folder/f'{k}.done') for k in ('whole', 'plain'))

def spent(pid):
    "Processor time of another process (Linux)"
    try: return time.clock_gettime((~pid << 3) | 2)
    except OSError: return float('inf')

def children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

start = children()
os.waitpid(fork(folder/'timed', folder/'timed.pt'), 0)
seconds = children() - start
rng = random.Random(int(sys.argv[2]))
found = {'keeping changes nothing': same(whole, plain), 'seconds': seconds}
found |= {'kills': [], 'asked': []}

def after(name, n):
    "Kill this process when it enters os.<name> for the n-th time: in the middle of a write"
    real, calls = getattr(os, name), [0]
    def deadly(*args):
        calls[0] += 1
        if calls[0] == n: os.kill(os.getpid(), signal.SIGKILL)
        return real(*args)
    setattr(os, name, deadly)

def steps_in(f):
    try: return steps(f) if f.exists() else 0
    except Exception as e: return f'unreadable: {e}'

def temporary(i): return len(list(folder.glob(f'.{i}.pt.*')))
def ended(pid): return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
def resumed(i, path):
    os.waitpid(fork(folder/f'{i}', path), 0)
    return same(torch.load(folder/f'{i}.done'), whole)

chosen = [lambda: after('fsync', 1), lambda: after('fsync', 5),      # written, not flushed
          lambda: after('replace', 1), lambda: after('replace', 7)]  # flushed, not renamed
for i, before in enumerate(chosen + [None]*int(sys.argv[3])):
    path = folder/f'{i}.pt'
    pid = fork(folder/f'{i}', path, before=before)
    if not before:
        moment = rng.uniform(.02, .95)*seconds
        while spent(pid) < moment and not ended(pid): time.sleep(.001)
        os.kill(pid, signal.SIGKILL)
    killed = os.waitpid(pid, 0)[1] == signal.SIGKILL
    at, left_by_kill = steps_in(path), temporary(i)
    if (folder/f'{i}.done').exists(): is_same = same(torch.load(folder/f'{i}.done'), whole)
    else: is_same = resumed(i, path)
    found['kills'].append({'killed': killed, 'chosen': before is not None, 'checkpoint': at,
                           'litter': left_by_kill, 'left': temporary(i), 'same': is_same})

for i in (1000, 1001):  # SIGTERM, as schedulers send it: the step is kept, then the process dies
    path, moment = folder/f'{i}.pt', rng.uniform(.3, .7)*seconds
    pid = fork(folder/f'{i}', path)
    while spent(pid) < moment: time.sleep(.001)
    os.kill(pid, signal.SIGTERM)
    died = os.waitpid(pid, 0)[1] == signal.SIGTERM
    at = steps_in(path)
    found['asked'].append({'died': died, 'checkpoint': at, 'same': resumed(i, path)})
print(json.dumps(found))
'''

BAD_DISK = COMMON + '''
found, big = {}, resource.RLIM_INFINITY
(folder/'file').write_text('')
attempt('a path under a file',
        lambda: fit(model(), train, valid, **HOW, **kept(folder/'file'/'run.pt')))
attempt('a folder', lambda: fit(model(), train, valid, **HOW, **kept(folder)))

quiet = model()
h0 = fit(quiet, train, valid, **HOW)
class Filling(RSSM):
    "From the fifth step on no file may grow, as on a full disk; from the fifteenth on it may again"
    n = 0
    def loss(self, batch):
        self.n += self.training
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000 if 5 <= self.n < 15 else big, big))
        return super().loss(batch)

m = model(Filling)
def full(): found['h'] = fit(m, train, valid, **HOW, **kept(folder/'full.pt'))
attempt('full', full)
h = found.pop('h')
found['full'] |= {'same': h.valid == h0.valid and same(m.state_dict(), quiet.state_dict()),
                  'litter': litter(), 'checkpoint': steps(folder/'full.pt')}

good = folder/'good.pt'
fit(model(), train, valid, **HOW, **kept(good))
def other(key, m=None, t=train, v=valid, f=good, **kw):
    attempt(key, lambda: fit(m or model(), t, v, **(HOW | kw), **kept(None, resume=f)))

other('class', model(Filling))
other('arguments', model(stoch=4))
other('data', t=Windows(eps[:3], 6))
other('validation data', v=Windows(eps[3:], 6))
CHANGED = dict(steps=30, batch=3, lr=.5, weight_decay=.5, clip=2., context=3, valid_every=3,
               log_every=2, seed=4, precision='bf16')
for k, v in CHANGED.items(): other(k, **{k: v})
(folder/'half.pt').write_bytes(good.read_bytes()[:100_000])
other('half', f=folder/'half.pt')
other('none', f=folder/'none.pt')

ms, how = [model(), model()], {k: v for k, v in HOW.items() if k not in ('seed', 'progress')}
def own(i): return [Checkpointing(folder/f'all_{i}.pt')]
list(fit_all(ms, train, valid, seeds=[3, 4], workers=1, callbacks=own, **how))
found['all'] = [(folder/f'all_{i}.pt').exists() for i in (0, 1)]
found['all'].append(same(ms[0].state_dict(), quiet.state_dict()))
print(json.dumps(found))
'''


@pytest.fixture
def child(env, root):
    "The environment of a child process that imports this package"
    path = f'{root}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'
    return env | {'OMP_NUM_THREADS': '1', 'PYTHONPATH': path}


def run(code, folder, child, *args):
    "The last line that a script prints, as JSON"
    words = [sys.executable, '-c', code, str(folder), *args]
    done = subprocess.run(words, env=child, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(sys.platform != 'linux', reason='reads the processor time of another process')
def test_killed_at_random_moments_it_goes_on_bit_for_bit(child, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = run(KILLS, tmp_path, child, '0', '16')
    kills = found['kills']
    at = [k['checkpoint'] for k in kills]
    print(f"{found['seconds']:.2f} s a training; checkpoints found: {at}; "
          f"temporary files left by kills: {sum(k['litter'] for k in kills)}")
    assert found['keeping changes nothing']
    assert len(kills) == 20 and sum(k['killed'] for k in kills) >= 16
    assert all(k['same'] for k in kills), kills
    assert all(isinstance(o, int) for o in at), kills                   # never unreadable
    assert at[:4] == [0, 8, 0, 12]                                      # killed while writing:
    assert all(k['litter'] == 1 for k in kills[:4])                     # the one before stays
    assert not any(k['left'] for k in kills)                            # no temporary file stays
    for o in found['asked']:
        assert o['died'] and o['same'] and 0 < o['checkpoint'] < 24, o
    assert len(found['asked']) == 2
    assert len(set(at[4:])) >= 5                                        # random indeed


def test_a_bad_disk_or_another_training(child, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = run(BAD_DISK, tmp_path, child)
    below = found['a path under a file']
    assert below['error'] == 'FileError' and 'file: cannot write there' in below['text']
    assert found['a folder']['error'] == 'FileError'
    full = found['full']
    assert full['error'] is None and full['same'] and full['checkpoint'] == 24
    assert not full['litter'] and len(full['warnings']) == 5
    for w in full['warnings']:
        assert w.startswith('TrainingWarning') and 'full.pt: not written (File too large)' in w
        assert 'of step 4; training goes on' in w
    sides = {'class': "model='RSSM' there, model='Filling' here",
             'arguments': 'RSSM.stoch=8 there, RSSM.stoch=4 here',
             'data': 'from 3 episodes', 'validation data': 'from 3 episodes'}
    for key, text in sides.items():
        assert found[key]['error'] == 'FileError' and text in found[key]['text']
        assert 'good.pt: it holds another training' in found[key]['text'], found[key]
    settings = 'steps batch lr weight_decay clip context valid_every log_every seed precision'
    for key in settings.split():
        assert found[key]['error'] == 'FileError', found[key]
        assert f'{key}=' in found[key]['text'] and ' there' in found[key]['text'], found[key]
    assert 'half.pt: damaged or foreign' in found['half']['text']
    assert 'none.pt: no such file' in found['none']['text']
    assert found['all'] == [True, True, True]


REAL_DISK = COMMON + '''
found = {}
small, path = dict(deter=24, stoch=4, hidden=24), folder/'run.pt'
quiet = model(**small)
h0 = fit(quiet, train, valid, **HOW)
def fill_disk():
    with open(folder/'ballast', 'wb', buffering=0) as f:
        try:
            while True: f.write(bytes(4096))
        except OSError: pass

class Filling(RSSM):
    "From the fifth step on the disk is full"
    n = 0
    def loss(self, batch):
        self.n += self.training
        if self.n == 5 and self.training: fill_disk()
        return super().loss(batch)

m = model(Filling, **small)
attempt('full', lambda: fit(m, train, valid, **HOW, **kept(path)))
found['full'] |= {'same': same(m.state_dict(), quiet.state_dict()), 'checkpoint': steps(path),
                  'litter': litter()}
(folder/'ballast').unlink()
before = path.read_bytes()
os.system(f'mount -o remount,ro {folder}')
attempt('read-only',
        lambda: fit(model(**small), train, valid, **HOW, **kept(folder/'other.pt')))
attempt('read-only, resumed',
        lambda: fit(model(Filling, **small), train, valid, **HOW, **kept(path, resume=True)))
found['stands'] = path.read_bytes() == before
print(json.dumps(found))
'''


@pytest.fixture
def little_disk(tmp_path):
    "A file system of one megabyte"
    disk = tmp_path/'disk'
    disk.mkdir()
    mount = ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip('file systems cannot be mounted here')
    yield disk
    subprocess.run(['umount', disk], check=True)


@pytest.mark.skipif(sys.platform != 'linux', reason='mounts a file system')
def test_a_full_or_read_only_disk_leaves_the_last_checkpoint_whole(child, little_disk):
    found = run(REAL_DISK, little_disk, child)
    full = found['full']
    assert full['error'] is None and full['same'] and full['checkpoint'] == 4, full
    assert not full['litter'] and len(full['warnings']) == 10, full
    for w in full['warnings']:
        assert 'No space left on device' in w and 'of step 4; training goes on' in w, w
    errors = found['read-only'], found['read-only, resumed']
    assert all(o['error'] == 'FileError' for o in errors), errors
    assert 'cannot write there (Read-only file system)' in errors[0]['text']
    assert 'Read-only file system' in errors[1]['text'] and found['stands']
