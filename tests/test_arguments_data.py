"""Bad arguments to what handles environments, data, encoders, figures, files, plans, hand-ins, steering and the shell: refused before any work

`CASES` has every function, class and method a user calls, with what each argument should be; `LEFT` says of the other public names why not.
"""
import ast
import contextlib
import importlib
import inspect
import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch
from bad_arguments import OTHERS, WORDS, Case, Kind, array, choice, flag, instance, number, refuses, run, several
from faulty import Faulty
from gymnasium.spaces import Box, Discrete
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from rssm_nbdev.planning.agent import Agent, batched_rollout, plot_plans, plot_returns
from rssm_nbdev.checkpoint import action_spec, load, save, std_spec
from rssm_nbdev.grading.grades import first_cell, register_check
from rssm_nbdev.cli.use import COMMANDS, build_parser, main
from rssm_nbdev.cli.make import find_encoder, load_episodes_as, source_encoder
from rssm_nbdev.cli.use import load_model
from rssm_nbdev.core import FileError, check_array, check_choice, check_device, check_flag
from rssm_nbdev.core import check_list, check_number, check_path, check_sizes, check_type
from rssm_nbdev.system import atomic_write, optional_import, ordered_map, to_plain, versions
from rssm_nbdev.system import writable_folder, write_json
from rssm_nbdev.sharing.course import export_course, import_course
from rssm_nbdev.data import LatentEpisode, Windows, check_episode, load_episodes, save_episodes
from rssm_nbdev.data import split, transitions
from rssm_nbdev.encoder import Decoder, Encoder, FrozenEncoder, VAE, bundled_encoders
from rssm_nbdev.encoder import encode_episodes, load_encoder, psnr, save_encoder, to_float
from rssm_nbdev.encoder import to_uint8, train_vae, vae_loss
from rssm_nbdev.env import Episode, StateInInfo, action_dim, decode_action, encode_action
from rssm_nbdev.env import make_env, random_policy, rollout
from rssm_nbdev.collection.episodes import collect, stream
from rssm_nbdev.evaluation import Divergence, Evaluation
from rssm_nbdev.grading.evidence import NotebookCell, cell_text, code_names, read_notebook
from rssm_nbdev.grading.evidence import reported_errors
from rssm_nbdev.collection.workers import check_failure_policy, run_jobs

from rssm_nbdev.files import digest, read_sealed_json, read_tensors, read_weights
from rssm_nbdev.files import write_sealed_json, write_weights
from rssm_nbdev.grading.grades import grade
from rssm_nbdev.train import History
from rssm_nbdev.sharing.hub import from_pretrained, push_to_hub, save_pretrained
from rssm_nbdev.planning.imagination import Imagination, RewardHead, explained_variance
from rssm_nbdev.planning.imagination import fit_reward, load_reward, mean_noise, reward_states
from rssm_nbdev.planning.imagination import save_reward
from rssm_nbdev.system import separate_large_blocks
from rssm_nbdev.collection.shards import merge_shards, save_shard, shard_of, shard_path
from rssm_nbdev.collection.minari_io import env_actions, from_minari, model_actions, stream_minari
from rssm_nbdev.collection.minari_io import to_minari
from rssm_nbdev.interactive.views import panel, plot_steering
from rssm_nbdev.planning.cem import TrueDynamics, cartpole_step, cem_search, initial_plan
from rssm_nbdev.planning.cem import pendulum_step, shift_plan
from rssm_nbdev.plot import plot_errors, plot_frames, plot_horizons, plot_learning
from rssm_nbdev.plot import plot_reconstructions, plot_rollout, plot_transitions
from rssm_nbdev.plot import animate, markdown_table, save_figure
from rssm_nbdev.analysis.probes import plot_decoded_errors
from rssm_nbdev.analysis.study import plot_variants
from rssm_nbdev.analysis.uncertainty import plot_pit, plot_reliability
from rssm_nbdev.grading.evidence import count_pictures, errors_in_lines, errors_in_table
from rssm_nbdev.grading.evidence import output_text, parse_horizons, parse_model
from rssm_nbdev.grading.evidence import parse_number as float_of
from rssm_nbdev.interactive.views import html_fragment, record, sprite_sheet
from rssm_nbdev.rssm import State
from rssm_nbdev.render import SmallRender
from rssm_nbdev.interactive.replay import Replay, Start, action_bounds, action_names, choices
from rssm_nbdev.variants.parts import preset
from rssm_nbdev.rssm import RSSM
from rssm_nbdev.cli.run_folder import RunFolder, file_fingerprint, find_input, read_json
from rssm_nbdev.collection.shards import check_shard, parse_shard, shard_items
from rssm_nbdev.interactive.steering import Steering, sample_posterior, sample_prior, seeded
from rssm_nbdev.analysis.uncertainty import BINS, Uncertainty

MODULES = (
    'core checks system files render env data encoder plot checkpoint '
    'collection.workers collection.episodes collection.shards collection.minari_io '
    'planning.cem planning.agent planning.imagination sharing.course sharing.hub '
    'interactive.replay interactive.steering interactive.views '
    'grading.evidence grading.grades cli.run_folder cli.make cli.use'
).split()

# ---- what is wrong with other kinds of arguments

ODD = st.one_of(OTHERS, st.integers(), st.floats(allow_nan=True), st.just(np.zeros(3)), st.just(torch.zeros(2)))


def a(*types, more=(), optional=False, but=lambda v: False):
    "An object of these types; `more`: wrong all the same; `but`: what is fine"
    wrong = [v if isinstance(v, st.SearchStrategy) else st.just(v) for v in more]
    return Kind('object', st.one_of(ODD.filter(lambda v: not isinstance(v, types)), *wrong).filter(lambda v: not but(v) and not (optional and v is None)), optional)


def empty(v): return isinstance(v, dict) and not v
def word(right): return lambda v: isinstance(v, str) and v == right
def text(*wrong, **kw): return a(str, more=wrong, **kw)
def path(**kw): return a(str, os.PathLike, **kw)
def function(**kw): return a(Callable, **kw)


def found(*wrong):
    "A file that is to be there"
    return Kind('file', st.one_of(ODD, st.sampled_from(['nowhere', 'a\0b', '', *wrong])).filter(lambda v: not isinstance(v, os.PathLike)))


def axes(kind, n=5): return Kind('array', kind.wrong.filter(lambda v: getattr(v, 'ndim', 0) != n))        # any number of leading axes
def shard(optional=False):
    return Kind('shard', st.one_of(ODD, st.sampled_from([(0, 2), (3, 2), (1,), (1, 2, 3), (1.5, 2), ('1', '2'), (True, 2), (float('nan'), 2), (-1, -1)])).filter(lambda v: v is not None), optional)


def device():
    return Kind('device', st.one_of(OTHERS, st.sampled_from([-1, 99, 1.5, 'meta', 'cpu:x', 'gpu', 'xpu:99', np.zeros(3)])).filter(lambda v: not isinstance(v, bool)))


def maybe(): return Kind('flag or nothing', flag().wrong.filter(lambda v: v is not None), optional=True)
def seed(): return number(low=0, high=2**63, integer=True)


def listed(*more, right=(), **kw):
    "A list of our objects, also with one wrong among right ones"
    kind = several(*(st.just(v) if not isinstance(v, st.SearchStrategy) else v for v in more), **kw)
    return Kind('list', kind.wrong.filter(lambda v: not any(type(v) is type(r) and v == r for r in right)), kind.optional)


class Method:
    "A method as a function, of an object that `make` gives"
    def __init__(self, cls, name, make):
        self.f, self.make, sig = getattr(cls, name), make, inspect.signature(getattr(cls, name))
        self.__signature__ = sig.replace(parameters=list(sig.parameters.values())[1:])

    def __call__(self, **kw): return self.f(self.make(), **kw)


def entered(f):
    "A context manager as a function"
    def enter(**kw):
        with f(**kw) as x: return x
    enter.__signature__ = inspect.signature(f)
    return enter


# ---- right ones

@pytest.fixture(scope='module', autouse=True)
def alone():
    "Nothing asks the net, and data sets stay here"
    with pytest.MonkeyPatch.context() as m:
        m.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True); m.setenv('MINARI_DATASETS_PATH', str(TMP/'minari'))
        yield


_tmp = tempfile.TemporaryDirectory(prefix='rssm_arguments_')
TMP = Path(_tmp.name)
G = np.random.default_rng(0)


