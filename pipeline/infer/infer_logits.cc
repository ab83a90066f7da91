#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "device/device.h"
#include "device/in_stage.h"
#include "device/make_device.h"
#include "device/measured_device.h"
#include "formats/dtype.h"
#include "formats/io/atomic_file.h"
#include "formats/safetensors/safetensors.h"
#include "formats/tensor_source.h"
#include "pipeline/device_use.h"
#include "pipeline/infer/infer.h"
#include "runtime/output_head.h"
#include "runtime/sequences.h"

namespace nibble {
namespace {

// Logits that are in memory at a time.
constexpr int64_t kLogitsAtATime = 1 << 24;

struct TokenIds {
  int64_t sequences = 0;
  int64_t length = 0;
  std::vector<uint32_t> ids;
  std::vector<io::FileIdentity> files;  // that they were read from
};

absl::StatusOr<TokenIds> ReadTokenIds(io::FileSystem& files, const std::string& path, uint32_t vocab_size) {
  NIBBLE_ASSIGN_OR_RETURN(const safetensors::Checkpoint checkpoint, safetensors::OpenFile(files, path));
  const StoredTensor* tensor = checkpoint.tensors.Find("input_ids");
  if (tensor == nullptr) return BadData(path, "a tensor 'input_ids'", "none");
  const std::string place = checkpoint.tensors.Place(*tensor);
  if (tensor->dtype != DType::kI64 || tensor->shape.size() != 2 || tensor->elements() == 0) {
    return BadData(place, "I64 [B, T] with B, T > 0",
                   absl::StrCat(GetDType(tensor->dtype).name, " ", ShapeText(tensor->shape)));
  }
  std::vector<int64_t> values(tensor->elements());
  NIBBLE_RETURN_IF_ERROR(checkpoint.tensors.Read(
      *tensor, 0, absl::MakeSpan(reinterpret_cast<std::byte*>(values.data()), values.size() * sizeof(int64_t))));
  TokenIds result{.sequences = tensor->shape[0], .length = tensor->shape[1]};
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0 || values[i] >= vocab_size) {
      return BadData(absl::StrCat(place, ": element ", i), absl::StrCat("an id in 0..", vocab_size - 1),
                     absl::StrCat(values[i]));
    }
    result.ids.push_back(values[i]);
  }
  result.files.push_back(checkpoint.tensors.files()[0]->info().identity);
  return result;
}

// The output file: which tensor's floats go where.
class LogitsFile {
 public:
  static absl::StatusOr<LogitsFile> Create(io::FileSystem& files, const Model& model, const TokenIds& ids,
                                           const LogitsOptions& options) {
    std::vector<safetensors::TensorInfo> tensors = {
        {"logits", DType::kF32, {ids.sequences, ids.length, model.spec.vocab_size()}}};
    for (int layer = 0; options.hidden && layer <= model.spec.layers_size(); ++layer) {
      tensors.push_back(
          {absl::StrCat("hidden_", layer), DType::kF32, {ids.sequences, ids.length, model.spec.hidden_size()}});
    }
    LogitsFile result;
    result.layout_ = safetensors::MakeLayout(tensors, {});
    io::AtomicFile::Options atomic{.force = options.force, .inputs = ids.files};
    for (const auto& file : model.source.files()) atomic.inputs.push_back(file->info().identity);
    NIBBLE_ASSIGN_OR_RETURN(result.file_,
                            io::AtomicFile::Create(files, options.output_path, result.layout_.file_bytes, atomic));
    NIBBLE_RETURN_IF_ERROR(result.file_->file().WriteAt(0, Bytes(result.layout_.header)));
    return result;
  }

  absl::Status WriteLogits(int64_t first_float, absl::Span<const float> values) {
    return Write(0, first_float, values);
  }
  absl::Status WriteHidden(int layer, absl::Span<const float> values) { return Write(1 + layer, 0, values); }
  absl::Status Commit() { return file_->Commit(); }

 private:
  template <typename Container>
  static absl::Span<const std::byte> Bytes(const Container& values) {
    return absl::MakeSpan(reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(values[0]));
  }

  absl::Status Write(size_t tensor, int64_t first_float, absl::Span<const float> values) {
    return file_->file().WriteAt(layout_.offsets[tensor] + first_float * sizeof(float), Bytes(values));
  }

  safetensors::Layout layout_;
  std::unique_ptr<io::AtomicFile> file_;
};

absl::Status WriteAllLogits(Device& device, const Model& model, const Sequences& sequences, LogitsFile& file) {
  NIBBLE_ASSIGN_OR_RETURN(OutputHead head, OutputHead::Create(device, model));
  const int64_t width = model.spec.hidden_size(), vocabulary = model.spec.vocab_size();
  const int64_t rows = sequences.tokens(), step = std::max<int64_t>(1, kLogitsAtATime / vocabulary);
  const InStage in_predict(device, "predict");
  std::vector<float> logits;
  for (int64_t first = 0; first < rows; first += step) {
    const int64_t count = std::min(step, rows - first);
    NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> states, sequences.States(first, count));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer normed, head.Normalize(states));
    logits.resize(count * vocabulary);
    NIBBLE_RETURN_IF_ERROR(head.Logits(normed.matrix(count, width), absl::MakeSpan(logits)));
    const InStage in_write(device, kWriteStage);
    NIBBLE_RETURN_IF_ERROR(file.WriteLogits(first * vocabulary, logits));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DeviceUse> WriteLogits(io::FileSystem& files, const Model& model, const LogitsOptions& options,
                                      Progress& progress) {
  NIBBLE_ASSIGN_OR_RETURN(const TokenIds ids, ReadTokenIds(files, options.ids_path, model.spec.vocab_size()));
  NIBBLE_ASSIGN_OR_RETURN(LogitsFile file, LogitsFile::Create(files, model, ids, options));
  NIBBLE_ASSIGN_OR_RETURN(const std::unique_ptr<MeasuredDevice> measured,
                          MakeDevice({.device = options.device, .threads = options.threads}));
  MeasuredDevice& device = *measured;
  NIBBLE_ASSIGN_OR_RETURN(Sequences sequences, Sequences::Embed(device, model, ids.ids, ids.length));
  const int layers = model.spec.layers_size();
  for (int layer = 0; layer <= layers; ++layer) {
    if (options.hidden) {
      const InStage stage(device, kWriteStage);
      NIBBLE_ASSIGN_OR_RETURN(const std::vector<float> states, sequences.States(0, sequences.tokens()));
      NIBBLE_RETURN_IF_ERROR(file.WriteHidden(layer, states));
    }
    if (layer == layers) break;
    progress.Update({.stage = absl::StrCat("layer ", layer + 1, "/", layers),
                     .detail = model.path,
                     .done = ids.ids.size() * layer / (layers + 1),
                     .total = ids.ids.size(),
                     .unit = "tok",
                     .device = LoadOf(device)});
    NIBBLE_RETURN_IF_ERROR(sequences.RunLayer(layer));
  }
  NIBBLE_RETURN_IF_ERROR(WriteAllLogits(device, model, sequences, file));
  const InStage stage(device, kWriteStage);
  NIBBLE_RETURN_IF_ERROR(file.Commit());
  return UseOf(device);
}

}  // namespace nibble
