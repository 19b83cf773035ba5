"`grade` on our deliverable, on damaged copies, on notebooks in other words, on empty shells"
import copy
import re

import cv2
import nbformat
import numpy as np
import pytest
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rssm_nbdev.core import FileError
from rssm_nbdev.grading.grades import CHECKS, grade

P02 = ROOT/'nbs'/'p02_rssm_dynamics.ipynb'


def png(img):
    import base64
    return base64.b64encode(cv2.imencode('.png', img)[1]).decode()


PICTURE = png(np.random.default_rng(0).integers(0, 255, (120, 200, 3)).astype(np.uint8))
BLANK = png(np.full((120, 200, 3), 255, np.uint8))


@pytest.fixture(scope='module')
def p02(): return nbformat.read(P02, as_version=4)


@pytest.fixture
def judge(tmp_path):
    def judge(nb):
        nbformat.write(nb, tmp_path/'nb.ipynb')
        return {o.name: o for o in grade(tmp_path/'nb.ipynb')}
    return judge


def code(nb): return [c for c in nb.cells if c.cell_type == 'code']
def lacking(rows): return {k for k, o in rows.items() if not o.ok}


def recount(nb):
    "As if what is left had been run in one pass"
    for i, c in enumerate(code(nb), 1):
        c.execution_count = i
    return nb


def section(nb, k):
    "Cells from the heading of Section k to the next section's"
    at = next(i for i, c in enumerate(nb.cells) if f'# Section {k}:' in c.source)
    later = [i for i, c in enumerate(nb.cells) if f'# Section {k+1}:' in c.source]
    return nb.cells[at:later[0] if later else None]


def drop(nb, pattern, cells=None):
    "Drop code cells whose source fits"
    found = [c for c in (cells or nb.cells) if c.cell_type == 'code']
    gone = [c for c in found if re.search(pattern, c.source)]
    assert gone
    nb.cells = [c for c in nb.cells if not any(c is o for o in gone)]
    return recount(nb)


def edit_source(nb, *changes):
    for old, new in changes:
        assert any(re.search(old, c.source) for c in nb.cells), old
        for c in nb.cells:
            c.source = re.sub(old, new, c.source)
    return nb


def edit_outputs(nb, old, new, cells=None):
    "Change what is shown, in every text"
    hits = 0
    for c in code(nb) if cells is None else cells:
        for o in c.get('outputs', []):
            kinds = ('text/markdown', 'text/plain', 'text/html')
            for where, key in [(o, 'text')] + [(o.get('data', {}), kind) for kind in kinds]:
                if isinstance(where.get(key), str):
                    where[key], n = re.subn(old, new, where[key], flags=re.M)
                    hits += n
    assert hits, old
    return nb


def no_pictures(nb, cells, put=None):
    "Drop the pictures of cells, or put another in their place"
    hits = 0
    for c in cells:
        for o in c.get('outputs', []):
            for k in ('image/png', 'text/html'):
                if k in o.get('data', {}):
                    hits += 1
                    if put and k == 'image/png':
                        o.data[k] = put
                    else:
                        del o.data[k]
    assert hits
    return nb


def unexecute(nb, pattern):
    hits = [c for c in code(nb) if re.search(pattern, c.source)]
    assert hits
    for c in hits:
        c.execution_count, c.outputs = None, []
    return nb


def row(nb, model, text): return edit_outputs(nb, rf'^\| {model} \|.*\|\n?', text and text + '\n')


def swap(nb):
    a, b = code(nb)[3], code(nb)[9]
    a.execution_count, b.execution_count = b.execution_count, a.execution_count
    return nb


def fail(nb):
    error = dict(ename='ValueError', evalue='no such thing', traceback=[])
    code(nb)[-2].outputs = [new_output('error', **error)]
    return nb


def headless(nb, k):
    c = next(c for c in nb.cells if f'# Section {k}:' in c.source)
    c.source = re.sub(r'^# Section.*\n?', '', c.source)
    return nb


def uncounted(nb):
    for c in code(nb):
        c.execution_count = None
    return nb


def synthetic(nb):
    "Pictures of squares in the place of an environment's"
    return edit_source(nb, (r'\b(?:rn\.)?make_env\(ENV\)\.close\(\)', 'ring(ENV)'),
                       (r'\b(?:rn\.)?collect\(', 'squares('))


