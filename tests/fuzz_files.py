"""Damaged and forged files, thousands of them

`python tests/fuzz_files.py --examples 3000 --seed 0` prints the outcomes as JSON.

*Damage* changes bytes without regard to formats: a file cut off, bits flipped, bytes overwritten,
blocks zeroed, moved or repeated, pieces of another file. It must be refused, unless nothing that is
read has changed (a time stamp in a zip, say), and then the contents must be the same to the bit.
A *forgery* follows the format and has correct checksums: false lengths and sizes, programs in
pickles, NaN, another class, entries that are missing or new. It must always be refused. For each
file we check the class and length of the error, the processor time, the memory of the process, and
(by an audit hook of Python) that nothing was run, started, unpickled or written.
"""
import argparse
import io
import json
import os
import pickle
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
from rssm_nbdev.analysis.study import _pack, _unpack
from rssm_nbdev.callbacks.resume import RNGState, read_training, write_training
from rssm_nbdev.checkpoint import load, save
from rssm_nbdev.collection.minari_io import from_minari, to_minari
from rssm_nbdev.collection.shards import merge_shards, save_shard
from rssm_nbdev.core import RSSMError
from rssm_nbdev.data import LatentEpisode, load_episodes, save_episodes
from rssm_nbdev.encoder import VAE, load_encoder, save_encoder
from rssm_nbdev.env import Episode
from rssm_nbdev.files import digest, read_sealed_json, read_weights, write_sealed_json
from rssm_nbdev.files import write_weights
from rssm_nbdev.grading.grades import grade
from rssm_nbdev.gru import GRUDynamics
from rssm_nbdev.mdn_rnn import MDNRNN
from rssm_nbdev.planning.imagination import RewardHead, load_reward, save_reward
from rssm_nbdev.rssm import RSSM
from rssm_nbdev.sharing.course import export_course, import_course
from rssm_nbdev.sharing.hub import from_pretrained, save_pretrained
from rssm_nbdev.variants.parts import preset

SECONDS = 1.  # of processor time for one file
ABOUT = {'model': 'Linear', 'lr': .1}


# ---- files of each kind, and how each is read to plain contents

def episode(i, latent):
    "An episode of random numbers"
    rng, T = np.random.default_rng(i), 6
    act = rng.uniform(-1, 1, (T, 2)).astype('float32')
    reward = rng.normal(size=T).astype('float32')
    state = rng.normal(size=(T + 1, 3)).astype('float32')
    end = state, bool(i % 2), i, 'Made-v0'
    if not latent:
        obs = rng.integers(0, 256, (T + 1, 8, 8, 3), dtype=np.uint8)
        return Episode(obs, act, reward, *end)
    e = rng.normal(size=(T + 1, 4)).astype('float32')
    return LatentEpisode(*map(torch.from_numpy, (e, act, reward)), *end)


def training():
    "The parts of a training after one step"
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, .9)
    parts = {'weights': model, 'optimiser': optimiser, 'schedule': schedule}
    return parts | {'chance': RNGState()}


def weights_of(model): return dict(model.state_dict())
def read_vae(path): return weights_of(load_encoder(path).vae)
def read_course(path): return weights_of(import_course(path))
def read_head(path): return weights_of(load_reward(path))
def read_metrics(path): return read_sealed_json(path, 'metrics')
def read_hub(folder): return weights_of(from_pretrained(folder))
def read_grades(path): return [vars(o) for o in grade(path)]
def read_episodes(path): return [vars(o) for o in load_episodes(path)]
def read_minari(folder): return [vars(o) for o in from_minari(folder, size=None)]


def read_model(path):
    model = load(path)
    return weights_of(model) | {'config': model.config, 'notes': model.notes}


def read_resumed(path):
    parts = training()
    read_training(path, ABOUT, parts)
    return {k: o.state_dict() for k, o in parts.items()}


def read_shard(path):
    return [vars(o) for o in merge_shards([path], path.with_name('whole.npz'))]


def read_trial(path):
    whole = read_weights(path, 'a trial', 'rssm_nbdev.trial')
    return _unpack(whole['result'], whole['state_dict'])


def write_trial(path):
    tensors = {}
    result = _pack({'err': np.arange(6.).reshape(2, 3), 'best': {'step': 3}}, tensors)
    write_weights(path, tensors, {'format': 'rssm_nbdev.trial', 'version': 1, 'result': result})


