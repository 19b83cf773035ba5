"The agent in worker processes, and planning with models from files"
import numpy as np
import torch

from rssm_nbdev.checkpoint import load, save
from rssm_nbdev.collection.episodes import collect
from rssm_nbdev.encoder import load_encoder
from rssm_nbdev.env import make_env, rollout
from rssm_nbdev.planning.agent import Agent, batched_rollout
from rssm_nbdev.planning.cem import TrueDynamics
from rssm_nbdev.planning.imagination import Imagination, RewardHead, load_reward, save_reward
from rssm_nbdev.rssm import RSSM

SMALL = dict(horizon=4, candidates=10, elites=3, iterations=2, noise=.3)


def small_imagination(seed=0):
    "An untrained model with its reward head"
    torch.manual_seed(seed)
    model, head = RSSM(32, 1, deter=16, stoch=4, hidden=16), RewardHead(16, 4, 8)
    return Imagination(model, head, load_encoder('Pendulum-v1'))


def planned_episode(model, max_steps=8):
    return rollout(make_env('Pendulum-v1'), 3, Agent(model, **SMALL), max_steps=max_steps)


def test_agent_gathers_in_worker_processes_what_it_gathers_here():
    "An agent travels to a worker, plans there, and each of its episodes is the one of its seed"
    for model in (TrueDynamics('Pendulum-v1'), small_imagination()):
        there = collect('Pendulum-v1', 3, seed=4, policy=Agent(model, **SMALL), workers=2,
                        max_steps=8, progress=False)
        seeds = [o.seed for o in there]
        here = batched_rollout('Pendulum-v1', seeds, Agent(model, **SMALL), max_steps=8)
        for a, b in zip(there, here):
            np.testing.assert_allclose(a.act, b.act, atol=1e-3)
            assert a.obs.shape == b.obs.shape == (9, 64, 64, 3)


def test_a_model_and_head_from_files_plan_as_before(tmp_path):
    before = small_imagination()
    save(before.model, tmp_path/'rssm.pt', before.encoder)
    save_reward(before.head, tmp_path/'reward.safetensors')
    model = load(tmp_path/'rssm.pt', before.encoder)
    head = load_reward(tmp_path/'reward.safetensors')
    after = Imagination(model, head, before.encoder)
    np.testing.assert_array_equal(planned_episode(before).act, planned_episode(after).act)


def test_planning_leaves_no_gradient_and_the_model_alone():
    imagination = small_imagination()
    model = imagination.model
    before = {k: v.clone() for k, v in model.state_dict().items()}
    agent = Agent(imagination, **SMALL)
    rollout(make_env('Pendulum-v1'), 3, agent, max_steps=4)
    assert not agent.belief.h.requires_grad and not agent.plan.mean.requires_grad
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())


def test_planning_leaves_torchs_own_generator_alone():
    "All random numbers are the episode's: a training beside it goes on unchanged"
    torch.manual_seed(0)
    expected = torch.rand(3)
    imagination = small_imagination()
    imagination.sample = True
    torch.manual_seed(0)
    planned_episode(imagination, max_steps=4)
    assert torch.equal(torch.rand(3), expected)
