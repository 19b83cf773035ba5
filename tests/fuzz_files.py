"""Damaged and forged files, thousands of them: `python tests/fuzz_files.py --examples 3000 --seed 0`; prints what became of them as JSON.

Two kinds. *Damage* changes bytes and knows nothing of formats: cut off, bits flipped, bytes overwritten, blocks zeroed, moved or repeated, pieces of
another file. It must be refused, unless nothing that is read has changed (a time stamp in a zip, say), and then the contents must be the same to the bit.
A *forgery* knows the format and makes the checksums right again: lengths and sizes that lie, programs in pickles, NaN, another class, entries that are
missing or new. It must always be refused. Watched meanwhile: the class and length of the error, the processor time of each reading, the memory
of the process, and (by an audit hook of Python) whether anything was run, started, unpickled or written.
"""
import argparse
import io
import json
import pickle
import os
import resource
import shutil
import struct
import sys
import sysconfig
import tempfile
import time
import warnings
import zipfile
from pathlib import Path

import nbformat
import numpy as np
import torch
from gymnasium.spaces import Box
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

import rssm_nbdev
from rssm_nbdev.checkpoint import load, save
from rssm_nbdev.core import RSSMError
from rssm_nbdev.sharing.course import export_course, import_course
from rssm_nbdev.data import LatentEpisode, load_episodes, save_episodes
from rssm_nbdev.encoder import VAE, load_encoder, save_encoder
from rssm_nbdev.env import Episode
from rssm_nbdev.files import digest, read_sealed_json, read_weights, write_sealed_json
from rssm_nbdev.files import write_weights
from rssm_nbdev.grading.grades import grade
from rssm_nbdev.gru import GRUDynamics
from rssm_nbdev.sharing.hub import from_pretrained, save_pretrained
from rssm_nbdev.planning.imagination import RewardHead, load_reward, save_reward
from rssm_nbdev.mdn_rnn import MDNRNN
from rssm_nbdev.collection.shards import merge_shards, save_shard
from rssm_nbdev.collection.minari_io import from_minari, to_minari
from rssm_nbdev.variants.presets import preset
from rssm_nbdev.callbacks.resume import RNGState, read_training, write_training
from rssm_nbdev.rssm import RSSM
from rssm_nbdev.analysis.study import _pack, _unpack

SECONDS, MEGABYTES = 1., 400                            # of processor time for one reading; of memory beyond what whole files need
ABOUT = {'model': 'Linear', 'lr': .1}


# What is read: a file that is whole, and how it is read to plain contents ---------------------------------------------------

def episode(i, latent):
    rng, T = np.random.default_rng(i), 6
    act, reward, state = rng.uniform(-1, 1, (T, 2)).astype('float32'), rng.normal(size=T).astype('float32'), rng.normal(size=(T + 1, 3)).astype('float32')
    if not latent: return Episode(rng.integers(0, 256, (T + 1, 8, 8, 3), dtype=np.uint8), act, reward, state, bool(i % 2), i, 'Made-v0')
    return LatentEpisode(torch.from_numpy(rng.normal(size=(T + 1, 4)).astype('float32')), torch.from_numpy(act), torch.from_numpy(reward), state, bool(i % 2), i, 'Made-v0')


def training():
    torch.manual_seed(0)
    m = torch.nn.Linear(3, 2); o = torch.optim.AdamW(m.parameters()); m(torch.ones(1, 3)).sum().backward(); o.step()
    return {'weights': m, 'optimiser': o, 'schedule': torch.optim.lr_scheduler.ExponentialLR(o, .9), 'chance': RNGState()}


def read_kept(path): parts = training(); read_training(path, ABOUT, parts); return {k: o.state_dict() for k, o in parts.items()}
def weights_of(m): return dict(m.state_dict())
def read_trial(path): whole = read_weights(path, 'a trial', 'rssm_nbdev.trial'); return _unpack(whole['result'], whole['state_dict'])
def read_model(path): m = load(path); return weights_of(m) | {'config': m.config, 'notes': m.notes}
def read_shard(path): return [vars(o) for o in merge_shards([path], path.with_name('whole.npz'))]


def among(folder, name, read):
    "How to read a file that is one of several in a folder: it takes its place there"
    def run(path): shutil.copy(path, folder/name); return read(folder)
    return (folder/name).read_bytes(), run