def silent(nb):
    "Section 1 without numbers of episodes, and without pictures"
    cells = section(nb, 1)
    return no_pictures(edit_outputs(nb, r'.*(tuples|episodes|frames|steps).*', '', cells), cells)


def encoderless(nb):
    return edit_source(nb, (r'(?:rn\.)?load_encoder\(ENCODER\)', 'noise(ENCODER)'),
                       (r'encoder\.vae', 'noise.net'), (r'\brn\.load\(', 'rn.read('))


def thawed(nb):
    return edit_source(nb, ('load_encoder', 'load_state_dict'), ('requires_grad', 'size'))


def random_encoder(nb):
    lost = 'vae_encoder.pt not found, randomly initialized'
    return edit_outputs(nb, 'trainable weights: 0', lost)


def nothing_held_out(nb):
    nb = edit_source(nb, (r'(?i)valid|held|test|\bval\b|split|eval', 'all'))
    return edit_outputs(nb, '(?i)valid|held|test', 'all')


def all_equal(nb):
    for model in ('GRU', 'MDN-RNN', 'RSSM'):
        row(nb, model, f'| {model} | 0.001 | 0.004 | 0.1 |')
    return nb


def typed_in(nb):
    numbers = ('START =', 'x = "0.0123 0.0456"; START =')
    return edit_source(row(nb, 'GRU', '| GRU | 0.0123 | 0.0456 | 0.1 |'), numbers)


def no_bars(nb, put=None):
    return no_pictures(nb, [c for c in nb.cells if 'plot_errors(' in c.source], put)


def no_equations(nb):
    return edit_source(nb, (r'h_t', 'x'), (r'p\(z', 'x'), (r'q\(z', 'x'), ('KL', 'x'))


def kl(nb, text): return edit_outputs(nb, r'KL \d\.\d+ nats', f'KL {text} nats')


def no_divergence_named(nb):
    nb = edit_source(nb, ('(?i)imagination has (?:left|diverged).*', ''))
    return edit_outputs(nb, r'.*(leave|diverg|part).*', '')


def absurd_divergence(nb):
    absurd = 'imagination leaves the posterior at step 4321'
    return edit_outputs(nb, r'imagination does not leave the posterior', absurd)


MUTATIONS = {  # a change of p02 → the deliverables that it costs; verdict and reason of the first
    'out of order': (
        swap, ['all cells executed'], 'executed', 'where a single pass'),
    'an error': (
        fail, ['all cells executed'], 'executed', 'ended with ValueError: no such thing'),
    'counts cleaned': (
        uncounted, ['all cells executed'], 'present', 'no execution counts'),
    'a cell not run': (
        lambda nb: unexecute(nb, r'^import base64'), ['all cells executed'], 'present', '1 of'),
    'no environment': (
        synthetic, ['environment'], 'missing', 'no code makes a Gymnasium environment'),
    'environment silent': (
        silent, ['environment'], 'executed', 'no output says'),
    'no encoder': (
        encoderless, ['frozen encoder'], 'missing', 'no code loads an encoder'),
    'encoder thawed': (
        thawed, ['frozen encoder'], 'executed', 'it is not frozen'),
    'random encoder': (
        random_encoder, ['frozen encoder'], 'executed', 'an output says'),
    'nothing held out': (
        nothing_held_out, ['held-out data'], 'missing', 'no code sets data aside'),
    'GRU gone from tables': (
        lambda nb: row(nb, 'GRU', ''),
        ['GRU errors', 'comparison'], 'missing', 'no output shows its errors'),
    'RSSM errors NaN': (
        lambda nb: row(nb, 'RSSM', '| RSSM | nan | nan | nan |'),
        ['RSSM errors'], 'executed', 'not finite'),
    'MDN-RNN errors negative': (
        lambda nb: row(nb, 'MDN-RNN', '| MDN-RNN | -0.1 | 0.2 | 0.3 |'),
        ['MDN-RNN errors'], 'executed', 'not positive'),
    'GRU errors shrink': (
        lambda nb: row(nb, 'GRU', '| GRU | 0.02 | 0.01 | 0.005 |'),
        ['GRU errors'], 'executed', 'smaller at 5 steps'),
    'RSSM loses to persistence': (
        lambda nb: row(nb, 'RSSM', '| RSSM | 0.9 | 95 | 97 |'),
        ['RSSM errors'], 'executed', 'no better than persistence'),
    'all the same': (
        all_equal, ['comparison'], 'executed', 'very same errors'),
    'GRU errors typed in': (
        typed_in, ['GRU errors'], 'executed', 'typed into the code'),
    'no bars drawn': (
        lambda nb: edit_source(nb, ('plot_errors', 'plot_points')),
        ['bar chart'], 'missing', 'no code draws bars'),
    'bars dropped': (
        no_bars, ['bar chart'], 'executed', 'no picture'),
    'bars blank': (
        lambda nb: no_bars(nb, BLANK), ['bar chart'], 'executed', 'blank'),
    'equations gone': (
        no_equations, ['RSSM equations'], 'missing', 'not found: '),
    'KL not finite': (
        lambda nb: kl(nb, 'nan'), ['RSSM equations'], 'executed', 'KL divergence of nan'),
    'KL zero': (
        lambda nb: kl(nb, '0.00'), ['RSSM equations'], 'executed', 'KL divergence is zero'),
    'roll-outs not drawn': (
        lambda nb: no_pictures(nb, section(nb, 5)),
        ['roll-out plot'], 'executed', 'no picture'),
    'roll-outs blank': (
        lambda nb: no_pictures(nb, section(nb, 5), BLANK),
        ['roll-out plot'], 'executed', 'blank'),
    'divergence not named': (
        no_divergence_named, ['divergence annotated'], 'missing', 'names the step'),
    'divergence absurd': (
        absurd_divergence, ['divergence annotated'], 'executed', 'beyond any roll-out'),
    **{f'heading {k} gone': (
        lambda nb, k=k: headless(nb, k), ['five sections'], 'missing', f'section {k}')
       for k in range(1, 6)},
}


