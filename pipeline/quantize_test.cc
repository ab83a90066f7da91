#include "pipeline/quantize.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/family.h"
#include "converters/test_checkpoint.h"
#include "formats/dtype.h"
#include "formats/gguf/gguf.h"
#include "formats/io/faulty_file_system.h"
#include "formats/io/file.h"
#include "formats/tensor_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/logical_tensor.h"
#include "model/model.h"
#include "pipeline/check/diff.h"
#include "pipeline/inspect.h"
#include "pipeline/progress.h"
#include "pipeline/source/model_folder_fixture.h"
#include "pipeline/source/open_model.h"
#include "pipeline/types/container.h"
#include "pipeline/types/type_options.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Recorder : public Progress {
 public:
  void Update(const ProgressUpdate& update) override { last = update; }
  void Warn(const std::string&) override {}
  ProgressUpdate last;
};

// Rows of 256 for the super-blocks, and of 96 for those that fit nothing but blocks of 32.
constexpr TestShape kWide = {.hidden = 256, .heads = 8, .kv_heads = 2, .head_dim = 32, .feed_forward = 96, .vocab = 40};

class QuantizeTest : public ModelFolderTest {
 protected:
  absl::StatusOr<Plan> Run(const Model& model, const TypeOptions& types, const std::string& name, int threads = 0,
                           io::FileSystem& files = io::Posix()) {
    return Quantize(files, model, types, {.path = Path(name), .threads = threads}, progress_);
  }

  absl::StatusOr<Plan> RunConvert(const Model& model, const std::string& dtype, const std::string& name) {
    return Convert(io::Posix(), model, dtype, {.path = Path(name)}, progress_);
  }

  // What lies in the folder beside the model.
  std::vector<std::string> Outputs() const {
    std::vector<std::string> names = io::Posix().List(folder_).value();
    std::erase(names, "model");
    return names;
  }

  Recorder progress_;
};

std::vector<float> Values(const Model& model, const LogicalTensor& tensor) {
  std::vector<float> values(tensor.rows * tensor.cols);
  EXPECT_EQ(ReadRows(model.source, tensor, 0, tensor.rows, absl::MakeSpan(values)), absl::OkStatus());
  return values;
}

std::vector<std::byte> StoredBytes(const TensorSource& source, const StoredTensor& tensor) {
  std::vector<std::byte> bytes(tensor.bytes);
  EXPECT_EQ(source.Read(tensor, 0, absl::MakeSpan(bytes)), absl::OkStatus());
  return bytes;
}

const PlannedTensor& Planned(const Plan& plan, absl::string_view name) {
  for (const PlannedTensor& tensor : plan.tensors()) {
    if (tensor.name() == name) return tensor;
  }
  ADD_FAILURE() << "no " << name;
  return plan.tensors(0);
}

// Tensors and keys, but for what the manifest tells of the job.
void ExpectSameModel(const std::string& a, const std::string& b) {
  Recorder progress;
  const absl::StatusOr<DiffReport> report = Diff(io::Posix(), a, b, 0, progress);
  ASSERT_EQ(report.status(), absl::OkStatus());
  EXPECT_THAT(report->tensors(), IsEmpty());
  for (const KeyDifference& key : report->keys()) EXPECT_THAT(key.key(), testing::StartsWith("nibble.manifest: "));
}

// Every tensor of the output is what encoding the source's values at once gives.
void ExpectEncoded(const Model& source, const Plan& plan, const Model& output, bool weighted) {
  ASSERT_EQ(output.tensors.size(), source.tensors.size());
  for (const LogicalTensor& tensor : source.tensors) {
    const std::string name = GgufName(tensor);
    SCOPED_TRACE(name);
    const StoredTensor* stored = output.source.Find(name);
    ASSERT_NE(stored, nullptr);
    const BlockFormat& format = *FindFormat(Planned(plan, name).type());
    ASSERT_EQ(stored->dtype, DTypeOf(format.id));
    const std::vector<float> values = Values(source, tensor);
    std::vector<std::byte> expected(format.BytesFor(values.size()));
    const size_t blocks = values.size() / format.block_elements;
    if (weighted) {
      format.encode_weighted(values.data(), nullptr, blocks, expected.data());
    } else {
      format.encode_rtn(values.data(), blocks, expected.data());
    }
    EXPECT_EQ(StoredBytes(output.source, *stored), expected);
  }
}

