#include "formats/tokenizer/byte_alphabet.h"

#include <set>

#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

TEST(ByteAlphabet, HasACharacterForEveryByte) {
  std::set<std::string> characters;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text(1, static_cast<char>(byte));
    characters.emplace(PrintableForm(byte));
    EXPECT_EQ(FromPrintable(ToPrintable(text)), text) << byte;
  }
  EXPECT_EQ(characters.size(), 256);
}

TEST(ByteAlphabet, IsTheOneOfGpt2) {
  EXPECT_EQ(ToPrintable(" a\n\r\té\x7F"), "ĠaĊčĉÃ©ġ");
  EXPECT_EQ(ToPrintable("\xA0\xAD\xFF"), "łŃÿ");
}

TEST(ByteAlphabet, LeavesOtherCharactersAlone) { EXPECT_EQ(FromPrintable("Ġ漢😀\xFF"), " 漢😀\xFF"); }

}  // namespace
}  // namespace nibble::tokenizer