def hand_in(path):
    cells = [nbformat.v4.new_markdown_cell('# Section 2: GRU Dynamics Model'), nbformat.v4.new_code_cell('import torch\nmodel = torch.nn.GRU(32, 8)\nprint("1-step error", .5)',
             execution_count=1, outputs=[nbformat.v4.new_output('stream', text='1-step error 0.5, 5-step error 0.7\n')])]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def make(folder):
    "Whole files: name → (bytes, how to read)"
    torch.manual_seed(0)
    small, models = VAE(2), {'GRUDynamics': GRUDynamics(4, 2, 8), 'MDNRNN': MDNRNN(4, 2, 8, 2), 'RSSM': RSSM(4, 2, 8, 4, 8)}
    files = {}
    def keep(name, write, read): path = folder/name; write(path); files[name] = (path.read_bytes(), read)
    keep('encoder.safetensors', lambda p: save_encoder(small, p, env_id='Made-v0'), lambda p: weights_of(load_encoder(p).vae))
    keep('vae_encoder.pt', lambda p: save_encoder(small, p, epochs_trained=1), lambda p: weights_of(load_encoder(p).vae))
    for k, m in models.items():
        for end in ('.safetensors', '.pt'): keep(k + end, lambda p, m=m: save(m, p, env_id='CartPole-v1', metrics={'score': .25}), read_model)
    keep('rssm.pt', lambda p: export_course(preset('course', 4, 1, deter=6, hidden=6, stoch=4), p, 3, .5), lambda p: weights_of(import_course(p)))
    keep('reward.safetensors', lambda p: save_reward(RewardHead(4, 3, 6), p), lambda p: weights_of(load_reward(p)))
    keep('training.pt', lambda p: write_training(p, ABOUT, training()), read_kept)
    keep('episodes.npz', lambda p: save_episodes(p, [episode(i, False) for i in range(2)]), lambda p: [vars(o) for o in load_episodes(p)])
    keep('latents.npz', lambda p: save_episodes(p, [episode(i, True) for i in range(3)]), lambda p: [vars(o) for o in load_episodes(p)])
    keep('shard_1_of_1.npz', lambda p: save_shard(p.with_name('shard.npz'), [episode(1, True)], (1, 1), {'seed': 0}), read_shard)
    keep('metrics.json', lambda p: write_sealed_json(p, {'encoder': 'ab'*32, 'score': .125, 'rows': [{'step': 1, 'loss': 2.5}]}), lambda p: read_sealed_json(p, 'metrics'))
    def trial(p): tensors = {}; write_weights(p, tensors, {'format': 'rssm_nbdev.trial', 'version': 1, 'result': _pack({'err': np.arange(6.).reshape(2, 3), 'best': {'step': 3}}, tensors)})
    keep('trial.safetensors', trial, read_trial)
    keep('hand-in.ipynb', hand_in, lambda p: [vars(o) for o in grade(p)])
    save_pretrained(models['GRUDynamics'], folder/'hub', env_id='CartPole-v1')
    files['config.json'] = among(folder/'hub', 'config.json', lambda d: weights_of(from_pretrained(d)))
    os.environ['MINARI_DATASETS_PATH'] = str(folder)
    for name in ('main_data.hdf5', 'metadata.json'):                              # each in a dataset of its own
        eps = to_minari([episode(i, False) for i in range(2)], f'demo/{name.split(".")[1]}-v0', env_args=None, action_space=Box(-1, 1, (2,)))
        files[name] = among(Path(eps.storage.data_path), name, lambda d: [vars(o) for o in from_minari(d, size=None)])
    for name in ('config.json', 'main_data.hdf5', 'metadata.json'): (folder/name).write_bytes(files[name][0])
    return files


OPEN = {'hand-in.ipynb'}                                # a hand-in has no checksum: it is graded as it is, or refused


def same(a, b):
    if isinstance(a, dict): return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)): return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, 'shape'): return hasattr(b, 'shape') and a.shape == b.shape and a.dtype == b.dtype and bool((a == b).all())
    return type(a) is type(b) and a == b


# Damage ----------------------------------------------------------------------------------------------------------------------

