"""Environments of other packages, as their users install them; each test needs its package

`make test-envs` installs minigrid, ale-py, mujoco, box2d and highway-env and runs this file.
"""
import os
import subprocess
import sys
import time
import warnings

import gymnasium as gym
import numpy as np
import pytest

from rssm_nbdev.collection.episodes import collect
from rssm_nbdev.env import make_env
from rssm_nbdev.wrappers import EnvWarning

ENVS = {  # id → (module, length of the state, length of an action)
    'FrozenLake-v1': ('gymnasium', 16, 4),
    'Taxi-v4': ('gymnasium', 500, 6),
    'LunarLander-v3': ('Box2D', 8, 4),
    'CarRacing-v3': ('Box2D', 0, 3),
    'MiniGrid-Empty-8x8-v0': ('minigrid', 4, 7),
    'minigrid:MiniGrid-DoorKey-5x5-v0': ('minigrid', 4, 7),
    'ALE/Pong-v5': ('ale_py', 0, 6),
    'ale_py:ALE/Breakout-v5': ('ale_py', 0, 4),
    'InvertedPendulum-v5': ('mujoco', 4, 1),
    'HalfCheetah-v5': ('mujoco', 17, 6),
    'highway-v0': ('highway_env', 25, 5),
}
# what runs in a fresh process: no test before it has imported the package or set a variable
SCRIPT = '''
import hashlib, sys, warnings
import numpy as np
from rssm_nbdev.collection.episodes import collect
if __name__ == '__main__':
    warnings.simplefilter('ignore')
    eps = collect(sys.argv[1], 2, seed=int(sys.argv[3]), workers=int(sys.argv[2]), max_steps=5,
                  size=32, progress=False)
    names = 'obs', 'act', 'reward', 'state'
    data = b''.join(np.ascontiguousarray(getattr(o, k)).tobytes() for o in eps for k in names)
    print(eps[0].state.shape[1], eps[0].act.shape[1], len(np.unique(eps[0].obs)) > 1,
          hashlib.sha256(data).hexdigest())
'''


def run(env_id, workers, seed=0, **variables):
    env = {k: v for k, v in os.environ.items() if k not in ('MUJOCO_GL', 'SDL_VIDEODRIVER')}
    done = subprocess.run([sys.executable, '-c', SCRIPT, env_id, str(workers), str(seed)],
                          env=env | variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1000:]
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize('env_id', ENVS)
def test_ids_work_without_an_import_and_give_the_same_bytes(env_id):
    "In one process and in two, and again; another seed gives other bytes"
    module, state, action = ENVS[env_id]
    pytest.importorskip(module)
    one, two, other = run(env_id, 1), run(env_id, 2), run(env_id, 1, seed=3000)
    assert one == two and one[:3] == [str(state), str(action), 'True']
    assert one[3] != other[3]


@pytest.mark.filterwarnings('ignore')
def test_minigrid_first_person():
    pytest.importorskip('minigrid')
    from minigrid.wrappers import RGBImgPartialObsWrapper

    def first_person():
        return RGBImgPartialObsWrapper(gym.make('MiniGrid-Empty-8x8-v0', render_mode='rgb_array'))

    eps = collect(first_person, 2, pixels='image', max_steps=9, workers=1, progress=False)
    plain = collect('MiniGrid-Empty-8x8-v0', 2, max_steps=9, workers=1, progress=False)
    assert (eps[0].obs != plain[0].obs).any() and np.array_equal(eps[0].state, plain[0].state)
    with pytest.raises(ValueError, match='at least 8 × 8'):
        make_env('MiniGrid-Empty-8x8-v0', pixels='image')   # 7 × 7 symbols, no picture


def test_atari_options():
    pytest.importorskip('ale_py')
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter('always')
        make_env('ALE/Pong-v5')
    texts = [str(w.message) for w in found if w.category is EnvWarning]
    assert any('210 × 160' in o for o in texts)
    env = make_env('ALE/Pong-v5', fit='crop', grey=True, action_repeat=2, warmup=8, frameskip=1,
                   repeat_action_probability=0.)
    obs, _ = env.reset(seed=0)
    assert np.array_equal(obs[..., 0], obs[..., 1])
    screen, = collect('ALE/Pong-v5', 1, pixels='observation', fit='squeeze', max_steps=9,
                      workers=1, progress=False)
    rendered, = collect('ALE/Pong-v5', 1, fit='squeeze', max_steps=9, workers=1, progress=False)
    assert np.array_equal(screen.obs, rendered.obs)


def test_mujoco_renders_the_same_from_one_seed_in_one_process():
    pytest.importorskip('mujoco')
    how = dict(seed=3, max_steps=3, workers=1, progress=False)
    a, = collect('HalfCheetah-v5', 1, **how)
    b, = collect('HalfCheetah-v5', 1, **how)
    assert np.array_equal(a.obs, b.obs) and np.array_equal(a.state, b.state)


@pytest.mark.filterwarnings('ignore')
@pytest.mark.parametrize('env_id', ['LunarLander-v3', 'MiniGrid-Empty-8x8-v0', 'ALE/Pong-v5',
                                    'InvertedPendulum-v5'])
def test_a_kept_environment_gives_the_same_bytes(env_id):
    pytest.importorskip(ENVS[env_id][0])
    how = dict(seed=2, max_steps=12, workers=1, progress=False)
    anew, kept = (collect(env_id, 3, reuse=o, **how) for o in (False, True))
    for a, b in zip(anew, kept, strict=True):
        assert np.array_equal(a.obs, b.obs) and np.array_equal(a.state, b.state)


MISSING = '''
import rssm_nbdev.env as e
try: e.make_env('InvertedPendulum-v5')
except e.EnvError as error: print(error)
'''


def test_a_missing_gl_library_is_named_with_its_package():
    pytest.importorskip('mujoco')
    env = os.environ | {'MUJOCO_GL': 'glfw', 'DISPLAY': '', 'WAYLAND_DISPLAY': ''}
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', MISSING], env=env,
                          capture_output=True, text=True)
    assert 'MUJOCO_GL=egl' in done.stdout and 'apt-get install libegl1' in done.stdout


def test_a_driver_chosen_by_the_user_is_left_alone_and_black_pictures_are_warned_of():
    "highway-env draws nothing under the driver that the user has chosen here"
    pytest.importorskip('highway_env')
    assert run('highway-v0', 1, SDL_VIDEODRIVER='dummy')[2] == 'False'
    script = SCRIPT.replace("'ignore'", "'default'")
    env = os.environ | {'SDL_VIDEODRIVER': 'dummy'}
    done = subprocess.run([sys.executable, '-c', script, 'highway-v0', '1', '0'], env=env,
                          capture_output=True, text=True)
    assert 'all pictures of an episode are black' in done.stderr


def test_collecting_costs_no_more_than_twice_a_plain_loop():
    pytest.importorskip('minigrid')
    start = time.perf_counter()
    eps = collect('MiniGrid-Empty-8x8-v0', 4, max_steps=60, workers=1, progress=False)
    ours = sum(map(len, eps))/(time.perf_counter() - start)
    env = gym.make('MiniGrid-Empty-8x8-v0', render_mode='rgb_array')
    env.reset(seed=0)
    start = time.perf_counter()
    for _ in range(100):
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        env.render()
        if terminated or truncated:
            env.reset()
    plain = 100/(time.perf_counter() - start)
    assert ours > .3*plain, f'{ours:.0f} against {plain:.0f} frames a second'
