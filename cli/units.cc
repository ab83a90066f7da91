#include "cli/units.h"

#include <cmath>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace nibble::cli {
namespace {

struct Unit {
  absl::string_view name;
  double bytes;
};

constexpr Unit kUnits[] = {
    {"", 1},
    {"B", 1},
    {"KiB", 1024.0},
    {"MiB", 1024.0 * 1024},
    {"KB", 1e3},
    {"GiB", 1073741824.0},
    {"TiB", 1099511627776.0},
    {"MB", 1e6},
    {"GB", 1e9},
    {"TB", 1e12},
};

// The value in the largest unit that leaves it at least 1; small units get one decimal, large ones two.
std::string Scaled(double value, double step, const char* const (&units)[5]) {
  size_t unit = 0;
  while (unit + 1 < std::size(units) && value >= step) {
    value /= step;
    ++unit;
  }
  const int decimals = unit == 0 ? 0 : unit < 3 ? 1 : 2;
  return absl::StrFormat("%.*f%s", decimals, value, units[unit]);
}

}  // namespace

absl::StatusOr<uint64_t> ParseSize(absl::string_view text) {
  const absl::Status error =
      absl::InvalidArgumentError(absl::StrCat("expected a size such as 16GiB, 1.5GB or 4096, found '", text, "'"));
  const size_t digits = text.find_first_not_of("0123456789.");
  const absl::string_view number = text.substr(0, digits);
  const absl::string_view unit =
      absl::StripAsciiWhitespace(digits == absl::string_view::npos ? absl::string_view() : text.substr(digits));
  double value;
  if (number.empty() || !absl::SimpleAtod(number, &value)) return error;
  for (const Unit& known : kUnits) {
    if (!absl::EqualsIgnoreCase(unit, known.name)) continue;
    const double bytes = std::round(value * known.bytes);
    if (!(bytes < std::ldexp(1.0, 63))) return error;
    return static_cast<uint64_t>(bytes);
  }
  return error;
}

std::string FormatSize(double bytes) { return Scaled(bytes, 1024, {" B", " KiB", " MiB", " GiB", " TiB"}); }

std::string FormatCount(double count) { return Scaled(count, 1000, {"", " K", " M", " G", " T"}); }

std::string FormatSeconds(double seconds) {
  const int64_t whole = std::llround(seconds);
  if (whole < 3600) return absl::StrFormat("%d:%02d", whole / 60, whole % 60);
  return absl::StrFormat("%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace nibble::cli
