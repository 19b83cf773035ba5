"Kinds of arguments, right values and wrong ones, for test_arguments_data.py"
import inspect
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import torch
from bad_arguments import ARRAYS, OTHERS, Kind, flag, just, kind, number, several
from gymnasium.spaces import Box, Discrete
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from rssm_nbdev.analysis.uncertainty import BINS, Uncertainty
from rssm_nbdev.checkpoint import save
from rssm_nbdev.collection.minari_io import to_minari
from rssm_nbdev.collection.shards import save_shard
from rssm_nbdev.data import LatentEpisode, save_episodes
from rssm_nbdev.encoder import VAE, FrozenEncoder, load_encoder, save_encoder
from rssm_nbdev.env import Episode, make_env, rollout
from rssm_nbdev.evaluation import Divergence, Evaluation
from rssm_nbdev.files import write_sealed_json
from rssm_nbdev.grading.evidence import NotebookCell
from rssm_nbdev.interactive.replay import Start
from rssm_nbdev.interactive.steering import Steering
from rssm_nbdev.interactive.views import record
from rssm_nbdev.planning.agent import Agent
from rssm_nbdev.planning.cem import TrueDynamics
from rssm_nbdev.planning.imagination import RewardHead, save_reward
from rssm_nbdev.rssm import RSSM, State
from rssm_nbdev.sharing.course import export_course
from rssm_nbdev.sharing.hub import save_pretrained
from rssm_nbdev.system import write_json
from rssm_nbdev.train import History
from rssm_nbdev.variants.parts import preset

ODD = st.one_of(OTHERS, st.integers(), st.floats(allow_nan=True), *just(ARRAYS))
NOT_A_LIST = ODD.filter(lambda v: not isinstance(v, (list, tuple)))
NAN, INF = float('nan'), float('inf')


# ---- kinds of arguments

def matches(v, right):
    "Is a value of one of these types, or does it meet one of these conditions?"
    return any(isinstance(v, r) if isinstance(r, type) else r(v) for r in right)


def odd(*wrong, base=ODD, but=(), optional=False):
    "Wrong: the odd values of `base` save those that match `but`, and the values given"
    right = but if isinstance(but, tuple) else (but,)
    return kind('any', [base.filter(lambda v: not matches(v, right)), *just(wrong)], optional)


def a(*types, more=(), optional=False, but=lambda v: False):
    "An object of these types; `more`: wrong all the same; `but`: right all the same"
    others = ODD.filter(lambda v: not isinstance(v, types))
    wrong = st.one_of(others, *just(more)).filter(lambda v: not but(v))
    return kind('object', [wrong], optional)


def empty(v): return isinstance(v, dict) and not v
def empty_list(v): return isinstance(v, list) and not v
def word(right): return lambda v: isinstance(v, str) and v == right
def short_name(v): return not isinstance(v, str) or len(v) < 256


def text(*wrong, **kwargs): return a(str, more=wrong, **kwargs)
def path(**kwargs): return a(str, os.PathLike, **kwargs)
def function(**kwargs): return a(Callable, **kwargs)
def space(*wrong, **kwargs): return a(Box, Discrete, more=[*wrong, *NO_SPACES], **kwargs)
def count(high=None, **kwargs): return number(low=1, high=high, integer=True, **kwargs)
def seed(high=2**63): return number(low=0, high=high, integer=True)
def pixels(**kwargs): return number(low=8, high=1024, integer=True, **kwargs)
def not_in_range(n): return st.integers().filter(lambda i: not 0 <= i < n)


def found(*wrong):
    "A file that must exist"
    names = st.sampled_from(['nowhere', 'a\0b', '', *wrong])
    return kind('file', [st.one_of(ODD, names).filter(lambda v: not isinstance(v, os.PathLike))])


def axes(of, n=5):
    "An array with any number of leading axes: one of `n` axes is right"
    return Kind('array', of.wrong.filter(lambda v: getattr(v, 'ndim', 0) != n))


def shard(optional=False):
    "A shard (i, n)"
    others = ODD.filter(lambda v: v is not None)
    wrong = [(0, 2), (3, 2), (1,), (1, 2, 3), (1.5, 2), ('1', '2'), (True, 2), (NAN, 2), (-1, -1)]
    return kind('shard', [others, st.sampled_from(wrong)], optional)


