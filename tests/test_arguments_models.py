"""Wrong arguments of the models, of training and of evaluation are refused before any work.

`CASES` has each public function, class and method that a user calls, with a valid call and the
kind of each argument; `LEFT` gives the reason why another public name has no case.
"""
import copy
import tempfile
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
import torch
from bad_arguments import OTHERS, Case, array, choice, either, flag, function, instance, number
from bad_arguments import numbers, path, refuses, run, several
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rssm_nbdev.analysis.probes import decoded_errors, early, evaluate_controls, fit_probes, late
from rssm_nbdev.analysis.probes import noise_floor, opposite, probe_errors, shuffled
from rssm_nbdev.analysis.study import ENV_VARIANTS, STUDY_CONFIG, STUDY_MODELS, run_study
from rssm_nbdev.analysis.study import run_trial, variant_latents
from rssm_nbdev.analysis.uncertainty import Calibration, calibrate, cdf, crps
from rssm_nbdev.analysis.uncertainty import evaluate_uncertainty, marginal_nll, score
from rssm_nbdev.callbacks.distributed import ProcessGroup, SharedDraws
from rssm_nbdev.callbacks.resume import Checkpointing, RNGState, checkpoint_paths, differences
from rssm_nbdev.callbacks.resume import read_training, remove_temporary_files, windows_fingerprint
from rssm_nbdev.callbacks.resume import write_training
from rssm_nbdev.data import Batch, LatentEpisode, Windows, save_episodes
from rssm_nbdev.dynamics import DiagNormal, Dynamics, Persistence, action_driven, alignment_errors
from rssm_nbdev.dynamics import check_causal, fit_scale, open_loop_errors, overfit
from rssm_nbdev.encoder import FrozenEncoder
from rssm_nbdev.env import Episode
from rssm_nbdev.evaluation import Evaluation, LinearBaseline, MeanLatent, baselines, divergence
from rssm_nbdev.evaluation import evaluate, fit_linear, interval
from rssm_nbdev.gru import GRUDynamics
from rssm_nbdev.interactive.margins import RandomHoldPolicy, fit_margins, margin_coverage
from rssm_nbdev.interactive.margins import sample_mean_errors, sample_spreads
from rssm_nbdev.kernels.cell import matmul_precision, run_gru
from rssm_nbdev.kernels.recurrence import ACTIVATIONS, TwoInputMLP, mlp, norm_act
from rssm_nbdev.mdn_rnn import MDNRNN
from rssm_nbdev.rssm import CELLS, HEADS, KL, KLS, LATENTS, RSSM, GRUStep, Gaussian, Heads
from rssm_nbdev.train import BestWeights, Callback, History, Report, Training, evenly_spaced, fit
from rssm_nbdev.train import first_nonfinite, fit_all, nonfinite_error, validate
from rssm_nbdev.variants.parts import PRESETS, WIDTHS, BlockGRU, BlockGRUStep, BlockLinear
from rssm_nbdev.variants.parts import Categorical, Deterministic, LayerNormGRUStep, NoMemoryStep
from rssm_nbdev.variants.parts import OvershootingKL, PlainGRUStep, SymlogHeads, preset

MODULES = (
    'kernels.cell kernels.recurrence dynamics gru mdn_rnn rssm variants.parts callbacks.resume '
    'callbacks.distributed train evaluation analysis.probes analysis.uncertainty analysis.study '
    'interactive.margins'
).split()
FOLDER = tempfile.TemporaryDirectory()
B, T, E, A = 4, 6, 3, 2


def rand(*shape): return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


# ---- the objects of the calls; a call that is refused changes nothing in them

def episode(seed, T=16, E=E, A=A):
    "An episode as the encoder gives it; its state is a pendulum's"
    rng = np.random.default_rng(seed)
    angle = rng.normal(size=T + 1).cumsum()
    state = np.stack([np.cos(angle), np.sin(angle), angle], 1).astype(np.float32)
    e = torch.tensor(rng.normal(size=(T + 1, E)), dtype=torch.float32)
    a = torch.tensor(rng.uniform(-1, 1, (T, A)), dtype=torch.float32)
    return LatentEpisode(e, a, torch.zeros(T), state, False, seed, 'Pendulum-v1')


def pixels(o):
    "An episode of images for latent ones"
    obs = np.zeros((len(o) + 1, 8, 8, 3), np.uint8)
    return Episode(obs, o.a.numpy(), o.reward.numpy(), o.state, o.terminated, o.seed, o.env_id)


class Painter(FrozenEncoder):
    "Stands in for an encoder"
    def __init__(self): torch.nn.Module.__init__(self)
    def decode(self, e): return torch.zeros(len(e), 8, 8, 3, dtype=torch.uint8)


def gru(): return GRUDynamics(E, A, 4)


@cache
def windows(): return Windows(EPISODES, T)


def fresh(*names, **more):
    "() → arguments, the named ones made anew"
    makers = dict(model=gru, train=windows, valid=windows)
    return lambda: {k: makers[k]() for k in names} | more


EPISODES = [episode(i) for i in range(12)]
PROBES = fit_probes(EPISODES)
BATCH = Batch(torch.stack([o.e[:T+1] for o in EPISODES[:B]]),
              torch.stack([o.a[:T] for o in EPISODES[:B]]), torch.zeros(B, T+1, dtype=torch.bool))
