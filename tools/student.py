"""The student's version of P02, and a course folder for nbgrader, from `nbs/p02_instructor.ipynb`.

`python tools/student.py` marks the instructor's cells for nbgrader (by their first line) and writes
`artifacts/p02_student/p02_rssm_dynamics.ipynb`: solutions cut out, checks locked, not executed.
`--check` changes nothing and exits with 1 if either is stale. `--course DIR` writes
`DIR/source/p02` and a configuration, ready for `nbgrader generate_assignment p02`.
"""
import argparse
import re
import sys
from pathlib import Path

import nbformat
from nbgrader.preprocessors import (
    CheckCellMetadata,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

ROOT = Path(__file__).resolve().parent.parent
INSTRUCTOR = ROOT/'nbs'/'p02_instructor.ipynb'
STUDENT = ROOT/'artifacts'/'p02_student'/'p02_rssm_dynamics.ipynb'
TITLE = '''# P02: Build an RSSM Dynamics Model

> GRU, MDN-RNN and RSSM in the latent space of P01's encoder: write them, train them, \
compare them'''
CONFIG = '''c = get_config()
c.CourseDirectory.course_id = 'p02'
c.Execute.timeout = 600    # seconds a cell; nbgrader's default is 30
c.ClearSolutions.code_stub = {'python': '# YOUR CODE HERE\\nraise NotImplementedError()'}
'''
EXERCISE = re.compile(r'# Exercise (\d+)\.(\d+)')
CHECK = re.compile(r'# Check (\d+)\.(\d+) \((\d+) points?\)')
ANSWER = re.compile(r'\*\*Answer (\d+)\.(\d+) \((\d+) points?\)')


def first_line(cell):
    "The first line of a cell that is no directive"
    lines = (line for line in cell.source.splitlines() if line.strip())
    return next((line for line in lines if not line.startswith('#|')), '')


def role(cell):
    "A cell's nbgrader metadata: exercise, check, answer graded by hand, or given; None for prose"
    line = first_line(cell)
    if cell.cell_type != 'code':
        if not (m := ANSWER.match(line)): return None
        return dict(grade=True, locked=False, solution=True, points=int(m[3]),
                    grade_id=f'answer_{m[1]}_{m[2]}')
    if m := CHECK.match(line):
        return dict(grade=True, locked=True, solution=False, points=int(m[3]),
                    grade_id=f'check_{m[1]}_{m[2]}')
    if m := EXERCISE.match(line):
        return dict(grade=False, locked=False, solution=True, grade_id=f'exercise_{m[1]}_{m[2]}')
    return dict(grade=False, locked=True, solution=False, grade_id=f'given_{cell.id}')


def mark(nb):
    "Give each cell the nbgrader metadata that its first line asks for"
    for c in nb.cells:
        found = role(c)
        if found is None:
            c.metadata.pop('nbgrader', None)
        else:
            found |= dict(schema_version=3, task=False)
            c.metadata['nbgrader'] = dict(sorted(found.items()))
    return nb


def is_for_students(cell):
    "Do students see this cell? Not those for the site or for instructors"
    return cell.cell_type != 'raw' and not cell.source.startswith('<!-- instructors -->')


def source(nb):
    "The notebook that nbgrader starts from, with solutions"
    nb = nbformat.from_dict(nb)
    nb.cells = [c for c in nb.cells if is_for_students(c)]
    nb.cells[0].source = TITLE
    for c in nb.cells:
        lines = c.source.splitlines()
        c.source = '\n'.join(line for line in lines if not line.startswith('#|'))
    return ClearOutput().preprocess(nb, {})[0]


def student(nb):
    "The student's notebook, by nbgrader's own steps"
    nb, res = source(nb), {}
    for step in (LockCells, ClearSolutions, CheckCellMetadata, ComputeChecksums):
        nb, res = step().preprocess(nb, res)
    return nb


def write(nb, path, check=False):
    "Write a notebook if it differs from the file; return whether it does"
    nbformat.validate(nb)
    text = nbformat.writes(nb) + '\n'
    stale = not path.exists() or path.read_text(encoding='utf-8') != text
    if stale and not check:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
    return stale


def course(folder):
    "Write a course folder with the assignment's source and a configuration for nbgrader"
    folder = Path(folder)
    nb = mark(nbformat.read(INSTRUCTOR, as_version=4))
    write(source(nb), folder/'source'/'p02'/STUDENT.name)
    (folder/'nbgrader_config.py').write_text(CONFIG, encoding='utf-8')
    print(f'{folder}: source/p02/{STUDENT.name}, nbgrader_config.py; '
          f'next: nbgrader generate_assignment p02')


def main(check=False):
    "Write both notebooks, or only say which are stale"
    nb = nbformat.read(INSTRUCTOR, as_version=4)
    before = [dict(c.metadata) for c in nb.cells]
    marked = [dict(c.metadata) for c in mark(nb).cells] != before
    if marked and not check:
        nbformat.write(nb, INSTRUCTOR)
    stale = {INSTRUCTOR.name: marked, STUDENT.name: write(student(nb), STUDENT, check)}
    return [name for name, is_stale in stale.items() if is_stale]


def arguments():
    "The arguments of this program"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--check', action='store_true', help='exit with 1 if a notebook is stale')
    parser.add_argument('--course', metavar='DIR', help='write a course folder for nbgrader')
    return parser.parse_args()


if __name__ == '__main__':
    args = arguments()
    if args.course:
        course(args.course)
        sys.exit()
    stale = main(args.check)
    if args.check and stale: sys.exit(f'stale: {stale}; run `make student`')
    print(f'{"stale" if args.check else "written"}: {stale or "nothing"}')