@cache
def env(): return make_env('Pendulum-v1')
@cache
def cart(): return make_env('CartPole-v1')
@cache
def episode(s=1): return rollout(env(), s, max_steps=9)
@cache
def vae(): torch.manual_seed(0); return VAE(4)
@cache
def encoder(): return FrozenEncoder(vae(), {'sha256': '0'*64, 'file': 'ours'})
@cache
def model(): torch.manual_seed(0); return RSSM(4, 1, deter=8, stoch=3, hidden=8).eval()
@cache
def head(): return RewardHead(8, 3, 8)
@cache
def course(): torch.manual_seed(0); return preset('course', 4, 1, deter=8, hidden=8, stoch=4)
@cache
def steering(): return Steering(model(), encoder(), Start(episode(), 5), samples=2, context=3, env=make_env('Pendulum-v1'))
def fresh_steering(): steering().reset(); return steering()
@cache
def recording(): return record(model(), encoder(), Start(episode(), 5), depth=1, samples=2, context=3, env=make_env('Pendulum-v1'))


def small(s=0, T=6, size=8):
    "An episode of nothing"
    return Episode(np.zeros((T + 1, size, size, 3), np.uint8), np.zeros((T, 1), np.float32), np.zeros(T, np.float32), np.zeros((T + 1, 3), np.float32), False, s, 'Pendulum-v1')


def latent(s=0, T=6, E=4, **kw):
    g = torch.Generator().manual_seed(s)
    return replace(LatentEpisode(torch.randn(T + 1, E, generator=g), torch.rand(T, 1, generator=g), torch.rand(T, generator=g), np.zeros((T + 1, 3), np.float32), False, s, 'Pendulum-v1'), **kw)


def latents(n=3, **kw): return [latent(s, **kw) for s in range(n)]


PICS = np.zeros((2, 64, 64, 3), np.uint8)
NAN = torch.full((7, 4), torch.nan)
BROKEN = [latents()[:2] + [v] for v in (3, None, small(), latent(9, E=5), latent(9, e=NAN), latent(9, e=None), latent(9, a=torch.zeros(6, 2)), latent(9, a=torch.zeros(5, 1)), latent(9, T=0),
                                        latent(9, e=torch.zeros(7, 4).double()), latent(9, e=torch.zeros(7, 4, device='meta')))]      # lists of latents with one that is wrong
SPOILT = [[small(), replace(small(1), **kw)] for kw in (dict(obs=np.zeros((7, 8, 8), np.uint8)), dict(obs=np.zeros((7, 8, 8, 3))), dict(act=np.full((6, 1), np.nan, np.float32)), dict(act=np.full((6, 1), 2., np.float32)),
                                                        dict(reward=np.zeros(5, np.float32)), dict(state=np.zeros((6, 3), np.float32)), dict(obs=None), dict(act=[1]), dict(act=np.zeros((0, 1), np.float32)))]


@cache
def dataset(): return to_minari([replace(episode(), seed=3)], 'ours/pendulum-v0')


@cache
def files():
    "A file of each kind"
    save_episodes(TMP/'episodes.npz', [episode(1), episode(2)]); save_episodes(TMP/'latents.npz', latents())
    save_encoder(vae(), TMP/'encoder.safetensors'); save(model(), TMP/'model.safetensors', SimpleNamespace(latent_dim=4, provenance=load_encoder(TMP/'encoder.safetensors').provenance)); save_reward(head(), TMP/'head.safetensors')
    export_course(course(), TMP/'rssm.pt', 1, .5); save_pretrained(model(), TMP/'pretrained')
    for i in (1, 2): save_shard(TMP/'parts.npz', [small(i)], (i, 2)); save_shard(TMP/f'shard{i}'/'episodes.npz', [small(i)], (i, 2))
    save_episodes(TMP/'many.npz', latents(9, T=20))
    write_json(TMP/'notebook.ipynb', {'cells': [{'cell_type': 'code', 'id': 'a', 'source': 'x = 1', 'metadata': {}, 'outputs': [], 'execution_count': 1}], 'metadata': {}, 'nbformat': 4, 'nbformat_minor': 5})
    return TMP


def at(name): return lambda: dict(path=files()/name)
def sealed(): write_sealed_json(f := fresh('.json'), {'x': 1}); return f
def fresh(suffix=''): return Path(tempfile.mkdtemp(dir=TMP))/f'new{suffix}'


def evaluation(): return Evaluation({k: G.random((2, 3, 10)) + .1 for k in ('GRU', 'RSSM')}, 5, 4, 9, [0, 1, 2], [])


def uncertainty():
    return Uncertainty({'nll': G.random((1, 2, 10))}, np.full((1, 10, BINS), 1/BINS), np.linspace(0, 1, BINS + 1), G.random((1, 10, BINS + 1)))


def history(): return History([dict(step=i, loss=1/i) for i in range(1, 5)], [dict(step=i, loss=1/i, score=1/i) for i in (2, 4)], dict(step=4, loss=.25, score=.25))


def rolled():
    "Arguments of `plot_rollout`"
    x = G.normal(size=(25, 3))
    return dict(posterior=x[:8], spread=np.ones((8, 3)), imagined=G.normal(size=(4, 5, 3)), div=Divergence(2, np.ones(5), np.ones(5), 2.), pca=PCA(2).fit(x), dims=(0, 1, 2), context=3)


def rngs(n=1): return [np.random.default_rng(i) for i in range(n)]
def world(): return TrueDynamics('Pendulum-v1')
def agent(): return Agent(world(), horizon=2, candidates=3, elites=2, iterations=1)
def begun(o): o.begin(rngs(2)); return o
def cell(source='x = 1', kind='code', **kw): return NotebookCell(1, kind, source, 1, **kw)


AMONG = st.sampled_from([[], ['Mars'], [3], [None], 'word', 3, ['RSSM', 'Mars'], [[]]])            # names of models that are none
HORIZONS = Kind('horizons', st.sampled_from([(), (0,), (11,), (1.5,), ('word',), (None,), (1, -1), 3, 'word', None, (float('nan'),), object(), len, (True,)]))
SPACES = (st.sampled_from([gym.spaces.Dict({}), gym.spaces.MultiBinary(2), gym.spaces.Text(3), Box(-np.inf, np.inf, (1,))]),)
SPACE = a(Box, Discrete, more=[gym.spaces.Dict({}), gym.spaces.MultiBinary(2)])