@st.composite
def damage(draw, files):
    "One file, damaged"
    name = draw(st.sampled_from(sorted(files)))
    data, n = bytearray(files[name][0]), len(files[name][0])
    near = st.integers(0, min(n, 4096) - 1)                                # headers are at the beginning, those of zips at the end
    where = st.one_of(near, near.map(lambda i: n - 1 - i), st.integers(0, n - 1))
    how = draw(st.sampled_from(['cut', 'flip', 'flip', 'flip', 'write', 'number', 'zero', 'move', 'repeat', 'splice', 'append', 'empty']))
    if how == 'cut': del data[draw(where):]
    elif how == 'flip':
        for _ in range(draw(st.integers(1, 8))): data[draw(where)] ^= 1 << draw(st.integers(0, 7))
    elif how == 'write': i = draw(where); data[i:i+8] = draw(st.binary(min_size=1, max_size=8))
    elif how == 'number': i = draw(where); data[i:i+8] = struct.pack('<Q', draw(st.sampled_from([0, 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63, 2**64 - 1])))[:draw(st.integers(1, 8))]
    elif how == 'zero': i = draw(where); data[i:i+512] = bytes(len(data[i:i+512]))
    elif how == 'move': i, j = draw(where), draw(where); data[i:i+64], data[j:j+64] = data[j:j+64], data[i:i+64]
    elif how == 'repeat': i, k = draw(where), draw(st.integers(1, 2048)); data[i:i] = data[i:i+k]
    elif how == 'splice': other = files[draw(st.sampled_from(sorted(files)))][0]; i = draw(where); data[i:] = other[i:]
    elif how == 'append': data += draw(st.binary(min_size=1, max_size=64))
    else: data = bytearray(draw(st.sampled_from([b'', b'\0', b'PK', b'{}', b'[]', b'\x80\x04.', b'PK\x05\x06' + bytes(18)])))
    return name, how, bytes(data)


# Forgeries -------------------------------------------------------------------------------------------------------------------

class Program:
    "A pickle that leaves a file behind if it is followed"
    def __init__(self, path, f=Path.touch): self.path, self.f = path, f
    def __reduce__(self): return (self.f, (self.path,))


def repacked(data, change, method=zipfile.ZIP_STORED):
    "A zip whose members went through `change(name, bytes)` → bytes or None, with right checksums"
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as z, zipfile.ZipFile(out, 'w', method) as w:
        for n in z.namelist():
            new = change(n, z.read(n))
            if new is not None: w.writestr(n, new)
    return out.getvalue()


def tensors_with(data, k, v):
    "A safetensors file of ours with one entry of the header different, sealed again"
    n, = struct.unpack('<Q', data[:8]); head = json.loads(data[8:8+n]); body = data[8+n:]
    ours = json.loads(head['__metadata__']['rssm_nbdev'])
    at = ours
    *path, last = k
    for p in path: at = at[p]
    if v is DROP: at.pop(last, None)
    else: at[last] = v
    kinds = {'F32': np.float32, 'F16': np.float16, 'F64': np.float64, 'I64': np.int64}
    arrays = {k: torch.from_numpy(np.frombuffer(body[slice(*o['data_offsets'])], kinds[o['dtype']]).reshape(o['shape']).copy()) for k, o in head.items() if k != '__metadata__'}
    ours.pop('sha256', None) if k != ('sha256',) else None
    if k != ('sha256',): ours['sha256'] = digest(ours, arrays)
    head['__metadata__']['rssm_nbdev'] = json.dumps(ours)
    text = json.dumps(head).encode()
    return struct.pack('<Q', len(text)) + text + body


DROP = object()
SIZES = {'embed', 'act_dim', 'deter', 'stoch', 'hidden', 'components', 'prior_layers', 'post_layers'}   # arguments that the weights' shapes depend on
ODD = st.one_of(st.none(), st.booleans(), st.integers(-2**70, 2**70), st.sampled_from([0, -1, 10**9, 2**31, 2**63, 10**30, .5, 1e308, '', 'word', [], {}, [[]], {'a': 1}, 'a'*10_000, DROP]), st.text(max_size=8))


