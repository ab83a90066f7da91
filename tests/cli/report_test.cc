// Our pages, and the JSON of the same run, on the checkpoint of tiny/.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "formats/json/json.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

constexpr char kModel[] = "\"$runfiles/tiny/model\"";
constexpr char kWindows[] = " --ctx 64 --chunks 6 --quiet --json v.json --report page.html";

json::Value Follow(const json::Document& document, const std::string& pointer) {
  json::Value value = document.root();
  for (const auto& step : absl::StrSplit(pointer.substr(1), '/')) {
    size_t index;
    value = value.is_array() && absl::SimpleAtoi(step, &index) ? value.At(index) : value.Get(step);
  }
  return value;
}

json::Document ReadJson() {
  absl::StatusOr<json::Document> document = json::Document::Parse(ReadFile(TempPath("v.json")), "v.json");
  EXPECT_TRUE(document.ok()) << document.status();
  return *std::move(document);
}

void ExpectOk(absl::string_view arguments) {
  const Outcome outcome = Nibble(arguments);
  ASSERT_EQ(outcome.exit_code, 0) << arguments << "\n" << outcome.err;
}

// How many there are.
int CheckedFigures(const std::string& page, const json::Document& document) {
  const std::regex figure("data-json=\"([^\"]*)\" data-value=\"([^\"]*)\"");
  int count = 0;
  for (std::sregex_iterator i(page.begin(), page.end(), figure), end; i != end; ++i, ++count) {
    const json::Value value = Follow(document, (*i)[1]);
    EXPECT_TRUE(value.is_number()) << (*i)[1];
    EXPECT_EQ(*value.Number(), std::strtod((*i)[2].str().c_str(), nullptr)) << (*i)[1];
  }
  return count;
}

class Report : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ExpectOk(absl::StrCat("quantize ", kModel, " -o q4.gguf --type Q4_0 --force"));
    ExpectOk(absl::StrCat("quantize ", kModel, " -o '<b>q8.gguf' --type Q8_0 --force"));
  }
};

TEST_F(Report, EveryFigureIsTheJsons) {
  for (const char* candidates : {" q4.gguf", " q4.gguf '<b>q8.gguf'"}) {
    ExpectOk(absl::StrCat("verify ", kModel, candidates, kWindows));
    const std::string page = ReadFile(TempPath("page.html"));
    const json::Document document = ReadJson();
    EXPECT_GT(CheckedFigures(page, document), 200);
    EXPECT_FALSE(absl::StrContains(page, "<b>q8"));
  }
}

TEST_F(Report, TensorsAddUp) {
  ExpectOk(absl::StrCat("verify ", kModel, " q4.gguf", kWindows));
  const json::Document document = ReadJson();
  const json::Value candidate = document.root().Get("candidates").At(0);
  double bytes = 0, positions = 0, by_type = 0;
  for (const json::Value& tensor : candidate.Get("tensors").Elements()) {
    bytes += *tensor.Get("bytes").Number();
    const bool is_q4 = *tensor.Get("type").String() == "Q4_0";
    const double error = *tensor.Get("relative_error").Number();
    if (is_q4) {
      EXPECT_EQ(*tensor.Get("bits_per_weight").Number(), 4.5);
    }
    EXPECT_GE(error, is_q4 ? 0.03 : 0) << *tensor.Get("name").String();
    EXPECT_LE(error, 0.15) << *tensor.Get("name").String();
  }
  for (const json::Value& type : candidate.Get("types").Elements()) by_type += *type.Get("bytes").Number();
  for (const json::Value& bin : candidate.Get("kld_histogram").Elements()) positions += *bin.Get("positions").Number();
  EXPECT_EQ(bytes, *candidate.Get("bytes").Number());
  EXPECT_EQ(by_type, bytes);
  EXPECT_EQ(positions, *document.root().Get("tokens").Number());
}

