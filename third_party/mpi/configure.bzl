"""Finds the MPI of this machine: repository @mpi, asked for by --config=mpi alone."""

_ABSENT = "#error \"expected an MPI (mpicc, or what $MPICC names): install libopenmpi-dev and openmpi-bin\"\n"

def _flags(repository_ctx):
    """What its compiler adds for programs that use it."""
    compiler = repository_ctx.which(repository_ctx.os.environ.get("MPICC", "mpicc"))
    if not compiler:
        return []
    return [flag for flag in repository_ctx.execute([compiler, "-show"]).stdout.strip().split(" ")[1:] if flag]

def _mpi_configure_impl(repository_ctx):
    flags = _flags(repository_ctx)
    includes = []
    for path in [flag[len("-I"):] for flag in flags if flag.startswith("-I")]:
        if path not in ["", "."] and repository_ctx.path(path).exists:
            includes.append("include%d" % len(includes))
            repository_ctx.symlink(path, includes[-1])
    if not includes:
        includes = ["absent"]
        repository_ctx.file("absent/mpi.h", _ABSENT)
    repository_ctx.file("BUILD.bazel", """
load("@rules_cc//cc:defs.bzl", "cc_library")

cc_library(
    name = "mpi",
    hdrs = glob([folder + "/**/*.h" for folder in {includes}]),
    includes = {includes},
    linkopts = {linkopts},
    visibility = ["//visibility:public"],
)
""".format(includes = includes, linkopts = [flag for flag in flags if flag[:2] in ["-L", "-l", "-W"]]))

# $MPICC, if set, names the compiler of the MPI to use.
mpi_configure = repository_rule(
    implementation = _mpi_configure_impl,
    configure = True,
    environ = ["MPICC"],
    local = True,
)
