#include "model/word_codes.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "quant/block/format.h"

namespace nibble {
namespace {

constexpr int kWordBits = 32;

// Which of a word's outputs code i is.
int Interleaved(int64_t i) { return static_cast<int>(i < 4 ? 2 * i : 2 * i - 7); }

bool IsInterleaved(const WordCodes& codes) { return codes.order == WordCodes::Order::kInterleaved; }

}  // namespace

struct WordMatrix::Tile {
  int64_t output, outputs;          // whole words of them
  int64_t first_input, last_input;  // whole strips, but for the last of the matrix
  int64_t strip;                    // inputs that are decoded together
  int64_t strip_length(int64_t input) const { return std::min(strip, last_input - input); }
};

// Of a tile's outputs, group by group from the first.
struct WordMatrix::Parameters {
  std::vector<float> scales;
  std::vector<uint8_t> zeros;
};

WordMatrix::WordMatrix(const TensorSource& source, absl::string_view tensor, const WordCodes& codes)
    : source_(source),
      codes_(codes),
      words_(*source.Find(tensor)),
      scales_(*source.Find(codes.scales)),
      zeros_(*source.Find(codes.zeros)),
      groups_(codes.groups.empty() ? nullptr : source.Find(codes.groups)),
      per_word_(kWordBits / codes.bits),
      outputs_(scales_.shape[1]),
      inputs_(IsInterleaved(codes) ? words_.shape[0] : words_.shape[0] * per_word_) {}

absl::Status WordMatrix::Error(int64_t element, absl::string_view expected, absl::string_view found) const {
  return BadData(absl::StrCat(source_.Place(words_), " ", ShapeText({element / inputs_, element % inputs_})), expected,
                 found);
}

absl::Status WordMatrix::Read(int64_t begin, absl::Span<float> values) const {
  if (values.empty()) return absl::OkStatus();
  const int64_t end = begin + static_cast<int64_t>(values.size());
  const int64_t row = begin / inputs_, last_row = (end - 1) / inputs_;
  const bool is_one = row == last_row;
  Tile tile{.output = row / per_word_ * per_word_, .strip = per_word_};
  tile.outputs = (last_row / per_word_ + 1) * per_word_ - tile.output;
  tile.first_input = is_one ? begin % inputs_ / tile.strip * tile.strip : 0;
  tile.last_input = is_one ? std::min(inputs_, ((end - 1) % inputs_ / tile.strip + 1) * tile.strip) : inputs_;

  NIBBLE_ASSIGN_OR_RETURN(const std::vector<int32_t> groups, ReadGroups(tile));
  const auto [first_group, last_group] = std::minmax_element(groups.begin(), groups.end());
  NIBBLE_ASSIGN_OR_RETURN(const Parameters parameters, ReadParameters(tile, *first_group, *last_group + 1));
  std::vector<uint8_t> codes(tile.outputs * tile.strip);
  for (int64_t input = tile.first_input; input < tile.last_input; input += tile.strip) {
    NIBBLE_RETURN_IF_ERROR(ReadStrip(tile, input, codes));
    const int64_t length = tile.strip_length(input);
    for (int64_t output = 0; output < tile.outputs; ++output) {
      const int64_t element = (tile.output + output) * inputs_ + input;
      const int64_t from = std::max<int64_t>(0, begin - element), to = std::min(length, end - element);
      for (int64_t i = from; i < to; ++i) {
        const int64_t at = (groups[input - tile.first_input + i] - *first_group) * tile.outputs + output;
        const int code = codes[output * tile.strip + i] - parameters.zeros[at];
        values[element + i - begin] = static_cast<float>(code) * parameters.scales[at];
      }
    }
  }
  return absl::OkStatus();
}

// Those of the tile's inputs.
absl::StatusOr<std::vector<int32_t>> WordMatrix::ReadGroups(const Tile& tile) const {
  const int64_t count = scales_.shape[0];
  std::vector<int32_t> groups(tile.last_input - tile.first_input);
  if (groups_ == nullptr) {
    for (size_t i = 0; i < groups.size(); ++i) {
      groups[i] = static_cast<int32_t>((tile.first_input + i) / (inputs_ / count));
    }
    return groups;
  }
  NIBBLE_RETURN_IF_ERROR(
      source_.Read(*groups_, tile.first_input * sizeof(int32_t),
                   absl::MakeSpan(reinterpret_cast<std::byte*>(groups.data()), groups.size() * sizeof(int32_t))));
  for (size_t i = 0; i < groups.size(); ++i) {
    if (0 <= groups[i] && groups[i] < count) continue;
    return BadData(absl::StrCat(source_.Place(*groups_), " [", tile.first_input + i, "]"),
                   absl::StrCat("a group below ", count), absl::StrCat(groups[i]));
  }
  return groups;
}

absl::StatusOr<WordMatrix::Parameters> WordMatrix::ReadParameters(const Tile& tile, int64_t first_group,
                                                                  int64_t last_group) const {
  const BlockFormat& format = GetFormat(*ScaleFormat(scales_));
  Parameters parameters;
  parameters.scales.resize((last_group - first_group) * tile.outputs);
  parameters.zeros.resize(parameters.scales.size());
  std::vector<std::byte> bytes(format.BytesFor(tile.outputs));
  std::vector<uint32_t> words;
  for (int64_t group = first_group; group < last_group; ++group) {
    float* scales = &parameters.scales[(group - first_group) * tile.outputs];
    NIBBLE_RETURN_IF_ERROR(
        source_.Read(scales_, format.BytesFor(group * outputs_ + tile.output), absl::MakeSpan(bytes)));
    format.decode(bytes.data(), tile.outputs, scales);
    for (int64_t i = 0; i < tile.outputs; ++i) {
      if (std::isfinite(scales[i])) continue;
      return BadData(absl::StrCat(source_.Place(scales_), " ", ShapeText({group, tile.output + i})), "a finite scale",
                     absl::StrFormat("%g", scales[i]));
    }
    NIBBLE_RETURN_IF_ERROR(
        ReadWords(zeros_, (group * outputs_ + tile.output) / per_word_, tile.outputs / per_word_, words));
    for (uint32_t& word : words) word += codes_.add_to_zeros;
    UnpackOutputs(words, 1, &parameters.zeros[(group - first_group) * tile.outputs]);
  }
  return parameters;
}

// Codes of all the tile's outputs, of one strip of inputs: codes[output * strip + i].
absl::Status WordMatrix::ReadStrip(const Tile& tile, int64_t input, std::vector<uint8_t>& codes) const {
  std::vector<uint32_t> words;
  if (IsInterleaved(codes_)) {
    for (int64_t i = 0; i < tile.strip_length(input); ++i) {
      const int64_t first = ((input + i) * outputs_ + tile.output) / per_word_;
      NIBBLE_RETURN_IF_ERROR(ReadWords(words_, first, tile.outputs / per_word_, words));
      UnpackOutputs(words, tile.strip, &codes[i]);
    }
    return absl::OkStatus();
  }
  NIBBLE_RETURN_IF_ERROR(ReadWords(words_, input / per_word_ * outputs_ + tile.output, tile.outputs, words));
  const uint32_t mask = (1u << codes_.bits) - 1;
  for (int64_t output = 0; output < tile.outputs; ++output) {
    for (int64_t i = 0; i < per_word_; ++i) {
      codes[output * tile.strip + i] = words[output] >> (i * codes_.bits) & mask;
    }
  }
  return absl::OkStatus();
}

absl::Status WordMatrix::ReadWords(const StoredTensor& tensor, int64_t first, int64_t count,
                                   std::vector<uint32_t>& words) const {
  words.resize(count);
  return source_.Read(tensor, first * sizeof(uint32_t),
                      absl::MakeSpan(reinterpret_cast<std::byte*>(words.data()), count * sizeof(uint32_t)));
}

// Words of outputs, to every `step`th place.
void WordMatrix::UnpackOutputs(absl::Span<const uint32_t> words, int64_t step, uint8_t* codes) const {
  const uint32_t mask = (1u << codes_.bits) - 1;
  for (const uint32_t word : words) {
    for (int64_t i = 0; i < per_word_; ++i) {
      const int64_t output = IsInterleaved(codes_) ? Interleaved(i) : i;
      codes[output * step] = word >> (i * codes_.bits) & mask;
    }
    codes += per_word_ * step;
  }
}

}  // namespace nibble
