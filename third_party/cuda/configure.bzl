"""Finds the CUDA toolkit of this machine, or that there is none: repository @cuda, whose defs.bzl says which."""

_OLDEST = 12  # whose cuBLAS takes sizes of 64 bits
_HEADERS = ["cublas_v2.h", "cuda_runtime.h", "cusolverDn.h"]  # Debian has them in packages of their own

def _version(repository_ctx, nvcc):
    """The toolkit's version as [major, minor, patch] texts, or None."""
    printed = repository_ctx.execute([nvcc, "--version"]).stdout
    release = [word for word in printed.replace("\n", " ").split(" ") if word.startswith("V")]
    return release[0][1:].split(".") if release else None

def _cuda_configure_impl(repository_ctx):
    root = repository_ctx.os.environ.get("CUDA_HOME", "/usr/local/cuda")
    nvcc = repository_ctx.path(root + "/bin/nvcc")
    version = _version(repository_ctx, nvcc) if nvcc.exists else None
    headers = [repository_ctx.path(root + "/include/" + header) for header in _HEADERS]
    found = "None"
    if version and int(version[0]) >= _OLDEST and all([header.exists for header in headers]):
        found = 'struct(root = "{}", version = "{}")'.format(root, ".".join(version))
    repository_ctx.file("defs.bzl", 'CUDA = {}  # None: no toolkit\n'.format(found))
    repository_ctx.file("BUILD.bazel", "")

# $CUDA_HOME, if set, says where the toolkit is; a folder without one builds as a machine without one does.
cuda_configure = repository_rule(
    implementation = _cuda_configure_impl,
    configure = True,
    environ = ["CUDA_HOME"],
    local = True,
)
