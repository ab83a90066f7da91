#include "formats/io/record_log.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/io/file.h"
#include "formats/io/posix.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RecordLogTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }

  std::string Written(const std::vector<std::string>& records) {
    absl::StatusOr<RecordLog> log = RecordLog::Create(Posix(), path_);
    EXPECT_TRUE(log.ok()) << log.status();
    for (const std::string& record : records) EXPECT_EQ(log->Append(record), absl::OkStatus());
    return Content();
  }
  std::string Content() { return ReadWholeFile(Posix(), path_, 1 << 20).value(); }

  const std::string path_ =
      absl::StrCat(::testing::TempDir(), "/", ::testing::UnitTest::GetInstance()->current_test_info()->name());
};

TEST_F(RecordLogTest, GivesBackWhatWasAppended) {
  const std::string text = Written({"one", "", std::string(1000, 'x')});
  const auto records = ParseRecords(text, "log");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_THAT(records->each, ElementsAre("one", "", std::string(1000, 'x')));
  EXPECT_EQ(records->bytes, text.size());
}

// The writer was stopped at each byte of the last record, and the file may have been made longer before.
TEST_F(RecordLogTest, AnUnfinishedLastRecordIsLeftOut) {
  const size_t first = Written({"one"}).size();
  const std::string text = Written({"one", "second"});
  for (size_t size = first; size < text.size(); ++size) {
    for (const size_t zeros : {0, 1, 40}) {
      const std::string stopped = text.substr(0, size) + std::string(zeros, '\0');
      const auto records = ParseRecords(stopped, "log");
      ASSERT_TRUE(records.ok()) << records.status();
      EXPECT_THAT(records->each, ElementsAre("one")) << size << " " << zeros;
      EXPECT_EQ(records->bytes, first);
    }
  }
}

TEST_F(RecordLogTest, NoDamageGoesUnseen) {
  const std::string text = Written({"one", "second", "the third"});
  for (size_t i = 0; i < text.size(); ++i) {
    std::string damaged = text;
    damaged[i] ^= 0x10;
    const auto records = ParseRecords(damaged, "log");
    if (records.ok()) {
      EXPECT_LT(records->each.size(), 3);
      for (const auto& record : records->each) EXPECT_THAT(record, ::testing::AnyOf("one", "second"));
    } else {
      EXPECT_THAT(std::string(records.status().message()), HasSubstr("log: byte ")) << i;
    }
  }
}

TEST_F(RecordLogTest, ADamagedRecordThatOthersFollowIsNamed) {
  std::string text = Written({"one", "second", "third"});
  text[text.find("second")] = 'S';
  const auto records = ParseRecords(text, "log");
  EXPECT_EQ(records.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(records.status().message(), "log: byte 15: expected a record that has its hash, found a damaged one");
}

TEST_F(RecordLogTest, ARecordCopiedToAnotherPlaceIsDamaged) {
  const std::string text = Written({"abc", "def"});
  EXPECT_FALSE(ParseRecords(text.substr(15) + text, "log").ok());
}

TEST_F(RecordLogTest, GoesOnBehindTheLastWholeRecord) {
  const std::string text = Written({"one", "second"});
  const uint64_t first = 15;
  {
    auto file = Reopen(path_);
    ASSERT_TRUE(file.ok()) << file.status();
    absl::StatusOr<RecordLog> log = RecordLog::Continue(*std::move(file), first);
    ASSERT_TRUE(log.ok()) << log.status();
    EXPECT_EQ(log->Append("2"), absl::OkStatus());
  }
  const std::string continued = Content();
  EXPECT_THAT(ParseRecords(continued, "log")->each, ElementsAre("one", "2"));
  EXPECT_LT(continued.size(), text.size());
}

TEST_F(RecordLogTest, EmptyTextHasNone) { EXPECT_THAT(ParseRecords("", "log")->each, IsEmpty()); }

}  // namespace
}  // namespace nibble::io
