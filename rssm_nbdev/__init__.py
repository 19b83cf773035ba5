"""Latent dynamics models in PyTorch: GRU, MDN-RNN and RSSM, from pixels to evaluated predictions.

    import rssm_nbdev as rn
    episodes = rn.collect('Pendulum-v1', 60)                          # random actions, pictures
    latents = rn.encode_episodes(rn.load_encoder('Pendulum-v1'), episodes)
    parts = rn.split(latents)
    train, valid = rn.Windows(parts.train, 20), rn.Windows(parts.valid, 14)
    model = rn.fit_scale(rn.RSSM(embed=32, act_dim=1), parts.train)
    rn.fit(model, train, valid, steps=500)
    print(rn.evaluate({'RSSM': model}, parts.test).at('RSSM', 5))     # error 5 steps ahead

The names below are the public interface. Each is imported from its module when it is first used, so
`import rssm_nbdev` itself loads neither torch nor gymnasium.
"""
from importlib import import_module

__version__ = "0.1.0"

# task → module → names
PUBLIC = {
    'Collect': {
        'env': ['Episode', 'make_env', 'random_policy', 'rollout'],
        'collection.episodes': ['collect', 'stream'],
    },
    'Prepare data': {
        'data': [
            'LatentEpisode', 'Windows', 'load_episodes', 'save_episodes', 'split', 'transitions'],
    },
    'Encode': {
        'encoder': ['bundled_encoders', 'encode_episodes', 'load_encoder', 'train_vae'],
    },
    'Model': {
        'dynamics': ['Dynamics', 'fit_scale'],
        'gru': ['GRUDynamics'],
        'mdn_rnn': ['MDNRNN'],
        'rssm': ['RSSM'],
        'variants.parts': ['preset'],
    },
    'Train': {
        'train': ['fit', 'fit_all'],
        'callbacks.resume': ['Checkpointing'],
        'callbacks.distributed': ['DataParallel'],
    },
    'Evaluate': {
        'evaluation': ['baselines', 'divergence', 'evaluate'],
        'plot': ['plot_errors', 'plot_horizons', 'plot_rollout'],
    },
    'Save and share': {
        'checkpoint': ['load', 'save'],
        'sharing.course': ['export_course', 'import_course'],
    },
    'Handle errors': {
        'core': ['RSSMError'],
    },
}
_MODULE_OF = {
    name: module for task in PUBLIC.values() for module, names in task.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    "Import a public name from its module when it is first used"
    if name not in _MODULE_OF:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    value = getattr(import_module(f'{__name__}.{_MODULE_OF[name]}'), name)
    globals()[name] = value
    return value


def __dir__(): return sorted([*globals(), *__all__])