def write_hand_in(path):
    text = nbformat.v4.new_markdown_cell('# Section 2: GRU Dynamics Model')
    source = 'import torch\nmodel = torch.nn.GRU(32, 8)\nprint("1-step error", .5)'
    printed = '1-step error 0.5, 5-step error 0.7\n'
    output = nbformat.v4.new_output('stream', text=printed)
    code = nbformat.v4.new_code_cell(source, execution_count=1, outputs=[output])
    nbformat.write(nbformat.v4.new_notebook(cells=[text, code]), path)


def among(folder, name, read):
    "The bytes of a file that is one of several in a folder, and how to read others in its place"
    def replace_and_read(path):
        shutil.copy(path, folder/name)
        return read(folder)
    return (folder/name).read_bytes(), replace_and_read


def write_encoders(keep):
    vae = VAE(2)
    keep('encoder.safetensors', lambda p: save_encoder(vae, p, env_id='Made-v0'), read_vae)
    keep('vae_encoder.pt', lambda p: save_encoder(vae, p, epochs_trained=1), read_vae)


def write_models(keep, models):
    notes = dict(env_id='CartPole-v1', metrics={'score': .25})
    for name, model in models.items():
        def write(path, model=model): save(model, path, **notes)
        for suffix in ('.safetensors', '.pt'):
            keep(name + suffix, write, read_model)
    course = preset('course', 4, 1, deter=6, hidden=6, stoch=4)
    keep('rssm.pt', lambda p: export_course(course, p, 3, .5), read_course)
    keep('reward.safetensors', lambda p: save_reward(RewardHead(4, 3, 6), p), read_head)
    keep('training.pt', lambda p: write_training(p, ABOUT, training()), read_resumed)
    keep('trial.safetensors', write_trial, read_trial)


def write_episodes(keep):
    frames = [episode(i, False) for i in range(2)]
    latents = [episode(i, True) for i in range(3)]
    keep('episodes.npz', lambda p: save_episodes(p, frames), read_episodes)
    keep('latents.npz', lambda p: save_episodes(p, latents), read_episodes)

    def write_shard(path):
        save_shard(path.with_name('shard.npz'), [episode(1, True)], (1, 1), {'seed': 0})
    keep('shard_1_of_1.npz', write_shard, read_shard)


def write_metrics(path):
    rows = [{'step': 1, 'loss': 2.5}]
    write_sealed_json(path, {'encoder': 'ab'*32, 'score': .125, 'rows': rows})


def make(folder):
    "Files that are whole: name → (bytes, how to read)"
    torch.manual_seed(0)
    models = {
        'GRUDynamics': GRUDynamics(4, 2, 8),
        'MDNRNN': MDNRNN(4, 2, 8, 2),
        'RSSM': RSSM(4, 2, 8, 4, 8),
    }
    files = {}

    def keep(name, write, read):
        write(folder/name)
        files[name] = (folder/name).read_bytes(), read

    write_encoders(keep)
    write_models(keep, models)
    write_episodes(keep)
    keep('metrics.json', write_metrics, read_metrics)
    keep('hand-in.ipynb', write_hand_in, read_grades)
    save_pretrained(models['GRUDynamics'], folder/'hub', env_id='CartPole-v1')
    in_folder = {'config.json': among(folder/'hub', 'config.json', read_hub)}
    os.environ['MINARI_DATASETS_PATH'] = str(folder)
    for name in ('main_data.hdf5', 'metadata.json'):  # each in a dataset of its own
        frames, dataset = [episode(i, False) for i in range(2)], f'demo/{name.split(".")[1]}-v0'
        made = to_minari(frames, dataset, env_args=None, action_space=Box(-1, 1, (2,)))
        in_folder[name] = among(Path(made.storage.data_path), name, read_minari)
    for name, (data, _) in in_folder.items():
        (folder/name).write_bytes(data)
    return files | in_folder


OPEN = {'hand-in.ipynb'}  # a hand-in has no checksum: it is graded as it is, or refused


def same(a, b):
    "Are two contents equal to the bit?"
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(same, a, b))
    if hasattr(a, 'shape'):
        alike = hasattr(b, 'shape') and a.shape == b.shape and a.dtype == b.dtype
        return alike and bool((a == b).all())
    return type(a) is type(b) and a == b


# ---- damage: each function changes `data` in place, at a byte that `where` draws

def cut(data, draw, where, files):
    del data[draw(where):]