SMALL = dict(deter=8, stoch=2, hidden=8)
GRU, MDN, RSS = gru(), MDNRNN(E, A, 4, 2), RSSM(E, A, **SMALL)
ONE_HOT, STILL = RSSM(E, A, **SMALL, latent=Categorical(3)), Persistence(E, A)
STATE = RSS.initial(B)
GAUSS = DiagNormal(rand(5, B, 3, E), rand(5, B, 3, E) + .1)
ERRORS = {'GRU': np.ones((1, 3, 4)), 'RSSM': np.ones((1, 3, 4))}
EVALUATED = Evaluation(ERRORS, 2, 1, 9, [0, 1, 2], [])
MARGINS = fit_margins(STILL, EPISODES, PROBES, context=2, horizon=3, samples=2, level=.5)
HISTORY = History(valid=[{'step': 10, 'score': .5}])
UNSURE = evaluate_uncertainty(MDN, EPISODES, context=2, horizon=3, samples=2)
FIT = dict(steps=2, batch=2, context=2, valid_every=1, log_every=1, progress=False)
TINY = dict(steps=2, length=6, batch=2, context=2, horizon=3, long=6, samples=2)


def parts(): return {'rng': RNGState()}


@cache
def latents_file():
    file = Path(FOLDER.name)/'latents.npz'
    save_episodes(file, EPISODES)
    return file


@cache
def training_file():
    file = Path(FOLDER.name)/'training.pt'
    write_training(file, {'lr': .1}, parts())
    return file


# ---- wrong values of our own objects

def changed(thing, **wrong):
    "Copies of a named tuple with one wrong field"
    return [thing._replace(**{k: v}) for k, values in wrong.items() for v in values]


e, a, first = BATCH
h, z = STATE.h, STATE.z
BAD_E = [None, e[0], e[..., :1], e[:, 1:], e.double(), e.int(), e.numpy(), 3]
BAD_A = [None, a[0], a[..., :1], a[:, 1:], a[1:], a.half(), a.to('meta'), 'up']
BAD_FIRST = [first[:, 1:], first.float(), first.to('meta'), True, first.numpy()]
BAD_BATCHES = [tuple(BATCH), BATCH.to('meta'), Batch(e[:0], a[:0]), Batch(e[:, :1], a[:, :0]),
               *changed(BATCH, e=BAD_E, a=BAD_A, is_first=BAD_FIRST)]
BAD_H = [None, h[..., 1:], h[0], h.int(), h.numpy(), 3]
BAD_Z = [None, z[..., 1:], z[0], z.half(), []]
BAD_STATES = [tuple(STATE), STATE.map(lambda v: v.to('meta')), STATE.map(lambda v: v.double()),
              *changed(STATE, h=BAD_H, z=BAD_Z)]
BAD_GAUSS = [tuple(GAUSS), GAUSS.mean, GAUSS.map(lambda v: v.int()),
             GAUSS.map(lambda v: v[:, 0, 0])]


def wrong_state(free=True):
    "A state; `free`: of any number of windows"
    return instance(st.sampled_from(BAD_STATES + ([] if free else [STATE.map(lambda v: v[:1])])))


def wrong_batch(): return instance(st.sampled_from(BAD_BATCHES))


def wrong_model(*more):
    return instance(st.sampled_from([torch.nn.Linear(2, 2), GRUDynamics, *more]))


def wrong_windows():
    others = [Windows([episode(0, E=2)], T), Windows([episode(0, A=1)], T)]
    return instance(st.just(EPISODES), st.just(BATCH), st.sampled_from(others))


def not_windows(): return instance(st.just(EPISODES), st.just(BATCH))


def broken(**kw):
    "Episodes whose first has other fields"
    o = copy.copy(EPISODES[0])
    return [type(o)(**(vars(o) | kw)), *EPISODES[1:]]


ONE = EPISODES[0]
BAD_EPISODES = [
    *(broken(e=v) for v in (ONE.e*float('nan'), ONE.e[1:], ONE.e.double(), ONE.e[:, :2])),
    *(broken(a=v) for v in (ONE.a[:, :1], ONE.a*float('inf'))),
    broken(e=ONE.e.to('meta')), [pixels(ONE)], ONE]
BAD_WITH_STATE = [broken(state=ONE.state[1:]), broken(state=ONE.state.astype(complex)),
                  broken(env_id='CartPole-v1'), broken(state=ONE.state*np.nan)]
BAD_MODELS = [{}, {'m': []}, {'m': None}, {'m': [GRU, 3]}, {'m': GRUDynamics},
              {'m': GRUDynamics(2, A, 4)}, [GRU], GRU]


def wrong_episodes(*more):
    return several(st.sampled_from([*BAD_EPISODES, *more]), words=('episode',))


def wrong_with_state(): return wrong_episodes(*BAD_WITH_STATE)


def wrong_probes():
    others = [fit_probes([episode(0, E=2)]), PROBES[0], [Painter()]]
    return several(st.sampled_from(others), empty=False)


def wrong_models(): return instance(st.sampled_from(BAD_MODELS))


def like_gauss(): return instance(st.sampled_from([*BAD_GAUSS, GAUSS.map(lambda v: v[:0])]))


def no_dict(*more):
    return either(OTHERS.filter(lambda v: not isinstance(v, dict)), 3, [('lr', .1)], *more)


def size(**kw): return number(low=1, integer=True, **kw)


def seed():
    return either(number(integer=True).wrong, st.integers(min_value=2**63),
                  st.integers(max_value=-2**63))


