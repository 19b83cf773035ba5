"Paths, the list of rehearsals, a clean environment for commands, and no network for any test"
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OFFLINE = ROOT/'tests'/'offline'
LIBRARY = ROOT/'rssm_nbdev'


def module_name(path):
    "A module's name below `rssm_nbdev.`"
    return '.'.join(path.relative_to(LIBRARY).with_suffix('').parts)


MODULES = sorted(map(module_name, LIBRARY.rglob('[a-z]*.py')))


def environment():
    "Set up what this process and all that tests start share"
    os.environ.setdefault('OFFLINE_LOG', f'{tempfile.gettempdir()}/offline_{os.getpid()}.log')
    paths = str(OFFLINE), os.environ.get('PYTHONPATH')
    os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, paths))
    sys.path[:0] = [str(OFFLINE), str(ROOT/'tools')]
    signal.signal(signal.SIGINT, signal.default_int_handler)    # a shell's background ignores it


environment()
import sitecustomize  # noqa: E402, F401  no network for this process either

# What `make rehearse` runs and `make test` leaves out: a file, or a test in a file, and the reason
REHEARSALS = {
    'test_p02_rehearsal.py': 'executes P02 and the benchmarks',
    'test_p02b_rehearsal.py': 'executes the ablation, twice',
    'test_p03_rehearsal.py::test_p03_runs_with_and_without_p02s_model': 'executes P03, twice',
    'test_gallery.py::test_gallery_rehearsal': 'executes the gallery',
    'test_load.py::test_load_still_runs': 'executes the report on load',
    'test_promises.py::test_promises_rehearsal': 'executes the report on promises',
    'test_scale.py::test_scale_still_runs': 'executes the report on scale',
    'test_student.py::test_nbgrader_accepts_the_instructors_version': 'executes the solutions',
    'test_student.py::test_nbgrader_reports_every_check_of_the_empty_version':
        'executes the assignment',
    'test_files.py::test_thousands_of_damaged_and_forged_files': 'long fuzz',
    'test_failures.py::test_workers_killed_at_any_moment_cost_what_they_were_doing':
        'kills workers at many moments',
    'test_failures.py::test_skip_leaves_out_what_failed_and_nothing_else':
        'one fault after another; `make test` has them all at once',
    'test_failures.py::test_raise_names_it_and_hands_over_what_was_finished':
        'one fault after another; `make test` has them all at once',
    'test_resume.py::test_killed_at_random_moments_it_goes_on_bit_for_bit':
        'kills trainings at many moments',
    'test_resume.py::test_a_bad_disk_or_another_training': 'several trainings',
    'test_resume.py::test_a_full_or_read_only_disk_leaves_the_last_checkpoint_whole':
        'fills a disk during trainings',
    'test_accelerate.py': 'trains in one and in two processes',
    'test_day_one_envs.py::test_functions_specifications_and_objects_are_environments':
        'starts workers for every form of an environment',
    'test_day_one_envs.py::test_a_kept_environment_gives_the_same_bytes':
        'collects in every environment twice',
    'test_day_one_envs.py::test_an_environment_of_a_script_reaches_the_workers':
        'runs scripts of their own',
    'test_day_one_envs.py::test_policies_do_not_depend_on_the_workers':
        'collects with one and two workers',
    'test_package.py::test_every_module_imports_alone': 'one fresh process for each module',
    'test_package.py::test_site_builds_and_has_no_dead_internal_link': 'builds the whole site',
}


def entry(item):
    "The entry of the list that makes a test a rehearsal, or None"
    name = item.path.name
    keys = name, f'{name}::{item.originalname}'
    return next((k for k in keys if k in REHEARSALS), None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    "Mark the rehearsals; an entry of the list that no test has is an error"
    found = {entry(item) for item in items}
    for item in items:
        if entry(item):
            item.add_marker('rehearsal')
    files = {item.path.name for item in items}
    stale = [k for k in REHEARSALS if k.split('::')[0] in files and k not in found]
    whole_files = not any('::' in arg for arg in config.args)
    if stale and whole_files: raise pytest.UsageError(f'REHEARSALS in conftest.py: no test {stale}')


@pytest.fixture(scope='session')
def root(): return ROOT


@pytest.fixture
def env():
    "The environment without anything that steers a notebook"
    steering = 'P02_', 'P02B_', 'P03_', 'GALLERY_', 'LOAD_', 'PROMISES_'
    return {k: v for k, v in os.environ.items() if not k.startswith(steering)}


def pytest_sessionfinish(session, exitstatus):
    "Fail if any process of any test has asked for another machine"
    log = Path(os.environ['OFFLINE_LOG'])
    if hasattr(session.config, 'workerinput') or not log.exists(): return
    asked = log.read_text()
    log.unlink()
    print(f'\nasked for another machine:\n{asked}')
    session.exitstatus = 1
