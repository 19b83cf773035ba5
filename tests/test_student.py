"The assignment for students: one source, no solution in it, checks locked, mistakes caught"
import re
import os
import subprocess
import sys

import nbformat
import pytest

student = pytest.importorskip('student', reason='nbgrader is not installed')  # tools/student.py
INSTRUCTOR, STUDENT = student.INSTRUCTOR, student.STUDENT


@pytest.fixture(scope='module')
def instructor(): return nbformat.read(INSTRUCTOR, as_version=4)


@pytest.fixture(scope='module')
def handed_out(): return nbformat.read(STUDENT, as_version=4)


def key(c): return c.metadata.get('nbgrader', {})
def by_id(nb): return {key(c)['grade_id']: c for c in nb.cells if key(c)}
SOLUTION = re.compile(r'(?s)BEGIN SOLUTION[^\n]*\n(.*?)\n[^\n]*END SOLUTION')


def solutions(nb):
    "Name of an exercise → the solution in its cell (the last, if there are several)"
    cells = [c for c in nb.cells if key(c).get('solution')]
    return {key(c)['grade_id']: m for c in cells for m in SOLUTION.findall(c.source)}



# Unit checks at their own size, in this process: the cells needed and no others

DATA = {'2_4', '3_3', '4_5'}  # checks that need trained models


@pytest.fixture(scope='module')
def cells(instructor):
    "The cells that define something, as (name, source); not those that collect, train or show"
    found = []
    for c in (c for c in instructor.cells if c.cell_type == 'code'):
        name, line = key(c)['grade_id'], student.first_line(c)
        if name.startswith('given') and not re.match(r'import|class |@patch', line): continue
        if name.removeprefix('check_') in DATA: continue
        found.append((name, c.source))
    return found


def run(cells, upto, change=None):
    "Run the cells up to a check, with a change to one exercise; checks before it are skipped"
    space = {'__name__': '__main__'}
    for name, source in cells:
        if name.startswith('check') and name != upto: continue
        if change and name == change[0]:
            count = source.count(change[1])
            assert count == 1, f'{change[1]!r} is {count} times in {name}'
            source = source.replace(change[1], change[2])
        exec(compile(source, name, 'exec'), space)
        if name == upto: return
    raise AssertionError(f'no cell {upto}')


