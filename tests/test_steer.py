"Steering: the package without widgets, no widgets in notebooks, and the recorded page in a real browser"
import base64
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
CHROME = next(filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))), None)


def recorded():
    "The fragment in the committed page, and the data its script holds"
    outs = [o for c in nbformat.read(DEMO, as_version=4).cells if c.cell_type == 'code' for o in c.outputs]
    html, = [o['data']['text/html'] for o in outs if 'text/html' in o.get('data', {})]
    return html, json.loads(re.search(r'var D=(\{.*?\}),root=', html, re.S)[1])


def test_package_without_ipywidgets():
    code = ("import sys\nclass No:\n    def find_spec(self, name, *a):\n        if name.split('.')[0] == 'ipywidgets': raise ImportError('No module named ipywidgets')\n"
            "sys.meta_path.insert(0, No())\nimport rssm_nbdev.recording\nfrom rssm_nbdev.panel import panel\n"
            "try: panel(None)\nexcept ImportError as e: print(e)")
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "pip install 'rssm_nbdev[interactive]'" in done.stdout


@pytest.mark.parametrize('path', sorted((ROOT/'nbs').rglob('*.ipynb')), ids=lambda p: p.stem)
def test_no_widget_in_a_notebook(path):
    nb = nbformat.read(path, as_version=4)
    assert 'widgets' not in nb.metadata
    assert not [o for c in nb.cells if c.cell_type == 'code' for o in c.outputs if 'application/vnd.jupyter.widget-view+json' in o.get('data', {})]


def test_recorded_page_is_whole_and_needs_nothing_else():
    html, d = recorded()
    assert len(html.encode()) < 400_000 and not re.search(r'https?://|@import|url\((?!data:)|src="(?!data:)', html)
    k, n = len(d['labels']), (len(d['labels'])**(d['depth'] + 1) - 1)//(len(d['labels']) - 1)
    assert (k, d['depth'], d['n'], n) == (3, 5, 364, 364)
    assert all(len(d[key]) == n for key in ('words', 'spread', 'margin', 'error', 'ended')) and d['cols']*d['rows'] >= 2*n
    assert len({w[0] + w[1] for w in d['words']}) > .9*n, 'outcomes differ'
    assert d['margin'][0] is None and None not in d['margin'][1:] and max(d['error'][1:]) > 3*max(d['error'][1:1 + k]), 'errors grow with the moves'


def test_recorded_page_survives_the_site(tmp_path):
    "As smalldocs renders the notebook, its script and sheet are untouched"
    from smalldocs.site import build
    shutil.copy(DEMO, tmp_path)
    (tmp_path/'_quarto.yml').write_text('project:\n  type: website\nwebsite:\n  title: x\n  sidebar:\n    contents: [steer_demo.ipynb]\n')
    build(tmp_path, quiet=True)
    page, = [p.read_text(encoding='utf-8') for p in tmp_path.rglob('steer_demo.html')]
    html, _ = recorded()
    for part in (re.search(r'<script>.*?</script>', html, re.S)[0], re.search(r'<style>.*?</style>', html, re.S)[0], re.search(r'<noscript>.*?</noscript>', html, re.S)[0]): assert part in page


