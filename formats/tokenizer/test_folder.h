// A folder with files for one test.
#ifndef NIBBLE_FORMATS_TOKENIZER_TEST_FOLDER_H_
#define NIBBLE_FORMATS_TOKENIZER_TEST_FOLDER_H_

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "gtest/gtest.h"

namespace nibble::tokenizer {

class TestFolder {
 public:
  explicit TestFolder(const std::map<std::string, std::string>& files = {}) {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = ::testing::TempDir() + "/" + test->test_suite_name() + "." + test->name();
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
    for (const auto& [name, text] : files) Write(name, text);
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(path_ + "/" + name, std::ios::binary) << text;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace nibble::tokenizer

#endif  // NIBBLE_FORMATS_TOKENIZER_TEST_FOLDER_H_
