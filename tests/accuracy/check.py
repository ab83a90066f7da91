#!/usr/bin/env python3
"""Checks what the accuracy report is made by, without any model. The last line counts the checks. Needs gguf and numpy."""
import pathlib
import sys
import tempfile
import traceback

import gguf
import numpy as np

import paired
import report
import tools

OUTPUT = """\
kl_divergence: computing over 3 chunks, n_ctx=512, batch_size=2048, n_seq=4
chunk             PPL               ln(PPL(Q)/PPL(base))          KL Divergence              Δp RMS            Same top p
   1      17.8712 ±    3.1146       0.33510 ±    0.06520       0.50000 ±    0.03740    17.005 ±  0.984 %    67.451 ±  2.940 %
   2      28.6410 ±    3.8837       0.30460 ±    0.04420       0.40000 ±    0.02580    15.780 ±  0.732 %    68.431 ±  2.060 %
   3      31.0012 ±    3.3210      -0.31200 ±    0.03570       0.45000 ±    0.02100    15.520 ±  0.601 %    67.974 ±  1.688 %

====== KL divergence statistics ======
Mean    KLD:   0.450001 ±   0.021012
Maximum KLD:   9.100000
"""


def windows_of_running_means():
    mean, error, windows = paired.parse_perplexity(OUTPUT)
    assert (mean, error) == (0.450001, 0.021012)
    np.testing.assert_allclose(windows, [0.5, 0.3, 0.55])


def cut_output_is_refused():
    lines = OUTPUT.splitlines()
    for cut in (lines[:5], lines[:3] + lines[4:]):  # without the mean, and without a window
        try:
            paired.parse_perplexity('\n'.join(cut))
        except ValueError:
            continue
        raise AssertionError(cut)


def interval_of_equal_and_of_paired_windows():
    random = np.random.default_rng(7)
    theirs = random.exponential(size=40)
    assert paired.interval(theirs, theirs) == (1, 1)
    ours = 0.3 * theirs * random.uniform(0.9, 1.1, size=40)  # windows differ far more than the ratio does
    low, high = paired.interval(ours, theirs)
    assert low < 0.3 < high and high - low < 0.02, (low, high)
    assert paired.interval(ours, theirs) == (low, high)


def inequalities():
    theirs = {'types': {'a': 'Q4_0'}, 'tensor_bytes': 18000, 'file_bytes': 20000}
    cases = (({}, ''), ({'file_bytes': 20040}, ''), ({'file_bytes': 20041}, 'a file of'),
             ({'tensor_bytes': 18001}, 'tensors of'), ({'types': {'a': 'Q8_0'}}, 'a is Q8_0'), ({'types': {}}, 'a is None'))
    for change, expected in cases:
        found = report.inequality('row', {**theirs, **change}, theirs)
        assert bool(found) == bool(expected) and expected in found, (change, found)


def shuffled_columns():
    with tempfile.TemporaryDirectory() as folder:
        source, shuffled = (pathlib.Path(folder) / name for name in ('a.gguf', 'b.gguf'))
        sums = np.arange(64, dtype=np.float32).reshape(2, 32)
        writer = gguf.GGUFWriter(source, 'none')
        writer.add_tensor('x.in_sum2', sums)
        writer.add_tensor('x.counts', np.array([[3], [5]], dtype=np.float32))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        tools.shuffle_columns(source, shuffled)
        found = {tensor.name: np.array(tensor.data) for tensor in gguf.GGUFReader(shuffled).tensors}
        assert not np.array_equal(found['x.in_sum2'], sums)
        assert np.array_equal(np.sort(found['x.in_sum2'], axis=1), sums)
        assert np.array_equal(found['x.counts'].ravel(), [3, 5])


def main():
    checks = (windows_of_running_means, cut_output_is_refused, interval_of_equal_and_of_paired_windows, inequalities,
              shuffled_columns)
    failed = 0
    for check in checks:
        try:
            check()
        except Exception:  # noqa: BLE001: the others are still to be run
            failed += 1
            print(f'FAIL {check.__name__}', flush=True)
            traceback.print_exc()
    print(f'{len(checks) - failed} passed, {failed} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