TEST_F(Report, TheWorstTokensAreThose) {
  ExpectOk(absl::StrCat("verify ", kModel, " q4.gguf", kWindows));
  const json::Document document = ReadJson();
  const json::Value candidate = document.root().Get("candidates").At(0);
  const std::vector<json::Value> worst = candidate.Get("worst_tokens").Elements();
  ASSERT_FALSE(worst.empty());
  EXPECT_EQ(*worst[0].Get("kld").Number(), *candidate.Get("kld").Get("max").Number());
  double last = INFINITY;
  for (const json::Value& token : worst) {
    EXPECT_LE(*token.Get("kld").Number(), last);
    last = *token.Get("kld").Number();
    EXPECT_FALSE(token.Get("before").String()->empty());
    for (const char* choices : {"reference_choices", "candidate_choices"}) {
      EXPECT_GE(*token.Get(choices).At(0).Get("p").Number(), *token.Get(choices).At(1).Get("p").Number());
    }
  }
}

TEST_F(Report, ThePageIsReplacedWholeOrNotAtAll) {
  WriteFile(TempPath("page.html"), "old");
  ExpectOk(absl::StrCat("verify ", kModel, " q4.gguf", kWindows));
  EXPECT_FALSE(Exists(TempPath("page.html.part")));
  EXPECT_TRUE(absl::StartsWith(ReadFile(TempPath("page.html")), "<!DOCTYPE html>"));
  const Outcome outcome =
      Nibble(absl::StrCat("verify ", kModel, " q4.gguf --ctx 64 --chunks 1 --quiet --report nowhere/page.html"));
  EXPECT_EQ(outcome.exit_code, 73);
  ExpectParts(outcome.err, {"nowhere: expected a folder"});
  EXPECT_EQ(outcome.out, "") << "found before anything was measured";
  const std::string model = ReadFile(TempPath("q4.gguf"));
  for (const char* option : {"--report", "--json"}) {
    EXPECT_EQ(
        Nibble(absl::StrCat("verify ", kModel, " q4.gguf --ctx 64 --chunks 1 --quiet ", option, " q4.gguf")).exit_code,
        73)
        << "an input is no output";
  }
  EXPECT_EQ(ReadFile(TempPath("q4.gguf")), model);
}

TEST_F(Report, OfAJobHasEveryFigureOfItsJson) {
  const std::string text =
      " --calibration-text \"$runfiles/tiny/heldout.txt\" --calibration-ctx 128 --calibration-chunks 20";
  for (const std::string& job : {std::string("plan --fit 1.3MiB"), std::string("plan --type Q4_0") + text,
                                 std::string("quantize -o job.gguf --force --type Q4_K_M"),
                                 std::string("quantize -o job.gguf --force --type Q4_0") + text}) {
    SCOPED_TRACE(job);
    const Outcome outcome = Nibble(absl::StrCat(job, " ", kModel, " --quiet --json --report job.html"));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    absl::StatusOr<json::Document> document = json::Document::Parse(outcome.out, "stdout");
    ASSERT_TRUE(document.ok()) << document.status();
    EXPECT_GT(CheckedFigures(ReadFile(TempPath("job.html")), *document), 60);
  }
}

TEST_F(Report, OfAJobIsNoneOfItsFiles) {
  const struct {
    const char* options;
    int exit_code;
    const char* part;
  } cases[] = {
      {"--report never.gguf", 64, "--report: expected another file than the output"},
      {"--report r.txt --save-recipe r.txt", 64, "--report: expected another file than --save-recipe's"},
      {"--report q4.gguf --imatrix q4.gguf", 73, "q4.gguf"},
      {"--report nowhere/page.html", 73, "nowhere: expected a folder"},
  };
  const std::string model = ReadFile(TempPath("q4.gguf"));
  for (const auto& row : cases) {
    SCOPED_TRACE(row.options);
    const Outcome outcome = Nibble(absl::StrCat("quantize ", kModel, " -o never.gguf --type Q4_0 ", row.options));
    EXPECT_EQ(outcome.exit_code, row.exit_code);
    ExpectParts(outcome.err, {row.part});
    EXPECT_FALSE(Exists(TempPath("never.gguf"))) << "found before the work";
  }
  EXPECT_EQ(ReadFile(TempPath("q4.gguf")), model);
}

}  // namespace
}  // namespace nibble::tests
