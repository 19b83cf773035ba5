"""Files that earlier versions of the package wrote are loaded, and the models predict the same.

`tests/data` holds tiny RSSMs in format version 4, written by that version. Their notes hold
latents, actions, the open-loop prediction of then and the flat arguments.
"""
import warnings
from pathlib import Path

import pytest
import torch

from rssm_nbdev.checkpoint import load, save
from rssm_nbdev.core import FileError
from rssm_nbdev.files import read_weights, write_weights

DATA = Path(__file__).parent/'data'
FILES = sorted(DATA.glob('rssm_*_v4.pt'))
GAUSSIAN = DATA/'rssm_gaussian_v4.pt'
PARTS = {
    'rssm_gaussian_v4': {
        'latent': {'name': 'gaussian', 'min_std': .1}, 'cell': {'name': 'gru'},
        'heads': {'name': 'mlp', 'act': 'elu', 'norm': False, 'prior_layers': 1, 'post_layers': 1},
        'kl': {'name': 'balanced', 'dyn': .8, 'rep': .2, 'free_nats': 1., 'free_mean': False}},
    'rssm_categorical_v4': {
        'latent': {'name': 'categorical', 'classes': 3, 'unimix': .02},
        'cell': {'name': 'block', 'blocks': 2},
        'heads': {'name': 'symlog', 'act': 'silu', 'norm': True, 'prior_layers': 2,
                  'post_layers': 1},
        'kl': {'name': 'balanced', 'dyn': 1., 'rep': .1, 'free_nats': .3, 'free_mean': False}},
    'rssm_deterministic_v4': {
        'latent': {'name': 'deterministic', 'min_std': .3}, 'cell': {'name': 'plain_gru'},
        'heads': {'name': 'mlp', 'act': 'silu', 'norm': False, 'prior_layers': 1, 'post_layers': 1},
        'kl': {'name': 'overshooting', 'dyn': .8, 'rep': .2, 'free_nats': .3, 'free_mean': True,
               'steps': 3}},
}


def content(file): return read_weights(file, 'a model', sealed=(4,))


def written(path, version, **change):
    "The Gaussian file as a version wrote it: 2 and 3 without a checksum, 2 with notes anywhere"
    old = content(GAUSSIAN) | {'version': version} | change
    if version == 2:
        for k in ('std', 'standardisation', 'action_space'):
            del old[k]
        old |= old.pop('notes')
    if version < 4:
        torch.save(old, path)
    else:
        write_weights(path, old.pop('state_dict'), old)
    return path


def predicts_the_same(model):
    notes = model.notes
    e, a, then = (torch.tensor(notes[k]) for k in ('e', 'a', 'open_loop'))
    torch.manual_seed(2)
    torch.testing.assert_close(model.open_loop(e, a, samples=2), then)


@pytest.mark.parametrize('file', FILES, ids=lambda f: f.stem)
def test_a_file_of_version_4_loads_and_predicts_the_same(file, tmp_path):
    model = load(file)
    assert {k: model.config[k] for k in ('latent', 'cell', 'heads', 'kl')} == PARTS[file.stem]
    assert model.chunk == (4 if 'gaussian' in file.stem else None)
    predicts_the_same(model)
    save(model, tmp_path/'new.pt')                        # written again, in today's form
    again = load(tmp_path/'new.pt')
    assert again.notes['version'] == 5 and again.config == model.config
    for k, v in again.state_dict().items():
        assert torch.equal(v, model.state_dict()[k])


def test_all_files_are_known(): assert {f.stem for f in FILES} == set(PARTS)


@pytest.mark.parametrize('version', [2, 3])
def test_files_of_versions_2_and_3_load_with_a_warning(version, tmp_path):
    with pytest.warns(UserWarning):
        model = load(written(tmp_path/'old.pt', version))
    predicts_the_same(model)


@pytest.mark.parametrize('change', [
    {'latent': 'lstm'}, {'latent': []}, {'cell': 'lstm'}, {'symlog': 'yes'}, {'overshoot': 0},
    {'chunk': -1}, {'stoch': 0}, {'free_nats': 'many'}, {'norm': 2}, {'act': None}, {'wheels': 4}])
def test_wrong_flat_arguments_are_refused(change, tmp_path):
    config = content(GAUSSIAN)['config'] | change
    with pytest.raises(FileError) as error:
        load(written(tmp_path/'old.pt', 4, config=config))
    assert 'old.pt: ' in str(error.value) and '\n' not in str(error.value)


def test_a_missing_flat_argument_is_refused(tmp_path):
    config = content(GAUSSIAN)['config']
    del config['overshoot']
    with pytest.raises(FileError, match="argument 'overshoot' is 'missing'"):
        load(written(tmp_path/'old.pt', 4, config=config))


def test_version_2_may_leave_arguments_out(tmp_path):
    config = {k: content(GAUSSIAN)['config'][k] for k in
              ('embed', 'act_dim', 'deter', 'stoch', 'hidden', 'min_std', 'act')}
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        model = load(written(tmp_path/'old.pt', 2, config=config))
    assert model.config['kl']['free_nats'] == .3          # the default
    predicts_the_same(model)
