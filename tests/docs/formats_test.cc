// docs/formats.md against the codecs: its table, and the bytes and values of its examples.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "quant/block/format.h"

namespace nibble::tests {
namespace {

struct Example {
  std::vector<std::byte> block;
  std::vector<double> values;  // the first ones that it decodes to, as printed
};

std::vector<std::string> Lines() {
  std::ifstream file("docs/formats.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Indented lines are an example's: bytes in hex, then "-> values". By the heading above them.
std::map<std::string, Example> Examples() {
  std::map<std::string, Example> examples;
  std::string heading;
  for (const std::string& line : Lines()) {
    absl::string_view text = line;
    if (absl::ConsumePrefix(&text, "## ")) heading = std::string(text);
    if (!absl::ConsumePrefix(&text, "    ")) continue;
    Example& example = examples[heading];
    const bool are_values = absl::ConsumePrefix(&text, "-> ");
    for (const absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
      double value = 0;
      uint32_t byte = 0;
      if (are_values) {
        EXPECT_TRUE(absl::SimpleAtod(word, &value)) << heading << ": " << word;
        example.values.push_back(value);
      } else {
        EXPECT_TRUE(absl::SimpleHexAtoi(word, &byte) && byte < 256) << heading << ": " << word;
        example.block.push_back(std::byte(byte));
      }
    }
  }
  return examples;
}

bool IsOfATable(const BlockFormat& format) { return format.id <= Format::kINT4_G128; }

TEST(FormatsDocument, HasAnExampleOfEveryFormat) {
  const std::map<std::string, Example> examples = Examples();
  for (const BlockFormat& format : Formats()) {
    if (!IsOfATable(format)) continue;  // elements of tensors whose scales lie elsewhere
    SCOPED_TRACE(format.name);
    const auto found = examples.find(std::string(format.name));
    ASSERT_NE(found, examples.end());
    const Example& example = found->second;
    ASSERT_EQ(example.block.size(), format.block_bytes);
    std::vector<float> decoded(format.block_elements);
    format.decode(example.block.data(), 1, decoded.data());
    ASSERT_EQ(example.values.size(), std::min<size_t>(8, decoded.size()));
    for (size_t i = 0; i < example.values.size(); ++i) {
      EXPECT_EQ(absl::StrFormat("%.6g", decoded[i]), absl::StrFormat("%.6g", example.values[i])) << i;
    }
    if (format.encode_rtn == nullptr) continue;
    std::vector<float> values(format.block_elements);
    for (size_t i = 0; i < values.size(); ++i) values[i] = (static_cast<float>(i) - 12) / 8;
    std::vector<std::byte> encoded(format.block_bytes);
    format.encode_rtn(values.data(), 1, encoded.data());
    EXPECT_TRUE(encoded == example.block) << "the plain encoding of (i - 12) / 8 is another";
  }
}

TEST(FormatsDocument, HasARowOfEveryFormat) {
  std::map<std::string, std::string> rows;
  for (const std::string& line : Lines()) {
    const std::vector<std::string> cells = absl::StrSplit(line, " | ");
    if (cells.size() == 4 && absl::StartsWith(line, "| ")) rows[cells[0].substr(2)] = line;
  }
  for (const BlockFormat& format : Formats()) {
    if (!IsOfATable(format)) continue;
    const std::string type = format.gguf_type < 0 ? "none" : absl::StrCat(format.gguf_type);
    const double bits = 8.0 * format.block_bytes / format.block_elements;
    EXPECT_EQ(rows[std::string(format.name)], absl::StrCat("| ", format.name, " | ", type, " | ", format.block_elements,
                                                           " / ", format.block_bytes, " | ", bits, " |"));
  }
}

}  // namespace
}  // namespace nibble::tests
