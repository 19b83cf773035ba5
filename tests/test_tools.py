"The tools: the check of lines, and the display of a running notebook"
import io
import re
import subprocess
import sys

import lint
import nbformat
import pytest
import run_nb
from conftest import ROOT
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

ONE_A_LINE = (
    'if a: raise b', 'if a: return b', 'if a: sys.exit(b)', 'if (a and\n    b): raise c',
    'if a:\n    b = 1\nelif c:\n    d = 1', 'def f(x): return x', '@d\ndef f(x): pass',
    'class A(E): "of b"', 'lambda: a')
PACKED = (
    'a = 1; b = 2', 'if a: b = 1', 'if a:\n    raise b\nelse: c()', 'for a in b: c(a)',
    'while a: b()', 'with a: b()', 'def f(x): a(); return x', 'class A: a = 1',
    'if a:\n    b()\nelif c: d()')


def in_function(source): return 'def g():\n' + re.sub('^', '    ', source, flags=re.M)


@pytest.mark.parametrize('source', ONE_A_LINE)
def test_one_statement_a_line_passes(source): assert lint.packed_lines(in_function(source)) == []


@pytest.mark.parametrize('source', PACKED)
def test_several_statements_on_a_line_are_found(source):
    assert lint.packed_lines(in_function(source)) == [len(source.splitlines()) + 1]


def test_each_branch_of_a_try_is_looked_at():
    assert lint.packed_lines('try: a\nexcept b: c\nelse: d\nfinally: e') == [1, 2, 3, 4]


def test_long_lines_of_a_module_below_its_list_of_names():
    long = 'x'*101
    source = f"# %% auto #0\n__all__ = ['a',\n           '{long}']\n\n{long}\n{long[1:]}\n"
    assert lint.long_lines(source) == [5]


def test_a_file_with_complaints_fails(tmp_path):
    (tmp_path/'a.py').write_text('import os; a = 1\n')
    done = subprocess.run(
        [sys.executable, ROOT/'tools'/'lint.py', tmp_path/'a.py'], capture_output=True, text=True)
    assert done.returncode == 1 and 'several statements on one line' in done.stdout
    assert 'F401' in done.stdout and 'E702' in done.stdout


class Terminal(io.StringIO):
    def isatty(self): return True


PIECES = 'train:  0%|', '\rtrain: 50%|', '\rtrain: 100%|', '\n', 'well', ' done\n'


def written(out):
    live = run_nb.Live(out)
    for piece in PIECES:
        live.write(piece)
    return out.getvalue()


def test_a_terminal_shows_a_progress_bar_as_it_moves():
    assert written(Terminal()) == ''.join(PIECES)


def test_a_log_gets_the_last_state_of_a_progress_bar():
    assert written(io.StringIO()) == 'train: 100%|\nwell done\n'


def test_a_running_notebook_shows_time_cell_and_section(tmp_path):
    nb = new_notebook(cells=[
        new_markdown_cell('# Title\n\n```\n# code\n```'), new_code_cell('print("one")'),
        new_markdown_cell('## Second'), new_code_cell('print("two", end="")'),
        new_code_cell('1/0')])
    nbformat.write(nb, tmp_path/'a.ipynb')
    words = [sys.executable, ROOT/'tools'/'run_nb.py', tmp_path/'a.ipynb']
    done = subprocess.run(words, capture_output=True, text=True)
    lines = [re.sub(r'^ +\d+:\d\d  ', '', line).strip() for line in done.stdout.splitlines()]
    assert [line for line in lines if line] == [
        'cell 1/3   Title', 'one', 'cell 2/3   Second', 'two', 'cell 3/3   Second']
    assert done.returncode == 1 and 'ZeroDivisionError' in done.stderr
    assert 'WARNING' not in done.stderr
    outputs = [o for c in nbformat.read(tmp_path/'a.ipynb', 4).cells for o in c.get('outputs', [])]
    assert [o.get('text') for o in outputs[:2]] == ['one\n', 'two'] and len(outputs) == 3
