"The package: imports, wheel and sdist, command, README, site"
import email
import json
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from html.parser import HTMLParser
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest
from conftest import MODULES, ROOT


def run(*cmd, **kw):
    return subprocess.run(list(map(str, cmd)), capture_output=True, text=True, **kw)


WITHOUT_TOOLS = '''
import sys
class No:
    def find_spec(self, name, *a):
        tools = 'nbdev', 'execnb', 'ghapi', 'nbconvert', 'smalldocs', 'pytest'
        if name.split('.')[0] in tools: raise ImportError(name)
sys.meta_path.insert(0, No())
import importlib
importlib.import_module(sys.argv[1])
'''


def import_alone(module):
    "What a fresh process without the development tools says of the import, or nothing"
    strict = '-W', 'error::SyntaxWarning'
    done = run(sys.executable, *strict, '-c', WITHOUT_TOOLS, f'rssm_nbdev.{module}')
    return done.stderr[-500:] if done.returncode else ''


def test_every_module_imports_alone():
    "In a fresh process each, two at a time, with the development tools hidden"
    with ThreadPool(2) as pool:
        said = dict(zip(MODULES, pool.map(import_alone, MODULES)))
    assert len(MODULES) > 35 and not {m: text for m, text in said.items() if text}


def test_environment_workers_do_not_load_torch():
    code = "import sys, rssm_nbdev.env; assert 'torch' not in sys.modules"
    assert run(sys.executable, '-c', code).returncode == 0


@pytest.fixture(scope='module')
def built(tmp_path_factory):
    "Wheel and sdist, built from a copy of what git tracks"
    src, out = tmp_path_factory.mktemp('src'), tmp_path_factory.mktemp('dist')
    listed = run('git', 'ls-files', '-co', '--exclude-standard', cwd=ROOT, check=True).stdout
    for name in filter(None, listed.split('\n')):
        if name.startswith(('nbs/', 'artifacts/', 'README_files/')): continue
        if not (ROOT/name).is_file(): continue
        (src/name).parent.mkdir(parents=True, exist_ok=True)
        (src/name).write_bytes((ROOT/name).read_bytes())
    # with what is installed: tests use no network
    run(sys.executable, '-m', 'build', '--no-isolation', '--outdir', out, src, check=True)
    return {p.suffix: p for p in out.iterdir()}


USE_INSTALLED = '''
import rssm_nbdev, torch
from rssm_nbdev.rssm import RSSM
from rssm_nbdev.encoder import load_encoder, bundled_encoders
print(rssm_nbdev.__file__)
print([load_encoder(o).latent_dim for o in bundled_encoders()])
print(tuple(RSSM(32, 1).open_loop(torch.zeros(2, 5, 32), torch.zeros(2, 14, 1), 3).shape))
'''


@pytest.mark.parametrize('kind', ['.whl', '.gz'])
def test_installs_in_a_fresh_environment_with_its_weights(built, kind, tmp_path):
    "Our distribution alone in a new environment; its dependencies are borrowed from this one"
    venv.create(tmp_path/'env', with_pip=True)
    py = tmp_path/'env'/'bin'/'python'
    site = next((tmp_path/'env'/'lib').glob('python3*/site-packages'))
    (site/'borrowed.pth').write_text(sysconfig.get_paths()['purelib'] + '\n')
    alone = '--no-deps', '--no-index', '--no-build-isolation', '--force-reinstall'
    done = run(py, '-m', 'pip', 'install', '-q', *alone, built[kind])
    assert done.returncode == 0, done.stderr
    done = run(py, '-c', USE_INSTALLED, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    where, latents, shape = done.stdout.strip().splitlines()
    assert str(site) in where and latents == '[32, 32]' and shape == '(3, 2, 10, 32)'
    assert 'usage: rssm' in run(tmp_path/'env'/'bin'/'rssm', '--help').stdout


def test_metadata(built):
    with zipfile.ZipFile(built['.whl']) as z:
        name = next(n for n in z.namelist() if n.endswith('/METADATA'))
        meta = email.message_from_bytes(z.read(name))
    needs = [r for r in meta.get_all('Requires-Dist') if 'extra ==' not in r]
    assert meta['Name'] == 'rssm_nbdev' and meta['Requires-Python'] == '>=3.11'
    development = [r for r in needs if re.match(r'nbdev|execnb|ghapi|jupyter|pytest', r)]
    assert not development, 'a development pin is required at run time'


def test_command_line():
    rssm = Path(sys.executable).parent/'rssm'
    bad = run(rssm, 'collect', 'Nowhere-v0')
    assert bad.returncode == 1 and len(bad.stderr.strip().splitlines()) == 1
    assert 'Traceback' not in bad.stderr
    helped = run(rssm, 'train', '--help')
    assert helped.returncode == 0 and 'optimiser steps' in helped.stdout


def test_readme_is_the_index_and_says_what_results_json_says():
    import readme
    assert readme.main(check=True)
    text = (ROOT/'README.md').read_text()
    results = json.loads((ROOT/'artifacts'/'p02'/'results.json').read_text())
    for rows in results['test']['errors'].values():
        for r in (rows['1'], rows['5'], rows['10']):
            assert f"{r['mean']:.4f} [{r['low']:.4f}, {r['high']:.4f}]" in text
    for link in re.findall(r'\]\(([^)#]+)\)', text):
        assert link.startswith('http') or (ROOT/link).exists(), link


class Links(HTMLParser):
    "Targets and anchors of a page"
    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += filter(None, (attrs.get('href'), attrs.get('src')))
        if 'id' in attrs:
            self.ids.add(attrs['id'])


def dead_links(site, pages):
    "Links within the site that lead to no file or to no anchor, as (page, link)"
    for name, page in pages.items():
        for link in page.links:
            if re.match(r'[a-z]+:|//|#$|data:', link): continue
            path, _, anchor = link.partition('#')
            path = path.split('?')[0]
            folder = site if path.startswith('/') else (site/name).parent
            target = (folder/path.lstrip('/') if path else site/name).resolve()
            if not target.exists():
                yield name, link
                continue
            other = pages.get(target.relative_to(site).as_posix())
            if anchor and other and anchor not in other.ids:
                yield name, link


def test_site_builds_and_has_no_dead_internal_link(env):
    done = run(sys.executable, ROOT/'tools'/'docs.py', cwd=ROOT, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    site = (ROOT/'_docs').resolve()
    pages = {p.relative_to(site).as_posix(): p.read_text() for p in site.rglob('*.html')}
    sources = re.findall(r'- ([\w/]+)\.ipynb', (ROOT/'_quarto.yml').read_text())
    expected = {re.sub(r'(^|/)\d+_', r'\1', source) + '.html' for source in sources}
    assert expected <= set(pages) and len(sources) > 40
    for name, text in pages.items():
        pictures = re.findall(r'<img(?![^>]*\balt="[^"]+")[^>]*>', text)
        assert not pictures, f'{name}: a picture without alt text'
    dead = list(dead_links(site, {name: Links(text) for name, text in pages.items()}))
    assert not dead, dead
