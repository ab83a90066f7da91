// Sizes, counts and durations as people write and read them.
#ifndef NIBBLE_CLI_UNITS_H_
#define NIBBLE_CLI_UNITS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace nibble::cli {

// "16GiB", "1.5 GB", "4096": bytes. KB, MB, GB, TB are powers of 1000, KiB, MiB, GiB, TiB of 1024, in any case;
// no unit, or B, means bytes. kInvalidArgument on anything else, and on more than 2^63 bytes.
absl::StatusOr<uint64_t> ParseSize(absl::string_view text);

std::string FormatSize(double bytes);       // "934 B", "1.5 KiB", "256.6 MiB", "13.87 GiB"
std::string FormatCount(double count);      // "934", "1.5 K", "134.5 M", "8.03 G"
std::string FormatSeconds(double seconds);  // "0:42", "12:03", "1:02:03"

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_UNITS_H_