TEST_F(QuantizeTest, EveryTypeHoldsTheSourceEncoded) {
  const Model model = Open(RandomLlama({.layers = 1, .hidden = 256, .head_dim = 16, .feed_forward = 96, .vocab = 9}));
  for (const std::string& type : TypeNames(Container::kGguf)) {
    for (const char* method : {"rtn", "weighted"}) {
      SCOPED_TRACE(absl::StrCat(type, " ", method));
      const std::string name = absl::StrCat(type, method, ".gguf");
      const absl::StatusOr<Plan> plan = Run(model, {.type = type, .method = method}, name);
      ASSERT_EQ(plan.status(), absl::OkStatus());
      EXPECT_EQ(plan->file_bytes(), std::filesystem::file_size(Path(name)));
      Plan planned = *PlanQuantize(io::Posix(), model, {.type = type, .method = method});
      planned.clear_time();  // what is done tells how long it took
      EXPECT_EQ(planned.DebugString(), plan->DebugString());
      ExpectEncoded(model, *plan, Reopen(name), method == std::string("weighted"));
    }
  }
}

TEST_F(QuantizeTest, BytesDoNotDependOnTheNumberOfThreads) {
  TestShape shape = kWide;
  shape.vocab = 4096;  // several panels
  const Model model = Open(RandomLlama(shape));
  for (const int threads : {1, 2, 3}) {
    ASSERT_EQ(Run(model, {.type = "Q4_K_M", .method = "rtn"}, absl::StrCat(threads), threads).status(),
              absl::OkStatus());
    EXPECT_EQ(Bytes(absl::StrCat(threads)), Bytes("1"));
  }
  EXPECT_EQ(progress_.last.done, progress_.last.total);
  EXPECT_GT(progress_.last.total, 0);
}

TEST_F(QuantizeTest, GgufGivesTheBytesThatTheFolderGives) {
  for (const bool tied : {false, true}) {
    TestShape shape = kWide;
    shape.tied = tied;
    shape.biases = tied;
    TestCheckpoint checkpoint = RandomLlama(shape);
    checkpoint.config["rope_scaling"] = R"({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                                            "high_freq_factor": 4.0, "original_max_position_embeddings": 64})";
    const Model folder = Open(checkpoint);
    const std::string prefix = tied ? "tied-" : "";
    for (const char* dtype : {"source", "bf16", "f32"}) {
      const std::string name = absl::StrCat(prefix, dtype, ".gguf");
      ASSERT_EQ(RunConvert(folder, dtype, name).status(), absl::OkStatus());
      const Model gguf = Reopen(name);
      ASSERT_EQ(Run(gguf, {.type = "Q4_K_M"}, name + ".q4").status(), absl::OkStatus());
    }
    ASSERT_EQ(Run(folder, {.type = "Q4_K_M"}, prefix + "folder.q4").status(), absl::OkStatus());
    EXPECT_EQ(Bytes(prefix + "source.gguf"), Bytes(prefix + "bf16.gguf"));
    ExpectSameModel(Path(prefix + "source.gguf.q4"), Path(prefix + "folder.q4"));
    ExpectSameModel(Path(prefix + "f32.gguf.q4"), Path(prefix + "folder.q4"));
  }
}

