#include "pipeline/output/tensor_hashes.h"

#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "formats/io/sha256.h"
#include "gtest/gtest.h"
#include "pipeline/comm/comm.h"

namespace nibble {
namespace {

class TensorHashesTest : public testing::Test {
 protected:
  // Of three tensors "abc", "" and "defg", with a byte between them.
  TensorHashes Make() {
    const std::string path = testing::TempDir() + "/tensors";
    std::ofstream(path) << "abc-defg";
    const std::shared_ptr<const io::ReadableFile> file = *io::Posix().Open(path);
    return TensorHashes({{file, 0, 3}, {file, 3, 0}, {file, 4, 4}});
  }

  const std::vector<std::string> expected_ = {io::Sha256Of("abc"), io::Sha256Of(""), io::Sha256Of("defg")};
};

TEST_F(TensorHashesTest, AnyOrderOfPieces) {
  TensorHashes hashes = Make();
  for (const auto& [tensor, bytes] : std::vector<std::pair<size_t, uint64_t>>{{2, 1}, {0, 3}, {2, 0}, {2, 3}}) {
    ASSERT_EQ(hashes.Wrote(tensor, bytes), absl::OkStatus());
  }
  EXPECT_EQ(*hashes.Finish(io::Posix(), Comm::Alone(), 2, [] { return absl::OkStatus(); }), expected_);
}

TEST_F(TensorHashesTest, WhatEarlierRunsWroteIsHashedInTheEnd) {
  TensorHashes hashes = Make();
  ASSERT_EQ(hashes.Wrote(2, 1), absl::OkStatus());
  EXPECT_EQ(*hashes.Finish(io::Posix(), Comm::Alone(), 2, [] { return absl::OkStatus(); }), expected_);
}

TEST_F(TensorHashesTest, WhatFailsMeanwhileIsTold) {
  TensorHashes hashes = Make();
  const absl::Status full = absl::UnavailableError("disk full");
  EXPECT_EQ(hashes.Finish(io::Posix(), Comm::Alone(), 2, [&] { return full; }).status(), full);
}

TEST_F(TensorHashesTest, ManyThreads) {
  for (int round = 0; round < 50; ++round) {
    TensorHashes hashes = Make();
    std::vector<std::thread> threads;
    for (const size_t tensor : {0, 2, 2, 0, 2, 0, 2}) {
      threads.emplace_back([&hashes, tensor] { EXPECT_EQ(hashes.Wrote(tensor, 1), absl::OkStatus()); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(*hashes.Finish(io::Posix(), Comm::Alone(), 2, [] { return absl::OkStatus(); }), expected_);
  }
}

}  // namespace
}  // namespace nibble
