"The agent in worker processes, and planning's way through files"
import numpy as np
import torch

from rssm_nbdev.planning.agent import Agent, batched_rollout
from rssm_nbdev.checkpoint import load, save
from rssm_nbdev.encoder import load_encoder
from rssm_nbdev.collection.episodes import collect
from rssm_nbdev.env import make_env, rollout
from rssm_nbdev.planning.imagination import Imagination, RewardHead, load_reward, save_reward
from rssm_nbdev.planning.cem import TrueDynamics
from rssm_nbdev.rssm import RSSM

SMALL = dict(horizon=4, candidates=10, elites=3, iterations=2, noise=.3)


def imagined(seed=0):
    torch.manual_seed(seed)
    return Imagination(RSSM(32, 1, deter=16, stoch=4, hidden=16), RewardHead(16, 4, 8), load_encoder('Pendulum-v1'))


def test_agent_gathers_in_worker_processes_what_it_gathers_here():
    "An agent travels to a worker, plans there, and each of its episodes is the one of its seed"
    for world in (TrueDynamics('Pendulum-v1'), imagined()):
        there = collect('Pendulum-v1', 3, seed=4, policy=Agent(world, **SMALL), workers=2, max_steps=8, progress=False)
        here = batched_rollout('Pendulum-v1', [o.seed for o in there], Agent(world, **SMALL), max_steps=8)
        for a, b in zip(there, here):
            np.testing.assert_allclose(a.act, b.act, atol=1e-3)
            assert a.obs.shape == b.obs.shape == (9, 64, 64, 3)


def test_a_model_and_head_from_files_plan_as_before(tmp_path):
    world = imagined()
    save(world.model, tmp_path/'rssm.pt', world.encoder); save_reward(world.head, tmp_path/'reward.safetensors')
    again = Imagination(load(tmp_path/'rssm.pt', world.encoder), load_reward(tmp_path/'reward.safetensors'), world.encoder)
    a, b = (rollout(make_env('Pendulum-v1'), 3, Agent(w, **SMALL), max_steps=8) for w in (world, again))
    np.testing.assert_array_equal(a.act, b.act)


def test_planning_leaves_no_gradient_and_the_model_alone():
    world = imagined()
    before = {k: v.clone() for k, v in world.model.state_dict().items()}
    agent = Agent(world, **SMALL)
    rollout(make_env('Pendulum-v1'), 3, agent, max_steps=4)
    assert not agent.belief.h.requires_grad and not agent.plan.mean.requires_grad
    assert all(torch.equal(v, before[k]) for k, v in world.model.state_dict().items()) and all(p.grad is None for p in world.model.parameters())


def test_planning_leaves_torchs_own_generator_alone():
    "All chance is the episode's: training beside it goes on as if nobody had planned"
    torch.manual_seed(0); expected = torch.rand(3)
    world = imagined(); world.sample = True
    torch.manual_seed(0)
    rollout(make_env('Pendulum-v1'), 3, Agent(world, **SMALL), max_steps=4)
    assert torch.equal(torch.rand(3), expected)
