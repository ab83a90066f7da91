#include "formats/tokenizer/token_ranks.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "formats/tokenizer/byte_alphabet.h"
#include "formats/tokenizer/tokenizer.h"
#include "formats/tokenizer/vocabulary.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace nibble::tokenizer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Every byte by its value, then `more`.
std::vector<std::string> Ranks(const std::vector<std::string>& more) {
  std::vector<std::string> ranks;
  for (int byte = 0; byte < 256; ++byte) ranks.emplace_back(1, static_cast<char>(byte));
  ranks.insert(ranks.end(), more.begin(), more.end());
  return ranks;
}

TEST(TokenRanks, BecomeMerges) {
  // "abc" is always made of a and bc, as bc ranks below ab.
  const std::vector<std::string> ranks = Ranks({"bc", "ab", "abc", " a", "abca"});
  EXPECT_THAT(MergesOfAllSplits(ranks), ElementsAre("b c", "a b", "a bc", "ab c", "Ġ a", "abc a"));
  EXPECT_THAT(*MergesOfLastStep(ranks), ElementsAre("b c", "a b", "a bc", "Ġ a", "abc a"));
}

TEST(TokenRanks, HaveALastStepWhereTheyComeFromTraining) {
  EXPECT_EQ(MergesOfLastStep(Ranks({"ab", "a bcab"})), std::nullopt);  // nothing makes it
  EXPECT_EQ(MergesOfLastStep(Ranks({"abc", "bc"})), std::nullopt);     // made of a and bc, which ranks above it
}

TEST(TokenRanks, NeedEveryByte) {
  EXPECT_TRUE(CheckRanks(Ranks({}), "here").ok());
  std::vector<std::string> ranks = Ranks({"ab"});
  ranks[0xC3] = "abc";
  const absl::Status status = CheckRanks(ranks, "here");
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("here: expected a token for every byte, found none for 0xC3"));
}

TEST(TokenRanks, AreOfTokensThatAreNotTooLong) {
  EXPECT_TRUE(CheckRanks(Ranks({std::string(kMaxTokenBytes, 'a')}), "here").ok());
  const absl::Status status = CheckRanks(Ranks({std::string(kMaxTokenBytes + 1, 'a')}), "here");
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("rank 256: expected a token of at most 1024 bytes, found 1025"));
}

// tiktoken's rule, as it is said.
std::vector<uint32_t> EncodeByRanks(const std::vector<std::string>& ranks, const std::string& text) {
  const auto rank_of = [&](const std::string& token) {
    return static_cast<uint32_t>(std::find(ranks.begin(), ranks.end(), token) - ranks.begin());
  };
  std::vector<std::string> parts;
  for (const char byte : text) parts.emplace_back(1, byte);
  while (parts.size() > 1) {
    size_t best = 0;
    uint32_t lowest = ranks.size();
    for (size_t i = 0; i + 1 < parts.size(); ++i) {
      const uint32_t rank = rank_of(parts[i] + parts[i + 1]);
      if (rank < lowest) lowest = rank, best = i;
    }
    if (lowest == ranks.size()) break;
    parts[best] += parts[best + 1];
    parts.erase(parts.begin() + best + 1);
  }
  std::vector<uint32_t> ids;
  for (const std::string& part : parts) ids.push_back(rank_of(part));
  return ids;
}

// Ranks as they come about: of the neighbours in a text the most frequent two become the next token.
std::vector<std::string> Train(const std::vector<std::string>& words, size_t count) {
  std::vector<std::vector<std::string>> split;
  for (const std::string& word : words) {
    split.emplace_back();
    for (const char byte : word) split.back().emplace_back(1, byte);
  }
  std::vector<std::string> tokens;
  for (size_t i = 0; i < count; ++i) {
    std::map<std::pair<std::string, std::string>, int> frequencies;
    for (const auto& parts : split) {
      for (size_t at = 1; at < parts.size(); ++at) ++frequencies[{parts[at - 1], parts[at]}];
    }
    const auto [left, right] = std::max_element(frequencies.begin(), frequencies.end(), [](auto& a, auto& b) {
                                 return a.second < b.second;
                               })->first;
    tokens.push_back(left + right);
    for (auto& parts : split) {
      for (size_t at = 1; at < parts.size(); ++at) {
        if (parts[at - 1] != left || parts[at] != right) continue;
        parts[at - 1] += right;
        parts.erase(parts.begin() + at);
      }
    }
  }
  return tokens;
}

TEST(TokenRanks, BothFormsOfMergesGiveTheIdsThatRanksGive) {
  std::mt19937 random(1);
  const auto text = [&](size_t longest) {
    std::string letters(1 + random() % longest, ' ');
    for (char& letter : letters) letter = static_cast<char>('a' + random() % 3);
    return letters;
  };
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> words(100);
    for (std::string& word : words) word = text(20);
    const std::vector<std::string> ranks = Ranks(Train(words, 40));
    for (const auto& merges : {*MergesOfLastStep(ranks), MergesOfAllSplits(ranks)}) {
      Vocabulary v;
      v.pre = "gpt-2";
      for (const std::string& token : ranks) v.tokens.push_back(ToPrintable(token));
      v.types.assign(v.tokens.size(), TokenType::kNormal);
      v.merges = merges;
      const auto tokenizer = Tokenizer::Create(v);
      ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
      for (int i = 0; i < 50; ++i) {
        const std::string word = text(12);
        EXPECT_EQ(*(*tokenizer)->Encode(word, {}), EncodeByRanks(ranks, word)) << word;
      }
    }
  }
}

}  // namespace
}  // namespace nibble::tokenizer
