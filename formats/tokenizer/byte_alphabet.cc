#include "formats/tokenizer/byte_alphabet.h"

#include <array>
#include <optional>

namespace nibble::tokenizer {
namespace {

constexpr int kFirstSubstitute = 0x100;

bool StandsForItself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

struct Alphabet {
  std::array<std::string, 256> printable;           // by byte, in UTF-8
  std::array<std::optional<uint8_t>, 0x144> bytes;  // by code point
};

Alphabet MakeAlphabet() {
  Alphabet alphabet;
  int substitute = kFirstSubstitute;
  for (int byte = 0; byte < 256; ++byte) {
    const int point = StandsForItself(byte) ? byte : substitute++;
    alphabet.bytes[point] = byte;
    std::string& text = alphabet.printable[byte];
    if (point >= 0x80) text.push_back(static_cast<char>(0xC0 | point >> 6));
    text.push_back(static_cast<char>(point >= 0x80 ? 0x80 | (point & 0x3F) : point));
  }
  return alphabet;
}

const Alphabet& TheAlphabet() {
  static const Alphabet& alphabet = *new Alphabet(MakeAlphabet());
  return alphabet;
}

// The code point of the one- or two-byte character at `begin`, which is as far as the alphabet goes.
struct Character {
  size_t length;
  std::optional<int> point;
};
Character ShortCharacter(absl::string_view text, size_t begin) {
  const uint8_t lead = text[begin];
  if (lead < 0x80) return {1, lead};
  if (lead >> 5 != 6 || begin + 1 >= text.size()) return {1, std::nullopt};
  const uint8_t second = text[begin + 1];
  if (second >> 6 != 2) return {1, std::nullopt};
  return {2, (lead & 0x1F) << 6 | (second & 0x3F)};
}

}  // namespace

absl::string_view PrintableForm(uint8_t byte) { return TheAlphabet().printable[byte]; }

std::string ToPrintable(absl::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char byte : bytes) text.append(TheAlphabet().printable[static_cast<uint8_t>(byte)]);
  return text;
}

std::string FromPrintable(absl::string_view text) {
  const Alphabet& alphabet = TheAlphabet();
  std::string bytes;
  for (size_t at = 0; at < text.size();) {
    const Character c = ShortCharacter(text, at);
    const bool known = c.point && *c.point < alphabet.bytes.size() && alphabet.bytes[*c.point];
    if (known) {
      bytes.push_back(static_cast<char>(*alphabet.bytes[*c.point]));
    } else {
      bytes.append(text.data() + at, c.length);
    }
    at += c.length;
  }
  return bytes;
}

}  // namespace nibble::tokenizer
