"""Every public function of the models, their training and their judging refuses each bad argument, one at a time, before it works"""
import copy
import importlib
import os
import tempfile
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bad_arguments import OTHERS, Case, array, choice, either, flag, function, instance, number, numbers, path, refuses, run, several
from rssm_nbdev.kernels.cell import matmul_precision, run_gru
from rssm_nbdev.analysis.probes import early, evaluate_controls, late, noise_floor, opposite
from rssm_nbdev.analysis.probes import shuffled
from rssm_nbdev.data import Batch, LatentEpisode, Windows, save_episodes
from rssm_nbdev.callbacks.distributed import ProcessGroup, SharedDraws
from rssm_nbdev.dynamics import DiagNormal, Dynamics, Persistence, action_driven, alignment_errors
from rssm_nbdev.dynamics import check_causal, fit_scale, open_loop_errors, overfit
from rssm_nbdev.encoder import FrozenEncoder
from rssm_nbdev.env import Episode
from rssm_nbdev.evaluation import Evaluation, LinearBaseline, MeanLatent, baselines, divergence
from rssm_nbdev.evaluation import evaluate, fit_linear, interval
from rssm_nbdev.analysis.probes import decoded_errors, fit_probes, probe_errors
from rssm_nbdev.gru import GRUDynamics
from rssm_nbdev.train import diagnose, first_nonfinite, nonfinite_error
from rssm_nbdev.train import BestWeights, History, evenly_spaced, validate
from rssm_nbdev.train import Training
from rssm_nbdev.interactive.margins import RandomHoldPolicy, fit_margins, margin_coverage
from rssm_nbdev.interactive.margins import sample_mean_errors, sample_spreads
from rssm_nbdev.mdn_rnn import MDNRNN
from rssm_nbdev.variants.parts import balanced_kl
from rssm_nbdev.variants.parts import PRESETS, WIDTHS, preset
from rssm_nbdev.rssm import State
from rssm_nbdev.callbacks.resume import RNGState, checkpoint_paths, differences, read_training
from rssm_nbdev.callbacks.resume import remove_temporary_files, windows_fingerprint, write_training
from rssm_nbdev.rssm import RSSM
from rssm_nbdev.analysis.study import ENV_VARIANTS, STUDY_CONFIG, STUDY_MODELS, run_study
from rssm_nbdev.analysis.study import run_trial, variant_latents
from rssm_nbdev.train import fit, fit_all
from rssm_nbdev.variants.parts import ACTIVATIONS, BlockGRUStep, BlockLinear, GRUStep
from rssm_nbdev.variants.parts import LayerNormGRUStep, NoMemoryStep, PlainGRUStep, TwoInputMLP
from rssm_nbdev.variants.parts import mlp, norm_act
from rssm_nbdev.analysis.uncertainty import Calibration, calibrate, cdf, crps
from rssm_nbdev.analysis.uncertainty import evaluate_uncertainty, marginal_nll, score

MODULES = ('dynamics cell gru mdn_rnn scan stochastic transition objective recurrence rssm presets distributed resume health history loop train '
           'evaluate felt uncertainty controls margins study').split()
FOLDER = tempfile.TemporaryDirectory()
B, T, E, A = 4, 6, 3, 2
rand = lambda *shape: torch.rand(*shape, generator=torch.Generator().manual_seed(0))


# ---- what calls are made of; nothing in it is changed by a call that is refused

def episode(seed, T=16, E=E, A=A):
    "An episode as the encoder would give it; its state is a pendulum's"
    rng = np.random.default_rng(seed)
    angle = rng.normal(size=T + 1).cumsum()
    state = np.stack([np.cos(angle), np.sin(angle), angle], 1).astype(np.float32)
    f = lambda v: torch.tensor(v, dtype=torch.float32)
    return LatentEpisode(f(rng.normal(size=(T + 1, E))), f(rng.uniform(-1, 1, (T, A))), torch.zeros(T), state, False, seed, 'Pendulum-v1')


def pixels(o): return Episode(np.zeros((len(o) + 1, 8, 8, 3), np.uint8), o.a.numpy(), o.reward.numpy(), o.state, o.terminated, o.seed, o.env_id)


class Painter(FrozenEncoder):
    "Stands in for an encoder"
    def __init__(self): torch.nn.Module.__init__(self)
    def decode(self, e): return torch.zeros(len(e), 8, 8, 3, dtype=torch.uint8)