CASES = {
    # core
    'core.check_number': Case(check_number, lambda: dict(x=1, name='x'), x=number(), left={k: 'of the caller' for k in ('name', 'low', 'high', 'integer')}),
    'core.check_array': Case(check_array, lambda: dict(x=np.zeros((2, 3)), name='x', shape=('A', 3), dtype='float'), x=array(np.zeros((2, 3)), free=(0,)), left={k: 'of the caller' for k in ('name', 'shape', 'dtype', 'low', 'high', 'device', 'values')}),
    'core.check_type': Case(lambda x: check_type(x, 'x', RSSM), lambda: dict(x=model()), x=instance()),
    'core.check_list': Case(lambda x: check_list(x, 'x', str), lambda: dict(x=['word']), x=listed(['x', None], right=(['word'],))),
    'core.check_choice': Case(lambda x: check_choice(x, 'x', ('a', 'b')), lambda: dict(x='a'), x=choice('a', 'b')),
    'core.check_flag': Case(lambda x: check_flag(x, 'x'), lambda: dict(x=True), x=flag()),
    'core.check_path': Case(lambda x: check_path(x, 'x'), lambda: dict(x='x'), x=path(more=[st.sampled_from(['', 'a\0b'])])),
    'core.check_device': Case(lambda device: check_device(device), lambda: dict(device='cpu'), device=device()),
    'system.writable_folder': Case(writable_folder, lambda: dict(path=fresh()), path=path()),
    'system.atomic_write': Case(entered(atomic_write), lambda: dict(path=fresh()), path=path()),
    'system.write_json': Case(write_json, lambda: dict(path=fresh(), data={'x': 1}), path=path(), data=Kind('JSON', st.sampled_from([float('nan'), {'x': float('inf')}, {(1, 2): 3}]))),
    'files.write_weights': Case(write_weights, lambda: dict(path=fresh('.pt'), tensors={'x': torch.zeros(2)}, header={'format': 'x'}), path=path(), tensors=a(dict, more=[st.just({'x': None})], but=empty), header=a(dict)),
    'files.read_weights': Case(read_weights, lambda: dict(path=files()/'model.safetensors', what='a model', sealed=(4,)), path=found(), left={'what': 'of the caller, for the message', 'form': 'of the caller', 'sealed': 'of the caller', 'unsealed': 'of the caller'}),
    'files.read_tensors': Case(read_tensors, lambda: dict(path=files()/'model.safetensors', what='a model'), path=found(), left={'what': 'of the caller, for the message'}),
    'files.digest': Case(digest, lambda: dict(header={}, tensors={'x': torch.zeros(2)}), header=a(dict), tensors=a(dict, more=[st.just({'x': None}), st.just({3: torch.zeros(2)})])),
    'files.write_sealed_json': Case(write_sealed_json, lambda: dict(path=fresh('.json'), data={'x': 1}), path=path(), data=a(dict)),
    'files.read_sealed_json': Case(read_sealed_json, lambda: dict(path=sealed(), what='metrics'), path=found(), left={'what': 'of the caller, for the message'}),
    'system.ordered_map': Case(ordered_map, lambda: dict(job=abs, argss=[(-1,)], workers=1), job=function(), argss=a(Sequence, str, dict, np.ndarray, torch.Tensor), workers=number(low=1, integer=True), ahead=number(low=1, integer=True), prepare=function(optional=True)),
    'system.to_plain': Case(to_plain, lambda: dict(data={'x': 1}, name='data'), data=Kind('data', st.sampled_from([{'x': float('nan')}, {'x': object()}, {1, 2}, object(), {'x': b'x'}, 3 + 4j, float('inf'), {(1, 2): 3}])), words=flag(), left={'name': 'of the caller, for the message'}),
    'system.separate_large_blocks': Case(entered(separate_large_blocks), dict, size=number(low=2**12, high=2**25, integer=True)),
    'system.optional_import': Case(optional_import, lambda: dict(name='json', extra='none'), name=text('no_such_module'), left={'extra': 'of the caller, for the message'}),
    'system.versions': Case(versions, dict),
    # shard
    'collection.shards.check_shard': Case(check_shard, lambda: dict(shard=(1, 2)), shard=shard()),
    'collection.shards.parse_shard': Case(parse_shard, lambda: dict(text='1/2'), text=Kind('text', st.one_of(ODD, st.text(), st.sampled_from(['0/2', '3/2', '1/', '/2', '1/2/3', '-1/2', '１/2', '1.0/2'])).filter(lambda v: not word('1/2')(v)))),
    'collection.shards.shard_items': Case(shard_items, lambda: dict(items=range(4), shard=(1, 2)), items=a(Sequence), shard=Kind('shard', st.one_of(shard(optional=True).wrong, st.just((1, 5))))),
    # render, failures, faulty
    'render.SmallRender': Case(SmallRender, lambda: dict(env=env(), size=8), env=a(gym.Env), size=number(low=8, high=1024, integer=True)),
    'collection.workers.check_failure_policy': Case(check_failure_policy, lambda: dict(on_failure='skip', limit=1.), on_failure=choice('raise', 'skip'), limit=number(low=.01, optional=True)),
    'collection.workers.run_jobs': Case(run_jobs, lambda: dict(job=lambda x, at: x, argss=[], workers=1), job=function(more=[st.just(SimpleNamespace())]), argss=a(Sequence, str, dict, np.ndarray, torch.Tensor), workers=number(low=1, integer=True),
                             limit=number(low=.01, optional=True), ahead=number(low=1, integer=True), prepare=function(optional=True), until=function(optional=True)),
    'faulty.Faulty': Case(Faulty, lambda: dict(faults={1: ('raises', 2)}), left={'render_mode': "Gymnasium's"}, length=number(low=1, integer=True),
                          faults=Kind('faults', st.one_of(ODD, st.sampled_from([{1: 3}, {1: ('jumps', 2)}, {1: ('raises', 'word')}, {1: ('raises',)}, {1: None}])).filter(lambda v: not (isinstance(v, dict) and not v)))),
    # env
    'env.StateInInfo': Case(StateInInfo, lambda: dict(env=env()), env=a(gym.Env)),
    'env.make_env': Case(make_env, lambda: dict(env_id='Pendulum-v1', size=8), env_id=text(WORDS, 'Pendulum-v99', 'nowhere:Pendulum-v1', 'a:b:c', 'phys2d/CartPole-v1', 'a\nb', but=word('Pendulum-v1')), size=number(low=8, high=1024, integer=True), sticky=number(low=0, high=.99), scaled=flag()),
    'env.make_env, options': Case(lambda options: make_env('Pendulum-v1', 8, **options), lambda: dict(options={'g': 9.}), options=Kind('options', st.sampled_from([{'gravity': 3}, {'render_mode': 'human'}, {'max_episode_steps': 'word'}]))),
    'env.action_dim': Case(action_dim, lambda: dict(space=Discrete(3)), space=SPACE),
    'env.encode_action': Case(encode_action, lambda: dict(space=Discrete(3), action=2), space=SPACE, action=Kind('action', st.one_of(OTHERS, st.integers().filter(lambda i: not 0 <= i < 3), st.floats(), st.just(np.zeros(3)), st.just(torch.zeros(2))))),
    'env.encode_action, Box': Case(partial(encode_action, Box(-1, 1, (2,))), lambda: dict(action=np.zeros(2, np.float32)), left={'space': 'above'}, action=Kind('action', st.one_of(OTHERS, st.sampled_from([np.zeros(3), np.zeros((2, 1)), [2., 0.], np.full(2, np.nan), ['a', 'b'], 1.])))),
    'env.decode_action': Case(decode_action, lambda: dict(space=Discrete(3), a=np.eye(3, dtype=np.float32)[1]), space=SPACE, a=array(np.eye(3, dtype=np.float32)[1])),
    'env.decode_action, Box': Case(decode_action, lambda: dict(space=Box(-1, 1, (2,)), a=np.zeros(2, np.float32)), space=SPACE, a=array(np.zeros(2, np.float32))),
    'env.random_policy': Case(random_policy, lambda: dict(obs=None, state=None, space=Discrete(3), rng=rngs()[0]), left={'obs': 'not looked at', 'state': 'not looked at'}, space=SPACE, rng=a(np.random.Generator)),
    'env.rollout': Case(rollout, lambda: dict(env=env(), seed=1, max_steps=1), env=a(gym.Env), seed=seed(), policy=function(), max_steps=number(low=1, integer=True, optional=True), left={'at': 'a list of the caller, written to'}),
    'collection.episodes.stream': Case(stream, lambda: dict(env_id='Pendulum-v1', episodes=1, workers=1, max_steps=1, size=8, progress=False), env_id=text(WORDS, 'Pendulum-v99', but=word('Pendulum-v1')), episodes=number(low=1, high=1_000_000, integer=True), seed=number(low=0, high=2**31, integer=True), policy=function(),
                       workers=number(low=1, integer=True, optional=True), max_steps=number(low=1, integer=True, optional=True), size=number(low=8, high=1024, integer=True), progress=flag(), shard=shard(optional=True),
                       on_failure=choice('raise', 'skip'), limit=number(low=.01, optional=True), failures=a(list, optional=True)),
    'collection.episodes.collect': Case(collect, lambda: dict(env_id='Pendulum-v1', episodes=1, workers=1, max_steps=1, size=8, progress=False), env_id=text(WORDS, 'Pendulum-v99', but=word('Pendulum-v1')), episodes=number(low=1, high=1_000_000, integer=True), seed=number(low=0, high=2**31, integer=True)),
    # replay
    'interactive.replay.action_names': Case(action_names, lambda: dict(env=cart()), env=a(gym.Env)),
    'interactive.replay.action_bounds': Case(action_bounds, lambda: dict(env=env()), env=a(gym.Env, more=[st.builds(cart)])),
    'interactive.replay.choices': Case(choices, lambda: dict(env=env()), env=a(gym.Env)),
    'interactive.replay.Replay': Case(Replay, lambda: dict(env=env(), start=Start(episode(), 5)), env=a(gym.Env), start=Kind('start', st.one_of(ODD, st.builds(lambda t: Start(episode(), t), st.sampled_from([-1, 99, 1.5, None, 'word'])), st.just(Start(None, 3))))),
    'interactive.replay.Replay.__call__': Case(Method(Replay, '__call__', lambda: Replay(make_env('Pendulum-v1'), Start(episode(), 5))), lambda: dict(actions=[np.zeros(1, np.float32)]), actions=listed([np.zeros(2, np.float32)], [np.full(1, np.nan)], [np.zeros(1), 'word'], empty=False)),
    # data
    'data.transitions': Case(transitions, lambda: dict(episodes=[small()]), episodes=listed(*SPOILT, empty=False)),
    'data.check_episode': Case(check_episode, lambda: dict(ep=small()), ep=a(Episode, more=[st.sampled_from([b[1] for b in SPOILT])])),
    'data.split': Case(split, lambda: dict(episodes=[small(i) for i in range(9)]), episodes=listed([small()]*9, [small(i) for i in range(2)]), valid=number(low=0, high=1), test=number(low=0, high=1), seed=seed()),
    'data.Windows': Case(Windows, lambda: dict(episodes=latents(), length=4), episodes=listed(*BROKEN), length=number(low=1, high=6, integer=True), stride=number(low=1, integer=True)),
    'data.Windows.batch': Case(Method(Windows, 'batch', lambda: Windows(latents(), 4)), lambda: dict(idx=torch.arange(3)), idx=Kind('indices', st.one_of(OTHERS.filter(lambda v: not isinstance(v, (list, bool))), st.sampled_from([[99], [0, -99], [.5], ['word'], [None], 3., np.zeros(3), np.array([99]), torch.zeros(2), torch.tensor([9999]), torch.zeros(2, 2, dtype=int), torch.zeros(2, dtype=int, device='meta')])))),
    'data.Windows.to': Case(Method(Windows, 'to', lambda: Windows(latents(), 4)), lambda: dict(device='cpu'), device=Kind('device', device().wrong.filter(lambda v: not word('meta')(v)))),
    'data.save_episodes': Case(save_episodes, lambda: dict(path=fresh('.npz'), episodes=[small()]), path=path(), episodes=listed([small(), latent()], [small(), 3])),
    'data.load_episodes': Case(load_episodes, at('episodes.npz'), path=found()),
    # merge
    'collection.shards.shard_path': Case(shard_path, lambda: dict(path='x.npz', shard=(1, 2)), path=path(), shard=shard()),
    'collection.shards.save_shard': Case(save_shard, lambda: dict(path=fresh('.npz'), episodes=[small()], shard=(1, 2)), path=path(), episodes=listed([small(), 3]), shard=shard(), origin=a(dict, more=[st.sampled_from([{'x': object()}, {'x': float('nan')}])], but=empty)),
    'collection.shards.shard_of': Case(shard_of, at('parts_1_of_2.npz'), path=found()),
    'collection.shards.merge_shards': Case(merge_shards, lambda: dict(paths=[files()/f'parts_{i}_of_2.npz' for i in (1, 2)], out=fresh('.npz')), paths=listed(['nowhere'], st.builds(lambda: [files()/'parts_1_of_2.npz'])), out=path()),
    # minari
    'collection.minari_io.env_actions': Case(env_actions, lambda: dict(space=Discrete(2), act=np.eye(2, dtype=np.float32)), space=a(Box, Discrete, more=SPACES), act=array(np.eye(2, dtype=np.float32), low=-1, high=1, free=(0,))),
    'collection.minari_io.model_actions': Case(model_actions, lambda: dict(space=Discrete(2), actions=np.array([0, 1])), space=a(Box, Discrete, more=SPACES), actions=Kind('actions', st.one_of(OTHERS, st.sampled_from([[2], [-1], [.5], ['word'], [[0]], np.zeros(3), 3, [[0], [1, 2]]])).filter(lambda v: not isinstance(v, list) or v))),
    'collection.minari_io.model_actions, Box': Case(model_actions, lambda: dict(space=Box(-2, 2, (1,)), actions=np.zeros((2, 1))), space=a(Box, Discrete, more=SPACES), actions=Kind('actions', st.one_of(OTHERS, st.sampled_from([np.full((2, 1), np.nan), np.full((2, 1), 3.), np.array([['word']]), np.zeros((2, 2)), np.array([[object()]])])).filter(lambda v: not isinstance(v, list) or v))),
    'collection.minari_io.to_minari': Case(to_minari, lambda: dict(episodes=[replace(episode(), seed=3)], dataset_id=f'ours/a{G.integers(10**9)}-v0'), episodes=listed(*SPOILT), dataset_id=text(WORDS, 'x', '../x-v0', 'x-v', 'a b/x-v0'), env_args=a(dict, optional=True, more=[st.just({'size': 3}), st.just({'nothing': 3})], but=empty),
                                action_space=a(Box, Discrete, optional=True, more=[gym.spaces.Dict({}), gym.spaces.MultiBinary(2)])),
    'collection.minari_io.stream_minari': Case(stream_minari, lambda: dict(dataset=dataset()), dataset=Kind('dataset', st.one_of(ODD, st.just('no/such-v0'), st.just(Path('nowhere')))), pixels=text(WORDS.filter(len), optional=True), state=Kind('state', st.one_of(ODD, st.just('nothing')).filter(lambda v: v is not None and not (isinstance(v, str) and v == ''))),
                                    size=number(low=8, high=1024, integer=True, optional=True), lossy=flag()),
    'collection.minari_io.from_minari': Case(from_minari, lambda: dict(dataset=dataset()), dataset=Kind('dataset', st.one_of(ODD, st.just('no/such-v0'), st.just(Path('nowhere'))))),
    # encoder
    'encoder.Encoder': Case(Encoder, lambda: dict(latent_dim=2), latent_dim=number(low=1, high=4096, integer=True)),
    'encoder.Decoder': Case(Decoder, lambda: dict(latent_dim=2), latent_dim=number(low=1, high=4096, integer=True)),
    'encoder.VAE': Case(VAE, lambda: dict(latent_dim=2), latent_dim=number(low=1, high=4096, integer=True)),
    'encoder.vae_loss': Case(vae_loss, lambda: dict(recon=torch.zeros(2, 3, 8, 8), x=torch.ones(2, 3, 8, 8), mu=torch.zeros(2, 4), log_var=torch.zeros(2, 4)), recon=array(torch.zeros(2, 3, 8, 8), values=False), x=array(torch.zeros(2, 3, 8, 8), values=False),
                             mu=array(torch.zeros(2, 4), values=False), log_var=array(torch.zeros(2, 4), values=False), noise=number(low=0, high=255)),
    'encoder.to_float': Case(to_float, lambda: dict(obs=PICS), obs=axes(array(PICS, free=(0, 1, 2)))),
    'encoder.to_uint8': Case(to_uint8, lambda: dict(x=torch.zeros(2, 3, 8, 8)), x=axes(array(torch.zeros(2, 3, 8, 8), free=(0, 2, 3)))),
    'encoder.psnr': Case(psnr, lambda: dict(mse=.1), mse=number(low=0)),
    'encoder.train_vae': Case(train_vae, lambda: dict(obs=PICS, steps=1, batch=2, latent_dim=2, progress=False), obs=array(PICS, free=(0,)), steps=number(low=1, integer=True), batch=number(low=1, integer=True), lr=number(low=1e-8, high=1), latent_dim=number(low=1, high=4096, integer=True), noise=number(low=0, high=255), seed=seed(), progress=flag()),
    'encoder.save_encoder': Case(save_encoder, lambda: dict(vae=vae(), path=fresh('.safetensors')), vae=instance(), path=path(more=[st.just('x.npz')])),
    'encoder.FrozenEncoder': Case(FrozenEncoder, lambda: dict(vae=vae(), provenance={}), vae=instance(), provenance=a(dict)),
    'encoder.FrozenEncoder.encode': Case(Method(FrozenEncoder, 'encode', encoder), lambda: dict(obs=PICS), obs=array(PICS, free=(0,)), sample=flag(), batch=number(low=1, integer=True)),
    'encoder.FrozenEncoder.decode': Case(Method(FrozenEncoder, 'decode', encoder), lambda: dict(e=torch.zeros(2, 4)), e=axes(array(torch.zeros(2, 4), free=(0,)), 3), batch=number(low=1, integer=True)),
    'encoder.bundled_encoders': Case(bundled_encoders, dict),
    'encoder.load_encoder': Case(load_encoder, lambda: dict(source=files()/'encoder.safetensors'), source=found('CartPole-v9'), latent_dim=number(low=1, high=4096, integer=True, optional=True), device=device()),
    'encoder.encode_episodes': Case(encode_episodes, lambda: dict(encoder=encoder(), episodes=[small(size=64)], progress=False), encoder=instance(), episodes=listed([small()], [small(size=64), 3], right=('',), empty=False), sample=flag(), progress=flag()),
}
HELD = (st.sampled_from([{}, {'x': 3}, {'x': None}, {3: 4}]),)                            # dicts that hold no results
FRAMES = Kind('rows of pictures', st.one_of(ODD, st.sampled_from([{}, {'x': PICS, 'y': PICS[:1]}, {'x': None}, {'x': 'word'}, {'x': PICS[..., 0]}, {'x': PICS.astype(float)}, {'x': PICS[:0]}])))
STATE = lambda n=2: model().initial(n)
STATES = a(State, more=[st.builds(lambda: STATE().h), st.just((1, 2, 3))])

