"""Wrong values for arguments, by what the argument should be; for the tests of public functions.

`CASES` of a test module maps 'module.name' to a `Case`: a function, a valid call, and for each
argument what it should be:

    Case(
        fit,
        lambda: dict(model=model(), train=windows(), valid=windows(), steps=1),
        model=instance(),
        steps=number(low=1, integer=True),
        ...
    )

For each argument `Kind.wrong` draws a value that is wrong in one way, and `refuses` calls the
function with it: the error must be one of ours, name the argument or the value in one line, and
come before any work.
"""
import importlib
import inspect
import re
import time
from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rssm_nbdev.core import RSSMError

WORDS = st.sampled_from(['', 'word', 'NaN', '１', 'Pendulum', '../..', 'a'*300])
VALUES = [[], {}, object(), b'bytes', len, 3 + 4j]
OTHERS = st.one_of(WORDS, st.none(), st.booleans(), *map(st.just, VALUES))
ARRAYS = [np.zeros(3), torch.zeros(2)]


@dataclass(frozen=True)
class Kind:
    "What an argument should be, and a strategy for wrong values"
    what: str
    wrong: st.SearchStrategy
    optional: bool = False  # is None valid?
    words: tuple = ()       # other words for it in errors


def kind(what, strategies, optional=False, words=()):
    "A `Kind` whose wrong values come from any of the strategies; None only if it is not valid"
    wrong = st.one_of(strategies)
    if optional:
        wrong = wrong.filter(lambda v: v is not None)
    return Kind(what, wrong, optional, words)


def just(values):
    "Strategies for single values; strategies among them stay as they are"
    return [v if isinstance(v, st.SearchStrategy) else st.just(v) for v in values]


# ---- numbers and words

def number(low=None, high=None, integer=False, optional=False):
    "A number in [low, high]; wrong: outside, not finite, not whole, of another type"
    inf = float('inf')
    wrong = [st.sampled_from([float('nan'), inf, -inf]), OTHERS, *just([*ARRAYS, [1, 2]])]
    if low is not None:
        wrong.append(st.floats(max_value=low, exclude_max=True, allow_nan=False))
        wrong.append(st.integers(max_value=int(np.ceil(low)) - 1))
    if high is not None:
        wrong.append(st.floats(min_value=high, exclude_min=True, allow_nan=False))
        wrong.append(st.integers(min_value=int(np.floor(high)) + 1))
    if integer:
        wrong.append(st.floats(.01, .99).map(lambda f: f + 3))
    return kind('number', wrong, optional)


def numbers(low=None, high=None):
    "A list of whole numbers in [low, high]"
    wrong = [['word'], [None], [1.5], [float('nan')], [[1]], [True], [3 + 4j], [1, object()]]
    if low is not None:
        wrong.append([low - 1])
    if high is not None:
        wrong.append([high + 1])
    return kind('numbers', [OTHERS, st.integers(), st.sampled_from(wrong)])


def choice(*values, optional=False):
    "One of some words"
    near = st.just(str(values[0]) + 'x')
    wrong = st.one_of(OTHERS, st.integers(2, 9), st.floats(allow_nan=True), near)
    wrong = wrong.filter(lambda v: not (isinstance(v, str) and v in values))
    return kind('choice', [wrong], optional)


def flag():
    "True or false"
    return kind('flag', [WORDS, st.integers(2, 9), *just([None, [], ARRAYS[0]])])


# ---- arrays

def array(
    good,              # an array or tensor that is right
    values=True,       # are NaN, infinity and the range refused?
    low=None,          # smallest value
    high=None,         # largest value
    numpy=None,        # True: only NumPy arrays; False: only tensors; None: either
    free=(),           # axes of any size
    optional=False,    # is None valid?
    filled=(),         # free axes that must not be empty
    leading=False,     # may any axes stand before the last?
    bools=False,       # are truth values valid?
    anywhere=False,    # is any device valid?
):
    "An array like `good`; wrong: rank, sizes, dtype, library, device, values"
    as_torch = isinstance(good, torch.Tensor)
    base = good.detach().numpy() if as_torch else good
    axes = range(base.ndim - 1, base.ndim) if leading else range(base.ndim)
    fixed = [ax for ax in axes if ax not in free]

    def like(v): return torch.as_tensor(v) if as_torch else np.asarray(v)

    wrong = [like(base.reshape(-1)[:1].reshape(())), like(base.astype(np.complex64))]
    if base.dtype == bool:
        wrong.append(like(base.astype(complex)))
    elif not bools:
        wrong.append(like(base.astype(bool)))
    if not leading:
        wrong.append(like(base[None]))
    wrong += [like(np.concatenate([base, base.take([0], ax)], ax)) for ax in fixed]
    wrong += [like(base.take(range(0), ax)) for ax in sorted({*fixed, *filled})]
    if as_torch and not anywhere:
        wrong.append(good.detach().to('meta'))
    if numpy is True and not as_torch:
        wrong.append(torch.as_tensor(base))
    if numpy is False and as_torch:
        wrong.append(base)
    strategies = [OTHERS, *just([1.5, *wrong])]
    if values and base.dtype.kind == 'f' and base.size:
        strategies.append(spoilt(base, like, low, high))
    return kind('array', strategies, optional)