EPISODES = [episode(i) for i in range(12)]
PROBES = fit_probes(EPISODES)
BATCH = Batch(torch.stack([o.e[:T+1] for o in EPISODES[:B]]), torch.stack([o.a[:T] for o in EPISODES[:B]]), torch.zeros(B, T+1, dtype=torch.bool))
SMALL = dict(deter=8, stoch=2, hidden=8)
windows = cache(lambda: Windows(EPISODES, T))
gru = lambda: GRUDynamics(E, A, 4)
GRU, MDN, RSS = gru(), MDNRNN(E, A, 4, 2), RSSM(E, A, **SMALL)
ONE_HOT, STILL = RSSM(E, A, **SMALL, latent='categorical', classes=3), Persistence(E, A)
STATE = RSS.initial(B)
GAUSS = DiagNormal(rand(5, B, 3, E), rand(5, B, 3, E) + .1)
JUDGED = Evaluation({'GRU': np.ones((1, 3, 4)), 'RSSM': np.ones((1, 3, 4))}, 2, 1, 9, [0, 1, 2], [])
MARGINS = fit_margins(STILL, EPISODES, PROBES, context=2, horizon=3, samples=2, level=.5)
HISTORY = History(valid=[{'step': 10, 'score': .5}])
UNSURE = evaluate_uncertainty(MDN, EPISODES, context=2, horizon=3, samples=2)
FIT = dict(steps=2, batch=2, context=2, valid_every=1, log_every=1, progress=False)
NAMES = dict(model=gru, train=windows, valid=windows)
fresh = lambda *names, **more: (lambda: {k: NAMES[k]() for k in names} | more)


# ---- what is wrong with things of our own

def changed(thing, **bad): return [thing._replace(**{k: v}) for k, vs in bad.items() for v in vs]

e, a, first = BATCH
BAD_BATCHES = [tuple(BATCH), BATCH.to('meta'), Batch(e[:0], a[:0]), Batch(e[:, :1], a[:, :0]),
               *changed(BATCH, e=[None, e[0], e[..., :1], e[:, 1:], e.double(), e.int(), e.numpy(), 3], a=[None, a[0], a[..., :1], a[:, 1:], a[1:], a.half(), a.to('meta'), 'up'],
                        is_first=[first[:, 1:], first.float(), first.to('meta'), True, first.numpy()])]
h, z = STATE.h, STATE.z
BAD_STATES = [tuple(STATE), STATE.map(lambda v: v.to('meta')), STATE.map(lambda v: v.double()), *changed(STATE, h=[None, h[..., 1:], h[0], h.int(), h.numpy(), 3], z=[None, z[..., 1:], z[0], z.half(), []])]
BAD_GAUSS = [tuple(GAUSS), GAUSS.mean, GAUSS.map(lambda v: v.int()), GAUSS.map(lambda v: v[:, 0, 0])]
wrong_state = lambda free=True: instance(st.sampled_from(BAD_STATES if free else BAD_STATES + [STATE.map(lambda v: v[:1])]))
batch_kind = lambda: instance(st.sampled_from(BAD_BATCHES))
model_kind = lambda *more: instance(st.sampled_from([torch.nn.Linear(2, 2), GRUDynamics, *more]))
windows_kind = lambda: instance(st.just(EPISODES), st.just(BATCH), st.sampled_from([Windows([episode(0, E=2)], T), Windows([episode(0, A=1)], T)]))
one_windows = lambda: instance(st.just(EPISODES), st.just(BATCH))
broken = lambda **kw: [copy.copy(EPISODES[0]).__class__(**(vars(EPISODES[0]) | kw)), *EPISODES[1:]]
BAD_EPISODES = [broken(e=EPISODES[0].e*float('nan')), broken(e=EPISODES[0].e[1:]), broken(e=EPISODES[0].e.double()), broken(e=EPISODES[0].e[:, :2]), broken(a=EPISODES[0].a[:, :1]),
                broken(e=EPISODES[0].e.to('meta')), broken(a=EPISODES[0].a*float('inf')), [pixels(EPISODES[0])], EPISODES[0]]
episodes_kind = lambda *more: several(st.sampled_from([*BAD_EPISODES, *more]), words=('episode',))
with_state = lambda: episodes_kind(broken(state=EPISODES[0].state[1:]), broken(state=EPISODES[0].state.astype(complex)), broken(env_id='CartPole-v1'), broken(state=EPISODES[0].state*np.nan))
probes_kind = lambda: several(st.sampled_from([fit_probes([episode(0, E=2)]), PROBES[0], [Painter()]]), empty=False)
models_kind = lambda: instance(st.sampled_from([{}, {'m': []}, {'m': None}, {'m': [GRU, 3]}, {'m': GRUDynamics}, {'m': GRUDynamics(2, A, 4)}, [GRU], GRU]))
like_components = lambda: instance(st.sampled_from(BAD_GAUSS + [GAUSS.map(lambda v: v[:0])]))
no_dict = lambda: either(OTHERS.filter(lambda v: not isinstance(v, dict)), 3, [('lr', .1)])
size = lambda **kw: number(low=1, integer=True, **kw)
seed = lambda: either(number(integer=True).wrong, st.integers(min_value=2**63), st.integers(max_value=-2**63))
device = lambda: either(OTHERS.filter(lambda v: v != 'cpu'), 'cuda:99', 'gpu', 'meta', torch.zeros(2), 3)


