"""Environments as users bring them: each kind of surprise, with several members

What cannot be recorded as it is must be refused or announced; no wrong data without a word.
"""
import multiprocessing
import os
import subprocess
import sys
import warnings

import gymnasium as gym
import numpy as np
import pytest
import torch
from conftest import ROOT
from gymnasium.envs.classic_control import CartPoleEnv, PendulumEnv
from gymnasium.spaces import Box, Dict, Discrete, Graph, Sequence, Text, Tuple
from gymnasium.wrappers import AddRenderObservation

from rssm_nbdev.collection.episodes import collect, stream
from rssm_nbdev.collection.episodes import POLICIES
from rssm_nbdev.core import ArgumentError, EnvError
from rssm_nbdev.env import EpisodeError, make_env, rollout
from rssm_nbdev.wrappers import _warned, EnvWarning

pytestmark = pytest.mark.filterwarnings('ignore:.*squeezed')
own = dict(workers=1, progress=False)


class Dot(gym.Env):
    "A white row that moves down by one pixel at each step; `how` says how it is rendered"
    metadata = {'render_modes': ['rgb_array'], 'render_fps': 30}
    observation_space = Box(-1, 1, (2,), np.float32)
    action_space = Discrete(2)

    def __init__(self, render_mode=None, how=None, size=None):
        self.render_mode, self.how, self.given, self.actions = render_mode, how, size, []
        self.buffer = np.zeros((64, 64, 3), np.uint8)

    def observe(self): return np.full(2, self.t/100, np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.observe(), {}

    def step(self, action):
        self.t += 1
        self.actions.append(action)
        return self.observe(), 1., False, False, {}

    def frame(self):
        frame = np.zeros((64, 64, 3), np.uint8)
        frame[self.t % 64] = 255
        return frame

    def render(self):
        frame = self.frame()
        if self.how == 'buffer':
            self.buffer[:] = frame
            return self.buffer
        if self.how == 'turned buffer':
            self.buffer[:] = frame
            return self.buffer[:, ::-1]
        return {None: frame, 'rgba': np.dstack([frame, frame[..., :1]]), 'grey': frame[..., 0],
                'one channel': frame[..., :1], 'colours first': frame.transpose(2, 0, 1),
                'int64': frame.astype(np.int64), 'list': frame.tolist(), 'flat': frame.ravel(),
                'floats': frame/255, 'none': None, 'two channels': frame[..., :2],
                'too bright': frame.astype(int)*2, 'black': 0*frame, 'white': 0*frame + 255,
                'wide': frame[:32]}[self.how]


count = iter(range(10**6))


def reg(cls=Dot, **kwargs):
    "Register an environment under a fresh id"
    env_id = f'DayOne{next(count)}-v0'
    kwargs = dict(max_episode_steps=9) | kwargs
    gym.register(env_id, cls, disable_env_checker=True, **kwargs)
    return env_id


def said(f, match=''):
    "The texts of the warnings of our own"
    _warned.clear()
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        f()
    return [str(w.message) for w in found if w.category is EnvWarning and match in str(w.message)]


def same(a, b):
    arrays = [(getattr(a, k), getattr(b, k)) for k in ('obs', 'act', 'reward', 'state')]
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in arrays)


# ---- pictures

@pytest.mark.parametrize('how', ['buffer', 'turned buffer', 'rgba', 'grey', 'one channel',
                                 'colours first', 'int64', 'list'])
def test_every_kind_of_picture_is_recorded_as_it_was(how):
    plain, = collect(reg(), 1, **own)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        ep, = collect(reg(how and Dot, kwargs={'how': how}), 1, **own)
    assert np.array_equal(ep.obs, plain.obs) and len(np.unique(ep.obs, axis=0)) == 10


@pytest.mark.parametrize('how, shape', [
    ('flat', '(12288,)'), ('floats', 'float64'), ('none', 'is None'),
    ('two channels', '(64, 64, 2)'), ('too bright', 'int64')])
def test_a_picture_of_another_kind_is_refused_with_its_shape(how, shape):
    with pytest.raises(EnvError, match='its picture is') as e:
        collect(reg(kwargs={'how': how}), 1, **own)
    assert shape in str(e.value) and 'expected whole numbers from 0 to 255' in str(e.value)


