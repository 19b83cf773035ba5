"""What is wrong with an argument, by what it should be; used by the property tests of every public function.

`CASES` of a test module maps 'module.name' to a `Case`: a function, a valid call, and for each argument what it should be:

    Case(fit, lambda: dict(model=model(), train=windows(), valid=windows(), steps=1), steps=number(low=1, integer=True), ...)

For each of them `bad` draws a value that is wrong in one way, and `refuses` calls the function with it: the error must be
ours, name the argument or the value in one line, and come before any work.
"""
import inspect
import re
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from hypothesis import strategies as st

from rssm_nbdev.core import RSSMError

WORDS = st.sampled_from(['', 'word', 'NaN', '１', 'Pendulum', '../..', 'a'*300])
OTHERS = st.one_of(WORDS, st.none(), st.booleans(), st.just([]), st.just({}), st.just(object()), st.just(b'bytes'), st.just(len), st.just(3 + 4j))


@dataclass(frozen=True)
class Kind:
    "What an argument should be, and a strategy for what is wrong; `optional`: None is a valid value; `words` name it too"
    what: str
    wrong: st.SearchStrategy
    optional: bool = False
    words: tuple = ()


def _without_none(s, optional): return s.filter(lambda v: v is not None) if optional else s


def number(low=None, high=None, integer=False, optional=False):
    "A number in [low, high]; wrong: outside, not finite, not whole, of another type"
    wrong = [st.sampled_from([float('nan'), float('inf'), -float('inf')]), OTHERS, st.just(np.zeros(3)), st.just(torch.zeros(2)), st.just([1, 2])]
    if low is not None: wrong.append(st.floats(max_value=low, exclude_max=True, allow_nan=False) | st.integers(max_value=int(np.ceil(low)) - 1))
    if high is not None: wrong.append(st.floats(min_value=high, exclude_min=True, allow_nan=False) | st.integers(min_value=int(np.floor(high)) + 1))
    if integer: wrong.append(st.floats(.01, .99).map(lambda f: f + 3))
    return Kind('number', _without_none(st.one_of(wrong), optional), optional)


def choice(*values, optional=False):
    "One of some words"
    return Kind('choice', _without_none(st.one_of(OTHERS, st.integers(2, 9), st.floats(allow_nan=True), st.just(str(values[0]) + 'x')).filter(lambda v: not (isinstance(v, str) and v in values)), optional), optional)


def array(good, values=True, low=None, high=None, numpy=None, free=(), optional=False, filled=(), leading=False, bools=False, anywhere=False):
    """An array or tensor like `good`: wrong in rank, in the size of an axis that is not `free`, dtype, kind, device or (`values`) by NaN, infinity or range.
    `numpy`: None takes either library; True only NumPy arrays; False only tensors. `filled`: free axes that must not be empty.
    `leading`: any leading axes will do, the last counts. `bools`: truth values will do. `anywhere`: on any device"""
    as_torch = isinstance(good, torch.Tensor)
    like = lambda v: torch.as_tensor(v) if as_torch else np.asarray(v)
    base = good.detach().numpy() if as_torch else good
    wrong = [OTHERS, st.just(1.5), st.just(like(base.reshape(-1)[:1].reshape(()))), st.just(like(base.astype(np.complex64)))]
    if base.dtype == bool or not bools: wrong.append(st.just(like(base.astype(bool) if base.dtype != bool else base.astype(complex))))
    if not leading: wrong.append(st.just(like(base[None])))
    for ax in range(base.ndim):
        if ax not in free and not (leading and ax < base.ndim - 1): wrong.append(st.just(like(np.concatenate([base, base.take([0], ax)], ax))))
        if ax in filled or ax not in free and not (leading and ax < base.ndim - 1): wrong.append(st.just(like(base.take(range(0), ax))))
    if as_torch and not anywhere: wrong.append(st.just(good.detach().to('meta')))
    if values and base.dtype.kind == 'f' and base.size:
        def spoil(v, at): x = base.copy(); x.reshape(-1)[at % base.size] = v; return like(x)
        bad = [np.nan, np.inf, -np.inf] + ([low - 1] if low is not None else []) + ([high + 1] if high is not None else [])
        wrong.append(st.builds(spoil, st.sampled_from(bad), st.integers(0, base.size - 1)))
    if numpy is True and not as_torch: wrong.append(st.just(torch.as_tensor(base)))
    if numpy is False and as_torch: wrong.append(st.just(base))
    return Kind('array', _without_none(st.one_of(wrong), optional), optional)


