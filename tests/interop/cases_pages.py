"""Our pages in a real browser: nothing asked of the network, no complaint, and every number as the JSON has it."""
import html.parser
import json
import math
import re
import shutil
import subprocess

from lane import REPOSITORY, Miss, Skip, expect_equal, require

MODELS = ('llama3', 'qwen3_moe')  # dense; of experts
TYPES = ('Q4_K_M', 'MXFP4')
TEXT = REPOSITORY / 'tiny' / 'heldout.txt'
ON_TEXT = ('--calibration-text', TEXT, '--calibration-ctx', '128', '--calibration-chunks', '40')
JOBS = (('plan', '--fit', '1.3MiB'), ('quantize', '--type', 'Q4_0', *ON_TEXT))
# Where digits may stand that are not figures of the run: names and text of the input, scales of plots, style.
NO_FIGURES = {'name', 'text', 'tick', 'label', 'hint'}
UNITS = {'': 1, '%': 0.01, 'B': 1, 'KiB': 2**10, 'MiB': 2**20, 'GiB': 2**30, 'TiB': 2**40}
SHOWN = re.compile(r'([+-]?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))? ?(%|[KMGT]?i?B|)')
# In chromium's log of the network: who asked, and for what. The browser itself asks for updates and the like.
REQUEST = re.compile(r'"initiator":"([^"]*)".*?"url":"((?:https?|wss?|ftp):[^"]*)"')
BROWSER = 'not an origin'
CHANGES = ('ppl_ratio',)  # shown as a change in percent


def run(lane):
    for model in [model for model in lane.zoo() if model.name in MODELS] + [lane.own()]:
        lane.check(f'{model.name}: the page in chromium', page, lane, model, TYPES[:1])
    lane.check('the page of several candidates', page, lane, lane.own(), TYPES)
    for job in JOBS:
        lane.check(f'the page of {job[0]}', job_page, lane, lane.own(), *job)
    lane.check('a page that asks for something is found out', hostile_page, lane)


def page(lane, model, types):
    candidates = [lane.quantized(model, kind) for kind in types]
    path, numbers = lane.work / 'page.html', lane.work / 'page.json'
    lane.run('verify', require(model), *candidates, '--ctx', '64', '--chunks', '4', '--quiet', '--json', numbers,
             '--report', path)
    dom = opened(lane, path)
    figures = check_figures(dom, json.loads(numbers.read_text()))
    print(f'  {model.name}: {figures} figures', flush=True)


def job_page(lane, model, command, *options):
    path, out = lane.work / 'job.html', lane.work / 'job.gguf'
    told = lane.run(command, require(model), '-o', out, *options, '--quiet', '--json', '--report', path)
    figures = check_figures(opened(lane, path), json.loads(told), least=60)
    print(f'  {command}: {figures} figures', flush=True)


def hostile_page(lane):
    path = lane.work / 'hostile.html'
    for markup in '<img src="http://127.0.0.1:9/x.png">', '<script>console.log("x")</script>':
        path.write_text(f'<!DOCTYPE html><title>x</title>{markup}')
        try:
            opened(lane, path)
        except Miss:
            continue
        raise Miss(f'nothing was said of {markup}')


def opened(lane, path):
    """The page as the browser has it. A Miss if it says anything on the console or asks for anything else."""
    chromium = shutil.which('chromium')
    if chromium is None:
        raise Skip('no chromium')
    log = lane.work / 'network.json'
    done = subprocess.run(
        [chromium, '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking',
         '--disable-component-update', '--no-first-run', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
         f'--user-data-dir={lane.work / "chromium"}', f'--log-net-log={log}', '--enable-logging=stderr', '--dump-dom',
         path.as_uri()], capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise Miss(f'chromium: exit {done.returncode}: {done.stderr[-300:]}')
    said = [line for line in done.stderr.splitlines() if 'CONSOLE' in line]
    if said:
        raise Miss(f'the console: {said[0]}')
    asked = {url for initiator, url in REQUEST.findall(log.read_text()) if initiator != BROWSER}
    if asked:
        raise Miss(f'asked for {sorted(asked)}')
    return done.stdout


def holds_no_figures(element):
    tag, attributes = element
    return tag in ('style', 'title', 'caption', 'summary') or NO_FIGURES & set((attributes.get('class') or '').split())


class Figures(html.parser.HTMLParser):
    """Elements that show a figure with their text, and digits that stand elsewhere."""
    VOID = {'meta', 'link', 'br', 'img', 'input', 'hr'}

    def __init__(self):
        super().__init__()
        self.open, self.figures, self.stray = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in self.VOID:
            self.open.append((tag, dict(attributes)))
            if 'data-json' in self.open[-1][1]:
                self.figures.append((self.open[-1][1], []))

    def handle_startendtag(self, tag, attributes):
        pass

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if any('data-json' in attributes for _, attributes in self.open):
            self.figures[-1][1].append(data)
        elif re.search(r'\d', data) and not any(map(holds_no_figures, self.open)):
            self.stray.append(data)


def check_figures(dom, numbers, least=200):
    parser = Figures()
    parser.feed(dom)
    for attributes, text in parser.figures:
        pointer, value = attributes['data-json'], numbers
        for step in pointer.split('/')[1:]:
            value = value[int(step)] if isinstance(value, list) else value[step]
        expect_equal(float(attributes['data-value']), value, pointer)
        check_shown(pointer, ''.join(text).rpartition(': ')[2].strip(), value)
    if parser.stray:
        raise Miss(f'numbers that are no figures: {parser.stray[:5]}')
    if len(parser.figures) < least:
        raise Miss(f'only {len(parser.figures)} figures')
    return len(parser.figures)


def check_shown(pointer, shown, value):
    """What people read is the value, rounded at its last digit."""
    match = SHOWN.fullmatch(shown)
    if not match:
        raise Miss(f'{pointer}: expected a number, found {shown!r}')
    sign, whole, decimals, exponent, unit = match.groups()
    scale = UNITS[unit] * 10 ** int(exponent or 0)
    found = float(f'{sign}{whole}.{decimals or 0}') * scale
    if pointer.endswith(CHANGES):
        found += 1
    if not math.isclose(found, value, rel_tol=1e-9, abs_tol=0.5001 * scale * 10 ** -len(decimals or '')):
        raise Miss(f'{pointer}: expected {value}, found {shown!r}')