def flip(data, draw, where, files):
    for _ in range(draw(st.integers(1, 8))):
        data[draw(where)] ^= 1 << draw(st.integers(0, 7))


def overwrite(data, draw, where, files):
    i = draw(where)
    data[i:i+8] = draw(st.binary(min_size=1, max_size=8))


def write_number(data, draw, where, files):
    i = draw(where)
    number = draw(st.sampled_from([0, 1, 2**31 - 1, 2**32 - 1, 2**40, 2**63, 2**64 - 1]))
    data[i:i+8] = struct.pack('<Q', number)[:draw(st.integers(1, 8))]


def zero(data, draw, where, files):
    i = draw(where)
    data[i:i+512] = bytes(len(data[i:i+512]))


def move(data, draw, where, files):
    i, j = draw(where), draw(where)
    first, second = data[i:i+64], data[j:j+64]
    data[i:i+64] = second
    data[j:j+64] = first


def repeat(data, draw, where, files):
    i, n = draw(where), draw(st.integers(1, 2048))
    data[i:i] = data[i:i+n]


def splice(data, draw, where, files):
    other, _ = files[draw(st.sampled_from(sorted(files)))]
    i = draw(where)
    data[i:] = other[i:]


def append(data, draw, where, files):
    data += draw(st.binary(min_size=1, max_size=64))


def empty(data, draw, where, files):
    short = [b'', b'\0', b'PK', b'{}', b'[]', b'\x80\x04.', b'PK\x05\x06' + bytes(18)]
    data[:] = draw(st.sampled_from(short))


DAMAGES = cut, flip, flip, flip, overwrite, write_number, zero, move, repeat, splice, append, empty


@st.composite
def damage(draw, files):
    "(name, kind, bytes) of one damaged file"
    name = draw(st.sampled_from(sorted(files)))
    data = bytearray(files[name][0])
    n = len(data)
    near = st.integers(0, min(n, 4096) - 1)  # headers stand at the start, those of zips at the end
    where = st.one_of(near, near.map(lambda i: n - 1 - i), st.integers(0, n - 1))
    change = draw(st.sampled_from(DAMAGES))
    change(data, draw, where, files)
    return name, change.__name__, bytes(data)


# ---- forging: files taken apart and put together with correct checksums

DROP = object()  # in place of a value: the entry is removed
LONG = 'a'*10_000
NUMBERS = [0, -1, 10**9, 2**31, 2**63, 10**30, .5, 1e308]
CONTAINERS = [[], {}, [[]], {'a': 1}]
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-2**70, 2**70), st.text(max_size=8),
    st.sampled_from([*NUMBERS, *CONTAINERS, '', 'word', LONG, DROP]),
)


class Program:
    "An object whose pickle calls a function: by default it makes a file"
    def __init__(self, arg, f=Path.touch):
        self.arg = arg
        self.f = f

    def __reduce__(self): return self.f, (self.arg,)


def torch_bytes(data, **kwargs):
    f = io.BytesIO()
    torch.save(data, f, **kwargs)
    return f.getvalue()


def npy_bytes(array):
    f = io.BytesIO()
    np.save(f, array)
    return f.getvalue()


def load_pt(files, name): return torch.load(io.BytesIO(files[name][0]), weights_only=True)


def repack(data, change, method=zipfile.ZIP_STORED):
    "A zip whose members went through `change(name, bytes)` → bytes or None"
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as z, zipfile.ZipFile(out, 'w', method) as packed:
        for name in z.namelist():
            new = change(name, z.read(name))
            if new is not None:
                packed.writestr(name, new)
    return out.getvalue()


DTYPES = {'F32': np.float32, 'F16': np.float16, 'F64': np.float64, 'I64': np.int64}


def open_safetensors(data):
    "Header, our part of it, and the bytes of the tensors"
    n, = struct.unpack('<Q', data[:8])
    header = json.loads(data[8:8+n])
    return header, json.loads(header['__metadata__']['rssm_nbdev']), data[8+n:]


def close_safetensors(header, ours, body):
    "The bytes of a safetensors file"
    text = json.dumps(header | {'__metadata__': {'rssm_nbdev': json.dumps(ours)}}).encode()
    return struct.pack('<Q', len(text)) + text + body


def tensors_in(header, body):
    "Name → tensor"
    def tensor(o):
        values = np.frombuffer(body[slice(*o['data_offsets'])], DTYPES[o['dtype']])
        return torch.from_numpy(values.reshape(o['shape']).copy())
    return {k: tensor(o) for k, o in header.items() if k != '__metadata__'}