class Browser:
    "A headless browser, spoken to over its debugging port"
    def __init__(self, folder):
        self.proc = subprocess.Popen([CHROME, '--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--remote-debugging-port=0', f'--user-data-dir={folder}', 'about:blank'], stderr=subprocess.DEVNULL)
        port, end = folder/'DevToolsActivePort', time.monotonic() + 60
        while not (port.exists() and port.read_text().strip()):
            assert time.monotonic() < end and self.proc.poll() is None, 'the browser did not start'
            time.sleep(.1)
        import websocket
        with urllib.request.urlopen(f'http://127.0.0.1:{port.read_text().split()[0]}/json') as f: page = next(o for o in json.load(f) if o['type'] == 'page')
        self.ws, self.n = websocket.create_connection(page['webSocketDebuggerUrl'], timeout=60, suppress_origin=True), 0
        self('Page.enable')

    def __call__(self, method, **params):
        self.n += 1
        self.ws.send(json.dumps({'id': self.n, 'method': method, 'params': params}))
        while (got := json.loads(self.ws.recv())).get('id') != self.n: pass
        assert 'error' not in got, got
        return got['result']

    def open(self, url, width=1200, height=900, scripts=True):
        "Open a page in a window of some size"
        self('Emulation.setScriptExecutionDisabled', value=not scripts)
        self('Emulation.setDeviceMetricsOverride', width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self('Page.navigate', url=url)
        end = time.monotonic() + 60
        while self.js('document.readyState') != 'complete' or self.js('location.href') != url: assert time.monotonic() < end; time.sleep(.1)

    def js(self, code):
        got = self('Runtime.evaluate', expression=code, returnByValue=True)
        assert 'exceptionDetails' not in got, got
        return got['result'].get('value')

    def click(self, selector):
        "Press the mouse in the middle of an element, wherever the page has it"
        x, y = self.js(f"(()=>{{var e=document.querySelector('{selector}');e.scrollIntoView({{block:'center',behavior:'instant'}});var r=e.getBoundingClientRect();return [r.x+r.width/2,r.y+r.height/2]}})()")
        for kind in ('mousePressed', 'mouseReleased'): self('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', clickCount=1)

    def key(self, key):
        for kind in ('keyDown', 'keyUp'): self('Input.dispatchKeyEvent', type=kind, key=key, text=key if kind == 'keyDown' else '')

    def picture(self, path): path.write_bytes(base64.b64decode(self('Page.captureScreenshot')['data']))

    def close(self):
        self.ws.close()
        self.proc.terminate()
        self.proc.wait(timeout=30)


@pytest.fixture(scope='module')
def browser(tmp_path_factory):
    if CHROME is None: pytest.skip('no browser on this machine')
    pytest.importorskip('websocket')
    b = Browser(tmp_path_factory.mktemp('profile'))
    yield b
    b.close()


@pytest.fixture
def url(tmp_path):
    html, _ = recorded()
    (tmp_path/'page.html').write_text(f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>x</title><body>{html}</body></html>', encoding='utf-8')
    return (tmp_path/'page.html').as_uri()


SAID = "document.querySelector('.words').textContent"
CELLS = "[...document.querySelectorAll('.views .pic')].map(e=>e.style.backgroundPosition)"


def shown(browser, d):
    "Numbers of the two pictures in the sheet, from where it is shifted to"
    at = [[float(v.strip('%'))/100 for v in p.split()] for p in browser.js(CELLS)]
    return [round(x*(d['cols'] - 1)) + d['cols']*round(y*(d['rows'] - 1)) for x, y in at]


@pytest.mark.parametrize('width', [1200, 390])
def test_every_button_does_what_it_says(browser, url, width):
    _, d = recorded()
    browser.open(url, width)
    k, i = len(d['labels']), 0
    def check(i, more=''):
        assert browser.js(SAID) == ''.join(d['words'][i]) + more
        assert shown(browser, d) == [i, d['n'] + i]
    check(0)
    assert browser.js('document.documentElement.scrollWidth') <= width, 'nothing sticks out to the side'
    path = [2, 0, 1, 2, 0]
    for step, j in enumerate(path):
        browser.click(f'[data-a="{j}"]')
        i = k*i + 1 + j
        check(i, ' The recording ends here: undo, or start again.' if step == 4 else '')
    assert browser.js("document.querySelectorAll('.path > div').length") == 6
    browser.click('[data-a="1"]'); check(i, ' The recording ends here: undo, or start again.')  # no sixth move
    browser.click('[data-u=u]'); check((i - 1)//k)
    browser.click('[data-h]')
    assert browser.js(SAID) == d['words'][(i - 1)//k][0] and browser.js("getComputedStyle(document.querySelector('.truth')).visibility") == 'hidden'
    browser.click('[data-h]'); check((i - 1)//k)
    browser.click('[data-u=r]'); check(0)
    assert browser.js('document.documentElement.scrollWidth') <= width


def test_by_keyboard_alone(browser, url):
    _, d = recorded()
    browser.open(url)
    browser.key('3'); assert browser.js(SAID) == ''.join(d['words'][0])  # without the focus, the page's keys are the page's
    browser.js("document.querySelector('[data-a]').focus()")
    browser.key('3'); assert browser.js(SAID) == ''.join(d['words'][3])
    browser.key('1'); assert browser.js(SAID) == ''.join(d['words'][10])
    browser.key('u'); assert browser.js(SAID) == ''.join(d['words'][3])
    browser.key('h'); assert browser.js(SAID) == d['words'][3][0]
    browser.key('r'); assert browser.js(SAID) == d['words'][0][0]
    browser.key(' '); assert browser.js(SAID) == d['words'][1][0]  # and a button is a button
    names = [(o.get('role', {}).get('value'), o.get('name', {}).get('value')) for o in browser('Accessibility.getFullAXTree')['nodes'] if not o.get('ignored')]
    for name in (*d['labels'], 'Undo', 'Start again', 'Show reality'): assert ('button', name) in names
    assert any(role == 'image' and name == 'Imagined picture, step 4' for role, name in names) and any(role == 'status' for role, name in names)


def test_colours_are_legible(browser, url):
    "Contrast of every text with what lies behind it is at least 4.5 : 1"
    browser.open(url)
    code = """(()=>{
    function lum(c){return c.map(v=>{v/=255;return v<=.03928?v/12.92:((v+.055)/1.055)**2.4}).reduce((s,v,i)=>s+v*[.2126,.7152,.0722][i],0)}
    function rgb(s){return s.match(/[\\d.]+/g).map(Number)}
    function behind(e){for(;e;e=e.parentElement){var c=rgb(getComputedStyle(e).backgroundColor);if(c.length<4||c[3]>0)return c.slice(0,3)}return [255,255,255]}
    return [...document.querySelectorAll('.words,.note,figcaption,button,.path>div')].map(e=>{var a=lum(rgb(getComputedStyle(e).color).slice(0,3)),b=lum(behind(e));return [e.textContent.slice(0,20),(Math.max(a,b)+.05)/(Math.min(a,b)+.05)]})})()"""
    browser.js("document.querySelector('[data-a]').click()")
    rows = browser.js(code)
    assert len(rows) > 10 and not [r for r in rows if r[1] < 4.5], rows


def test_without_scripts_a_path_is_shown(browser, url):
    browser.open(url, scripts=False)
    assert browser.js("document.querySelector('.live').hidden") and browser.js("(e=>e.naturalWidth>0&&e.getBoundingClientRect().width>100&&e.alt.length>20)(document.querySelector('noscript img'))")


def test_in_the_page_of_the_site(browser):
    "The built page, where it was built: the fragment lives among the site's own styles and scripts"
    page = ROOT/'_docs'/'steer_demo.html'
    if not page.exists(): pytest.skip('the site is not built')
    _, d = recorded()
    for width in (1200, 390):
        browser.open(page.as_uri(), width)
        browser.click('[data-a="0"]')
        assert browser.js(SAID) == ''.join(d['words'][1]) and browser.js('document.documentElement.scrollWidth') <= width
