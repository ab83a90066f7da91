#include "tests/fuzz/tokenizer_folder.h"

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "formats/gguf/gguf.h"
#include "formats/tokenizer/load.h"
#include "formats/tokenizer/tokenizer.h"
#include "tests/fuzz/memory_files.h"
#include "tests/fuzz/target.h"

namespace nibble::fuzz {

void RunTokenizer(const std::string& name, absl::string_view content,
                  const std::map<std::string, std::string>& others) {
  MemoryFiles files;
  for (const auto& [other, text] : others) files.Put(other, text);
  files.Put(name, content);
  const absl::StatusOr<tokenizer::Vocabulary> vocabulary = tokenizer::LoadFolder(files, "m", {});
  Judge(vocabulary.status());
  if (!vocabulary.ok()) return;
  gguf::Metadata metadata("out.gguf");
  tokenizer::ToGguf(*vocabulary, metadata);
  Judge(tokenizer::FromGguf(metadata).status());
  const absl::StatusOr<std::unique_ptr<tokenizer::Tokenizer>> tokenizer = tokenizer::Tokenizer::Create(*vocabulary);
  Judge(tokenizer.status());
  if (!tokenizer.ok()) return;
  const auto ids = (*tokenizer)->Encode("ab a\xC3\xA9 <s>\n 12", {.parse_special = true, .add_special = true});
  Judge(ids.status());
  if (!ids.ok()) return;
  for (const uint32_t id : *ids) {
    if (id < vocabulary->tokens.size()) continue;
    std::fprintf(stderr, "id %u of %zu tokens\n", id, vocabulary->tokens.size());
    std::abort();
  }
  (*tokenizer)->Decode(*ids, /*skip_special=*/false);
}

}  // namespace nibble::fuzz