@pytest.mark.parametrize('how', ['rgba', 'grey', 'colours first', 'int64'])
def test_a_conversion_is_announced_once(how):
    assert len(said(lambda: collect(reg(kwargs={'how': how}), 3, **own), 'converted to RGB')) == 1


@pytest.mark.parametrize('how, word', [('black', 'black'), ('white', 'the same')])
def test_constant_pictures_are_warned_of(how, word):
    found = said(lambda: collect(reg(kwargs={'how': how}), 1, **own))
    assert [word in o for o in found] == [True]
    assert not said(lambda: collect(reg(), 1, **own))


@pytest.mark.parametrize('fit, rows', [('squeeze', 2), ('pad', 1), ('crop', 2)])
def test_pictures_that_are_not_square(fit, rows):
    env_id = reg(kwargs={'how': 'wide'})
    env = make_env(env_id, fit=fit)
    env.reset(seed=0)
    obs, *_ = env.step(0)
    assert obs.shape == (64, 64, 3) and (obs[:, 32].sum(-1) > 300).sum() == rows
    fresh = reg(kwargs={'how': 'wide'})
    assert len(said(lambda: make_env(fresh), 'squeezed')) == 1
    assert not said(lambda: make_env(env_id, fit=fit))


def test_grey_pictures():
    obs, _ = make_env('CartPole-v1', grey=True).reset(seed=0)
    assert np.array_equal(obs[..., 0], obs[..., 1]) and obs.shape == (64, 64, 3)


class Eye(Dot):
    "The observation holds the picture; it renders nothing"
    metadata = {'render_modes': []}
    observation_space = Dict(eye=Box(0, 255, (64, 64, 3), np.uint8), t=Box(-1, 99, (1,)),
                             depth=Box(0, 1, (16, 16, 1)), symbols=Box(0, 9, (7, 7, 3), np.uint8))

    def observe(self):
        depth = np.full((16, 16, 1), self.t/10, np.float32)
        return {'eye': self.frame(), 't': np.float32([self.t]), 'depth': depth,
                'symbols': np.zeros((7, 7, 3), np.uint8)}

    def render(self): raise AssertionError('not called')


class OnlyEye(Eye):
    observation_space = Eye.observation_space['eye']
    def observe(self): return self.frame()


@pytest.mark.filterwarnings('ignore:.*left out')
def test_the_picture_may_come_from_the_observation():
    plain, = collect(reg(), 1, **own)
    eye, = collect(reg(Eye), 1, pixels='eye', **own)
    only, = collect(reg(OnlyEye), 1, pixels='observation', **own)
    assert np.array_equal(eye.obs, plain.obs) and np.array_equal(only.obs, plain.obs)
    assert eye.state[:, 0].tolist() == list(range(10)) and only.state.shape == (10, 0)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        depth, = collect(reg(Eye), 1, pixels='depth', **own)
    assert depth.obs[:, 0, 0, 0].tolist() == [round(i/10*255) for i in range(10)]


@pytest.mark.filterwarnings('ignore:.*left out')
@pytest.mark.parametrize('pixels, reason', [('nose', "expected 'render' or one of 'eye'"),
                                            ('symbols', 'at least 8 × 8'), ('t', 'no space of')])
def test_an_observation_that_is_no_picture_is_refused(pixels, reason):
    with pytest.raises(ArgumentError, match=reason):
        make_env(reg(Eye), pixels=pixels)


# ---- observations

class Mission(gym.Space):
    "A space of an environment's own, as MiniGrid's"
    def sample(self, mask=None, probability=None): return 'go'
    def contains(self, x): return isinstance(x, str)


CAMERA = Box(0, 255, (240, 320, 3), np.uint8)
NODES = Graph(Box(-1, 1, (2,)), None)


