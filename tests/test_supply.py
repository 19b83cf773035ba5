"What the package is made of: ranges with reasons, no network, nothing that runs code from files, no secrets"
import os
import re
import shlex
import subprocess
import sys
from configparser import ConfigParser

from conftest import ROOT

LIBRARY = ROOT/'rssm_nbdev'
MODULES = sorted('.'.join(p.relative_to(LIBRARY).with_suffix('').parts) for p in LIBRARY.rglob('[a-z]*.py'))
RUNS_CODE = r'\beval\(|\bexec\(|pickle\.loads?\(|Unpickler|cloudpickle\.loads?|joblib\.load|joblib import .*Memory|marshal\.|shelve|weights_only=False|allow_pickle=True|yaml\.load|os\.system|shell=True'


def requirements():
    cfg = ConfigParser(delimiters=['=']); cfg.read(ROOT/'settings.ini')
    return {k: shlex.split(v) for k, v in cfg['DEFAULT'].items() if k.endswith('requirements')}


def test_every_dependency_has_a_range_and_a_reason():
    told, fixed = (ROOT/'SECURITY.md').read_text(), re.findall(r'^([\w.-]+)==', (ROOT/'constraints.txt').read_text(), re.M)
    for group, needs in requirements().items():
        for need in needs:
            name, bounds = re.match(r'([\w.-]+)(?:\[[\w-]+\])?(.*)', need).groups()
            if group == 'dev_requirements': assert bounds or name in fixed, f'{name}: expected a range, or a version in constraints.txt'
            else: assert re.search(r'>=?[\d.]+', bounds) and re.search(r'<[\d.]+', bounds), f'{need}: expected a lower and an upper bound'
            assert f'| `{name}`' in told or f', `{name}`' in told, f'{name}: SECURITY.md gives no reason for it'


def test_what_is_installed_is_within_the_ranges():
    from importlib.metadata import PackageNotFoundError, version
    from packaging.requirements import Requirement
    seen = 0
    for need in map(Requirement, sum(requirements().values(), [])):
        try: assert version(need.name) in need.specifier, (str(need), version(need.name)); seen += 1
        except PackageNotFoundError: pass
    assert seen > 20


def test_nothing_runs_code_from_files():
    assert len(MODULES) > 35
    for m in MODULES:
        text = re.sub(r'\.eval\(\)|re\.compile\(|torch\.compile\(', '', (LIBRARY/f'{m.replace(".", "/")}.py').read_text())
        assert not re.search(RUNS_CODE, text), (m, re.search(RUNS_CODE, text))
        assert all('weights_only=True' in call for call in re.findall(r'torch\.load\(.*', text)), m


def test_importing_the_package_asks_for_no_other_machine(tmp_path):
    "Nor does it start a process, write a file or take a look at what is not its own"
    code = f'''
import sys
bad = []
def watch(event, args):
    if event in ('socket.connect', 'socket.getaddrinfo', 'os.system', 'urllib.Request') or event == 'subprocess.Popen' and 'rssm' in str(args): bad.append((event, str(args)[:100]))
sys.addaudithook(watch)
import importlib
for m in {MODULES}: importlib.import_module(f'rssm_nbdev.{{m}}')
print(bad)'''
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.strip() == '[]', done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


def test_a_test_that_asks_for_another_machine_is_caught(tmp_path):
    log = tmp_path/'log'
    done = subprocess.run([sys.executable, '-c', "import urllib.request; urllib.request.urlopen('http://example.org', timeout=5)"], capture_output=True, text=True, env=os.environ | {'OFFLINE_LOG': str(log)})
    assert done.returncode == 1 and 'tests use no network, and this one asked for example.org' in done.stderr and 'example.org' in log.read_text()


def test_a_run_in_which_a_test_asked_fails_though_the_test_did_not(tmp_path):
    "Whoever swallows the refusal is found at the end of the run"
    (tmp_path/'conftest.py').write_text((ROOT/'tests'/'conftest.py').read_text().replace('Path(__file__).resolve().parent.parent', f'Path({str(ROOT)!r})'))
    (tmp_path/'test_asks.py').write_text("import socket\ndef test_it():\n    try: socket.create_connection(('example.org', 80), 1)\n    except OSError: pass\n")
    done = subprocess.run([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', tmp_path], capture_output=True, text=True, env=os.environ | {'OFFLINE_LOG': str(tmp_path/'log')})
    assert done.returncode == 1 and '1 passed' in done.stdout and 'asked for another machine' in done.stdout and 'example.org' in done.stdout, done.stdout + done.stderr


def test_no_secrets():
    names = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split('\n')
    secret = re.compile(r'AKIA[0-9A-Z]{16}|\bhf_[A-Za-z0-9]{30,}|\bgh[pousr]_[A-Za-z0-9]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY|xox[baprs]-[A-Za-z0-9-]{10,}|\bsk-[A-Za-z0-9]{30,}|(?i:password|api_key|secret)\s*[=:]\s*[\'"][^\'"]{6,}')
    found = [(n, m[0]) for n in filter(None, names) if (ROOT/n).is_file() and not n.endswith(('.png', '.gif', '.safetensors')) for m in [secret.search((ROOT/n).read_text(errors='replace'))] if m]
    assert not found


def test_no_setting_of_a_network_is_needed_to_load_the_bundled_encoders():
    code = "from rssm_nbdev.encoder import bundled_encoders, load_encoder; print([load_encoder(o).latent_dim for o in bundled_encoders()])"
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, env=os.environ | {'http_proxy': 'http://127.0.0.1:9', 'https_proxy': 'http://127.0.0.1:9'})
    assert done.stdout.strip() == '[32, 32]', done.stderr