def device():
    "A device that is present"
    wrong = [-1, 99, 1.5, 'meta', 'cpu:x', 'gpu', 'xpu:99', ARRAYS[0]]
    others = OTHERS.filter(lambda v: not isinstance(v, bool))
    return kind('device', [others, st.sampled_from(wrong)])


def flag_or_none():
    "True, false or None"
    return kind('flag or None', [flag().wrong], optional=True)


def listed(*wrong, right=(), **kwargs):
    "A list of our objects; `wrong`: lists with one wrong element; `right`: valid all the same"
    of = several(*just(wrong), **kwargs)
    def valid(v): return any(type(v) is type(r) and v == r for r in right)
    return Kind('list', of.wrong.filter(lambda v: not valid(v)), of.optional)


def starts(*times, more=()):
    "A `Start`; wrong: at these times, or of no episode"
    at = st.builds(lambda t: Start(episode(), t), st.sampled_from(times))
    return odd(at, Start(None, 5), *more)


# ---- calls

class Method:
    "A method as a function, of an object that `make` gives"
    def __init__(self, cls, name, make):
        self.f = getattr(cls, name)
        self.make = make
        sig = inspect.signature(self.f)
        self.__signature__ = sig.replace(parameters=list(sig.parameters.values())[1:])

    def __call__(self, **kwargs): return self.f(self.make(), **kwargs)


def entered(f):
    "A context manager as a function"
    def enter(**kwargs):
        with f(**kwargs) as x:
            return x
    enter.__signature__ = inspect.signature(f)
    return enter


def of_caller(*names):
    "Arguments that the caller, a function of ours, sets for the message"
    return {name: 'of the caller' for name in names}


# ---- right values

_tmp = tempfile.TemporaryDirectory(prefix='rssm_arguments_')
TMP = Path(_tmp.name)
G = np.random.default_rng(0)
PICS = np.zeros((2, 64, 64, 3), np.uint8)


@cache
def env(): return make_env('Pendulum-v1')


@cache
def cart(): return make_env('CartPole-v1')


@cache
def episode(seed=1): return rollout(env(), seed, max_steps=9)


@cache
def vae():
    torch.manual_seed(0)
    return VAE(4)


@cache
def encoder(): return FrozenEncoder(vae(), {'sha256': '0'*64, 'file': 'ours'})


def other_model(embed=4, act_dim=1): return RSSM(embed, act_dim, deter=8, stoch=3, hidden=8)


@cache
def model():
    torch.manual_seed(0)
    return other_model().eval()


@cache
def head(): return RewardHead(8, 3, 8)


@cache
def course():
    torch.manual_seed(0)
    return preset('course', 4, 1, deter=8, hidden=8, stoch=4)


def steering_arguments():
    "Arguments of `Steering`"
    start = Start(episode(), 5)
    return dict(model=model(), encoder=encoder(), start=start, samples=2, context=3, env=env())


@cache
def steering(): return Steering(**steering_arguments() | {'env': make_env('Pendulum-v1')})


def fresh_steering():
    steering().reset()
    return steering()


def record_arguments(): return steering_arguments() | {'depth': 1}


@cache
def recording(): return record(**record_arguments() | {'env': make_env('Pendulum-v1')})


def small(seed=0, T=6, size=8):
    "An episode of zeros"
    obs = np.zeros((T + 1, size, size, 3), np.uint8)
    act, reward = np.zeros((T, 1), np.float32), np.zeros(T, np.float32)
    state = np.zeros((T + 1, 3), np.float32)
    return Episode(obs, act, reward, state, False, seed, 'Pendulum-v1')


def latent(seed=0, T=6, E=4, **changes):
    "An episode of random latents"
    g = torch.Generator().manual_seed(seed)
    e = torch.randn(T + 1, E, generator=g)
    a, reward = torch.rand(T, 1, generator=g), torch.rand(T, generator=g)
    state = np.zeros((T + 1, 3), np.float32)
    o = LatentEpisode(e, a, reward, state, False, seed, 'Pendulum-v1')
    return replace(o, **changes)


def latents(n=3, **changes): return [latent(seed, **changes) for seed in range(n)]


@cache
def dataset(): return to_minari([replace(episode(), seed=3)], 'ours/pendulum-v0')


def save_notebook(path):
    "A notebook of one cell"
    cell = {'cell_type': 'code', 'id': 'a', 'source': 'x = 1', 'metadata': {}}
    cells = [cell | {'outputs': [], 'execution_count': 1}]
    write_json(path, {'cells': cells, 'metadata': {}, 'nbformat': 4, 'nbformat_minor': 5})


