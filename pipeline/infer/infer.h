// The jobs that run one model: logits of given ids, and plain completion.
#ifndef NIBBLE_PIPELINE_INFER_INFER_H_
#define NIBBLE_PIPELINE_INFER_INFER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "device/make_device.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"

namespace nibble {

struct LogitsOptions {
  std::string ids_path;  // safetensors with `input_ids` I64 [B, T]
  std::string
      output_path;  // safetensors with `logits` F32 [B, T, V]; with `hidden` also hidden_0 ... hidden_L [B, T, H]
  bool hidden = false;
  bool force = true;
  int threads = 0;
  DeviceChoice device;
};

// hidden_0 is the first layer's input, hidden_N the output of layer N (from 1), before the final norm. kDataLoss on an
// id outside the vocabulary.
absl::StatusOr<DeviceUse> WriteLogits(io::FileSystem& files, const Model& model, const LogitsOptions& options,
                                      Progress& progress);

struct GenerateOptions {
  std::string prompt;
  uint32_t max_tokens = 128;
  double temperature = 0;  // 0: greedy
  uint64_t seed = 0;
  int threads = 0;
  DeviceChoice device;
};

struct GenerateStats {
  uint32_t prompt_tokens = 0;
  uint32_t generated_tokens = 0;
  double prompt_seconds = 0;
  double generate_seconds = 0;
  DeviceUse device_use;
};

// Calls `emit` with each piece of text as it is made (whole UTF-8 characters), until max_tokens, an end-of-generation
// token, or `emit` returns false. The prompt gets BOS where the vocabulary adds one.
absl::StatusOr<GenerateStats> Generate(const Model& model, const GenerateOptions& options,
                                       const std::function<bool(absl::string_view)>& emit);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_INFER_INFER_H_
