#include "converters/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/yarn.h"
#include "model/logical_tensor.h"
#include "model/role.h"

namespace nibble {
namespace {

using Factors = std::vector<float>;

constexpr double kMaxFactor = 1e9;
constexpr double kMaxBase = 1e12;

absl::StatusOr<double> Positive(const json::Value& value) {
  NIBBLE_ASSIGN_OR_RETURN(const double number, value.Number());
  if (0 < number && number <= kMaxFactor) return number;
  return value.Error(absl::StrCat("a number above 0, at most ", kMaxFactor));
}

// A published value that may be missing, 0 then.
absl::StatusOr<float> Optional(const json::Value& value) {
  NIBBLE_ASSIGN_OR_RETURN(const double number, value.NumberOr(0));
  if (0 <= number && number <= kMaxFactor) return static_cast<float>(number);
  return value.Error(absl::StrCat("a number in [0, ", kMaxFactor, "]"));
}

absl::Status None(const json::Value&, const RopeShape&, ResolvedRope&) { return absl::OkStatus(); }

absl::Status Linear(const json::Value& parameters, const RopeShape& shape, ResolvedRope& rope) {
  NIBBLE_ASSIGN_OR_RETURN(const double factor, Positive(parameters.Get("factor")));
  rope.scaling.set_factor(static_cast<float>(factor));
  rope.frequency_factors.assign(shape.dimensions / 2, static_cast<float>(factor));
  return absl::OkStatus();
}

struct Llama3Parameters {
  double factor, low, high, context;
};

// Low frequencies are divided by `factor`, high ones stay, those between go over smoothly. In float32, step by step as
// the published implementation (torch) rounds, so that the factors have the same bits.
Factors Llama3Factors(const Llama3Parameters& parameters, const RopeShape& shape) {
  const auto& [factor, low, high, context] = parameters;
  Factors factors;
  for (uint32_t i = 0; i < shape.dimensions; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(shape.dimensions);
    const float frequency = 1.0f / static_cast<float>(std::pow(shape.base, exponent));
    const float wavelength = (1.0f / frequency) * static_cast<float>(2 * std::numbers::pi);
    if (wavelength < static_cast<float>(context / high)) {
      factors.push_back(1);
    } else if (wavelength > static_cast<float>(context / low) || low == high) {
      factors.push_back(static_cast<float>(factor));
    } else {
      const float turns = (1.0f / wavelength) * static_cast<float>(context);
      const float smooth = (turns - static_cast<float>(low)) / static_cast<float>(high - low);
      factors.push_back(1.0f / ((1.0f - smooth) / static_cast<float>(factor) + smooth));
    }
  }
  return factors;
}

absl::Status Llama3(const json::Value& scaling, const RopeShape& shape, ResolvedRope& rope) {
  Llama3Parameters parameters = {};
  NIBBLE_ASSIGN_OR_RETURN(parameters.factor, Positive(scaling.Get("factor")));
  NIBBLE_ASSIGN_OR_RETURN(parameters.low, Positive(scaling.Get("low_freq_factor")));
  NIBBLE_ASSIGN_OR_RETURN(parameters.high, Positive(scaling.Get("high_freq_factor")));
  NIBBLE_ASSIGN_OR_RETURN(parameters.context, Positive(scaling.Get("original_max_position_embeddings")));
  rope.scaling.set_factor(static_cast<float>(parameters.factor));
  rope.scaling.set_original_context(static_cast<uint32_t>(parameters.context));
  rope.frequency_factors = Llama3Factors(parameters, shape);
  return absl::OkStatus();
}

absl::Status Yarn(const json::Value& parameters, const RopeShape& shape, ResolvedRope& rope) {
  NIBBLE_ASSIGN_OR_RETURN(const double factor, Positive(parameters.Get("factor")));
  NIBBLE_ASSIGN_OR_RETURN(const int64_t context,
                          parameters.Get("original_max_position_embeddings").Int(1, int64_t{1} << 30));
  NIBBLE_ASSIGN_OR_RETURN(const float fast, Optional(parameters.Get("beta_fast")));
  NIBBLE_ASSIGN_OR_RETURN(const float slow, Optional(parameters.Get("beta_slow")));
  NIBBLE_ASSIGN_OR_RETURN(const float mscale, Optional(parameters.Get("mscale")));
  NIBBLE_ASSIGN_OR_RETURN(const float mscale_all_dim, Optional(parameters.Get("mscale_all_dim")));
  NIBBLE_ASSIGN_OR_RETURN(const float magnitude, Optional(parameters.Get("attention_factor")));
  NIBBLE_ASSIGN_OR_RETURN(const bool truncate, parameters.Get("truncate").BoolOr(true));
  RopeScaling& scaling = rope.scaling;
  scaling.set_factor(static_cast<float>(factor));
  scaling.set_original_context(static_cast<uint32_t>(context));
  scaling.set_beta_fast(fast == 0 ? 32 : fast);
  scaling.set_beta_slow(slow == 0 ? 1 : slow);
  scaling.set_mscale(mscale);
  scaling.set_mscale_all_dim(mscale_all_dim);
  scaling.set_untruncated(!truncate);
  rope.frequency_factors = YarnFactors(scaling, shape.dimensions, shape.base);
  rope.magnitude = magnitude == 0 ? YarnMagnitude(scaling) : magnitude;
  return absl::OkStatus();
}

struct ScalingType {
  absl::string_view name;
  absl::Status (*resolve)(const json::Value& parameters, const RopeShape& shape, ResolvedRope& rope);
};

constexpr ScalingType kTypes[] = {{"default", None}, {"linear", Linear}, {"llama3", Llama3}, {"yarn", Yarn}};

Factors OrEmpty(Factors factors) {
  const bool all_one = std::all_of(factors.begin(), factors.end(), [](float factor) { return factor == 1; });
  return all_one ? Factors() : factors;
}

// What the tensor rope_freqs.weight says; ones if there is none.
absl::StatusOr<Factors> TensorFactors(const TensorSource& source, uint32_t dimensions) {
  Factors factors(dimensions / 2, 1);
  const StoredTensor* stored = source.Find(GetRole(Role::kRopeFactors).gguf_name);
  if (stored == nullptr) return factors;
  const std::vector<int64_t> shape = {static_cast<int64_t>(factors.size())};
  if (stored->shape != shape || stored->dtype != DType::kF32) {
    return BadData(source.Place(*stored), absl::StrCat("F32 ", ShapeText(shape)),
                   absl::StrCat(GetDType(stored->dtype).name, " ", ShapeText(stored->shape)));
  }
  LogicalTensor tensor{.role = Role::kRopeFactors, .cols = shape[0], .is_vector = true};
  tensor.recipe = IdentityView(*stored);
  NIBBLE_RETURN_IF_ERROR(ReadRows(source, tensor, 0, 1, absl::MakeSpan(factors)));
  for (const float factor : factors) {
    if (factor <= 0) return BadData(source.Place(*stored), "factors above 0", absl::StrCat(factor));
  }
  return factors;
}

class Keys {
 public:
  Keys(const gguf::Metadata& metadata, absl::string_view architecture)
      : metadata_(metadata), prefix_(absl::StrCat(architecture, ".rope.")) {}

