"The notebooks as committed: executed, tidy, and the deliverable complete"
import json
import re

import nbformat
import pytest
from conftest import ROOT

NBS = sorted(p for p in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)


def page(path): return path.relative_to(ROOT/'nbs').as_posix()


P02 = ROOT/'nbs'/'p02_rssm_dynamics.ipynb'
MODELS = 'GRU', 'MDN-RNN', 'RSSM'
SECTIONS = (
    'Setup and Data Collection', 'GRU Dynamics Model', 'MDN-RNN', 'RSSM',
    'Prior vs Posterior Rollout')
PLAIN_TOOLS = {'base64', 'os', 'time', 'pathlib', 'numpy', 'torch', 'IPython', 'sklearn'}


def code_cells(nb): return [c for c in nb.cells if c.cell_type == 'code' and c.source.strip()]
def outputs(nb): return [o for c in code_cells(nb) for o in c.outputs]
def shown_by(o): return ''.join(o.get('text', '') or o.get('data', {}).get('text/markdown', ''))
def text_of(nb): return '\n'.join(map(shown_by, outputs(nb)))
def interval(m): return f"{m['mean']:.4f} [{m['low']:.4f}, {m['high']:.4f}]"


def results(folder='p02'):
    return json.loads((ROOT/'artifacts'/folder/'results.json').read_text())


def is_executed_by_hand(nb):
    "nbdev_test executes all other notebooks"
    return nb.cells[0].cell_type == 'raw' and 'skip_exec' in nb.cells[0].source


@pytest.mark.parametrize('path', NBS, ids=page)
def test_valid_executed_and_free_of_errors(path):
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    assert len({c.id for c in nb.cells}) == len(nb.cells)
    errors = [o for o in outputs(nb) if o.output_type == 'error']
    warnings = [o.text[:200] for o in outputs(nb) if o.get('name') == 'stderr']
    assert not errors and not warnings
    shown = any(o.output_type != 'stream' or o.text.strip() for o in outputs(nb))
    assert shown or not code_cells(nb) or not is_executed_by_hand(nb), 'it was never executed'
    has_pictures = path.stem.startswith('p02') or path.stem == 'gallery'
    assert path.stat().st_size < (2e6 if has_pictures else 5e5)


@pytest.mark.parametrize('path', NBS, ids=page)
def test_no_machine_in_it(path):
    text = path.read_text(encoding='utf-8')
    assert not re.search(r'/root/|/home/|/work/|/tmp/|\.venv/lib', text)


def test_every_notebook_is_in_the_sidebar_and_the_index():
    listed = re.findall(r'- ([\w/]+\.ipynb)', (ROOT/'_quarto.yml').read_text())
    assert sorted(listed) == sorted(map(page, NBS))
    index = (ROOT/'nbs'/'index.ipynb').read_text(encoding='utf-8')
    assert not [p for p in map(page, NBS) if p != 'index.ipynb' and f'({p})' not in index]


@pytest.fixture(scope='module')
def p02(): return nbformat.read(P02, as_version=4)


def test_p02_ran_top_to_bottom_in_one_pass(p02):
    counts = [c.execution_count for c in code_cells(p02)]
    assert counts == list(range(1, len(counts) + 1))


def test_p02_has_the_assignments_sections(p02):
    prose = '\n'.join(c.source for c in p02.cells if c.cell_type == 'markdown')
    heads = re.findall(r'^# (.*)$', prose, re.M)
    for i, title in enumerate(SECTIONS, 1):
        assert f'Section {i}: {title}' in heads


def test_p02_imports_only_the_package_and_plain_tools(p02):
    sources = [c.source for c in code_cells(p02)]
    modules = [m for s in sources for m in re.findall(r'^\s*(?:from|import) ([\w.]+)', s, re.M)]
    assert {m.split('.')[0] for m in modules} <= {'rssm_nbdev'} | PLAIN_TOOLS
    own = [s for s in sources if re.search(r'\bplt\.|class \w+\(', s)]
    assert not own, 'figures and models come from the package'


