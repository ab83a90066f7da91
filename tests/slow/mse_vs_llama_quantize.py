#!/usr/bin/env python3
"""Compares the error that `nibble quantize` and `llama-quantize` leave, tensor by tensor.

usage: mse_vs_llama_quantize.py --nibble BIN --llama-quantize BIN --work DIR MODEL... [--types Q4_0,Q4_K,...]
                                [--text FILE [--chunks N]]

MODEL is a checkpoint folder. It is converted to an F32 GGUF, which both programs quantize to every type, all tensors
alike. A tensor fails if its mean squared error is higher than that of llama-quantize's tensor of the same type; with
--text, the mean of E[x^2] (w - q)^2, where both are given the importance matrix that `nibble calibrate` makes of N windows
of the text. Tensors that the two give different types (both fall back where a row is no multiple of the block) fail too.
Prints the ratios of the errors and, last, `N passed, N failed`; exits with 1 if any failed. Needs gguf and numpy.
"""

import argparse
import pathlib
import subprocess
import sys

import gguf
import numpy as np

# nibble's name of a type and llama-quantize's.
TYPES = {
    "Q4_0": "Q4_0", "Q4_1": "Q4_1", "Q5_0": "Q5_0", "Q5_1": "Q5_1", "Q8_0": "Q8_0", "Q4_K": "Q4_K", "Q5_K": "Q5_K",
    "Q6_K": "Q6_K", "IQ4_NL": "IQ4_NL", "IQ4_XS": "IQ4_XS", "MXFP4": "MXFP4_MOE",
}
TOLERANCE = 1e-6  # of the float32 sums here


def run(*command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}\nexit code {done.returncode}")


def tensors(path):
    return {t.name: t for t in gguf.GGUFReader(path).tensors}


def mean_squares(imatrix):
    """E[x^2] of every column, of every matrix of a tensor: [matrices, columns]; 1 where no input was seen."""
    found = tensors(imatrix)
    result = {}
    for name, sums in found.items():
        if name.endswith('.in_sum2'):
            counts = found[name.removesuffix('in_sum2') + 'counts'].data.astype(np.float64).reshape(-1, 1)
            means = sums.data.astype(np.float64).reshape(counts.size, -1) / np.maximum(counts, 1)
            result[name.removesuffix('.in_sum2')] = np.where(counts > 0, means, 1)
    return result


def mean_squared_error(source, tensor, weights):
    """`weights`: of the columns, [matrices, columns], or None."""
    total, rows_at_once = 0.0, 4096
    exact = source.data.reshape(-1, source.shape[0])
    coarse = tensor.data.reshape(exact.shape[0], -1)
    rows_per_matrix = exact.shape[0] if weights is None else exact.shape[0] // weights.shape[0]
    for row in range(0, exact.shape[0], rows_at_once):
        rest = exact[row:row + rows_at_once] - gguf.dequantize(coarse[row:row + rows_at_once], tensor.tensor_type)
        squares = np.square(rest, dtype=np.float64)
        if weights is not None:
            squares *= weights[np.arange(row, row + squares.shape[0]) // rows_per_matrix]
        total += float(np.sum(squares))
    return total / exact.size


def compare(source, ours, theirs, weights):
    """(tensors that pass, lines about those that fail, ratios of the errors)"""
    passed, failures, ratios = 0, [], []
    for name, their in theirs.items():
        our = ours[name]
        if our.tensor_type != their.tensor_type:
            failures.append(f"{name}: {our.tensor_type.name}, and {their.tensor_type.name} by llama-quantize")
            continue
        if their.tensor_type == source[name].tensor_type:
            continue  # not quantized
        our_error = mean_squared_error(source[name], our, weights.get(name))
        their_error = mean_squared_error(source[name], their, weights.get(name))
        if their_error > 0:
            ratios.append(our_error / their_error)
        if our_error > their_error * (1 + TOLERANCE):
            failures.append(f"{name}: {their.tensor_type.name} error {our_error:.6g}, by llama-quantize {their_error:.6g}, "
                            f"{our_error / their_error - 1:.2g} more")
        else:
            passed += 1
    return passed, failures, ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nibble", required=True)
    parser.add_argument("--llama-quantize", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path, help="a folder for temporary files")
    parser.add_argument("--types", default=",".join(TYPES))
    parser.add_argument("--text", type=pathlib.Path, help="what to make an importance matrix of, for both")
    parser.add_argument("--chunks", type=int, default=64, help="its windows of 128 tokens (%(default)s)")
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    source, ours, theirs, imatrix = (args.work / f"{name}.gguf" for name in ("source", "ours", "theirs", "imatrix"))
    passed = failed = 0
    for model in args.models:
        run(args.nibble, "convert", model, "-o", source, "--dtype", "f32", "--force", "--quiet")
        weights, by_imatrix = {}, ()
        if args.text:
            run(args.nibble, "calibrate", model, "--text", args.text, "--ctx", "128", "--chunks", args.chunks, "-o", imatrix,
                "--force", "--quiet")
            weights, by_imatrix = mean_squares(imatrix), ("--imatrix", imatrix)
        for name in args.types.split(","):
            run(args.nibble, "quantize", model, "-o", ours, "--type", name, "--pure", "--force", "--quiet",
                *by_imatrix)
            run(args.llama_quantize, "--pure", *by_imatrix, source, theirs, TYPES[name])
            count, failures, ratios = compare(tensors(source), tensors(ours), tensors(theirs), weights)
            summary = f"mean {np.mean(ratios):.4f}, worst {max(ratios):.4f}" if ratios else "nothing to compare"
            kind = "weighted error" if args.text else "error"
            print(f"{model.name} {name}: {count} tensors, {kind} / llama-quantize's: {summary}", flush=True)
            for failure in failures:
                print(f"  FAILED {failure}")
            passed, failed = passed + count, failed + len(failures)
    for path in (source, ours, theirs, imatrix):
        path.unlink(missing_ok=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
