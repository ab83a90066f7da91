// The main job: a model becomes a GGUF, streamed tensor by tensor, panel by panel.
#ifndef NIBBLE_PIPELINE_QUANTIZE_H_
#define NIBBLE_PIPELINE_QUANTIZE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "formats/io/file.h"
#include "model/model.h"
#include "pipeline/progress.h"
#include "pipeline/report.pb.h"

namespace nibble {

// Which type every tensor gets (design section 4, "Types").
struct TypeOptions {
  std::string type = "Q4_K_M";                                    // a format's or a mix's name
  std::string method = "weighted";                                // "rtn" or "weighted"
  bool pure = false;                                              // embedding and output too
  std::string token_embedding_type;                               // empty: by `type`
  std::string output_tensor_type;                                 // empty: by `type`
  std::vector<std::pair<std::string, std::string>> tensor_types;  // regex over GGUF names = type; the first match wins
  bool strict = false;                                            // a fallback is an error
};

struct OutputOptions {
  std::string path;
  bool force = false;
  int threads = 0;  // 0: all
};

// The types alone: nothing is written. kInvalidArgument: a type that is not known, a regex that matches nothing.
absl::StatusOr<Plan> PlanQuantize(const Model& model, const TypeOptions& types);
absl::StatusOr<Plan> Quantize(io::FileSystem& files, const Model& model, const TypeOptions& types,
                              const OutputOptions& output, Progress& progress);

// Lossless container change. `dtype`: "source", "bf16", "f16" or "f32" (design section 4, `convert`).
absl::StatusOr<Plan> Convert(io::FileSystem& files, const Model& model, const std::string& dtype,
                             const OutputOptions& output, Progress& progress);

// Every name that TypeOptions::type takes, formats first, for help and suggestions.
std::vector<std::string> TypeNames();

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_QUANTIZE_H_
