"Episodes that fail in every way an environment can: a fixture of the tests"
import os, signal, sys, time

import gymnasium as gym
import numpy as np
from gymnasium.spaces import Box, Discrete

from rssm_nbdev.core import check_choice, check_list, check_number, check_type

def _leak(): Faulty.leaked += [open(os.devnull), np.ones(1_000_000)]

FAULTS = {  # what is done at the step, or what is given back in place of (state, reward, picture)
    'raises': lambda: 1/0, 'sleeps': lambda: time.sleep(3600), 'is killed': lambda: os.kill(os.getpid(), signal.SIGKILL), 'exits': lambda: os._exit(0),
    'quits': lambda: sys.exit(3), 'prints': lambda: print('a line nobody asked for'), 'leaks': _leak,
    'state shape': dict(x=np.zeros(3, np.float32)), 'state NaN': dict(x=np.full(2, np.nan, np.float32)), 'reward NaN': dict(r=np.nan), 'reward None': dict(r=None),
    'picture dtype': dict(picture=np.zeros((32, 32, 3))), 'picture shape': dict(picture=np.zeros((32, 32), np.uint8)), 'picture None': dict(picture=None),
    'returns None': None, 'raises in close': lambda: None}

class Faulty(gym.Env):
    "A dot that wanders for `length` steps, and fails as told"
    metadata, leaked = {'render_modes': ['rgb_array'], 'render_fps': 30}, []
    observation_space, action_space = Box(-np.inf, np.inf, (2,), np.float32), Discrete(3)
    def __init__(self, render_mode=None, faults={}, length=6):
        check_number(length, 'length', low=1, integer=True)
        for seed, plan in check_type(faults, 'faults', dict).items():
            fault, step = check_list(plan, f'faults[{seed}]', least=2)[:2]
            check_choice(fault, f'faults[{seed}]', FAULTS); check_number(step, f'faults[{seed}]', low=-1, integer=True)
        self.render_mode, self.faults, self.length, self.plan, self.bad = render_mode, faults, length, None, {}

    def _go(self, move):
        fault, step = self.plan or (None, None)
        act = FAULTS[fault] if step == self.t else {}
        if callable(act): act()
        self.x, self.bad = self.x + move, {} if callable(act) else act
        return None if act is None else self.bad.get('x', self.x)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.plan, self.x = -1, self.faults.get(seed), self.np_random.normal(size=2).astype(np.float32)
        return self._go(np.zeros(2, np.float32)), {}

    def step(self, action):
        self.t += 1
        x = self._go(np.float32([action - 1, .1]))
        return None if x is None else (x, self.bad.get('r', float(x[0])), False, self.t + 1 == self.length, {})

    def render(self):
        picture = np.full((32, 32, 3), 255, np.uint8); i, j = (16 + 2*self.x).astype(int).clip(1, 30); picture[i-1:i+2, j-1:j+2] = 0
        return (self.bad or {}).get('picture', picture)

    def close(self):
        if (self.plan or [0])[0] == 'raises in close': raise OSError('will not close')
