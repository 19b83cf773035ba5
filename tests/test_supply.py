"The supply chain: ranges with reasons, no network, no code run from files, no secrets"
import os
import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from importlib.metadata import PackageNotFoundError, version

from conftest import LIBRARY, MODULES, ROOT
from packaging.requirements import Requirement

RUNS_CODE = '|'.join((
    r'\beval\(', r'\bexec\(', r'pickle\.loads?\(', 'Unpickler', r'cloudpickle\.loads?',
    r'joblib\.load', 'joblib import .*Memory', r'marshal\.', 'shelve', 'weights_only=False',
    'allow_pickle=True', r'yaml\.load', r'os\.system', 'shell=True'))
HARMLESS = r'\.eval\(\)|re\.compile\(|torch\.compile\('
SECRETS = re.compile('|'.join((
    'AKIA[0-9A-Z]{16}', r'\bhf_[A-Za-z0-9]{30,}', r'\bgh[pousr]_[A-Za-z0-9]{30,}',
    '-----BEGIN [A-Z ]*PRIVATE KEY', 'xox[baprs]-[A-Za-z0-9-]{10,}', r'\bsk-[A-Za-z0-9]{30,}',
    r'''(?i:password|api_key|secret)\s*[=:]\s*['"][^'"]{6,}''')))


def python(code, env=None, cwd=None):
    "Run code in a fresh process"
    words, env = [sys.executable, '-c', code], os.environ | (env or {})
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd, env=env)


def requirements():
    cfg = ConfigParser(delimiters=['='])
    cfg.read(ROOT/'settings.ini')
    return {k: shlex.split(v) for k, v in cfg['DEFAULT'].items() if k.endswith('requirements')}


def test_every_dependency_has_a_range_and_a_reason():
    reasons = (ROOT/'SECURITY.md').read_text()
    fixed = re.findall(r'^([\w.-]+)==', (ROOT/'constraints.txt').read_text(), re.M)
    for group, needs in requirements().items():
        for need in needs:
            name, bounds = re.match(r'([\w.-]+)(?:\[[\w-]+\])?(.*)', need).groups()
            if group == 'dev_requirements':
                assert bounds or name in fixed, f'{name}: expected a range or a fixed version'
            else:
                bounded = re.search(r'>=?[\d.]+', bounds) and re.search(r'<[\d.]+', bounds)
                assert bounded, f'{need}: expected a lower and an upper bound'
            assert f'| `{name}`' in reasons or f', `{name}`' in reasons, f'{name}: no reason given'


def test_what_is_installed_is_within_the_ranges():
    seen = 0
    for need in map(Requirement, sum(requirements().values(), [])):
        try:
            found = version(need.name)
        except PackageNotFoundError:
            continue
        assert found in need.specifier, (str(need), found)
        seen += 1
    assert seen > 20


def test_nothing_runs_code_from_files():
    assert len(MODULES) > 35
    for m in MODULES:
        text = (LIBRARY/f'{m.replace(".", "/")}.py').read_text()
        assert not (found := re.search(RUNS_CODE, re.sub(HARMLESS, '', text))), (m, found)
        assert all('weights_only=True' in call for call in re.findall(r'torch\.load\(.*', text)), m


WATCHED = f'''
import importlib, sys
bad, network = [], ('socket.connect', 'socket.getaddrinfo', 'os.system', 'urllib.Request')
def watch(event, args):
    starts_us = event == 'subprocess.Popen' and 'rssm' in str(args)
    if event in network or starts_us: bad.append((event, str(args)[:100]))
sys.addaudithook(watch)
for m in {MODULES}: importlib.import_module(f'rssm_nbdev.{{m}}')
print(bad)
'''


def test_importing_the_package_asks_for_no_other_machine(tmp_path):
    "Nor does it start a process of ours or write a file"
    done = python(WATCHED, cwd=tmp_path)
    assert done.stdout.strip() == '[]', done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


def test_a_test_that_asks_for_another_machine_is_caught(tmp_path):
    log = tmp_path/'log'
    code = "import urllib.request; urllib.request.urlopen('http://example.org', timeout=5)"
    done = python(code, {'OFFLINE_LOG': str(log)})
    assert done.returncode == 1
    assert 'tests use no network, and this one asked for example.org' in done.stderr
    assert 'example.org' in log.read_text()


ASKS = '''
import socket
def test_it():
    try: socket.create_connection(('example.org', 80), 1)
    except OSError: pass
'''


def test_a_run_in_which_a_test_asked_fails_though_the_test_did_not(tmp_path):
    "A refusal that a test swallows is found at the end of the run"
    conftest = (ROOT/'tests'/'conftest.py').read_text()
    here = 'Path(__file__).resolve().parent.parent'
    assert here in conftest
    (tmp_path/'conftest.py').write_text(conftest.replace(here, f'Path({str(ROOT)!r})'))
    (tmp_path/'test_asks.py').write_text(ASKS)
    words = [sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', tmp_path]
    env = os.environ | {'OFFLINE_LOG': str(tmp_path/'log')}
    done = subprocess.run(words, capture_output=True, text=True, env=env)
    assert done.returncode == 1 and '1 passed' in done.stdout, done.stdout + done.stderr
    assert 'asked for another machine' in done.stdout and 'example.org' in done.stdout, done.stdout


def test_no_secrets():
    words = ['git', 'ls-files', '-co', '--exclude-standard']
    listed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    binary = '.png', '.gif', '.safetensors'
    names = [n for n in listed.split('\n') if (ROOT/n).is_file() and not n.endswith(binary)]
    found = {n: SECRETS.search((ROOT/n).read_text(errors='replace')) for n in names}
    assert len(names) > 100 and not {n: m[0] for n, m in found.items() if m}


def test_no_setting_of_a_network_is_needed_to_load_the_bundled_encoders():
    code = ('from rssm_nbdev.encoder import bundled_encoders, load_encoder\n'
            'print([load_encoder(o).latent_dim for o in bundled_encoders()])')
    nowhere = 'http://127.0.0.1:9'
    done = python(code, {'http_proxy': nowhere, 'https_proxy': nowhere})
    assert done.stdout.strip() == '[32, 32]', done.stderr
