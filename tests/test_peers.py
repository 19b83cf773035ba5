"""The RSSM family against torchrl's modules, with weights and noise copied.

torchrl comes with the extra `peers`.
"""
import pytest
import torch
from tensordict import TensorDict
from tensordict.nn import TensorDictModule
from torchrl.modules.models import model_based as rl
from torchrl.objectives import DreamerModelLoss, categorical_kl_terms

from rssm_nbdev.rssm import KL, RSSM, Gaussian, Heads
from rssm_nbdev.variants.parts import BlockGRU, Categorical, preset

B, T, E, A, H, S = 4, 6, 5, 2, 16, 6


def close(ours, theirs): torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-5)


def copy(theirs, *pairs):
    "Copy weights into their parameters, named by path"
    own = dict(theirs.named_parameters())
    assert set(own) == {k for k, _ in pairs}
    for k, v in pairs:
        own[k].data.copy_(v)
    return theirs


def linear(path, w, b): return [(f'{path}.weight', w), (f'{path}.bias', b)]
def named(path, module): return [(f'{path}.{k}', v) for k, v in module.named_parameters()]
def joint(*layers): return torch.cat([m.weight for m in layers], 1)
def after(*names): return [('next', n) for n in names]


# ---- the Gaussian member

def gaussian_prior(m):
    "torchrl's prior with our weights; they clamp the deviation, and we add the least one"
    spec = type('Spec', (), {'shape': (A,)})
    theirs = rl.RSSMPrior(spec, H, H, S, scale_lb=1e-6, action_dim=A)
    layer = linear('action_state_projector.0', joint(m.f.inp_z, m.f.inp_a), m.f.inp_a.bias)
    heads = named('rnn_to_prior_projector', m.prior_net)
    return copy(theirs, *named('rnn', m.f.cell), *layer, *heads)


def gaussian_posterior(m):
    "torchrl's posterior with our weights"
    theirs, p = rl.RSSMPosterior(H, S, scale_lb=1e-6, rnn_hidden_dim=H, obs_embed_dim=E), m.post_net
    first = linear('obs_rnn_to_post_projector.0', joint(p.of_h, p.of_e), p.of_e.bias)
    last = linear('obs_rnn_to_post_projector.2', p.rest[1].weight, p.rest[1].bias)
    return copy(theirs, *first, *last)


@pytest.fixture
def gaussian():
    torch.manual_seed(0)
    m = RSSM(E, A, deter=H, stoch=S, hidden=H, latent=Gaussian(1e-6), heads=Heads('elu'),
             obs_std=1., kl=KL(1., 0., 3.))
    return m, gaussian_prior(m), gaussian_posterior(m)


@pytest.fixture
def data():
    torch.manual_seed(1)
    return torch.randn(B, T, E), torch.randn(B, T - 1, A), torch.randn(B, T, S)


@torch.no_grad()
def test_gaussian_steps_equal_torchrl(gaussian, data):
    (m, prior, post), (e, a, noise) = gaussian, data
    s = m.observe(e, a)[0].at(2)
    ours = m.img_step(s, a[:, 2], noise[:, 0])
    mean, std, z, h = prior(s.z, s.h, a[:, 2], noise[:, 0])
    for x, y in zip((ours.mean, ours.std, ours.z, ours.h), (mean, std, z, h)):
        close(x, y)
    ours = m.obs_step(s, a[:, 2], e[:, 3], noise[:, 1])
    for x, y in zip((ours.mean, ours.std, ours.z), post(h, e[:, 3], noise[:, 1])):
        close(x, y)


def gaussian_rollout(prior, post, e, a, noise):
    "torchrl's roll-out; their action is the one that led to each latent"
    moments = after('prior_mean', 'prior_std')
    prior = TensorDictModule(prior, ['state', 'belief', 'action'],
                             [*moments, '_', ('next', 'belief')])
    post = TensorDictModule(post, [*after('belief', 'encoded_latents'), 'noise'],
                            after('posterior_mean', 'posterior_std', 'state'))
    before = torch.cat([torch.zeros(B, 1, A), a], 1)
    start = {'state': torch.zeros(B, T, S), 'belief': torch.zeros(B, T, H), 'action': before}
    start |= {'noise': noise, 'next': {'encoded_latents': e}}
    return rl.RSSMRollout(prior, post)(TensorDict(start, [B, T]))['next']


@torch.no_grad()
def test_gaussian_rollout_and_kl_equal_torchrl(gaussian, data):
    (m, *theirs), (e, a, noise) = gaussian, data
    ours, ours_prior = m.observe(e, a, noise=noise)
    td = gaussian_rollout(*theirs, e, a, noise)
    pairs = {'belief': ours.h, 'state': ours.z, 'posterior_mean': ours.mean,
             'posterior_std': ours.std, 'prior_mean': ours_prior.mean, 'prior_std': ours_prior.std}
    for k, v in pairs.items():
        close(td[k], v)
    moments = [td[k] for k in ('prior_mean', 'prior_std', 'posterior_mean', 'posterior_std')]
    for delayed in (False, True):
        args = dict(free_nats=3., delayed_clamp=delayed, global_average=False)
        kl = DreamerModelLoss.kl_loss.__wrapped__(type('Loss', (), args), *moments)
        close(KL(1., 0., 3., free_mean=delayed)(ours.dist, ours_prior)[0], kl)


