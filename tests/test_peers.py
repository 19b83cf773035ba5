"The RSSM family against torchrl's modules, weights and noise copied (torchrl comes with the extra `peers`)"
import pytest
import torch
from rssm_nbdev.variants.parts import balanced_kl
from rssm_nbdev.variants.presets import preset
from rssm_nbdev.rssm import RSSM
from tensordict import TensorDict
from tensordict.nn import TensorDictModule
from torchrl.modules.models import model_based as rl
from torchrl.objectives import DreamerModelLoss, categorical_kl_terms

B, T, E, A, H, S = 4, 6, 5, 2, 16, 6
CLOSE = dict(atol=1e-5, rtol=1e-5)


def copy(theirs, *pairs):
    "Weights into their parameters, named by path"
    own = dict(theirs.named_parameters())
    assert set(own) == {k for k, _ in pairs}
    for k, v in pairs: own[k].data.copy_(v)
    return theirs


def linear(path, w, b): return [(f'{path}.weight', w), (f'{path}.bias', b)]


def joint(*layers): return torch.cat([m.weight for m in layers], 1)


@pytest.fixture
def gaussian():
    "Ours, and torchrl's prior and posterior with the same weights; no least deviation, which they clamp and we add"
    torch.manual_seed(0)
    m = RSSM(E, A, deter=H, stoch=S, hidden=H, act='elu', min_std=1e-6, obs_std=1., dyn=1., rep=0., free_nats=3.)
    spec = type('Spec', (), {'shape': (A,)})
    prior = copy(rl.RSSMPrior(spec, H, H, S, scale_lb=1e-6, action_dim=A), *[(f'rnn.{k}', v) for k, v in m.f.cell.named_parameters()],
                 *linear('action_state_projector.0', joint(m.f.inp_z, m.f.inp_a), m.f.inp_a.bias),
                 *[(f'rnn_to_prior_projector.{k}', v) for k, v in m.prior_net.named_parameters()])
    p = m.post_net
    post = copy(rl.RSSMPosterior(H, S, scale_lb=1e-6, rnn_hidden_dim=H, obs_embed_dim=E), *linear('obs_rnn_to_post_projector.0', joint(p.of_h, p.of_e), p.of_e.bias),
                *linear('obs_rnn_to_post_projector.2', p.rest[1].weight, p.rest[1].bias))
    return m, prior, post


@pytest.fixture
def data():
    torch.manual_seed(1)
    return torch.randn(B, T, E), torch.randn(B, T - 1, A), torch.randn(B, T, S)


@torch.no_grad()
def test_gaussian_steps_equal_torchrl(gaussian, data):
    (m, prior, post), (e, a, noise) = gaussian, data
    s = m.observe(e, a)[0].at(2)
    mean, std, z, h = prior(s.z, s.h, a[:, 2], noise[:, 0])
    ours = m.img_step(s, a[:, 2], noise[:, 0])
    for x, y in zip((ours.mean, ours.std, ours.z, ours.h), (mean, std, z, h)): torch.testing.assert_close(x, y, **CLOSE)
    ours = m.obs_step(s, a[:, 2], e[:, 3], noise[:, 1])
    for x, y in zip((ours.mean, ours.std, ours.z), post(h, e[:, 3], noise[:, 1])): torch.testing.assert_close(x, y, **CLOSE)


@torch.no_grad()
def test_gaussian_rollout_and_kl_equal_torchrl(gaussian, data):
    (m, prior, post), (e, a, noise) = gaussian, data
    ours, ours_prior = m.observe(e, a, noise=noise)
    nxt = lambda *names: [('next', n) for n in names]
    roll = rl.RSSMRollout(TensorDictModule(prior, ['state', 'belief', 'action'], nxt('prior_mean', 'prior_std') + ['_', ('next', 'belief')]),
                          TensorDictModule(post, nxt('belief', 'encoded_latents') + ['noise'], nxt('posterior_mean', 'posterior_std', 'state')))
    before = torch.cat([torch.zeros(B, 1, A), a], 1)                          # theirs: the action that led to each latent
    td = roll(TensorDict({'state': torch.zeros(B, T, S), 'belief': torch.zeros(B, T, H), 'action': before, 'noise': noise, 'next': {'encoded_latents': e}}, [B, T]))['next']
    pairs = {'belief': ours.h, 'state': ours.z, 'posterior_mean': ours.mean, 'posterior_std': ours.std, 'prior_mean': ours_prior.mean, 'prior_std': ours_prior.std}
    for k, v in pairs.items(): torch.testing.assert_close(td[k], v, **CLOSE)
    for delayed in (False, True):
        their = type('Loss', (), dict(free_nats=3., delayed_clamp=delayed, global_average=False))
        kl = DreamerModelLoss.kl_loss.__wrapped__(their, td['prior_mean'], td['prior_std'], td['posterior_mean'], td['posterior_std'])
        torch.testing.assert_close(balanced_kl(ours.dist, ours_prior, 1., 0., 3., delayed)[0], kl, **CLOSE)


