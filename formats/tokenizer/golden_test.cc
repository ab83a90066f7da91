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

// Each of a model's published forms alone, where it has several.
TEST(Golden, EveryPublishedForm) {
  const char* shared = std::getenv("NIBBLE_SHARED");
  if (shared == nullptr) GTEST_SKIP() << "NIBBLE_SHARED is not set";
  const struct {
    const char* model;
    std::vector<const char*> files;
  } cases[] = {
      {"llama2", {"tokenizer.json"}},         {"llama2", {"tokenizer.model"}}, {"mistral", {"tokenizer.json"}},
      {"mistral", {"tokenizer.model"}},       {"mixtral", {"tokenizer.json"}}, {"mixtral", {"tokenizer.model"}},
      {"gemma3", {"tokenizer.json"}},         {"gemma3", {"tokenizer.model"}}, {"gpt2", {"tokenizer.json"}},
      {"gpt2", {"vocab.json", "merges.txt"}}, {"kimi_k2", {"tokenizer.json"}}, {"kimi_k2", {"tiktoken.model"}},
      {"kimi_k2_int4", {"tiktoken.model"}},
  };
  for (const auto& c : cases) {
    const fs::path model = fs::path(shared) / "zoo/models" / c.model;
    const fs::path alone = fs::path(::testing::TempDir()) / "alone" / c.model;
    fs::remove_all(alone);
    fs::create_directories(alone);
    fs::copy_file(model / "tokenizer_config.json", alone / "tokenizer_config.json");
    for (const char* file : c.files) fs::copy_file(model / file, alone / file);
    const uint32_t rows = static_cast<uint32_t>(*Json(model / "config.json").root().Get("vocab_size").Int(1, 1 << 30));
    const auto vocabulary = LoadFolder(io::Posix(), alone, {.vocab_size = rows});
    ASSERT_TRUE(vocabulary.ok()) << vocabulary.status();
    const std::string what = std::string(c.model) + " from " + c.files[0];
    CheckCases(*vocabulary, Json(model / "tokenizer_golden.json"), what);
    gguf::Metadata metadata(c.model);
    ToGguf(*vocabulary, metadata);
    const auto keys = FromGguf(metadata);
    ASSERT_TRUE(keys.ok()) << keys.status();
    CheckCases(*keys, Json(model / "tokenizer_golden.json"), what + ", from GGUF keys");
  }
}

}  // namespace
}  // namespace nibble::tokenizer