def device():
    return either(OTHERS.filter(lambda v: v != 'cpu'), 'cuda:99', 'gpu', 'meta', torch.zeros(2), 3)


def resume_from(): return either('', 3, 1.5, [], {}, object(), len, b'bytes', 'a\0b', np.zeros(3))


def tensor(good, **kw):
    "A tensor like `good`, its values not read"
    return good, array(good, values=False, numpy=False, **kw)


def given_(call, left=None, **args):
    "A case from (valid value, kind) of each argument"
    valid = {k: v[0] for k, v in args.items()}
    return Case(call, lambda: dict(valid), left, **{k: v[1] for k, v in args.items()})


def part_of(table, *more):
    "A part by its name, its JSON form or as an object"
    name = next(iter(table))
    forms = [{'name': name + 'x'}, {'name': name, 'width': 3}, {}, Gaussian, ACTIVATIONS]
    return either(choice(*table).wrong, *forms, *more)


# ---- arguments that several functions have

ENVS = dict(embed=number(1, 2**20, integer=True), act_dim=number(1, 2**20, integer=True))
DIMS = dict(embed=(3, ENVS['embed']), act_dim=(2, ENVS['act_dim']))
WIDTH = number(1, 2**16, integer=True)
ACT = ('elu', choice(*ACTIVATIONS))
MIN_STD = (.1, number(1e-6, 10))
HEAD_ARGS = dict(act=ACT, norm=(True, flag()), prior_layers=(2, WIDTH), post_layers=(2, WIDTH))
KL_ARGS = {k: (1., number(0, 1e4)) for k in ('dyn', 'rep', 'free_nats')} | {
    'free_mean': (True, flag())}
HORIZON = dict(context=(2, size()), horizon=(3, size()))
HELD_OUT = dict(context=(2, size()), samples=(2, size()), stride=(5, size()), seed=(0, seed()))
ROLL_OUT = dict(
    e_context=(e[:, :3], array(e[:, :3], numpy=False, free=(0, 1), filled=(0, 1))),
    a=(a[:, :4], array(a[:, :4], numpy=False, free=(1,), filled=(1,))), samples=(2, size()))
ACTIONS = (a, array(a, values=False, numpy=False, free=(0, 1), filled=(0, 1)))
NOISE = tensor(rand(B, T, 2), optional=True)
STEP_NOISE = tensor(rand(B, 2), optional=True)
LATENTS_ROW = tensor(e, leading=True)
TRAINING = dict(
    steps=size(), batch=size(), lr=number(low=0), weight_decay=number(low=0), clip=number(low=0),
    context=size(), valid_every=size(), log_every=size(), precision=choice('fp32', 'bf16'),
    device=device(), progress=flag(),
    desc=either(OTHERS.filter(lambda v: not isinstance(v, str)), 3, 1.5, optional=True))
CALLBACKS = several(st.just([Callback]), st.just([Callback(), 3]), empty=False)
STUDIED = {k: number(low=0 if k in ('lr', 'weight_decay') else 1,
                     integer=k not in ('lr', 'weight_decay')) for k in STUDY_CONFIG}
PROBED = dict(model=(GRU, wrong_model(GRUDynamics(2, A, 4))),
              latents=(EPISODES, wrong_with_state()), probes=(PROBES, wrong_probes()))
SAMPLES_2 = (2, number(low=2, integer=True))


def cell_case(cls, **kw):
    "A deterministic step"
    sizes = dict(z_size=(3, size()), act_dim=(2, size()), hidden=(8, size()), deter=(4, size()))
    return given_(cls, **sizes, act=ACT, **kw)


def control_case(f):
    "A control of the actions"
    kw = {'seed': (0, seed())} if f is shuffled else {}
    actions = array(a, numpy=False, free=(0, 1, 2), filled=(0, 1, 2))
    return given_(f, a=(a, actions), context=(2, number(1, T, integer=True)), **kw)


def scale_case(f): return given_(f, e=LATENTS_ROW)
def loss_case(f): return given_(f, batch=(BATCH, wrong_batch()))


def diagnose_case(f, rows, wrong):
    return given_(f, batch=(BATCH, wrong_batch()), rows=(rows, wrong))


# ---- the table

GROUND = {
    'kernels.cell.matmul_precision': given_(
        matmul_precision, precision=('bf16', choice('fp32', 'bf16')), device=('cpu', device())),
    'kernels.cell.run_gru': given_(
        run_gru, gru=(torch.nn.GRU(E, 4, batch_first=True),
                      instance(st.just(torch.nn.GRUCell(E, 4)), st.just(GRU))),
        x=tensor(e, free=(0, 1)), is_first=tensor(first, optional=True),
        h=tensor(rand(B, 4), optional=True)),
    'kernels.recurrence.norm_act': given_(norm_act, size=(4, size()), act=ACT, norm=(True, flag())),
    'kernels.recurrence.mlp': given_(
        mlp, inp=(3, size()), hidden=(4, size()), out=(2, size()),
        layers=(0, number(low=0, integer=True)), act=ACT, norm=(True, flag())),
    'kernels.recurrence.TwoInputMLP': given_(
        TwoInputMLP, deter=(4, size()), embed=(3, size()), hidden=(4, size()), out=(2, size()),
        layers=(1, size()), act=ACT, norm=(True, flag())),
}