def test_our_deliverable_holds_everything(p02, judge):
    rows = judge(p02)
    assert not lacking(rows) and list(rows) == list(CHECKS)
    assert all(o.reason for o in rows.values())
    cells = {o.cell for o in rows.values()} - {None}
    assert min(cells) >= 1 and max(cells) <= len(p02.cells)


@pytest.mark.parametrize('name', MUTATIONS)
def test_what_is_taken_from_it_is_reported_and_nothing_else(name, p02, judge):
    change, expected, verdict, reason = MUTATIONS[name]
    rows = judge(change(copy.deepcopy(p02)))
    wrong = lacking(rows) ^ set(expected)
    assert not wrong, [rows[k] for k in wrong]
    first = rows[expected[0]]
    assert first.verdict == verdict and reason in first.reason, first


@pytest.mark.parametrize('pattern, name', [
    (r'encoder = (?:rn\.)?load_encoder', 'frozen encoder'),
    (r'plot_errors\(', 'bar chart'),
    (r'compare\(|roll_on\(|roll_out\(|imagin', 'roll-out plot')])
def test_what_was_not_run_is_present_only(pattern, name, p02, judge):
    rows = judge(unexecute(copy.deepcopy(p02), pattern))
    assert {'all cells executed', name} <= lacking(rows)
    assert rows[name].verdict == 'present' and 'not executed' in rows[name].reason


# A student's notebook: own code, other headings, other names, its numbers in any form

NUMBERS = {'Persistence': (.0871, .4322), 'GRU': (.0154, .0622),
           'Mixture RNN': (.0161, .0711), 'RSSM': (.0198, .0587)}


def html_table(rows):
    "A table as pandas writes it: heads, and the first cell of each row, in <th>"
    head, *body = rows
    lines = [''.join(f'<th>{v}</th>' for v in head)]
    lines += [f'<th>{r[0]}</th>' + ''.join(f'<td>{v}</td>' for v in r[1:]) for r in body]
    return '<table border="1">' + ''.join(f'<tr>{line}</tr>' for line in lines) + '</table>'


def printed_table(n):
    head = '             MSE(1 step)  MSE(5 steps)\n'
    return head + ''.join(f'{k:12} {a:>11}  {b:>12}\n' for k, (a, b) in n.items())


def printed(text): return new_output('stream', text=text)
def displayed(kind, text): return new_output('display_data', {kind: text})


