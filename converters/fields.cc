#include "converters/fields.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "converters/config.h"

namespace nibble {
namespace {

std::string Expected(const FieldRow& row) {
  return absl::StrCat(row.kind == FieldKind::kUint ? "an integer" : "a number", " in [", row.min, ", ", row.max, "]");
}

absl::string_view FirstPath(const FieldRow& row, const json::Value& config) {
  for (const absl::string_view path : row.config) {
    if (path.empty()) break;
    const json::Value value = Lookup(config, path);
    if (value.exists() && !value.is_null()) return path;
  }
  return row.config[0];
}

absl::StatusOr<double> InRange(const FieldRow& row, absl::string_view place, absl::StatusOr<double> value) {
  if (!value.ok() || (row.min <= *value && *value <= row.max)) return value;
  return BadData(place, Expected(row), absl::StrCat(*value));
}

absl::StatusOr<double> Read(const FieldRow& row, const json::Value& value) {
  if (row.kind == FieldKind::kFloat) return InRange(row, value.Place(), value.Number());
  return value.Int(static_cast<int64_t>(row.min), static_cast<int64_t>(row.max));
}

absl::StatusOr<double> Read(const FieldRow& row, const gguf::Metadata& metadata, absl::string_view key) {
  if (row.kind == FieldKind::kFloat) return InRange(row, metadata.Place(key), metadata.Float(key));
  return metadata.Uint(key, static_cast<uint64_t>(row.min), static_cast<uint64_t>(row.max));
}

}  // namespace

void Fields::Set(Field field, double value, std::string place) {
  values_[static_cast<size_t>(field)] = value;
  places_[static_cast<size_t>(field)] = std::move(place);
}

absl::Status Fields::Error(Field field, absl::string_view expected) const {
  return BadData(places_[static_cast<size_t>(field)], expected, absl::StrCat((*this)[field]));
}

absl::StatusOr<Fields> ReadFields(absl::Span<const FieldRow> rows, const json::Value& config) {
  Fields fields;
  for (const FieldRow& row : rows) {
    const absl::string_view path = FirstPath(row, config);
    const json::Value value = Lookup(config, path);
    const bool missing = path.empty() || !value.exists() || value.is_null();
    if (missing && row.absent == nullptr) return value.Error(Expected(row));
    double number = 0;
    if (missing) {
      number = row.absent(fields);
    } else {
      NIBBLE_ASSIGN_OR_RETURN(number, Read(row, value));
    }
    fields.Set(row.field, number, value.Place());
  }
  return fields;
}

absl::StatusOr<Fields> ReadFields(absl::Span<const FieldRow> rows, const gguf::Metadata& metadata,
                                  absl::string_view architecture) {
  Fields fields;
  for (const FieldRow& row : rows) {
    const std::string key = absl::StrCat(architecture, ".", row.gguf);
    double number = 0;
    if ((row.gguf.empty() || metadata.Find(key) == nullptr) && row.absent != nullptr) {
      number = row.absent(fields);
    } else {
      NIBBLE_ASSIGN_OR_RETURN(number, Read(row, metadata, key));
    }
    fields.Set(row.field, number, metadata.Place(key));
  }
  return fields;
}

void WriteFields(absl::Span<const FieldRow> rows, const Fields& fields, absl::string_view architecture,
                 gguf::Metadata& metadata) {
  for (const FieldRow& row : rows) {
    if (row.gguf.empty() || (row.written != nullptr && !row.written(fields))) continue;
    const std::string key = absl::StrCat(architecture, ".", row.gguf);
    if (row.kind == FieldKind::kUint) {
      metadata.Set(key, fields.Uint(row.field));
    } else {
      metadata.Set(key, static_cast<float>(fields[row.field]));
    }
  }
}

void WriteFields(absl::Span<const FieldRow> rows, const Fields& fields, json::Object& config) {
  for (const FieldRow& row : rows) {
    for (const absl::string_view path : row.config) {
      if (path.empty() || absl::StrContains(path, '.')) continue;
      if (row.kind == FieldKind::kUint) {
        config.SetInt(path, fields.Uint(row.field));
      } else {
        config.SetFloat(path, static_cast<float>(fields[row.field]));
      }
      break;
    }
  }
}

}  // namespace nibble
