#include "tiny/embedded_text.h"

namespace nibble {

absl::string_view EmbeddedText() {
  static constexpr char kText[] =
#include "tiny/embedded_text.inc"
      ;
  return absl::string_view(kText, sizeof(kText) - 1);
}

}  // namespace nibble