@pytest.fixture
def v3():
    "Our V3 preset, small, and torchrl's prior and posterior with the same weights"
    torch.manual_seed(0)
    m = preset('dreamer_v3', E, A, deter=H, hidden=8, stoch=S, classes=4, blocks=4)
    for p in m.parameters(): p.data += .1*torch.randn_like(p)                 # norms and biases are not ones and zeros
    rnn = [(f'rnn.{their}.{k}', v) for their, our in (('belief_projection', m.f.of_h), ('state_projection', m.f.of_z), ('action_projection', m.f.of_a),
                                                     ('hidden_layers', m.f.inner), ('gates', m.f.gates)) for k, v in our.named_parameters()]
    prior = copy(rl.RSSMPriorV3(action_shape=(A,), hidden_dim=8, rnn_hidden_dim=H, num_categoricals=S, num_classes=4, action_dim=A, recurrent_model='block_gru',
                                num_blocks=4, prior_num_layers=2, unimix=.01), *rnn, *[(f'rnn_to_prior_projector.{k}', v) for k, v in m.prior_net.named_parameters()])
    p = m.post_net
    post = copy(rl.RSSMPosteriorV3(8, S, 4, H, E, use_rms_norm=True, num_layers=1, unimix=.01), *linear('obs_rnn_to_post_projector.0', joint(p.of_h, p.of_e), p.of_e.bias),
                ('obs_rnn_to_post_projector.1.weight', p.rest[0].weight), *linear('obs_rnn_to_post_projector.3', p.rest[2].weight, p.rest[2].bias))
    return m, prior, post


@torch.no_grad()
def test_v3_steps_equal_torchrl(v3, data):
    (m, prior, post), (e, a, _) = v3, data
    s, u = m.observe(e, 3*a)[0].at(2), torch.rand(B, S)                        # actions beyond 1 too
    logits, z, h = prior(s.z, s.h, 3*a[:, 2], _uniform=u)
    ours = m.img_step(s, 3*a[:, 2], u)
    torch.testing.assert_close(ours.h, h, **CLOSE); torch.testing.assert_close(ours.z, z, **CLOSE)
    torch.testing.assert_close(ours.mean, rl._unimix_probs(logits, .01).flatten(-2), **CLOSE)
    logits, z = post(h, e[:, 3], _uniform=u)
    ours = m.obs_step(s, 3*a[:, 2], e[:, 3], u)
    torch.testing.assert_close(ours.z, z, **CLOSE); torch.testing.assert_close(ours.mean, rl._unimix_probs(logits, .01).flatten(-2), **CLOSE)


def test_v3_rollout_resets_kl_and_gradients_equal_torchrl(v3, data):
    (m, prior, post), (e, a, _) = v3, data
    first = torch.zeros(B, T, dtype=torch.bool); first[:, 0] = True; first[1, 3] = True
    nxt = lambda *names: [('next', n) for n in names]
    roll = rl.RSSMRolloutV3(TensorDictModule(prior, ['state', 'belief', 'action'], nxt('prior_logits') + ['_', ('next', 'belief')]),
                            TensorDictModule(post, nxt('belief', 'encoded_latents'), nxt('posterior_logits', 'state')))
    before = torch.cat([torch.zeros(B, 1, A), a], 1)
    td = TensorDict({'state': torch.zeros(B, T, m.kind.size), 'belief': torch.zeros(B, T, H), 'action': before, 'is_init': first[..., None], 'next': {'encoded_latents': e}}, [B, T])
    torch.manual_seed(5); uniform = torch.rand(T, 2, B, S)[:, 1].transpose(0, 1)  # the numbers their roll-out will draw for its posterior
    torch.manual_seed(5); td = roll(td)['next']
    ours, ours_prior = m.observe(e, a, first, uniform)
    torch.testing.assert_close(ours.h, td['belief'], **CLOSE); torch.testing.assert_close(ours.z, td['state'], **CLOSE)
    dyn, rep = categorical_kl_terms(td['posterior_logits'], td['prior_logits'], 1., .01)
    kl, _ = balanced_kl(ours.dist, ours_prior, 1., .1, 1.)
    torch.testing.assert_close(kl, dyn + .1*rep, **CLOSE)
    kl.backward(); (dyn + .1*rep).backward()
    for x, y in ((m.f.gates.weight, prior.rnn.gates.weight), (m.f.of_z[0].weight, prior.rnn.state_projection[0].weight), (m.prior_net[0].weight, prior.rnn_to_prior_projector[0].weight),
                 (m.post_net.rest[0].weight, post.obs_rnn_to_post_projector[1].weight)): torch.testing.assert_close(x.grad, y.grad, **CLOSE)
