#include <cstdlib>
#include <filesystem>
#include <string>

#include "device/cuda/libraries.h"
#include "device/cuda/library.h"
#include "gtest/gtest.h"

namespace nibble::cuda {
namespace {

TEST(Library, WhatIsNotThereIsNotComplete) {
  Library none("libnibble-has-no-such-thing.so");
  int (*function)() = &std::rand;
  none.Find("rand", function);
  EXPECT_EQ(function, nullptr);
  EXPECT_FALSE(none.complete());
}

TEST(Library, WhatLacksAFunctionIsNotComplete) {
  Library maths("libm.so.6");
  double (*function)(double) = nullptr;
  maths.Find("cos", function);
  EXPECT_TRUE(maths.complete());
  EXPECT_EQ(function(0), 1);
  maths.Find("no_such_function", function);
  EXPECT_EQ(function, nullptr);
  EXPECT_FALSE(maths.complete());
}

// By the names that this toolkit's headers give its functions; loading them needs no GPU.
TEST(Library, CudasAreCompleteWhereTheyAreInstalled) {
  const std::string folder = "/usr/local/cuda/lib64/";
  if (!std::filesystem::exists(folder + "libcublas.so") || !std::filesystem::exists(folder + "libcusolver.so")) {
    GTEST_SKIP() << "no cuBLAS or cuSOLVER in " << folder;
  }
  EXPECT_TRUE(Cublas().library.complete());
  EXPECT_TRUE(Cusolver().library.complete());
}

}  // namespace
}  // namespace nibble::cuda