@st.composite
def forgery(draw, files, ran):
    "One file whose checksums are right and whose contents are not"
    what = draw(st.sampled_from(['program', 'program', 'entry', 'entry', 'entry', 'config', 'config', 'nan', 'class', 'lengths', 'bomb', 'npy', 'rows', 'loop', 'shape', 'sealed', 'vast']))
    st_files = sorted(k for k in files if k.endswith('.safetensors'))
    if what == 'program':
        name = draw(st.sampled_from(sorted(k for k in files if k.endswith(('.pt', '.npz', '.json', '.safetensors')))))
        evil, f = Program(str(ran)), io.BytesIO()
        form = draw(st.sampled_from(['pickle', 'torch', 'old torch', 'inside', 'npz', 'bytearray', 'eval']))
        if form == 'pickle': return name, what, pickle.dumps(evil, draw(st.integers(0, 5)))
        if form == 'torch': torch.save(evil, f); return name, what, f.getvalue()
        if form == 'old torch': torch.save({'state_dict': evil, 'format': 'rssm_nbdev.model'}, f, _use_new_zipfile_serialization=False); return name, what, f.getvalue()
        if form == 'npz': np.savez(f, header=np.array([evil], object), **{'0/obs': np.array([evil], object)}); return name, what, f.getvalue()
        if form == 'bytearray': torch.save({'state_dict': {}, 'format': 'rssm_nbdev.model', 'notes': Program(10**11, bytearray)}, f); return name, what, f.getvalue()
        if form == 'eval': return name, what, repacked(files['RSSM.pt'][0], lambda n, b: b"cbuiltins\neval\n(V__import__('pathlib').Path(" + repr(str(ran)).encode() + b').touch()\ntR.' if n.endswith('data.pkl') else b)
        name = draw(st.sampled_from(sorted(k for k in files if k.endswith('.pt'))))
        whole = torch.load(io.BytesIO(files[name][0]), weights_only=True); whole[draw(st.sampled_from(sorted(whole)))] = evil; torch.save(whole, f)
        return name, what, f.getvalue()
    if what in ('entry', 'config'):
        name = draw(st.sampled_from([k for k in st_files if k != 'encoder.safetensors']))                        # a note of an encoder may be anything
        data = files[name][0]; n, = struct.unpack('<Q', data[:8]); ours = json.loads(json.loads(data[8:8+n])['__metadata__']['rssm_nbdev'])
        free = ('sha256', 'versions', 'notes', 'metrics', 'encoder_sha256', 'env_id', 'result')                   # any value of its type will do
        if what == 'config' and 'config' in ours: path = ('config', draw(st.sampled_from(sorted(ours['config']))))
        else: path = (draw(st.sampled_from(sorted(set(ours) - set(free)))),)
        old = ours
        for p in path: old = old[p]
        legal = lambda v: what == 'config' and path[-1] not in SIZES and isinstance(v, (int, float)) and 0 <= v <= 1e5   # another model, and a possible one
        new = draw(ODD.filter(lambda v: v is DROP or v != old and not legal(v)))
        return name, what, tensors_with(data, path, new)
    if what == 'nan':
        name = draw(st.sampled_from([k for k in st_files if k != 'trial.safetensors'] + ['vae_encoder.pt', 'rssm.pt', 'RSSM.pt']))
        bad = draw(st.sampled_from([float('nan'), float('inf'), -float('inf')]))
        if name.endswith('.pt'):
            whole = torch.load(io.BytesIO(files[name][0]), weights_only=True)
            for sd in ([whole[k] for k in ('state_dict', 'rssm_state_dict', 'model_state_dict') if k in whole]):
                k = draw(st.sampled_from(sorted(sd))); sd[k].reshape(-1)[0] = bad
                if 'sha256' in whole: whole['sha256'] = digest({k: v for k, v in whole.items() if k not in ('sha256', 'state_dict')}, sd)
            f = io.BytesIO(); torch.save(whole, f); return name, what, f.getvalue()
        data = files[name][0]; n, = struct.unpack('<Q', data[:8]); head = json.loads(data[8:8+n]); body = bytearray(data[8+n:])
        k = draw(st.sampled_from(sorted(set(head) - {'__metadata__'}))); at = head[k]['data_offsets'][0]
        body[at:at + (2 if head[k]['dtype'] == 'F16' else 4)] = np.array(bad, {'F16': 'float16', 'F32': 'float32'}[head[k]['dtype']]).tobytes()
        return name, what, tensors_with(data[:8+n] + bytes(body), ('version',), 2 if name in ('encoder.safetensors', 'reward.safetensors') else 4)
    if what == 'class':                                                                                          # one whole file under the name of another
        name = draw(st.sampled_from(sorted(files)))
        family = lambda k: ('model' if k.split('.')[0] in ('RSSM', 'GRUDynamics', 'MDNRNN') else k.split('.')[0] if not k.endswith('.npz') else 'npz', k.split('.')[1])
        other = draw(st.sampled_from([k for k in sorted(files) if family(k) != family(name)]))
        return name, what, files[other][0]
    if what == 'lengths':
        name = draw(st.sampled_from(st_files)); data = files[name][0]
        n = draw(st.sampled_from([0, 1, 2**31, 2**40, 2**63, 2**64 - 1, len(data), len(data) - 8, len(data) + 1]) | st.integers(0, len(data)))
        return name, what, struct.pack('<Q', n if n != struct.unpack('<Q', data[:8])[0] else n + 1) + data[8:]
    if what == 'bomb':
        name = draw(st.sampled_from(['RSSM.pt', 'vae_encoder.pt', 'training.pt', 'rssm.pt']))
        return name, what, repacked(files[name][0], lambda n, b: bytes(200_000_000 if draw(st.integers(0, 9)) == 0 else 100_000) if '/data/' in n and n.endswith('/0') else b, zipfile.ZIP_DEFLATED)
    if what in ('npy', 'vast'):
        name = draw(st.sampled_from(['episodes.npz', 'latents.npz']))
        key = draw(st.sampled_from(['0/reward.npy', '0/state.npy', '1/obs.npy' if name == 'episodes.npz' else '1/e.npy', '1/act.npy' if name == 'episodes.npz' else '1/a.npy']))
        def other(n, b):
            if n != key: return b
            with io.BytesIO(b) as f: a = np.load(f)
            if what == 'vast': f = io.BytesIO(); np.lib.format.write_array_header_1_0(f, {'descr': '<f4', 'fortran_order': False, 'shape': (draw(st.sampled_from([10**9, 10**12, 2**62, 10**30])),)}); return f.getvalue()
            a = draw(st.sampled_from([a[:-1], a[None], a.astype(complex), a.astype('U5'), a.reshape(-1)[:0], np.array(3.), a.astype(bool), (a*np.nan if a.dtype.kind == 'f' else a[..., :1, :1])]))
            f = io.BytesIO(); np.save(f, a); return f.getvalue()
        return name, what, repacked(files[name][0], other)
    if what == 'rows':
        name = draw(st.sampled_from(['episodes.npz', 'latents.npz', 'shard_1_of_1.npz']))
        def other(n, b):
            if n == 'shard.json' and name.startswith('shard'): note = json.loads(b); note['shard'] = draw(st.sampled_from([[1, 2], [0, 1], [1], 'word', None, [2, 1], [1.5, 1], [[]], {'a': 1}])); return json.dumps(note).encode()
            if n != 'header.npy' or name.startswith('shard'): return b
            h = json.loads(str(np.load(io.BytesIO(b))))
            key = draw(st.sampled_from(['terminated', 'seed', 'env_id', 'kind', 'format', 'rows', 'extra', 'gone']))
            if key in ('kind', 'format', 'rows'): h[key] = draw(ODD.filter(lambda v: v is not DROP and not isinstance(v, dict) or v == {}))
            elif key == 'gone': h['rows'] = h['rows'][:-1]
            elif key == 'extra': h['rows'][0]['obs'] = 3
            else: h['rows'][0][key] = draw(st.sampled_from([None, [], 1.5, {'a': 1}] + ([3, 'word'] if key == 'terminated' else [True, 'word'] if key == 'seed' else [3, True])))
            f = io.BytesIO(); np.save(f, np.array(json.dumps(h))); return f.getvalue()
        return name, what, repacked(files[name][0], other)
    if what == 'loop':
        name, f = draw(st.sampled_from(['RSSM.pt', 'rssm.pt', 'vae_encoder.pt', 'training.pt'])), io.BytesIO()
        many = 'ha'
        for _ in range(40): many = [many]*20
        me = []; me.append(me)
        whole = torch.load(io.BytesIO(files[name][0]), weights_only=True); whole[draw(st.sampled_from(['notes', 'format', 'more']))] = draw(st.sampled_from([many, me])); torch.save(whole, f)
        return name, what, f.getvalue()
    if what == 'shape':
        name, f = draw(st.sampled_from(['vae_encoder.pt', 'rssm.pt'])), io.BytesIO()
        whole = torch.load(io.BytesIO(files[name][0]), weights_only=True)
        for sd in [v for v in whole.values() if isinstance(v, dict)]:
            k = draw(st.sampled_from(sorted(sd))); v = sd[k]
            sd[k] = draw(st.sampled_from([v[:0], v[None], v.reshape(-1)[:1].expand(2**33), v.long(), v.to(torch.complex64), 'word', None, v.to_sparse(), torch.zeros(1).expand(10**6, 4096)]))
        torch.save(whole, f); return name, what, f.getvalue()
    text = draw(st.sampled_from(['['*200_000, '{"a":'*50_000, '{"sha256": "' + 'a'*64 + '"}', '1'*10_000, '{"mse": 1e999}', '{"a": NaN}', '"word"', '{"sha256": {}}', '{"a": 1, "sha256": null}', '\ud800'.encode('utf-8', 'surrogatepass').decode('latin1')]))
    return 'metrics.json', what, text.encode('latin1')


