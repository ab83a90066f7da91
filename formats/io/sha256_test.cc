#include "formats/io/sha256.h"

#include <fstream>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace nibble::io {
namespace {

// FIPS 180-2's examples.
constexpr char kOfNothing[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr char kOfAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr char kOfAMillion[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";  // times 'a'

TEST(Sha256Test, KnownTexts) {
  EXPECT_EQ(Sha256Of(""), kOfNothing);
  EXPECT_EQ(Sha256Of("abc"), kOfAbc);
  EXPECT_EQ(Sha256Of(std::string(1'000'000, 'a')), kOfAMillion);
}

TEST(Sha256Test, PiecesDoNotCount) {
  const std::string text = "abc";
  Sha256 hash;
  for (const char& c : text) hash.Add(absl::MakeConstSpan(reinterpret_cast<const std::byte*>(&c), 1));
  EXPECT_EQ(hash.Finish(), kOfAbc);
}

TEST(Sha256Test, ARangeOfAFile) {
  const std::string path = testing::TempDir() + "/range";
  std::ofstream(path) << "xx" << std::string(1'000'000, 'a') << "abc";
  const auto file = *Posix().Open(path);
  EXPECT_EQ(*Sha256Of(*file, 2, 1'000'000), kOfAMillion);
  EXPECT_EQ(*Sha256Of(*file, 1'000'002, 3), kOfAbc);
  EXPECT_EQ(*Sha256Of(*file, 5, 0), kOfNothing);
  EXPECT_TRUE(absl::IsDataLoss(Sha256Of(*file, 1'000'002, 4).status())) << "the file ends before";
}

}  // namespace
}  // namespace nibble::io
