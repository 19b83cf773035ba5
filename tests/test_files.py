"Damaged and forged files by the thousand, and single files that were once accepted"
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pytest
import torch
from conftest import ROOT
from safetensors.torch import save_file

from rssm_nbdev.checkpoint import load, save
from rssm_nbdev.cli.make import source_encoder
from rssm_nbdev.core import FileError
from rssm_nbdev.data import load_episodes
from rssm_nbdev.encoder import VAE, bundled_encoders, load_encoder, save_encoder
from rssm_nbdev.files import check_zip, digest, read_weights, write_sealed_json, write_weights
from rssm_nbdev.gru import GRUDynamics


def test_thousands_of_damaged_and_forged_files(env):
    for lib in ('h5py', 'minari', 'huggingface_hub', 'nbformat', 'hypothesis'):
        pytest.importorskip(lib)
    command = [sys.executable, ROOT/'tests'/'fuzz_files.py', '--examples', '2400']
    one_thread = env | {'OMP_NUM_THREADS': '1'}
    done = subprocess.run(command, env=one_thread, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    print(found)
    assert found['refused'] + found['unchanged'] >= 2000
    assert found['unchanged'] < .1*found['refused']
    assert set(found['errors']) == {'FileError'}
    assert found['slowest'] < 1 and found['megabytes'] < 400
    assert len(found['by file']) == 20 and min(found['by file'].values()) >= 20


# ---- files that were once accepted

@pytest.fixture
def model():
    torch.manual_seed(0)
    return GRUDynamics(3, 2, 8)


@pytest.fixture
def file(model, tmp_path):
    "A model's file"
    save(model, tmp_path/'m.pt')
    return tmp_path/'m.pt'


def reseal(path, **changes):
    "Write the file with other entries in its header, and a correct checksum"
    whole = torch.load(path, weights_only=True) | changes
    header = {k: v for k, v in whole.items() if k not in ('sha256', 'state_dict')}
    torch.save(whole | {'sha256': digest(header, whole['state_dict'])}, path)


def test_a_flipped_bit_in_a_weight(model, file):
    "torch.load reads it: torch does not compare the checksums in its own archive"
    data = bytearray(file.read_bytes())
    weight = model.gru.weight_hh_l0.detach()
    data[data.find(weight.numpy().tobytes()) + 2] ^= 1
    file.write_bytes(data)
    loaded = torch.load(file, weights_only=True)['state_dict']['gru.weight_hh_l0']
    assert loaded[0, 0] != weight[0, 0]
    with pytest.raises(FileError, match='m.pt: damaged'):
        load(file)


def test_a_version_without_a_checksum_that_has_one(file):
    reseal(file, version=2)
    with pytest.raises(FileError, match='m.pt: damaged'):
        load(file)


@pytest.mark.parametrize('version', [None, True, 1.0, '4', [4]])
def test_a_version_that_is_no_whole_number(file, version):
    reseal(file, version=version)
    with pytest.raises(FileError, match='its version is'):
        load(file)


def test_a_file_without_a_format_is_not_read_as_ours(tmp_path):
    header = {'format': None, 'version': 1}
    write_weights(tmp_path/'t.safetensors', {'x': torch.ones(2)}, header)
    with pytest.raises(FileError, match='its format is None'):
        read_weights(tmp_path/'t.safetensors', 'a trial', 'rssm_nbdev.trial')


def test_tensors_without_names(file):
    whole = torch.load(file, weights_only=True)
    torch.save(whole | {'state_dict': {3: torch.ones(2)}}, file)
    with pytest.raises(FileError, match='no tensors by name'):
        load(file)


def test_the_error_of_an_entry_of_ten_thousand_letters_is_short(file):
    reseal(file, action_space='a'*10_000)
    with pytest.raises(FileError) as e:
        load(file)
    assert len(str(e.value)) < 500


def test_damaged_metrics_are_refused_when_the_encoder_is_looked_up(tmp_path):
    "`rssm train` once took latents with unreadable metrics for latents of an unknown encoder"
    latents, metrics = tmp_path/'latents.npz', tmp_path/'metrics.json'
    latents.write_bytes(b'')
    assert source_encoder(latents, 32) is None  # a file without metrics: nothing is known
    write_sealed_json(metrics, {'encoder': 'ab'*32})
    assert source_encoder(latents, 32).provenance['sha256'] == 'ab'*32
    metrics.write_text(metrics.read_text().replace('ab', 'ac', 1))
    with pytest.raises(FileError, match='damaged or changed by hand'):
        source_encoder(latents, 32)


def test_bundled_encoders_are_those_of_the_list():
    folder = ROOT/'rssm_nbdev'/'weights'
    lines = (folder/'SHA256SUMS').read_text().splitlines()
    listed = dict(line.split()[::-1] for line in lines)
    files = folder.glob('*.safetensors')
    assert listed == {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    assert len(listed) == len(bundled_encoders()) == 2


def test_a_damaged_bundled_encoder_is_refused(env, tmp_path):
    shutil.copytree(ROOT/'rssm_nbdev', tmp_path/'rssm_nbdev')
    file = tmp_path/'rssm_nbdev'/'weights'/'CartPole-v1.safetensors'
    data = bytearray(file.read_bytes())
    data[-1000] ^= 1
    file.write_bytes(data)
    code = "from rssm_nbdev.encoder import load_encoder; load_encoder('CartPole-v1')"
    path = env | {'PYTHONPATH': f'{tmp_path}{os.pathsep}{env["PYTHONPATH"]}'}
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, cwd=tmp_path, env=path, capture_output=True, text=True)
    assert done.returncode == 1
    assert 'CartPole-v1.safetensors: damaged, its SHA-256 is' in done.stderr


def test_encoders_from_before_the_checksum_load_with_a_warning(tmp_path):
    file = tmp_path/'e.safetensors'
    save_encoder(VAE(2), file)
    header = read_weights(file, '', sealed=(2,))
    tensors = header.pop('state_dict')
    save_file(tensors, file, {'rssm_nbdev': json.dumps(header | {'version': 1})})
    with pytest.warns(UserWarning, match='written before files had checksums') as caught:
        assert load_encoder(file).latent_dim == 2
    assert caught[0].filename == __file__  # the warning points at the caller
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        save_encoder(load_encoder('CartPole-v1').vae, file)
        load_encoder(file)


def test_two_members_of_one_name():
    "Two readers of one zip may take different ones: NumPy and torch could read unchecked data"
    f = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(f, 'w') as z:
        warnings.simplefilter('ignore')
        z.writestr('a', b'1')
        z.writestr('a', b'2')
    with zipfile.ZipFile(f) as z, pytest.raises(ValueError, match='same name'):
        check_zip(z, len(f.getvalue()))


def test_an_array_that_claims_terabytes(tmp_path):
    "It is refused before memory is allocated"
    header = io.BytesIO()
    claim = {'descr': '|u1', 'fortran_order': False, 'shape': (10**13,)}
    np.lib.format.write_array_header_1_0(header, claim)
    with zipfile.ZipFile(tmp_path/'vast.npz', 'w', zipfile.ZIP_DEFLATED) as z:
        z.writestr('header.npy', header.getvalue())
    with pytest.raises(FileError, match='has shape'):
        load_episodes(tmp_path/'vast.npz')