def reseal(header, ours, body):
    "The file with a correct checksum"
    ours = {k: v for k, v in ours.items() if k != 'sha256'}
    ours['sha256'] = digest(ours, tensors_in(header, body))
    return close_safetensors(header, ours, body)


def change_entry(data, path, value):
    "A safetensors file with one entry of our header different, sealed again"
    header, ours, body = open_safetensors(data)
    *outer, last = path
    at = ours
    for key in outer:
        at = at[key]
    if value is DROP:
        del at[last]
    else:
        at[last] = value
    return close_safetensors(header, ours, body) if last == 'sha256' else reseal(header, ours, body)


# ---- forgeries: each returns (name, bytes); `ran` is a file that no reading may make

def ending(files, *suffixes): return sorted(k for k in files if k.endswith(suffixes))


def program(draw, files, ran):
    "A pickle that calls a function, in several wrappings"
    name = draw(st.sampled_from(ending(files, '.pt', '.npz', '.json', '.safetensors')))
    touch, ours = Program(str(ran)), {'format': 'rssm_nbdev.model'}
    forms = ['pickle', 'torch', 'old torch', 'inside', 'npz', 'bytearray', 'eval']
    form = draw(st.sampled_from(forms))
    if form == 'pickle': return name, pickle.dumps(touch, draw(st.integers(0, 5)))
    if form == 'torch': return name, torch_bytes(touch)
    if form == 'old torch':
        whole = ours | {'state_dict': touch}
        return name, torch_bytes(whole, _use_new_zipfile_serialization=False)
    if form == 'bytearray':
        whole = ours | {'state_dict': {}, 'notes': Program(10**11, bytearray)}
        return name, torch_bytes(whole)
    if form == 'npz': return name, npz_with(touch)
    if form == 'eval': return name, eval_pickle(files, ran)
    name = draw(st.sampled_from(ending(files, '.pt')))
    whole = load_pt(files, name)
    whole[draw(st.sampled_from(sorted(whole)))] = touch
    return name, torch_bytes(whole)


def npz_with(value):
    "An `.npz` whose arrays hold an object"
    f, array = io.BytesIO(), np.array([value], object)
    np.savez(f, header=array, **{'0/obs': array})
    return f.getvalue()


def eval_pickle(files, ran):
    "A model's file whose pickle evaluates an expression"
    touch = f"__import__('pathlib').Path({str(ran)!r}).touch()".encode()
    code = b'cbuiltins\neval\n(V' + touch + b'\ntR.'
    return repack(files['RSSM.pt'][0], lambda n, b: code if n.endswith('data.pkl') else b)


FREE = {'sha256', 'versions', 'notes', 'metrics', 'encoder_sha256', 'env_id', 'result'}
SIZES = {  # arguments on which the shapes of the weights depend
    'embed', 'act_dim', 'deter', 'stoch', 'hidden', 'components', 'prior_layers', 'post_layers',
}


DEFAULTS = {('reward.safetensors', 'act')}  # if missing, `load_reward` takes the default


def with_entries(files):
    "Safetensors files whose entries have one meaning; a note of an encoder may be anything"
    return [k for k in ending(files, '.safetensors') if k != 'encoder.safetensors']


def entry(draw, files, ran):
    "An entry of the header is missing or has another value"
    name = draw(st.sampled_from(with_entries(files)))
    _, ours, _ = open_safetensors(files[name][0])
    key = draw(st.sampled_from(sorted(set(ours) - FREE)))  # free: any value of its type is valid
    value = draw(ODD.filter(lambda v: v is DROP or v != ours[key]))
    return name, change_entry(files[name][0], (key,), value)


def leaves(config):
    "Paths of all entries of a configuration, and of those in its parts"
    paths = [(k,) for k in config]
    return paths + [(k, part) for k, v in config.items() if isinstance(v, dict) for part in v]


def config(draw, files, ran):
    "An argument of the model is missing or has a value that cannot be"
    name = draw(st.sampled_from(with_entries(files)))
    _, ours, _ = open_safetensors(files[name][0])
    if 'config' not in ours: return entry(draw, files, ran)
    path = draw(st.sampled_from(sorted(leaves(ours['config']))))
    old = ours['config']
    for key in path:
        old = old[key]

    def valid(v):
        "Would this be another model, and a possible one?"
        numbers = isinstance(old, (int, float)) and isinstance(v, (int, float))
        return numbers and path[-1] not in SIZES and 0 <= v <= 1e5

    def wrong(v):
        if v is DROP: return (name, *path) not in DEFAULTS
        return v != old and not valid(v)
    return name, change_entry(files[name][0], ('config', *path), draw(ODD.filter(wrong)))


