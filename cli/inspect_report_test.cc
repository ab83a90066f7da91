#include "cli/inspect_report.h"

#include <gtest/gtest.h>

namespace nibble::cli {
namespace {

Inspection MakeInspection() {
  Inspection inspection;
  inspection.set_path("model/");
  inspection.mutable_spec()->set_family("llama");
  inspection.mutable_spec()->set_hidden_size(256);
  inspection.mutable_spec()->add_layers()->mutable_attention()->set_heads(8);
  inspection.set_parameters(1840000);
  inspection.set_file_bytes(4 << 20);
  inspection.set_tensor_bytes(3680000);
  inspection.set_cache_bytes(3 << 20);
  inspection.mutable_spec()->set_context_length(2048);
  inspection.set_files(2);
  DTypeUse* use = inspection.add_dtypes();
  use->set_dtype("BF16");
  use->set_tensors(20);
  use->set_bytes(4 << 20);
  TypeWeight* weight = inspection.add_types();
  weight->set_type("Q4_K");
  weight->set_bytes(1 << 20);
  weight->set_bits_per_weight(4.5);
  weight->set_fallbacks(3);
  weight = inspection.add_types();
  weight->set_type("Q8_0");
  weight->set_bytes(2 << 20);
  weight->set_bits_per_weight(8.5);
  InspectedTensor* tensor = inspection.add_tensors();
  tensor->set_name("evil\nname");
  tensor->set_dtype("BF16");
  tensor->add_shape(2);
  tensor->add_shape(256);
  return inspection;
}

void ExpectParts(const std::string& text, std::initializer_list<const char*> parts) {
  for (const char* part : parts) EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
}

TEST(InspectText, IsReadableAtAGlance) {
  Inspection inspection = MakeInspection();
  const std::string text = InspectText(inspection, /*with_tensors=*/false);
  ExpectParts(text, {"model/\n", "llama", "1.8 M", "4.0 MiB in 2 files: BF16 4.0 MiB in 20 tensors",
                     "1 of width 256; 8 heads", "tokenizer    none", "1.8 M, 16.00 bits each\n",
                     "context      2048 tokens, whose cache takes 3.0 MiB in F16\n",
                     "  as       file  of the source  bits per weight  fallbacks\n"
                     "  Q8_0  2.0 MiB           50 %             8.50\n"
                     "  Q4_K  1.0 MiB           25 %             4.50          3\n"});
  EXPECT_EQ(text.find("evil"), std::string::npos);
  ExpectParts(InspectText(inspection, /*with_tensors=*/true), {"evil\\nname  BF16  [2, 256]"});

  inspection.mutable_tokenizer()->set_algorithm("byte-level BPE");
  inspection.mutable_tokenizer()->set_pre("gpt-2");
  inspection.mutable_tokenizer()->set_tokens(1024);
  inspection.mutable_tokenizer()->set_bos(0);
  ExpectParts(InspectText(inspection, false), {"byte-level BPE 'gpt-2', 1024 tokens, bos 0\n"});
}

TEST(InspectText, TellsOfExperts) {
  Inspection inspection = MakeInspection();
  inspection.mutable_spec()->mutable_layers(0)->mutable_feed_forward()->set_length(96);
  ExpectParts(InspectText(inspection, false), {"; feed-forward 96\n"});
  Experts* experts = inspection.mutable_spec()->add_layers()->mutable_feed_forward()->mutable_experts();
  experts->set_count(8);
  experts->set_used(2);
  experts->set_length(64);
  ExpectParts(InspectText(inspection, false),
              {"2 of width 256", "; feed-forward 96 in 1 of them, in the others 8 experts of 64, 2 at a time\n"});
  experts->set_shared_length(32);
  inspection.mutable_spec()->mutable_layers()->DeleteSubrange(0, 1);
  ExpectParts(InspectText(inspection, false), {"; 8 experts of 64, 2 at a time, and one of 32 for all\n"});
}

TEST(InspectJson, NamesEverything) {
  Inspection inspection = MakeInspection();
  const std::string json = InspectJson(inspection, /*with_tensors=*/true);
  ExpectParts(json, {"\"family\": \"llama\"", "\"layers\": 1", "\"parameters\": 1840000", "\"dtypes\": [",
                     "\"bits_per_weight\": 4.5", "\"cache_bytes\": 3145728", "\"name\": \"evil\\u000aname\""});
  EXPECT_EQ(json.find("\"tokenizer\""), std::string::npos);
  EXPECT_EQ(InspectJson(inspection, /*with_tensors=*/false).find("\"tensors\": [\n    {\n      \"name\""),
            std::string::npos);
}

}  // namespace
}  // namespace nibble::cli
