"""Bad arguments to functions of environments, data, encoders, figures, files, plans, hand-ins and
the shell: each is refused before any work

`CASES` has every function, class and method that users call, with what each argument should be.
`LEFT` gives the reasons why other public names have no case.
"""
import ast
import contextlib
import io
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch
from argument_samples import a, agent, AMONG, at, axes, begun, BROKEN, cart, cell, count, course
from argument_samples import dataset, device, empty, empty_list, encoder, entered, env, episode
from argument_samples import evaluation, files, flag_or_none, found, FRAMES, fresh, fresh_steering
from argument_samples import function, G, head, HELD, history, HORIZONS, INF, latent, latents
from argument_samples import listed, Method, model, NAN, NO_ACTION_SPACES, NO_BOX_ACTION_LISTS
from argument_samples import NO_BOX_ACTIONS, NO_COURSE_SPACES, NO_CURVES, NO_DECODED_ERRORS
from argument_samples import NO_DISCRETE_ACTIONS, NO_ENVS, NO_FAULTS, NO_INDICES, NO_JSON, NO_NOTES
from argument_samples import NO_OUTPUTS, NO_PENDULUM_ACTIONS, NO_PLANS, NO_REWARDS
from argument_samples import NO_STEERING_ACTIONS, NOT_A_LIST, not_in_range, odd, of_caller
from argument_samples import other_model, OTHER_SPACES, path, PICS, pixels, record_arguments
from argument_samples import recording, rngs, rolled, sealed, seed, shard, SHARD_TEXTS, short_name
from argument_samples import small, space, SPACE, SPOILT, starts, state, STATES, steering
from argument_samples import steering_arguments, text, TMP, uncertainty, vae, word, world
from bad_arguments import array, ARRAYS, Case, choice, either, flag, for_each, instance, Kind
from bad_arguments import number, OTHERS, refuses, run, WORDS
from faulty import Faulty
from gymnasium.spaces import Box, Discrete
from hypothesis import strategies as st

from rssm_nbdev.analysis.probes import plot_decoded_errors
from rssm_nbdev.analysis.study import plot_variants
from rssm_nbdev.analysis.uncertainty import plot_pit, plot_reliability
from rssm_nbdev.checkpoint import action_spec, load, save, std_spec
from rssm_nbdev.cli.make import find_encoder, load_episodes_as, source_encoder
from rssm_nbdev.cli.run_folder import file_fingerprint, find_input, read_json, RunFolder
from rssm_nbdev.cli.use import build_parser, load_model, main
from rssm_nbdev.collection.episodes import collect, stream
from rssm_nbdev.collection.minari_io import env_actions, from_minari, model_actions, stream_minari
from rssm_nbdev.collection.minari_io import to_minari
from rssm_nbdev.collection.episodes import Held, OrnsteinUhlenbeck
from rssm_nbdev.collection.shards import check_shard, merge_shards, parse_shard, save_shard
from rssm_nbdev.collection.shards import shard_items, shard_of, shard_path
from rssm_nbdev.collection.workers import run_jobs
from rssm_nbdev.core import check_array, check_choice, check_device, check_flag, check_list
from rssm_nbdev.core import check_number, check_path, check_type, FileError
from rssm_nbdev.data import check_episode, load_episodes, save_episodes, split, transitions, Windows
from rssm_nbdev.encoder import bundled_encoders, Decoder, encode_episodes, Encoder, FrozenEncoder
from rssm_nbdev.encoder import load_encoder, psnr, save_encoder, to_float, to_uint8, train_vae, VAE
from rssm_nbdev.encoder import vae_loss
from rssm_nbdev.env import action_dim, decode_action, encode_action, Episode, make_env
from rssm_nbdev.env import random_policy, rollout, StateInInfo
from rssm_nbdev.files import digest, read_sealed_json, read_tensors, read_weights, write_sealed_json
from rssm_nbdev.files import write_weights
from rssm_nbdev.grading.evidence import cell_text, code_names, count_pictures, errors_in_lines
from rssm_nbdev.grading.evidence import errors_in_table, output_text, parse_horizons, parse_model
from rssm_nbdev.grading.evidence import parse_number as float_of, read_notebook, reported_errors
from rssm_nbdev.grading.grades import first_cell, grade, register_check
from rssm_nbdev.interactive.replay import action_bounds, action_names, choices, Replay, Start
from rssm_nbdev.interactive.steering import sample_posterior, sample_prior, seeded, Steering
from rssm_nbdev.interactive.views import html_fragment, panel, plot_steering, record, sprite_sheet
from rssm_nbdev.planning.agent import Agent, batched_rollout, plot_plans, plot_returns
from rssm_nbdev.planning.cem import cartpole_step, cem_search, initial_plan, pendulum_step
from rssm_nbdev.planning.cem import shift_plan, TrueDynamics
from rssm_nbdev.planning.imagination import explained_variance, fit_reward, Imagination, load_reward
from rssm_nbdev.planning.imagination import mean_noise, reward_states, RewardHead, save_reward
from rssm_nbdev.plot import animate, markdown_table, plot_errors, plot_frames, plot_horizons
from rssm_nbdev.plot import plot_learning, plot_reconstructions, plot_rollout, plot_transitions
from rssm_nbdev.plot import save_figure
from rssm_nbdev.wrappers import SmallRender
from rssm_nbdev.rssm import RSSM
from rssm_nbdev.sharing.course import export_course, import_course
from rssm_nbdev.sharing.hub import from_pretrained, push_to_hub, save_pretrained
from rssm_nbdev.system import atomic_write, optional_import, ordered_map, separate_large_blocks
from rssm_nbdev.system import to_plain, versions, writable_folder, write_json
from rssm_nbdev.train import History