CASES |= {
    # figures
    'plot.plot_transitions': Case(plot_transitions, lambda: dict(trans=transitions([small()]), which=[0]), trans=instance(), which=listed([99], [-99], [.5], [True], right=([3],), optional=True)),
    'plot.plot_reconstructions': Case(plot_reconstructions, lambda: dict(encoder=encoder(), obs=PICS[:1]), encoder=instance(), obs=array(PICS[:1], numpy=True, free=(0,))),
    'plot.plot_learning': Case(plot_learning, lambda: dict(name='RSSM', histories=[history()]), name=text(), histories=listed(st.builds(lambda: [history(), History()])), unit=text()),
    'plot.plot_errors': Case(plot_errors, lambda: dict(res=evaluation(), horizons=(1,)), res=instance(), names=Kind('names', AMONG), horizons=HORIZONS),
    'plot.plot_horizons': Case(plot_horizons, lambda: dict(res=evaluation()), res=instance(), names=Kind('names', AMONG)),
    'plot.plot_rollout': Case(plot_rollout, rolled, posterior=array(rolled()['posterior'], free=(0,)), spread=array(rolled()['spread'], low=0), imagined=array(rolled()['imagined'], free=(0,)), div=instance(), pca=instance(), context=number(low=1, high=7, integer=True),
                              dims=Kind('dims', st.one_of(ODD, st.sampled_from([(3,), (-1,), (.5,), (None,), ('word',)])).filter(lambda v: v not in ([], {}) if isinstance(v, (list, dict)) else True)), name=text()),
    'plot.plot_frames': Case(plot_frames, lambda: dict(rows={'x': PICS}, first=0), rows=FRAMES, context=number(low=1, integer=True), div=number(low=1, integer=True, optional=True), first=number(low=0, high=1, integer=True)),
    'analysis.study.plot_variants': Case(plot_variants, lambda: dict(variants={'x': evaluation()}), variants=a(dict, more=HELD), names=Kind('names', AMONG)),
    'analysis.uncertainty.plot_reliability': Case(plot_reliability, lambda: dict(rows={'x': uncertainty()}, horizons=(1,)), rows=a(dict, more=HELD), horizons=HORIZONS),
    'analysis.uncertainty.plot_pit': Case(plot_pit, lambda: dict(rows={'x': uncertainty()}, horizons=(1,)), rows=a(dict, more=HELD), horizons=HORIZONS),
    'analysis.probes.plot_decoded_errors': Case(plot_decoded_errors, lambda: dict(rows={'GRU': {'angle (°)': [1., 2.]}}), rows=a(dict, more=[*HELD, st.sampled_from([{'x': {}}, {'x': {'y': 'word'}}, {'x': {'y': [1.]}, 'z': {}}, {'x': {'y': [float('nan')]}}])]), floor=a(dict, optional=True, more=[st.just({'angle (°)': 'word'})])),
    'plot.animate': Case(animate, lambda: dict(rows={'x': PICS}, path=fresh('.gif'), scale=1), rows=FRAMES, path=path(), context=number(low=1, integer=True), div=number(low=1, integer=True, optional=True), scale=number(low=1, high=20, integer=True), fps=number(low=1, high=50, integer=True)),
    'plot.save_figure': Case(save_figure, lambda: dict(fig=plot_horizons(evaluation()), path=fresh('.png')), fig=instance(), path=path(more=[st.just('x.npz')])),
    'plot.markdown_table': Case(markdown_table, lambda: dict(header=['a'], rows=[['b']]), header=Kind('list', ODD.filter(lambda v: not isinstance(v, (list, tuple)))),
                                rows=Kind('list', st.one_of(ODD.filter(lambda v: not isinstance(v, (list, tuple))), st.sampled_from([[[]], [['a', 'b']], [3]])))),
    # checkpoints, the course's file, the hub
    'checkpoint.action_spec': Case(action_spec, lambda: dict(env='Pendulum-v1'), env=a(Box, Discrete, more=[WORDS, gym.spaces.Dict({}), gym.spaces.MultiBinary(2)], but=word('Pendulum'))),
    'checkpoint.std_spec': Case(std_spec, lambda: dict(model=model()), model=instance()),
    'checkpoint.save': Case(save, lambda: dict(model=model(), path=fresh('.pt')), model=instance(st.builds(lambda: torch.nn.Linear(1, 1))), path=path(more=[st.just('x.npz')]), encoder=instance(st.builds(vae), optional=True), env_id=a(str, optional=True, more=[st.just('CartPole-v1')]),
                            action_space=Kind('space', st.one_of(ODD, st.sampled_from([Discrete(2), 'CartPole-v1', {'kind': 'box'}, {'kind': 'sphere', 'number': 1, 'space': ''}, {1: 2}])).filter(lambda v: v is not None and not word('Pendulum')(v))), metrics=a(dict, optional=True, more=[st.just({'x': float('nan')}), st.just({'x': {1j: 3}})])),
    'checkpoint.save, notes': Case(lambda notes: save(model(), fresh('.pt'), **notes), lambda: dict(notes={'seed': 1}), notes=Kind('notes', st.sampled_from([{'seed': float('nan')}, {'seed': object()}, {'state_dict': 1}, {'version': 1}, {'config': 3}]))),
    'checkpoint.load': Case(load, at('model.safetensors'), path=found(), encoder=instance(st.builds(vae), st.builds(encoder), optional=True), device=device(), env_id=a(str, optional=True, more=[st.just('CartPole-v1')], but=word('')),
                            action_space=Kind('space', st.one_of(ODD, st.sampled_from([Discrete(2), 'CartPole-v1', {'kind': 'box'}, {1: 2}])).filter(lambda v: v is not None))),
    'sharing.course.export_course': Case(export_course, lambda: dict(model=course(), path=fresh('.pt'), epochs_trained=1, final_loss=.5), model=instance(st.builds(model)), path=path(more=[st.just('x.npz')]), epochs_trained=number(low=0, integer=True), final_loss=number(low=-1e30, high=1e30),
                                 action_space=Kind('space', st.one_of(ODD, st.sampled_from([Discrete(2), Box(-1, 1, (2,)), 'CartPole-v1', {'number': 3}, {'kind': 3}])).filter(lambda v: v is not None and not empty(v) and not word('Pendulum')(v))), episodes=listed(*BROKEN, [latent(E=5)], optional=True)),
    'sharing.course.import_course': Case(import_course, at('rssm.pt'), path=found(), act_dim=number(low=1, high=2, integer=True), std=a(str, more=[st.just('exp(raw)')])),
    'sharing.hub.save_pretrained': Case(save_pretrained, lambda: dict(model=model(), folder=fresh()), model=Kind('model', st.one_of(ODD, st.just('nowhere'))), folder=path(), repo_id=text(optional=True), license=text(optional=True)),
    'sharing.hub.from_pretrained': Case(from_pretrained, lambda: dict(source=files()/'pretrained'), source=found('no such/at/all'), encoder=instance(st.builds(vae), st.builds(encoder), optional=True), device=device(), env_id=a(str, optional=True, more=[st.just('CartPole-v1')], but=word('')),
                                action_space=Kind('space', st.one_of(ODD, st.sampled_from([Discrete(2), 'CartPole-v1', {'kind': 'box'}, {1: 2}])).filter(lambda v: v is not None)), revision=text(optional=True), token=text(optional=True), cache_dir=path(optional=True), local_files_only=flag()),
    'sharing.hub.push_to_hub': Case(push_to_hub, lambda: dict(model=model(), repo_id='ours/x'), model=Kind('model', st.one_of(ODD, st.just('nowhere'))), repo_id=text('a/b/c', 'a b'), license=text(optional=True), private=maybe(), token=text(optional=True), branch=text(optional=True), commit_message=text()),
    # planning
    'planning.cem.initial_plan': Case(initial_plan, lambda: dict(batch=2, horizon=3, act_dim=1), batch=number(low=1, integer=True), horizon=number(low=1, integer=True), act_dim=number(low=1, integer=True), discrete=flag()),
    'planning.cem.cem_search': Case(cem_search, lambda: dict(returns=lambda p: p.sum((2, 3)), start=initial_plan(2, 3, 1), noise=torch.randn(1, 2, 4, 3, 1), elites=2), returns=function(more=[st.just(lambda p: p)]), start=instance(st.just((1, 2))), noise=array(torch.randn(1, 2, 4, 3, 1), free=(0, 2)), elites=number(low=1, high=4, integer=True), discrete=flag()),
    'planning.cem.shift_plan': Case(shift_plan, lambda: dict(plan=initial_plan(2, 3, 1)), plan=instance(st.just((1, 2))), discrete=flag()),
    'planning.cem.pendulum_step': Case(pendulum_step, lambda: dict(s=torch.zeros(2, 3), a=torch.zeros(2, 1)), s=array(torch.zeros(2, 3), values=False, free=(0,)), a=array(torch.zeros(2, 1), values=False, free=(0,))),
    'planning.cem.cartpole_step': Case(cartpole_step, lambda: dict(s=torch.zeros(2, 4), a=torch.zeros(2, 2)), s=array(torch.zeros(2, 4), values=False, free=(0,)), a=array(torch.zeros(2, 2), values=False, free=(0,))),
    'planning.cem.TrueDynamics': Case(TrueDynamics, lambda: dict(env_id='Pendulum-v1'), env_id=text(WORDS)),
    'planning.cem.TrueDynamics.look': Case(Method(TrueDynamics, 'look', world), lambda: dict(belief=None, a=None, obs=None, state=np.zeros((2, 3), np.float32), rngs=None), left={k: 'not looked at' for k in ('belief', 'a', 'obs', 'rngs')}, state=array(np.zeros((2, 3), np.float32), free=(0, 1))),
    'planning.cem.TrueDynamics.returns': Case(Method(TrueDynamics, 'returns', world), lambda: dict(belief=torch.zeros(2, 3), plans=torch.zeros(2, 4, 3, 1), rngs=None), belief=array(torch.zeros(2, 3)), plans=array(torch.zeros(2, 4, 3, 1), free=(1, 2)), left={'rngs': 'not used'}),
    'planning.agent.Agent': Case(Agent, lambda: dict(world=world()), world=instance(st.just(TrueDynamics)), horizon=number(low=1, integer=True), candidates=number(low=10, integer=True), elites=number(low=1, high=60, integer=True), iterations=number(low=1, integer=True), repeat=number(low=1, integer=True), noise=number(low=0, high=10), shift=flag()),
    'planning.agent.Agent.begin': Case(Method(Agent, 'begin', agent), lambda: dict(rngs=rngs()), rngs=listed(empty=False)),
    'planning.agent.Agent.act': Case(Method(Agent, 'act', lambda: begun(agent())), lambda: dict(obs=PICS, state=np.zeros((2, 3), np.float32)), obs=array(PICS, free=(1, 2)), state=array(np.zeros((2, 3), np.float32))),
    'planning.agent.Agent.__call__': Case(Method(Agent, '__call__', agent), lambda: dict(obs=PICS[0], state=np.zeros(3, np.float32), space=env().action_space, rng=rngs()[0]), obs=array(PICS[0], free=(0, 1)), state=array(np.zeros(3, np.float32)), space=a(Box, more=[st.just(Box(-1, 1, (2,)))]), rng=a(np.random.Generator)),
    'planning.agent.batched_rollout': Case(batched_rollout, lambda: dict(env_id='Pendulum-v1', seeds=[1], agent=agent(), max_steps=1, size=8), env_id=text(WORDS), seeds=listed([-1], [.5], [True], [1, 'word'], right=([3],)), agent=instance(), max_steps=number(low=1, integer=True, optional=True), size=number(low=8, high=1024, integer=True)),
    'planning.agent.plot_returns': Case(plot_returns, lambda: dict(curves={'x': ([1, 2], np.zeros((1, 2, 3)))}), curves=a(dict, more=[*HELD, st.sampled_from([{'x': ([1], np.zeros((1, 2, 3)))}, {'x': ([1, 2], np.zeros((1, 2)))}, {'x': ([1, 2], np.full((1, 2, 3), np.nan))}, {'x': (1, 2, 3)}, {'x': (['word'], np.zeros((1, 1, 3)))}])]),
                               levels=a(dict, optional=True, more=[st.sampled_from([{'x': 'word'}, {'x': []}, {'x': [np.nan]}])], but=empty), goal=number(optional=True), xlabel=text()),
    'planning.agent.plot_plans': Case(plot_plans, lambda: dict(truth=np.zeros(5), plans=[(1, np.zeros(3))], ylabel='x'), truth=array(np.zeros(5), free=(0,)), plans=listed([(1,)], [(1, 'word')], [(-1, np.zeros(3))], [(1, np.full(3, np.nan))], [(1, [])], empty=False), ylabel=text()),
    'planning.imagination.RewardHead': Case(RewardHead, lambda: dict(deter=2, size=2, hidden=2), act=choice('silu', 'elu', 'relu'), **{k: number(low=1, high=2**16, integer=True) for k in ('deter', 'size', 'hidden', 'layers')}),
    'planning.imagination.RewardHead.forward': Case(lambda s: head()(s), lambda: dict(s=STATE()), s=STATES),
    'planning.imagination.mean_noise': Case(lambda model, size: mean_noise(model, size), lambda: dict(model=model(), size=2), model=instance(), size=number(low=0, integer=True)),
    'planning.imagination.reward_states': Case(reward_states, lambda: dict(model=model(), episodes=latents()), model=instance(), episodes=listed(*BROKEN, [latent(E=5)], [latent(), latent(1, reward=torch.zeros(3))], [latent(reward=torch.full((6,), torch.nan))])),
    'planning.imagination.fit_reward': Case(fit_reward, lambda: dict(model=model(), episodes=latents(), steps=1, batch=2), model=instance(), episodes=listed(*BROKEN, [latent(E=5)]), steps=number(low=1, integer=True), batch=number(low=1, integer=True), lr=number(low=1e-8, high=1), seed=seed()),
    'planning.imagination.explained_variance': Case(explained_variance, lambda: dict(model=model(), head=head(), episodes=latents()), model=instance(), head=instance(st.builds(lambda: RewardHead(4, 4))), episodes=listed(*BROKEN, [latent(E=5)])),
    'planning.imagination.Imagination': Case(Imagination, lambda: dict(model=model(), head=head(), encoder=encoder()), model=instance(), head=instance(st.builds(lambda: RewardHead(4, 4))), encoder=instance(), discrete=flag(), sample=flag()),
    'planning.imagination.save_reward': Case(save_reward, lambda: dict(head=head(), path=fresh('.pt')), head=instance(), path=path(more=[st.just('x.npz')])),
    'planning.imagination.load_reward': Case(load_reward, at('head.safetensors'), path=found()),
    # hand-ins
    'grading.evidence.parse_model': Case(parse_model, lambda: dict(text='GRU'), text=text()),
    'grading.evidence.parse_horizons': Case(parse_horizons, lambda: dict(text='5 steps'), text=text()),
    'grading.evidence.parse_number': Case(float_of, lambda: dict(text='1,000'), text=text(WORDS.filter(lambda v: v not in ('NaN', '１')), '1.2.3')),
    'grading.evidence.errors_in_table': Case(errors_in_table, lambda: dict(rows=[['', 'h=1'], ['GRU', '.1']]), rows=listed([[3]], [['x', None]]), table=a(tuple)),
    'grading.evidence.errors_in_lines': Case(errors_in_lines, lambda: dict(lines=['GRU']), lines=listed(['x', None], right=(['word'],), empty=False), table=a(tuple)),
    'grading.evidence.count_pictures': Case(count_pictures, lambda: dict(output={}), output=a(dict, more=[st.just({'data': 3}), st.just({'data': {'text/html': 3}}), st.just({'data': {'image/png': 3}})])),
    'grading.evidence.output_text': Case(output_text, lambda: dict(output={'text': 'x'}), output=a(dict, more=[st.just({'data': 3}), st.just({'data': {'text/html': 3}}), st.just({'text': 3})])),
    'grading.evidence.code_names': Case(code_names, lambda: dict(tree=ast.parse('x')), tree=instance()),
    'grading.evidence.cell_text': Case(cell_text, lambda: dict(cell=cell()), cell=instance()),
    'grading.evidence.reported_errors': Case(reported_errors, lambda: dict(cell=cell()), cell=instance()),
    'grading.evidence.read_notebook': Case(read_notebook, at('notebook.ipynb'), path=found()),
    'grading.grades.register_check': Case(register_check, lambda: dict(name='five sections'), name=text()),
    'grading.grades.first_cell': Case(first_cell, lambda: dict(cells=[cell()]), cells=listed(empty=False)),
    'grading.grades.grade': Case(grade, at('notebook.ipynb'), path=found()),
    # steering
    'interactive.steering.seeded': Case(entered(seeded), lambda: dict(seed=1, step=2, device=torch.device('cpu')), seed=number(low=0, high=2**31, integer=True), step=number(low=0, integer=True), device=a(torch.device)),
    'interactive.steering.sample_posterior': Case(sample_posterior, lambda: dict(model=model(), e=torch.zeros(3, 4), a=torch.zeros(2, 1), samples=2, seed=0), model=instance(st.builds(lambda: torch.nn.Linear(1, 1))), e=array(torch.zeros(3, 4)), a=array(torch.zeros(2, 1)), samples=number(low=1, integer=True), seed=number(low=0, high=2**31, integer=True)),
    'interactive.steering.sample_prior': Case(sample_prior, lambda: dict(model=model(), state=STATE(), a=torch.zeros(1), seed=0, step=1, samples=2), model=instance(st.builds(lambda: torch.nn.Linear(1, 1))), state=STATES, a=array(torch.zeros(1)), seed=number(low=0, high=2**31, integer=True), step=number(low=0, integer=True), samples=number(low=1, integer=True)),
    'interactive.steering.Steering': Case(Steering, lambda: dict(model=model(), encoder=encoder(), start=Start(episode(), 5), samples=2, context=3, env=env()), model=instance(st.builds(lambda: RSSM(5, 1, 8, 3, 8)), st.builds(lambda: RSSM(4, 2, 8, 3, 8))), encoder=instance(), start=Kind('start', st.one_of(ODD, st.builds(lambda t: Start(episode(), t), st.sampled_from([-1, 1, 99, 1.5, None])), st.just(Start(None, 5)), st.just(Start(small(), 5)))),
                           hold=number(low=1, high=10_000, integer=True), context=number(low=1, integer=True), samples=number(low=1, high=10_000, integer=True), seed=number(low=0, high=2**31, integer=True), margins=instance(optional=True), probes=listed(empty=False), truth=flag(), env=a(gym.Env, optional=True, more=[st.builds(cart)])),
    'interactive.steering.Steering.begin': Case(Method(Steering, 'begin', steering), lambda: dict(start=Start(episode(), 5)), start=Kind('start', st.one_of(ODD, st.builds(lambda t: Start(episode(), t), st.sampled_from([-1, 1, 99, 1.5, None])), st.just(Start(None, 5)), st.just(Start(small(), 5))))),
    'interactive.steering.Steering.act': Case(Method(Steering, 'act', steering), lambda: dict(action=[.5]), action=Kind('action', st.one_of(OTHERS.filter(lambda v: not isinstance(v, bool)), st.sampled_from([[2.], [0., 0.], float('nan'), np.zeros(3)])))),
    'interactive.steering.Steering.vector': Case(Method(Steering, 'vector', steering), lambda: dict(action=[.5]), action=Kind('action', st.one_of(OTHERS.filter(lambda v: not isinstance(v, bool)), st.sampled_from([[2.], [0., 0.], float('nan'), np.zeros(3)])))),
    'interactive.steering.Steering.reading': Case(Method(Steering, 'reading', fresh_steering), dict, i=number(low=-1, high=0, integer=True)),
    'interactive.steering.Steering.words': Case(Method(Steering, 'words', fresh_steering), dict, truth=flag()),
    'interactive.views.plot_steering': Case(plot_steering, lambda: dict(s=fresh_steering()), s=instance(), last=number(low=1, integer=True), samples=number(low=0, integer=True)),
    'interactive.views.panel': Case(panel, lambda: dict(steering=fresh_steering()), steering=instance(), starts=listed([3], st.builds(lambda: [Start(episode(), 99)]), empty=False)),
    'interactive.views.record': Case(record, lambda: dict(model=model(), encoder=encoder(), start=Start(episode(), 5), depth=1, samples=2, context=3, env=env()), model=instance(), encoder=instance(), start=Kind('start', st.one_of(ODD, st.builds(lambda: Start(episode(), 99)))), actions=listed([('x', 3)]*2, st.builds(lambda: choices(env())[:1]), optional=True), depth=number(low=1, high=12, integer=True)),
    'interactive.views.sprite_sheet': Case(sprite_sheet, lambda: dict(pictures=PICS), pictures=array(PICS, numpy=True, free=(0, 1, 2)), cols=number(low=1, integer=True, optional=True), quality=number(low=1, high=100, integer=True)),
    'interactive.views.html_fragment': Case(html_fragment, lambda: dict(rec=recording()), rec=instance(), limit=number(low=1), qualities=listed([0], [101], [.5], [90, 'word'], right=([3],))),
    # runs
    'cli.run_folder.find_input': Case(find_input, lambda: dict(path=files(), name='model.safetensors', command='train'), path=found(), name=text('nothing.npz', '', '../x'), left={'command': 'of the caller, for the message'}),
    'cli.run_folder.file_fingerprint': Case(file_fingerprint, at('model.safetensors'), path=found()),
    'cli.run_folder.read_json': Case(read_json, lambda: dict(path=files()/'pretrained'/'config.json'), path=Kind('file', found().wrong.filter(lambda v: not isinstance(v, str) or len(v) < 256))),
    'cli.run_folder.RunFolder': Case(RunFolder, lambda: dict(out=fresh(), command='train', args={'x': 1}), out=path(), command=text(), args=a(dict, more=[st.just({'x': float('nan')})], but=empty), inputs=a(dict, optional=True, more=[st.just({'x': 'nowhere'}), st.just({'x': 3})], but=empty), overwrite=flag(), tensorboard=flag(), resume=flag()),
    'cli.run_folder.RunFolder.log': Case(lambda step, loss: RunFolder(fresh(), 'train', {}).log(step, loss=loss), lambda: dict(step=1, loss=.5), step=number(low=0, integer=True), loss=Kind('JSON', st.sampled_from([object(), 3 + 4j, {(1, 2): 3}]))),
    'cli.run_folder.RunFolder.done': Case(lambda score: RunFolder(fresh(), 'train', {}).done(score=score), lambda: dict(score=.5), score=Kind('JSON', st.sampled_from([float('nan'), float('inf'), {(1, 2): 3}]))),
    'cli.make.load_episodes_as': Case(load_episodes_as, lambda: dict(path=files()/'episodes.npz', kind='Episode'), path=found(), kind=choice('Episode', 'LatentEpisode')),
    'cli.make.find_encoder': Case(find_encoder, lambda: dict(encoder='Pendulum-v1'), encoder=found('CartPole-v9')),
    'cli.make.source_encoder': Case(source_encoder, lambda: dict(latents=files()/'latents.npz', embed=4), latents=path(), embed=number(low=1, integer=True)),
    'cli.use.load_model': Case(load_model, at('model.safetensors'), path=found(), encoder=instance(st.builds(encoder), optional=True)),
    'cli.use.build_parser': Case(build_parser, lambda: dict(name='train'), name=text(WORDS)),
    'cli.use.main': Case(main, lambda: dict(argv=['--help']), argv=Kind('words', st.sampled_from([3, 'word', [3], [None], {'x': 1}, object(), len]))),
}