# What becomes of them --------------------------------------------------------------------------------------------------------

class Watch:
    "What a reading may not do: start a program, unpickle, connect, load a library, run code that is not of an installed module"
    NEVER = ('os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'subprocess.Popen', 'pickle.find_class', 'socket.connect', 'ctypes.dlopen')
    INSTALLED = tuple(sysconfig.get_paths()[k] for k in ('stdlib', 'platstdlib', 'purelib', 'platlib')) + (str(Path(rssm_nbdev.__file__).parent), '<frozen')
    def __init__(self): self.on, self.seen = False, []; sys.addaudithook(self)
    def __call__(self, event, args):
        foreign = event == 'exec' and not getattr(args[0], 'co_filename', '').startswith(self.INSTALLED)   # modules that are imported late run too
        if self.on and (event in self.NEVER or foreign): self.seen.append((event, str(args)[:200]))


def main(examples=3000, of=0):
    files_in = tempfile.TemporaryDirectory(prefix='fuzz_'); folder = Path(files_in.name)
    files, ran, watch = make(folder), folder/'ran', Watch()
    whole = {k: read(folder/k) for k, (_, read) in files.items()}                # also warms up: lazy imports are done
    for k, (data, read) in files.items(): (folder/f'x_{k}').write_bytes(data); assert same(whole[k], read(folder/f'x_{k}')), k
    wholes = {data for data, _ in files.values()}
    found = {'damage': {}, 'forgery': {}, 'refused': 0, 'unchanged': 0, 'slowest': 0., 'by file': {}, 'errors': {}}
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def look(kind, made):
        name, how, data = made
        if data == files[name][0] or kind == 'damage' and data in wholes: return          # nothing was damaged
        path = folder/f'x_{name}' if not name.startswith('shard') else folder/'x'/name
        path.parent.mkdir(exist_ok=True); path.write_bytes(data)
        watch.on, begin = True, time.thread_time()
        try: got, error = files[name][1](path), None
        except RSSMError as e: got, error = None, e
        finally: watch.on = False
        took = time.thread_time() - begin
        assert took < SECONDS, f'{name}, {how}: {took:.2f} s'
        assert not watch.seen and not ran.exists(), f'{name}, {how}: it {watch.seen} {ran.exists()}'
        if error is None: assert kind == 'damage' and (name in OPEN or same(whole[name], got)), f'{name}, {how}: accepted'
        else: assert '\n' not in str(error) and len(str(error)) < 1000 and (path.name.split('_of_')[0][:5] in str(error) or name in str(error) or 'hub:' in str(error) or 'demo/' in str(error)), f'{name}, {how}: {error}'
        found['refused' if error else 'unchanged'] += 1; found['slowest'] = max(found['slowest'], took)
        for table, key in ((found[kind], how), (found['by file'], name)): table[key] = table.get(key, 0) + 1
        if error: words = type(error).__name__; found['errors'][words] = found['errors'].get(words, 0) + 1

    how = dict(deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False)
    @seed(of)
    @settings(max_examples=examples*2//3, **how)
    @given(damage(files))
    def damaged(made): look('damage', made)
    @seed(of)
    @settings(max_examples=examples//3, **how)
    @given(forgery(files, ran))
    def forged(made): look('forgery', made)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')                                          # torch and Pillow warn of odd files
        damaged(); forged()
    found['megabytes'] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)/1000
    files_in.cleanup()
    return found


if __name__ == '__main__':
    p = argparse.ArgumentParser(); p.add_argument('--examples', type=int, default=3000); p.add_argument('--seed', type=int, default=0)
    args = p.parse_args(); torch.set_num_threads(1)
    print(json.dumps(main(args.examples, args.seed)))
