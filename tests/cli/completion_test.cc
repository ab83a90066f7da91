// bash's own completion, with the script that the program prints.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/cli/program.h"

namespace nibble::tests {
namespace {

using Words = std::vector<std::string>;

bool Has(const Words& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What bash offers for the last of the words, as it cuts them.
Words Complete(absl::string_view words) {
  WriteFile(TempPath("complete.bash"), absl::StrCat("source ./nibble.bash\nCOMP_WORDS=(", words,
                                                    ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_nibble\n"
                                                    "printf '%s\\n' \"${COMPREPLY[@]}\"\n"));
  const Outcome outcome = ShellOk("bash complete.bash");
  EXPECT_EQ(outcome.err, "") << words;
  return absl::StrSplit(outcome.out, '\n', absl::SkipEmpty());
}

class Completion : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ShellOk("\"$nibble\" completion bash > nibble.bash && mkdir -p 'a folder' && touch 'a model.gguf' b.txt");
  }
};

TEST_F(Completion, OffersCommandsOptionsAndValues) {
  const struct {
    const char* words;
    Words offered;
  } cases[] = {
      {"nibble q", {"quantize"}},
      {"nibble --v", {"--version"}},
      {"nibble help ver", {"verify"}},
      {"nibble quantize --tensor", {"--tensor-type"}},
      {"nibble quantize m --max", {"--max-shard-size"}},
      {"nibble quantize m --type IQ4", {"IQ4_NL", "IQ4_XS"}},
      {"nibble quantize m --type iq4_x", {"IQ4_XS"}},
      {"nibble quantize m --type = INT4", {"INT4_G32", "INT4_G128"}},
      {"nibble plan m --output-tensor-type bf", {"BF16"}},
      {"nibble quantize m --format comp", {"compressed-tensors"}},
      {"nibble quantize m --method = ", {"auto", "rtn", "weighted", "gptq"}},
      {"nibble quantize m --transform had", {"hadamard"}},
      {"nibble convert m --dtype b", {"bf16"}},
      {"nibble verify m --device cu", {"cuda"}},
      {"nibble inspect --progress j", {"json"}},
      {"nibble completion b", {"bash"}},
      {"nibble quantize m --fit ''", {}},
  };
  for (const auto& c : cases) EXPECT_EQ(Complete(c.words), c.offered) << c.words;
}

TEST_F(Completion, OffersFilesAndFolders) {
  for (const char* words : {"nibble inspect ''", "nibble verify m ''", "nibble quantize m -o ''",
                            "nibble quantize m --calibration-text ''", "nibble verify m --report ''"}) {
    const Words offered = Complete(words);
    for (const char* name : {"a folder", "a model.gguf", "b.txt"}) EXPECT_TRUE(Has(offered, name)) << words;
  }
  EXPECT_EQ(Complete("nibble inspect 'a m'"), Words{"a model.gguf"});
  EXPECT_EQ(Complete("nibble quantize m --work-dir 'a '"), Words{"a folder"});
}

TEST_F(Completion, BashIsToldWhatItIsFor) {
  EXPECT_EQ(ShellOk("bash -c 'source ./nibble.bash; complete -p nibble'").out, "complete -F _nibble nibble\n");
}

// Every option that a command's help names is offered.
TEST_F(Completion, LeavesOutNoOptionOfHelp) {
  for (const absl::string_view line : absl::StrSplit(Nibble("--help").out, '\n')) {
    if (!absl::StartsWith(line, "  ") || absl::StartsWith(line, "  nibble") || absl::StartsWith(line, "   ")) continue;
    const Words words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    const Words offered = Complete(absl::StrCat("nibble ", words[0], " -"));
    EXPECT_TRUE(Has(offered, "--help")) << words[0];
    for (const absl::string_view option : absl::StrSplit(Nibble(absl::StrCat(words[0], " --help")).out, '\n')) {
      if (!absl::StartsWith(option, "      --")) continue;
      const Words parts = absl::StrSplit(option, ' ', absl::SkipEmpty());
      EXPECT_TRUE(Has(offered, parts[0])) << words[0] << " " << parts[0];
    }
  }
}

}  // namespace
}  // namespace nibble::tests