  std::string Name(absl::string_view key) const { return absl::StrCat(prefix_, key); }
  bool Has(absl::string_view key) const { return metadata_.Find(Name(key)) != nullptr; }

  absl::StatusOr<std::string> String(absl::string_view key) const { return metadata_.String(Name(key)); }
  // In [0, kMaxFactor].
  absl::StatusOr<float> Float(absl::string_view key, float absent) const {
    if (!Has(key)) return absent;
    NIBBLE_ASSIGN_OR_RETURN(const double value, metadata_.Float(Name(key)));
    if (0 <= value && value <= kMaxFactor) return static_cast<float>(value);
    return BadData(metadata_.Place(Name(key)), absl::StrCat("a number in [0, ", kMaxFactor, "]"), absl::StrCat(value));
  }
  absl::StatusOr<uint64_t> Length(absl::string_view key) const {
    return metadata_.Uint(Name(key), 1, uint64_t{1} << 30);
  }
  std::string Place(absl::string_view key) const { return metadata_.Place(Name(key)); }

 private:
  const gguf::Metadata& metadata_;
  const std::string prefix_;
};

// The keys' part of the scaling; factor 0 means "not scaled", as llama.cpp takes it.
absl::StatusOr<RopeScaling> KeyScaling(const Keys& keys, const YarnDefaults& yarn) {
  RopeScaling scaling;
  std::string type = "linear";
  if (keys.Has("scaling.type")) {
    NIBBLE_ASSIGN_OR_RETURN(type, keys.String("scaling.type"));
  }
  if (type == "none") return scaling;
  if (type != "linear" && type != "yarn") {
    return absl::UnimplementedError(absl::StrCat(keys.Place("scaling.type"),
                                                 ": expected \"none\", \"linear\" or \"yarn\", found \"", type,
                                                 "\", which is not supported"));
  }
  NIBBLE_ASSIGN_OR_RETURN(const float old_factor, keys.Float("scale_linear", 0));
  NIBBLE_ASSIGN_OR_RETURN(const float factor, keys.Float("scaling.factor", old_factor));
  if (factor == 0 || (factor == 1 && type == "linear")) return scaling;
  scaling.set_type(type);
  scaling.set_factor(factor);
  if (type == "linear") return scaling;
  NIBBLE_ASSIGN_OR_RETURN(const uint64_t context, keys.Length("scaling.original_context_length"));
  NIBBLE_ASSIGN_OR_RETURN(const float fast, keys.Float("scaling.yarn_beta_fast", yarn.beta_fast));
  NIBBLE_ASSIGN_OR_RETURN(const float slow, keys.Float("scaling.yarn_beta_slow", yarn.beta_slow));
  NIBBLE_ASSIGN_OR_RETURN(const float log_multiplier, keys.Float("scaling.yarn_log_multiplier", 0));
  scaling.set_original_context(static_cast<uint32_t>(context));
  scaling.set_beta_fast(fast > 0 ? fast : yarn.beta_fast);
  scaling.set_beta_slow(slow > 0 ? slow : yarn.beta_slow);
  scaling.set_mscale(log_multiplier / yarn.log_multiplier);
  scaling.set_mscale_all_dim(log_multiplier / yarn.log_multiplier);
  scaling.set_untruncated(yarn.untruncated);
  return scaling;
}

// The first layer that has rope, and factors of it; else the first layer.
const Rope& FirstScaledRope(const ModelSpec& spec) {
  for (const Layer& layer : spec.layers()) {
    if (layer.attention().rope().frequency_factors_size() > 0) return layer.attention().rope();
  }
  return spec.layers(0).attention().rope();
}

bool AreEqual(const Factors& factors, absl::Span<const float> others) {
  return std::equal(factors.begin(), factors.end(), others.begin(), others.end());
}

// Llama 3.x and 4 have a low factor of 1 and a high one of 4; contexts are powers of two.
std::optional<Llama3Parameters> FindLlama3(const Rope& rope) {
  constexpr double kLargestContext = 1 << 20;
  constexpr double kLows[] = {1, 2}, kHighs[] = {4, 2, 8, 1};
  const absl::Span<const float> factors = rope.frequency_factors();
  const RopeShape shape = {rope.dimensions(), rope.base()};
  const double factor = *std::max_element(factors.begin(), factors.end());
  for (const double low : kLows) {
    for (const double high : kHighs) {
      if (high < low) continue;
      for (double context = kLargestContext; context >= 1; context /= 2) {
        const Llama3Parameters parameters = {factor, low, high, context};
        if (AreEqual(Llama3Factors(parameters, shape), factors)) return parameters;
      }
    }
  }
  return std::nullopt;
}

absl::StatusOr<json::Object> Llama3ToConfig(const ModelSpec& spec) {
  const std::optional<Llama3Parameters> found = FindLlama3(FirstScaledRope(spec));
  if (!found) {
    return absl::UnimplementedError(
        absl::StrCat(GetRole(Role::kRopeFactors).gguf_name,
                     ": expected factors of llama3's scaling, found others, which is not supported in a folder"));
  }
  json::Object scaling;
  scaling.SetString("rope_type", "llama3");
  scaling.SetFloat("factor", static_cast<float>(found->factor));
  scaling.SetFloat("low_freq_factor", static_cast<float>(found->low));
  scaling.SetFloat("high_freq_factor", static_cast<float>(found->high));
  scaling.SetInt("original_max_position_embeddings", static_cast<int64_t>(found->context));
  return scaling;
}

json::Object YarnToConfig(const RopeScaling& yarn) {
  json::Object scaling;
  scaling.SetString("rope_type", "yarn");
  scaling.SetFloat("factor", yarn.factor());
  scaling.SetInt("original_max_position_embeddings", yarn.original_context());
  scaling.SetFloat("beta_fast", yarn.beta_fast());
  scaling.SetFloat("beta_slow", yarn.beta_slow());
  if (yarn.mscale() > 0) scaling.SetFloat("mscale", yarn.mscale());
  if (yarn.mscale_all_dim() > 0) scaling.SetFloat("mscale_all_dim", yarn.mscale_all_dim());
  if (yarn.untruncated()) scaling.SetBool("truncate", false);
  return scaling;
}

}  // namespace

void ResolvedRope::CopyTo(Rope& rope) const {
  rope.mutable_frequency_factors()->Assign(frequency_factors.begin(), frequency_factors.end());
  if (magnitude != 1) rope.set_magnitude(magnitude);
}

json::Value RopeParameters(const json::Value& config, absl::string_view layer_type) {
  const json::Value parameters = config.Get("rope_parameters");
  if (!parameters.is_object()) return config.Get("rope_scaling");
  if (!layer_type.empty() && parameters.Get(layer_type).is_object()) return parameters.Get(layer_type);
  return parameters;
}

absl::StatusOr<double> RopeBase(const json::Value& config, double absent, absl::string_view layer_type) {
  const json::Value inside = RopeParameters(config, layer_type).Get("rope_theta");
  const json::Value value = inside.exists() && !inside.is_null() ? inside : config.Get("rope_theta");
  NIBBLE_ASSIGN_OR_RETURN(const double base, value.NumberOr(absent));
  if (1 <= base && base <= kMaxBase) return base;
  return value.Error(absl::StrCat("a number in [1, ", kMaxBase, "]"));
}

absl::StatusOr<ResolvedRope> ResolveRope(const json::Value& parameters, const RopeShape& shape) {
  ResolvedRope rope;
  if (!parameters.exists() || parameters.is_null()) return rope;
  if (!parameters.is_object()) return parameters.Error("an object or null");
  const json::Value type = parameters.Get(parameters.Get("rope_type").exists() ? "rope_type" : "type");
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, type.StringOr("default"));
  for (const ScalingType& row : kTypes) {
    if (row.name != name) continue;
    NIBBLE_RETURN_IF_ERROR(row.resolve(parameters, shape, rope));
    rope.frequency_factors = OrEmpty(std::move(rope.frequency_factors));
    if (name != "default") rope.scaling.set_type(std::string(name));
    return rope;
  }
  return absl::UnimplementedError(absl::StrCat(type.Place(), ": expected default, linear, llama3 or yarn, found ",
                                               type.Found(), ", which is not supported"));
}