TEST_F(QuantizeTest, KeysOfLoadersAreThere) {
  const Model model = Open(RandomLlama(kWide));
  ASSERT_EQ(Run(model, {.type = "Q4_K_M", .method = "rtn"}, "x.gguf").status(), absl::OkStatus());
  const gguf::Metadata metadata = gguf::Open(io::Posix(), Path("x.gguf"))->metadata;
  EXPECT_EQ(*metadata.String("general.architecture"), "llama");
  EXPECT_EQ(*metadata.String("general.type"), "model");
  EXPECT_EQ(*metadata.String("general.name"), "model");
  EXPECT_EQ(*metadata.String("general.size_label"), "497K");
  EXPECT_EQ(*metadata.Uint("general.file_type", 0, 100), 15);
  EXPECT_EQ(*metadata.Uint("general.quantization_version", 0, 100), 2);
  EXPECT_EQ(*metadata.Uint("llama.block_count", 0, 100), 2);
  EXPECT_EQ(*metadata.String("tokenizer.ggml.model"), "no_vocab");
}

TEST_F(QuantizeTest, ConvertKeepsFloatsAndDecodesOnRequest) {
  const Model model = Open(RandomLlama(kWide));
  struct Case {
    const char* dtype;
    const char* matrices;
    uint64_t file_type;
  };
  for (const Case& c : {Case{"source", "BF16", 32}, {"bf16", "BF16", 32}, {"f16", "F16", 1}, {"f32", "F32", 0}}) {
    const Plan plan = RunConvert(model, c.dtype, c.dtype).value();
    EXPECT_EQ(Planned(plan, "blk.0.attn_q.weight").type(), c.matrices);
    EXPECT_EQ(Planned(plan, "token_embd.weight").type(), c.matrices);
    EXPECT_EQ(Planned(plan, "output.weight").type(), c.matrices);
    EXPECT_EQ(Planned(plan, "blk.0.attn_norm.weight").type(), "F32");
    EXPECT_EQ(*gguf::Open(io::Posix(), Path(c.dtype))->metadata.Uint("general.file_type", 0, 100), c.file_type);
    ExpectEncoded(model, plan, Reopen(c.dtype), false);
  }
}

TEST_F(QuantizeTest, ConvertKeepsQuantizedBitsUnderSource) {
  const Model model = Open(RandomLlama(kWide));
  ASSERT_EQ(Run(model, {.type = "Q4_0"}, "q4.gguf").status(), absl::OkStatus());
  ASSERT_EQ(Run(model, {.type = "MXFP4"}, "mxfp4.gguf").status(), absl::OkStatus());
  const Model q4 = Reopen("q4.gguf");
  ASSERT_EQ(RunConvert(q4, "source", "q4-again.gguf").status(), absl::OkStatus());
  ExpectSameModel(Path("q4-again.gguf"), Path("q4.gguf"));
  const Plan decoded = RunConvert(q4, "f32", "q4-f32.gguf").value();
  EXPECT_EQ(Planned(decoded, "blk.0.ffn_down.weight").type(), "F32");
  const Plan kept = RunConvert(Reopen("mxfp4.gguf"), "f32", "mxfp4-f32.gguf").value();
  EXPECT_EQ(Planned(kept, "blk.0.ffn_down.weight").type(), "MXFP4");
  EXPECT_EQ(Planned(kept, "blk.0.ffn_down.weight").reason(), "kept bits");
  EXPECT_EQ(Planned(kept, "token_embd.weight").type(), "F32");
}