DYNAMICS = {
    'dynamics.Dynamics': given_(Dynamics, **DIMS),
    'dynamics.Dynamics.standardise': scale_case(GRU.standardise),
    'dynamics.Dynamics.unstandardise': scale_case(GRU.unstandardise),
    'dynamics.Dynamics.check_latents': scale_case(GRU.check_latents),
    'dynamics.Dynamics.check_batch': loss_case(GRU.check_batch),
    'dynamics.Dynamics.check_windows': Case(
        GRU.check_windows, lambda: dict(windows=windows(), name='windows'),
        dict(name='the name in the error'), windows=wrong_windows()),
    'dynamics.Dynamics.diagnose': diagnose_case(GRU.diagnose, [], several(empty=False)),
    'dynamics.Dynamics.open_loop': given_(GRU.open_loop, **ROLL_OUT),
    'dynamics.Dynamics.predictive': given_(MDN.predictive, **ROLL_OUT),
    'dynamics.fit_scale': Case(
        fit_scale, fresh('model', episodes=EPISODES), model=wrong_model(),
        episodes=wrong_episodes()),
    'dynamics.Persistence': given_(Persistence, **DIMS),
    'dynamics.open_loop_errors': given_(
        open_loop_errors, model=(GRU, wrong_model(GRUDynamics(2, A, 4))),
        e=(e, array(e, numpy=False, free=(), filled=(0, 1))), a=(a, array(a, numpy=False)),
        context=(2, number(1, T, integer=True)), samples=(2, size())),
    'dynamics.check_causal': given_(
        check_causal, model=(GRU, wrong_model()), context=(2, size()), horizon=(2, size())),
    'dynamics.action_driven': given_(
        action_driven, n=(4, size()), length=(3, size()), embed=(3, size()), act_dim=(2, size()),
        seed=(0, seed())),
    'dynamics.overfit': Case(
        overfit, fresh('model', batch=BATCH, steps=1), model=wrong_model(), batch=wrong_batch(),
        steps=size(), lr=number(low=0)),
    'dynamics.alignment_errors': Case(
        alignment_errors, fresh('model', steps=1), steps=size(),
        model=wrong_model(GRUDynamics(2, A, 4), GRUDynamics(E, 1, 4))),
}

MODELS = {
    'gru.GRUDynamics': given_(GRUDynamics, **DIMS, hidden=(4, WIDTH)),
    'gru.GRUDynamics.loss': loss_case(GRU.loss),
    'mdn_rnn.MDNRNN': given_(MDNRNN, **DIMS, hidden=(4, WIDTH), components=(2, WIDTH),
                             rollout=('mean', choice('mean', 'sample'))),
    'mdn_rnn.MDNRNN.loss': loss_case(MDN.loss),
    'mdn_rnn.MDNRNN.diagnose': given_(
        lambda batch: MDN.diagnose(batch, []), batch=(BATCH, wrong_batch())),
    'rssm.RSSM': Case(
        RSSM, lambda: dict(embed=3., act_dim=2.) | SMALL, **ENVS, deter=WIDTH, stoch=WIDTH,
        hidden=WIDTH, obs_std=number(1e-4, 10, optional=True),
        latent=part_of(LATENTS, Heads(), {'name': 'categorical', 'classes': 0}),
        cell=part_of(CELLS, Gaussian(), {'name': 'block', 'blocks': 3}),
        heads=part_of(HEADS, KL(), {'name': 'mlp', 'act': 'tanh'}),
        kl=part_of(KLS, Heads(), {'name': 'balanced', 'dyn': -1})),
    'rssm.RSSM.initial': given_(RSS.initial, batch=(0, number(low=0, integer=True))),
    'rssm.RSSM.obs_step': given_(
        RSS.obs_step, state=(STATE, wrong_state(False)), a=tensor(a[:, 0]), e=tensor(e[:, 0]),
        noise=STEP_NOISE),
    'rssm.RSSM.img_step': given_(
        RSS.img_step, state=(STATE, wrong_state(False)), a=tensor(a[:, 0]), noise=STEP_NOISE),
    'rssm.RSSM.observe': given_(
        RSS.observe, e=tensor(e), a=tensor(a), is_first=tensor(first, optional=True),
        noise=tensor(rand(B, T+1, 2), optional=True)),
    'rssm.RSSM.imagine': given_(
        RSS.imagine, state=(STATE, wrong_state(False)), a=ACTIONS, noise=NOISE),
    'rssm.RSSM.imagine, categorical': given_(
        ONE_HOT.imagine, state=(ONE_HOT.initial(B), wrong_state()), a=ACTIONS, noise=NOISE),
    **{f'rssm.RSSM.{f.__name__}': given_(f, state=(STATE, wrong_state()))
       for f in (RSS.observation, RSS.predict, RSS.decode)},
    'rssm.RSSM, open_loop': given_(RSS.open_loop, **ROLL_OUT),
    'rssm.RSSM, predictive': given_(RSS.predictive, **ROLL_OUT),
    'rssm.RSSM.loss': loss_case(RSS.loss),
    'rssm.RSSM.diagnose': diagnose_case(RSS.diagnose, [{'step': 1, 'kl': 1.}], several()),
}

