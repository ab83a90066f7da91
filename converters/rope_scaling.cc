#include "converters/rope_scaling.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "model/logical_tensor.h"
#include "model/role.h"

namespace nibble {
namespace {

using Factors = std::vector<float>;

constexpr double kMaxFactor = 1e9;

absl::StatusOr<double> Positive(const json::Value& value) {
  NIBBLE_ASSIGN_OR_RETURN(const double number, value.Number());
  if (0 < number && number <= kMaxFactor) return number;
  return value.Error(absl::StrCat("a number above 0, at most ", kMaxFactor));
}

absl::StatusOr<Factors> None(const json::Value&, uint32_t, double) { return Factors(); }

absl::StatusOr<Factors> Linear(const json::Value& scaling, uint32_t dimensions, double) {
  NIBBLE_ASSIGN_OR_RETURN(const double factor, Positive(scaling.Get("factor")));
  return Factors(dimensions / 2, static_cast<float>(factor));
}

// Low frequencies are divided by `factor`, high ones stay, those between go over smoothly. In float32, step by step as
// the published implementation (torch) rounds, so that the factors have the same bits.
absl::StatusOr<Factors> Llama3(const json::Value& scaling, uint32_t dimensions, double base) {
  NIBBLE_ASSIGN_OR_RETURN(const double factor, Positive(scaling.Get("factor")));
  NIBBLE_ASSIGN_OR_RETURN(const double low, Positive(scaling.Get("low_freq_factor")));
  NIBBLE_ASSIGN_OR_RETURN(const double high, Positive(scaling.Get("high_freq_factor")));
  NIBBLE_ASSIGN_OR_RETURN(const double context, Positive(scaling.Get("original_max_position_embeddings")));
  Factors factors;
  for (uint32_t i = 0; i < dimensions; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(dimensions);
    const float frequency = 1.0f / static_cast<float>(std::pow(base, exponent));
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

struct ScalingType {
  absl::string_view name;
  absl::StatusOr<Factors> (*factors)(const json::Value& scaling, uint32_t dimensions, double base);
};

constexpr ScalingType kTypes[] = {{"default", None}, {"linear", Linear}, {"llama3", Llama3}};

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

// rope.scaling.factor, or 1.
absl::StatusOr<double> KeyFactor(const gguf::Metadata& metadata, absl::string_view architecture) {
  const std::string type_key = absl::StrCat(architecture, ".rope.scaling.type");
  std::string type = "linear";
  if (metadata.Find(type_key) != nullptr) {
    NIBBLE_ASSIGN_OR_RETURN(type, metadata.String(type_key));
  }
  if (type == "none") return 1;
  if (type != "linear") {
    return absl::UnimplementedError(absl::StrCat(
        metadata.Place(type_key), ": expected \"none\" or \"linear\", found \"", type, "\", which is not supported"));
  }
  for (const absl::string_view name : {".rope.scaling.factor", ".rope.scale_linear"}) {
    const std::string key = absl::StrCat(architecture, name);
    if (metadata.Find(key) == nullptr) continue;
    NIBBLE_ASSIGN_OR_RETURN(const double factor, metadata.Float(key));
    if (factor < 0 || factor > kMaxFactor) {
      return BadData(metadata.Place(key), absl::StrCat("a number in [0, ", kMaxFactor, "]"), absl::StrCat(factor));
    }
    return factor == 0 ? 1 : factor;  // llama.cpp takes 0 as "not scaled"
  }
  return 1;
}

}  // namespace

absl::StatusOr<Factors> FrequencyFactors(const json::Value& config, uint32_t dimensions, double base) {
  const json::Value parameters = config.Get("rope_parameters");
  const json::Value scaling = parameters.is_object() ? parameters : config.Get("rope_scaling");
  if (!scaling.exists() || scaling.is_null()) return Factors();
  if (!scaling.is_object()) return scaling.Error("an object or null");
  const json::Value type = scaling.Get(scaling.Get("rope_type").exists() ? "rope_type" : "type");
  NIBBLE_ASSIGN_OR_RETURN(const absl::string_view name, type.StringOr("default"));
  for (const ScalingType& row : kTypes) {
    if (row.name != name) continue;
    NIBBLE_ASSIGN_OR_RETURN(Factors factors, row.factors(scaling, dimensions, base));
    return OrEmpty(std::move(factors));
  }
  return absl::UnimplementedError(absl::StrCat(type.Place(), ": expected default, linear or llama3, found ",
                                               type.Found(), ", which is not supported"));
}

absl::StatusOr<Factors> FrequencyFactors(const gguf::Metadata& metadata, absl::string_view architecture,
                                         const TensorSource& source, uint32_t dimensions) {
  NIBBLE_ASSIGN_OR_RETURN(Factors factors, TensorFactors(source, dimensions));
  NIBBLE_ASSIGN_OR_RETURN(const double factor, KeyFactor(metadata, architecture));
  for (float& value : factors) value *= static_cast<float>(factor);
  return OrEmpty(std::move(factors));
}

bool NeedRopeTensor(absl::Span<const float> factors) {
  return std::any_of(factors.begin(), factors.end(), [&](float factor) { return factor != factors[0]; });
}

void RopeScalingToGguf(absl::Span<const float> factors, absl::string_view architecture, gguf::Metadata& metadata) {
  if (factors.empty() || NeedRopeTensor(factors)) return;
  metadata.Set(absl::StrCat(architecture, ".rope.scaling.type"), std::string("linear"));
  metadata.Set(absl::StrCat(architecture, ".rope.scaling.factor"), factors[0]);
}

}  // namespace nibble