TEST_F(QuantizeTest, FourBitSourcesKeepTheirBitsUnlessAsked) {
  const Model model = Open(RandomLlama(kWide));
  ASSERT_EQ(Run(model, {.type = "Q4_0"}, "q4.gguf").status(), absl::OkStatus());
  const Model q4 = Reopen("q4.gguf");
  const Plan kept = Run(q4, {.type = "MXFP4"}, "kept.gguf").value();
  EXPECT_EQ(Planned(kept, "blk.1.ffn_up.weight").type(), "Q4_0");
  EXPECT_EQ(Planned(kept, "blk.1.ffn_up.weight").reason(), "kept bits");
  EXPECT_EQ(Planned(kept, "token_embd.weight").type(), "Q8_0");
  EXPECT_THAT(kept.warnings(), IsEmpty());
  const Model output = Reopen("kept.gguf");
  const absl::string_view name = "blk.1.attn_q.weight";
  EXPECT_EQ(StoredBytes(output.source, *output.source.Find(name)), StoredBytes(q4.source, *q4.source.Find(name)));

  const Plan anew = Run(q4, {.type = "MXFP4", .allow_requantize = true}, "anew.gguf").value();
  EXPECT_EQ(Planned(anew, "blk.1.ffn_up.weight").type(), "MXFP4");
  EXPECT_EQ(Planned(anew, "blk.1.ffn_up.weight").reason(), "encoded anew from Q4_0");
  EXPECT_THAT(anew.warnings(), testing::ElementsAre(HasSubstr("14 tensors are encoded anew")));
}

TEST_F(QuantizeTest, AValueThatIsNotFiniteIsNamedAndNothingIsWritten) {
  const std::pair<const char*, float> cases[] = {{"nan", std::numeric_limits<float>::quiet_NaN()},
                                                 {"inf", std::numeric_limits<float>::infinity()}};
  for (const auto& [text, value] : cases) {
    TestCheckpoint checkpoint = RandomLlama(kWide);
    if (value > 0) checkpoint.dtype = DType::kF32;  // the encoder of BF16 gives an infinity its largest value
    checkpoint.Find("model.layers.1.mlp.up_proj.weight").values[3 * 256 + 5] = value;
    const Model model = Open(checkpoint);
    for (const char* type : {"Q4_K_M", "BF16", "F32"}) {  // encoded, copied, decoded
      const absl::Status status = Run(model, {.type = type}, "x.gguf").status();
      EXPECT_EQ(ExitCode(status), 65);
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr(absl::StrCat("model.safetensors: tensor 'model.layers.1.mlp.up_proj.weight' [3, 5]: "
                                         "expected a finite value, found ",
                                         text)));
      EXPECT_THAT(Outputs(), IsEmpty());
    }
  }
}

TEST_F(QuantizeTest, AValueTooLargeForTheTypeIsNamed) {
  TestCheckpoint checkpoint = RandomLlama(kWide);
  checkpoint.dtype = DType::kF32;
  checkpoint.Find("model.layers.0.self_attn.v_proj.weight").values[2 * 256 + 7] = 70'000;
  const Model model = Open(checkpoint);
  const absl::Status status = RunConvert(model, "f16", "x.gguf").status();
  EXPECT_EQ(ExitCode(status), 65);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("tensor 'blk.0.attn_v.weight' [2, 7]: expected a value that F16 can hold, found 70000"));
  EXPECT_EQ(RunConvert(model, "bf16", "bf16.gguf").status(), absl::OkStatus());
  EXPECT_EQ(Run(model, {.type = "Q8_0"}, "q8.gguf").status(), absl::OkStatus());  // its scale is 70000 / 127

  checkpoint.Find("model.layers.0.self_attn.v_proj.weight").values[2 * 256 + 7] = 1e30f;
  const absl::Status scale = Run(Open(checkpoint), {.type = "Q8_0"}, "x.gguf").status();
  EXPECT_EQ(ExitCode(scale), 65);
  EXPECT_THAT(std::string(scale.message()), HasSubstr("expected a value that Q8_0 can hold"));
}

TEST_F(QuantizeTest, TheFirstOfSeveralErrorsIsReportedWhateverTheThreads) {
  TestCheckpoint checkpoint = RandomLlama(kWide);
  for (const char* name : {"model.embed_tokens.weight", "lm_head.weight", "model.layers.1.mlp.up_proj.weight"}) {
    checkpoint.Find(name).values[0] = std::numeric_limits<float>::quiet_NaN();
  }
  const Model model = Open(checkpoint);
  for (const int threads : {1, 2, 3}) {
    const absl::Status status = Run(model, {.method = "rtn"}, "x.gguf", threads).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr("'model.embed_tokens.weight' [0, 0]"));
  }
}

