"""Bad words to the shell commands: each is refused in one line, before any work

`SHELL` has every command, words that work, and for each option the words that do not.
"""
import contextlib
import io
from functools import partial

import pytest
from argument_samples import course_file, files, fresh
from bad_arguments import for_each
from hypothesis import strategies as st

from rssm_nbdev.cli.use import main

WHOLE = ['0', '-1', '1.5', 'word', '', 'nan', '1e3']
FROM_0 = ['-1', '1.5', 'word', '', 'inf']
REAL = ['nan', 'inf', '-1', 'word', '']
MISSING = ['nowhere', '', 'a'*300, '../nowhere/x.npz']


def model_file(): return files()/'model.safetensors'  # also: a file in place of a new folder
def missing_or(*names): return partial(missing_or_wrong, names)
def missing_or_wrong(names): return [*MISSING, *(files()/n for n in names)]


def imagine():
    paths = [files()/n for n in ('episodes.npz', 'encoder.safetensors', 'model.safetensors')]
    return [*paths, '--steps=2', '--samples=2']


def evaluate():
    paths = [files()/'many.npz', model_file()]
    return [*paths, '--context=2', '--horizon=2', '--samples=2']


SHELL = {  # command → words that work, and wrong words for each option; numbers are positions
    'collect': (
        lambda: ['Pendulum-v1', '--episodes=2', '--max-steps=3', '--workers=1'],
        {
            0: ['Nowhere-v0', '', 'a'*300, '../..', 'a\nb'],
            'episodes': WHOLE,
            'seed': FROM_0,
            'max-steps': WHOLE,
            'sticky': [*REAL, '1'],
            'workers': WHOLE,
            'shard': ['0/2', '3/2', 'x', '2/', '1/200', '１/2'],
            'on-failure': ['go on', ''],
            'limit': [*REAL, '0'],
            'policy': ['word', ''],
            'fit': ['word', ''],
            'action-repeat': [*WHOLE, '1001'],
            'warmup': [*FROM_0, '10001'],
            'out': model_file,
        },
    ),
    'encoder': (
        lambda: ['Pendulum-v1', '--episodes=1', '--max-steps=2', '--steps=1'],
        {
            0: ['Nowhere-v0', ''],
            'episodes': WHOLE,
            'max-steps': WHOLE,
            'steps': WHOLE,
            'noise': [*REAL, '256'],
            'seed': FROM_0,
            'fit': ['word', ''],
            'action-repeat': [*WHOLE, '1001'],
            'out': model_file,
        },
    ),
    'encode': (
        lambda: [files()/'episodes.npz', files()/'encoder.safetensors'],
        {
            0: missing_or('latents.npz', 'rssm.pt'),
            1: lambda: [*MISSING, 'CartPole-v9', files()/'latents.npz'],
            'out': model_file,
        },
    ),
    'merge': (
        lambda: [files()/'shard1', files()/'shard2'],
        {
            0: missing_or('latents.npz'),
            1: missing_or('shard1'),
            'out': model_file,
        },
    ),
    'train': (
        lambda: [files()/'many.npz', '--steps=2', '--length=6', '--context=2', '--batch=2'],
        {
            0: missing_or('episodes.npz', 'rssm.pt'),
            'model': ['word', '', 'rssm'],
            'steps': WHOLE,
            'length': [*WHOLE, '1', '1000'],
            'batch': WHOLE,
            'lr': REAL,
            'weight-decay': REAL,
            'context': [*WHOLE, '99'],
            'seed': FROM_0,
            'precision': ['fp8', ''],
            'out': model_file,
        },
    ),
    'evaluate': (
        evaluate,
        {
            0: missing_or('episodes.npz'),
            1: missing_or('latents.npz'),
            'context': [*WHOLE, '99'],
            'horizon': [*WHOLE, '99'],
            'samples': WHOLE,
            'out': model_file,
        },
    ),
    'imagine': (
        imagine,
        {
            0: missing_or('latents.npz'),
            1: missing_or('latents.npz'),
            2: missing_or('latents.npz'),
            'episode': [*FROM_0, '99'],
            'start': [*FROM_0, '99'],
            'context': [*WHOLE, '99'],
            'steps': [*WHOLE, '99'],
            'samples': WHOLE,
            'seed': FROM_0,
            'out': model_file,
        },
    ),
    'export': (
        lambda: [course_file(), '--to=course'],
        {
            0: missing_or('latents.npz', 'model.safetensors'),
            'to': ['word', '', 'safetensors'],
            'steps': FROM_0,
            'loss': ['nan', 'inf', 'word', ''],
            'out': model_file,
        },
    ),
    'grade': (
        lambda: [files()/'notebook.ipynb'],
        {
            0: missing_or('latents.npz'),
        },
    ),
}


def new_output(command):
    "The option that says where to write: a new place"
    if command == 'grade': return {}
    return {'out': fresh('.pt' if command == 'export' else '')}


def shell(command, words, **options):
    "Exit code or message of a command, and its output to stderr"
    errors = io.StringIO()
    argv = [command, *map(str, words), *(f'--{k}={v}' for k, v in options.items())]
    with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
        try:
            main(argv)
        except SystemExit as e:
            return e.code, errors.getvalue()
    return 0, errors.getvalue()


@pytest.mark.parametrize('command', SHELL)
def test_a_command_works(command):
    words, _ = SHELL[command]
    code, errors = shell(command, words(), **new_output(command))
    if command == 'grade':  # the notebook lacks everything
        assert 'deliverables' in code
    else:
        assert code == 0, (code, errors)


def reason(code, errors):
    "Why a command refuses: its message, or the last line of its output to stderr"
    if isinstance(code, str): return code
    lines = errors.strip().splitlines()
    return lines[-1] if lines else ''


@pytest.mark.parametrize('command, option', [(k, o) for k, (_, bad) in SHELL.items() for o in bad])
def test_a_command_refuses_bad_words(command, option):
    "Exit code 1 or 2, a reason in one line, and no folder left behind"
    words, wrong = SHELL[command]
    words, wrong = words(), wrong[option]
    if callable(wrong):
        wrong = wrong()

    def check(value):
        out = new_output(command)
        args = [value if i == option else w for i, w in enumerate(words)]
        options = out if isinstance(option, int) else out | {option: value}
        code, errors = shell(command, args, **options)
        why, about = reason(code, errors), f'{option}={value!r}'
        assert code == 2 or isinstance(code, str), f'{about}: exit code {code}'
        one_line = '\n' not in why and len(why) < 700
        assert 'Traceback' not in errors and one_line, f'{about}: {why!r}'
        assert why.startswith(f'rssm {command}: '), f'{about}: {why!r}'
        assert not any(f.exists() for f in out.values()), f'{about}: a folder was left'
    for_each(st.sampled_from(wrong if isinstance(wrong, list) else [wrong]), check)


@pytest.mark.parametrize('words', [['nothing'], ['train'], ['train', '--nothing'], ['']])
def test_an_unknown_command_or_option_is_refused(words):
    code, _ = shell(words[0], words[1:])
    assert code == 2 or code.startswith('rssm: no command ')
