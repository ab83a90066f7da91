// The numbers of a model's config as a table: which config.json key and which GGUF key say the same, and what holds
// where neither says anything. One table serves four ways: config.json -> Fields, GGUF -> Fields, and both back.
#ifndef NIBBLE_CONVERTERS_FIELDS_H_
#define NIBBLE_CONVERTERS_FIELDS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/gguf/gguf.h"
#include "formats/json/json.h"
#include "formats/json/object.h"

namespace nibble {

enum class Field : uint8_t {
  kLayers,
  kContextLength,
  kHiddenSize,
  kFeedForward,
  kHeads,
  kKvHeads,
  kRopeBase,
  kNormEpsilon,
  kKeyLength,
  kValueLength,
  kVocabSize,
  kRopeDimensions,
  kWindow,
  kExperts,
  kExpertsUsed,
  kExpertLength,
  kExpertGroups,
  kExpertGroupsUsed,
  kExpertGating,
  kExpertWeightScale,
  kSharedExperts,
  kSharedLength,
  kDenseLayers,  // that come first
  kMoeStep,      // every so many layers have experts
  kQueryRank,
  kKeyValueRank,
  kNopeLength,
  kRopeBaseLocal,
  kPredictionLayers,
  kCount,
};
inline constexpr size_t kFieldCount = static_cast<size_t>(Field::kCount);

// A value per field (uint32 and float fit a double exactly), with the place that it came from.
class Fields {
 public:
  double operator[](Field field) const { return values_[static_cast<size_t>(field)]; }
  uint32_t Uint(Field field) const { return static_cast<uint32_t>((*this)[field]); }
  void Set(Field field, double value, std::string place = "");

  // kDataLoss: "<place>: expected <expected>, found <value>".
  absl::Status Error(Field field, absl::string_view expected) const;

 private:
  std::array<double, kFieldCount> values_ = {};
  std::array<std::string, kFieldCount> places_;
};

enum class FieldKind : uint8_t { kUint, kFloat };

struct FieldRow {
  Field field;
  FieldKind kind;
  double min, max;                                  // inclusive
  std::array<absl::string_view, 2> config;          // dotted paths, the first that is there counts; empty: none
  absl::string_view gguf;                           // behind "<architecture>."; empty: none
  double (*absent)(const Fields& earlier_rows);     // null: the key is required
  bool (*written)(const Fields& fields) = nullptr;  // whether the GGUF has the key; null: always
};

// kDataLoss names the key that is missing, of another kind or out of range.
absl::StatusOr<Fields> ReadFields(absl::Span<const FieldRow> rows, const json::Value& config);
absl::StatusOr<Fields> ReadFields(absl::Span<const FieldRow> rows, const gguf::Metadata& metadata,
                                  absl::string_view architecture);

// As uint32 and float32, in the rows' order, where they are written.
void WriteFields(absl::Span<const FieldRow> rows, const Fields& fields, absl::string_view architecture,
                 gguf::Metadata& metadata);

// Under the rows' first paths that are no others' members; what has none is left out.
void WriteFields(absl::Span<const FieldRow> rows, const Fields& fields, json::Object& config);

}  // namespace nibble

#endif  // NIBBLE_CONVERTERS_FIELDS_H_
