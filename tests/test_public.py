"The public face: names by task, loaded when they are used"
import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

import rssm_nbdev as rn

PACKAGE = Path(rn.__file__).parent
NAMES = '''
    Checkpointing DataParallel Dynamics Episode GRUDynamics LatentEpisode MDNRNN RSSM
    RSSMError Windows baselines bundled_encoders collect divergence encode_episodes evaluate
    export_course fit fit_all fit_scale import_course load load_encoder load_episodes make_env
    plot_errors plot_horizons plot_rollout preset random_policy rollout save save_episodes
    split stream train_vae transitions
'''.split()


def python(code):
    "What a fresh Python prints"
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_names_are_these():
    listed = [n for modules in rn.PUBLIC.values() for names in modules.values() for n in names]
    assert rn.__all__ == NAMES == sorted(listed)
    assert set(listed) <= set(dir(rn))


@pytest.mark.parametrize('name', NAMES)
def test_a_name_is_defined_and_documented_in_its_module(name):
    obj = getattr(rn, name)
    assert obj.__module__ == f'rssm_nbdev.{rn._MODULE_OF[name]}'
    assert inspect.getdoc(obj)
    assert name in sys.modules[obj.__module__].__all__


def test_no_function_has_the_name_of_a_module():
    files = [p for p in PACKAGE.rglob('*.py') if p.name not in ('_modidx.py', '__init__.py')]
    modules = {p.stem for p in files} | {p.parent.name for p in files}
    for path in files:
        tree = ast.parse(path.read_text(encoding='utf-8'))
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                assert node.name not in modules, (path.name, node.name)


@pytest.mark.parametrize('first', ['evaluation', 'data', 'collection.episodes'])
def test_a_name_is_the_same_whatever_was_imported_before(first):
    code = (f'import rssm_nbdev as rn, rssm_nbdev.{first}\n'
            'print(callable(rn.evaluate), callable(rn.split))')
    assert python(code) == 'True True\n'


def test_from_import_works():
    code = 'from rssm_nbdev import RSSM, collect; print(RSSM.__name__, collect.__name__)'
    assert python(code) == 'RSSM collect\n'


def test_importing_the_package_loads_nothing_heavy_and_is_quick():
    code = ("import sys, time\n"
            "t = time.perf_counter()\n"
            "import rssm_nbdev\n"
            "t = time.perf_counter() - t\n"
            "heavy = {'torch', 'gymnasium', 'numpy', 'matplotlib'} & set(sys.modules)\n"
            "print(t < .3, sorted(heavy))")
    assert python(code) == 'True []\n'


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match='rssm_nbdev'):
        rn.__getattr__('RSM')
