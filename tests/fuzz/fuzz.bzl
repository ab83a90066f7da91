"""A fuzz target: NAME for libFuzzer (scripts/test --fuzz; needs --config=fuzz), NAME_test for the default tests."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

def fuzz_target(name, deps):
    cc_library(
        name = name + "_target",
        testonly = True,
        srcs = [name + ".cc"],
        deps = deps + [
            ":target",
            "//third_party:absl",
        ],
        alwayslink = True,
    )
    cc_binary(
        name = name,
        testonly = True,
        srcs = ["fuzzer.cc"],
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [
            name + "_target",
            ":target",
            "//third_party:absl",
        ],
    )
    cc_test(
        name = name + "_test",
        srcs = ["replay_test.cc"],
        deps = [
            name + "_target",
            ":target",
            "//third_party:gtest_main",
        ],
    )
