#include "pipeline/verify/verify_windows.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pipeline/source/byte_vocabulary.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;

Model ByteModel(bool add_bos) {
  Model model;
  model.path = "model";
  model.spec.set_vocab_size(kByteVocabularySize);
  model.vocabulary = MakeByteVocabulary();
  model.vocabulary->add_bos = add_bos;
  return model;
}

struct Case {
  const char* what;
  bool add_bos;
  const char* text;
  uint32_t length;
  uint32_t limit;
  std::string windows;  // ^ for BOS
};

TEST(WindowsTest, AsLlamaPerplexityCutsThem) {
  for (const Case& c : {
           Case{"no BOS: the text's tokens as they are", false, "abcdefgh", 4, 0, "abcdefgh"},
           {"what fills no window is dropped", false, "abcdefghij", 4, 0, "abcdefgh"},
           {"BOS in front of the text, then instead of each window's first token", true, "abcdefgh", 4, 0, "^abc^efg"},
           {"the first windows", false, "abcdefgh", 4, 1, "abcd"},
           {"more windows than there are", false, "abcdefgh", 4, 9, "abcdefgh"},
           {"one last newline is dropped, not two", false, "abc\n\n", 4, 0, "abc\n"},
           {"special tokens are plain text", false, "a<s>", 4, 0, "a<s>"},
       }) {
    SCOPED_TRACE(c.what);
    const absl::StatusOr<Windows> windows = CutWindows(ByteModel(c.add_bos), c.text, c.length, c.limit);
    ASSERT_TRUE(windows.ok()) << windows.status();
    std::string found;
    for (uint32_t id : windows->ids) found += id == kBos ? '^' : static_cast<char>(id - ByteId(0));
    EXPECT_EQ(found, c.windows);
    EXPECT_EQ(windows->count(), c.windows.size() / c.length);
  }
}

// Of a long text no more is read than is wanted.
TEST(WindowsTest, TheFirstOfALongTextAreThoseOfAllOfIt) {
  std::string text;
  for (int word = 0; text.size() < 20000; ++word) text += std::string(1 + word * word % 13, 'a' + word % 26) + ' ';
  const Model model = ByteModel(true);
  const Windows all = *CutWindows(model, text, 50, 0);
  for (const uint32_t limit : {1, 7, 399, 500}) {
    const Windows some = *CutWindows(model, text, 50, limit);
    EXPECT_EQ(some.ids, all.Between(0, std::min<int64_t>(limit, all.count())).ids);
  }
}

TEST(WindowsTest, ScoredPositions) {
  struct Row {
    int64_t length, first, scored;
  };
  for (const Row& row : {Row{512, 256, 255}, {64, 32, 31}, {3, 1, 1}, {5, 2, 2}}) {
    const Windows windows{.length = row.length, .ids = {}};
    EXPECT_EQ(windows.first_scored(), row.first);
    EXPECT_EQ(windows.scored(), row.scored);
  }
}

TEST(WindowsTest, WhatCannotBe) {
  const Model with_bos = ByteModel(true), without_bos = ByteModel(false);
  Model no_tokenizer = ByteModel(true), small = ByteModel(true);
  no_tokenizer.vocabulary.reset();
  small.spec.set_vocab_size(50);
  struct Row {
    const Model* model;
    const char* text;
    uint32_t length;
    absl::StatusCode code;
    const char* message;
  };
  for (const Row& row : {
           Row{&with_bos, "ab", 4, absl::StatusCode::kInvalidArgument, "of 4 tokens, found 3"},
           {&without_bos, "", 4, absl::StatusCode::kInvalidArgument, "found 0"},
           {&with_bos, "abc", 2, absl::StatusCode::kInvalidArgument, "at least 3 tokens, found 2"},
           {&no_tokenizer, "abcd", 4, absl::StatusCode::kNotFound, "model: expected a tokenizer"},
           {&small, "abcd", 4, absl::StatusCode::kDataLoss, "ids below the embedding's 50 rows, found 103"},
       }) {
    const absl::Status status = CutWindows(*row.model, row.text, row.length, 0).status();
    EXPECT_EQ(status.code(), row.code);
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.message));
  }
}

}  // namespace
}  // namespace nibble