def nan(draw, files, ran):
    "One weight is NaN or infinite"
    sealed = [k for k in ending(files, '.safetensors') if k != 'trial.safetensors']
    name = draw(st.sampled_from([*sealed, 'vae_encoder.pt', 'rssm.pt', 'RSSM.pt']))
    bad = draw(st.sampled_from([float('nan'), float('inf'), -float('inf')]))
    if name.endswith('.pt'): return name, nan_in_pt(draw, load_pt(files, name), bad)
    header, ours, body = open_safetensors(files[name][0])
    key = draw(st.sampled_from(sorted(set(header) - {'__metadata__'})))
    at, bytes_of = header[key]['data_offsets'][0], np.array(bad, DTYPES[header[key]['dtype']])
    body = bytearray(body)
    body[at:at + bytes_of.itemsize] = bytes_of.tobytes()
    return name, reseal(header, ours, bytes(body))


def nan_in_pt(draw, whole, bad):
    "A `.pt` with one value of its weights replaced, sealed again"
    for part in ('state_dict', 'rssm_state_dict', 'model_state_dict'):
        if part in whole:
            key = draw(st.sampled_from(sorted(whole[part])))
            whole[part][key].reshape(-1)[0] = bad
    if 'sha256' in whole:
        header = {k: v for k, v in whole.items() if k not in ('sha256', 'state_dict')}
        whole['sha256'] = digest(header, whole['state_dict'])
    return torch_bytes(whole)


def family(name):
    "Files of one family can be read in place of each other"
    stem, suffix = name.split('.')
    if stem in ('RSSM', 'GRUDynamics', 'MDNRNN'): return 'model', suffix
    return ('npz' if suffix == 'npz' else stem), suffix


def other_class(draw, files, ran):
    "A whole file under the name of another"
    name = draw(st.sampled_from(sorted(files)))
    others = [k for k in sorted(files) if family(k) != family(name)]
    return name, files[draw(st.sampled_from(others))][0]


def lengths(draw, files, ran):
    "The length of a safetensors header is another"
    name = draw(st.sampled_from(ending(files, '.safetensors')))
    data = files[name][0]
    size = len(data)
    odd = st.sampled_from([0, 1, 2**31, 2**40, 2**63, 2**64 - 1, size, size - 8, size + 1])
    n = draw(odd | st.integers(0, size))
    if n == struct.unpack('<Q', data[:8])[0]:
        n += 1
    return name, struct.pack('<Q', n) + data[8:]


def bomb(draw, files, ran):
    "A `.pt` whose members are packed, and much longer than the file"
    name = draw(st.sampled_from(['RSSM.pt', 'vae_encoder.pt', 'training.pt', 'rssm.pt']))
    size = 200_000_000 if draw(st.integers(0, 9)) == 0 else 100_000

    def change(n, b): return bytes(size) if '/data/' in n and n.endswith('/0') else b
    return name, repack(files[name][0], change, zipfile.ZIP_DEFLATED)


def draw_array(draw, files):
    "Name of a file of episodes, and of one of its arrays"
    name = draw(st.sampled_from(['episodes.npz', 'latents.npz']))
    arrays = ['1/obs', '1/act'] if name == 'episodes.npz' else ['1/e', '1/a']
    return name, draw(st.sampled_from(['0/reward', '0/state', *arrays])) + '.npy'


def array(draw, files, ran):
    "An array of episodes has another shape, dtype or value"
    name, key = draw_array(draw, files)

    def change(n, b):
        if n != key: return b
        a = np.load(io.BytesIO(b))
        bad = a*np.nan if a.dtype.kind == 'f' else a[..., :1, :1]
        shapes = [a[:-1], a[None], a.reshape(-1)[:0], np.array(3.)]
        dtypes = [a.astype(complex), a.astype('U5'), a.astype(bool)]
        return npy_bytes(draw(st.sampled_from([*shapes, *dtypes, bad])))
    return name, repack(files[name][0], change)