absl::StatusOr<ResolvedRope> ResolveRope(const gguf::Metadata& metadata, absl::string_view architecture,
                                         const TensorSource& source, const RopeShape& shape, const YarnDefaults& yarn) {
  ResolvedRope rope;
  NIBBLE_ASSIGN_OR_RETURN(rope.frequency_factors, TensorFactors(source, shape.dimensions));
  NIBBLE_ASSIGN_OR_RETURN(rope.scaling, KeyScaling(Keys(metadata, architecture), yarn));
  if (rope.scaling.type() == "linear") {
    for (float& factor : rope.frequency_factors) factor *= rope.scaling.factor();
  } else if (rope.scaling.type() == "yarn") {
    const Factors factors = YarnFactors(rope.scaling, shape.dimensions, shape.base);
    for (size_t i = 0; i < factors.size(); ++i) rope.frequency_factors[i] *= factors[i];
    rope.magnitude = YarnMagnitude(rope.scaling);
  }
  rope.frequency_factors = OrEmpty(std::move(rope.frequency_factors));
  return rope;
}

absl::Span<const float> RopeTensor(const ModelSpec& spec) {
  const auto& factors = FirstScaledRope(spec).frequency_factors();
  const bool equal = std::all_of(factors.begin(), factors.end(), [&](float factor) { return factor == factors[0]; });
  if (equal || spec.rope_scaling().type() == "yarn") return {};
  return factors;
}