def pandas(n):
    data = {'text/html': html_table([['', '1-step', '5-step'], *([k, *v] for k, v in n.items())]),
            'text/plain': printed_table(n)}
    return new_output('execute_result', data, execution_count=9)


def markdown(n):
    rows = [f'| **{k}** | {a} ± 0.001 | {b} ± 0.002 |' for k, (a, b) in n.items()]
    head = ['| model | one-step | five-step |', '|:--|--:|--:|']
    return displayed('text/markdown', '\n'.join(head + rows))


def transposed(n):
    def line(i, h): return f'{h}  ' + '  '.join(str(v[i]) for v in n.values())
    return printed('\n'.join(['horizon  ' + '  '.join(n), line(0, 1), line(1, 5)]))


def lines(n):
    return printed(''.join(f'{k}: 1-step MSE = {a}, 5-step MSE = {b}\n' for k, (a, b) in n.items()))


def blocks(n):
    def block(k, a, b):
        return f'== {k} ==\n  error after 1 step : {a}\n  error after 5 steps: {b}\n'
    return printed('\n'.join(block(k, *v) for k, v in n.items()))


def dictionary(n):
    text = repr({k: {1: a, 5: b} for k, (a, b) in n.items()})
    return new_output('execute_result', {'text/plain': text}, execution_count=9)


