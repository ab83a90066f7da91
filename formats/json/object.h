// JSON out: an object built member by member.
//
//   json::Object config;
//   config.SetString("model_type", "llama");
//   config.SetInt("hidden_size", 256);
//   WriteText("config.json", config.Text() + "\n");
#ifndef NIBBLE_FORMATS_JSON_OBJECT_H_
#define NIBBLE_FORMATS_JSON_OBJECT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace nibble::json {

// Members keep the order in which they were first set; a key that is set again has the later value.
class Object {
 public:
  void SetNull(absl::string_view key) { Set(key, "null"); }
  void SetBool(absl::string_view key, bool value) { Set(key, value ? "true" : "false"); }
  void SetInt(absl::string_view key, int64_t value);
  // As short as a float32 can be read back from, with a fraction or an exponent. REQUIRES: finite.
  void SetFloat(absl::string_view key, float value);
  void SetString(absl::string_view key, absl::string_view value);
  void SetObject(absl::string_view key, const Object& value) { Set(key, value.Text()); }
  // `elements`: JSON each.
  void SetArray(absl::string_view key, absl::Span<const std::string> elements);
  // REQUIRES: `json` is a value.
  void Set(absl::string_view key, std::string json);

  bool empty() const { return members_.empty(); }
  // Members indented by two spaces, in lines of their own.
  std::string Text() const;

 private:
  std::vector<std::pair<std::string, std::string>> members_;
};

}  // namespace nibble::json

#endif  // NIBBLE_FORMATS_JSON_OBJECT_H_
