"The notebooks as committed: executed, tidy, and the deliverable complete"
import json
import re

import nbformat
import pytest
from conftest import ROOT

NBS = sorted(p for p in (ROOT/'nbs').rglob('*.ipynb') if '.ipynb_checkpoints' not in p.parts)


def page(path): return path.relative_to(ROOT/'nbs').as_posix()


P02 = ROOT/'nbs'/'p02_rssm_dynamics.ipynb'


def code_cells(nb): return [c for c in nb.cells if c.cell_type == 'code' and c.source.strip()]
def outputs(nb): return [o for c in code_cells(nb) for o in c.outputs]
def text_of(nb): return '\n'.join(''.join(o.get('text', '') or o.get('data', {}).get('text/markdown', '')) for o in outputs(nb))


@pytest.mark.parametrize('path', NBS, ids=page)
def test_valid_executed_and_free_of_errors(path):
    nb = nbformat.read(path, as_version=4)
    nbformat.validate(nb)
    assert len({c.id for c in nb.cells}) == len(nb.cells)
    assert not [o for o in outputs(nb) if o.output_type == 'error'], 'an error is among the outputs'
    assert not [o.text[:200] for o in outputs(nb) if o.get('name') == 'stderr'], 'a warning is among the outputs'
    shown = any(o.output_type != 'stream' or o.text.strip() for o in outputs(nb))
    by_hand = nb.cells[0].cell_type == 'raw' and 'skip_exec' in nb.cells[0].source      # the others are executed by nbdev_test, silent ones too
    assert shown or not code_cells(nb) or not by_hand, 'it was never executed'
    assert path.stat().st_size < (2e6 if path.stem.startswith('p02') or path.stem == 'gallery' else 5e5)       # pictures are what a gallery is for


@pytest.mark.parametrize('path', NBS, ids=page)
def test_no_machine_in_it(path):
    assert not re.search(r'/root/|/home/|/work/|/tmp/|\.venv/lib', path.read_text(encoding='utf-8'))


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
    heads = [line[2:] for c in p02.cells if c.cell_type == 'markdown' for line in c.source.splitlines() if line.startswith('# ')]
    for i, title in enumerate(('Setup and Data Collection', 'GRU Dynamics Model', 'MDN-RNN', 'RSSM', 'Prior vs Posterior Rollout'), 1):
        assert f'Section {i}: {title}' in heads


def test_p02_imports_only_the_package_and_plain_tools(p02):
    found = {m.split('.')[0] for c in code_cells(p02) for m in re.findall(r'^\s*(?:from|import) ([\w.]+)', c.source, re.M)}
    assert found <= {'rssm_nbdev', 'base64', 'os', 'time', 'pathlib', 'numpy', 'torch', 'IPython', 'sklearn'}
    assert not [c for c in code_cells(p02) if re.search(r'\bplt\.|class \w+\(', c.source)], 'figures and models come from the package'


def test_p02_shows_its_run(p02):
    first, last = code_cells(p02)[0], code_cells(p02)[-1]
    shown = ''.join(o.text for o in first.outputs if o.output_type == 'stream')
    for word in ('torch', 'training seeds', 'device', 'data seed'): assert word in shown
    assert 'minutes' in ''.join(o.get('text', '') for o in last.outputs)
    assert sum('image/png' in o.get('data', {}) for o in outputs(p02)) >= 9


def test_p02_is_the_real_run_and_says_what_results_json_says(p02):
    res = json.loads((ROOT/'artifacts'/'p02'/'results.json').read_text())
    assert res['env'] == 'Pendulum-v1' and not res['quick'] and len(res['seeds']) == 3
    shown = text_of(p02)
    for name, rows in res['test']['errors'].items():
        for h in ('1', '5', '10'): assert f"{rows[h]['mean']:.4f} [{rows[h]['low']:.4f}, {rows[h]['high']:.4f}]" in shown, (name, h)


def numbers():
    res = json.loads((ROOT/'artifacts'/'p02'/'results.json').read_text())
    return res, {k: {int(h): m['mean'] for h, m in v.items()} for k, v in res['test']['errors'].items()}


def test_p02_every_model_beats_the_baselines():
    res, err = numbers()
    for k in ('GRU', 'MDN-RNN', 'RSSM'): assert err[k][5] < min(err['persistence'][5], err['ridge'][5])


def test_p02_rssm_is_below_gru_with_the_paired_interval():
    res, err = numbers()
    for h in (5, 10): assert err['RSSM'][h] < err['GRU'][h] and res['test']['differences'][f'RSSM − GRU, {h}']['high'] < 0


def test_p02_wrong_actions_are_worse():
    res, err = numbers()
    for k in ('GRU', 'MDN-RNN', 'RSSM'):
        wrong = {c: rows[k]['5']['mean']/err[k][5] for c, rows in res['controls'].items()}
        assert wrong['shuffled'] >= 3 and wrong['opposite'] >= 3 and wrong['late'] > 1.5 and wrong['early'] > 1.5, (k, wrong)


def test_p02_rssm_error_goals_and_floor():
    res, err = numbers()
    assert err['RSSM'][5] <= .002 and err['RSSM'][10] <= .01 and res['noise_floor'] < 1.1*err['RSSM'][1]


@pytest.mark.parametrize('folder', ['p02', 'p02_CartPole-v1'])
def test_p02_calibrated_intervals_cover(folder):
    cover = json.loads((ROOT/'artifacts'/folder/'results.json').read_text())['uncertainty']['RSSM, calibrated']['cover90']
    assert len(cover) == 10 and all(.845 < c < .96 for c in cover), cover


def test_p02b_is_the_real_run():
    res = json.loads((ROOT/'artifacts'/'p02b'/'results.json').read_text())
    assert not res['quick'] and len(res['seeds']) >= 5 and len(res['errors']) == 4
    shown = text_of(nbformat.read(ROOT/'nbs'/'p02b_planet_ablation.ipynb', as_version=4))
    for world, models in res['errors'].items():
        m = models['RSSM']['1']; assert f"{m['mean']:.4f} [{m['low']:.4f}, {m['high']:.4f}]" in shown, world


def test_p02_divergence_is_found_where_it_must_be(p02):
    roll = numbers()[0]['rollout']
    step = roll['divergence'] or roll['longer'] or roll['parting']['step']
    assert re.search(rf'(leaves the posterior|it does) at \*\*step {step}\*\*', text_of(p02))
    assert len(roll['control']) >= .7*roll['windows_tried'] and roll['control_early'] == 0
    assert len(roll['windows_diverging']) < .5*len(roll['control'])


def test_cartpole_run_is_the_real_one_and_beats_persistence():
    res = json.loads((ROOT/'artifacts'/'p02_CartPole-v1'/'results.json').read_text())
    assert res['env'] == 'CartPole-v1' and not res['quick'] and len(res['seeds']) == 3
    err = {k: {h: m['mean'] for h, m in v.items()} for k, v in res['test']['errors'].items()}
    for k in ('GRU', 'MDN-RNN', 'RSSM'):
        for h in ('1', '5'): assert err[k][h] < err['persistence'][h], (k, h)


def test_both_results_used_the_bundled_encoders():
    from rssm_nbdev.encoder import load_encoder
    for d, env in (('p02', 'Pendulum-v1'), ('p02_CartPole-v1', 'CartPole-v1')):
        res = json.loads((ROOT/'artifacts'/d/'results.json').read_text())
        assert res['encoder']['sha256'] == load_encoder(env).provenance['sha256']