def spoilt(base, like, low, high):
    "Arrays with one value that is not finite or out of range"
    bad = [np.nan, np.inf, -np.inf]
    if low is not None:
        bad.append(low - 1)
    if high is not None:
        bad.append(high + 1)

    def spoil(value, i):
        x = base.copy()
        x.reshape(-1)[i] = value
        return like(x)
    return st.builds(spoil, st.sampled_from(bad), st.integers(0, base.size - 1))


# ---- objects, functions, files

def either(*wrong, optional=False, words=()):
    "An argument for which all wrong values, or strategies for them, are given"
    return kind('any', just(wrong), optional, words)


def function(optional=False):
    "A callable"
    wrong = st.one_of(OTHERS, st.integers(), st.just(ARRAYS[0]))
    return kind('function', [wrong.filter(lambda v: not callable(v))], optional)


def path(optional=False):
    "The place of a file or folder, as text or `Path`"
    values = ['', 'a\0b', b'bytes', [], {}, object(), len, ARRAYS[0]]
    others = [st.none(), st.booleans(), st.integers(), st.floats()]
    return kind('path', [*just(values), *others], optional)


def instance(*more, optional=False):
    "An object of a class of ours; wrong: anything else, and each strategy in `more`"
    return kind('instance', [OTHERS, st.integers(), *just(ARRAYS), *more], optional)


def several(*more, empty=True, optional=False, words=()):
    "A list of our objects; wrong: no list, other elements, none at all (if `empty`)"
    others = OTHERS if empty else OTHERS.filter(lambda v: v not in ([], {}))
    lists = just([ARRAYS[0], [3], ['word'], [None]])
    return kind('list', [others, st.integers(), *lists, *more], optional, words)


# ---- cases

class Case:
    "A public function, a valid call of it, and what its arguments should be"
    def __init__(self,
        call,       # the function
        good,       # () → keyword arguments of a valid call, made anew for each try
        left=None,  # argument → why no value of it is wrong
        **kinds,    # argument → `Kind`
    ):
        self.call = call
        self.good = good
        self.left = left or {}
        self.kinds = kinds

    def missing(self):
        "Arguments without a kind and without a reason"
        params = inspect.signature(self.call).parameters.values()
        names = [p.name for p in params if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        return [n for n in names if n not in self.kinds and n not in self.left]


def run(f, kwargs):
    "Call the function; a generator is read to its end"
    res = f(**kwargs)
    return list(res) if inspect.isgenerator(res) else res


def message_of(f, kwargs, about):
    "The message of the error of ours that the call raises; any other outcome fails the test"
    try:
        run(f, kwargs)
    except RSSMError as e:
        return str(e)
    except BaseException as e:
        raise AssertionError(f'{about}: {type(e).__name__}: {e}') from e
    raise AssertionError(f'{about}: accepted')


def refuses(case, name, value, seconds=2.):
    "The call with one wrong value fails by our error, in one line that names it, before any work"
    kwargs = case.good() | {name: value}
    about = f'{name}={value!r:.200}'
    start = time.process_time()
    text = message_of(case.call, kwargs, about)
    took = time.process_time() - start
    one_line = text.strip() and '\n' not in text and len(text) < 600
    assert one_line, f'{about}: not one line: {text!r:.700}'
    # two arguments may not fit together, so either of them may be named
    words = (name, *kwargs, *case.kinds[name].words)
    named = any(re.search(rf'\b{w}\b|\b{w.rstrip("s")}\b', text) for w in words)
    assert named or repr(value)[:20] in text, f'{about}: {text!r} names neither'
    assert took < seconds, f'{about}: refused only after {took:.1f} s'


def for_each(strategy, check, examples=25):
    "Call `check` with values that the strategy draws, the same in every run"
    def each(value): check(value)
    fixed = dict(derandomize=True, deadline=None, database=None, phases=[Phase.generate])
    limits = dict(max_examples=examples, suppress_health_check=list(HealthCheck))
    settings(**fixed, **limits)(given(strategy)(each))()


def public(module, without_methods=()):
    "'module.name' of each public name of a module, and of the methods of its classes"
    m = importlib.import_module(f'rssm_nbdev.{module}')
    for name in m.__all__:
        value, full = getattr(m, name), f'{module}.{name}'
        yield full
        if not inspect.isclass(value) or full in without_methods: continue
        for method, f in vars(value).items():
            if callable(f) and (method == '__call__' or not method.startswith('_')):
                yield f'{full}.{method}'
