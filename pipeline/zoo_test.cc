// Every family of ../shared/zoo (where it is): from the published folder, and from the GGUF that `convert` makes of it,
// the same model; and in that GGUF the tensors that llama.cpp's converter writes. A new family is a row.
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "converters/family.h"
#include "formats/dtype.h"
#include "formats/io/file.h"
#include "formats/json/json.h"
#include "formats/tensor_source.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "model/model_spec.pb.h"
#include "pipeline/no_progress.h"
#include "pipeline/output/output_options.h"
#include "pipeline/quantize.h"
#include "pipeline/source/open_model.h"
#include "pipeline/verify/verify_windows.h"

namespace nibble {
namespace {

// "MXFP4 [128, 256, 4]", GGUF's order of axes.
std::map<std::string, std::string> Described(const TensorSource& source) {
  std::map<std::string, std::string> tensors;
  for (const StoredTensor& tensor : source.tensors()) {
    const std::vector<int64_t> shape(tensor.shape.rbegin(), tensor.shape.rend());
    tensors[tensor.name] = absl::StrCat(GetDType(tensor.dtype).name, " ", ShapeText(shape));
  }
  return tensors;
}

// What llama.cpp's converter wrote.
class Golden {
 public:
  explicit Golden(const std::string& path) : document_(Read(path)) {}

  std::map<std::string, std::string> Tensors() const {
    std::map<std::string, std::string> tensors;
    for (const auto& [name, tensor] : document_.root().Get("tensors").Members()) {
      std::vector<int64_t> shape;
      for (const json::Value& length : tensor.Get("shape").Elements()) shape.push_back(length.Int(1, 1 << 30).value());
      tensors[std::string(name)] = absl::StrCat(tensor.Get("type").String().value(), " ", ShapeText(shape));
    }
    return tensors;
  }
  std::string Key(absl::string_view name) const {
    return std::string(document_.root().Get("keys").Get(name).Get("value").String().value());
  }

 private:
  static json::Document Read(const std::string& path) {
    std::ifstream file(path);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return json::Document::Parse(text, path).value();
  }

