"""Against goldens that other programs made: logits, hidden states, token ids, and llama.cpp's own conversion."""
import re

import gguf
from cases_consumers import AS_LLAMA_CPP_HAS_IT
from lane import REPOSITORY, Miss, Skip, describe, expect_at_most, expect_equal, relative_difference, require

# Names for people; no loader decides anything by them.
KEYS_OF_NO_LOADER = {'general.name', 'general.basename', 'general.size_label', 'general.finetune', 'general.version',
                     'general.license', 'nibble.manifest'}

# Models with a value for which llama.cpp has no key.
WITHOUT_A_KEY = ('gemma3', 'llama4', 'mistral')


def run(lane):
    for model in [*lane.zoo(), lane.own()]:
        lane.check(f'{model.name}: logits of the folder', logits, lane, model, lambda: require(model), 1e-4)
        for dtype, bound in (('f32', 1e-4), ('bf16', 1e-2)):
            lane.check(f'{model.name}: logits of the {dtype} GGUF', logits, lane, model,
                       lambda: lane.converted(model, dtype), bound)
    for model in lane.zoo():
        lane.check(f'{model.name}: the f32 GGUF is llama.cpp\'s', same_as_llama_cpp, lane, model)
        lane.check(f'{model.name}: llama.cpp\'s own GGUF is the same model', theirs_is_the_same_model, lane, model)
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


def theirs_is_the_same_model(lane, model):
    """Our f32 GGUF with exactly the keys that llama.cpp's converter writes, against the folder that they describe."""
    folder = require(model)
    if model.name in WITHOUT_A_KEY:
        folder = lane.changed(model, AS_LLAMA_CPP_HAS_IT[model.name]).folder
    path = lane.work / f'{model.name}-theirs.gguf'
    write_with_keys(lane.converted(model, 'f32'), model.json('llama_cpp_gguf.json')['keys'], path)
    ids = model.golden()['input_ids']
    expect_at_most(relative_difference(lane.logits(path, ids)['logits'], lane.logits(folder, ids)['logits']), 1e-4)
    path.unlink()


def write_with_keys(source, keys, path):
    """Copies a GGUF. Of its keys those stay that `keys` has, with the values there; long lists with their own."""
    reader = gguf.GGUFReader(source)
    writer = gguf.GGUFWriter(path, keys['general.architecture']['value'])
    for name, key in keys.items():
        kind, *element = (gguf.GGUFValueType[word] for word in key['type'].split('/'))
        value = key['value']
        if isinstance(value, dict):
            value = reader.fields[name].contents()
        if name != 'general.architecture':
            writer.add_key_value(name, value, kind, element[0] if element else None)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def of(description, name):
    return str(description['keys'].get(name, description['tensors'].get(name)))[:160]
