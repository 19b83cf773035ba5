"""Check the source: `python tools/lint.py [FILES]`.

Three checks, over package, notebooks, tests, tools and setup.py:

1. `ruff`, with the settings in `ruff.toml`;
2. one statement a line. Two kinds of line may hold two: a guard (`if bad: raise …`) and a
   function of one statement (`def f(x): return …`). Modules have at most 100 columns, too;
3. `lint-imports`, with the layers in `.importlinter` (only without FILES).
"""
import ast
import json
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sysconfig.get_path('scripts'))
FOLDERS = 'nbs', 'rssm_nbdev', 'tests', 'tools'
COLUMNS = 100
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
LEAVING = ast.Raise | ast.Return | ast.Continue | ast.Break


def files():
    "The notebooks and Python files that are checked"
    found = [p for folder in FOLDERS for p in (ROOT/folder).rglob('*')]
    found.append(ROOT/'setup.py')
    return sorted(p for p in found if p.suffix in ('.ipynb', '.py') and is_ours(p))


def is_ours(path):
    "Is this file written by hand, not by Jupyter or nbdev?"
    hidden = any(part.startswith('.') for part in path.relative_to(ROOT).parts)
    return not hidden and path.name != '_modidx.py'


def chunks(path):
    "The code in a file as (name, source): the cells of a notebook, or one module"
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    text = path.read_text(encoding='utf-8')
    if path.suffix == '.py': return [(f'{name}', text)]
    cells = [c for c in json.loads(text)['cells'] if c['cell_type'] == 'code']
    return [(f'{name}:{c["id"]}', ''.join(c['source'])) for c in cells]


def python(source):
    "The source with empty lines for those that only IPython understands"
    if source.startswith('%%'): return ''
    return '\n'.join('' if re.match(r'\s*[%!]', line) else line for line in source.splitlines())


def long_lines(source):
    "Numbers of a module's lines over the limit, below `__all__`, which nbdev folds"
    listed = re.search(r'^__all__ = \[.*?\]$', source, re.M | re.S)
    head = source[:listed.end()].count('\n') + 1 if listed else 0
    lines = enumerate(source.splitlines(), 1)
    return [i for i, line in lines if i > head and len(line) > COLUMNS]


def may_share(parent, body):
    "May the statements in `body` stand on the line of the statement that they belong to?"
    if len(body) > 1: return False
    if isinstance(parent, FUNCTION): return True
    if isinstance(parent, ast.ClassDef): return isinstance(body[0], ast.Expr | ast.Pass)
    if not isinstance(parent, ast.If) or parent.orelse: return False
    return isinstance(body[0], LEAVING) or ast.unparse(body[0]).startswith('sys.exit(')


def packed_lines(source):
    "Numbers of lines that hold several statements, save guards and functions of one statement"
    lines, found = source.encode().splitlines(), set()
    for node in ast.walk(ast.parse(source)):
        for branch in ('body', 'orelse', 'finalbody'):
            body = getattr(node, branch, None)
            if not isinstance(body, list) or not body: continue
            found |= {b.lineno for a, b in zip(body, body[1:]) if a.end_lineno == b.lineno}
            line = lines[body[0].lineno - 1]
            if line[:body[0].col_offset].strip() and not may_share(node, body):
                found.add(body[0].lineno)
    return sorted(found)


def complaints(path):
    "Each line of the file that is too long or holds several statements, in words"
    for where, source in chunks(path):
        try:
            packed = packed_lines(python(source))
        except SyntaxError as e:
            yield f'{where}:{e.lineno}: {e.msg}'
            continue
        for i in long_lines(source) if path.is_relative_to(ROOT/'rssm_nbdev') else ():
            yield f'{where}:{i}: over {COLUMNS} columns'
        for i in packed:
            yield f'{where}:{i}: several statements on one line'


def main(*names):
    "Check the named files, or everything; return the names of the checks that failed"
    ruff = subprocess.run([BIN/'ruff', 'check', '--quiet', *(names or ['.'])], cwd=ROOT)
    failed = ['ruff'] if ruff.returncode else []
    paths = [p for p in map(Path.resolve, map(Path, names)) if p.suffix in ('.py', '.ipynb')]
    lines = [text for path in (paths if names else files()) for text in complaints(path)]
    if lines:
        print(*lines, sep='\n')
        failed.append(f'lines ({len(lines)})')
    if not names and subprocess.run([BIN/'lint-imports', '--no-cache'], cwd=ROOT).returncode:
        failed.append('imports')
    return failed


if __name__ == '__main__':
    if failed := main(*sys.argv[1:]): sys.exit(f'failed: {", ".join(failed)}')
    print('ruff, lines and imports: no complaints')