PARTS = {
    'rssm.Gaussian': given_(Gaussian, min_std=MIN_STD),
    'rssm.GRUStep': cell_case(GRUStep),
    'rssm.Heads': given_(Heads, **HEAD_ARGS),
    'rssm.KL': given_(KL, **KL_ARGS),
    'rssm.KL.__call__': given_(
        KL(), post=(GAUSS, instance(st.just(tuple(GAUSS)), st.just(STATE))),
        prior=(GAUSS, instance(st.just(tuple(GAUSS)), st.just(ONE_HOT.initial(2).dist)))),
    'variants.parts.Categorical': given_(
        Categorical, classes=(3, WIDTH), unimix=(.1, number(0, .999))),
    'variants.parts.Deterministic': given_(Deterministic, min_std=MIN_STD),
    'variants.parts.PlainGRUStep': cell_case(PlainGRUStep),
    'variants.parts.LayerNormGRUStep': cell_case(LayerNormGRUStep),
    'variants.parts.NoMemoryStep': cell_case(NoMemoryStep),
    'variants.parts.BlockGRUStep': cell_case(BlockGRUStep, blocks=(2, size())),
    'variants.parts.BlockGRU': given_(BlockGRU, blocks=(2, WIDTH)),
    'variants.parts.BlockLinear': given_(
        BlockLinear, inp=(4, size()), out=(6, size()), blocks=(2, size())),
    'variants.parts.OvershootingKL': given_(OvershootingKL, **KL_ARGS, steps=(2, WIDTH)),
    'variants.parts.SymlogHeads': given_(SymlogHeads, **HEAD_ARGS),
    'variants.parts.preset': Case(
        preset, lambda: dict(name='course', embed=3, act_dim=2), name=choice(*PRESETS), **ENVS,
        size=either(OTHERS, '12m', 3, optional=True)),
    'variants.parts.preset, dreamer_v3': Case(
        partial(preset, deter=16, hidden=8, latent=Categorical(4)),
        lambda: dict(name='dreamer_v3', embed=3, act_dim=2, size='12m'), name=choice(*PRESETS),
        **ENVS, size=choice(*WIDTHS, optional=True)),
}

GROUP = ProcessGroup()
CALLED_BACK = {
    'callbacks.distributed.SharedDraws': given_(
        SharedDraws, rank=(1, number(0, 1, integer=True)), n=(2, size()), windows=(3, size())),
    'callbacks.distributed.ProcessGroup': given_(
        ProcessGroup, accelerator=(None, instance(optional=True)), device=('cpu', device())),
    'callbacks.distributed.ProcessGroup.share': given_(
        GROUP.share, rows=(torch.arange(4), array(torch.arange(4), values=False, free=(0,),
                                                  bools=True, anywhere=True))),
    'callbacks.distributed.ProcessGroup.shared_draws': given_(
        GROUP.shared_draws, windows=(3, size())),
    'callbacks.distributed.ProcessGroup.average': given_(
        GROUP.average, tensors=([h], several(empty=False))),
    'callbacks.distributed.ProcessGroup.broadcast_weights': given_(
        GROUP.broadcast_weights, model=(GRU, instance(st.just(GRUDynamics)))),
    'callbacks.distributed.ProcessGroup.broadcast_row': given_(
        GROUP.broadcast_row, row=({'score': .5}, no_dict())),
    'callbacks.distributed.ProcessGroup.any': given_(GROUP.any, flag=(True, flag())),
    'callbacks.resume.RNGState': given_(RNGState, device=('cpu', device())),
    'callbacks.resume.windows_fingerprint': Case(
        windows_fingerprint, lambda: dict(windows=windows()), windows=not_windows()),
    'callbacks.resume.differences': given_(
        differences, there=({'lr': .1}, no_dict()), here=({}, no_dict())),
    'callbacks.resume.write_training': Case(
        write_training, lambda: dict(path=Path(FOLDER.name)/'new.pt', about={}, parts=parts()),
        path=path(), about=no_dict(), parts=no_dict()),
    'callbacks.resume.remove_temporary_files': Case(
        remove_temporary_files, lambda: dict(path=Path(FOLDER.name)/'none.pt'), path=path()),
    'callbacks.resume.read_training': Case(
        read_training, lambda: dict(path=training_file(), about={'lr': .1}, parts=parts()),
        path=path(), about=either(OTHERS.filter(lambda v: v != {})), parts=no_dict()),
    'callbacks.resume.checkpoint_paths': Case(
        checkpoint_paths, lambda: dict(path=Path(FOLDER.name)/'to.pt', resume=None),
        path=path(optional=True), resume=resume_from()),
    'callbacks.resume.Checkpointing': Case(
        Checkpointing, lambda: dict(path=Path(FOLDER.name)/'to.pt', resume=False),
        path=path(optional=True), resume=resume_from()),
}