@pytest.mark.parametrize('space, size, left', [
    (Dict(direction=Discrete(4), mission=Mission()), 4, 'mission'),
    (Dict(a=Box(-1, 1, (3,)), items=Sequence(Box(-1, 1, (1,)))), 3, 'items'),
    (Dict(a=Box(-1, 1, (3,)), graph=NODES), 3, 'graph'),
    (Dict(a=Box(-1, 1, (3,)), inner=Dict(camera=CAMERA, b=Discrete(2))), 5, 'inner.camera'),
    (Tuple([CAMERA, Box(-1, 1, (2,), np.float64)]), 2, '0'),
    (Sequence(Discrete(2)), 0, 'the observation'), (Mission(), 0, 'the observation'),
    (Dict(depth=Box(0, 1, (48, 64, 1)), word=Text(3, min_length=3)), 3, 'depth')])
def test_any_observation_space_gives_a_state(space, size, left):
    class E(Dot):
        observation_space = space
        def observe(self): return space.sample()

    found = said(lambda: make_env(reg(E)))
    assert len(found) == 1 and found[0].endswith(f': {left}')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        ep, = collect(reg(E), 1, **own)
    assert ep.state.shape == (10, size) and ep.state.dtype == np.float32


def test_an_error_names_the_first_bad_entry_only():
    class E(Dot):
        observation_space = Box(-np.inf, np.inf, (100_000,))

        def observe(self):
            obs = np.zeros(100_000, np.float32)
            obs[4321] = np.nan if self.t == 2 else 0
            return obs

    with pytest.raises(EpisodeError, match=r'step 1: its state\[4321\] is nan') as e:
        collect(reg(E), 1, **own)
    assert len(str(e.value)) < 200


# ---- actions

def with_actions(space, **kwargs):
    class E(Dot):
        action_space = space
    return make_env(reg(E, **kwargs))


@pytest.mark.parametrize('space, reason', [
    (Box(0, 10, (1,), np.int64), 'Box of int64, whole numbers'),
    (Box(0, 255, (2,), np.uint8), 'Box of uint8, whole numbers'),
    (Box(1, 1, (2,)), 'holds a single action'), (Box(-np.inf, 1, (1,)), 'bounded Box'),
    (gym.spaces.MultiDiscrete([2, 2]), 'expected Discrete or a bounded Box')])
def test_actions_that_cannot_be_recorded_are_refused(space, reason):
    with pytest.raises(EnvError, match=reason):
        with_actions(space)


@pytest.mark.filterwarnings('ignore:.*filled in')
@pytest.mark.parametrize('space', [
    Box(-2, 2, (3,), np.float64), Box(-2, 2, (1,), np.float16), Box(-2, 2, (2, 2)),
    Box(np.float32([-1, 5]), np.float32([1, 5])), Box(.1, .3, (2,), np.float64),
    Box(np.array([-1., 5, 0]), np.array([1., 5, 7]))])
@pytest.mark.parametrize('scaled', [True, False])
def test_the_simulator_gets_what_is_recorded(space, scaled):
    class E(Dot):
        action_space = space

    env = make_env(reg(E), scaled=scaled)
    ep = rollout(env, 0)
    executed = np.array(env.unwrapped.actions[-9:], np.float64).reshape(9, -1)
    assert np.isfinite(executed).all() and all(space.contains(a.astype(space.dtype).reshape(
        space.shape)) for a in executed)
    free = (space.low < space.high).ravel()
    low, high = (o.ravel().astype(float) for o in (space.low, space.high))
    recorded = ep.act.astype(float)
    if scaled:
        recorded = low[free] + (recorded + 1)/2*(high - low)[free]
    np.testing.assert_allclose(executed[:, free], recorded, atol=3e-3 if space.dtype == np.float16
                               else 1e-6)
    assert (executed[:, ~free] == low[~free]).all()
    again = make_env(reg(E), scaled=scaled)   # the record alone gives the same again, to the bit
    again.reset(seed=0)
    for a in ep.act:
        again.step(a.reshape(again.action_space.shape))
    assert np.array_equal(np.array(again.unwrapped.actions[-9:]), env.unwrapped.actions[-9:])


@pytest.mark.parametrize('give', [
    lambda x: np.array([x]), lambda x: [x], lambda x: x, np.float64, np.array, lambda x: (x,),
    lambda x: torch.tensor([x]), lambda x: torch.tensor(x, dtype=torch.float64),
    lambda x: torch.tensor([x], requires_grad=True)])