  json::Document document_;
};

std::vector<float> Values(const Model& model, const LogicalTensor& tensor) {
  std::vector<float> values(tensor.rows * tensor.cols);
  EXPECT_EQ(ReadRows(model.source, tensor, 0, tensor.rows, absl::MakeSpan(values)), absl::OkStatus());
  return values;
}

class ZooTest : public testing::TestWithParam<const char*> {};

TEST_P(ZooTest, ConvertsToTheSameModelInLlamaCppsForm) {
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (shared == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  const std::string folder = absl::StrCat(shared, "/zoo/models/", GetParam());
  const std::string path = absl::StrCat(testing::TempDir(), "/", GetParam(), ".gguf");
  const absl::StatusOr<Model> model = OpenModel(io::Posix(), folder);
  ASSERT_TRUE(model.ok()) << model.status();
  NoProgress progress;
  const auto plan = Convert(io::Posix(), *model, "f32", {.path = path, .force = true}, progress);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const absl::StatusOr<Model> again = OpenModel(io::Posix(), path);
  ASSERT_TRUE(again.ok()) << again.status();

  const Golden golden(folder + "/llama_cpp_gguf.json");
  EXPECT_EQ(Described(again->source), golden.Tensors());
  EXPECT_EQ(model->vocabulary->pre, golden.Key("tokenizer.ggml.pre"));
  ASSERT_EQ(model->tensors.size(), again->tensors.size());
  for (size_t i = 0; i < model->tensors.size(); ++i) {
    const LogicalTensor& expected = model->tensors[i];
    const LogicalTensor& found = again->tensors[i];
    ASSERT_EQ(GgufName(found), GgufName(expected));
    ASSERT_EQ(found.slice, expected.slice);
    ASSERT_EQ(Values(*again, found), Values(*model, expected)) << GgufName(expected) << " " << expected.slice;
  }
  ModelSpec expected = model->spec, found = again->spec;
  for (ModelSpec* spec : {&expected, &found}) {
    spec->clear_name();
    spec->clear_source_bits();
    spec->clear_rope_scaling();  // llama3's is in the factors
  }
  EXPECT_EQ(found.DebugString(), expected.DebugString());
}

std::string ConfigText(const std::string& folder) {
  return io::ReadWholeFile(io::Posix(), folder + "/config.json", 1 << 20).value();
}

// A folder that is made of a GGUF opens as the folder that the GGUF was made of.
TEST_P(ZooTest, ComesBackFromGgufAsAFolder) {
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (shared == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  const std::string path = absl::StrCat(testing::TempDir(), "/", GetParam(), "-back");
  NoProgress progress;
  const absl::StatusOr<Model> model = OpenModel(io::Posix(), absl::StrCat(shared, "/zoo/models/", GetParam()));
  ASSERT_TRUE(model.ok()) << model.status();
  const OutputOptions gguf{.path = path + ".gguf", .force = true};
  ASSERT_EQ(Convert(io::Posix(), *model, "source", gguf, progress).status(), absl::OkStatus());
  const absl::StatusOr<Model> between = OpenModel(io::Posix(), gguf.path);
  ASSERT_TRUE(between.ok()) << between.status();
  const OutputOptions folder{.path = path, .force = true, .max_shard_bytes = 1 << 20};
  ASSERT_EQ(ConvertToFolder(io::Posix(), *between, "source", folder, progress).status(), absl::OkStatus());
  const absl::StatusOr<Model> again = OpenModel(io::Posix(), path);
  ASSERT_TRUE(again.ok()) << again.status();

  ASSERT_EQ(again->tensors.size(), between->tensors.size());
  for (size_t i = 0; i < again->tensors.size(); ++i) {
    const LogicalTensor &expected = between->tensors[i], &found = again->tensors[i];
    ASSERT_EQ(GgufName(found), GgufName(expected));
    ASSERT_EQ(Values(*again, found), Values(*between, expected)) << GgufName(expected) << " " << expected.slice;
  }
  ModelSpec expected = between->spec, found = again->spec;
  for (ModelSpec* spec : {&expected, &found}) {
    spec->clear_name();
    spec->clear_rope_scaling();
    spec->set_family("");        // a Mixtral is a llama there
    spec->set_architecture("");  // and so is what a mistral3 without YaRN is
  }
  EXPECT_EQ(found.DebugString(), expected.DebugString()) << ConfigText(path);
  EXPECT_EQ(again->vocabulary->pre, between->vocabulary->pre);
  EXPECT_EQ(again->vocabulary->tokens, between->vocabulary->tokens);
  EXPECT_EQ(again->vocabulary->chat_template, between->vocabulary->chat_template);
  EXPECT_EQ(again->vocabulary->bos, between->vocabulary->bos);
  EXPECT_EQ(again->vocabulary->eos, between->vocabulary->eos);
}

// The tokens of a long text's beginning are those of the whole: what is cut off does not show.
TEST_P(ZooTest, TheFirstWindowsOfATextAreThoseOfAllOfIt) {
  const char *shared = std::getenv("NIBBLE_SHARED"), *data = std::getenv("NIBBLE_DATA");
  if (shared == nullptr || data == nullptr) GTEST_SKIP() << "NIBBLE_SHARED or NIBBLE_DATA is not set";
  const absl::StatusOr<Model> model = OpenModel(io::Posix(), absl::StrCat(shared, "/zoo/models/", GetParam()));
  ASSERT_TRUE(model.ok()) << model.status();
  const std::string text =
      io::ReadWholeFile(io::Posix(), absl::StrCat(data, "/texts/wiki.test.raw"), 1 << 30)->substr(0, 60000);
  const Windows all = *CutWindows(*model, text, 64, 0);
  for (const uint32_t limit : {1, 8, 30}) {
    EXPECT_EQ(CutWindows(*model, text, 64, limit)->ids, all.Between(0, limit).ids) << limit;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ZooTest,
                         testing::Values("llama2", "llama3", "llama4", "mistral", "mixtral", "qwen2", "qwen3",
                                         "qwen3_moe", "gpt2", "gemma3", "gpt_oss", "gpt_oss_mxfp4", "deepseek_v3",
                                         "deepseek_v3_fp8", "kimi_k2", "kimi_k2_int4"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace nibble