NONFINITE = [{'loss': h.sum(), 'grad_norm': h.sum()}]
TRAINED = {
    'train.first_nonfinite': given_(first_nonfinite, logs=(NONFINITE, several(empty=False))),
    'train.nonfinite_error': Case(
        nonfinite_error, lambda: dict(step=3, log={'loss': 1., 'grad_norm': 2.}, windows=windows(),
                                      rows=torch.arange(3)),
        dict(checkpoint='named in the message, if given'), step=size(), log=no_dict(),
        windows=not_windows(), rows=array(torch.arange(3), free=(0,), low=0, high=10**6),
        checkpoint_step=either(OTHERS, 1.5, optional=True)),
    'train.validate': Case(
        validate, fresh('model', windows=windows(), context=2, samples=2),
        model=wrong_model(GRUDynamics(2, A, 4)), windows=wrong_windows(),
        context=number(1, T, integer=True), samples=size(), limit=size()),
    'train.evenly_spaced': Case(
        evenly_spaced, lambda: dict(windows=windows()), windows=not_windows(), limit=size()),
    'train.History.column': given_(
        HISTORY.column, part=('valid', choice('train', 'valid')),
        key=('score', choice('step', 'score'))),
    'train.BestWeights.update': given_(
        BestWeights().update, row=({'score': .1}, either(OTHERS, {'loss': 1.})),
        model=(GRU, wrong_model())),
    'train.BestWeights.restore': given_(BestWeights().restore, model=(GRU, wrong_model())),
    'train.Report': given_(Report, report=(print, function())),
    'train.Training': Case(
        Training, fresh('model', 'train', 'valid', **FIT), model=wrong_model(STILL),
        train=wrong_windows(), valid=wrong_windows(), **TRAINING, seed=seed(),
        callbacks=CALLBACKS),
    'train.fit': Case(
        fit, fresh('model', 'train', 'valid', **FIT), model=wrong_model(STILL),
        train=wrong_windows(), valid=wrong_windows(), **TRAINING, seed=seed(),
        callbacks=CALLBACKS),
    'train.fit_all': Case(
        fit_all, lambda: dict(models=[gru(), gru()], train=windows(), valid=windows(),
                              seeds=[0, 1], workers=1, **FIT),
        models=several(st.sampled_from([[GRU], [GRU, STILL], [GRU, 3], GRU])),
        train=wrong_windows(), valid=wrong_windows(), seeds=numbers(), workers=size(optional=True),
        callbacks=function(optional=True), **TRAINING),
}


def numpy_floats(*shape, **kw):
    "An array of floats in NumPy or as a list"
    x = rand(*shape).numpy() + .1
    return x, array(x, bools=True, **kw)


EVALUATED_CASES = {
    'evaluation.MeanLatent': given_(MeanLatent, **DIMS),
    'evaluation.LinearBaseline': given_(LinearBaseline, **DIMS, **HORIZON),
    'evaluation.fit_linear': given_(
        fit_linear, episodes=(EPISODES, wrong_episodes()), **HORIZON, alpha=(1., number(low=0)),
        limit=(9, size())),
    'evaluation.baselines': given_(baselines, episodes=(EPISODES, wrong_episodes()), **HORIZON),
    'evaluation.interval': given_(
        interval, x=numpy_floats(5, free=(0,), filled=(0,)), resamples=(9, size())),
    'evaluation.Evaluation.at': given_(
        EVALUATED.at, name=('GRU', choice('GRU', 'RSSM')), h=(4, number(1, 4, integer=True))),
    'evaluation.Evaluation.difference': given_(
        EVALUATED.difference, a=('GRU', choice('GRU', 'RSSM')), b=('RSSM', choice('GRU', 'RSSM')),
        h=(4, number(1, 4, integer=True))),
    'evaluation.Evaluation.curve': given_(EVALUATED.curve, name=('GRU', choice('GRU', 'RSSM'))),
    'evaluation.evaluate': given_(
        evaluate, models=({'GRU': GRU}, wrong_models()), episodes=(EPISODES, wrong_episodes()),
        horizon=(3, size()), control=(opposite, function(optional=True)), **HELD_OUT),
    'evaluation.divergence': given_(
        divergence, samples=numpy_floats(20, 4, 3, free=(0,), filled=(0,)),
        truth=numpy_floats(4, 3), spread=numpy_floats(4, 3, low=.0),
        axes=(np.eye(3)[:2], array(np.eye(3)[:2], free=(0,), filled=(0,), optional=True,
                                   bools=True)),
        multiple=(2., number(low=1e-3)), patience=(2, size())),
}