LEFT = {  # why nothing is said of the other public names
    'an error class': 'core.RSSMError core.ArgumentError core.EnvError core.FileError core.TrainingError core.MissingError env.EpisodeError',
    'a constant': 'collection.shards.Shard collection.workers._BEFORE env.Policy env.FLOAT32_MAX collection.minari_io._ABOUT plot.COLOURS checkpoint.MODELS sharing.course.COURSE_STD sharing.hub._REPO_URL planning.cem.EQUATIONS grading.evidence.NUMBER_PATTERN grading.grades._LADDER '
                  'grading.grades.CHECKS grading.grades.TITLES grading.grades._UNCHECKED cli.use.COMMANDS cli.use._EXAMPLES',
    'carries data; the functions that take it check it (`check_episode`, `Windows`, `cem`, `Steering`, …)': 'env.Episode interactive.replay.Choice interactive.replay.Start interactive.replay.RealOutcome data.Transition data.Transitions data.Split data.LatentEpisode data.Batch planning.cem.Plan env.Failure',
    'carries results, made by one function of ours': 'collection.workers.WarningList grading.evidence.ReportedError grading.evidence.CodeNames grading.evidence.NotebookCell grading.evidence.Notebook grading.grades.Deliverable grading.grades.Grades interactive.steering.Snapshot interactive.steering.QuantityEstimate interactive.views.Recording',
    'takes anything, to say it in an error': 'core.short_repr env.error_line',
    'a check itself: of every function that uses it, it is tested there': 'core.check_sizes interactive.replay.check_start checkpoint.check_provenance files.check_zip files.check_plain files.check_tensors files.check_weights files.file_errors',
    'runs inside `stream`, which has checked, or in its workers': 'env.current_step collection.workers.is_failure collection.workers.gather collection.workers.episode_job collection.workers.run_serially',
    'what others derive from: its methods say that they are missing': 'planning.cem.PlanningModel',
    'called by Gymnasium or by torch, as they have it': 'render.SmallRender.long render.SmallRender.short render.SmallRender.render env.StateInInfo.reset env.StateInInfo.step '
                                                        'encoder.Encoder.forward encoder.Decoder.forward encoder.VAE.forward encoder.FrozenEncoder.train',
    'called by `Agent`, which has checked': 'planning.agent.Agent.replan planning.imagination.Imagination.noise planning.imagination.Imagination.begin planning.imagination.Imagination.look planning.imagination.Imagination.imagine planning.imagination.Imagination.returns planning.imagination.RewardHead.standardised',
    'takes nothing': 'interactive.steering.Steering.undo interactive.steering.Steering.reset',
}
LEFT = {name: why for why, names in LEFT.items() for name in names.split()}


