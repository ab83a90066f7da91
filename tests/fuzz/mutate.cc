#include "tests/fuzz/mutate.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace nibble::fuzz {
namespace {

struct Span {
  size_t begin, end;
};

constexpr absl::string_view kValues[] = {
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\"x\"",
    "0",
    "-1",
    "1",
    "2",
    "0.5",
    "-0.0",
    "1e300",
    "1e-40",
    "2147483647",
    "4294967296",
    "9007199254740993",
    "18446744073709551615",
    "[[[]]]",
    "99999",
    "1000000000",
    "\"../x\"",
    "\"\\u0000\"",
    "\"\\ud83d\\ude00\"",
    "[0]",
    "{\"a\":1}",
    "-9223372036854775808",
    "\"/etc/passwd\"",
    "340282366920938463463374607431768211456",
};

constexpr uint64_t kNumbers[] = {
    0,
    1,
    2,
    3,
    7,
    8,
    31,
    32,
    33,
    127,
    128,
    255,
    256,
    65535,
    65536,
    1u << 20,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    uint64_t{1} << 32,
    uint64_t{1} << 40,
    uint64_t{1} << 53,
    uint64_t{1} << 61,
    uint64_t{1} << 63,
    ~uint64_t{0},
    ~uint64_t{0} - 7,
    ~uint64_t{0} / 33,
};

size_t EndOfString(absl::string_view text, size_t begin) {
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

// Every value and key of the text, containers included, as far as brackets match.
std::vector<Span> ValuesOf(absl::string_view text) {
  std::vector<Span> values;
  std::vector<size_t> open;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    size_t end = i + 1;
    if (c == '"') {
      end = EndOfString(text, i);
      values.push_back({i, end});
    } else if (c == '{' || c == '[') {
      open.push_back(i);
    } else if ((c == '}' || c == ']') && !open.empty()) {
      values.push_back({open.back(), end});
      open.pop_back();
    } else if (absl::ascii_isalnum(c) || c == '-') {
      while (end < text.size() && (absl::ascii_isalnum(text[end]) || absl::StrContains("+-.", text[end]))) ++end;
      values.push_back({i, end});
    }
    i = end;
  }
  return values;
}

std::string Replaced(absl::string_view text, Span span, absl::string_view by) {
  return absl::StrCat(text.substr(0, span.begin), by, text.substr(span.end));
}

absl::string_view Of(absl::string_view text, Span span) { return text.substr(span.begin, span.end - span.begin); }

template <typename Items>
auto& OneOf(Items& items, Random& random) {
  return items[Below(std::size(items), random)];
}

Span AnySpan(size_t size, Random& random) {
  const size_t begin = Below(size + 1, random);
  return {begin, begin + Below(std::min<size_t>(size - begin, 64) + 1, random)};
}

// Where the numbers of a GGUF's header are; where the file ends before, so does the list.
class GgufNumbers {
 public:
  explicit GgufNumbers(absl::string_view bytes) : bytes_(bytes) {
    Skip(4);
    Number(4);
    const uint64_t tensors = Number(8), keys = Number(8);
    for (uint64_t i = 0; i < keys && good_; ++i) Key();
    for (uint64_t i = 0; i < tensors && good_; ++i) Tensor();
  }
  const std::vector<Span>& spans() const { return spans_; }

 private:
  bool Skip(uint64_t size) {
    good_ = good_ && size <= bytes_.size() - at_;
    if (good_) at_ += size;
    return good_;
  }
  uint64_t Number(size_t size) {
    const size_t begin = at_;
    uint64_t number = 0;
    if (!Skip(size)) return 0;
    std::memcpy(&number, bytes_.data() + begin, size);
    spans_.push_back({begin, at_});
    return number;
  }
  void Text() { Skip(Number(8)); }
  void Value(uint64_t type) {
    constexpr size_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    if (type == 8) {
      Text();
    } else if (type == 9) {
      const uint64_t element = Number(4), count = Number(8);
      for (uint64_t i = 0; i < count && good_ && element != 9; ++i) Value(element);
    } else {
      good_ = good_ && type < std::size(kSizes);
      if (good_) Number(kSizes[type]);
    }
  }
  void Key() {
    Text();
    Value(Number(4));
  }
  void Tensor() {
    Text();
    const uint64_t rank = Number(4);
    for (uint64_t i = 0; i < rank && good_; ++i) Number(8);
    Number(4);
    Number(8);
  }

  const absl::string_view bytes_;
  size_t at_ = 0;
  bool good_ = true;
  std::vector<Span> spans_;
};

void PutNumber(std::string& bytes, Span span, Random& random) {
  uint64_t number = 0;
  const size_t size = std::min<size_t>({span.end - span.begin, sizeof(number), bytes.size() - span.begin});
  std::memcpy(&number, &bytes[span.begin], size);
  switch (Below(4, random)) {
    case 0:
      number += 1;
      break;
    case 1:
      number -= 1;
      break;
    case 2:
      number ^= uint64_t{1} << Below(8 * std::max<size_t>(size, 1), random);
      break;
    default:
      number = OneOf(kNumbers, random);
  }
  std::memcpy(&bytes[span.begin], &number, size);
}

}  // namespace

size_t Below(size_t end, Random& random) { return random() % end; }

std::string MutatedJson(absl::string_view text, Random& random) {
  const std::vector<Span> values = ValuesOf(text);
  if (values.empty()) return MutatedBytes(text, random);
  const Span span = OneOf(values, random);
  switch (Below(8, random)) {
    case 0:
    case 1:
    case 2:
      return Replaced(text, span, OneOf(kValues, random));
    case 3:  // another value of the text
      return Replaced(text, span, std::string(Of(text, OneOf(values, random))));
    case 4: {  // it, and the comma behind it, are gone
      const bool comma = span.end < text.size() && text[span.end] == ',';
      return Replaced(text, {span.begin, span.end + comma}, "");
    }
    case 5:  // twice
      return Replaced(text, span, absl::StrCat(Of(text, span), ",", Of(text, span)));
    case 6: {  // deeper
      const size_t depth = 1 + Below(100, random);
      return Replaced(text, span, absl::StrCat(std::string(depth, '['), Of(text, span), std::string(depth, ']')));
    }
    default:
      return MutatedBytes(text, random);
  }
}

std::string MutatedBytes(absl::string_view bytes, Random& random) {
  std::string mutated(bytes);
  const Span span = AnySpan(bytes.size(), random), other = AnySpan(bytes.size(), random);
  switch (Below(6, random)) {
    case 0:
      return Replaced(bytes, span, "");
    case 1:
      return Replaced(bytes, {span.end, span.end}, Of(bytes, span));
    case 2:
      return Replaced(bytes, span, Of(bytes, other));
    case 3:
      return mutated.substr(0, span.begin);
    case 4:
      if (!mutated.empty()) OneOf(mutated, random) = static_cast<char>(random());
      return mutated;
    default:
      if (span.begin < mutated.size()) {
        PutNumber(mutated, {span.begin, span.begin + (size_t{1} << Below(4, random))}, random);
      }
      return mutated;
  }
}

std::string MutatedGguf(absl::string_view bytes, Random& random) {
  const GgufNumbers numbers(bytes);
  if (numbers.spans().empty() || Below(4, random) == 0) return MutatedBytes(bytes, random);
  std::string mutated(bytes);
  PutNumber(mutated, OneOf(numbers.spans(), random), random);
  return mutated;
}

}  // namespace nibble::fuzz
