#include "formats/json/stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "formats/io/placeholder.h"

namespace nibble::json {
namespace {

// Where the first sequence starts that is not UTF-8. REQUIRES: there is one.
size_t FirstBadUtf8(absl::string_view text) {
  const auto valid = [&](size_t size) { return simdjson::validate_utf8(text.data(), size); };
  // A prefix that ends within a character is invalid too; one of the three shorter ones is not.
  const auto valid_about = [&](size_t size) {
    for (size_t cut = 0; cut <= std::min<size_t>(size, 3); ++cut) {
      if (valid(size - cut)) return true;
    }
    return false;
  };
  size_t good = 0, bad = text.size();
  while (bad - good > 1) {
    const size_t middle = good + (bad - good) / 2;
    (valid_about(middle) ? good : bad) = middle;
  }
  while (!valid(good)) --good;
  return good;
}

}  // namespace

Stream::Stream(std::string text, std::string file, uint64_t offset)
    : text_(std::move(text)), size_(text_.size()), file_(std::move(file)), offset_(offset) {
  text_.append(simdjson::SIMDJSON_PADDING, ' ');
}

absl::Status Stream::Begin(simdjson::ondemand::value& root) {
  const absl::string_view text(text_.data(), size_);
  if (absl::StartsWith(text, "\xEF\xBB\xBF")) return BadData(Place(0), "JSON", "a byte order mark");
  if (absl::StartsWith(text, "\xFF\xFE") || absl::StartsWith(text, "\xFE\xFF")) {
    return BadData(Place(0), "JSON in UTF-8", "UTF-16's byte order mark");
  }
  const absl::string_view placeholder = io::PlaceholderText(text.substr(0, io::kPlaceholderBytes));
  if (!placeholder.empty()) return BadData(file_, "JSON", placeholder);
  const simdjson::error_code error =
      parser_.iterate(simdjson::padded_string_view(text_.data(), size_, text_.size())).get(document_);
  if (error == simdjson::UTF8_ERROR) return BadData(Place(FirstBadUtf8(text)), "UTF-8", "other bytes");
  if (error == simdjson::EMPTY) return BadData(Place(0), "JSON", "nothing");
  if (error) return BadData(file_, "JSON", absl::StrCat("text that is not: ", simdjson::error_message(error)));
  if (document_.get_value().get(root)) return Error("a JSON object or array", "something else");
  return absl::OkStatus();
}

absl::Status Stream::End() {
  const char* location;
  if (document_.current_location().get(location) == simdjson::OUT_OF_BOUNDS) return absl::OkStatus();
  return Error("the end of the JSON", "more");
}

absl::Status Stream::Check(simdjson::error_code error) {
  if (!error) return absl::OkStatus();
  return Error("JSON", absl::StrCat("text that is not: ", simdjson::error_message(error)));
}

absl::Status Stream::Error(absl::string_view expected, absl::string_view found) {
  return BadData(Place(Position()), expected, found);
}

std::string Stream::Place(uint64_t position) const { return absl::StrCat(file_, ": byte ", offset_ + position); }

uint64_t Stream::Position() {
  const char* location;
  if (document_.current_location().get(location)) return size_;
  return std::min<uint64_t>(static_cast<uint64_t>(location - text_.data()), size_);
}

}  // namespace nibble::json