TWO_CALIBRATIONS = [Calibration(torch.ones(1), torch.ones(1))]*2
PROBE_STATE = ONE.state[:T+1]
CONTROL_CASE = either(OTHERS.filter(lambda v: v != {}), {'late': 3}, [late])
ANALYSED = {
    'analysis.probes.fit_probes': given_(
        fit_probes, episodes=(EPISODES, wrong_with_state()), alpha=(1e-3, number(low=0))),
    'analysis.probes.Probe.__call__': given_(PROBES[0], e=LATENTS_ROW),
    'analysis.probes.Probe.error': given_(
        PROBES[0].error, e=tensor(e[0]),
        state=(PROBE_STATE, array(PROBE_STATE, free=(1,), filled=(1,)))),
    'analysis.probes.probe_errors': given_(
        probe_errors, **PROBED, **HORIZON, samples=(2, size()), stride=(5, size())),
    'analysis.probes.decoded_errors': given_(
        decoded_errors, **PROBED, encoder=(Painter(), instance()),
        episodes=([pixels(o) for o in EPISODES],
                  several(st.just(EPISODES), st.just([pixels(ONE)]))),
        context=(2, size()), horizons=((1, 3), numbers(low=1)), samples=(2, size()),
        limit=(9, size())),
    **{f'analysis.probes.{f.__name__}': control_case(f)
       for f in (shuffled, opposite, late, early)},
    'analysis.probes.evaluate_controls': given_(
        partial(evaluate_controls, context=2, horizon=3, samples=2),
        models=({'GRU': GRU}, wrong_models()), episodes=(EPISODES, wrong_episodes()),
        controls=({'late': late}, CONTROL_CASE)),
    'analysis.probes.noise_floor': given_(
        noise_floor, train=(EPISODES[:8], wrong_with_state()),
        test=(EPISODES[8:], wrong_with_state()), neighbours=(2, number(1, 8*17, integer=True))),
    'analysis.uncertainty.crps': given_(
        crps, y=tensor(GAUSS.mean, free=(0,), filled=(0,)), x=tensor(GAUSS.mean[0])),
    **{f'analysis.uncertainty.{f.__name__}': given_(
        f, d=(GAUSS, like_gauss()), x=tensor(GAUSS.mean[0])) for f in (cdf, marginal_nll, score)},
    'analysis.uncertainty.Calibration.__call__': given_(
        Calibration(torch.ones(3), torch.ones(3)), d=(GAUSS, like_gauss())),
    'analysis.uncertainty.calibrate': given_(
        calibrate, model=(MDN, wrong_model(GRU, MDNRNN(2, A, 4, 2))),
        episodes=(EPISODES, wrong_episodes()), **HORIZON, samples=SAMPLES_2, limit=SAMPLES_2,
        seed=(0, seed())),
    'analysis.uncertainty.Uncertainty.at': given_(
        UNSURE.at, h=(3, number(1, 3, integer=True)),
        name=('crps', choice('crps', 'nll', 'marginal', 'energy', 'cover50', 'cover90',
                             'cover95'))),
    'analysis.uncertainty.evaluate_uncertainty': given_(
        evaluate_uncertainty,
        models=([MDN], several(st.sampled_from([[GRU], GRU, [MDN, 3], MDNRNN,
                                                [MDNRNN(2, A, 4, 2)]]))),
        episodes=(EPISODES, wrong_episodes()), **HORIZON, samples=SAMPLES_2, stride=(5, size()),
        calibration=(None, several(st.just([]), st.just(TWO_CALIBRATIONS), optional=True)),
        seed=(0, seed())),
}


def few_latents(variant, folder, seed=0, progress=False):
    return variant_latents(variant, folder, seed, progress, episodes=3, max_steps=4)


STUDY_CHANGES = dict(changes=dict(episodes=6, max_steps=30))
STUDIED_CASES = {
    'analysis.study.variant_latents': Case(
        few_latents, lambda: dict(variant='Pendulum', folder=FOLDER.name),
        variant=choice(*ENV_VARIANTS), folder=path(), seed=number(0, 2**31, integer=True),
        progress=flag()),
    'analysis.study.run_trial': Case(
        run_trial, lambda: dict(file=latents_file(), model='GRU', seed=0, cfg=TINY), file=path(),
        model=choice(*STUDY_MODELS), seed=seed(),
        cfg=either(OTHERS.filter(lambda v: v != {}), {'steps': 0}, {'setps': 3}, {'lr': 'fast'},
                   {'context': 2.5}, {3: 3}, words=('setting', *STUDY_CONFIG))),
    'analysis.study.run_study': Case(
        run_study, lambda: dict(folder=FOLDER.name, variants=['Pendulum'], models=['GRU'],
                                seeds=[0], workers=1, progress=False) | STUDY_CHANGES | TINY,
        folder=path(), variants=several(st.just(['Mars']), st.just(['Pendulum', 3])),
        models=several(st.just(['LSTM'])), seeds=numbers(), workers=size(optional=True),
        progress=flag(), changes=either(OTHERS.filter(lambda v: v != {}), optional=True),
        **STUDIED),
}

SPREADS = either(OTHERS.filter(lambda v: v is not True and v is not False), [[1], [1, 2]], -.1,
                 float('nan'), float('inf'), np.array([.1, -1.]), rand(3).to('meta'))
MARGIN_CASES = {
    'interactive.margins.sample_spreads': given_(
        sample_spreads, model=PROBED['model'], e=tensor(GAUSS.mean, leading=True),
        probes=PROBED['probes']),
    'interactive.margins.sample_mean_errors': given_(
        sample_mean_errors, model=PROBED['model'], probes=PROBED['probes'],
        e=tensor(GAUSS.mean[:, 0], free=(0,), filled=(0,)), true=tensor(GAUSS.mean[0, 0]),
        state=(ONE.state[:3], array(ONE.state[:3], free=(1,)))),
    'interactive.margins.Margins.__call__': given_(
        MARGINS, name=('latent', choice('latent', 'angle (°)')), h=(3, size()),
        spread=(rand(4).numpy(), SPREADS)),
    'interactive.margins.fit_margins': given_(
        fit_margins, **PROBED, horizon=(3, size()), level=(.5, number(.5, .999)), **HELD_OUT),
    'interactive.margins.margin_coverage': given_(
        margin_coverage, margins=(MARGINS, instance()), **PROBED, **HELD_OUT),
    'interactive.margins.RandomHoldPolicy': given_(
        RandomHoldPolicy, actions=([0, 1], either(OTHERS, 3, np.zeros(3))), hold=(2, size())),
}

CASES = (GROUND | DYNAMICS | MODELS | PARTS | CALLED_BACK | TRAINED | EVALUATED_CASES | ANALYSED
         | STUDIED_CASES | MARGIN_CASES)


# ---- names without a case

def names(module, words): return [f'{module}.{o}' for o in words.split()]


ARITHMETIC = ('arithmetic inside functions that have checked its tensors, thousands of times a '
              'second: a check would cost more than the work')