def one_per_row(n):
    errors = [(k, h, v) for k, vs in n.items() for h, v in zip((1, 5), vs)]
    rows = [[i // 2, *error] for i, error in enumerate(errors)]
    return displayed('text/html', html_table([['', 'model', 'horizon', 'mse'], *rows]))


STYLES = {
    'pandas': pandas,
    'printed table': lambda n: printed('Errors on held-out episodes\n' + printed_table(n)),
    'markdown': markdown,
    'transposed': transposed,
    'lines': lines,
    'blocks': blocks,
    'dictionary': dictionary,
    'one per row': one_per_row,
}
DATA = '''import gymnasium as gym, numpy as np, torch
from torch import nn
world = gym.make("CartPole-v1", render_mode="rgb_array")
triples = []
for episode in range(60):
    world.reset(seed=episode)
    done, frame = False, shrink(world.render())
    while not done:
        push = world.action_space.sample()
        _, _, a, b, _ = world.step(push)
        after, done = shrink(world.render()), a or b
        triples.append((frame, push, after)); frame = after
print("collected", len(triples), "triples of frames", frame.shape)'''
ENCODE = '''vae = Net()
vae.load_state_dict(torch.load("vae_encoder.pt")["model_state_dict"])
vae.eval()
for p in vae.parameters(): p.requires_grad = False
with torch.no_grad(): codes = vae.encoder(frames)
learn, held_out = codes[:48], codes[48:]
print("latent codes:", tuple(codes.shape))'''
GRU = '''class Memory(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(33, 128, batch_first=True)
        self.out = nn.Linear(128, 32)
def train(model, loss_of):
    for i in range(2000):
        loss = loss_of(model, batch())
        opt.zero_grad()
        loss.backward()
        opt.step()
gru = Memory(); train(gru, lambda m, b: nn.functional.mse_loss(m(b), b.next))
print("done, loss", 0.01)'''
MDN = '''class MixtureRNN(Memory):
    def nll(self, x):
        log_p = self.log_w + self.normal.log_prob(x).sum(-1)
        return -torch.logsumexp(log_p, -1).mean()
mdn = MixtureRNN(); train(mdn, MixtureRNN.nll); print("done")'''
CHART = '''x = np.arange(2)
for i, (name, model) in enumerate({"GRU": gru, "MDN-RNN": mdn}.items()):
    plt.bar(x + .4*i, [error(model, held_out, h) for h in (1, 5)], .4, label=name)
plt.legend(); plt.show()'''
RSSM = '''class RSSM(nn.Module):
    def update(self, h, z, a): return self.cell(torch.cat([z, a], -1), h)      # h_t = GRU(h, z, a)
    def prior(self, h): return normal(self.p(h))
    def posterior(self, h, o): return normal(self.q(torch.cat([h, o], -1)))
    def loss(self, b):
        q, p, o = self.filter(b)
        return ((o - b.o)**2).mean() + torch.distributions.kl_divergence(q, p).sum(-1).mean()
rssm = RSSM(); train(rssm, RSSM.loss); print("reconstruction 0.03, KL 2.41")'''
COMPARE = '''results = {n: [error(m, held_out, h) for h in (1, 5)] for n, m in models.items()}
show(results)'''
DREAM = '''h, z = rssm.filter(held_out[:1, :5])
dreamt, seen = [], rssm.posterior_path(held_out[:1, 5:15])
for t in range(10):
    h = rssm.update(h, z, acts[:, t]); z = rssm.prior(h).sample(); dreamt.append(z)
plt.plot(pc(dreamt)); plt.plot(pc(seen)); plt.axvline(6); plt.show()'''


WORDS = 'The dream leaves the real path at step 6: the pole is falling by then.'


def student(style='pandas', numbers=NUMBERS, words=WORDS):
    "A notebook in somebody else's words that has everything"
    pic = new_output('display_data', {'image/png': PICTURE, 'text/plain': '<Figure>'})
    dreaming = ('## 5) Dreaming ten steps ahead\n'
                'Roll forward 10 steps and annotate where they diverge.')
    return recount(new_notebook(cells=[
        new_markdown_cell('# Homework 2, world models\nThree models of one cart.'),
        new_markdown_cell('## 1) Getting data from the cart'),
        new_code_cell(DATA, outputs=[printed('collected 1324 triples of frames (64, 64, 3)')]),
        new_code_cell(ENCODE, outputs=[printed('latent codes: (1384, 32)')]),
        new_markdown_cell('## 2) A GRU in latent space'),
        new_code_cell(GRU, outputs=[printed('done, loss 0.01')]),
        new_markdown_cell('## 3) Mixture outputs'),
        new_code_cell(MDN, outputs=[printed('done')]),
        new_code_cell(CHART, outputs=[pic]),
        new_markdown_cell('## 4) The recurrent state-space model'),
        new_code_cell(RSSM, outputs=[printed('reconstruction 0.03, KL 2.41')]),
        new_markdown_cell('All three on the held-out episodes:'),
        new_code_cell(COMPARE, outputs=[STYLES[style](numbers)]),
        new_markdown_cell(dreaming),
        new_code_cell(DREAM, outputs=[pic]),
        new_markdown_cell(words),
    ]))


@pytest.mark.parametrize('style', STYLES)
def test_a_student_in_other_words_is_understood(style, judge):
    rows = judge(student(style))
    assert not lacking(rows), {k: (o.verdict, o.reason) for k, o in rows.items() if not o.ok}
    reason = '0.0198 at 1 step, 0.0587 at 5, better than persistence'
    assert rows['RSSM errors'].reason.startswith(reason)


@pytest.mark.parametrize('style', STYLES)
def test_in_every_form_bad_numbers_are_seen(style, judge):
    bad = {'smaller at 5 steps': (.0198, .0087), 'no better than persistence': (.0198, .9),
           'not positive': (-.02, .05), 'not finite': (float('nan'), .05)}
    for reason, errors in bad.items():
        rows = judge(student(style, NUMBERS | {'RSSM': errors}))
        assert lacking(rows) == {'RSSM errors'}, (errors, lacking(rows))
        assert reason in rows['RSSM errors'].reason
    rows = judge(student(style, {k: v for k, v in NUMBERS.items() if k != 'RSSM'}))
    assert lacking(rows) == {'RSSM errors', 'comparison'}
    rows = judge(student(style, {k: v for k, v in NUMBERS.items() if k != 'Persistence'}))
    assert not lacking(rows) and 'no persistence beside it' in rows['GRU errors'].reason


@pytest.mark.parametrize('words, verdict', [
    ('They never diverge within the ten steps.', 'plausible'),
    ('No divergence is visible.', 'plausible'),
    ('Prior and posterior split after 3 steps.', 'plausible'),
    ('At t = 4 the imagined path drifts away.', 'plausible'),
    ('The figure shows both.', 'missing'),
    ('It diverges, as expected.', 'missing'),
    ('It diverges at step 700.', 'executed')])
def test_words_on_the_divergence(words, verdict, judge):
    rows = judge(student(words=words))
    assert rows['divergence annotated'].verdict == verdict, rows['divergence annotated']
    assert lacking(rows) <= {'divergence annotated'}


def test_the_task_itself_does_not_count_as_an_answer(judge):
    nb = student(words='')
    assert judge(nb)['divergence annotated'].verdict == 'missing'


def test_a_shell_with_headings_numbers_and_a_picture_is_not_believed(judge):
    done = [printed('done'), new_output('display_data', {'image/png': PICTURE})]
    heads = ('1. Setup and data', '2. GRU', '3. MDN-RNN', '4. RSSM',
             '5. Prior vs posterior roll-out')
    words = ('We use gym.make("CartPole-v1") and a frozen encoder; the KL of prior and posterior. '
             'It diverges at step 4.')
    cells = []
    for head in heads:
        cells.append(new_markdown_cell(f'# {head}\n{words}'))
        cells.append(new_code_cell('print("done")', outputs=done))
    table = 'model 1-step 5-step\nGRU 0.0123 0.0456\nMDN-RNN 0.0133 0.0466\nRSSM 0.0111 0.0444'
    cells.insert(8, new_code_cell(f'print({table!r})', outputs=[printed(table)]))
    rows = judge(recount(new_notebook(cells=cells)))
    plausible = {k for k, o in rows.items() if o.ok}
    assert plausible <= {'all cells executed', 'five sections'}, plausible


def test_errors_that_are_typed_in_are_not_believed(judge):
    typed = student()
    typed.cells[12].source = 'pd.DataFrame({"RSSM": [0.0198, 0.0587]})'
    rows = judge(typed)
    assert 'RSSM errors' in lacking(rows)
    assert 'typed into the code of cell 13' in rows['RSSM errors'].reason
    stated = student()
    stated.cells[12].outputs = []
    stated.cells[11].source = markdown(NUMBERS).data['text/markdown']
    error = judge(stated)['RSSM errors']
    assert error.verdict == 'present' and 'typed as text' in error.reason


def test_comments_and_strings_are_no_code(judge):
    nb = student()
    made = '# world = gym.make("CartPole-v1"); world.step(world.action_space.sample())'
    nb.cells[2].source = f'{made}\nprint("gym.make CartPole-v1")'
    assert judge(nb)['environment'].verdict == 'missing'
    nb = student()
    words = '"""prior posterior kl gru"""\n# prior, posterior, kl_divergence\n'
    nb.cells[10].source = f'{words}print("RSSM trained: prior, posterior, KL 2.4")'
    assert judge(nb)['RSSM equations'].verdict == 'missing'


def test_magics_shell_lines_and_broken_code_do_not_stop_it(judge):
    nb = student()
    nb.cells.insert(1, new_code_cell('%matplotlib inline\n!pip install gymnasium\nnn.GRU?'))
    nb.cells.insert(2, new_code_cell('%%bash\nls -la'))
    nb.cells.insert(3, new_code_cell('def (:'))
    assert not lacking(judge(recount(nb)))


def test_what_is_no_notebook_is_refused(tmp_path):
    f = tmp_path/'x.ipynb'
    empty = nbformat.writes(new_notebook()).encode()
    damaged = b'', b'{"cells": 3}', P02.read_bytes()[:20000], b'\x89PNG\r\n\x1a\n\x00\xff', b'[]'
    for data, contains in [(empty, 'no code'), *((data, 'damaged') for data in damaged)]:
        f.write_bytes(data)
        with pytest.raises(FileError, match=contains):
            grade(f)
    with pytest.raises(FileError, match='no such file'):
        grade(tmp_path)


def test_an_old_notebook_is_read_too(tmp_path):
    from nbformat.v4 import downgrade
    nbformat.write(downgrade(student()), tmp_path/'old.ipynb', version=nbformat.NO_CONVERT)
    assert {o.name for o in grade(tmp_path/'old.ipynb') if not o.ok} <= {'all cells executed'}


def test_the_table_says_what_was_not_checked(p02, tmp_path):
    nbformat.write(p02, tmp_path/'nb.ipynb')
    res = grade(tmp_path/'nb.ipynb')
    for text in (str(res), res._repr_markdown_()):
        parts = '13 of 13 deliverables', 'Not checked: nothing was run', *(o.name for o in res)
        for part in parts:
            assert part in text
