#include "pipeline/calibration/calibration_text.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model_spec.pb.h"
#include "model/role.h"
#include "pipeline/source/byte_vocabulary.h"
#include "runtime/random_model.h"

namespace nibble {
namespace {

using ::testing::HasSubstr;

RandomModel ByteModel(void (*edit)(ModelSpec&) = nullptr) {
  RandomModel random = MakeRandomModel({.vocab_size = kByteVocabularySize, .edit = edit});
  random.model.vocabulary = MakeByteVocabulary();
  random.model.vocabulary->add_bos = false;
  return random;
}

bool Any(const LogicalTensor&) { return true; }

std::string TextOf(const Windows& windows) {
  std::string text;
  for (const uint32_t id : windows.ids) text += static_cast<char>(id - ByteId(0));
  return text;
}

// Text that nothing can be learnt from twice.
std::string Noise(int bytes) {
  std::mt19937 random(1);
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>('a' + random() % 26);
  return text;
}

TEST(CalibrationTextTest, FilesFollowOneAnother) {
  const RandomModel random = ByteModel();
  std::vector<std::string> warnings;
  const absl::StatusOr<Windows> windows = CalibrationWindows(
      random.model,
      {.files = {{"a", "ab"}, {"b.jsonl", "{\"text\": \"c\"}\n{\"text\": \"d\"}"}, {"c", "efgh"}}, .ctx = 4}, Any,
      warnings);
  ASSERT_TRUE(windows.ok()) << windows.status();
  EXPECT_EQ(TextOf(*windows), "ab\n\nc\n\nd\n\nef");
}

TEST(CalibrationTextTest, SeedsChooseWindows) {
  const RandomModel random = ByteModel();
  const std::string text = Noise(400);
  std::set<std::string> chosen;
  for (const uint64_t seed : {0, 1, 2, 3}) {
    const CalibrationTexts texts = {.files = {{"a", text}}, .ctx = 4, .chunks = 10, .seed = seed};
    std::vector<std::string> warnings;
    const absl::StatusOr<Windows> windows = CalibrationWindows(random.model, texts, Any, warnings);
    ASSERT_TRUE(windows.ok()) << windows.status();
    EXPECT_EQ(windows->count(), 10);
    EXPECT_EQ(TextOf(*windows), TextOf(*CalibrationWindows(random.model, texts, Any, warnings)));
    if (seed == 0) {
      EXPECT_EQ(TextOf(*windows), text.substr(0, 40));
    }
    chosen.insert(TextOf(*windows));
  }
  EXPECT_EQ(chosen.size(), 4u);
}

TEST(CalibrationTextTest, ASampleIsInOrderAndEvenlySpread) {
  Windows windows{.length = 1, .ids = std::vector<uint32_t>(20)};
  std::iota(windows.ids.begin(), windows.ids.end(), 0);
  std::vector<int> taken(20);
  constexpr int kSeeds = 2000;
  for (int seed = 1; seed <= kSeeds; ++seed) {
    const Windows sample = SampleWindows(windows, 5, seed);
    ASSERT_EQ(sample.count(), 5);
    EXPECT_TRUE(std::is_sorted(sample.ids.begin(), sample.ids.end()));
    for (const uint32_t id : sample.ids) ++taken[id];
  }
  for (const int times : taken) EXPECT_NEAR(times, kSeeds / 4, 100);  // five standard deviations
  EXPECT_EQ(SampleWindows(windows, 99, 1).ids, windows.ids);
}

TEST(CalibrationTextTest, RepeatedShare) {
  const auto share = [](std::vector<uint32_t> ids, int64_t length) {
    return RepeatedShare({.length = length, .ids = std::move(ids)});
  };
  std::vector<uint32_t> ids(100);
  std::iota(ids.begin(), ids.end(), 0);
  EXPECT_EQ(share(ids, 100), 0);
  ids.insert(ids.end(), ids.begin(), ids.begin() + 100);
  EXPECT_EQ(share(ids, 100), 0.5);                               // the second window is the first
  EXPECT_EQ(share(std::vector<uint32_t>(64), 16), 0);            // windows of no whole run
  EXPECT_EQ(share(std::vector<uint32_t>(65), 65), 1 - 1. / 49);  // one run, 49 times
}

// Of too many runs to remember, which ones are looked at depends on what they are: the share stays what it is.
TEST(CalibrationTextTest, RepeatedShareOfALongTextIsASample) {
  Windows windows{.length = 1 << 21, .ids = {}};
  std::mt19937 random(1);
  for (int64_t i = 0; i < windows.length; ++i) windows.ids.push_back(random());
  windows.ids.insert(windows.ids.end(), windows.ids.begin(), windows.ids.begin() + windows.length);
  EXPECT_EQ(RepeatedShare(windows), 0.5);
}

TEST(CalibrationTextTest, Warnings) {
  struct Case {
    const char* what;
    void (*edit)(ModelSpec&);
    std::string text;
    std::vector<const char*> warnings;
  };
  const auto with_experts = [](ModelSpec& spec) {
    for (Layer& layer : *spec.mutable_layers()) {
      Experts& experts = *layer.mutable_feed_forward()->mutable_experts();
      experts.set_count(8);
      experts.set_used(2);
      experts.set_length(40);
    }
  };
  for (const Case& c : {
           Case{"enough", nullptr, Noise(320), {}},
           {"too few for the widest linear",
            nullptr,
            Noise(64),
            {"expected at least 2 tokens per column of a linear, found 1 for the 64 columns of "
             "blk.0.ffn_down.weight;"}},
           {"an expert sees its share",
            with_experts,
            Noise(160),
            {"found 1 for the 40 columns of blk.0.ffn_down_exps.weight of each expert;"}},
           {"repetition", nullptr, absl::StrCat(Noise(160), Noise(160)), {"50 % of its runs of 16 tokens"}},
       }) {
    SCOPED_TRACE(c.what);
    const RandomModel random = ByteModel(c.edit);
    std::vector<std::string> warnings;
    ASSERT_TRUE(CalibrationWindows(random.model, {.files = {{"a", c.text}}, .ctx = 32}, Any, warnings).ok());
    ASSERT_EQ(warnings.size(), c.warnings.size());
    for (size_t i = 0; i < warnings.size(); ++i) EXPECT_THAT(warnings[i], HasSubstr(c.warnings[i]));
  }
}

TEST(CalibrationTextTest, LinearsThatLearnNothingNeedNoTokens) {
  const RandomModel random = ByteModel();
  const CalibrationTexts texts = {.files = {{"a", Noise(40)}}, .ctx = 32};
  const auto all_but_down = [](const LogicalTensor& tensor) { return tensor.role != Role::kDown; };
  const auto none = [](const LogicalTensor&) { return false; };
  std::vector<std::string> of_all, of_others, of_none;
  ASSERT_TRUE(CalibrationWindows(random.model, texts, Any, of_all).ok());
  ASSERT_TRUE(CalibrationWindows(random.model, texts, all_but_down, of_others).ok());
  ASSERT_TRUE(CalibrationWindows(random.model, texts, none, of_none).ok());
  EXPECT_THAT(of_all, testing::ElementsAre(HasSubstr("ffn_down")));
  EXPECT_THAT(of_others, testing::ElementsAre(testing::Not(HasSubstr("ffn_down"))));
  EXPECT_THAT(of_none, testing::IsEmpty());
}

}  // namespace
}  // namespace nibble
