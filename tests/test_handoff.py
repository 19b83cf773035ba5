"Models for others: a reader without our package, the hub and back, and without the hub's library"
import base64
import hashlib
import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT
from gymnasium.spaces import Box, Discrete
from rssm_nbdev.checkpoint import load, save
from rssm_nbdev.core import FileError
from rssm_nbdev.sharing.course import export_course, import_course
from rssm_nbdev.gru import GRUDynamics
from rssm_nbdev.variants.parts import preset

LIBRARY = ROOT/'rssm_nbdev'
MODULES = (p.relative_to(LIBRARY).with_suffix('').parts for p in LIBRARY.rglob('[a-z]*.py'))
PACKAGES = sorted('.'.join(parts) for parts in MODULES)
HIDE = '''import sys
class No:
    def find_spec(self, name, *a):
        if name.split('.')[0] == {!r}: raise ImportError(f'no {{name}} here')
sys.meta_path.insert(0, No())
'''


def python(code, *args, env=None, **kw):
    "Run code in a fresh interpreter"
    command = [sys.executable, '-c', code, *map(str, args)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, **kw)


READER = HIDE.format('rssm_nbdev') + '''
import torch
import torch.nn.functional as F
from torch import nn
L, H = 32, 128                                             # written in the reader, as in P03
class RSSM(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRUCell(L + 1, H)
        self.prior_net = nn.Sequential(nn.Linear(H, H), nn.ELU(), nn.Linear(H, 2*L))
        self.post_net = nn.Sequential(nn.Linear(H + L, H), nn.ELU(), nn.Linear(H, 2*L))
        self.recon = nn.Linear(L, L)
    def step(self, h, z, a): return self.gru(torch.cat([z, a], -1), h)
    def gaussian(self, out): mean, raw = out.chunk(2, -1); return mean, F.softplus(raw) + .1
    def prior(self, h): return self.gaussian(self.prior_net(h))
    def posterior(self, h, enc_z): return self.gaussian(self.post_net(torch.cat([h, enc_z], -1)))
ckpt = torch.load(sys.argv[1], weights_only=True)
m = RSSM(); m.load_state_dict(ckpt['rssm_state_dict'], strict=True)
x = torch.load(sys.argv[2], weights_only=True)
with torch.no_grad():
    h = m.step(x['h'], x['z'], x['a'][:, 0])
    out = [h, *m.prior(h), *m.posterior(h, x['e'])]
    h, z = x['h'], x['z']
    for t in range(x['a'].shape[1]):
        h = m.step(h, z, x['a'][:, t]); z, std = m.prior(h); out += [h, z, std]
assert 'rssm_nbdev' not in sys.modules
torch.save(out, sys.argv[3])
names = 'hidden_dim', 'latent_dim', 'action_dim', 'epochs_trained', 'final_loss'
print(*(ckpt[k] for k in names))
'''


@pytest.mark.parametrize('space', [Discrete(2), Box(-1, 1, (1,))], ids=['discrete', 'box'])
def test_the_courses_reader_without_our_package(space, tmp_path):
    torch.manual_seed(0)
    discrete = isinstance(space, Discrete)
    m = preset('course', 32, 2 if discrete else 1)
    m.e_mean.normal_(0, 3)
    m.e_std.uniform_(.2, 5)
    export_course(m, tmp_path/'rssm.pt', epochs_trained=3, final_loss=1.5, action_space=space)
    B, T = 4, 10
    a = F.one_hot(torch.randint(2, (B, T)), 2).float() if discrete else torch.rand(B, T, 1)*2 - 1
    e = m.unstandardise(torch.randn(B, 6, 32))
    with torch.no_grad():
        s = m.observe(e[:, :5], a[:, :4], noise=torch.zeros(B, 5, 32))[0].at(-1)
        noise = torch.zeros(B, 32)
        img, obs = m.img_step(s, a[:, 0], noise), m.obs_step(s, a[:, 0], e[:, 5], noise)
        roll = m.imagine(s, a, torch.zeros(B, T, 32))
    scalar = a[..., 1:] if discrete else a
    torch.save({'h': s.h, 'z': s.z, 'a': scalar, 'e': e[:, 5]}, tmp_path/'in.pt')
    done = python(READER, tmp_path/'rssm.pt', tmp_path/'in.pt', tmp_path/'out.pt')
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ['128', '32', '1', '3', '1.5']
    imagined = [v[:, t] for t in range(T) for v in (roll.h, roll.mean, roll.std)]
    want = [img.h, img.mean, img.std, obs.mean, obs.std, *imagined]
    got = torch.load(tmp_path/'out.pt', weights_only=True)
    assert len(got) == len(want)
    for x, y in zip(got, want):
        torch.testing.assert_close(x, y, atol=1e-5, rtol=1e-5)