CASES = {
    # core
    'core.check_number': Case(
        check_number, lambda: dict(x=1, name='x'),
        x=number(),
        left=of_caller('name', 'low', 'high', 'integer'),
    ),
    'core.check_array': Case(
        check_array, lambda: dict(x=np.zeros((2, 3)), name='x', shape=('A', 3), dtype='float'),
        x=array(np.zeros((2, 3)), free=(0,)),
        left=of_caller('name', 'shape', 'dtype', 'low', 'high', 'device', 'values'),
    ),
    'core.check_type': Case(
        lambda x: check_type(x, 'x', RSSM), lambda: dict(x=model()),
        x=instance(),
    ),
    'core.check_list': Case(
        lambda x: check_list(x, 'x', str), lambda: dict(x=['word']),
        x=listed(['x', None], right=(['word'],)),
    ),
    'core.check_choice': Case(
        lambda x: check_choice(x, 'x', ('a', 'b')), lambda: dict(x='a'),
        x=choice('a', 'b'),
    ),
    'core.check_flag': Case(lambda x: check_flag(x, 'x'), lambda: dict(x=True), x=flag()),
    'core.check_path': Case(
        lambda x: check_path(x, 'x'), lambda: dict(x='x'),
        x=path(more=['', 'a\0b']),
    ),
    'core.check_device': Case(
        lambda device: check_device(device), lambda: dict(device='cpu'),
        device=device(),
    ),

    # system
    'system.writable_folder': Case(writable_folder, lambda: dict(path=fresh()), path=path()),
    'system.atomic_write': Case(entered(atomic_write), lambda: dict(path=fresh()), path=path()),
    'system.write_json': Case(
        write_json, lambda: dict(path=fresh(), data={'x': 1}),
        path=path(),
        data=either(NAN, {'x': INF}, {(1, 2): 3}),
    ),
    'system.ordered_map': Case(
        ordered_map, lambda: dict(job=abs, argss=[(-1,)], workers=1),
        job=function(),
        argss=a(Sequence, str, dict, np.ndarray, torch.Tensor),
        workers=count(),
        ahead=count(),
        prepare=function(optional=True),
    ),
    'system.to_plain': Case(
        to_plain, lambda: dict(data={'x': 1}, name='data'),
        data=either(*NO_JSON, {'x': object()}, {1, 2}, object(), {'x': b'x'}, 3 + 4j),
        words=flag(),
        left=of_caller('name'),
    ),
    'system.separate_large_blocks': Case(
        entered(separate_large_blocks), dict,
        size=number(low=2**12, high=2**25, integer=True),
    ),
    'system.optional_import': Case(
        optional_import, lambda: dict(name='json', extra='none'),
        name=text('no_such_module'),
        left=of_caller('extra'),
    ),
    'system.versions': Case(versions, dict),

    # files
    'files.write_weights': Case(
        write_weights,
        lambda: dict(path=fresh('.pt'), tensors={'x': torch.zeros(2)}, header={'format': 'x'}),
        path=path(),
        tensors=a(dict, more=[{'x': None}], but=empty),
        header=a(dict),
    ),
    'files.read_weights': Case(
        read_weights, lambda: dict(path=files()/'model.safetensors', what='a model', sealed=(5,)),
        path=found(),
        left=of_caller('what', 'form', 'sealed', 'unsealed'),
    ),
    'files.read_tensors': Case(
        read_tensors, lambda: dict(path=files()/'model.safetensors', what='a model'),
        path=found(),
        left=of_caller('what'),
    ),
    'files.digest': Case(
        digest, lambda: dict(header={}, tensors={'x': torch.zeros(2)}),
        header=a(dict),
        tensors=a(dict, more=[{'x': None}, {3: torch.zeros(2)}]),
    ),
    'files.write_sealed_json': Case(
        write_sealed_json, lambda: dict(path=fresh('.json'), data={'x': 1}),
        path=path(),
        data=a(dict),
    ),
    'files.read_sealed_json': Case(
        read_sealed_json, lambda: dict(path=sealed(), what='metrics'),
        path=found(),
        left=of_caller('what'),
    ),

    # render
    'wrappers.SmallRender': Case(
        SmallRender, lambda: dict(env=env(), size=8),
        env=a(gym.Env),
        size=pixels(),
        fit=choice('squeeze', 'pad', 'crop'),
        grey=flag(),
    ),

    # faulty
    'faulty.Faulty': Case(
        Faulty, lambda: dict(faults={1: ('raises', 2)}),
        left={'render_mode': "Gymnasium's"},
        length=count(),
        faults=odd(*[{1: v} for v in NO_FAULTS], but=empty),
    ),

    # env
    'env.StateInInfo': Case(StateInInfo, lambda: dict(env=env()), env=a(gym.Env)),
    'env.make_env': Case(
        make_env, lambda: dict(env_id='Pendulum-v1', size=8),
        env_id=text(WORDS, *NO_ENVS, but=word('Pendulum-v1')),
        size=pixels(),
        sticky=number(low=0, high=.99),
        scaled=flag(),
        pixels=text('observation', 'nowhere', but=word('render')),
        fit=choice('squeeze', 'pad', 'crop', optional=True),
        grey=flag(),
        action_repeat=count(1000),
        warmup=number(low=0, high=10_000, integer=True),
        env_kwargs=a(dict, optional=True),
    ),
    'env.make_env, options': Case(
        lambda options: make_env('Pendulum-v1', 8, **options), lambda: dict(options={'g': 9.}),
        options=either({'gravity': 3}, {'render_mode': 'human'}, {'max_episode_steps': 'word'}),
    ),
    'env.action_dim': Case(action_dim, lambda: dict(space=Discrete(3)), space=SPACE),
    'env.encode_action': Case(
        encode_action, lambda: dict(space=Discrete(3), action=2),
        space=SPACE,
        action=odd(not_in_range(3), st.floats(), *ARRAYS, base=OTHERS),
    ),
    'env.encode_action, Box': Case(
        partial(encode_action, Box(-1, 1, (2,))), lambda: dict(action=np.zeros(2, np.float32)),
        left={'space': 'above'},
        action=odd(*NO_BOX_ACTIONS, base=OTHERS),
    ),
    'env.decode_action': Case(
        decode_action, lambda: dict(space=Discrete(3), a=np.eye(3, dtype=np.float32)[1]),
        space=SPACE,
        a=array(np.eye(3, dtype=np.float32)[1]),
    ),
    'env.decode_action, Box': Case(
        decode_action, lambda: dict(space=Box(-1, 1, (2,)), a=np.zeros(2, np.float32)),
        space=SPACE,
        a=array(np.zeros(2, np.float32)),
    ),
    'env.random_policy': Case(
        random_policy, lambda: dict(obs=None, state=None, space=Discrete(3), rng=rngs()[0]),
        left={'obs': 'not looked at', 'state': 'not looked at'},
        space=SPACE,
        rng=a(np.random.Generator),
    ),
    'env.rollout': Case(
        rollout, lambda: dict(env=env(), seed=1, max_steps=1),
        env=a(gym.Env),
        seed=seed(),
        policy=function(),
        max_steps=count(optional=True),
        left={'at': 'a list of the caller, written to'},
    ),

    # data
    'data.transitions': Case(
        transitions, lambda: dict(episodes=[small()]),
        episodes=listed(*SPOILT, empty=False),
    ),
    'data.check_episode': Case(
        check_episode, lambda: dict(ep=small()),
        ep=a(Episode, more=[b[1] for b in SPOILT]),
    ),
    'data.split': Case(
        split, lambda: dict(episodes=[small(i) for i in range(9)]),
        episodes=listed([small()]*9, [small(i) for i in range(2)]),
        valid=number(low=0, high=1),
        test=number(low=0, high=1),
        seed=seed(),
    ),
    'data.Windows': Case(
        Windows, lambda: dict(episodes=latents(), length=4),
        episodes=listed(*BROKEN),
        length=count(6),
        stride=count(),
    ),
    'data.Windows.batch': Case(
        Method(Windows, 'batch', lambda: Windows(latents(), 4)), lambda: dict(idx=torch.arange(3)),
        idx=odd(*NO_INDICES, base=OTHERS, but=(list, bool)),
    ),
    'data.Windows.to': Case(
        Method(Windows, 'to', lambda: Windows(latents(), 4)), lambda: dict(device='cpu'),
        device=Kind('device', device().wrong.filter(lambda v: not word('meta')(v))),
    ),
    'data.save_episodes': Case(
        save_episodes, lambda: dict(path=fresh('.npz'), episodes=[small()]),
        path=path(),
        episodes=listed([small(), latent()], [small(), 3]),
    ),
    'data.load_episodes': Case(load_episodes, at('episodes.npz'), path=found()),

    # encoder
    'encoder.Encoder': Case(Encoder, lambda: dict(latent_dim=2), latent_dim=count(4096)),
    'encoder.Decoder': Case(Decoder, lambda: dict(latent_dim=2), latent_dim=count(4096)),
    'encoder.VAE': Case(VAE, lambda: dict(latent_dim=2), latent_dim=count(4096)),
    'encoder.vae_loss': Case(
        vae_loss,
        lambda: dict(
            recon=torch.zeros(2, 3, 8, 8), x=torch.ones(2, 3, 8, 8), mu=torch.zeros(2, 4),
            log_var=torch.zeros(2, 4),
        ),
        recon=array(torch.zeros(2, 3, 8, 8), values=False),
        x=array(torch.zeros(2, 3, 8, 8), values=False),
        mu=array(torch.zeros(2, 4), values=False),
        log_var=array(torch.zeros(2, 4), values=False),
        noise=number(low=0, high=255),
    ),
    'encoder.to_float': Case(
        to_float, lambda: dict(obs=PICS),
        obs=axes(array(PICS, free=(0, 1, 2))),
    ),
    'encoder.to_uint8': Case(
        to_uint8, lambda: dict(x=torch.zeros(2, 3, 8, 8)),
        x=axes(array(torch.zeros(2, 3, 8, 8), free=(0, 2, 3))),
    ),
    'encoder.psnr': Case(psnr, lambda: dict(mse=.1), mse=number(low=0)),
    'encoder.train_vae': Case(
        train_vae, lambda: dict(obs=PICS, steps=1, batch=2, latent_dim=2, progress=False),
        obs=array(PICS, free=(0,)),
        steps=count(),
        batch=count(),
        lr=number(low=1e-8, high=1),
        latent_dim=count(4096),
        noise=number(low=0, high=255),
        seed=seed(),
        progress=flag(),
    ),
    'encoder.save_encoder': Case(
        save_encoder, lambda: dict(vae=vae(), path=fresh('.safetensors')),
        vae=instance(),
        path=path(more=['x.npz']),
    ),
    'encoder.FrozenEncoder': Case(
        FrozenEncoder, lambda: dict(vae=vae(), provenance={}),
        vae=instance(),
        provenance=a(dict),
    ),
    'encoder.FrozenEncoder.encode': Case(
        Method(FrozenEncoder, 'encode', encoder), lambda: dict(obs=PICS),
        obs=array(PICS, free=(0,)),
        sample=flag(),
        batch=count(),
    ),
    'encoder.FrozenEncoder.decode': Case(
        Method(FrozenEncoder, 'decode', encoder), lambda: dict(e=torch.zeros(2, 4)),
        e=axes(array(torch.zeros(2, 4), free=(0,)), 3),
        batch=count(),
    ),
    'encoder.bundled_encoders': Case(bundled_encoders, dict),
    'encoder.load_encoder': Case(
        load_encoder, lambda: dict(source=files()/'encoder.safetensors'),
        source=found('CartPole-v9'),
        latent_dim=count(4096, optional=True),
        device=device(),
    ),
    'encoder.encode_episodes': Case(
        encode_episodes, lambda: dict(encoder=encoder(), episodes=[small(size=64)], progress=False),
        encoder=instance(),
        episodes=listed([small()], [small(size=64), 3], right=('',), empty=False),
        sample=flag(),
        progress=flag(),
    ),

    # plot
    'plot.plot_transitions': Case(
        plot_transitions, lambda: dict(trans=transitions([small()]), which=[0]),
        trans=instance(),
        which=listed([99], [-99], [.5], [True], right=([3],), optional=True),
    ),
    'plot.plot_reconstructions': Case(
        plot_reconstructions, lambda: dict(encoder=encoder(), obs=PICS[:1]),
        encoder=instance(),
        obs=array(PICS[:1], numpy=True, free=(0,)),
    ),
    'plot.plot_learning': Case(
        plot_learning, lambda: dict(name='RSSM', histories=[history()]),
        name=text(),
        histories=listed(st.builds(lambda: [history(), History()])),
        unit=text(),
    ),
    'plot.plot_errors': Case(
        plot_errors, lambda: dict(res=evaluation(), horizons=(1,)),
        res=instance(),
        names=AMONG,
        horizons=HORIZONS,
    ),
    'plot.plot_horizons': Case(
        plot_horizons, lambda: dict(res=evaluation()),
        res=instance(),
        names=AMONG,
    ),
    'plot.plot_rollout': Case(
        plot_rollout, rolled,
        posterior=array(rolled()['posterior'], free=(0,)),
        spread=array(rolled()['spread'], low=0),
        imagined=array(rolled()['imagined'], free=(0,)),
        div=instance(),
        pca=instance(),
        context=count(7),
        dims=odd((3,), (-1,), (.5,), (None,), ('word',), but=(empty, empty_list)),
        name=text(),
    ),
    'plot.plot_frames': Case(
        plot_frames, lambda: dict(rows={'x': PICS}, first=0),
        rows=FRAMES,
        context=count(),
        div=count(optional=True),
        first=number(low=0, high=1, integer=True),
    ),
    'plot.animate': Case(
        animate, lambda: dict(rows={'x': PICS}, path=fresh('.gif'), scale=1),
        rows=FRAMES,
        path=path(),
        context=count(),
        div=count(optional=True),
        scale=count(20),
        fps=count(50),
    ),
    'plot.save_figure': Case(
        save_figure, lambda: dict(fig=plot_horizons(evaluation()), path=fresh('.png')),
        fig=instance(),
        path=path(more=['x.npz']),
    ),
    'plot.markdown_table': Case(
        markdown_table, lambda: dict(header=['a'], rows=[['b']]),
        header=Kind('list', NOT_A_LIST),
        rows=odd([[]], [['a', 'b']], [3], base=NOT_A_LIST),
    ),

    # checkpoint
    'checkpoint.action_spec': Case(
        action_spec, lambda: dict(env='Pendulum-v1'),
        env=space(WORDS, but=word('Pendulum')),
    ),
    'checkpoint.std_spec': Case(std_spec, lambda: dict(model=model()), model=instance()),
    'checkpoint.save': Case(
        save, lambda: dict(model=model(), path=fresh('.pt')),
        model=instance(st.builds(lambda: torch.nn.Linear(1, 1))),
        path=path(more=['x.npz']),
        encoder=instance(st.builds(vae), optional=True),
        env_id=a(str, optional=True, more=['CartPole-v1']),
        action_space=odd(
            *OTHER_SPACES, {'kind': 'sphere', 'number': 1, 'space': ''},
            but=(type(None), word('Pendulum')),
        ),
        metrics=a(dict, optional=True, more=[{'x': NAN}, {'x': {1j: 3}}]),
    ),
    'checkpoint.save, notes': Case(
        lambda notes: save(model(), fresh('.pt'), **notes), lambda: dict(notes={'seed': 1}),
        notes=either(*NO_NOTES),
    ),
    'checkpoint.load': Case(
        load, at('model.safetensors'),
        path=found(),
        encoder=instance(st.builds(vae), st.builds(encoder), optional=True),
        device=device(),
        env_id=a(str, optional=True, more=['CartPole-v1'], but=word('')),
        action_space=odd(*OTHER_SPACES, optional=True),
    ),

    # collection.shards
    'collection.shards.check_shard': Case(check_shard, lambda: dict(shard=(1, 2)), shard=shard()),
    'collection.shards.parse_shard': Case(
        parse_shard, lambda: dict(text='1/2'),
        text=odd(st.text().filter(lambda v: v != '1/2'), *SHARD_TEXTS),
    ),
    'collection.shards.shard_items': Case(
        shard_items, lambda: dict(items=range(4), shard=(1, 2)),
        items=a(Sequence),
        shard=either(shard(optional=True).wrong, (1, 5)),
    ),
    'collection.shards.shard_path': Case(
        shard_path, lambda: dict(path='x.npz', shard=(1, 2)),
        path=path(),
        shard=shard(),
    ),
    'collection.shards.save_shard': Case(
        save_shard, lambda: dict(path=fresh('.npz'), episodes=[small()], shard=(1, 2)),
        path=path(),
        episodes=listed([small(), 3]),
        shard=shard(),
        origin=a(dict, more=[{'x': object()}, {'x': NAN}], but=empty),
    ),
    'collection.shards.shard_of': Case(shard_of, at('parts_1_of_2.npz'), path=found()),
    'collection.shards.merge_shards': Case(
        merge_shards,
        lambda: dict(paths=[files()/f'parts_{i}_of_2.npz' for i in (1, 2)], out=fresh('.npz')),
        paths=listed(['nowhere'], st.builds(lambda: [files()/'parts_1_of_2.npz'])),
        out=path(),
    ),

    # collection.workers
    'collection.workers.run_jobs': Case(
        run_jobs, lambda: dict(job=lambda x, at: x, argss=[], workers=1),
        job=function(more=[SimpleNamespace()]),
        argss=a(Sequence, str, dict, np.ndarray, torch.Tensor),
        workers=count(),
        limit=number(low=.01, optional=True),
        ahead=count(),
        prepare=function(optional=True),
        until=function(optional=True),
    ),

    # collection.episodes
    'collection.episodes.stream': Case(
        stream,
        lambda: dict(
            env_id='Pendulum-v1', episodes=1, workers=1, max_steps=1, size=8, progress=False,
        ),
        env_id=text(WORDS, 'Pendulum-v99', but=word('Pendulum-v1')),
        episodes=count(1_000_000),
        seed=seed(2**31),
        policy=function(),
        workers=count(optional=True),
        max_steps=count(optional=True),
        size=pixels(),
        progress=flag(),
        shard=shard(optional=True),
        on_failure=choice('raise', 'skip'),
        limit=number(low=.01, optional=True),
        failures=a(list, optional=True),
        reuse=flag(),
    ),
    'collection.episodes.collect': Case(
        collect,
        lambda: dict(
            env_id='Pendulum-v1', episodes=1, workers=1, max_steps=1, size=8, progress=False,
        ),
        env_id=text(WORDS, 'Pendulum-v99', but=word('Pendulum-v1')),
        episodes=count(1_000_000),
        seed=seed(2**31),
    ),

    # policies of collection.episodes
    'collection.episodes.Held': Case(Held, lambda: dict(longest=3), longest=count()),
    'collection.episodes.OrnsteinUhlenbeck': Case(
        OrnsteinUhlenbeck, lambda: dict(theta=.1, sigma=.2),
        theta=number(low=0, high=1),
        sigma=number(low=0),
    ),

    # collection.minari_io
    'collection.minari_io.env_actions': Case(
        env_actions, lambda: dict(space=Discrete(2), act=np.eye(2, dtype=np.float32)),
        space=a(Box, Discrete, more=NO_ACTION_SPACES),
        act=array(np.eye(2, dtype=np.float32), low=-1, high=1, free=(0,)),
    ),
    'collection.minari_io.model_actions': Case(
        model_actions, lambda: dict(space=Discrete(2), actions=np.array([0, 1])),
        space=a(Box, Discrete, more=NO_ACTION_SPACES),
        actions=odd(*NO_DISCRETE_ACTIONS, base=OTHERS, but=empty_list),
    ),
    'collection.minari_io.model_actions, Box': Case(
        model_actions, lambda: dict(space=Box(-2, 2, (1,)), actions=np.zeros((2, 1))),
        space=a(Box, Discrete, more=NO_ACTION_SPACES),
        actions=odd(*NO_BOX_ACTION_LISTS, base=OTHERS, but=empty_list),
    ),
    'collection.minari_io.to_minari': Case(
        to_minari,
        lambda: dict(
            episodes=[replace(episode(), seed=3)], dataset_id=f'ours/a{G.integers(10**9)}-v0',
        ),
        episodes=listed(*SPOILT),
        dataset_id=text(WORDS, 'x', '../x-v0', 'x-v', 'a b/x-v0'),
        env_args=a(dict, optional=True, more=[{'size': 3}, {'nothing': 3}], but=empty),
        action_space=space(optional=True),
    ),
    'collection.minari_io.stream_minari': Case(
        stream_minari, lambda: dict(dataset=dataset()),
        dataset=odd('no/such-v0', Path('nowhere')),
        pixels=text(WORDS.filter(len), optional=True),
        state=odd('nothing', but=(word(''), type(None))),
        size=pixels(optional=True),
        lossy=flag(),
    ),
    'collection.minari_io.from_minari': Case(
        from_minari, lambda: dict(dataset=dataset()),
        dataset=odd('no/such-v0', Path('nowhere')),
    ),

    # analysis.study
    'analysis.study.plot_variants': Case(
        plot_variants, lambda: dict(variants={'x': evaluation()}),
        variants=a(dict, more=HELD),
        names=AMONG,
    ),

    # analysis.uncertainty
    'analysis.uncertainty.plot_reliability': Case(
        plot_reliability, lambda: dict(rows={'x': uncertainty()}, horizons=(1,)),
        rows=a(dict, more=HELD),
        horizons=HORIZONS,
    ),
    'analysis.uncertainty.plot_pit': Case(
        plot_pit, lambda: dict(rows={'x': uncertainty()}, horizons=(1,)),
        rows=a(dict, more=HELD),
        horizons=HORIZONS,
    ),

    # analysis.probes
    'analysis.probes.plot_decoded_errors': Case(
        plot_decoded_errors, lambda: dict(rows={'GRU': {'angle (°)': [1., 2.]}}),
        rows=a(dict, more=[*HELD, *NO_DECODED_ERRORS]),
        floor=a(dict, optional=True, more=[{'angle (°)': 'word'}]),
    ),

    # planning.cem
    'planning.cem.initial_plan': Case(
        initial_plan, lambda: dict(batch=2, horizon=3, act_dim=1),
        batch=count(),
        horizon=count(),
        act_dim=count(),
        discrete=flag(),
    ),
    'planning.cem.cem_search': Case(
        cem_search,
        lambda: dict(
            returns=lambda p: p.sum((2, 3)), start=initial_plan(2, 3, 1),
            noise=torch.randn(1, 2, 4, 3, 1), elites=2,
        ),
        returns=function(more=[lambda p: p]),
        start=instance(st.just((1, 2))),
        noise=array(torch.randn(1, 2, 4, 3, 1), free=(0, 2)),
        elites=count(4),
        discrete=flag(),
    ),
    'planning.cem.shift_plan': Case(
        shift_plan, lambda: dict(plan=initial_plan(2, 3, 1)),
        plan=instance(st.just((1, 2))),
        discrete=flag(),
    ),
    'planning.cem.pendulum_step': Case(
        pendulum_step, lambda: dict(s=torch.zeros(2, 3), a=torch.zeros(2, 1)),
        s=array(torch.zeros(2, 3), values=False, free=(0,)),
        a=array(torch.zeros(2, 1), values=False, free=(0,)),
    ),
    'planning.cem.cartpole_step': Case(
        cartpole_step, lambda: dict(s=torch.zeros(2, 4), a=torch.zeros(2, 2)),
        s=array(torch.zeros(2, 4), values=False, free=(0,)),
        a=array(torch.zeros(2, 2), values=False, free=(0,)),
    ),
    'planning.cem.TrueDynamics': Case(
        TrueDynamics, lambda: dict(env_id='Pendulum-v1'),
        env_id=text(WORDS),
    ),
    'planning.cem.TrueDynamics.update': Case(
        Method(TrueDynamics, 'update', world),
        lambda: dict(belief=None, a=None, obs=None, state=np.zeros((2, 3), np.float32), rngs=None),
        left={k: 'not looked at' for k in ('belief', 'a', 'obs', 'rngs')},
        state=array(np.zeros((2, 3), np.float32), free=(0, 1)),
    ),
    'planning.cem.TrueDynamics.returns': Case(
        Method(TrueDynamics, 'returns', world),
        lambda: dict(belief=torch.zeros(2, 3), plans=torch.zeros(2, 4, 3, 1), rngs=None),
        belief=array(torch.zeros(2, 3)),
        plans=array(torch.zeros(2, 4, 3, 1), free=(1, 2)),
        left={'rngs': 'not used'},
    ),

    # planning.agent
    'planning.agent.Agent': Case(
        Agent, lambda: dict(model=world()),
        model=instance(st.just(TrueDynamics)),
        horizon=count(),
        candidates=number(low=10, integer=True),
        elites=count(60),
        iterations=count(),
        repeat=count(),
        noise=number(low=0, high=10),
        shift=flag(),
    ),
    'planning.agent.Agent.reset': Case(
        Method(Agent, 'reset', agent), lambda: dict(rngs=rngs()),
        rngs=listed(empty=False),
    ),
    'planning.agent.Agent.act': Case(
        Method(Agent, 'act', lambda: begun(agent())),
        lambda: dict(obs=PICS, state=np.zeros((2, 3), np.float32)),
        obs=array(PICS, free=(1, 2)),
        state=array(np.zeros((2, 3), np.float32)),
    ),
    'planning.agent.Agent.__call__': Case(
        Method(Agent, '__call__', agent),
        lambda: dict(
            obs=PICS[0], state=np.zeros(3, np.float32), space=env().action_space, rng=rngs()[0],
        ),
        obs=array(PICS[0], free=(0, 1)),
        state=array(np.zeros(3, np.float32)),
        space=a(Box, more=[Box(-1, 1, (2,))]),
        rng=a(np.random.Generator),
    ),
    'planning.agent.batched_rollout': Case(
        batched_rollout,
        lambda: dict(env_id='Pendulum-v1', seeds=[1], agent=agent(), max_steps=1, size=8),
        env_id=text(WORDS),
        seeds=listed([-1], [.5], [True], [1, 'word'], right=([3],)),
        agent=instance(),
        max_steps=count(optional=True),
        size=pixels(),
    ),
    'planning.agent.plot_returns': Case(
        plot_returns, lambda: dict(curves={'x': ([1, 2], np.zeros((1, 2, 3)))}),
        curves=a(dict, more=[*HELD, *NO_CURVES]),
        levels=a(dict, optional=True, more=[{'x': 'word'}, {'x': []}, {'x': [NAN]}], but=empty),
        goal=number(optional=True),
        xlabel=text(),
    ),
    'planning.agent.plot_plans': Case(
        plot_plans, lambda: dict(truth=np.zeros(5), plans=[(1, np.zeros(3))], ylabel='x'),
        truth=array(np.zeros(5), free=(0,)),
        plans=listed(*NO_PLANS, empty=False),
        ylabel=text(),
    ),

    # planning.imagination
    'planning.imagination.RewardHead': Case(
        RewardHead, lambda: dict(deter=2, size=2, hidden=2),
        act=choice('silu', 'elu', 'relu'),
        **{k: count(2**16) for k in ('deter', 'size', 'hidden', 'layers')},
    ),
    'planning.imagination.RewardHead.forward': Case(
        lambda s: head()(s), lambda: dict(s=state()),
        s=STATES,
    ),
    'planning.imagination.mean_noise': Case(
        lambda model, size: mean_noise(model, size), lambda: dict(model=model(), size=2),
        model=instance(),
        size=number(low=0, integer=True),
    ),
    'planning.imagination.reward_states': Case(
        reward_states, lambda: dict(model=model(), episodes=latents()),
        model=instance(),
        episodes=listed(*BROKEN, [latent(E=5)], *NO_REWARDS),
    ),
    'planning.imagination.fit_reward': Case(
        fit_reward, lambda: dict(model=model(), episodes=latents(), steps=1, batch=2),
        model=instance(),
        episodes=listed(*BROKEN, [latent(E=5)]),
        steps=count(),
        batch=count(),
        lr=number(low=1e-8, high=1),
        seed=seed(),
    ),
    'planning.imagination.explained_variance': Case(
        explained_variance, lambda: dict(model=model(), head=head(), episodes=latents()),
        model=instance(),
        head=instance(st.builds(lambda: RewardHead(4, 4))),
        episodes=listed(*BROKEN, [latent(E=5)]),
    ),
    'planning.imagination.Imagination': Case(
        Imagination, lambda: dict(model=model(), head=head(), encoder=encoder()),
        model=instance(),
        head=instance(st.builds(lambda: RewardHead(4, 4))),
        encoder=instance(),
        discrete=flag(),
        sample=flag(),
    ),
    'planning.imagination.save_reward': Case(
        save_reward, lambda: dict(head=head(), path=fresh('.pt')),
        head=instance(),
        path=path(more=['x.npz']),
    ),
    'planning.imagination.load_reward': Case(load_reward, at('head.safetensors'), path=found()),

    # sharing.course
    'sharing.course.export_course': Case(
        export_course,
        lambda: dict(model=course(), path=fresh('.pt'), epochs_trained=1, final_loss=.5),
        model=instance(st.builds(model)),
        path=path(more=['x.npz']),
        epochs_trained=number(low=0, integer=True),
        final_loss=number(low=-1e30, high=1e30),
        action_space=odd(*NO_COURSE_SPACES, but=(type(None), empty, word('Pendulum'))),
        episodes=listed(*BROKEN, [latent(E=5)], optional=True),
    ),
    'sharing.course.import_course': Case(
        import_course, at('rssm.pt'),
        path=found(),
        act_dim=count(2),
        std=a(str, more=['exp(raw)']),
    ),

    # sharing.hub
    'sharing.hub.save_pretrained': Case(
        save_pretrained, lambda: dict(model=model(), folder=fresh()),
        model=odd('nowhere'),
        folder=path(),
        repo_id=text(optional=True),
        license=text(optional=True),
    ),
    'sharing.hub.from_pretrained': Case(
        from_pretrained, lambda: dict(source=files()/'pretrained'),
        source=found('no such/at/all'),
        encoder=instance(st.builds(vae), st.builds(encoder), optional=True),
        device=device(),
        env_id=a(str, optional=True, more=['CartPole-v1'], but=word('')),
        action_space=odd(*OTHER_SPACES, optional=True),
        revision=text(optional=True),
        token=text(optional=True),
        cache_dir=path(optional=True),
        local_files_only=flag(),
    ),
    'sharing.hub.push_to_hub': Case(
        push_to_hub, lambda: dict(model=model(), repo_id='ours/x'),
        model=odd('nowhere'),
        repo_id=text('a/b/c', 'a b'),
        license=text(optional=True),
        private=flag_or_none(),
        token=text(optional=True),
        branch=text(optional=True),
        commit_message=text(),
    ),

    # interactive.replay
    'interactive.replay.action_names': Case(action_names, lambda: dict(env=cart()), env=a(gym.Env)),
    'interactive.replay.action_bounds': Case(
        action_bounds, lambda: dict(env=env()),
        env=a(gym.Env, more=[st.builds(cart)]),
    ),
    'interactive.replay.choices': Case(choices, lambda: dict(env=env()), env=a(gym.Env)),
    'interactive.replay.Replay': Case(
        Replay, lambda: dict(env=env(), start=Start(episode(), 5)),
        env=a(gym.Env),
        start=starts(-1, 99, 1.5, None, 'word'),
    ),
    'interactive.replay.Replay.__call__': Case(
        Method(Replay, '__call__', lambda: Replay(make_env('Pendulum-v1'), Start(episode(), 5))),
        lambda: dict(actions=[np.zeros(1, np.float32)]),
        actions=listed(*NO_PENDULUM_ACTIONS, empty=False),
    ),

    # interactive.steering
    'interactive.steering.seeded': Case(
        entered(seeded), lambda: dict(seed=1, step=2, device=torch.device('cpu')),
        seed=seed(2**31),
        step=number(low=0, integer=True),
        device=a(torch.device),
    ),
    'interactive.steering.sample_posterior': Case(
        sample_posterior,
        lambda: dict(model=model(), e=torch.zeros(3, 4), a=torch.zeros(2, 1), samples=2, seed=0),
        model=instance(st.builds(lambda: torch.nn.Linear(1, 1))),
        e=array(torch.zeros(3, 4)),
        a=array(torch.zeros(2, 1)),
        samples=count(),
        seed=seed(2**31),
    ),
    'interactive.steering.sample_prior': Case(
        sample_prior,
        lambda: dict(model=model(), state=state(), a=torch.zeros(1), seed=0, step=1, samples=2),
        model=instance(st.builds(lambda: torch.nn.Linear(1, 1))),
        state=STATES,
        a=array(torch.zeros(1)),
        seed=seed(2**31),
        step=number(low=0, integer=True),
        samples=count(),
    ),
    'interactive.steering.Steering': Case(
        Steering, steering_arguments,
        model=instance(
            st.builds(other_model, embed=st.just(5)), st.builds(other_model, act_dim=st.just(2)),
        ),
        encoder=instance(),
        start=starts(-1, 1, 99, 1.5, None, more=[Start(small(), 5)]),
        hold=count(10_000),
        context=count(),
        samples=count(10_000),
        seed=seed(2**31),
        margins=instance(optional=True),
        probes=listed(empty=False),
        truth=flag(),
        env=a(gym.Env, optional=True, more=[st.builds(cart)]),
    ),
    'interactive.steering.Steering.begin': Case(
        Method(Steering, 'begin', steering), lambda: dict(start=Start(episode(), 5)),
        start=starts(-1, 1, 99, 1.5, None, more=[Start(small(), 5)]),
    ),
    'interactive.steering.Steering.act': Case(
        Method(Steering, 'act', steering), lambda: dict(action=[.5]),
        action=odd(*NO_STEERING_ACTIONS, base=OTHERS, but=bool),
    ),
    'interactive.steering.Steering.action_vector': Case(
        Method(Steering, 'action_vector', steering), lambda: dict(action=[.5]),
        action=odd(*NO_STEERING_ACTIONS, base=OTHERS, but=bool),
    ),
    'interactive.steering.Steering.estimates': Case(
        Method(Steering, 'estimates', fresh_steering), dict,
        i=number(low=-1, high=0, integer=True),
    ),
    'interactive.steering.Steering.describe': Case(
        Method(Steering, 'describe', fresh_steering), dict,
        truth=flag(),
    ),

    # interactive.views
    'interactive.views.plot_steering': Case(
        plot_steering, lambda: dict(s=fresh_steering()),
        s=instance(),
        last=count(),
        samples=number(low=0, integer=True),
    ),
    'interactive.views.panel': Case(
        panel, lambda: dict(steering=fresh_steering()),
        steering=instance(),
        starts=listed([3], st.builds(lambda: [Start(episode(), 99)]), empty=False),
    ),
    'interactive.views.record': Case(
        record, record_arguments,
        model=instance(),
        encoder=instance(),
        start=odd(st.builds(lambda: Start(episode(), 99))),
        actions=listed([('x', 3)]*2, st.builds(lambda: choices(env())[:1]), optional=True),
        depth=count(12),
    ),
    'interactive.views.sprite_sheet': Case(
        sprite_sheet, lambda: dict(pictures=PICS),
        pictures=array(PICS, numpy=True, free=(0, 1, 2)),
        cols=count(optional=True),
        quality=count(100),
    ),
    'interactive.views.html_fragment': Case(
        html_fragment, lambda: dict(rec=recording()),
        rec=instance(),
        limit=number(low=1),
        qualities=listed([0], [101], [.5], [90, 'word'], right=([3],)),
    ),

    # grading.evidence
    'grading.evidence.parse_model': Case(parse_model, lambda: dict(text='GRU'), text=text()),
    'grading.evidence.parse_horizons': Case(
        parse_horizons, lambda: dict(text='5 steps'),
        text=text(),
    ),
    'grading.evidence.parse_number': Case(
        float_of, lambda: dict(text='1,000'),
        text=text(WORDS.filter(lambda v: v not in ('NaN', '１')), '1.2.3'),
    ),
    'grading.evidence.errors_in_table': Case(
        errors_in_table, lambda: dict(rows=[['', 'h=1'], ['GRU', '.1']]),
        rows=listed([[3]], [['x', None]]),
        table=a(tuple),
    ),
    'grading.evidence.errors_in_lines': Case(
        errors_in_lines, lambda: dict(lines=['GRU']),
        lines=listed(['x', None], right=(['word'],), empty=False),
        table=a(tuple),
    ),
    'grading.evidence.count_pictures': Case(
        count_pictures, lambda: dict(output={}),
        output=a(dict, more=[*NO_OUTPUTS, {'data': {'image/png': 3}}]),
    ),
    'grading.evidence.output_text': Case(
        output_text, lambda: dict(output={'text': 'x'}),
        output=a(dict, more=[*NO_OUTPUTS, {'text': 3}]),
    ),
    'grading.evidence.code_names': Case(
        code_names, lambda: dict(tree=ast.parse('x')),
        tree=instance(),
    ),
    'grading.evidence.cell_text': Case(cell_text, lambda: dict(cell=cell()), cell=instance()),
    'grading.evidence.reported_errors': Case(
        reported_errors, lambda: dict(cell=cell()),
        cell=instance(),
    ),
    'grading.evidence.read_notebook': Case(read_notebook, at('notebook.ipynb'), path=found()),

    # grading.grades
    'grading.grades.register_check': Case(
        register_check, lambda: dict(name='five sections'),
        name=text(),
    ),
    'grading.grades.first_cell': Case(
        first_cell, lambda: dict(cells=[cell()]),
        cells=listed(empty=False),
    ),
    'grading.grades.grade': Case(grade, at('notebook.ipynb'), path=found()),

    # cli.run_folder
    'cli.run_folder.find_input': Case(
        find_input, lambda: dict(path=files(), name='model.safetensors', command='train'),
        path=found(),
        name=text('nothing.npz', '', '../x'),
        left=of_caller('command'),
    ),
    'cli.run_folder.file_fingerprint': Case(
        file_fingerprint, at('model.safetensors'),
        path=found(),
    ),
    'cli.run_folder.read_json': Case(
        read_json, lambda: dict(path=files()/'pretrained'/'config.json'),
        path=Kind('file', found().wrong.filter(short_name)),
    ),
    'cli.run_folder.RunFolder': Case(
        RunFolder, lambda: dict(out=fresh(), command='train', args={'x': 1}),
        out=path(),
        command=text(),
        args=a(dict, more=[{'x': NAN}], but=empty),
        inputs=a(dict, optional=True, more=[{'x': 'nowhere'}, {'x': 3}], but=empty),
        overwrite=flag(),
        tensorboard=flag(),
        resume=flag(),
    ),
    'cli.run_folder.RunFolder.log': Case(
        lambda step, loss: RunFolder(fresh(), 'train', {}).log(step, loss=loss),
        lambda: dict(step=1, loss=.5),
        step=number(low=0, integer=True),
        loss=either(object(), 3 + 4j, {(1, 2): 3}),
    ),
    'cli.run_folder.RunFolder.finish': Case(
        lambda score: RunFolder(fresh(), 'train', {}).finish(score=score), lambda: dict(score=.5),
        score=either(NAN, INF, {(1, 2): 3}),
    ),

    # cli.make
    'cli.make.load_episodes_as': Case(
        load_episodes_as, lambda: dict(path=files()/'episodes.npz', kind='Episode'),
        path=found(),
        kind=choice('Episode', 'LatentEpisode'),
    ),
    'cli.make.find_encoder': Case(
        find_encoder, lambda: dict(encoder='Pendulum-v1'),
        encoder=found('CartPole-v9'),
    ),
    'cli.make.source_encoder': Case(
        source_encoder, lambda: dict(latents=files()/'latents.npz', embed=4),
        latents=path(),
        embed=count(),
    ),

    # cli.use
    'cli.use.load_model': Case(
        load_model, at('model.safetensors'),
        path=found(),
        encoder=instance(st.builds(encoder), optional=True),
    ),
    'cli.use.build_parser': Case(build_parser, lambda: dict(name='train'), name=text(WORDS)),
    'cli.use.main': Case(
        main, lambda: dict(argv=['--help']),
        argv=either(3, 'word', [3], [None], {'x': 1}, object(), len),
    ),
}