MUTATIONS = {  # a mistake → its check; the exercise, the right text and the wrong one
    'update gate the other way round': (
        'check_2_1', 'exercise_2_1',
        '(1 - u)*torch.tanh(xn + r*hn) + u*h',
        'u*torch.tanh(xn + r*hn) + (1 - u)*h'),
    'reset gate forgets its bias': (
        'check_2_1', 'exercise_2_1',
        'r*hn',
        'r*(hn - c.chunk(3)[2])'),
    'loss with the action before': (
        'check_2_2', 'exercise_2_2',
        'self.step(e[:, t], batch.a[:, t], g)',
        'self.step(e[:, t], batch.a[:, max(t - 1, 0)], g)'),
    'roll-out with the action before': (
        'check_2_2', 'exercise_2_2',
        'self.step(seen, a[:, t], g)',
        'self.step(seen, a[:, max(t - 1, 0)], g)'),
    'roll-out that forgets its predictions': (
        'check_2_2', 'exercise_2_2',
        'else e_hat',
        'else e[:, -1]'),
    'roll-out a step late': (
        'check_2_2', 'exercise_2_2',
        'out[e.shape[1]-1:]',
        'out[e.shape[1]-2:-1]'),
    'raw latents in the loss': (
        'check_2_2', 'exercise_2_2',
        '    out = []\n    for t in range(batch.a.shape[1])',
        '    e, out = batch.e, []\n    for t in range(batch.a.shape[1])'),
    'errors of each sample, not of their mean': (
        'check_2_3', 'exercise_2_3',
        '.mean(0)       # (B, H, E)\n    err = ((e_hat - batch.e[:, '
        'context:])/model.e_std).square().mean((0, 2))',
        '\n    err = ((e_hat - batch.e[:, context:])/model.e_std).square().mean((0, 1, 3))'),
    'errors of raw latents': (
        'check_2_3', 'exercise_2_3',
        '/model.e_std',
        ''),
    'errors one step off': (
        'check_2_3', 'exercise_2_3',
        'err[h-1]',
        'err[min(h, len(err) - 1)]'),
    'mean instead of log-sum-exp': (
        'check_3_1', 'exercise_3_1',
        '-torch.logsumexp(logits.log_softmax(-1) + log_normal, -1)',
        '-(logits.log_softmax(-1) + log_normal).mean(-1)'),
    'densities outside of log space': (
        'check_3_1', 'exercise_3_1',
        '-torch.logsumexp(logits.log_softmax(-1) + log_normal, -1)',
        '-(logits.softmax(-1)*log_normal.exp()).sum(-1).log()'),
    'weights not normalised': (
        'check_3_1', 'exercise_3_1',
        'logits.log_softmax(-1)',
        'logits'),
    'all components equally likely in the mean': (
        'check_3_2', 'exercise_3_2',
        '(logits.softmax(-1)[..., None]*mean).sum(1)',
        'mean.mean(1)'),
    'likelihood of the latent before': (
        'check_3_2', 'exercise_3_2',
        'e[:, t+1]',
        'e[:, t]'),
    'a model without its bar': (
        'check_3_4', 'exercise_3_4',
        'in enumerate(errors.items())',
        'in enumerate(list(errors.items())[:-1])'),
    'bars over each other': (
        'check_3_4', 'exercise_3_4',
        '+ width*(i - (len(errors) - 1)/2)',
        ''),
    'bars without names': (
        'check_3_4', 'exercise_3_4',
        '    ax.legend(frameon=False)\n',
        ''),
    'posterior that does not look': (
        'check_4_1', 'exercise_4_1',
        'torch.cat([h, e], -1)',
        'torch.cat([h, 0*e], -1)'),
    'update without the action': (
        'check_4_1', 'exercise_4_1',
        'torch.cat([z, a], -1)',
        'torch.cat([z, 0*a], -1)'),
    'prior from the wrong network': (
        'check_4_1', 'exercise_4_1',
        'self.prior_net(h)',
        'self.post_net(torch.cat([h, h[..., :self.embed]], -1))'),
    'KL with unit variances': (
        'check_4_2', 'exercise_4_2',
        '(log_ratio + distance - .5)',
        '((q.mean - p.mean)**2/2)'),
    'KL the other way round': (
        'check_4_2', 'exercise_4_2',
        '    log_ratio = ',
        '    q, p = p, q\n    log_ratio = '),
    'KL averaged over dimensions': (
        'check_4_2', 'exercise_4_2',
        '.sum(-1)',
        '.mean(-1)'),
    'loss without KL': (
        'check_4_3', 'exercise_4_3',
        'return recon + divergence',
        'return recon'),
    'KL of prior from posterior': (
        'check_4_3', 'exercise_4_3',
        'kl(post, prior)',
        'kl(prior, post)'),
    'reconstruction with unit variance': (
        'check_4_3', 'exercise_4_3',
        '/self.obs_std',
        ''),
    'imagination by means': (
        'check_4_4', 'exercise_4_4',
        'self.prior(h).sample()',
        'self.prior(h).mean'),
    'imagination with the action before': (
        'check_4_4', 'exercise_4_4',
        'in a.unbind(1)',
        'in torch.cat([a[:, :1], a[:, :-1]], 1).unbind(1)'),
    'imagination that peeks by the posterior': (
        'check_4_4', 'exercise_4_4',
        'self.prior(h).sample()',
        'self.posterior(h, self.observation(h, z)).sample()'),
    'imagination that has seen too much': (
        'check_5_1', 'exercise_5_1',
        'latents[:, :context], actions[:, :context-1]',
        'latents[:, :context+1], actions[:, :context]'),
    'posterior a step early': (
        'check_5_1', 'exercise_5_1',
        'post.mean[0, context:]',
        'post.mean[0, context-1:-1]'),
    'divergence counted from zero': (
        'check_5_2', 'exercise_5_2',
        'first + 1',
        'first'),
    'divergence without patience': (
        'check_5_2', 'exercise_5_2',
        'beyond[t:t+patience]',
        'beyond[t:t+1]'),
    'gap in raw units': (
        'check_5_2', 'exercise_5_2',
        '/std',
        ''),
    'no line at the divergence': (
        'check_5_3', 'exercise_5_3',
        "ax.axvline(step, color='tab:red', lw=1)",
        'pass'),
    'posterior not drawn': (
        'check_5_3', 'exercise_5_3',
        'ax.plot(t, centre, ',
        'ax.plot(t, path.mean(0), '),
}


def test_every_unit_check_has_a_mutation(cells):
    checks = {name for name, _ in cells if name.startswith('check')}
    assert {m[0] for m in MUTATIONS.values()} == checks


@pytest.mark.parametrize('check', sorted({m[0] for m in MUTATIONS.values()}))
def test_the_solution_passes(check, cells): run(cells, check)


@pytest.mark.parametrize('name', MUTATIONS)
def test_a_wrong_solution_fails_the_check_meant_for_it(name, cells):
    check, *change = MUTATIONS[name]
    with pytest.raises((AssertionError, RuntimeError)):
        run(cells, check, change)


def test_the_students_notebook_is_what_the_generator_gives(instructor):
    assert student.main(check=True) == []