@pytest.mark.skipif(not (ROOT/'artifacts'/'p02'/'rssm.pt').exists(),
                    reason='`make p02` makes these files; they are not committed')
def test_models_of_p02_load_and_are_of_the_encoder_they_name():
    from rssm_nbdev.encoder import load_encoder
    encoder = load_encoder('Pendulum-v1')
    for name in ('gru', 'mdn_rnn', 'rssm'):
        m = load(ROOT/'artifacts'/'p02'/f'{name}.pt', encoder, env_id='Pendulum-v1')
        assert m.open_loop(torch.zeros(1, 5, 32), torch.zeros(1, 14, 1), 2).isfinite().all()


def test_no_file_runs_code(tmp_path):
    ran = tmp_path/'ran'

    class Evil:
        def __reduce__(self): return (Path.touch, (ran,))
    for entry, read in (('config', load), ('rssm_state_dict', import_course)):
        torch.save({'format': 'rssm_nbdev.model', 'version': 3, entry: Evil()}, tmp_path/'evil.pt')
        with pytest.raises(FileError, match='damaged or foreign'):
            read(tmp_path/'evil.pt')
    assert not ran.exists()


def test_the_hub_is_asked_for_only_when_used():
    "Importing anything leaves huggingface_hub alone; without it, the calls say what to install"
    code = HIDE.format('huggingface_hub') + '''
import importlib
for m in sys.argv[1:]: importlib.import_module(f'rssm_nbdev.{m}')
from rssm_nbdev.core import MissingError
from rssm_nbdev.gru import GRUDynamics
from rssm_nbdev.sharing.hub import from_pretrained, push_to_hub, save_pretrained
m = GRUDynamics(3, 1, 4)
jobs = ((from_pretrained, '.'), (push_to_hub, m, 'a/b'), (save_pretrained, m, 'never'))
for job, *args in jobs:
    try: job(*args)
    except MissingError as e: assert "pip install 'rssm_nbdev[hub]'" in str(e), e
    else: raise AssertionError('no MissingError')
import os; assert not os.path.exists('never')
'''
    done = python(code, *PACKAGES, cwd=ROOT/'tests')
    assert done.returncode == 0, done.stderr
    code = '''import sys, importlib
for m in sys.argv[1:]: importlib.import_module(f'rssm_nbdev.{m}')
assert 'huggingface_hub' not in sys.modules'''
    done = python(code, *PACKAGES)
    assert done.returncode == 0, done.stderr


class Hub(BaseHTTPRequestHandler):
    "The part of the hub's HTTP interface that a small model needs; files are kept in `files`"
    files, asked, commit = {}, [], 'c0ffee00'*5

    def log_message(self, *args): pass

    def answer(self, code=200, body=b'', **headers):
        if isinstance(body, dict):
            body, headers['Content-Type'] = json.dumps(body).encode(), 'application/json'
        self.send_response(code)
        headers = {k.replace('_', '-'): v for k, v in headers.items()}
        for k, v in ({'Content-Length': str(len(body))} | headers).items():
            self.send_header(k, v)
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(body)

    def do_GET(self):
        path = self.path.split('?')[0]
        self.asked.append((self.command, path))
        if '/resolve/' in path:
            name = path.rsplit('/', 1)[1]
            commit = dict(X_Repo_Commit=self.commit)
            if name not in self.files:
                return self.answer(404, X_Error_Code='EntryNotFound', **commit)
            sha = hashlib.sha1(self.files[name]).hexdigest()
            return self.answer(200, self.files[name], ETag=f'"{sha}"', **commit)
        model = '/api/models/someone/model'
        if self.files and (path == model or path.startswith(f'{model}/revision/')):
            files = [{'rfilename': k} for k in self.files]
            return self.answer(200, {
                'id': 'someone/model', 'sha': self.commit, 'siblings': files, 'tags': [],
                'downloads': 0, 'likes': 0, 'private': False})
        self.answer(404, {'error': 'Repository not found'}, X_Error_Code='RepoNotFound')
    do_HEAD = do_GET

    def do_POST(self):
        self.asked.append((self.command, self.path.split('?')[0]))
        body = self.rfile.read(int(self.headers.get('Content-Length') or 0))
        host = f"http://{self.headers['Host']}"
        if self.path == '/api/repos/create':
            return self.answer(200, {'url': f'{host}/someone/model', 'name': 'someone/model'})
        if '/preupload/' in self.path:
            how = {'uploadMode': 'regular', 'shouldIgnore': False}
            files = [{'path': f['path'], **how} for f in json.loads(body)['files']]
            return self.answer(200, {'files': files})
        if '/commit/' in self.path:
            for line in map(json.loads, body.decode().splitlines()):
                if line['key'] == 'file':
                    self.files[line['value']['path']] = base64.b64decode(line['value']['content'])
            url = f'{host}/someone/model/commit/{self.commit}'
            done = {'success': True, 'commitUrl': url, 'commitOid': self.commit}
            return self.answer(200, done)
        self.answer(200, {'errors': [], 'warnings': []})    # validate-yaml


