// Rope scaling, resolved into a divisor per frequency and a factor of cosine and sine: none, linear, llama3, YaRN.
#ifndef NIBBLE_CONVERTERS_ROPE_SCALING_H_
#define NIBBLE_CONVERTERS_ROPE_SCALING_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/gguf/gguf.h"
#include "formats/json/json.h"
#include "formats/json/object.h"
#include "formats/tensor_source.h"
#include "model/model_spec.pb.h"

namespace nibble {

struct RopeShape {
  uint32_t dimensions = 0;
  double base = 10'000;
};

struct ResolvedRope {
  std::vector<float> frequency_factors;  // one divisor per pair of dimensions; empty if all are 1
  float magnitude = 1;                   // of cosine and sine
  RopeScaling scaling;                   // as published

  void CopyTo(Rope& rope) const;
};

// The object that holds a config's rope settings, whichever its style: `rope_parameters`, of which there may be one per
// type of layer ("full_attention", "sliding_attention": `layer_type`), or `rope_scaling`.
json::Value RopeParameters(const json::Value& config, absl::string_view layer_type = "");

// rope_theta from those settings or beside them; `absent` where neither has it.
absl::StatusOr<double> RopeBase(const json::Value& config, double absent, absl::string_view layer_type = "");

// kUnimplemented names any other type of scaling.
absl::StatusOr<ResolvedRope> ResolveRope(const json::Value& parameters, const RopeShape& shape);

// GGUF's key yarn_log_multiplier holds this times mscale_all_dim. (Of mistral3: 1 times.)
inline constexpr float kYarnLogMultiplier = 0.1f;

// The same from GGUF keys and, where it is there, the tensor rope_freqs.weight. What the keys cannot say comes from the
// family: whether YaRN's correction dimensions are rounded, and its betas where no key has them.
struct YarnDefaults {
  bool untruncated = false;
  float beta_fast = 32;
  float beta_slow = 1;
  float log_multiplier = kYarnLogMultiplier;
};
absl::StatusOr<ResolvedRope> ResolveRope(const gguf::Metadata& metadata, absl::string_view architecture,
                                         const TensorSource& source, const RopeShape& shape,
                                         const YarnDefaults& yarn = {});

// What goes into a GGUF as the tensor rope_freqs.weight; empty if nothing: linear and YaRN scaling go into keys.
absl::Span<const float> RopeTensor(const ModelSpec& spec);
void RopeScalingToGguf(const ModelSpec& spec, gguf::Metadata& metadata, float log_multiplier = kYarnLogMultiplier);

// What a config has as `rope_scaling`; empty if nothing. Of llama3's scaling a GGUF has the factors alone: what they
// follow from is found by trying. kUnimplemented: factors that no published scaling gives.
absl::StatusOr<json::Object> RopeScalingToConfig(const ModelSpec& spec);
// That as the member `rope_scaling`, null where there is none.
absl::Status AddRopeScaling(const ModelSpec& spec, json::Object& config);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_ROPE_SCALING_H_