@cache
def files():
    "A folder with a file of each kind"
    save_episodes(TMP/'episodes.npz', [episode(1), episode(2)])
    save_episodes(TMP/'latents.npz', latents())
    save_episodes(TMP/'many.npz', latents(9, T=20))
    save_encoder(vae(), TMP/'encoder.safetensors')
    provenance = load_encoder(TMP/'encoder.safetensors').provenance
    like_encoder = SimpleNamespace(latent_dim=4, provenance=provenance)
    save(model(), TMP/'model.safetensors', like_encoder)
    save_reward(head(), TMP/'head.safetensors')
    export_course(course(), TMP/'rssm.pt', 1, .5)
    save_pretrained(model(), TMP/'pretrained')
    for i in (1, 2):
        save_shard(TMP/'parts.npz', [small(i)], (i, 2))
        save_shard(TMP/f'shard{i}'/'episodes.npz', [small(i)], (i, 2))
    save_notebook(TMP/'notebook.ipynb')
    return TMP


@cache
def course_file():
    save(course(), files()/'course.safetensors')
    return files()/'course.safetensors'


def at(name): return lambda: dict(path=files()/name)
def fresh(suffix=''): return Path(tempfile.mkdtemp(dir=TMP))/f'new{suffix}'


def sealed():
    "A JSON file with a checksum"
    f = fresh('.json')
    write_sealed_json(f, {'x': 1})
    return f


def evaluation():
    errors = {k: G.random((2, 3, 10)) + .1 for k in ('GRU', 'RSSM')}
    return Evaluation(errors, 5, 4, 9, [0, 1, 2], [])


def uncertainty():
    counts, bounds = np.full((1, 10, BINS), 1/BINS), np.linspace(0, 1, BINS + 1)
    return Uncertainty({'nll': G.random((1, 2, 10))}, counts, bounds, G.random((1, 10, BINS + 1)))


def history():
    train = [dict(step=i, loss=1/i) for i in range(1, 5)]
    valid = [dict(step=i, loss=1/i, score=1/i) for i in (2, 4)]
    return History(train, valid, dict(step=4, loss=.25, score=.25))


def rolled():
    "Arguments of `plot_rollout`"
    x = G.normal(size=(25, 3))
    div = Divergence(2, np.ones(5), np.ones(5), 2.)
    drawn = dict(posterior=x[:8], spread=np.ones((8, 3)), imagined=G.normal(size=(4, 5, 3)))
    return drawn | dict(div=div, pca=PCA(2).fit(x), dims=(0, 1, 2), context=3)


def rngs(n=1): return [np.random.default_rng(i) for i in range(n)]
def world(): return TrueDynamics('Pendulum-v1')
def agent(): return Agent(world(), horizon=2, candidates=3, elites=2, iterations=1)


def begun(o):
    "An agent at the start of two episodes"
    o.reset(rngs(2))
    return o


def cell(source='x = 1', cell_type='code', **kwargs):
    return NotebookCell(1, cell_type, source, 1, **kwargs)


def state(n=2): return model().initial(n)


# ---- wrong values

NAN_LATENTS = torch.full((7, 4), torch.nan)
BROKEN_LATENTS = [
    3,
    None,
    small(),
    latent(9, E=5),
    latent(9, T=0),
    latent(9, e=None),
    latent(9, e=NAN_LATENTS),
    latent(9, e=torch.zeros(7, 4).double()),
    latent(9, e=torch.zeros(7, 4, device='meta')),
    latent(9, a=torch.zeros(6, 2)),
    latent(9, a=torch.zeros(5, 1)),
]
BROKEN = [[*latents()[:2], o] for o in BROKEN_LATENTS]  # lists of latents, one of them wrong
CHANGES = [
    dict(obs=None),
    dict(obs=np.zeros((7, 8, 8), np.uint8)),
    dict(obs=np.zeros((7, 8, 8, 3))),
    dict(act=[1]),
    dict(act=np.zeros((0, 1), np.float32)),
    dict(act=np.full((6, 1), NAN, np.float32)),
    dict(act=np.full((6, 1), 2., np.float32)),
    dict(reward=np.zeros(5, np.float32)),
    dict(state=np.zeros((6, 3), np.float32)),
]
SPOILT = [[small(), replace(small(1), **change)] for change in CHANGES]  # lists of episodes

