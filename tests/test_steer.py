"Steering: without widgets, no widgets in notebooks, and the recorded page in a real browser"
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from conftest import ROOT

DEMO = ROOT/'nbs'/'steer_demo.ipynb'
BROWSERS = 'chromium', 'chromium-browser', 'google-chrome'
CHROME = next(filter(None, map(shutil.which, BROWSERS)), None)
WIDGET = 'application/vnd.jupyter.widget-view+json'
FOREIGN = r'https?://|@import|url\((?!data:)|src="(?!data:)'
THE_END = ' The recording ends here: undo, or start again.'


def outputs(nb):
    return [o for c in nb.cells if c.cell_type == 'code' for o in c.outputs]


def recorded():
    "The fragment in the committed page, and the data its script holds"
    data = [o.get('data', {}) for o in outputs(nbformat.read(DEMO, as_version=4))]
    html, = [o['text/html'] for o in data if 'text/html' in o]
    return html, json.loads(re.search(r'var D = (\{.*?\});\n', html, re.S)[1])


WITHOUT_WIDGETS = """
import sys
class No:
    def find_spec(self, name, *a):
        if name.split('.')[0] == 'ipywidgets': raise ImportError('No module named ipywidgets')
sys.meta_path.insert(0, No())
from rssm_nbdev.interactive.steering import Steering
from rssm_nbdev.interactive.views import panel
try: panel(Steering.__new__(Steering))
except ImportError as e: print(e)
"""


def test_package_without_ipywidgets():
    command = sys.executable, '-c', WITHOUT_WIDGETS
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "pip install 'rssm_nbdev[interactive]'" in done.stdout


@pytest.mark.parametrize('path', sorted((ROOT/'nbs').rglob('*.ipynb')), ids=lambda p: p.stem)
def test_no_widget_in_a_notebook(path):
    nb = nbformat.read(path, as_version=4)
    assert 'widgets' not in nb.metadata
    assert not [o for o in outputs(nb) if WIDGET in o.get('data', {})]


def test_recorded_page_is_whole_and_needs_nothing_else():
    html, d = recorded()
    assert len(html.encode()) < 400_000 and not re.search(FOREIGN, html)
    k, depth = len(d['labels']), d['depth']
    n = (k**(depth + 1) - 1)//(k - 1)
    assert (k, depth, d['n'], n) == (3, 5, 364, 364)
    assert all(len(d[key]) == n for key in ('words', 'spread', 'margin', 'error', 'ended'))
    assert d['cols']*d['rows'] >= 2*n
    assert len({imagined + real for imagined, real in d['words']}) > .9*n, 'outcomes differ'
    assert d['margin'][0] is None and None not in d['margin'][1:]
    assert max(d['error'][1:]) > 3*max(d['error'][1:1 + k]), 'errors grow with the moves'


SITE = """
project:
  type: website
website:
  title: x
  sidebar:
    contents: [steer_demo.ipynb]
"""


def test_recorded_page_survives_the_site(tmp_path):
    "smalldocs renders the notebook with the script and the sheet of pictures unchanged"
    from smalldocs.site import build
    shutil.copy(DEMO, tmp_path)
    (tmp_path/'_quarto.yml').write_text(SITE)
    build(tmp_path, quiet=True)
    page, = [p.read_text(encoding='utf-8') for p in tmp_path.rglob('steer_demo.html')]
    html, _ = recorded()
    for tag in ('script', 'style', 'noscript'):
        part = re.search(f'<{tag}>.*?</{tag}>', html, re.S)[0]
        assert part in page, tag


FLAGS = ('--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars',
         '--remote-debugging-port=0', 'about:blank')
MIDDLE = """(() => {
    var e = document.querySelector(%r);
    e.scrollIntoView({block: 'center', behavior: 'instant'});
    var r = e.getBoundingClientRect();
    return [r.x + r.width/2, r.y + r.height/2];
})()"""


def wait(done, message, alive=lambda: True):
    "Wait a minute at most"
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end and alive(), message
        time.sleep(.1)


