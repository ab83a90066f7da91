// One JSON text, read once from front to back with simdjson's On-Demand interface, as bad input.
//
// On-Demand checks only what its user visits. So a user of Stream must visit everything (never let it skip a value),
// see duplicate keys himself, and call End() after the last value.
#ifndef NIBBLE_FORMATS_JSON_STREAM_H_
#define NIBBLE_FORMATS_JSON_STREAM_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "simdjson.h"

namespace nibble::json {

inline absl::string_view View(std::string_view text) { return absl::string_view(text.data(), text.size()); }

// The field's name, unescaped. From 3.2 on simdjson asks what becomes of lone surrogates: they are errors, as before.
template <typename Field>
simdjson::simdjson_result<std::string_view> KeyOf(Field& field) {
  if constexpr (requires { field.unescaped_key(false); }) {
    return field.unescaped_key(false);
  } else {
    return field.unescaped_key();
  }
}

class Stream {
 public:
  // `text` stands in `file` from byte `offset` on.
  Stream(std::string text, std::string file, uint64_t offset);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // The outermost value. kDataLoss if the text is not UTF-8, or evidently not JSON.
  absl::Status Begin(simdjson::ondemand::value& root);
  // kDataLoss if anything but white space follows the outermost value.
  absl::Status End();

  // "<file>: byte <n>: expected JSON, found: <what simdjson says>", where the reading stands; OK for SUCCESS.
  absl::Status Check(simdjson::error_code error);
  // "<file>: byte <n>: expected <expected>, found <found>", where the reading stands.
  absl::Status Error(absl::string_view expected, absl::string_view found);

 private:
  std::string Place(uint64_t position) const;
  uint64_t Position();

  std::string text_;  // with simdjson's padding behind it
  const size_t size_;
  const std::string file_;
  const uint64_t offset_;
  simdjson::ondemand::parser parser_;
  simdjson::ondemand::document document_;
};

}  // namespace nibble::json

#endif  // NIBBLE_FORMATS_JSON_STREAM_H_