LEFT = {  # reason → public names without a case
    'an error class': """
        core.RSSMError core.ArgumentError core.EnvError core.FileError core.TrainingError
        core.MissingError env.EpisodeError wrappers.EnvWarning
    """,
    'a constant': """
        collection.episodes.POLICIES
        collection.shards.Shard env.Policy env.FLOAT32_MAX plot.COLOURS checkpoint.MODELS
        sharing.course.COURSE_STD planning.cem.EQUATIONS grading.evidence.NUMBER_PATTERN
        grading.grades.CHECKS grading.grades.TITLES cli.use.COMMANDS
    """,
    'an annotation, or the decorator that reads it when a function is defined': """
        checks.Spec checks.Flag checks.PathLike checks.Device checks.Type checks.OneOf checks.Number
        checks.Whole checks.OrNone checks.ListOf checks.Fields checks.Array checks.Floats
        checks.OnModel checks.Part checks.PartOf checks.checked
    """,
    'carries data; the functions that take it check it (`check_episode`, `Windows`, …)': """
        env.Episode env.Failure data.Transition data.Transitions data.Split data.LatentEpisode
        data.Batch interactive.replay.Choice interactive.replay.Start
        interactive.replay.RealOutcome planning.cem.Plan
    """,
    'carries results, made by one function of ours': """
        collection.workers.WarningList grading.evidence.ReportedError grading.evidence.CodeNames
        grading.evidence.NotebookCell grading.evidence.Notebook grading.grades.Deliverable
        grading.grades.Grades interactive.steering.Snapshot interactive.steering.QuantityEstimate
        interactive.views.Recording
    """,
    'takes anything, to write it into an error': 'core.short_repr env.error_line',
    'a check itself: tested in every function that uses it': """
        core.check_sizes files.check_zip files.check_plain files.check_tensors files.check_weights
        files.file_errors interactive.replay.check_start checkpoint.check_provenance
    """,
    'runs inside `stream`, which has checked, or in its workers': """
        env.current_step collection.workers.is_failure collection.workers.gather
        collection.workers.episode_job collection.workers.run_serially
    """,
    'a base class: its methods say that they are missing': 'planning.cem.PlanningModel',
    'called by Gymnasium or torch, which set its arguments': """
        wrappers.SmallRender.render_and_resize wrappers.SmallRender.render_small
        wrappers.SmallRender.render wrappers.SmallRender.render_rgb
        wrappers.SmallRender.render_square env.StateInInfo.reset env.StateInInfo.step
        encoder.Encoder.forward encoder.Decoder.forward encoder.VAE.forward
        encoder.FrozenEncoder.train
    """,
    'called by `Agent`, which has checked': """
        planning.agent.Agent.replan planning.imagination.Imagination.noise
        planning.imagination.Imagination.initial planning.imagination.Imagination.update
        planning.imagination.Imagination.imagine planning.imagination.Imagination.returns
        planning.imagination.RewardHead.standardise
    """,
    'takes nothing': 'interactive.steering.Steering.undo interactive.steering.Steering.reset',
}
LEFT = {name: why for why, names in LEFT.items() for name in names.split()}