# ---- the table

WHOLE, REAL = ('deter', 'stoch', 'hidden', 'classes', 'blocks', 'prior_layers', 'post_layers', 'overshoot'), {
    'min_std': (1e-6, 10), 'unimix': (0, .999), 'free_nats': (0, 1e4), 'dyn': (0, 1e4), 'rep': (0, 1e4)}
new_model = dict(embed=number(1, 2**20, integer=True), act_dim=number(1, 2**20, integer=True))
roll_args = dict(e_context=(e[:, :3], array(e[:, :3], numpy=False, free=(0, 1), filled=(0, 1))), a=(a[:, :4], array(a[:, :4], numpy=False, free=(1,), filled=(1,))), samples=(2, size()))
given_ = lambda call, left=None, **kw: Case(call, lambda: {k: v[0] for k, v in kw.items()}, left, **{k: v[1] for k, v in kw.items()})
act = lambda: (a[:, 0], array(a[:, 0], values=False, numpy=False, free=(0,)))
acts = lambda: (a, array(a, values=False, numpy=False, free=(0, 1), filled=(0, 1)))
held_out = dict(context=(2, size()), samples=(2, size()), stride=(5, size()), seed=(0, seed()))
training = dict(steps=size(), batch=size(), lr=number(low=0), weight_decay=number(low=0), clip=number(low=0), context=size(), valid_every=size(), log_every=size(), seed=seed(),
                precision=choice('fp32', 'bf16'), device=device(), progress=flag(), desc=either(OTHERS.filter(lambda v: not isinstance(v, str)), 3, 1.5, optional=True),
                accelerator=instance(optional=True), keep=path(optional=True), resume=either('', 3, 1.5, [], {}, object(), len, b'bytes', 'a\0b', np.zeros(3)), report=function(optional=True))
cell_args = lambda cls, **kw: given_(cls, size=(3, size()), act_dim=(2, size()), hidden=(8, size()), deter=(4, size()), act=('elu', choice(*ACTIVATIONS)), **kw)
control = lambda f: given_(f, a=(a, array(a, numpy=False, free=(0, 1, 2), filled=(0, 1, 2))), context=(2, number(1, T, integer=True)), **({'seed': (0, seed())} if f is shuffled else {}))
standardised = lambda f: given_(f, e=(e, array(e, values=False, numpy=False, leading=True)))
studied = {k: number(low=0 if k in ('lr', 'weight_decay') else 1, integer=k not in ('lr', 'weight_decay')) for k in STUDY_CONFIG}
TINY = dict(steps=2, length=6, batch=2, context=2, horizon=3, long=6, samples=2)
parts = lambda: {'chance': RNGState()}


@cache
def latents_file(): file = Path(FOLDER.name)/'latents.npz'; save_episodes(file, EPISODES); return file

@cache
def kept_file(): file = Path(FOLDER.name)/'kept.pt'; write_training(file, {'lr': .1}, parts()); return file