def either(*wrong, optional=False, words=()):
    "Whatever is wrong in one of these ways: values, or strategies"
    return Kind('any', _without_none(st.one_of([w if isinstance(w, st.SearchStrategy) else st.just(w) for w in wrong]), optional), optional, words)


def function(optional=False):
    "Something to call"
    return Kind('function', _without_none(st.one_of(OTHERS, st.integers(), st.just(np.zeros(3))).filter(lambda v: not callable(v)), optional), optional)


def path(optional=False):
    "Where a file or folder is, as text or `Path`"
    return Kind('path', _without_none(st.one_of(st.just(''), st.none(), st.booleans(), st.integers(), st.floats(), st.just(b'bytes'), st.just([]), st.just({}), st.just(object()), st.just(len), st.just('a\0b'), st.just(np.zeros(3))), optional), optional)


def numbers(low=None, high=None):
    "A list of whole numbers"
    beyond = [[v] for v in ([low - 1] if low is not None else []) + ([high + 1] if high is not None else [])]
    return Kind('numbers', st.one_of(OTHERS, st.integers(), st.sampled_from([['word'], [None], [1.5], [float('nan')], [[1]], [True], [3 + 4j], [1, object()], *beyond])))


def instance(*more, optional=False):
    "An object of a class of ours; wrong: anything else, and what is given as a strategy of its own in `more`"
    return Kind('instance', _without_none(st.one_of(OTHERS, st.integers(), st.just(np.zeros(3)), st.just(torch.zeros(2)), *more), optional), optional)


def several(*more, empty=True, optional=False, words=()):
    "A list of our objects; wrong: empty (unless that is fine), of other things, no list"
    return Kind('list', _without_none(st.one_of(OTHERS.filter(lambda v: empty or v not in ([], {})), st.integers(), st.just(np.zeros(3)), st.just([3]), st.just(['word']), st.just([None]), *more), optional), optional, words)


def flag(): return Kind('flag', st.one_of(WORDS, st.integers(2, 9), st.just(None), st.just([]), st.just(np.zeros(3))))


@dataclass
class Case:
    "A public function, a valid call of it, and what its arguments should be"
    call: object
    good: object                                   # () → keyword arguments of a call that works; made anew for each try
    kinds: dict = field(default_factory=dict)
    left: dict = field(default_factory=dict)       # argument → why no value of it is wrong

    def __init__(self, call, good, left=None, **kinds): self.call, self.good, self.kinds, self.left = call, good, kinds, left or {}

    def missing(self):
        "Arguments of which nothing is said"
        names = [p.name for p in inspect.signature(self.call).parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        return [n for n in names if n not in self.kinds and n not in self.left]


def run(f, kw):
    "Call it; generators are read, for that is where they check"
    res = f(**kw)
    return list(res) if inspect.isgenerator(res) else res


def refuses(case, name, value, seconds=2.):
    "The call with one wrong value ends with our error, in one line that names argument or value, before any work"
    kw = case.good() | {name: value}
    start = time.process_time()
    try: run(case.call, kw)
    except RSSMError as e: text = str(e)
    except BaseException as e: raise AssertionError(f'{name}={value!r:.200}: {type(e).__name__}: {e}') from e
    else: raise AssertionError(f'{name}={value!r:.200}: accepted')
    took = time.process_time() - start
    assert text.strip() and '\n' not in text and len(text) < 600, f'{name}={value!r:.200}: not one line: {text!r:.700}'
    said = [n for n in (name, *kw, *case.kinds[name].words) if re.search(rf'\b{n}\b|\b{n.rstrip("s")}\b', text)]      # two that do not fit together: either of them
    assert said or repr(value)[:20] in text, f'{name}={value!r:.200}: {text!r} names neither'
    assert took < seconds, f'{name}={value!r:.200}: refused only after {took:.1f} s'