def test_a_policy_may_return_any_kind_of_number(give):
    def policy(obs, state, space, rng): return give(.25)

    ep, = collect('Pendulum-v1', 1, policy=policy, max_steps=3, **own)
    assert (ep.act == np.float32(.25)).all() and ep.act.dtype == np.float32


@pytest.mark.parametrize('give', [int, np.int64, np.array, torch.tensor, np.int32,
                                  lambda x: np.array([x]), lambda x: torch.tensor([x])])
def test_a_policy_may_return_any_kind_of_index(give):
    def policy(obs, state, space, rng): return give(1)

    ep, = collect('CartPole-v1', 1, policy=policy, max_steps=3, **own)
    assert (ep.act == [0, 1]).all()


@pytest.mark.parametrize('bad', [.7, np.array(1.), None, 'left', [1], 2, np.zeros(2, int), True])
def test_a_wrong_action_is_refused(bad):
    def policy(obs, state, space, rng): return bad

    with pytest.raises(EpisodeError, match=r'is outside Discrete\(2\)'):
        collect('CartPole-v1', 1, policy=policy, **own)


# ---- which environment

@pytest.fixture
def module(tmp_path, monkeypatch):
    "A module that registers an environment when it is imported"
    (tmp_path/'day_one_module.py').write_text(
        'import gymnasium as gym\n'
        'from gymnasium.envs.classic_control import PendulumEnv\n'
        'class MyPendulum(PendulumEnv): pass\n'
        "gym.register('Mine-v0', 'day_one_module:MyPendulum', max_episode_steps=5)\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv('PYTHONPATH', f'{tmp_path}{os.pathsep}{os.environ["PYTHONPATH"]}')
    yield 'day_one_module:Mine-v0'
    gym.registry.pop('Mine-v0', None)
    sys.modules.pop('day_one_module', None)


def test_module_and_id_as_gymnasium_takes_them(module):
    one = collect(module, 2, **own)
    two = collect(module, 2, workers=2, progress=False)
    assert all(map(same, one, two)) and one[0].env_id == module
    assert make_env(module).spec.id == module


@pytest.mark.parametrize('env_id', ['no_such_module:E-v0', ':E-v0', 'a:b:c', 'json:E-v0',
                                    'ALE/Nothing-v77'])
def test_an_unknown_id_is_called_unknown(env_id):
    with pytest.raises(EnvError, match='unknown environment'):
        make_env(env_id)


class Turned(gym.Wrapper):
    "An entry point that is a wrapper"
    def __init__(self, render_mode=None): super().__init__(CartPoleEnv(render_mode=render_mode))


def test_an_entry_point_may_be_a_wrapper_or_a_function():
    cart, = collect('CartPole-v1', 1, max_steps=5, **own)
    for entry in (Turned, lambda **kwargs: CartPoleEnv(**kwargs)):
        ep, = collect(reg(entry), 1, max_steps=5, **own)
        assert same(ep, cart)


def make_pendulum(g=10.):
    return gym.make('Pendulum-v1', render_mode='rgb_array', g=g)


@pytest.mark.parametrize('source, kwargs', [
    (make_pendulum, {'g': 5.}), (lambda: make_pendulum(5.), {}), (make_pendulum(5.), {}),
    (gym.spec('Pendulum-v1'), {'g': 5.}), ('Pendulum-v1', {'env_kwargs': {'g': 5.}})])
def test_functions_specifications_and_objects_are_environments(source, kwargs):
    expected = collect('Pendulum-v1', 2, g=5., max_steps=4, **own)
    for workers in (1, 2):
        eps = collect(source, 2, max_steps=4, workers=workers, progress=False, **kwargs)
        assert all(map(same, eps, expected))


def test_an_object_without_specification_is_copied():
    eps = collect(PendulumEnv('rgb_array'), 2, max_steps=4, workers=2, progress=False)
    assert all(map(same, eps, collect(PendulumEnv, 2, max_steps=4, **own)))
    assert eps[0].env_id == 'PendulumEnv'
    assert all(map(same, eps, collect('Pendulum-v1', 2, max_steps=4, **own)))


def no_copy():
    env = Dot('rgb_array')
    env.generator = (i for i in ())
    return env


@pytest.mark.parametrize('source, error', [
    (PendulumEnv(), "expected 'rgb_array'"),
    (lambda: 3, 'expected a gymnasium.Env'), (lambda: 1/0, 'ZeroDivisionError'),
    (make_env('Pendulum-v1'), 'expected one without'), (42, 'env_id=42: expected str'),
    (no_copy(), 'cannot be copied')])
@pytest.mark.filterwarnings('ignore:.*no time limit')
def test_what_is_no_environment_is_refused(source, error):
    with pytest.raises((EnvError, ArgumentError), match=error):
        collect(source, 1, **own)


def test_arguments_named_like_ours_reach_the_environment():
    assert make_env(reg(), 32, env_kwargs={'size': 7}).unwrapped.given == 7
    with pytest.raises(ArgumentError, match='given twice'):
        make_env(reg(), env_kwargs={'how': None}, how=None)
    with pytest.raises(ArgumentError, match='made already'):
        make_env(Dot('rgb_array'), how='grey')


def test_rollout_takes_any_environment_that_renders():
    expected = rollout(make_env('CartPole-v1'), 3)
    for env in (gym.make('CartPole-v1', render_mode='rgb_array'),
                gym.wrappers.TimeLimit(CartPoleEnv(render_mode='rgb_array'), 500),
                AddRenderObservation(gym.make('CartPole-v1', render_mode='rgb_array'),
                                     render_only=False)):
        assert np.array_equal(rollout(env, 3).obs, expected.obs)
    with pytest.raises(EnvError, match="render_mode is None, expected 'rgb_array'"):
        rollout(gym.make('CartPole-v1'), 3)


# ---- seeds, time, repeats

class Legacy(Dot):
    "Seeds NumPy's legacy generator, which takes seeds below 2^32, and a C program's int"
    def reset(self, *, seed=None, options=None):
        if seed is not None:
            np.random.seed(seed)
            np.int32(seed)
        return super().reset(seed=seed)


@pytest.mark.parametrize('seed', [0, 2147, 2148, 4295, 12345, 2**31])
def test_large_collection_seeds(seed):
    eps = collect(reg(Legacy), 2, seed=seed, **own)
    assert [o.seed for o in eps] == [1_000_000*seed, 1_000_000*seed + 1]
    with pytest.raises(AssertionError):
        assert same(*collect('CartPole-v1', 2, seed=seed, max_steps=3, **own))


@pytest.mark.parametrize('make', [lambda: reg(max_episode_steps=None), lambda: Dot,
                                  lambda: Dot('rgb_array')])
def test_without_a_time_limit_there_is_a_warning_and_a_bound(make, monkeypatch):
    monkeypatch.setattr('rssm_nbdev.wrappers._LIMIT', 30)
    source = make()
    assert len(said(lambda: collect(source, 1, **own), 'no time limit')) == 1
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        ep, = collect(source, 1, **own)
    assert len(ep) == 30 and not ep.terminated
    assert not said(lambda: collect(source, 1, max_steps=3, **own))
    if isinstance(source, str):
        assert len(collect(source, 1, max_episode_steps=40, **own)[0]) == 40


def test_actions_are_repeated_and_rewards_summed():
    ep, = collect(reg(), 1, action_repeat=4, **own)
    assert ep.reward.tolist() == [4, 4, 1]          # nine steps of the simulator
    assert ep.state[:, 0].tolist() == np.float32([0, .04, .08, .09]).tolist()


@pytest.mark.parametrize('warmup', [1, 5, 20])
def test_the_warm_up_is_not_part_of_the_episode(warmup):
    ep, = collect(reg(), 1, warmup=warmup, **own)
    skipped = warmup % 9
    assert len(ep) == 9 - skipped and ep.state[0, 0] == np.float32(skipped/100)
    how = dict(warmup=warmup, max_steps=5, progress=False)
    one, two = (collect('Pendulum-v1', 3, workers=n, **how) for n in (1, 2))
    assert all(map(same, one, two))


@pytest.mark.parametrize('name', POLICIES)
def test_policies_do_not_depend_on_the_workers(name):
    how = dict(policy=POLICIES[name], max_steps=12, progress=False)
    one, two = (collect('Pendulum-v1', 4, workers=n, **how) for n in (1, 2))
    assert all(map(same, one, two))


@pytest.mark.parametrize('env_id', ['CartPole-v1', 'Pendulum-v1', 'Acrobot-v1', 'FrozenLake-v1'])
def test_a_kept_environment_gives_the_same_bytes(env_id):
    anew = collect(env_id, 4, seed=5, max_steps=20, **own)
    for workers in (1, 2):
        kept = collect(env_id, 4, seed=5, max_steps=20, workers=workers, progress=False, reuse=True)
        assert all(map(same, anew, kept))


# ---- processes

SCRIPT = '''
import gymnasium as gym, sys
from gymnasium.envs.classic_control import PendulumEnv
from rssm_nbdev.collection.episodes import collect
class Mine(PendulumEnv): pass
entry = {'class': Mine, 'text': '__main__:Mine', 'lambda': lambda **k: Mine(**k)}[sys.argv[1]]
gym.register('Mine-v0', entry, max_episode_steps=5)
if __name__ == '__main__':
    for workers in (1, 2):
        eps = collect('Mine-v0', 2, workers=workers, progress=False)
        print(sum(int(o.obs.sum()) for o in eps))
'''


@pytest.mark.parametrize('entry', ['class', 'text', 'lambda'])
def test_an_environment_of_a_script_reaches_the_workers(entry, tmp_path):
    (tmp_path/'script.py').write_text(SCRIPT)
    env = os.environ | {'PYTHONPATH': f'{ROOT}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'}
    done = subprocess.run([sys.executable, 'script.py', entry], cwd=tmp_path, env=env, text=True,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    one, two = done.stdout.split()
    assert one == two


def in_pool(how):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        eps = collect('CartPole-v1', 2, progress=False, **how)
    return [o.obs.sum() for o in eps], [str(w.message) for w in found]


def test_collect_inside_a_daemonic_pool():
    expected = [o.obs.sum() for o in collect('CartPole-v1', 2, **own)]
    hows = {'workers': 2}, {}, {'on_failure': 'skip'}, {'workers': 1}
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        for how, (sums, texts) in zip(hows, pool.map(in_pool, hows)):
            assert sums == expected
            assert any('daemonic' in o for o in texts) == (how != {'workers': 1})
        with pytest.raises(ArgumentError, match='limit=5.0: a daemonic process'):
            pool.map(in_pool, [{'limit': 5}])


CHECK = '''
import os, sys
import rssm_nbdev.collection.episodes
print(os.environ.get('SDL_VIDEODRIVER'), 'torch' in sys.modules)
'''


@pytest.mark.parametrize('given, display, expected', [('x11', '', 'x11'), (None, '', 'dummy'),
                                                      (None, ':0', 'None'), ('', '', '')])
def test_the_users_video_driver_is_left_alone(given, display, expected):
    env = {k: v for k, v in os.environ.items() if k not in ('SDL_VIDEODRIVER', 'WAYLAND_DISPLAY')}
    env |= {'DISPLAY': display} | ({} if given is None else {'SDL_VIDEODRIVER': given})
    out = subprocess.run([sys.executable, '-c', CHECK], env=env, text=True, capture_output=True)
    assert out.stdout.strip() == f'{expected} False'.strip(), out.stderr


def test_a_warning_is_given_once_in_a_process(recwarn):
    env_id = reg(max_episode_steps=None, kwargs={'how': 'rgba'})
    collect(env_id, 2, max_steps=3, **own)      # a limit is given: nothing to say about limits
    for _ in range(2):
        make_env(env_id)
    texts = [str(w.message) for w in recwarn if w.category is EnvWarning]
    assert len(texts) == 2 and 'converted to RGB' in texts[0] and 'no time limit' in texts[1]


def test_a_stream_can_be_left_and_warns_once():
    flow = stream(reg(kwargs={'how': 'rgba'}), 50, workers=1, progress=False)
    assert len(next(flow)) == 9
    flow.close()