def test_no_solution_is_in_it(instructor, handed_out):
    regions, text = solutions(instructor), '\n'.join(c.source for c in handed_out.cells)
    assert len(regions) >= 13 and len([c for c in instructor.cells if key(c).get('solution')]) == 14
    for name, region in regions.items():
        lines = [o.strip() for o in region.splitlines() if len(o.strip()) >= 25]
        assert not [o for o in lines if o in text], name
    assert 'SOLUTION' not in text
    code = [c for c in instructor.cells if c.cell_type == 'code']
    stubs = sum(c.source.count('BEGIN SOLUTION') for c in code)
    assert text.count('raise NotImplementedError()') == stubs
    code = [c for c in handed_out.cells if c.cell_type == 'code']
    assert not [c for c in code if c.outputs or c.execution_count]


def test_all_checks_are_in_it_and_locked(instructor, handed_out):
    ours, theirs = by_id(instructor), by_id(handed_out)
    assert list(ours) == list(theirs)
    for name, c in ours.items():
        bare = '\n'.join(line for line in c.source.splitlines() if not line.startswith('#|'))
        if not key(c)['solution']:
            assert theirs[name].source == bare, name
            assert theirs[name].metadata['editable'] is False and key(theirs[name])['locked'], name
        assert theirs[name].metadata['deletable'] is False
        assert re.fullmatch('[0-9a-f]{32}', key(theirs[name])['checksum'])
    assert sum(key(c).get('points', 0) for c in theirs.values()) == 100


def test_it_has_the_five_sections_in_order(handed_out):
    prose = [c for c in handed_out.cells if c.cell_type == 'markdown']
    lines = [line for c in prose for line in c.source.splitlines()]
    heads = [line for line in lines if line.startswith('# ')]
    titles = ('Setup and Data Collection', 'GRU Dynamics Model', 'MDN-RNN', 'RSSM',
              'Prior vs Posterior Rollout')
    assert heads[0] == '# P02: Build an RSSM Dynamics Model'
    assert heads[1:] == [f'# Section {i}: {title}' for i, title in enumerate(titles, 1)]
    nbformat.validate(handed_out)


def test_the_instructors_notebook_holds_every_deliverable(instructor, tmp_path):
    from rssm_nbdev.grading.grades import grade
    assert grade(INSTRUCTOR).missing == ['all cells executed']  # its counts are cleaned away
    for i, c in enumerate((c for c in instructor.cells if c.cell_type == 'code'), 1):
        c.execution_count = i
    nbformat.write(instructor, tmp_path/'nb.ipynb')
    assert grade(tmp_path/'nb.ipynb').missing == []
    missing = set(grade(STUDENT).missing)
    assert {'all cells executed', 'GRU errors', 'bar chart', 'roll-out plot'} <= missing


def test_an_unchanged_hand_in_lacks_nearly_everything(instructor, handed_out, tmp_path):
    from rssm_nbdev.grading.grades import grade
    theirs, nb = by_id(instructor), nbformat.from_dict(handed_out)
    past = False
    for i, c in enumerate((c for c in nb.cells if c.cell_type == 'code'), 1):
        past, c.execution_count = past or key(c)['grade_id'] == 'exercise_2_1', i
        if not past:
            c.outputs = theirs[key(c)['grade_id']].outputs
        elif not student.first_line(c).startswith(('class', '@patch', '# Exercise')):
            error = dict(ename='NotImplementedError', evalue='', traceback=[])
            c.outputs = [nbformat.v4.new_output('error', **error)]
    nbformat.write(nb, tmp_path/'nb.ipynb')
    res = {o.name: o for o in grade(tmp_path/'nb.ipynb')}
    plausible = {k for k, o in res.items() if o.ok}
    assert plausible <= {'environment', 'frozen encoder', 'five sections'}, plausible
    assert res['all cells executed'].reason == 'ended with NotImplementedError'


def nbgrader(env, *args, cwd=None):
    path = f'{os.path.dirname(sys.executable)}{os.pathsep}{env["PATH"]}'
    quick = {'P02S_QUICK': '1', 'OMP_NUM_THREADS': '1', 'PATH': path}
    command = [sys.executable, '-m', 'nbgrader', *map(str, args)]
    done = subprocess.run(command, env=env | quick, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_nbgrader_itself_makes_the_same_student_notebook(env, tmp_path):
    student.course(tmp_path/'course')
    nbgrader(env, 'generate_assignment', 'p02', cwd=tmp_path/'course')
    assert (tmp_path/'course'/'release'/'p02'/STUDENT.name).read_text() == STUDENT.read_text()


def test_nbgrader_accepts_the_instructors_version(env):
    printed = nbgrader(env, 'validate', '--Execute.timeout=600', INSTRUCTOR)
    assert 'Success! Your notebook passes all the tests.' in printed


def test_nbgrader_reports_every_check_of_the_empty_version(env, handed_out):
    printed = nbgrader(env, 'validate', '--Execute.timeout=600', STUDENT)
    graded = [c for c in handed_out.cells if key(c).get('grade')]
    assert f'VALIDATION FAILED ON {len(graded)} CELL(S)' in printed
    assert all(student.first_line(c)[:50] in printed for c in graded)
    assert 'NotImplementedError' in printed
    assert 'ModuleNotFoundError' not in printed and 'SyntaxError' not in printed