void RopeScalingToGguf(const ModelSpec& spec, gguf::Metadata& metadata, float log_multiplier) {
  const RopeScaling& scaling = spec.rope_scaling();
  if (scaling.type() != "linear" && scaling.type() != "yarn") return;
  const auto key = [&](absl::string_view name) { return absl::StrCat(spec.architecture(), ".rope.scaling.", name); };
  metadata.Set(key("type"), scaling.type());
  metadata.Set(key("factor"), scaling.factor());
  if (scaling.type() == "linear") return;
  metadata.Set(key("original_context_length"), scaling.original_context());
  metadata.Set(key("yarn_beta_fast"), scaling.beta_fast());
  metadata.Set(key("yarn_beta_slow"), scaling.beta_slow());
  if (scaling.mscale_all_dim() > 0) {
    metadata.Set(key("yarn_log_multiplier"), log_multiplier * scaling.mscale_all_dim());
  }
}

absl::StatusOr<json::Object> RopeScalingToConfig(const ModelSpec& spec) {
  const RopeScaling& scaling = spec.rope_scaling();
  if (scaling.type() == "yarn") return YarnToConfig(scaling);
  if (!RopeTensor(spec).empty()) return Llama3ToConfig(spec);
  json::Object linear;
  if (scaling.type() != "linear") return linear;
  linear.SetString("rope_type", "linear");
  linear.SetFloat("factor", scaling.factor());
  return linear;
}

absl::Status AddRopeScaling(const ModelSpec& spec, json::Object& config) {
  NIBBLE_ASSIGN_OR_RETURN(const json::Object scaling, RopeScalingToConfig(spec));
  scaling.empty() ? config.SetNull("rope_scaling") : config.SetObject("rope_scaling", scaling);
  return absl::OkStatus();
}

}  // namespace nibble
