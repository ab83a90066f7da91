// A folder of the test's own, with a checkpoint in it, for tests of what jobs make of that.
#ifndef NIBBLE_PIPELINE_SOURCE_MODEL_FOLDER_FIXTURE_H_
#define NIBBLE_PIPELINE_SOURCE_MODEL_FOLDER_FIXTURE_H_

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "converters/test_checkpoint.h"
#include "formats/io/file.h"
#include "gtest/gtest.h"
#include "model/model.h"
#include "pipeline/source/open_model.h"

namespace nibble {

class ModelFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(Path("model"));
  }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  // Writes "model" and opens it.
  Model Open(const TestCheckpoint& checkpoint) const {
    EXPECT_EQ(checkpoint.Write(Path("model")), absl::OkStatus());
    return Reopen("model");
  }

  Model Reopen(const std::string& name) const {
    absl::StatusOr<Model> model = OpenModel(io::Posix(), Path(name));
    EXPECT_EQ(model.status(), absl::OkStatus());
    return *std::move(model);
  }

  std::string Bytes(const std::string& name) const {
    std::ifstream in(Path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string folder_;
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_SOURCE_MODEL_FOLDER_FIXTURE_H_
