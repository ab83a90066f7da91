"""What is measured: one row per type, with the bounds that its ratio is held to."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    kind: str              # 'peer': against llama.cpp; 'own': against our own search; 'shuffled': a wrong imatrix;
                           # 'experts': against our own search, on the zoo's model of that name
    types: tuple           # nibble's options that say the types
    peer_types: tuple = () # llama-quantize's --tensor-type, of a file that is Q8_0 else
    peer_imatrix: bool = True
    must: float = None     # the ratio of mean KLDs, at most (at least, where kind is 'shuffled')
    goal: float = None


def linears(name, must, goal, peer_imatrix=True):
    """Every linear of the layers of one type; embedding and output Q8_0."""
    return Row(name, 'peer', ('--type', name), (rf'blk\..*={name.lower()}',), peer_imatrix, must, goal)


def down(name, must, goal):
    """ffn_down alone of the type, whose rows k-quants divide; all else Q8_0."""
    return Row(f'ffn_down={name}', 'peer', ('--type', 'Q8_0', '--tensor-type', f'ffn_down={name}'),
               (f'ffn_down={name.lower()}',), True, must, goal)


def own(name):
    return Row(name, 'own', ('--type', name), must=0.5)


def experts(name):
    """These models are too insensitive to be judged by what they predict: what is bounded is their experts' outputs."""
    return Row(name, 'experts', ('--type', 'Q4_0', '--allow-requantize'), must=0.6)


ROWS = {row.name: row for row in (
    linears('MXFP4', 0.20, 0.15, peer_imatrix=False),  # llama-quantize uses none for it
    linears('Q4_0', 0.36, 0.30),
    linears('IQ4_NL', 0.47, 0.40),
    linears('Q4_1', 0.55, 0.45),
    down('Q4_K', 0.80, 0.65),
    down('IQ4_XS', 0.65, 0.55),
    down('Q5_K', 0.85, 0.75),
    own('NVFP4'),
    own('INT4_G32'),
    own('INT4_G128'),
    Row('shuffled', 'shuffled', ('--type', 'Q4_0'), must=1.0),
    experts('gpt_oss'),
    experts('qwen3_moe'),
    experts('mixtral'),
    experts('deepseek_v3'),
    experts('kimi_k2'),
)}