def vast(draw, files, ran):
    "An array of episodes claims gigabytes"
    name, key = draw_array(draw, files)
    size = draw(st.sampled_from([10**9, 10**12, 2**62, 10**30]))
    claim = io.BytesIO()
    header = {'descr': '<f4', 'fortran_order': False, 'shape': (size,)}
    np.lib.format.write_array_header_1_0(claim, header)
    return name, repack(files[name][0], lambda n, b: claim.getvalue() if n == key else b)


NO_SHARDS = [[1, 2], [0, 1], [1], 'word', None, [2, 1], [1.5, 1], [[]], {'a': 1}]
NO_VALUES = {'terminated': [3, 'word'], 'seed': [True, 'word'], 'env_id': [3, True]}


def rows(draw, files, ran):
    "A value of an episode or of a shard is another"
    name = draw(st.sampled_from(['episodes.npz', 'latents.npz', 'shard_1_of_1.npz']))
    is_shard = name.startswith('shard')

    def change(n, b):
        if is_shard and n == 'shard.json':
            note = json.loads(b) | {'shard': draw(st.sampled_from(NO_SHARDS))}
            return json.dumps(note).encode()
        if is_shard or n != 'header.npy': return b
        header = json.loads(str(np.load(io.BytesIO(b))))
        change_rows(draw, header)
        return npy_bytes(np.array(json.dumps(header)))
    return name, repack(files[name][0], change)


def change_rows(draw, header):
    "Change one entry of a header of episodes in place"
    key = draw(st.sampled_from(['kind', 'format', 'rows', 'extra', 'gone', *NO_VALUES]))
    if key == 'gone':
        header['rows'] = header['rows'][:-1]
    elif key == 'extra':
        header['rows'][0]['obs'] = 3
    elif key in NO_VALUES:
        wrong = [None, [], 1.5, {'a': 1}, *NO_VALUES[key]]
        header['rows'][0][key] = draw(st.sampled_from(wrong))
    else:
        header[key] = draw(ODD.filter(lambda v: v is not DROP and v != {'a': 1}))


def loop(draw, files, ran):
    "A list that contains itself, or lists nested without end"
    name = draw(st.sampled_from(['RSSM.pt', 'rssm.pt', 'vae_encoder.pt', 'training.pt']))
    nested, itself = 'ha', []
    for _ in range(40):
        nested = [nested]*20
    itself.append(itself)
    whole = load_pt(files, name)
    key = draw(st.sampled_from(['notes', 'format', 'more']))
    whole[key] = draw(st.sampled_from([nested, itself]))
    return name, torch_bytes(whole)


def shape(draw, files, ran):
    "A tensor has another shape, dtype or layout, or is none"
    name = draw(st.sampled_from(['vae_encoder.pt', 'rssm.pt']))
    whole = load_pt(files, name)
    for sd in [v for v in whole.values() if isinstance(v, dict)]:
        key = draw(st.sampled_from(sorted(sd)))
        v = sd[key]
        claims = [v.reshape(-1)[:1].expand(2**33), torch.zeros(1).expand(10**6, 4096)]
        others = [v[:0], v[None], v.long(), v.to(torch.complex64), v.to_sparse(), 'word', None]
        sd[key] = draw(st.sampled_from([*claims, *others]))
    return name, torch_bytes(whole)


def sealed(draw, files, ran):
    "JSON that is no metrics"
    texts = [
        '['*200_000, '{"a":'*50_000, '1'*10_000, '"word"', '{"mse": 1e999}', '{"a": NaN}',
        '{"sha256": "' + 'a'*64 + '"}', '{"sha256": {}}', '{"a": 1, "sha256": null}',
        '\ud800'.encode('utf-8', 'surrogatepass').decode('latin1'),
    ]
    return 'metrics.json', draw(st.sampled_from(texts)).encode('latin1')


FORGERIES = (
    program, program, entry, entry, entry, config, config, nan, other_class, lengths, bomb, array,
    rows, loop, shape, sealed, vast,
)


@st.composite
def forgery(draw, files, ran):
    "(name, kind, bytes) of one file with correct checksums and wrong contents"
    forge = draw(st.sampled_from(FORGERIES))
    name, data = forge(draw, files, ran)
    return name, forge.__name__, data


# ---- outcomes