NO_SPACES = [gym.spaces.Dict({}), gym.spaces.MultiBinary(2)]
SPACE = a(Box, Discrete, more=NO_SPACES)
NO_ACTION_SPACES = [*NO_SPACES, gym.spaces.Text(3), Box(-np.inf, np.inf, (1,))]
OTHER_SPACES = [Discrete(2), 'CartPole-v1', {'kind': 'box'}, {1: 2}]
NO_COURSE_SPACES = [Discrete(2), Box(-1, 1, (2,)), 'CartPole-v1', {'number': 3}, {'kind': 3}]
NO_ENVS = ['Pendulum-v99', 'nowhere:Pendulum-v1', 'a:b:c', 'phys2d/CartPole-v1', 'a\nb']
NO_BOX_ACTIONS = [np.zeros(3), np.zeros((2, 1)), [2., 0.], np.full(2, NAN), ['a', 'b'], 1.]
NO_PENDULUM_ACTIONS = [[np.zeros(2, np.float32)], [np.full(1, NAN)], [np.zeros(1), 'word']]
NO_STEERING_ACTIONS = [[2.], [0., 0.], NAN, np.zeros(3)]
NO_DISCRETE_ACTIONS = [[2], [-1], [.5], ['word'], [[0]], np.zeros(3), 3, [[0], [1, 2]]]
NO_BOX_ACTION_LISTS = [
    np.full((2, 1), NAN),
    np.full((2, 1), 3.),
    np.zeros((2, 2)),
    np.array([['word']]),
    np.array([[object()]]),
]
NO_INDICES = [
    [99], [0, -99], [.5], ['word'], [None], 3.,
    np.zeros(3), np.array([99]),
    torch.zeros(2), torch.tensor([9999]), torch.zeros(2, 2, dtype=int),
    torch.zeros(2, dtype=int, device='meta'),
]
SHARD_TEXTS = ['0/2', '3/2', '1/', '/2', '1/2/3', '-1/2', '１/2', '1.0/2']
NO_FAULTS = [3, ('jumps', 2), ('raises', 'word'), ('raises',), None]
NO_JSON = [{'x': NAN}, INF, {(1, 2): 3}]
NO_NOTES = [{'seed': NAN}, {'seed': object()}, {'state_dict': 1}, {'version': 1}, {'config': 3}]
NO_OUTPUTS = [{'data': 3}, {'data': {'text/html': 3}}]

NO_NAMES = st.sampled_from([[], ['Mars'], [3], [None], 'word', 3, ['RSSM', 'Mars'], [[]]])
AMONG = Kind('names of models', NO_NAMES)
NO_HORIZONS = [
    (), (0,), (11,), (1.5,), ('word',), (None,), (1, -1), (NAN,), (True,),
    3, 'word', None, object(), len,
]
HORIZONS = Kind('horizons', st.sampled_from(NO_HORIZONS))
HELD = [{}, {'x': 3}, {'x': None}, {3: 4}]  # dicts that hold no results
NO_FRAMES = [
    {},
    {'x': PICS, 'y': PICS[:1]},
    {'x': None},
    {'x': 'word'},
    {'x': PICS[..., 0]},
    {'x': PICS.astype(float)},
    {'x': PICS[:0]},
]
FRAMES = odd(*NO_FRAMES)
NO_DECODED_ERRORS = [
    {'x': {}},
    {'x': {'y': 'word'}},
    {'x': {'y': [1.]}, 'z': {}},
    {'x': {'y': [NAN]}},
]
NO_CURVES = [
    {'x': (1, 2, 3)},
    {'x': ([1], np.zeros((1, 2, 3)))},
    {'x': ([1, 2], np.zeros((1, 2)))},
    {'x': ([1, 2], np.full((1, 2, 3), NAN))},
    {'x': (['word'], np.zeros((1, 1, 3)))},
]
NO_PLANS = [[(1,)], [(1, 'word')], [(1, [])], [(-1, np.zeros(3))], [(1, np.full(3, NAN))]]
NO_REWARDS = [
    [latent(), latent(1, reward=torch.zeros(3))],
    [latent(reward=torch.full((6,), torch.nan))],
]
STATES = a(State, more=[st.builds(lambda: state().h), (1, 2, 3)])
