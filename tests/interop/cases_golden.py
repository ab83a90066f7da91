"""Against goldens that other programs made: logits, hidden states, token ids, and llama.cpp's own conversion."""
import re

from lane import REPOSITORY, Miss, Skip, describe, expect_at_most, expect_equal, relative_difference, require

# Names for people; no loader decides anything by them.
KEYS_OF_NO_LOADER = {'general.name', 'general.basename', 'general.size_label', 'general.finetune', 'general.version',
                     'general.license'}


def run(lane):
    for model in [*lane.zoo(), lane.own()]:
        lane.check(f'{model.name}: logits of the folder', logits, lane, model, lambda: require(model), 1e-4)
        for dtype, bound in (('f32', 1e-4), ('bf16', 1e-2)):
            lane.check(f'{model.name}: logits of the {dtype} GGUF', logits, lane, model,
                       lambda: lane.converted(model, dtype), bound)
    for model in lane.zoo():
        lane.check(f'{model.name}: the f32 GGUF is llama.cpp\'s', same_as_llama_cpp, lane, model)
        for source in ('folder', 'GGUF'):
            lane.check(f'{model.name}: token ids of the {source}', token_ids, lane, model, source)


def logits(lane, model, path, bound):
    path, golden = path(), model.golden()
    got = lane.logits(path, golden['input_ids'], hidden=True)
    for name, want in golden.items():
        if name == 'logits':
            expect_at_most(relative_difference(got[name], want), bound)
        elif name.startswith('hidden_'):  # of sequence 0
            expect_at_most(relative_difference(got[name][0], want), bound)


def token_ids(lane, model, source):
    path = require(model) if source == 'folder' else lane.converted(model, 'f32')
    for case in model.json('tokenizer_golden.json')['cases']:
        text = case['text']
        expect_equal(lane.tokens(path, text), case['ids'], f'ids of {text!r}')
        if 'ids_with_special' in case:
            expect_equal(lane.tokens(path, text, '--add-special'), case['ids_with_special'],
                         f'ids of {text!r} with special tokens')


def deviations():
    """Rows of docs/deviations.md: {(model, key or tensor)}."""
    path = REPOSITORY / 'docs/deviations.md'
    rows = re.findall(r'^\| *([^|]+?) *\| *`([^`|]+)` *\|', path.read_text(), re.MULTILINE)
    return set(rows)


def same_as_llama_cpp(lane, model):
    if not (require(model) / 'llama_cpp_gguf.json').exists():
        raise Skip('no llama_cpp_gguf.json')
    want, got = model.json('llama_cpp_gguf.json'), describe(lane.converted(model, 'f32'))
    listed = {name for of, name in deviations() if of == model.name}
    differing = set()
    for kind in ('keys', 'tensors'):
        for name in want[kind].keys() | got[kind].keys():
            if name not in KEYS_OF_NO_LOADER and want[kind].get(name) != got[kind].get(name):
                differing.add(name)
    unlisted = [f'{name} (theirs {of(want, name)}, ours {of(got, name)})' for name in sorted(differing - listed)]
    if unlisted:
        raise Miss('; '.join(unlisted))
    if listed - differing:
        raise Miss(f'docs/deviations.md lists what does not differ: {sorted(listed - differing)}')


def of(description, name):
    return str(description['keys'].get(name, description['tensors'].get(name)))[:160]