@pytest.fixture
def hub():
    "A server that plays the hub"
    Hub.files.clear()
    Hub.asked.clear()
    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def hub_env(env, tmp_path):
    "A library without tokens, cache or telemetry of its own"
    pytest.importorskip('huggingface_hub')
    ours = {k: v for k, v in env.items() if not k.startswith(('HF_', 'HUGGING'))}
    off = [f'HF_HUB_DISABLE_{k}' for k in ('TELEMETRY', 'XET', 'PROGRESS_BARS')]
    return ours | {'HF_HOME': str(tmp_path/'hf')} | dict.fromkeys(off, '1')


PULL = '''
import sys, torch
from rssm_nbdev.sharing.hub import from_pretrained
m = from_pretrained('someone/model')
total = m.open_loop(torch.zeros(1, 2, 3), torch.zeros(1, 3, 1)).sum().item()
print(m.notes['metrics'], m.notes['seed'], total)
'''
PUSH = '''import sys
from rssm_nbdev.sharing.hub import push_to_hub
print(push_to_hub(sys.argv[1], 'someone/model', token='hf_none', license='mit'))
'''


def test_push_and_pull_over_http(hub, hub_env, tmp_path):
    torch.manual_seed(0)
    m = GRUDynamics(3, 1, 8).eval()
    save(m, tmp_path/'gru.pt', metrics={'mse': .25}, seed=7)
    hub_env |= {'HF_ENDPOINT': f'http://127.0.0.1:{hub.server_port}'}
    done = python(PUSH, tmp_path/'gru.pt', env=hub_env)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip().endswith(f'/someone/model/commit/{Hub.commit}')
    assert {'README.md', 'config.json', 'model.safetensors'} <= set(Hub.files)
    assert not [k for k in Hub.files if k.endswith(('.pt', '.bin', '.pkl'))]
    card = Hub.files['README.md'].decode()
    for text in ('license: mit', 'from_pretrained("someone/model")', '| mse | 0.25 |'):
        assert text in card, text

    total = m.open_loop(torch.zeros(1, 2, 3), torch.zeros(1, 3, 1)).sum().item()
    want = f"{{'mse': 0.25}} 7 {total}"
    done = python(PULL, env=hub_env)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip() == want
    assert any(how == 'GET' and path.endswith('/model.safetensors') for how, path in Hub.asked)

    hub.shutdown()
    hub.server_close()                       # the hub is gone: what was downloaded is used
    done = python(PULL, env=hub_env)
    assert done.returncode == 0 and done.stdout.strip() == want, done.stderr[-3000:]


ERRORS = '''
import time
import huggingface_hub.hf_api                  # loading it is not what is timed
from rssm_nbdev.core import FileError
from rssm_nbdev.gru import GRUDynamics
from rssm_nbdev.sharing.hub import from_pretrained, push_to_hub
def pull(): from_pretrained('someone/nothing')
def push(): push_to_hub(GRUDynamics(3, 1, 4), 'someone/nothing', token='hf_none')
for job in (pull, push):
    start = time.perf_counter()
    try: job()
    except FileError as e: print(f'{time.perf_counter() - start:.2f} {e}')
'''


@pytest.mark.parametrize('how', ['refused', 'offline'])
def test_an_unreachable_hub_is_an_error_of_ours_within_seconds(how, hub_env):
    refused, offline = {'HF_ENDPOINT': 'http://127.0.0.1:9'}, {'HF_HUB_OFFLINE': '1'}
    hub_env |= refused if how == 'refused' else offline
    done = python(ERRORS, env=hub_env)
    assert done.returncode == 0, done.stderr[-3000:]
    pull, push = done.stdout.strip().splitlines()
    assert float(pull.split()[0]) < 8 and float(push.split()[0]) < 8, done.stdout
    assert 'someone/nothing: not loaded' in pull
    assert 'someone/nothing: the hub cannot be asked' in push


def test_a_repository_that_is_not_there(hub, hub_env):
    done = python(ERRORS, env=hub_env | {'HF_ENDPOINT': f'http://127.0.0.1:{hub.server_port}'})
    missing = 'no such folder, and no such repository on the hub (RepositoryNotFoundError'
    assert missing in done.stdout.splitlines()[0], done.stdout + done.stderr[-2000:]
