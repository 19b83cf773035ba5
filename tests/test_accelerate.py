"""Training on two processes, started as users start them: the same curve as on one.

Tolerance: each loss and each validation score within 1e-5 of one process's, relative. The noise of
the posterior is the same by construction; what is left is rounding, because halves are summed in
another order than the whole.
"""
import json
import os
import socket
import subprocess
import sys

import pytest

pytest.importorskip('accelerate')
SCRIPT = '''
import json, os, sys, warnings
from pathlib import Path
import torch
from accelerate import Accelerator, notebook_launcher
from rssm_nbdev.callbacks.distributed import DataParallel
from rssm_nbdev.callbacks.resume import Checkpointing
from rssm_nbdev.data import LatentEpisode, Windows
from rssm_nbdev.dynamics import fit_scale
from rssm_nbdev.gru import GRUDynamics
from rssm_nbdev.rssm import RSSM
from rssm_nbdev.train import fit
from rssm_nbdev.variants.parts import Categorical, OvershootingKL
torch.set_num_threads(1)

def episode(seed, T=40):
    g = torch.Generator().manual_seed(seed)
    a = torch.rand(T, 1, generator=g)*2 - 1
    speed = .1*torch.cat([torch.zeros(1), a[:, 0].cumsum(0)])
    angle = (torch.rand((), generator=g) + speed).cumsum(0)
    e, state = torch.stack([angle.cos(), angle.sin()], 1), angle[:, None].numpy()
    return LatentEpisode(e, a, torch.zeros(T), state, False, seed, 'test')

eps = [episode(i) for i in range(20)]
train, valid = Windows(eps[:15], 12), Windows(eps[15:], 12)
overshooting = dict(deter=24, stoch=4, latent=Categorical(classes=4), kl=OvershootingKL(steps=3))
MODELS = {'GRU': (GRUDynamics, {}), 'RSSM': (RSSM, dict(deter=24, stoch=6)),
          'RSSM, categorical, overshooting': (RSSM, overshooting)}
HOW = dict(steps=40, batch=8, lr=5e-3, valid_every=20, log_every=1, clip=.5, seed=1)

def make(name):
    cls, kw = MODELS[name]
    return fit_scale(cls(2, 1, hidden=24, **kw), eps[:15])

def stopped_at_26(m, path):
    "A training that is interrupted in step 26: its checkpoint is of step 20"
    loss, calls = m.loss, [0]
    def interrupted(batch):
        calls[0] += m.training
        if calls[0] > 25: raise KeyboardInterrupt
        return loss(batch)
    m.loss = interrupted
    return fit(m, train, valid, **HOW, progress=False, callbacks=[Checkpointing(path)])

def run(folder, n, names=tuple(MODELS)):
    accelerator = Accelerator(cpu=True) if n > 1 else None
    parallel = [DataParallel(accelerator)] if n > 1 else []
    rank, found = int(os.environ.get('RANK', 0)), {}
    if n > 1:
        kind = accelerator.distributed_type.value
        assert (accelerator.num_processes, kind) == (n, 'MULTI_CPU')
    for name in names:
        torch.manual_seed(rank)  # processes begin with different weights: fit must not care
        m, path = make(name), Path(folder)/f'{name}_{n}.pt'
        h = fit(m, train, valid, **HOW, callbacks=[Checkpointing(path), *parallel])
        kept = torch.load(path)['parts']['schedule']['last_epoch'] if rank == 0 else 40
        found[name] = {
            'loss': h.column('train', 'loss')[1], 'norm': h.column('train', 'grad_norm')[1],
            'score': h.column('valid', 'score')[1], 'best': h.best, 'step': kept,
            'weights': [p.tolist() for p in m.parameters()]}
    torch.manual_seed(0)
    m, half = make('RSSM'), Path(folder)/'half.pt'
    if n == 1: assert stopped_at_26(m, half).interrupted
    else:                        # gone on with on two
        callbacks = [Checkpointing(None, resume=half), *parallel]
        h = fit(m, train, valid, **HOW, progress=False, callbacks=callbacks)
        found['resumed'] = h.column('train', 'loss')[1]
        try: fit(m, train, valid, batch=9, callbacks=parallel)
        except ValueError as e: found['uneven'] = str(e)
    Path(folder, f'{n}_{rank}.json').write_text(json.dumps(found))
'''
SHELL = SCRIPT + '''
run(sys.argv[1], int(sys.argv[2]))
'''
NOTEBOOK = SCRIPT + '''
run(sys.argv[1], 1, ('GRU', 'RSSM'))
notebook_launcher(run, (sys.argv[1], 2, ('GRU', 'RSSM')), num_processes=2, use_port=sys.argv[3])
'''
# --multi_gpu: torch's launcher; with --cpu, accelerate starts one process, unless by MPI
LAUNCH = ('-m accelerate.commands.accelerate_cli launch --multi_gpu --num_processes 2 '
          '--num_machines 1 --mixed_precision no --dynamo_backend no --main_process_port').split()


@pytest.fixture
def port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return str(s.getsockname()[1])


@pytest.fixture
def child(env, root):
    "The environment of a child process that imports this package"
    path = f'{root}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'
    return env | {'OMP_NUM_THREADS': '1', 'PYTHONPATH': path, 'PYTHONWARNINGS': 'ignore'}


def do(words, child, folder):
    words = [sys.executable, *map(str, words)]
    done = subprocess.run(words, env=child, capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def gap(a, b): return max(abs(x/y - 1) for x, y in zip(a, b, strict=True))


def compare(folder, names):
    files = '1_0.json', '2_0.json', '2_1.json'
    one, first, second = (json.loads((folder/f).read_text()) for f in files)
    for name in names:
        a, b, c = one[name], first[name], second[name]
        gaps = {k: gap(a[k], b[k]) for k in ('loss', 'norm', 'score')}
        print(name, {k: f'{v:.1e}' for k, v in gaps.items()})
        assert max(gaps.values()) < 1e-5, (name, gaps)
        assert len(a['loss']) == 40 and sum(a['loss'][-10:]) < sum(a['loss'][:10])  # it learns
        assert b == c                                   # history and best weights, bit for bit
        assert b['best']['step'] == a['best']['step'] and a['step'] == b['step'] == 40
    assert len(first['resumed']) == 40
    assert gap(one['RSSM']['loss'], first['resumed']) < 1e-5
    assert first['uneven'] == '9 windows a step for 2 processes: expected a multiple'


def test_two_processes_by_accelerate_launch_follow_one(child, tmp_path, port):
    script = tmp_path/'train.py'
    script.write_text(SHELL)
    do([script, tmp_path, 1], child, tmp_path)
    for f in tmp_path.glob('*_1.pt'):
        f.unlink()
    out = do([*LAUNCH, port, script, tmp_path, 2], child, tmp_path)
    names = json.loads((tmp_path/'1_0.json').read_text())
    assert len(names) == 3
    compare(tmp_path, names)
    assert out.count('| 0/40 [') == 3                   # a bar for each model, not each process
    assert not [f.name for f in tmp_path.iterdir() if f.name.startswith('.')]


def test_two_processes_by_notebook_launcher_follow_one(child, tmp_path, port):
    script = tmp_path/'cells.py'
    script.write_text(NOTEBOOK)
    do([script, tmp_path, 0, port], child, tmp_path)
    compare(tmp_path, ('GRU', 'RSSM'))
