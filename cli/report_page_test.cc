// The page of reports that a run may give, and of some that it should not.
#include "cli/report_page.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/device_use_fixture.h"
#include "cli/known_types.h"
#include "cli/report_verdict.h"

namespace nibble::cli {
namespace {

constexpr char kHostile[] = "<script>alert(1)</script>\"'&\x1b[0m\xff";

void FillCandidate(const std::string& path, double kld, Candidate& candidate) {
  candidate.set_path(path);
  candidate.set_bytes(123456789);
  candidate.set_memory_bytes(uint64_t{9} << 30);
  candidate.set_bits_per_weight(4.55);
  candidate.set_ppl_ratio(1.0123456789);
  candidate.set_top1(0.9123456789);
  Distribution& distribution = *candidate.mutable_kld();
  distribution.set_mean(kld);
  distribution.set_se(kld / 7);
  distribution.set_median(kld / 3);
  distribution.set_max(kld * 31);
  for (const double from : {0.0, 1e-6, 0.01, 1.0}) {
    HistogramBin& bin = *candidate.add_kld_histogram();
    bin.set_from(from);
    bin.set_positions(from == 0.01 ? 200 : 7);
  }
  for (int layer = 0; layer < 3; ++layer) {
    LayerError& error = *candidate.add_layers();
    error.set_layer(layer);
    error.set_relative_error(0.0123456789 * (layer + 1));
    error.set_cosine(0.987654321);
    TensorFigures& tensor = *candidate.add_tensors();
    tensor.set_name(absl::StrCat("blk.", layer, kHostile));
    tensor.set_role("attn_q");
    tensor.set_layer(layer);
    tensor.set_type("Q4_K");
    tensor.set_bytes(4321 + layer);
    tensor.set_bits_per_weight(4.5);
    if (layer != 1) tensor.set_relative_error(0.0777777);
  }
  TypeUse& use = *candidate.add_types();
  use.set_type("Q4_K");
  use.set_tensors(3);
  use.set_bytes(12966);
  WorstToken& token = *candidate.add_worst_tokens();
  token.set_window(4);
  token.set_position(300);
  token.set_kld(3.21);
  token.set_before(kHostile);
  token.set_actual(kHostile);
  token.set_after(kHostile);
  token.set_reference_p(0.91234);
  LikelyToken& choice = *token.add_reference_choices();
  choice.set_text(kHostile);
  choice.set_p(0.512345);
}

VerifyReport MakeReport(int candidates) {
  VerifyReport report;
  report.set_reference(absl::StrCat("dir/", kHostile));
  report.set_device("cpu");
  report.set_tokens(10200);
  report.set_windows(40);
  report.set_window_tokens(512);
  report.set_ppl_reference(15.503456);
  report.set_reference_bytes(987654321);
  report.set_context(8192);
  report.set_cache_bytes(1 << 20);
  for (int i = 0; i < candidates; ++i)
    FillCandidate(absl::StrCat(i, kHostile), 0.0123 * (i + 1), *report.add_candidates());
  AddKnownTypes(report);
  return report;
}

TEST(ReportPage, NothingOfTheInputIsMarkup) {
  const std::string page = ReportPage(MakeReport(2));
  EXPECT_FALSE(absl::StrContains(page, "<script"));
  EXPECT_FALSE(absl::StrContains(page, '\x1b'));
  EXPECT_FALSE(absl::StrContains(page, '\xff'));
  EXPECT_TRUE(absl::StrContains(page, "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\\x1b[0m\\xff"));
}

TEST(ReportPage, AsksForNothing) {
  const std::string page = ReportPage(MakeReport(2));
  for (const char* part : {"http://", "https://", "src=", "url(", "@import", "<script", "javascript:"}) {
    EXPECT_FALSE(absl::StrContains(page, part)) << part;
  }
  EXPECT_TRUE(absl::StrContains(page, "default-src &#39;none&#39;"));
}

TEST(ReportPage, HasSectionsForWhatIsThere) {
  const std::string several = ReportPage(MakeReport(2)), one = ReportPage(MakeReport(1));
  EXPECT_TRUE(absl::StrContains(several, "id=\"against\""));
  EXPECT_FALSE(absl::StrContains(one, "id=\"against\""));
  VerifyReport plain = MakeReport(1);
  plain.mutable_candidates(0)->clear_tensors();
  EXPECT_TRUE(absl::StrContains(one, "id=\"worst-tokens\""));
  EXPECT_FALSE(absl::StrContains(ReportPage(plain), "id=\"worst-tokens\""));
}

TEST(ReportPage, TellsOfTheDevice) {
  VerifyReport report = MakeReport(1);
  EXPECT_FALSE(absl::StrContains(ReportPage(report), "id=\"device\""));
  *report.mutable_device_use() = MakeDeviceUse();
  report.mutable_device_use()->set_device(kHostile);
  const std::string page = ReportPage(report);
  EXPECT_FALSE(absl::StrContains(page, "<script"));
  for (const char* part : {"id=\"device\"", "data-json=\"/device_use/share\" data-value=\"0.75\">75.0 %<",
                           "data-json=\"/device_use/stages/1/tflop_per_second\" data-value=\"64\">64.0<",
                           "data-json=\"/device_use/peak_gb_per_second\" data-value=\"4800\">4800<", ">load ahead<"}) {
    EXPECT_TRUE(absl::StrContains(page, part)) << part;
  }
  report.mutable_device_use()->clear_peak_flops();
  report.mutable_device_use()->clear_peak_bytes();
  EXPECT_FALSE(absl::StrContains(ReportPage(report), "/device_use/peak"));
}

TEST(ReportPage, NamesTheTypesThatACandidateStandsBetween) {
  const struct {
    double kld;
    const char* sentence;
  } cases[] = {{0.0001, "Closer than Q8_0 is on Llama 3 8B."},
               {0.012, "Between Q5_K_M and Q4_K_M as they are on Llama 3 8B."},
               {3, "Further off than Q2_K is on Llama 3 8B."}};
  for (const auto& row : cases) {
    VerifyReport report = MakeReport(1);
    report.mutable_candidates(0)->mutable_kld()->set_mean(row.kld);
    EXPECT_TRUE(absl::StrContains(ReportPage(report), row.sentence)) << row.kld;
  }
}

TEST(ReportPage, NumbersThatAreNoneDoNotBreakIt) {
  VerifyReport report = MakeReport(1);
  Candidate& candidate = *report.mutable_candidates(0);
  candidate.mutable_kld()->set_mean(NAN);
  candidate.mutable_layers(0)->set_relative_error(INFINITY);
  candidate.clear_kld_histogram();
  candidate.clear_types();
  EXPECT_TRUE(absl::StrContains(ReportPage(report), "</html>"));
}

TEST(VerdictOf, IsWorseTheLargerTheDivergence) {
  EXPECT_STREQ(VerdictOf(0), "Practically identical");
  EXPECT_STREQ(VerdictOf(0.0312), "Close");
  EXPECT_STREQ(VerdictOf(0.5), "Heavy loss");
  EXPECT_STREQ(VerdictOf(5), "A different model");
  EXPECT_STREQ(VerdictOf(NAN), "A different model");
}

}  // namespace
}  // namespace nibble::cli