TEST_F(QuantizeTest, PlanAndInspectReadNoWeights) {
  Open(RandomLlama(kWide));
  io::FaultyFileSystem files(io::Posix());
  const Model model = OpenModel(files, Path("model")).value();
  const int reads = files.calls(io::Call::kRead);
  EXPECT_EQ(PlanQuantize(io::Posix(), model, {}).status(), absl::OkStatus());
  EXPECT_EQ(Inspect(model, /*with_tensors=*/true).status(), absl::OkStatus());
  EXPECT_EQ(files.calls(io::Call::kRead), reads);
}

TEST_F(QuantizeTest, InspectWeighsWhatQuantizeWrites) {
  const Model model = Open(RandomLlama(kWide));
  const Inspection inspection = Inspect(model, /*with_tensors=*/false).value();
  ASSERT_EQ(inspection.types_size(), TypeNames(Container::kGguf).size());
  for (const TypeWeight& weight : inspection.types()) {
    ASSERT_EQ(Run(model, {.type = weight.type(), .method = "rtn"}, weight.type()).status(), absl::OkStatus());
    EXPECT_EQ(weight.bytes(), Bytes(weight.type()).size()) << weight.type();
  }
}

// Each call of each kind fails once: the job says so, and leaves the final path as it was.
TEST_F(QuantizeTest, AFailureAnywhereLeavesTheOutputAsItWas) {
  Open(RandomLlama({.layers = 1}));
  const OutputOptions output{.path = Path("x.gguf"), .force = true, .threads = 1};
  for (const io::Call call : {io::Call::kRead, io::Call::kCreate, io::Call::kWrite, io::Call::kPreallocate,
                              io::Call::kSync, io::Call::kClose, io::Call::kRename}) {
    for (int n = 1;; ++n) {
      io::FaultyFileSystem files(io::Posix());
      const absl::StatusOr<Model> model = OpenModel(files, Path("model"));
      ASSERT_EQ(model.status(), absl::OkStatus());
      std::ofstream(Path("x.gguf")) << "before";
      std::filesystem::remove(Path("x.gguf.manifest.json"));
      files.FailNth(call, n, absl::UnavailableError("injected"));
      const absl::Status status = Quantize(files, *model, {.method = "rtn"}, output, progress_).status();
      if (files.calls(call) < n) break;  // all of them have failed once
      SCOPED_TRACE(absl::StrCat("call kind ", static_cast<int>(call), " number ", n));
      EXPECT_EQ(ExitCode(status), 74) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("injected"));
      EXPECT_EQ(Bytes("x.gguf"), "before");
      EXPECT_THAT(Outputs(), testing::ElementsAre("x.gguf"));
    }
  }
}

TEST_F(QuantizeTest, OutputIsRefusedWhereItIsAnInput) {
  const Model folder = Open(RandomLlama(kWide));
  for (const char* name : {"model/model.safetensors", "model/config.json"}) {
    const OutputOptions output{.path = Path(name), .force = true};
    EXPECT_EQ(ExitCode(Quantize(io::Posix(), folder, {}, output, progress_).status()), 73);
  }
  ASSERT_EQ(RunConvert(folder, "source", "x.gguf").status(), absl::OkStatus());
  std::filesystem::create_symlink(Path("x.gguf"), Path("link.gguf"));
  const Model gguf = Reopen("x.gguf");
  for (const char* name : {"x.gguf", "link.gguf"}) {
    const OutputOptions output{.path = Path(name), .force = true};
    EXPECT_EQ(ExitCode(Quantize(io::Posix(), gguf, {}, output, progress_).status()), 73);
  }
  EXPECT_EQ(ExitCode(RunConvert(folder, "f32", "x.gguf").status()), 73);  // it exists
}

}  // namespace
}  // namespace nibble