class Watch:
    "While `on`, records what a reading must not do: run, unpickle, connect, load a library"
    NEVER = {
        'os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'subprocess.Popen',
        'pickle.find_class', 'socket.connect', 'ctypes.dlopen',
    }
    FOLDERS = [sysconfig.get_paths()[k] for k in ('stdlib', 'platstdlib', 'purelib', 'platlib')]
    INSTALLED = (*FOLDERS, str(Path(rssm_nbdev.__file__).parent), '<frozen')

    def __init__(self):
        self.on = False
        self.seen = []
        sys.addaudithook(self)

    def __call__(self, event, args):
        if not self.on: return
        foreign = event == 'exec' and not self.is_installed(args[0])
        if event in self.NEVER or foreign:
            self.seen.append((event, str(args)[:200]))

    def is_installed(self, code):
        "Is this code of an installed module? Modules imported late run too"
        return getattr(code, 'co_filename', '').startswith(self.INSTALLED)


def memory(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1000  # megabytes


class Fuzzer:
    "Reads one changed file after the other and counts the outcomes"
    def __init__(self, folder):
        self.folder = folder
        self.files = make(folder)
        self.ran = folder/'ran'
        self.watch = Watch()
        # reading all once imports what is imported late
        self.contents = {k: read(folder/k) for k, (_, read) in self.files.items()}
        for name, (data, _) in self.files.items():
            assert same(self.contents[name], self.read(name, data)), name
        self.whole = {data for data, _ in self.files.values()}
        self.found = {'damage': {}, 'forgery': {}, 'refused': 0, 'unchanged': 0, 'slowest': 0.}
        self.found |= {'by file': {}, 'errors': {}}

    def read(self, name, data):
        "The contents of a file with this name and these bytes"
        path = self.folder/'x'/name if name.startswith('shard') else self.folder/f'x_{name}'
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return self.files[name][1](path)

    def try_reading(self, name, data):
        "(contents, error, seconds of processor time)"
        contents = error = None
        self.watch.on = True
        start = time.thread_time()
        try:
            contents = self.read(name, data)
        except RSSMError as e:
            error = e
        finally:
            self.watch.on = False
        return contents, error, time.thread_time() - start

    def check(self, kind, made):
        "Read one changed file; any outcome but those that are allowed fails"
        name, how, data = made
        unchanged = data == self.files[name][0] or kind == 'damage' and data in self.whole
        if unchanged: return
        contents, error, took = self.try_reading(name, data)
        about = f'{name}, {how}'
        assert took < SECONDS, f'{about}: {took:.2f} s'
        ran = self.ran.exists()
        assert not self.watch.seen and not ran, f'{about}: {self.watch.seen}, it ran: {ran}'
        if error is None:
            as_before = name in OPEN or same(self.contents[name], contents)
            assert kind == 'damage' and as_before, f'{about}: accepted'
        else:
            assert is_clear(str(error), name), f'{about}: {error}'
        self.count(kind, how, name, error, took)

    def count(self, kind, how, name, error, took):
        found = self.found
        found['refused' if error else 'unchanged'] += 1
        found['slowest'] = max(found['slowest'], took)
        keys = [(kind, how), ('by file', name)]
        if error:
            keys.append(('errors', type(error).__name__))
        for table, key in keys:
            found[table][key] = found[table].get(key, 0) + 1


def is_clear(error, name):
    "Is an error one short line that names the file, or the folder of which it is a part?"
    start = f'x_{name}'.split('_of_')[0][:5] if not name.startswith('shard') else name[:5]
    named = any(word in error for word in (start, name, 'hub:', 'demo/'))
    return named and '\n' not in error and len(error) < 1000


def main(examples=3000, of=0):
    "Outcomes of so many changed files, two thirds of them damaged and one third forged"
    common = dict(deadline=None, database=None, report_multiple_bugs=False)
    common |= dict(suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink])
    with tempfile.TemporaryDirectory(prefix='fuzz_') as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # torch and Pillow warn about odd files
        fuzzer = Fuzzer(Path(folder))
        before = memory()

        @seed(of)
        @settings(max_examples=examples*2//3, **common)
        @given(damage(fuzzer.files))
        def damaged(made): fuzzer.check('damage', made)

        @seed(of)
        @settings(max_examples=examples//3, **common)
        @given(forgery(fuzzer.files, fuzzer.ran))
        def forged(made): fuzzer.check('forgery', made)
        damaged()
        forged()
        return fuzzer.found | {'megabytes': memory() - before}


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--examples', type=int, default=3000)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    print(json.dumps(main(args.examples, args.seed)))