CASES = {
    # dynamics
    'dynamics.Dynamics': given_(Dynamics, embed=(3, new_model['embed']), act_dim=(2, new_model['act_dim'])),
    'dynamics.Dynamics.standardise': standardised(GRU.standardise),
    'dynamics.Dynamics.unstandardise': standardised(GRU.unstandardise),
    'dynamics.Dynamics.check_latents': standardised(GRU.check_latents),
    'dynamics.Dynamics.check_batch': given_(GRU.check_batch, batch=(BATCH, batch_kind())),
    'dynamics.Dynamics.check_windows': Case(GRU.check_windows, lambda: dict(windows=windows(), name='windows'), dict(name='what the error calls them'), windows=windows_kind()),
    'dynamics.Dynamics.open_loop': given_(GRU.open_loop, **roll_args),
    'dynamics.Dynamics.predictive': given_(MDN.predictive, **roll_args),
    'dynamics.fit_scale': Case(fit_scale, fresh('model', episodes=EPISODES), model=model_kind(), episodes=episodes_kind()),
    'dynamics.Persistence': given_(Persistence, embed=(3, new_model['embed']), act_dim=(2, new_model['act_dim'])),
    'dynamics.open_loop_errors': given_(open_loop_errors, model=(GRU, model_kind(GRUDynamics(2, A, 4))), e=(e, array(e, numpy=False, free=(), filled=(0, 1))), a=(a, array(a, numpy=False)), context=(2, number(1, T, integer=True)), samples=(2, size())),
    'dynamics.check_causal': given_(check_causal, model=(GRU, model_kind()), context=(2, size()), horizon=(2, size())),
    'dynamics.action_driven': given_(action_driven, n=(4, size()), length=(3, size()), embed=(3, size()), act_dim=(2, size()), seed=(0, seed())),
    'dynamics.overfit': Case(overfit, fresh('model', batch=BATCH, steps=1), model=model_kind(), batch=batch_kind(), steps=size(), lr=number(low=0)),
    'dynamics.alignment_errors': Case(alignment_errors, fresh('model', steps=1), model=model_kind(GRUDynamics(2, A, 4), GRUDynamics(E, 1, 4)), steps=size()),
    # cell
    'cell.products_in': given_(matmul_precision, precision=('bf16', choice('fp32', 'bf16')), device=('cpu', device())),
    'cell.run_gru': given_(run_gru, gru=(torch.nn.GRU(E, 4, batch_first=True), instance(st.just(torch.nn.GRUCell(E, 4)), st.just(GRU))), x=(e, array(e, values=False, numpy=False, free=(0, 1))),
                           is_first=(first, array(first, values=False, numpy=False, optional=True)), h=(rand(B, 4), array(rand(B, 4), values=False, numpy=False, optional=True))),
    # models
    'gru.GRUDynamics': given_(GRUDynamics, embed=(3., new_model['embed']), act_dim=(2., new_model['act_dim']), hidden=(4, number(1, 2**16, integer=True))),
    'gru.GRUDynamics.loss': given_(GRU.loss, batch=(BATCH, batch_kind())),
    'mdn_rnn.MDNRNN': given_(MDNRNN, embed=(3., new_model['embed']), act_dim=(2., new_model['act_dim']), hidden=(4, number(1, 2**16, integer=True)), components=(2, number(1, 2**16, integer=True)), rollout=('mean', choice('mean', 'sample'))),
    'mdn_rnn.MDNRNN.loss': given_(MDN.loss, batch=(BATCH, batch_kind())),
    'rssm.RSSM': Case(RSSM, lambda: dict(embed=3., act_dim=2.) | SMALL, **new_model, **{k: number(1, 2**16, integer=True) for k in WHOLE}, **{k: number(*v) for k, v in REAL.items()},
                      obs_std=number(1e-4, 10, optional=True), chunk=number(1, 2**16, integer=True, optional=True), latent=choice('gaussian', 'categorical', 'none'),
                      cell=choice('gru', 'plain_gru', 'layer_norm', 'block', 'none'), act=choice(*ACTIVATIONS), norm=flag(), symlog=flag(), free_mean=flag()),
    'rssm.RSSM.initial': given_(RSS.initial, batch=(0, number(low=0, integer=True))),
    'rssm.RSSM.obs_step': given_(RSS.obs_step, state=(STATE, wrong_state(False)), a=(a[:, 0], array(a[:, 0], values=False, numpy=False)), e=(e[:, 0], array(e[:, 0], values=False, numpy=False)), noise=(rand(B, 2), array(rand(B, 2), values=False, numpy=False, optional=True))),
    'rssm.RSSM.img_step': given_(RSS.img_step, state=(STATE, wrong_state(False)), a=(a[:, 0], array(a[:, 0], values=False, numpy=False)), noise=(rand(B, 2), array(rand(B, 2), values=False, numpy=False, optional=True))),
    'rssm.RSSM.observe': given_(RSS.observe, e=(e, array(e, values=False, numpy=False)), a=(a, array(a, values=False, numpy=False)), is_first=(first, array(first, values=False, numpy=False, optional=True)),
                                noise=(rand(B, T+1, 2), array(rand(B, T+1, 2), values=False, numpy=False, optional=True))),
    'rssm.RSSM.imagine': given_(RSS.imagine, state=(STATE, wrong_state(False)), a=acts(), noise=(rand(B, T, 2), array(rand(B, T, 2), values=False, numpy=False, optional=True))),
    'rssm.RSSM.imagine, categorical': given_(ONE_HOT.imagine, state=(ONE_HOT.initial(B), wrong_state()), a=acts(), noise=(rand(B, T, 2), array(rand(B, T, 2), values=False, numpy=False, optional=True))),
    'rssm.RSSM.check_state': given_(RSS.check_state, s=(STATE, wrong_state())),
    'rssm.RSSM.observation': given_(RSS.observation, s=(STATE, wrong_state())),
    'rssm.RSSM.predict': given_(RSS.predict, s=(STATE, wrong_state())),
    'rssm.RSSM.decode': given_(RSS.decode, s=(STATE, wrong_state())),
    'rssm.RSSM.open_loop': given_(RSS.open_loop, **roll_args),
    'rssm.RSSM.predictive': given_(RSS.predictive, **roll_args),
    'rssm.RSSM.loss': given_(RSS.loss, batch=(BATCH, batch_kind())),
    'presets.preset': Case(preset, lambda: dict(name='course', embed=3, act_dim=2), name=choice(*PRESETS), **new_model, size=either(OTHERS, '12m', 3, optional=True)),
    'presets.preset, dreamer_v3': Case(partial(preset, deter=16, hidden=8, classes=4), lambda: dict(name='dreamer_v3', embed=3, act_dim=2, size='12m'), name=choice(*PRESETS), **new_model, size=choice(*WIDTHS, optional=True)),
    # parts of models
    'transition.layer': given_(norm_act, size=(4, size()), act=('elu', choice(*ACTIVATIONS)), norm=(True, flag())),
    'transition.mlp': given_(mlp, inp=(3, size()), hidden=(4, size()), out=(2, size()), layers=(0, number(low=0, integer=True)), act=('elu', choice(*ACTIVATIONS)), norm=(True, flag())),
    'transition.TwoInputs': given_(TwoInputMLP, deter=(4, size()), embed=(3, size()), hidden=(4, size()), out=(2, size()), layers=(1, size()), act=('elu', choice(*ACTIVATIONS)), norm=(True, flag())),
    'transition.GRUStep': cell_args(GRUStep), 'transition.PlainGRU': cell_args(PlainGRUStep), 'transition.LayerNormGRU': cell_args(LayerNormGRUStep), 'transition.NoMemory': cell_args(NoMemoryStep),
    'transition.BlockGRU': cell_args(BlockGRUStep, blocks=(2, size())),
    'transition.BlockLinear': given_(BlockLinear, inp=(4, size()), out=(6, size()), blocks=(2, size())),
    'objective.balanced_kl': given_(balanced_kl, post=(GAUSS, instance(st.just(tuple(GAUSS)), st.just(STATE))), prior=(GAUSS, instance(st.just(tuple(GAUSS)), st.just(ONE_HOT.initial(2).dist))),
                                    dyn=(1., number(low=0)), rep=(1., number(low=0)), free_nats=(1., number(low=0)), free_mean=(True, flag())),
    # training
    'distributed.SharedDraws': given_(SharedDraws, rank=(1, number(0, 1, integer=True)), n=(2, size()), windows=(3, size())),
    'distributed.Team': given_(ProcessGroup, accelerator=(None, instance(optional=True)), device=('cpu', device())),
    'distributed.Team.part': given_(ProcessGroup().part, rows=(torch.arange(4), array(torch.arange(4), values=False, free=(0,), bools=True, anywhere=True))),
    'distributed.Team.draws': given_(ProcessGroup().draws, windows=(3, size())),
    'distributed.Team.mean': given_(ProcessGroup().mean, tensors=([h], several(empty=False))),
    'distributed.Team.agree': given_(ProcessGroup().agree, model=(GRU, instance(st.just(GRUDynamics)))),
    'distributed.Team.told': given_(ProcessGroup().told, row=({'score': .5}, no_dict())),
    'distributed.Team.any': given_(ProcessGroup().any, flag=(True, flag())),
    'resume.Chance': given_(RNGState, device=('cpu', device())),
    'resume.fingerprint': Case(windows_fingerprint, lambda: dict(windows=windows()), windows=one_windows()),
    'resume.differences': given_(differences, there=({'lr': .1}, no_dict()), here=({}, no_dict())),
    'resume.write_training': Case(write_training, lambda: dict(path=Path(FOLDER.name)/'new.pt', about={}, parts=parts()), path=path(), about=no_dict(), parts=no_dict()),
    'resume.remove_litter': Case(remove_temporary_files, lambda: dict(path=Path(FOLDER.name)/'none.pt'), path=path()),
    'resume.read_training': Case(read_training, lambda: dict(path=kept_file(), about={'lr': .1}, parts=parts()), path=path(), about=either(OTHERS.filter(lambda v: v != {})), parts=no_dict()),
    'resume.kept_where': Case(checkpoint_paths, lambda: dict(keep=Path(FOLDER.name)/'to.pt', resume=None), keep=path(optional=True), resume=training['resume']),
    'health.first_bad': given_(first_nonfinite, logs=([{'loss': h.sum(), 'grad_norm': h.sum()}], several(empty=False))),
    'health.gone_bad': Case(nonfinite_error, lambda: dict(step=3, log={'loss': 1., 'grad_norm': 2.}, windows=windows(), rows=torch.arange(3)), dict(kept='named in the message, if given', kept_step='the same'),
                            step=size(), log=no_dict(), windows=one_windows(), rows=array(torch.arange(3), free=(0,), low=0, high=10**6)),
    'health.symptoms': given_(lambda model, batch, rows: diagnose(model, batch, rows), model=(GRU, model_kind()), batch=(BATCH, batch_kind()), rows=([], several(empty=False))),
    'health.symptoms, MDN-RNN': given_(lambda batch: diagnose(MDN, batch, []), batch=(BATCH, batch_kind())),
    'health.symptoms, RSSM': given_(lambda batch, rows: diagnose(RSS, batch, rows), batch=(BATCH, batch_kind()), rows=([{'step': 1, 'kl': 1.}], several())),
    'history.validate': Case(validate, fresh('model', windows=windows(), context=2, samples=2), model=model_kind(GRUDynamics(2, A, 4)), windows=windows_kind(), context=number(1, T, integer=True), samples=size(), limit=size()),
    'history.spread': Case(evenly_spaced, lambda: dict(windows=windows()), windows=one_windows(), limit=size()),
    'history.History.column': given_(HISTORY.column, part=('valid', choice('train', 'valid')), key=('score', choice('step', 'score'))),
    'history.Best.offer': given_(BestWeights().offer, row=({'score': .1}, either(OTHERS, {'loss': 1.})), model=(GRU, model_kind())),
    'history.Best.give': given_(BestWeights().give, model=(GRU, model_kind())),
    'loop.Training': Case(Training, lambda: dict(o=SimpleNamespace(**(dict(lr=1e-3, weight_decay=0., clip=1., seed=0, precision='fp32', device='cpu', desc=None, accelerator=None, keep=None, resume=None, report=None)
                                                                      | FIT | dict(model=gru(), train=windows(), valid=windows())))), o=instance()),
    'train.fit': Case(fit, fresh('model', 'train', 'valid', **FIT), model=model_kind(STILL), train=windows_kind(), valid=windows_kind(), **training),
    'train.fit_all': Case(fit_all, lambda: dict(models=[gru(), gru()], train=windows(), valid=windows(), seeds=[0, 1], workers=1, **FIT),
                          models=several(st.sampled_from([[GRU], [GRU, STILL], [GRU, 3], GRU])), train=windows_kind(), valid=windows_kind(), seeds=numbers(), workers=size(optional=True), keep=path(optional=True),
                          **{k: training[k] for k in ('steps', 'batch', 'lr', 'weight_decay', 'clip', 'context', 'valid_every', 'log_every', 'precision', 'device', 'progress', 'desc', 'report')},
                          resume=either(OTHERS.filter(lambda v: not isinstance(v, bool) and v is not None), 'run.pt', 3), accelerator=instance(optional=True)),
    # judging
    'evaluate.MeanLatent': given_(MeanLatent, embed=(3, new_model['embed']), act_dim=(2, new_model['act_dim'])),
    'evaluate.LinearBaseline': given_(LinearBaseline, embed=(3, new_model['embed']), act_dim=(2, new_model['act_dim']), context=(2, size()), horizon=(3, size())),
    'evaluate.fit_linear': given_(fit_linear, episodes=(EPISODES, episodes_kind()), context=(2, size()), horizon=(3, size()), alpha=(1., number(low=0)), limit=(9, size())),
    'evaluate.baselines': given_(baselines, episodes=(EPISODES, episodes_kind()), context=(2, size()), horizon=(3, size())),
    'evaluate.interval': given_(interval, x=(rand(5).numpy(), array(rand(5).numpy(), free=(0,), filled=(0,), bools=True)), resamples=(9, size())),
    'evaluate.Evaluation.at': given_(JUDGED.at, name=('GRU', choice('GRU', 'RSSM')), h=(4, number(1, 4, integer=True))),
    'evaluate.Evaluation.difference': given_(JUDGED.difference, a=('GRU', choice('GRU', 'RSSM')), b=('RSSM', choice('GRU', 'RSSM')), h=(4, number(1, 4, integer=True))),
    'evaluate.Evaluation.curve': given_(JUDGED.curve, name=('GRU', choice('GRU', 'RSSM'))),
    'evaluate.evaluate': given_(evaluate, models=({'GRU': GRU}, models_kind()), episodes=(EPISODES, episodes_kind()), context=(2, size()), horizon=(3, size()), samples=(2, size()), stride=(5, size()), control=(opposite, function(optional=True)), seed=(0, seed())),
    'evaluate.divergence': given_(divergence, samples=(rand(20, 4, 3).numpy(), array(rand(20, 4, 3).numpy(), free=(0,), filled=(0,), bools=True)), truth=(rand(4, 3).numpy(), array(rand(4, 3).numpy(), bools=True)),
                                  spread=(rand(4, 3).numpy() + .1, array(rand(4, 3).numpy() + .1, low=.0, bools=True)), axes=(np.eye(3)[:2], array(np.eye(3)[:2], free=(0,), filled=(0,), optional=True, bools=True)), multiple=(2., number(low=1e-3)), patience=(2, size())),
    'felt.fit_probes': given_(fit_probes, episodes=(EPISODES, with_state()), alpha=(1e-3, number(low=0))),
    'felt.Probe': given_(PROBES[0], e=(e, array(e, values=False, numpy=False, leading=True))),
    'felt.Probe.error': given_(PROBES[0].error, e=(e[0], array(e[0], values=False, numpy=False)), state=(EPISODES[0].state[:T+1], array(EPISODES[0].state[:T+1], free=(1,), filled=(1,)))),
    'felt.probe_errors': given_(probe_errors, model=(GRU, model_kind(GRUDynamics(2, A, 4))), latents=(EPISODES, with_state()), probes=(PROBES, probes_kind()), context=(2, size()), horizon=(3, size()), samples=(2, size()), stride=(5, size())),
    'felt.felt_errors': given_(decoded_errors, model=(GRU, model_kind(GRUDynamics(2, A, 4))), encoder=(Painter(), instance()), episodes=([pixels(o) for o in EPISODES], several(st.just(EPISODES), st.just([pixels(EPISODES[0])]))), latents=(EPISODES, with_state()),
                               probes=(PROBES, probes_kind()), context=(2, size()), horizons=((1, 3), numbers(low=1)), samples=(2, size()), limit=(9, size())),
    'uncertainty.crps': given_(crps, y=(GAUSS.mean, array(GAUSS.mean, values=False, numpy=False, free=(0,), filled=(0,))), x=(GAUSS.mean[0], array(GAUSS.mean[0], values=False, numpy=False))),
    **{f'uncertainty.{f.__name__}': given_(f, d=(GAUSS, like_components()), x=(GAUSS.mean[0], array(GAUSS.mean[0], values=False, numpy=False))) for f in (cdf, marginal_nll, score)},
    'uncertainty.Calibration': given_(Calibration(torch.ones(3), torch.ones(3)), d=(GAUSS, like_components())),
    'uncertainty.calibrate': given_(calibrate, model=(MDN, model_kind(GRU, MDNRNN(2, A, 4, 2))), episodes=(EPISODES, episodes_kind()), context=(2, size()), horizon=(3, size()), samples=(2, number(low=2, integer=True)), limit=(9, number(low=2, integer=True)), seed=(0, seed())),
    'uncertainty.Uncertainty.at': given_(UNSURE.at, name=('crps', choice('crps', 'nll', 'marginal', 'energy', 'cover50', 'cover90', 'cover95')), h=(3, number(1, 3, integer=True))),
    'uncertainty.uncertainty': given_(evaluate_uncertainty, models=([MDN], several(st.sampled_from([[GRU], GRU, [MDN, 3], MDNRNN, [MDNRNN(2, A, 4, 2)]]))), episodes=(EPISODES, episodes_kind()), context=(2, size()), horizon=(3, size()), samples=(2, number(low=2, integer=True)),
                                      stride=(5, size()), calibration=(None, several(st.just([]), st.just([Calibration(torch.ones(1), torch.ones(1))]*2), optional=True)), seed=(0, seed())),
    **{f'controls.{f.__name__}': control(f) for f in (shuffled, opposite, late, early)},
    'controls.under_controls': given_(partial(evaluate_controls, context=2, horizon=3, samples=2), models=({'GRU': GRU}, models_kind()), episodes=(EPISODES, episodes_kind()), controls=({'late': late}, either(OTHERS.filter(lambda v: v != {}), {'late': 3}, [late]))),
    'controls.noise_floor': given_(noise_floor, train=(EPISODES[:8], with_state()), test=(EPISODES[8:], with_state()), neighbours=(2, number(1, 8*17, integer=True))),
    'margins.spreads': given_(sample_spreads, model=(GRU, model_kind(GRUDynamics(2, A, 4))), e=(GAUSS.mean, array(GAUSS.mean, values=False, numpy=False, leading=True)), probes=(PROBES, probes_kind())),
    'margins.misses': given_(sample_mean_errors, model=(GRU, model_kind(GRUDynamics(2, A, 4))), e=(GAUSS.mean[:, 0], array(GAUSS.mean[:, 0], values=False, numpy=False, free=(0,), filled=(0,))), true=(GAUSS.mean[0, 0], array(GAUSS.mean[0, 0], values=False, numpy=False)),
                             state=(EPISODES[0].state[:3], array(EPISODES[0].state[:3], free=(1,))), probes=(PROBES, probes_kind())),
    'margins.Margins': given_(MARGINS, name=('latent', choice('latent', 'angle (°)')), h=(3, size()), spread=(rand(4).numpy(), either(OTHERS.filter(lambda v: v is not True and v is not False), [[1], [1, 2]], -.1, float('nan'), float('inf'), np.array([.1, -1.]), rand(3).to('meta')))),
    'margins.fit_margins': given_(fit_margins, model=(GRU, model_kind(GRUDynamics(2, A, 4))), latents=(EPISODES, with_state()), probes=(PROBES, probes_kind()), horizon=(3, size()), level=(.5, number(.5, .999)), **held_out),
    'margins.covered': given_(margin_coverage, margins=(MARGINS, instance()), model=(GRU, model_kind(GRUDynamics(2, A, 4))), latents=(EPISODES, with_state()), probes=(PROBES, probes_kind()), **held_out),
    'margins.Held': given_(RandomHoldPolicy, actions=([0, 1], either(OTHERS, 3, np.zeros(3))), hold=(2, size())),
    'study.latents_of': Case(lambda variant, folder, seed=0, progress=False: variant_latents(variant, folder, seed, progress, episodes=3, max_steps=4), lambda: dict(variant='Pendulum', folder=FOLDER.name), variant=choice(*ENV_VARIANTS), folder=path(), seed=number(0, 2**31, integer=True), progress=flag()),
    'study.trial': Case(run_trial, lambda: dict(file=latents_file(), model='GRU', seed=0, cfg=TINY), file=path(), model=choice(*STUDY_MODELS), seed=seed(), cfg=either(OTHERS.filter(lambda v: v != {}), {'steps': 0}, {'setps': 3}, {'lr': 'fast'}, {'context': 2.5}, {3: 3}, words=('setting', *STUDY_CONFIG))),
    'study.run_study': Case(run_study, lambda: dict(folder=FOLDER.name, variants=['Pendulum'], models=['GRU'], seeds=[0], workers=1, progress=False, changes=dict(episodes=6, max_steps=30)) | TINY, folder=path(), variants=several(st.just(['Mars']), st.just(['Pendulum', 3])),
                            models=several(st.just(['LSTM'])), seeds=numbers(), workers=size(optional=True), progress=flag(), changes=either(OTHERS.filter(lambda v: v is not None and v != {})), **studied),
}

