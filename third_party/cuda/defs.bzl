"""cuda_library: device code, compiled by nvcc where there is a CUDA toolkit."""

load("@cuda//:defs.bzl", "CUDA")
load("@rules_cc//cc:defs.bzl", "cc_library", "cc_test")

# Machine code for the A100 and the H100 with their like, and PTX for whatever comes later. No contraction into fused
# multiply-adds, as in .bazelrc: what the CPU computes bit for bit, the GPU does.
_NVCC_FLAGS = [
    "-std=c++20",
    "-O3",
    "--fmad=false",
    "-gencode=arch=compute_80,code=[sm_80,sm_90,compute_80]",
    "--diag-suppress=20012",  # __host__ __device__ before a constructor that is defaulted, and so both anyway
    "-Xcompiler=-fPIC,-ffp-contract=off",
]

def _cuda_object_impl(ctx):
    object = ctx.actions.declare_file(ctx.label.name + ".o")
    headers = [dep[CcInfo].compilation_context.headers for dep in ctx.attr.deps]
    arguments = ctx.actions.args()
    arguments.add_all(_NVCC_FLAGS)
    arguments.add_all(["-I.", "-I" + ctx.bin_dir.path, "-c", ctx.file.src, "-o", object])
    ctx.actions.run(
        executable = CUDA.root + "/bin/nvcc",
        arguments = [arguments],
        inputs = depset([ctx.file.src] + ctx.files.hdrs, transitive = headers),
        outputs = [object],
        mnemonic = "CudaCompile",
        # Another toolkit, another object: the cache must know.
        env = {"NIBBLE_CUDA_VERSION": CUDA.version, "PATH": "/usr/local/bin:/usr/bin:/bin"},
    )
    return [DefaultInfo(files = depset([object]))]

_cuda_object = rule(
    implementation = _cuda_object_impl,
    attrs = {
        "src": attr.label(allow_single_file = [".cu"], mandatory = True),
        "hdrs": attr.label_list(allow_files = [".h"]),
        "deps": attr.label_list(providers = [CcInfo]),
    },
)

_LINKOPTS = ["-L" + CUDA.root + "/lib64", "-lcudart_static", "-ldl", "-lrt", "-lpthread"] if CUDA else []

def _cuda_objects(name, srcs, **kwargs):
    objects = [name + "_" + src[:-len(".cu")] for src in srcs]
    for object, src in zip(objects, srcs):
        _cuda_object(name = object, src = src, **kwargs)
    return objects

def cuda_library(name, srcs, deps, absent = [], hdrs = [], visibility = None):
    """A library of .cu files; `absent` are the .cc files that take their place without a toolkit.

    The runtime is linked in, so that the program starts on machines without any of CUDA; the libraries beside it are
    for the code to load while it runs.
    """
    cc_library(
        name = name,
        srcs = _cuda_objects(name, srcs, hdrs = hdrs, deps = deps) if CUDA else absent,
        hdrs = hdrs,
        linkopts = _LINKOPTS,
        visibility = visibility,
        deps = deps,
    )

def cuda_test(name, srcs, deps, **kwargs):
    """A test that includes CUDA's headers; there is none without a toolkit."""
    if CUDA:
        cc_test(
            name = name,
            srcs = _cuda_objects(name, srcs, deps = deps, testonly = True),
            linkopts = _LINKOPTS,
            deps = deps,
            **kwargs
        )