def test_p02_shows_its_run(p02):
    first, last = code_cells(p02)[0], code_cells(p02)[-1]
    shown = ''.join(o.text for o in first.outputs if o.output_type == 'stream')
    for word in ('torch', 'training seeds', 'device', 'data seed'):
        assert word in shown
    assert 'minutes' in ''.join(o.get('text', '') for o in last.outputs)
    assert sum('image/png' in o.get('data', {}) for o in outputs(p02)) >= 9


def test_p02_is_the_real_run_and_says_what_results_json_says(p02):
    res, shown = results(), text_of(p02)
    assert res['env'] == 'Pendulum-v1' and not res['quick'] and len(res['seeds']) == 3
    for name, rows in res['test']['errors'].items():
        for h in ('1', '5', '10'):
            assert interval(rows[h]) in shown, (name, h)


def mean_errors(res):
    "Test errors, model → horizon → mean"
    errors = res['test']['errors'].items()
    return {name: {int(h): m['mean'] for h, m in rows.items()} for name, rows in errors}


def test_p02_every_model_beats_the_baselines():
    err = mean_errors(results())
    for k in MODELS:
        assert err[k][5] < min(err['persistence'][5], err['ridge'][5])


def test_p02_rssm_is_below_gru_with_the_paired_interval():
    res = results()
    err = mean_errors(res)
    for h in (5, 10):
        assert err['RSSM'][h] < err['GRU'][h]
        assert res['test']['differences'][f'RSSM − GRU, {h}']['high'] < 0


def test_p02_wrong_actions_are_worse():
    res = results()
    err = mean_errors(res)
    for k in MODELS:
        worse = {c: rows[k]['5']['mean']/err[k][5] for c, rows in res['controls'].items()}
        assert worse['shuffled'] >= 3 and worse['opposite'] >= 3, (k, worse)
        assert worse['late'] > 1.5 and worse['early'] > 1.5, (k, worse)


def test_p02_rssm_error_goals_and_floor():
    res = results()
    err = mean_errors(res)['RSSM']
    assert err[5] <= .002 and err[10] <= .01 and res['noise_floor'] < 1.1*err[1]


@pytest.mark.parametrize('folder', ['p02', 'p02_CartPole-v1'])
def test_p02_calibrated_intervals_cover(folder):
    cover = results(folder)['uncertainty']['RSSM, calibrated']['cover90']
    assert len(cover) == 10 and all(.845 < c < .96 for c in cover), cover


def test_p02b_is_the_real_run():
    res = results('p02b')
    assert not res['quick'] and len(res['seeds']) >= 5 and len(res['errors']) == 4
    shown = text_of(nbformat.read(ROOT/'nbs'/'p02b_planet_ablation.ipynb', as_version=4))
    for variant, models in res['errors'].items():
        assert interval(models['RSSM']['1']) in shown, variant


def test_p02_divergence_is_found_where_it_must_be(p02):
    roll = results()['rollout']
    step = roll['divergence'] or roll['longer'] or roll['parting']['step']
    sentence = rf'(leaves the posterior|it does so) at \*\*step {step}\*\*'
    assert re.search(sentence, text_of(p02))
    assert len(roll['control']) >= .7*roll['windows_tried'] and roll['control_early'] == 0
    assert len(roll['windows_diverging']) < .5*len(roll['control'])


def test_cartpole_run_is_the_real_one_and_beats_persistence():
    res = results('p02_CartPole-v1')
    assert res['env'] == 'CartPole-v1' and not res['quick'] and len(res['seeds']) == 3
    err = mean_errors(res)
    for k in MODELS:
        for h in (1, 5):
            assert err[k][h] < err['persistence'][h], (k, h)


def test_both_results_used_the_bundled_encoders():
    from rssm_nbdev.encoder import load_encoder
    for folder, env in (('p02', 'Pendulum-v1'), ('p02_CartPole-v1', 'CartPole-v1')):
        used = results(folder)['encoder']['sha256']
        assert used == load_encoder(env).provenance['sha256']