class Browser:
    "A headless browser, controlled over its debugging port"
    def __init__(self, folder):
        import websocket
        command = [CHROME, f'--user-data-dir={folder}', *FLAGS]
        self.proc = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        port = folder/'DevToolsActivePort'
        wait(lambda: port.exists() and port.read_text().strip(), 'the browser did not start',
             lambda: self.proc.poll() is None)
        address = f'http://127.0.0.1:{port.read_text().split()[0]}/json'
        with urllib.request.urlopen(address) as f:
            page = next(o for o in json.load(f) if o['type'] == 'page')
        url = page['webSocketDebuggerUrl']
        self.ws = websocket.create_connection(url, timeout=60, suppress_origin=True)
        self.n = 0
        self('Page.enable')

    def __call__(self, method, **params):
        self.n += 1
        self.ws.send(json.dumps({'id': self.n, 'method': method, 'params': params}))
        got = {}
        while got.get('id') != self.n:
            got = json.loads(self.ws.recv())
        assert 'error' not in got, got
        return got['result']

    def open(self, url, width=1200, height=900, scripts=True):
        "Open a page in a window of some size"
        self('Emulation.setScriptExecutionDisabled', value=not scripts)
        self('Emulation.setDeviceMetricsOverride', width=width, height=height,
             deviceScaleFactor=1, mobile=width < 600)
        self('Page.navigate', url=url)
        state = '[document.readyState, location.href]'
        wait(lambda: self.js(state) == ['complete', url], 'the page did not load')

    def js(self, code):
        got = self('Runtime.evaluate', expression=code, returnByValue=True)
        assert 'exceptionDetails' not in got, got
        return got['result'].get('value')

    def click(self, selector):
        "Press the mouse in the middle of an element, wherever the page has it"
        x, y = self.js(MIDDLE % selector)
        for event in ('mousePressed', 'mouseReleased'):
            self('Input.dispatchMouseEvent', type=event, x=x, y=y, button='left', clickCount=1)

    def key(self, key):
        for event in ('keyDown', 'keyUp'):
            text = key if event == 'keyDown' else ''
            self('Input.dispatchKeyEvent', type=event, key=key, text=text)

    def close(self):
        self.ws.close()
        self.proc.terminate()
        self.proc.wait(timeout=30)


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    if CHROME is None:
        pytest.skip('no browser on this machine')
    pytest.importorskip('websocket')
    b = Browser(tmp_path_factory.mktemp('profile'))
    yield b
    b.close()


PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>x</title><body>%s</body></html>"""


@pytest.fixture
def url(tmp_path):
    page = tmp_path/'page.html'
    page.write_text(PAGE.replace('%s', recorded()[0]), encoding='utf-8')
    return page.as_uri()


TEXT = "document.querySelector('.words').textContent"
POSITIONS = "[...document.querySelectorAll('.views .pic')].map(e => e.style.backgroundPosition)"
WIDTH = 'document.documentElement.scrollWidth'


def shown(browser, d):
    "Numbers of the two pictures in the sheet, from where it is shifted to"
    at = [[float(v.strip('%'))/100 for v in p.split()] for p in browser.js(POSITIONS)]
    return [round(x*(d['cols'] - 1)) + d['cols']*round(y*(d['rows'] - 1)) for x, y in at]


def check_shown(browser, d, i, more=''):
    "Both pictures and the description are those of node i"
    assert browser.js(TEXT) == ''.join(d['words'][i]) + more
    assert shown(browser, d) == [i, d['n'] + i]


@pytest.mark.parametrize('width', [1200, 390])
def test_every_button_does_what_it_says(browser, url, width):
    _, d = recorded()
    browser.open(url, width)
    k, i = len(d['labels']), 0
    check_shown(browser, d, 0)
    assert browser.js(WIDTH) <= width, 'nothing sticks out to the side'
    for step, j in enumerate([2, 0, 1, 2, 0], 1):
        browser.click(f'[data-a="{j}"]')
        i = k*i + 1 + j
        check_shown(browser, d, i, THE_END if step == 5 else '')
    assert browser.js("document.querySelectorAll('.path > div').length") == 6
    browser.click('[data-a="1"]')                           # no sixth move
    check_shown(browser, d, i, THE_END)
    parent = (i - 1)//k
    browser.click('[data-u=u]')
    check_shown(browser, d, parent)
    browser.click('[data-h]')
    assert browser.js(TEXT) == d['words'][parent][0]
    visibility = "getComputedStyle(document.querySelector('.truth')).visibility"
    assert browser.js(visibility) == 'hidden'
    browser.click('[data-h]')
    check_shown(browser, d, parent)
    browser.click('[data-u=r]')
    check_shown(browser, d, 0)
    assert browser.js(WIDTH) <= width


def visible_nodes(browser):
    "Roles and names of what a screen reader meets"
    nodes = browser('Accessibility.getFullAXTree')['nodes']
    return [(o.get('role', {}).get('value'), o.get('name', {}).get('value'))
            for o in nodes if not o.get('ignored')]


def test_by_keyboard_alone(browser, url):
    _, d = recorded()
    words = d['words']
    browser.open(url)
    def press(key):
        browser.key(key)
        return browser.js(TEXT)
    assert press('3') == ''.join(words[0])                  # without the focus no key does anything
    browser.js("document.querySelector('[data-a]').focus()")
    assert press('3') == ''.join(words[3])
    assert press('1') == ''.join(words[10])
    assert press('u') == ''.join(words[3])
    assert press('h') == words[3][0]
    assert press('r') == words[0][0]
    assert press(' ') == words[1][0]                        # a button is a button
    nodes = visible_nodes(browser)
    for name in (*d['labels'], 'Undo', 'Start again', 'Show reality'):
        assert ('button', name) in nodes
    assert ('image', 'Imagined picture, step 4') in nodes
    assert any(role == 'status' for role, _ in nodes)


CONTRASTS = """(() => {
    function part(v) { v /= 255; return v <= .03928 ? v/12.92 : ((v + .055)/1.055)**2.4; }
    const WEIGHTS = [.2126, .7152, .0722];
    function luminance(c) { return c.map(part).reduce((s, v, i) => s + v*WEIGHTS[i], 0); }
    function rgb(s) { return s.match(/[\\d.]+/g).map(Number); }
    function behind(e) {
        for (; e; e = e.parentElement) {
            var c = rgb(getComputedStyle(e).backgroundColor);
            if (c.length < 4 || c[3] > 0) return c.slice(0, 3);
        }
        return [255, 255, 255];
    }
    function contrast(e) {
        var a = luminance(rgb(getComputedStyle(e).color).slice(0, 3)), b = luminance(behind(e));
        return [e.textContent.slice(0, 20), (Math.max(a, b) + .05)/(Math.min(a, b) + .05)];
    }
    var texts = '.words, .note, figcaption, button, .path > div';
    return [...document.querySelectorAll(texts)].map(contrast);
})()"""


def test_colours_are_legible(browser, url):
    "Contrast of every text with its background is at least 4.5 : 1"
    browser.open(url)
    browser.js("document.querySelector('[data-a]').click()")
    rows = browser.js(CONTRASTS)
    assert len(rows) > 10 and not [r for r in rows if r[1] < 4.5], rows


FALLBACK = """(e => e.naturalWidth > 0 && e.getBoundingClientRect().width > 100 &&
    e.alt.length > 20)(document.querySelector('noscript img'))"""


def test_without_scripts_a_path_is_shown(browser, url):
    browser.open(url, scripts=False)
    assert browser.js("document.querySelector('.live').hidden")
    assert browser.js(FALLBACK)


def test_in_the_page_of_the_site(browser):
    "The fragment works in the built page, among the site's own styles and scripts"
    page = ROOT/'_docs'/'steer_demo.html'
    if not page.exists():
        pytest.skip('the site is not built')
    _, d = recorded()
    for width in (1200, 390):
        browser.open(page.as_uri(), width)
        browser.click('[data-a="0"]')
        assert browser.js(TEXT) == ''.join(d['words'][1])
        assert browser.js(WIDTH) <= width
