// Files that gguf-py and llama.cpp wrote (testdata/make_goldens.py), and others when they are there.
#include <cstdlib>
#include <fstream>
#include <limits>
#include <sstream>

#include "formats/gguf/gguf.h"
#include "formats/gguf/test_files.h"
#include "gtest/gtest.h"

namespace nibble::gguf {
namespace {

std::string TestData(const std::string& name) { return "formats/gguf/testdata/" + name; }

std::string ReadAll(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}

template <typename T>
Array Extremes() {
  return std::vector<T>{std::numeric_limits<T>::min(), std::numeric_limits<T>::max()};
}

Metadata GoldenMetadata() {
  Metadata m;
  m.Set("general.architecture", std::string("llama"));
  m.Set("scalar.uint8", uint8_t{200});
  m.Set("scalar.int8", int8_t{-100});
  m.Set("scalar.uint16", uint16_t{60000});
  m.Set("scalar.int16", int16_t{-30000});
  m.Set("scalar.uint32", uint32_t{4000000000});
  m.Set("scalar.int32", int32_t{-2000000000});
  m.Set("scalar.float32", 0.15625f);
  m.Set("scalar.bool", true);
  m.Set("scalar.string", std::string("na\u00efve \u2581"));
  m.Set("scalar.uint64", (uint64_t{1} << 63) + 1);
  m.Set("scalar.int64", -(int64_t{1} << 62));
  m.Set("scalar.float64", 0.1);
  m.Set("array.uint8", Extremes<uint8_t>());
  m.Set("array.int8", Extremes<int8_t>());
  m.Set("array.uint16", Extremes<uint16_t>());
  m.Set("array.int16", Extremes<int16_t>());
  m.Set("array.uint32", Extremes<uint32_t>());
  m.Set("array.int32", Extremes<int32_t>());
  m.Set("array.float32", Array(std::vector<float>{-0.5f, 1e30f}));
  m.Set("array.bool", Array(std::vector<bool>{true, false, true}));
  m.Set("array.string", Array(std::vector<std::string>{"", "a b", "<0x0A>"}));
  m.Set("array.uint64", Extremes<uint64_t>());
  m.Set("array.int64", Extremes<int64_t>());
  m.Set("array.float64", Array(std::vector<double>{-0.1, 1e300}));
  return m;
}

std::vector<TensorInfo> GoldenTensors() {
  std::vector<TensorInfo> tensors;
  for (const auto& [name, dtype, row] : std::initializer_list<std::tuple<const char*, DType, int64_t>>{
           {"f32", DType::kF32, 3},        {"f16", DType::kF16, 3},         {"bf16", DType::kBF16, 3},
           {"i8", DType::kI8, 3},          {"i16", DType::kI16, 3},         {"i32", DType::kI32, 3},
           {"i64", DType::kI64, 3},        {"f64", DType::kF64, 3},         {"q8_0", DType::kQ8_0, 32},
           {"q4_0", DType::kQ4_0, 32},     {"q4_1", DType::kQ4_1, 32},      {"q5_0", DType::kQ5_0, 32},
           {"q5_1", DType::kQ5_1, 32},     {"q2_k", DType::kQ2_K, 256},     {"q3_k", DType::kQ3_K, 256},
           {"q4_k", DType::kQ4_K, 256},    {"q5_k", DType::kQ5_K, 256},     {"q6_k", DType::kQ6_K, 256},
           {"iq4_nl", DType::kIQ4_NL, 32}, {"iq4_xs", DType::kIQ4_XS, 256}, {"mxfp4", DType::kMXFP4, 32},
           {"nvfp4", DType::kNVFP4, 64}}) {
    tensors.push_back({name, dtype, {2, row}});
  }
  return tensors;
}

void ExpectGoldenTensors(const File& file) {
  const std::vector<TensorInfo> expected = GoldenTensors();
  ASSERT_EQ(file.tensors.tensors().size(), expected.size());
  for (size_t t = 0; t < expected.size(); ++t) {
    const StoredTensor& tensor = file.tensors.tensors()[t];
    EXPECT_EQ(tensor.name, expected[t].name);
    EXPECT_EQ(tensor.dtype, expected[t].dtype) << tensor.name;
    EXPECT_EQ(tensor.shape, expected[t].shape) << tensor.name;
    std::vector<std::byte> bytes(tensor.bytes);
    ASSERT_TRUE(file.tensors.Read(tensor, 0, absl::MakeSpan(bytes)).ok());
    for (size_t i = 0; i < bytes.size(); ++i) ASSERT_EQ(bytes[i], std::byte(i)) << tensor.name << " byte " << i;
  }
}

TEST(GoldenTest, ReadsWhatGgufPyWrote) {
  auto file = Open(io::Posix(), TestData("golden.gguf"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata.entries(), GoldenMetadata().entries());
  ExpectGoldenTensors(*file);
}

TEST(GoldenTest, WritesTheHeaderThatGgufPyWrote) {
  const std::string golden = ReadAll(TestData("golden.gguf"));
  const Layout layout = MakeLayout(GoldenMetadata(), GoldenTensors());
  EXPECT_EQ(layout.header, golden.substr(0, layout.header.size()));
  EXPECT_EQ(layout.file_bytes, golden.size());

  Metadata aligned;
  aligned.Set("general.architecture", std::string("llama"));
  aligned.Set("general.alignment", uint32_t{128});
  EXPECT_EQ(MakeLayout(aligned, {}).header, ReadAll(TestData("aligned.gguf")));
}

TEST(GoldenTest, ReadsWhatLlamaGgufSplitSplit) {
  auto file = Open(io::Posix(), TestData("split-00001-of-00003.gguf"));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->tensors.files().size(), 3);
  ExpectGoldenTensors(*file);
  const Metadata expected = GoldenMetadata();
  for (const auto& [key, value] : expected.entries()) {
    const Value* found = file->metadata.Find(key);
    ASSERT_NE(found, nullptr) << key;
    EXPECT_EQ(*found, value) << key;
  }
}

// Vocabularies and a model that llama.cpp and ollama wrote, in $NIBBLE_DATA/gguf.
TEST(GoldenTest, OpensPublishedFiles) {
  const char* data = std::getenv("NIBBLE_DATA");
  if (data == nullptr) GTEST_SKIP() << "NIBBLE_DATA is not set";
  const struct {
    const char* name;
    const char* architecture;
    size_t tokens;
    size_t tensors;
  } cases[] = {
      {"ggml-vocab-llama-spm.gguf", "llama", 32000, 0},
      {"ggml-vocab-gpt-2.gguf", "gpt2", 50257, 0},
      {"ggml-vocab-deepseek-llm.gguf", "llama", 102400, 0},
      {"llama-2-tiny-random.gguf", "llama", 32000, 12},
  };
  for (const auto& c : cases) {
    auto file = Open(io::Posix(), absl::StrCat(data, "/gguf/", c.name));
    if (absl::IsNotFound(file.status())) GTEST_SKIP() << file.status();
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(*file->metadata.String("general.architecture"), c.architecture);
    const Value* tokens = file->metadata.Find("tokenizer.ggml.tokens");
    ASSERT_NE(tokens, nullptr);
    EXPECT_EQ(std::get<std::vector<std::string>>(std::get<Array>(*tokens)).size(), c.tokens);
    EXPECT_EQ(file->tensors.tensors().size(), c.tensors);
  }
}

}  // namespace
}  // namespace nibble::gguf