def public(module):
    "Names of a module that users see, and the methods of its classes"
    m = importlib.import_module(f'rssm_nbdev.{module}')
    for k in m.__all__:
        yield f'{module}.{k}'
        if inspect.isclass(o := getattr(m, k)) and f'{module}.{k}' not in LEFT:
            yield from (f'{module}.{k}.{n}' for n, f in vars(o).items() if callable(f) and (n == '__call__' or not n.startswith('_')))


def test_every_public_name_has_a_case_or_a_reason():
    said = {k.partition(',')[0] for k in CASES} | {f'cli.make.{k}_cmd' for k in SHELL} | {f'cli.use.{k}_cmd' for k in SHELL}
    names = {k for m in MODULES for k in public(m)}
    assert not names - said - set(LEFT), 'nothing is said of these'
    assert not set(LEFT) - names and not set(LEFT) & said, 'gone, or said twice'


@pytest.mark.parametrize('name', CASES)
def test_a_valid_call_works(name):
    "The one that uploads gets as far as the hub"
    far = pytest.raises(FileError, match='the hub cannot be asked') if name == 'sharing.hub.push_to_hub' else contextlib.nullcontext()
    with contextlib.redirect_stdout(io.StringIO()), far: run(CASES[name].call, CASES[name].good())


SAID = {  # argument → words for it, or for a part of it, in errors
    'episodes': ('obs', 'act', 'reward', 'state', 'episode', 'ep=', 'e has shape'), 'ep': ('obs', 'act', 'reward', 'state'), 'env': ('actions of',), 'start': ('obs', 't=', 'an episode of'), 'starts': ('t=',), 'action_space': ('action',), 'mu': ('log_var',), 'posterior': ('spread', 'imagined'),
    'model': ('network', 'latents', 'actions'), 'state': ('s=',), 'belief': ('s=', 'plans'), 'loss': ('row',), 'score': ('data',), 'notes': ('notes',)}


