// The page of jobs that may be, and of some that should not.
#include "cli/job_page.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/device_use_fixture.h"

namespace nibble::cli {
namespace {

constexpr char kHostile[] = "<script>alert(1)</script>\"'&\x1b[0m\xff";
const JobFacts kFacts = {
    .command = "quantize", .model = "dir/model", .next = "nibble verify dir/model out.gguf", .memory_bytes = 3 << 20};

Plan MakePlan(const std::string& suffix = "") {
  Plan plan;
  plan.set_type("Q4_K");
  plan.set_file_bytes(5 << 20);
  plan.set_tensor_bytes(4 << 20);
  plan.set_source_bytes(16 << 20);
  plan.set_bits_per_weight(4.5123);
  for (int layer = 0; layer < 2; ++layer) {
    PlannedTensor& tensor = *plan.add_tensors();
    tensor.set_name(absl::StrCat("blk.", layer, ".attn_q.weight", suffix));
    tensor.add_shape(64);
    tensor.add_shape(256);
    tensor.set_type("Q4_K");
    tensor.set_source_type("BF16");
    tensor.set_bytes(64 * 144);
    tensor.set_reason(layer == 0 ? suffix : "fallback: rows");
  }
  return plan;
}

void AddText(Plan& plan) {
  CalibrationReport& text = *plan.mutable_calibration();
  text.set_tokens(4096);
  text.set_held_out_tokens(512);
  text.set_kld(0.0123);
  text.set_kld_se(0.0004);
  for (int expert = 0; expert < 2; ++expert) {
    CalibratedLinear& linear = *text.add_linears();
    linear.set_name("blk.1.ffn_up_exps.weight");
    linear.set_slice(expert);
    linear.set_tokens(100 + expert);
    linear.set_outputs(100);
    linear.set_searched_error(4);
    linear.set_error(expert == 0 ? 0.25 : 1);  // relative .05, .1
    linear.set_method("gptq");
  }
}

TEST(JobPage, NothingOfTheInputIsMarkup) {
  Plan plan = MakePlan(kHostile);
  plan.add_warnings(kHostile);
  JobFacts facts = kFacts;
  facts.model = facts.next = kHostile;
  const std::string page = JobPage(plan, facts);
  EXPECT_FALSE(absl::StrContains(page, "<script"));
  EXPECT_FALSE(absl::StrContains(page, '\x1b'));
  EXPECT_FALSE(absl::StrContains(page, '\xff'));
}

TEST(JobPage, AsksForNothing) {
  const std::string page = JobPage(MakePlan(), kFacts);
  for (const char* part : {"http://", "https://", "src=", "url(", "@import", "<script", "javascript:"}) {
    EXPECT_FALSE(absl::StrContains(page, part)) << part;
  }
}

TEST(JobPage, TellsWhatBecameOfWhat) {
  const std::string page = JobPage(MakePlan(), kFacts);
  for (const char* part :
       {"data-json=\"/file_bytes\" data-value=\"5242880\">5.0 MiB<", "data-json=\"/bits_per_weight\"",
        "data-json=\"/tensors/1/bits_per_weight\" data-value=\"4.5\"",
        "data-json=\"/types/0/tensors\" data-value=\"2\"", "fallback: rows", "nibble verify dir/model out.gguf",
        "data-json=\"/memory_bytes\" data-value=\"3145728\""}) {
    EXPECT_TRUE(absl::StrContains(page, part)) << part;
  }
}

TEST(JobPage, HasSectionsForWhatIsThere) {
  Plan plan = MakePlan();
  plan.mutable_tensors(1)->clear_reason();
  const std::string plain = JobPage(plan, kFacts);
  for (const char* id : {"exceptions", "warnings", "text", "transforms", "experts", "device"}) {
    EXPECT_FALSE(absl::StrContains(plain, absl::StrCat("id=\"", id, "\""))) << id;
  }
  AddText(plan);
  plan.add_warnings("careful");
  plan.mutable_tensors(1)->set_reason("kept bits");
  plan.mutable_calibration()->add_trials()->set_transform("awq");
  ExpertCoverage& coverage = *plan.mutable_calibration()->add_experts();
  for (const int tokens : {70, 3, 900}) coverage.add_tokens(tokens);
  *plan.mutable_device_use() = MakeDeviceUse();
  const std::string page = JobPage(plan, kFacts);
  for (const char* part : {"id=\"exceptions\"", "id=\"warnings\"", "id=\"text\"", "id=\"transforms\"", "id=\"experts\"",
                           "id=\"device\"", "data-json=\"/calibration/experts/0/tokens/1\" data-value=\"3\">3<",
                           "data-json=\"/calibration/experts/0/tokens/2\" data-value=\"900\">900<",
                           "data-json=\"/calibration/kld\" data-value=\"0.0123\">0.0123<"}) {
    EXPECT_TRUE(absl::StrContains(page, part)) << part;
  }
}

// Of a layer's experts the map has one cell, in the shade of the worst.
TEST(JobPage, MapsTheWorstExpert) {
  Plan plan = MakePlan();
  AddText(plan);
  const std::string page = JobPage(plan, kFacts);
  const size_t map = page.find("<svg", page.find("id=\"text\""));
  const std::string drawn = page.substr(map, page.find("</svg>", map) - map);
  EXPECT_TRUE(absl::StrContains(drawn, "data-json=\"/calibration/linears/1/relative_error\" data-value=\"0.1\""));
  EXPECT_FALSE(absl::StrContains(drawn, "/calibration/linears/0/"));
  EXPECT_TRUE(absl::StrContains(drawn, "expert 1"));
}

TEST(JobPage, NumbersThatAreNoneDoNotBreakIt) {
  Plan plan = MakePlan();
  AddText(plan);
  plan.mutable_calibration()->mutable_linears(0)->set_outputs(0);
  plan.mutable_tensors(0)->clear_shape();
  EXPECT_TRUE(absl::StrContains(JobPage(plan, kFacts), "</html>"));
}

}  // namespace
}  // namespace nibble::cli
