#include "pipeline/tensor_place.h"

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace nibble {

TensorPlace PlaceOf(absl::string_view name) {
  absl::string_view rest = absl::StripSuffix(name, ".weight");
  TensorPlace place;
  if (absl::ConsumePrefix(&rest, "blk.")) {
    const size_t dot = rest.find('.');
    if (int layer; absl::SimpleAtoi(rest.substr(0, dot), &layer)) {
      place.layer = layer;
      rest.remove_prefix(dot + 1);
    }
  }
  place.role = std::string(rest);
  return place;
}

}  // namespace nibble
