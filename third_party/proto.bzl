"""cc_proto: C++ from one .proto by the system's protoc."""

load("@rules_cc//cc:defs.bzl", "cc_library")

def cc_proto(name, src, deps = [], proto_srcs = [], visibility = None):
    """Compiles one .proto.

    Args:
      name: the cc_library's name.
      src: the .proto file.
      deps: the cc_proto targets of the files that it imports.
      proto_srcs: those files themselves.
      visibility: as everywhere.
    """
    base = src[:-len(".proto")]
    native.genrule(
        name = name + "_gen",
        srcs = [src] + proto_srcs,
        outs = [base + ".pb.h", base + ".pb.cc"],
        cmd = "protoc --proto_path=. --cpp_out=$(GENDIR) $(location %s)" % src,
    )
    cc_library(
        name = name,
        srcs = [base + ".pb.cc"],
        hdrs = [base + ".pb.h"],
        copts = ["-w"],
        visibility = visibility,
        deps = deps + ["//third_party:protobuf"],
    )