@pytest.fixture(scope='module', autouse=True)
def offline():
    "Nothing asks the net, and data sets stay in a folder of the tests"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('huggingface_hub.constants.HF_HUB_OFFLINE', True)
        patch.setenv('MINARI_DATASETS_PATH', str(TMP/'minari'))
        yield


@pytest.mark.parametrize('name', CASES)
def test_a_valid_call_works(name):
    "The one that uploads gets as far as the hub"
    asks = name == 'sharing.hub.push_to_hub'
    refused = pytest.raises(FileError, match='the hub cannot be asked')
    silent = contextlib.redirect_stdout(io.StringIO())
    with silent, refused if asks else contextlib.nullcontext():
        run(CASES[name].call, CASES[name].good())


WORDS_FOR = {  # argument → other words for it, or for a part of it, in errors
    'episodes': ('obs', 'act', 'reward', 'state', 'episode', 'ep=', 'e has shape'),
    'ep': ('obs', 'act', 'reward', 'state'),
    'env': ('actions of',),
    'start': ('obs', 't=', 'an episode of'),
    'starts': ('t=',),
    'action_space': ('action',),
    'mu': ('log_var',),
    'posterior': ('spread', 'imagined'),
    'model': ('network', 'latents', 'actions'),
    'state': ('s=',),
    'belief': ('s=', 'plans'),
    'loss': ('row',),
    'score': ('data',),
    'notes': ('notes',),
}


def inside(value):
    "Parts that an error may name instead: a file, entries of a dict, elements of a list"
    if isinstance(value, dict): return [v for item in value.items() for v in item]
    if isinstance(value, (list, tuple)): return list(value)
    return [value] if isinstance(value, (str, Path)) else []


def names_a_part(complaint, arg, value):
    "Does the error that names neither argument nor value name a part of it?"
    error = complaint.partition(': ')[2]
    parts = [*[str(v)[:20] for v in inside(value)], *WORDS_FOR.get(arg, ())]
    return 'names neither' in complaint and any(part in error for part in parts)


@pytest.mark.parametrize('name, arg', [(name, arg) for name, c in CASES.items() for arg in c.kinds])
def test_a_wrong_argument_is_refused(name, arg):
    case = CASES[name]

    def check(value):
        try:
            refuses(case, arg, value)
        except AssertionError as e:
            if not names_a_part(str(e), arg, value): raise
    for_each(case.kinds[arg].wrong, check)


@pytest.mark.parametrize('name', CASES)
def test_every_argument_has_a_kind_or_a_reason(name): assert not CASES[name].missing()

