"""An environment that fails in every way an environment can: a fixture of the tests.

`python tests/faulty.py` rehearses all faults and writes artifacts/promises/collection.json, which
nbs/reports/promises.ipynb reports and test_failures.py compares.
"""
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete

from rssm_nbdev.collection.episodes import collect
from rssm_nbdev.core import check_choice, check_list, check_number, check_type


def leak(): Faulty.leaked += [open(os.devnull), np.ones(1_000_000)]


# A function is called at the step; a dict replaces the state, reward or picture; None is returned
FAULTS = {
    'raises': lambda: 1/0,
    'sleeps': lambda: time.sleep(3600),
    'is killed': lambda: os.kill(os.getpid(), signal.SIGKILL),
    'exits': lambda: os._exit(0),
    'quits': lambda: sys.exit(3),
    'prints': lambda: print('an unexpected line'),
    'leaks': leak,
    'state shape': dict(state=np.zeros(3, np.float32)),
    'state NaN': dict(state=np.full(2, np.nan, np.float32)),
    'reward NaN': dict(reward=np.nan),
    'reward None': dict(reward=None),
    'picture dtype': dict(picture=np.zeros((32, 32, 3))),
    'picture shape': dict(picture=np.zeros((32, 32), np.uint8)),
    'picture None': dict(picture=None),
    'returns None': None,
    'raises in close': lambda: None,
}


NO_FAULTS = {}


def check_faults(faults):
    "Refuse anything but {seed: (fault, step)}"
    for seed, plan in check_type(faults, 'faults', dict).items():
        name = f'faults[{seed}]'
        fault, step = check_list(plan, name, least=2)[:2]
        check_choice(fault, name, FAULTS)
        check_number(step, name, low=-1, integer=True)
    return faults


class Faulty(gym.Env):
    "A dot that wanders for `length` steps; the episode of a seed fails as `faults[seed]` says"
    metadata = {'render_modes': ['rgb_array'], 'render_fps': 30}
    observation_space = Box(-np.inf, np.inf, (2,), np.float32)
    action_space = Discrete(3)
    leaked = []

    def __init__(self, render_mode=None, faults=NO_FAULTS, length=6):
        self.render_mode = render_mode
        self.faults = check_faults(faults)
        self.length = check_number(length, 'length', low=1, integer=True)
        self.plan = None
        self.replaced = {}

    def _move(self, move):
        fault, step = self.plan or (None, None)
        effect = FAULTS[fault] if step == self.t else {}
        if callable(effect):
            effect()
            effect = {}
        self.x = self.x + move
        self.replaced = effect
        return None if effect is None else effect.get('state', self.x)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = -1
        self.plan = self.faults.get(seed)
        self.x = self.np_random.normal(size=2).astype(np.float32)
        return self._move(np.zeros(2, np.float32)), {}

    def step(self, action):
        self.t += 1
        state = self._move(np.float32([action - 1, .1]))
        if state is None: return None
        reward = self.replaced.get('reward', float(state[0]))
        return state, reward, False, self.t + 1 == self.length, {}

    def render(self):
        picture = np.full((32, 32, 3), 255, np.uint8)
        i, j = (16 + 2*self.x).astype(int).clip(1, 30)
        picture[i-1:i+2, j-1:j+2] = 0
        return (self.replaced or {}).get('picture', picture)

    def close(self):
        if (self.plan or [0])[0] == 'raises in close': raise OSError('will not close')


def register(**kwargs):
    "Make the environment known to Gymnasium as Faulty-v0"
    gym.register('Faulty-v0', Faulty, disable_env_checker=True, kwargs=kwargs)


def faults_at(step):
    "All faults, one in every second episode"
    return {2*i + 1: (fault, step) for i, fault in enumerate(FAULTS)}


def rehearse(step, limit):
    "Collect with every fault at a step (−1: at the reset): the episodes, and fault → its failure"
    failures, faults = [], faults_at(step)
    episodes = collect('Faulty-v0', 2*len(FAULTS) + 1, workers=2, on_failure='skip', limit=limit,
                       failures=failures, faults=faults, progress=False)
    return episodes, {faults[f.seed][0]: f for f in failures}


def summary(step, failures):
    "A rehearsal as the report tells it"
    episodes = 2*len(FAULTS) + 1
    lost = sum(f.kind != 'close' for f in failures.values())
    listed = {k: {'kind': f.kind, 'step': f.step, 'reason': f.reason} for k, f in failures.items()}
    return {'when': 'reset' if step == -1 else f'step {step}', 'episodes': episodes,
            'faults': len(FAULTS), 'lost': lost, 'kept': episodes - lost,
            'kinds': dict(Counter(f.kind for f in failures.values())), 'failures': listed}


if __name__ == '__main__':
    register()
    runs = [summary(step, rehearse(step, limit=3)[1]) for step in (2, -1)]
    out = Path(__file__).resolve().parent.parent/'artifacts/promises/collection.json'
    out.write_text(json.dumps({'workers': 2, 'limit': 3, 'runs': runs}, indent=2) + '\n')
