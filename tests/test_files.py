"Files of strangers: thousands of damaged and forged ones, and those that once got through"
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

from rssm_nbdev.checkpoint import load, save
from rssm_nbdev.core import FileError
from rssm_nbdev.encoder import VAE, bundled_encoders, load_encoder, save_encoder
from rssm_nbdev.files import digest, read_weights, write_sealed_json, write_weights
from rssm_nbdev.gru import GRUDynamics


def test_thousands_of_damaged_and_forged_files(env):
    for lib in ('h5py', 'minari', 'huggingface_hub', 'nbformat', 'hypothesis'): pytest.importorskip(lib)
    done = subprocess.run([sys.executable, ROOT/'tests'/'fuzz_files.py', '--examples', '2400'], env=env | {'OMP_NUM_THREADS': '1'}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-500:] + done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    print(found)
    assert found['refused'] + found['unchanged'] >= 2000 and found['unchanged'] < .1*found['refused'] and set(found['errors']) == {'FileError'}
    assert found['slowest'] < 1 and found['megabytes'] < 400
    assert len(found['by file']) == 20 and min(found['by file'].values()) >= 20


# What was found on the way, each as it got through --------------------------------------------------------------------------

@pytest.fixture
def model(): torch.manual_seed(0); return GRUDynamics(3, 2, 8)


def reseal(path, **change):
    "The file with other entries in its header, and a checksum that is right"
    whole = torch.load(path, weights_only=True) | change
    whole['sha256'] = digest({k: v for k, v in whole.items() if k not in ('sha256', 'state_dict')}, whole['state_dict'])
    torch.save(whole, path)


def test_a_flipped_bit_in_a_weight(model, tmp_path):
    "torch.load reads it: the checksums in its own archive are not looked at"
    save(model, f := tmp_path/'m.pt'); data = bytearray(f.read_bytes()); w = model.gru.weight_hh_l0.detach().numpy().tobytes(); data[data.find(w) + 2] ^= 1; f.write_bytes(data)
    assert torch.load(f, weights_only=True)['state_dict']['gru.weight_hh_l0'][0, 0] != model.gru.weight_hh_l0[0, 0]
    with pytest.raises(FileError, match='m.pt: damaged'): load(f)


def test_a_version_without_a_checksum_that_has_one(model, tmp_path):
    save(model, f := tmp_path/'m.pt'); reseal(f, version=2)
    with pytest.raises(FileError, match='m.pt: damaged'): load(f)


@pytest.mark.parametrize('version', [None, True, 1.0, '4', [4]])
def test_a_version_that_is_no_whole_number(model, tmp_path, version):
    save(model, f := tmp_path/'m.pt'); reseal(f, version=version)
    with pytest.raises(FileError, match='its version is'): load(f)


def test_a_format_of_nobody_is_not_read_as_ours(tmp_path):
    write_weights(f := tmp_path/'t.safetensors', {'x': torch.ones(2)}, {'format': None, 'version': 1})
    with pytest.raises(FileError, match='its format is None'): read_weights(f, 'a trial', 'rssm_nbdev.trial')


def test_tensors_without_names(model, tmp_path):
    save(model, f := tmp_path/'m.pt'); whole = torch.load(f, weights_only=True); torch.save(whole | {'state_dict': {3: torch.ones(2)}}, f)
    with pytest.raises(FileError, match='no tensors by name'): load(f)


def test_an_entry_of_ten_thousand_letters_makes_no_error_of_ten_thousand(model, tmp_path):
    save(model, f := tmp_path/'m.pt'); reseal(f, action_space='a'*10_000)
    with pytest.raises(FileError) as e: load(f)
    assert len(str(e.value)) < 500


def test_metrics_that_are_damaged_are_no_reason_to_forget_the_encoder(tmp_path):
    "`rssm train` once took latents whose metrics could not be read for latents of an unknown encoder"
    from rssm_nbdev.cli.make import source_encoder
    (tmp_path/'latents.npz').write_bytes(b'')
    assert source_encoder(tmp_path/'latents.npz', 32) is None                       # a file on its own: nothing is known
    write_sealed_json(m := tmp_path/'metrics.json', {'encoder': 'ab'*32}); assert source_encoder(tmp_path/'latents.npz', 32).provenance['sha256'] == 'ab'*32
    m.write_text(m.read_text().replace('ab', 'ac', 1))
    with pytest.raises(FileError, match='damaged or changed by hand'): source_encoder(tmp_path/'latents.npz', 32)


def test_bundled_encoders_are_those_of_the_list(tmp_path):
    folder = ROOT/'rssm_nbdev'/'weights'
    listed = dict(line.split()[::-1] for line in (folder/'SHA256SUMS').read_text().splitlines())
    assert listed == {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.glob('*.safetensors')} and len(listed) == len(bundled_encoders()) == 2


def test_a_damaged_bundled_encoder_is_refused(env, tmp_path):
    shutil.copytree(ROOT/'rssm_nbdev', tmp_path/'rssm_nbdev')
    f = tmp_path/'rssm_nbdev'/'weights'/'CartPole-v1.safetensors'; data = bytearray(f.read_bytes()); data[-1000] ^= 1; f.write_bytes(data)
    done = subprocess.run([sys.executable, '-c', "from rssm_nbdev.encoder import load_encoder; load_encoder('CartPole-v1')"], cwd=tmp_path, env=env | {'PYTHONPATH': f'{tmp_path}{os.pathsep}{env["PYTHONPATH"]}'}, capture_output=True, text=True)
    assert done.returncode == 1 and 'CartPole-v1.safetensors: damaged, its SHA-256 is' in done.stderr


def test_encoders_of_before_the_checksum_are_read_with_a_warning(tmp_path):
    save_encoder(VAE(2), f := tmp_path/'e.safetensors')
    whole = read_weights(f, '', sealed=(2,)); tensors = whole.pop('state_dict')
    from safetensors.torch import save_file
    save_file(tensors, f, {'rssm_nbdev': json.dumps(whole | {'version': 1})})
    with pytest.warns(UserWarning, match='written before files had checksums'): assert load_encoder(f).latent_dim == 2
    with warnings.catch_warnings(): warnings.simplefilter('error'); save_encoder(load_encoder('CartPole-v1').vae, f); load_encoder(f)


def test_two_members_of_one_name():
    "Two readers of one zip may take different ones: NumPy and torch could see other data than was checked"
    from rssm_nbdev.files import check_zip
    f = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(f, 'w') as z: warnings.simplefilter('ignore'); z.writestr('a', b'1'); z.writestr('a', b'2')
    with zipfile.ZipFile(f) as z, pytest.raises(ValueError, match='same name'): check_zip(z, len(f.getvalue()))


def test_a_claim_of_terabytes_costs_no_memory(tmp_path):
    "As a process that may not have more than four gigabytes: the claim is refused before anything is taken"
    np.savez(tmp_path/'whole.npz', x=1)
    head = io.BytesIO(); np.lib.format.write_array_header_1_0(head, {'descr': '|u1', 'fortran_order': False, 'shape': (10**13,)})
    with zipfile.ZipFile(tmp_path/'vast.npz', 'w', zipfile.ZIP_DEFLATED) as z: z.writestr('header.npy', head.getvalue())
    from rssm_nbdev.data import load_episodes
    with pytest.raises(FileError, match='has shape'): load_episodes(tmp_path/'vast.npz')