# ---- DreamerV3

def v3_prior(m):
    "torchrl's prior with our weights"
    theirs = rl.RSSMPriorV3(
        action_shape=(A,), hidden_dim=8, rnn_hidden_dim=H, num_categoricals=S, num_classes=4,
        action_dim=A, recurrent_model='block_gru', num_blocks=4, prior_num_layers=2, unimix=.01)
    f, names = m.f, dict(belief_projection='of_h', state_projection='of_z',
                         action_projection='of_a', hidden_layers='inner', gates='gates')
    rnn = [p for k, own in names.items() for p in named(f'rnn.{k}', getattr(f, own))]
    return copy(theirs, *rnn, *named('rnn_to_prior_projector', m.prior_net))


def v3_posterior(m):
    "torchrl's posterior with our weights"
    theirs = rl.RSSMPosteriorV3(8, S, 4, H, E, use_rms_norm=True, num_layers=1, unimix=.01)
    p, path = m.post_net, 'obs_rnn_to_post_projector'
    first = linear(f'{path}.0', joint(p.of_h, p.of_e), p.of_e.bias)
    last = linear(f'{path}.3', p.rest[2].weight, p.rest[2].bias)
    return copy(theirs, *first, (f'{path}.1.weight', p.rest[0].weight), *last)


@pytest.fixture
def v3():
    "Our V3 preset, small, and torchrl's prior and posterior with the same weights"
    torch.manual_seed(0)
    m = preset('dreamer_v3', E, A, deter=H, hidden=8, stoch=S, latent=Categorical(4),
               cell=BlockGRU(4))
    for p in m.parameters():
        p.data += .1*torch.randn_like(p)  # no norm is one, no bias zero
    return m, v3_prior(m), v3_posterior(m)


@torch.no_grad()
def test_v3_steps_equal_torchrl(v3, data):
    (m, prior, post), (e, a, _) = v3, data
    s, u, a = m.observe(e, 3*a)[0].at(2), torch.rand(B, S), 3*a[:, 2]  # actions beyond 1 too
    logits, z, h = prior(s.z, s.h, a, _uniform=u)
    ours = m.img_step(s, a, u)
    close(ours.h, h)
    close(ours.z, z)
    close(ours.mean, rl._unimix_probs(logits, .01).flatten(-2))
    logits, z = post(h, e[:, 3], _uniform=u)
    ours = m.obs_step(s, a, e[:, 3], u)
    close(ours.z, z)
    close(ours.mean, rl._unimix_probs(logits, .01).flatten(-2))


def v3_rollout(m, prior, post, e, a, first):
    "torchrl's roll-out"
    prior = TensorDictModule(prior, ['state', 'belief', 'action'],
                             [*after('prior_logits'), '_', ('next', 'belief')])
    post = TensorDictModule(post, after('belief', 'encoded_latents'),
                            after('posterior_logits', 'state'))
    before = torch.cat([torch.zeros(B, 1, A), a], 1)
    start = {'state': torch.zeros(B, T, m.z_size), 'belief': torch.zeros(B, T, H)}
    start |= {'action': before, 'is_init': first[..., None], 'next': {'encoded_latents': e}}
    return rl.RSSMRolloutV3(prior, post)(TensorDict(start, [B, T]))['next']


def test_v3_rollout_resets_kl_and_gradients_equal_torchrl(v3, data):
    (m, prior, post), (e, a, _) = v3, data
    first = torch.zeros(B, T, dtype=torch.bool)
    first[:, 0], first[1, 3] = True, True
    torch.manual_seed(5)
    uniform = torch.rand(T, 2, B, S)[:, 1].transpose(0, 1)  # what their posterior will draw
    torch.manual_seed(5)
    td = v3_rollout(m, prior, post, e, a, first)
    ours, ours_prior = m.observe(e, a, first, uniform)
    close(ours.h, td['belief'])
    close(ours.z, td['state'])
    dyn, rep = categorical_kl_terms(td['posterior_logits'], td['prior_logits'], 1., .01)
    kl, _ = KL(1., .1, 1.)(ours.dist, ours_prior)
    close(kl, dyn + .1*rep)
    kl.backward()
    (dyn + .1*rep).backward()
    close(m.f.gates.weight.grad, prior.rnn.gates.weight.grad)
    close(m.f.of_z[0].weight.grad, prior.rnn.state_projection[0].weight.grad)
    close(m.prior_net[0].weight.grad, prior.rnn_to_prior_projector[0].weight.grad)
    close(m.post_net.rest[0].weight.grad, post.obs_rnn_to_post_projector[1].weight.grad)