ARITHMETIC = 'arithmetic on tensors inside functions that have checked them, thousands of times a second: a check would cost more than the work'
MADE = 'a record that the library makes and hands out; what it is handed to checks it'
LEFT = {
    **{f'dynamics.{k}': ARITHMETIC for k in ('kl_normal', 'mean_where')},
    **{f'cell.{k}': ARITHMETIC for k in ('full', 'exactly', 'large_dtype', 'affine', 'product', 'outer', 'tanh_', 'turn', 'cell_factors', 'gru_loop', 'differentiable')},
    **{f'scan.{k}': ARITHMETIC for k in ('scan_loop', 'scan')}, **{f'recurrence.{k}': ARITHMETIC for k in ('recur_loop', 'recur')},
    **{f'objective.{k}': ARITHMETIC for k in ('symlog', 'symexp')}, 'transition.gated': ARITHMETIC,
    **{f'margins.{k}': 'one line for whatever has a name and a unit, called for every picture of a live display' for k in ('label', 'apart')},
    **{k: MADE for k in ('dynamics.DiagNormal', 'mdn_rnn.Mixture', 'scan.ScanWeights', 'recurrence.State', 'evaluate.Interval', 'evaluate.Divergence', 'uncertainty.Scores')},
    **{f'stochastic.{k}': 'a record that `RSSM` makes of numbers it has checked, and calls at every step' for k in ('OneHot', 'Point', 'Gaussian', 'Categorical', 'Delta')},
    'transition.RMSNorm': "PyTorch's own class and constructor, computed in float32",
    'study.wobbling': 'a policy: called by the simulator at every step, with what the environment gave',
    'resume.patient': 'takes no argument',
    'health.TrainingWarning': 'a warning',
    **{k: 'a constant' for k in ('transition.ACTS', 'transition.CELLS', 'presets.WIDTHS', 'presets.PRESETS', 'resume.FORMAT', 'felt.STATE_UNITS', 'uncertainty.GRID', 'uncertainty.FINE', 'uncertainty.LEVELS', 'uncertainty.BINS',
                                 'controls.CONTROLS', 'study.WORLDS', 'study.MEMBERS', 'study.ABLATION', 'study.STEPS')},
}


def test_the_table_is_complete():
    "Every public name is in the table, or left out for a reason; and nothing is in it that is not there"
    names = {f'{m}.{k}' for m in MODULES for k in importlib.import_module(f'rssm_nbdev.{m}').__all__}
    said = {'.'.join(k.split(',')[0].split('.')[:2]) for k in CASES}
    assert not said & set(LEFT)
    assert said | set(LEFT) == names


@pytest.mark.parametrize('name', CASES)
def test_every_argument_is_spoken_of(name): assert CASES[name].missing() == []


@pytest.mark.parametrize('name', CASES)
def test_a_valid_call_works(name): run(CASES[name].call, CASES[name].good())


@pytest.mark.parametrize('name,arg', [(n, k) for n, c in CASES.items() for k in c.kinds])
def test_a_bad_argument_is_refused(name, arg):
    @settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(CASES[name].kinds[arg].wrong)
    def check(value): refuses(CASES[name], arg, value)
    check()
