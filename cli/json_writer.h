// JSON out.
//
//   JsonWriter json;
//   json.BeginObject();
//   json.Key("tokens").Number(uint64_t{255});
//   json.Key("layers").BeginArray();
//   ...
//   json.EndArray();
//   json.EndObject();
//   json.Take();
//
// Calls must form one JSON value; that is asserted, not checked.
#ifndef NIBBLE_CLI_JSON_WRITER_H_
#define NIBBLE_CLI_JSON_WRITER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace nibble::cli {

// The shortest text that reads back as the same double; null for NaN and infinities, which JSON has not.
std::string JsonNumber(double value);

class JsonWriter {
 public:
  enum class Layout { kIndented, kOneLine };

  explicit JsonWriter(Layout layout = Layout::kIndented) : layout_(layout) {}

  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(absl::string_view key);

  // Bytes that are no UTF-8 become U+FFFD.
  JsonWriter& String(absl::string_view value);
  JsonWriter& Number(uint64_t value);
  JsonWriter& Number(double value);  // as JsonNumber has it
  JsonWriter& Bool(bool value);

  std::string Take();

 private:
  struct Scope {
    bool is_object;
    bool is_empty;
  };

  void Begin(char open, bool is_object);
  void End(char close, bool is_object);
  void Separate();     // what stands between the last value and the next one or key
  void BeforeValue();  // after a key nothing, else Separate
  void NewLine();

  Layout layout_;
  std::string out_;
  std::vector<Scope> scopes_;
  bool after_key_ = false;
};

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_JSON_WRITER_H_
