// JSON out: a parsed document as text again, with some of its members replaced.
#ifndef NIBBLE_FORMATS_JSON_WRITE_H_
#define NIBBLE_FORMATS_JSON_WRITE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "formats/json/json.h"

namespace nibble::json {

// Members are indented by two spaces, in their order; what is nested is, too. Numbers keep their kind: 10000.0 stays a
// number with a fraction. REQUIRES: `value` exists.
std::string Text(const Value& value);

// An object as Text() gives it, without the members named, and with one more at the end, whose text is given.
// REQUIRES: `object` is one.
std::string TextWith(const Value& object, const std::vector<absl::string_view>& without, absl::string_view key,
                     absl::string_view text);

}  // namespace nibble::json

#endif  // NIBBLE_FORMATS_JSON_WRITE_H_
