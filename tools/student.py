"""The student's version of P02, and a course folder for nbgrader, from `nbs/p02_instructor.ipynb`.

`python tools/student.py` marks the instructor's cells for nbgrader (by their first line) and writes
`artifacts/p02_student/p02_rssm_dynamics.ipynb`: solutions cut out, checks locked, nothing executed.
`--check` changes nothing and exits with 1 if either is stale. `--course DIR` writes `DIR/source/p02` and a
configuration, ready for `nbgrader generate_assignment p02`.
"""
import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbgrader.preprocessors import CheckCellMetadata, ClearOutput, ClearSolutions, ComputeChecksums, LockCells

ROOT = Path(__file__).resolve().parent.parent
INSTRUCTOR = ROOT/'nbs'/'p02_instructor.ipynb'
STUDENT = ROOT/'artifacts'/'p02_student'/'p02_rssm_dynamics.ipynb'
TITLE = '# P02: Build an RSSM Dynamics Model\n\n> GRU, MDN-RNN and RSSM in the latent space of P01\'s encoder: write them, train them, compare them'
CONFIG = '''c = get_config()
c.CourseDirectory.course_id = 'p02'
c.Execute.timeout = 600        # seconds a cell: trainings take longer than nbgrader's default of 30
c.ClearSolutions.code_stub = {'python': '# YOUR CODE HERE\\nraise NotImplementedError()'}
'''


def first_line(cell): return next((line for line in cell.source.splitlines() if line.strip() and not line.startswith('#|')), '')


def mark(nb):
    "Give each cell the nbgrader metadata that its first line asks for: exercise, check, hand-graded answer, or given"
    for c in nb.cells:
        line, key = first_line(c), dict(schema_version=3, task=False)
        exercise, check, answer = (re.match(p, line) for p in (r'# Exercise (\d+)\.(\d+)', r'# Check (\d+)\.(\d+) \((\d+) points?\)', r'\*\*Answer (\d+)\.(\d+) \((\d+) points?\)'))
        if c.cell_type == 'code' and check: key |= dict(grade=True, locked=True, solution=False, points=int(check[3]), grade_id=f'check_{check[1]}_{check[2]}')
        elif c.cell_type == 'code' and exercise: key |= dict(grade=False, locked=False, solution=True, grade_id=f'exercise_{exercise[1]}_{exercise[2]}')
        elif c.cell_type == 'code': key |= dict(grade=False, locked=True, solution=False, grade_id=f'given_{c.id}')
        elif answer: key |= dict(grade=True, locked=False, solution=True, points=int(answer[3]), grade_id=f'answer_{answer[1]}_{answer[2]}')
        else: c.metadata.pop('nbgrader', None); continue
        c.metadata['nbgrader'] = dict(sorted(key.items()))
    return nb


def source(nb):
    "The notebook that nbgrader starts from: with solutions, without what only the site and instructors need"
    nb = nbformat.from_dict(nb)
    nb.cells = [c for c in nb.cells if c.cell_type != 'raw' and not c.source.startswith('<!-- instructors -->')]
    nb.cells[0].source = TITLE
    for c in nb.cells: c.source = '\n'.join(line for line in c.source.splitlines() if not line.startswith('#|'))
    return ClearOutput().preprocess(nb, {})[0]


def student(nb):
    "The student's notebook, by nbgrader's own steps"
    nb, res = source(nb), {}
    for step in (LockCells, ClearSolutions, CheckCellMetadata, ComputeChecksums): nb, res = step().preprocess(nb, res)
    return nb


def write(nb, path, check=False):
    "Write a notebook if it says something else than the file; is the file stale?"
    nbformat.validate(nb)
    text = nbformat.writes(nb) + '\n'
    stale = not path.exists() or path.read_text(encoding='utf-8') != text
    if stale and not check: path.parent.mkdir(parents=True, exist_ok=True); path.write_text(text, encoding='utf-8')
    return stale


def course(folder):
    "A course folder with the assignment's source and a configuration for nbgrader"
    folder = Path(folder)
    write(source(mark(nbformat.read(INSTRUCTOR, as_version=4))), folder/'source'/'p02'/STUDENT.name)
    (folder/'nbgrader_config.py').write_text(CONFIG, encoding='utf-8')
    print(f'{folder}: source/p02/{STUDENT.name}, nbgrader_config.py; next: nbgrader generate_assignment p02')


def main(check=False):
    "Write both notebooks, or only say which are stale"
    nb = nbformat.read(INSTRUCTOR, as_version=4)
    before = [dict(c.metadata) for c in nb.cells]
    marked = [dict(c.metadata) for c in mark(nb).cells] != before
    if marked and not check: nbformat.write(nb, INSTRUCTOR)
    return [p.name for p, stale in ((INSTRUCTOR, marked), (STUDENT, write(student(nb), STUDENT, check))) if stale]


if __name__ == '__main__':
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument('--check', action='store_true', help='change nothing; exit with 1 if a notebook is stale')
    args.add_argument('--course', metavar='DIR', help='write a course folder for nbgrader instead')
    args = args.parse_args()
    if args.course: course(args.course)
    else:
        stale = main(args.check)
        if args.check and stale: sys.exit(f'stale: {stale}; run `make student`')
        print(f'{"stale" if args.check else "written"}: {stale or "nothing"}')