RECORD = 'a record that the library makes; the functions that take it check it'
LOOP = 'called by the training loop, with its own objects'
HOOK = 'called by a method of `Dynamics` that has checked the arguments'
LEFT = {
    ARITHMETIC: [
        *names('dynamics', 'kl_normal masked_mean'),
        *names('kernels.cell', 'to_float32 no_autocast matmul_dtype affine matmul weight_grad '
               'tanh_ reorder_gates gru_grad_factors gru_loop differentiable_backward'),
        *names('kernels.recurrence', 'scan_loop scan recur_loop recur Transition '
               'TwoInputMLP.forward TwoInputMLP.given TwoInputMLP.project'),
        *names('rssm', 'Gaussian.dist Gaussian.size Gaussian.outputs Gaussian.noise Gaussian.blank '
               'Gaussian.__call__ GRUStep.project GRUStep.step Heads.dist KL.ahead '
               'RSSM.deterministic RSSM.prior RSSM.posterior RSSM.noise'),
        *names('variants.parts', 'gated_update symlog symexp BlockLinear.forward BlockGRU.build '
               'PlainGRUStep.step LayerNormGRUStep.project LayerNormGRUStep.step '
               'NoMemoryStep.project NoMemoryStep.step BlockGRUStep.project BlockGRUStep.step '
               'Categorical.size Categorical.outputs Categorical.noise Categorical.blank '
               'Categorical.__call__ Deterministic.size Deterministic.outputs Deterministic.noise '
               'Deterministic.blank Deterministic.dist Deterministic.__call__ SymlogHeads.dist '
               'OvershootingKL.ahead OvershootingKL.overshooting'),
        *names('interactive.margins', 'probe_label probe_distance')],
    RECORD: [
        *names('dynamics', 'DiagNormal'), *names('mdn_rnn', 'Mixture'), *names('rssm', 'State'),
        *names('kernels.recurrence', 'ScanWeights'), *names('analysis.uncertainty', 'Scores'),
        *names('variants.parts', 'OneHot PointMass SymlogNormal'),
        *names('evaluation', 'Interval Divergence')],
    'a part without arguments': [
        *names('rssm', 'GRUCell'), *names('variants.parts', 'PlainGRU LayerNormGRU NoMemory')],
    HOOK: [
        *names('dynamics', 'Dynamics.loss Dynamics.open_loop_standardised Dynamics.check '
               'Dynamics.predictive_standardised Persistence.open_loop_standardised'),
        *names('gru', 'GRUDynamics.open_loop_standardised'),
        *names('mdn_rnn', 'MDNRNN.mixture MDNRNN.open_loop_standardised '
               'MDNRNN.predictive_standardised'),
        *names('rssm', 'RSSM.open_loop_standardised RSSM.predictive_standardised'),
        *names('evaluation', 'MeanLatent.open_loop_standardised LinearBaseline.features '
               'LinearBaseline.open_loop_standardised')],
    LOOP: [
        *names('train', 'Callback Training.draw Training.share Training.any_process '
               'Training.start Training.to Training.train_step Training.run '
               'Training.validate_and_keep_best Training.finish Training.call '
               'Training.record Training.read_pending Training.measure_time Training.warn '
               'make_optimiser Diagnostics Report.on_row ProgressBar'),
        *names('callbacks.resume', 'RNGState.state_dict RNGState.load_state_dict '
               'Checkpointing.before_fit Checkpointing.after_validation Checkpointing.after_step '
               'Checkpointing.after_fit identity'),
        *names('callbacks.distributed', 'DataParallel')],
    "PyTorch's own class and constructor, computed in float32": ['kernels.recurrence.RMSNorm'],
    'a policy: called by the simulator at each step': [
        'analysis.study.noisy_balancing_policy', 'interactive.margins.RandomHoldPolicy.__call__'],
    'takes no argument': ['callbacks.resume.deferred_signals'],
    'a warning': ['train.TrainingWarning'],
    'results or a fitted object, made by one function of ours; its methods have cases': [
        'train.BestWeights', 'train.History', 'evaluation.Evaluation', 'analysis.probes.Probe',
        'analysis.uncertainty.Calibration', 'analysis.uncertainty.Uncertainty',
        'interactive.margins.Margins'],
    'a constant': [
        *names('kernels.recurrence', 'ACTIVATIONS'), *names('rssm', 'LATENTS CELLS HEADS KLS'),
        *names('variants.parts', 'WIDTHS PRESETS'),
        *names('analysis.probes', 'STATE_UNITS CONTROLS'), *names('analysis.uncertainty', 'BINS'),
        *names('analysis.study', 'ENV_VARIANTS STUDY_MODELS ABLATION STUDY_CONFIG')],
}
LEFT = {name: why for why, group in LEFT.items() for name in group}


@pytest.mark.parametrize('name', CASES)
def test_every_argument_has_a_kind_or_a_reason(name): assert CASES[name].missing() == []


@pytest.mark.parametrize('name', CASES)
def test_a_valid_call_works(name): run(CASES[name].call, CASES[name].good())


@pytest.mark.parametrize('name,arg', [(n, k) for n, c in CASES.items() for k in c.kinds])
def test_a_bad_argument_is_refused(name, arg):
    @settings(max_examples=25, derandomize=True, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))
    @given(CASES[name].kinds[arg].wrong)
    def check(value): refuses(CASES[name], arg, value)
    check()