def inside(value):
    "What an error may name in place of an argument: a file, the entry of a dict, an element of a list"
    return [v for o in (value.items() if isinstance(value, dict) else []) for v in o] + (list(value) if isinstance(value, (list, tuple)) else []) + [value]*isinstance(value, (str, Path))


@pytest.mark.parametrize('name, arg', [(k, o) for k, c in CASES.items() for o in c.kinds])
def test_a_wrong_argument_is_refused(name, arg):
    case = CASES[name]

    @settings(derandomize=True, deadline=None, database=None, max_examples=25, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case.kinds[arg].wrong)
    def each(value):
        try: refuses(case, arg, value)
        except AssertionError as e:
            said = str(e).partition(': ')[2]
            if 'names neither' not in str(e) or not any(str(v)[:20] in said for v in inside(value)) and not any(w in said for w in SAID.get(arg, ())): raise
    each()


@pytest.mark.parametrize('name', CASES)
def test_something_is_said_of_every_argument(name): assert not CASES[name].missing()


# ---- the shell

WHOLE, FROM_0 = ['0', '-1', '1.5', 'word', '', 'nan', '1e3'], ['-1', '1.5', 'word', '', 'inf']
REAL = ['nan', 'inf', '-1', 'word', '']
GONE = ['nowhere', '', 'a'*300, '../nowhere/x.npz']


