"""Mean KL divergences over the same windows, and how sure their ratio is."""
import re

import numpy as np

# chunk, then perplexity, ln of its ratio and KL divergence, each with "± error": running means over the chunks so far.
CHUNK = re.compile(r'^ *(\d+)' + 2 * r' +\S+ ± +\S+' + r' +(\S+) ± +\S+', re.MULTILINE)
MEAN = re.compile(r'^Mean +KLD: *(\S+) ± *(\S+)', re.MULTILINE)
RESAMPLES = 10000


def parse_perplexity(output):
    """llama-perplexity's mean, its standard error, and the mean of every window.

    The windows' come from the running means, which are printed with five digits: the k-th is off by up to k / 100,000,
    and its error is taken back by its neighbour.
    """
    running = [(int(number), float(mean)) for number, mean in CHUNK.findall(output)]
    mean = MEAN.search(output)
    if not mean or not running or [number for number, _ in running] != list(range(1, len(running) + 1)):
        raise ValueError(f'llama-perplexity printed no KL divergence: {output[-300:]}')
    sums = [number * value for number, value in running]
    windows = [total - before for total, before in zip(sums, [0.0] + sums, strict=False)]
    return float(mean.group(1)), float(mean.group(2)), windows


def interval(ours, theirs, seed=1):
    """The 95 % bootstrap interval of the ratio of the means: windows drawn anew, pairs kept."""
    ours, theirs = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if ours.shape != theirs.shape:
        raise ValueError(f'{len(ours)} windows against {len(theirs)}')
    drawn = np.random.default_rng(seed).integers(len(ours), size=(RESAMPLES, len(ours)))
    ratios = ours[drawn].mean(axis=1) / theirs[drawn].mean(axis=1)
    return tuple(float(bound) for bound in np.percentile(ratios, (2.5, 97.5)))
