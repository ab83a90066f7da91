// Whatever stands in any place of a config.json, for every family whose checkpoint is at hand: it is read, or refused
// in one line that names the place, in bounded time.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "converters/families.h"
#include "converters/family.h"
#include "converters/quantization.h"
#include "formats/gguf/gguf.h"
#include "formats/io/file.h"
#include "formats/json/json.h"
#include "formats/json/quote.h"
#include "formats/safetensors/safetensors.h"
#include "gtest/gtest.h"

namespace nibble {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kBadValues[] = {
    "",  // no such member
    "null", "true", "[]",    "{}",   "\"four\"", "0",          "-1",
    "2",    "0.5",  "1e300", "-1e9", "999999",   "1000000000", "9007199254740993",
};

// The value as JSON again, member `target` (counted over all members, outermost first) replaced, or left out.
class Rewriter {
 public:
  Rewriter(int target, absl::string_view replacement) : target_(target), replacement_(replacement) {}

  std::string Write(const json::Value& value) {
    if (value.is_object()) return WriteObject(value);
    if (value.is_array()) return WriteArray(value);
    if (value.is_string()) return json::Quote(*value.String());
    if (value.is_bool()) return *value.Bool() ? "true" : "false";
    if (value.is_null()) return "null";
    const absl::StatusOr<int64_t> integer = value.Int(INT64_MIN, INT64_MAX);
    return integer.ok() ? absl::StrCat(*integer) : absl::StrFormat("%.17g", *value.Number());
  }
  int members() const { return count_; }

 private:
  std::string WriteObject(const json::Value& value) {
    std::string text;
    for (const auto& [key, member] : value.Members()) {
      const bool is_target = count_++ == target_;
      const std::string written = Write(member);
      if (is_target && replacement_.empty()) continue;
      absl::StrAppend(&text, text.empty() ? "" : ", ", json::Quote(key), ": ", is_target ? replacement_ : written);
    }
    return absl::StrCat("{", text, "}");
  }
  std::string WriteArray(const json::Value& value) {
    std::string text;
    for (const json::Value& element : value.Elements())
      absl::StrAppend(&text, text.empty() ? "" : ", ", Write(element));
    return absl::StrCat("[", text, "]");
  }

  const int target_;
  const absl::string_view replacement_;
  int count_ = 0;
};

json::Document Parse(std::string text) { return json::Document::Parse(std::move(text), "config.json").value(); }

// What opening a folder asks of the converters.
absl::Status Understand(const json::Value& config, const TensorSource& source) {
  NIBBLE_RETURN_IF_ERROR(CheckQuantization(config));
  NIBBLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(config));
  NIBBLE_ASSIGN_OR_RETURN(const ModelSpec spec, family->spec_from_config(config));
  NIBBLE_RETURN_IF_ERROR(CheckQuantizedTensors(config, source));
  NIBBLE_RETURN_IF_ERROR(family->tensors_from_checkpoint(spec, source).status());
  gguf::Metadata metadata;
  family->spec_to_gguf(spec, metadata);
  return absl::OkStatus();
}

void ExpectReadOrRefused(const std::string& text, const TensorSource& source) {
  SCOPED_TRACE(text);
  const auto start = std::chrono::steady_clock::now();
  const absl::Status status = Understand(Parse(text).root(), source);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_LT(seconds.count(), 5);
  if (status.ok()) return;
  EXPECT_EQ(ExitCode(status), 65) << status;
  EXPECT_FALSE(absl::StrContains(status.message(), "\n")) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), ": expected ")) << status;
}

TEST(BadConfigs, OfEveryFamilyAreReadOrRefused) {
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (shared == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  int families = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(absl::StrCat(shared, "/zoo/models"))) {
    const std::string folder = entry.path().string();
    SCOPED_TRACE(folder);
    const json::Document config =
        Parse(io::ReadWholeFile(io::Posix(), io::JoinPath(folder, "config.json"), 1 << 20).value());
    if (!FindFamily(config.root()).ok()) continue;
    ++families;
    const safetensors::Checkpoint checkpoint = safetensors::OpenFolder(io::Posix(), folder).value();
    ASSERT_EQ(Understand(config.root(), checkpoint.tensors), absl::OkStatus());
    Rewriter whole(-1, "");
    whole.Write(config.root());
    for (int member = 0; member < whole.members(); ++member) {
      for (const absl::string_view value : kBadValues) {
        ExpectReadOrRefused(Rewriter(member, value).Write(config.root()), checkpoint.tensors);
      }
    }
  }
  EXPECT_GT(families, 0);
}

}  // namespace
}  // namespace nibble