def taken(): return files()/'model.safetensors'        # a file, where a folder is to be made


SHELL = {  # command → words that work, and for each option what does not; numbers are positions
    'collect': (lambda: ['Pendulum-v1', '--episodes=2', '--max-steps=3', '--workers=1'], {0: ['Nowhere-v0', '', 'a'*300, '../..', 'a\nb'], 'episodes': WHOLE, 'seed': FROM_0, 'max-steps': WHOLE, 'sticky': [*REAL, '1'], 'workers': WHOLE,
                'shard': ['0/2', '3/2', 'x', '2/', '1/200', '１/2'], 'on-failure': ['go on', ''], 'limit': [*REAL, '0'], 'out': taken}),
    'encoder': (lambda: ['Pendulum-v1', '--episodes=1', '--max-steps=2', '--steps=1'], {0: ['Nowhere-v0', ''], 'episodes': WHOLE, 'max-steps': WHOLE, 'steps': WHOLE, 'noise': [*REAL, '256'], 'seed': FROM_0, 'out': taken}),
    'encode': (lambda: [files()/'episodes.npz', files()/'encoder.safetensors'], {0: lambda: [*GONE, files()/'latents.npz', files()/'rssm.pt'], 1: lambda: [*GONE, 'CartPole-v9', files()/'latents.npz'], 'out': taken}),
    'merge': (lambda: [files()/'shard1', files()/'shard2'], {0: lambda: [*GONE, files()/'latents.npz'], 1: lambda: [*GONE, files()/'shard1'], 'out': taken}),
    'train': (lambda: [files()/'many.npz', '--steps=2', '--length=6', '--context=2', '--batch=2'], {0: lambda: [*GONE, files()/'episodes.npz', files()/'rssm.pt'], 'model': ['word', '', 'rssm'], 'steps': WHOLE, 'length': [*WHOLE, '1', '1000'], 'batch': WHOLE, 'lr': REAL, 'weight-decay': REAL,
              'context': [*WHOLE, '99'], 'seed': FROM_0, 'precision': ['fp8', ''], 'out': taken}),
    'evaluate': (lambda: [files()/'many.npz', files()/'model.safetensors', '--context=2', '--horizon=2', '--samples=2'], {0: lambda: [*GONE, files()/'episodes.npz'], 1: lambda: [*GONE, files()/'latents.npz'], 'context': [*WHOLE, '99'], 'horizon': [*WHOLE, '99'], 'samples': WHOLE, 'out': taken}),
    'imagine': (lambda: [files()/'episodes.npz', files()/'encoder.safetensors', files()/'model.safetensors', '--steps=2', '--samples=2'], {0: lambda: [*GONE, files()/'latents.npz'], 1: lambda: [*GONE, files()/'latents.npz'], 2: lambda: [*GONE, files()/'latents.npz'], 'episode': [*FROM_0, '99'],
                'start': [*FROM_0, '99'], 'context': [*WHOLE, '99'], 'steps': [*WHOLE, '99'], 'samples': WHOLE, 'seed': FROM_0, 'out': taken}),
    'export': (lambda: [save_course(), '--to=course'], {0: lambda: [*GONE, files()/'latents.npz', files()/'model.safetensors'], 'to': ['word', '', 'safetensors'], 'steps': FROM_0, 'loss': ['nan', 'inf', 'word', ''], 'out': taken}),
    'grade': (lambda: [files()/'notebook.ipynb'], {0: lambda: [*GONE, files()/'latents.npz']}),
}


@cache
def save_course(): save(course(), files()/'course.safetensors'); return files()/'course.safetensors'


def shell(command, words, **options):
    "Exit code or message of a command, and what it wrote to stderr"
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()): main([command, *map(str, words), *(f'--{k}={v}' for k, v in options.items())])
    except SystemExit as e: return e.code, said.getvalue()
    return 0, said.getvalue()


@pytest.mark.parametrize('command', SHELL)
def test_a_command_works(command):
    words, code = SHELL[command][0](), 1 if command == 'grade' else 0                # the notebook lacks everything
    out = {} if command == 'grade' else {'out': fresh('.pt' if command == 'export' else '')}
    found, said = shell(command, words, **out)
    assert found == code or code and 'deliverables' in found, (found, said)


@pytest.mark.parametrize('command, option', [(k, o) for k, (_, bad) in SHELL.items() for o in bad])
def test_a_command_refuses_bad_words(command, option):
    "Exit code 1 or 2, a reason in one line, and no folder left behind"
    words, bad = SHELL[command][0](), SHELL[command][1][option]
    bad = bad() if callable(bad) else bad

    @settings(derandomize=True, deadline=None, database=None, max_examples=25, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(bad if isinstance(bad, list) else [bad]))
    def each(value):
        out = fresh('.pt' if command == 'export' else '')
        args = [value if i == option else w for i, w in enumerate(words)]
        code, said = shell(command, args, **({} if command == 'grade' else {'out': out}) | ({} if isinstance(option, int) else {option: value}))
        reason = code if isinstance(code, str) else said.strip().splitlines()[-1] if said.strip() else ''
        assert code == 2 or isinstance(code, str), f'{option}={value!r}: exit code {code}'
        assert 'Traceback' not in said and reason.startswith(f'rssm {command}: ') and '\n' not in reason and len(reason) < 700, f'{option}={value!r}: {reason!r}'
        assert not out.exists(), f'{option}={value!r}: a folder was left'
    each()


@pytest.mark.parametrize('words', [['nothing'], ['train'], ['train', '--nothing'], ['']])
def test_an_unknown_command_or_option_is_refused(words):
    code, said = shell(words[0], words[1:])
    assert code == 2 or code.startswith("rssm: no command ")
