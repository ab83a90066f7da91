// Real vocabularies: what the library that owns each makes of the same strings. Needs NIBBLE_SHARED, the folder with
// the reference checkpoints.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "formats/json/json.h"
#include "formats/tokenizer/load.h"
#include "formats/tokenizer/tokenizer.h"
#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

namespace fs = std::filesystem;

json::Document Json(const fs::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  auto document = json::Document::Parse(text.str(), path.string());
  EXPECT_TRUE(document.ok()) << document.status();
  return *std::move(document);
}

std::vector<uint32_t> Ids(json::Value value) {
  std::vector<uint32_t> ids;
  for (const json::Value& id : value.Elements()) ids.push_back(static_cast<uint32_t>(*id.Int(0, 0xFFFFFFFF)));
  return ids;
}

void CheckCases(const Vocabulary& vocabulary, const json::Document& golden, const std::string& what) {
  const auto tokenizer = Tokenizer::Create(vocabulary);
  ASSERT_TRUE(tokenizer.ok()) << what << tokenizer.status();
  const auto cases = golden.root().Get("cases").Elements();
  EXPECT_EQ(cases.size(), 43);
  for (const json::Value& c : cases) {
    const absl::string_view text = *c.Get("text").String();
    const std::vector<uint32_t> ids = Ids(c.Get("ids"));
    EXPECT_EQ(*(*tokenizer)->Encode(text, {}), ids) << what << ": " << text;
    EXPECT_EQ(*(*tokenizer)->Encode(text, {.add_special = true}), Ids(c.Get("ids_with_special")))
        << what << ": " << text;
    EXPECT_EQ((*tokenizer)->Decode(ids, false), *c.Get("decoded").String()) << what;
    EXPECT_EQ((*tokenizer)->Decode(ids, true), *c.Get("decoded_skip_special").String()) << what;
  }
}

TEST(Golden, EveryVocabularyFromItsFolderAndFromGgufKeys) {
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (shared == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  size_t models = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(shared) / "zoo/models")) {
    const fs::path golden = entry.path() / "tokenizer_golden.json";
    if (!fs::exists(golden)) continue;
    ++models;
    const std::string name = entry.path().filename();
    const json::Document config = Json(entry.path() / "config.json");
    const uint32_t rows = static_cast<uint32_t>(*config.root().Get("vocab_size").Int(1, 1 << 30));
    const auto folder = LoadFolder(io::Posix(), entry.path(), {.vocab_size = rows});
    ASSERT_TRUE(folder.ok()) << folder.status();
    CheckCases(*folder, Json(golden), name);
    gguf::Metadata metadata(name);
    ToGguf(*folder, metadata);
    const auto keys = FromGguf(metadata);
    ASSERT_TRUE(keys.ok()) << keys.status();
    CheckCases(*keys, Json(golden), name + " from GGUF keys");
  }
  EXPECT_GT(models, 0);
}

// tokenizer.json alone gives what tokenizer.model beside it gives.
TEST(Golden, SentencePieceFromTokenizerJson) {
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (shared == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  for (const char* name : {"llama2", "mistral", "gemma3"}) {
    const fs::path model = fs::path(shared) / "zoo/models" / name;
    const fs::path alone = fs::path(::testing::TempDir()) / "alone" / name;
    fs::remove_all(alone);
    fs::create_directories(alone);
    for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) fs::copy_file(model / file, alone / file);
    const auto vocabulary = LoadFolder(io::Posix(), alone, {});
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
    CheckCases(*vocabulary, Json(model / "tokenizer_golden.json"), name);
  }
}

}  // namespace
}  // namespace nibble::tokenizer
