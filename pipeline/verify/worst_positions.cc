#include "pipeline/verify/worst_positions.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <string>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "runtime/output_head.h"

namespace nibble {
namespace {

// Tokens that are shown around a position.
constexpr int64_t kBefore = 24, kAfter = 8;

struct TokenChoice {
  uint32_t id;
  double p;
};

std::vector<TokenChoice> MostLikely(absl::Span<const float> logits) {
  const double max = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - max);
  std::vector<uint32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto end = ids.begin() + std::min(WorstPositions::kChoices, ids.size());
  std::partial_sort(ids.begin(), end, ids.end(),
                    [&](uint32_t a, uint32_t b) { return std::pair(-logits[a], a) < std::pair(-logits[b], b); });
  std::vector<TokenChoice> choices;
  for (auto id = ids.begin(); id != end; ++id) choices.push_back({*id, std::exp(logits[*id] - max) / sum});
  return choices;
}

// After each of the hidden states.
absl::StatusOr<std::vector<std::vector<TokenChoice>>> MostLikely(Device& device, const Model& model,
                                                                 absl::Span<const float> states) {
  const int64_t width = model.spec.hidden_size(), vocabulary = model.spec.vocab_size();
  const int64_t rows = states.size() / width;
  NIBBLE_ASSIGN_OR_RETURN(OutputHead head, OutputHead::Create(device, model));
  NIBBLE_ASSIGN_OR_RETURN(const Buffer normed, head.Normalize(states));
  std::vector<float> logits(rows * vocabulary);
  NIBBLE_RETURN_IF_ERROR(head.Logits(normed.matrix(rows, width), absl::MakeSpan(logits)));
  std::vector<std::vector<TokenChoice>> choices;
  for (int64_t row = 0; row < rows; ++row) {
    choices.push_back(MostLikely(absl::MakeConstSpan(logits).subspan(row * vocabulary, vocabulary)));
  }
  return choices;
}

// What `ids` add to the text of `before`: a tokenizer may drop a space in front of the first token.
std::string TextBehind(const tokenizer::Tokenizer& tokenizer, absl::Span<const uint32_t> before,
                       absl::Span<const uint32_t> ids) {
  std::vector<uint32_t> all(before.begin(), before.end());
  all.insert(all.end(), ids.begin(), ids.end());
  const std::string head = tokenizer.Decode(before, false), text = tokenizer.Decode(all, false);
  return absl::StartsWith(text, head) ? text.substr(head.size()) : tokenizer.Decode(ids, false);
}

}  // namespace

absl::Status WorstPositions::Take(const Windows& windows, int64_t first_window, const Predictions& reference,
                                  const Predictions& candidate, const Sequences& reference_run,
                                  const Sequences& candidate_run) {
  const int64_t scored = windows.scored(), count = candidate.divergence.size();
  std::vector<int64_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  const auto end = order.begin() + std::min<int64_t>(kLimit, count);
  std::partial_sort(order.begin(), end, order.end(), [&](int64_t a, int64_t b) {
    return std::pair(-candidate.divergence[a], a) < std::pair(-candidate.divergence[b], b);
  });
  for (auto i = order.begin(); i != end; ++i) {
    const int64_t token = *i / scored * windows.length + windows.first_scored() + *i % scored;
    Position& position = positions_.emplace_back();
    position.index = first_window * scored + *i;
    position.divergence = candidate.divergence[*i];
    position.reference_log_likelihood = reference.log_likelihood[*i];
    position.candidate_log_likelihood = candidate.log_likelihood[*i];
    NIBBLE_ASSIGN_OR_RETURN(position.reference_state, reference_run.States(token, 1));
    NIBBLE_ASSIGN_OR_RETURN(position.candidate_state, candidate_run.States(token, 1));
  }
  KeepWorst();
  return absl::OkStatus();
}

void WorstPositions::KeepWorst() {
  std::sort(positions_.begin(), positions_.end(), [](const Position& a, const Position& b) {
    return std::pair(-a.divergence, a.index) < std::pair(-b.divergence, b.index);
  });
  if (positions_.size() > kLimit) positions_.resize(kLimit);
}

void WorstPositions::Pack(Packer& packer) const {
  std::vector<int64_t> indices;
  for (const Position& position : positions_) indices.push_back(position.index);
  packer.Add(indices);
  for (const Position& position : positions_) {
    packer.Add(
        std::vector<double>{position.divergence, position.reference_log_likelihood, position.candidate_log_likelihood});
    packer.Add(position.reference_state);
    packer.Add(position.candidate_state);
  }
}

void WorstPositions::Take(Unpacker& packed) {
  for (const int64_t index : packed.Take<int64_t>()) {
    std::vector<double> figures = packed.Take<double>();
    figures.resize(3);
    Position& position = positions_.emplace_back();
    position = {index, figures[0], figures[1], figures[2], packed.Take<float>(), packed.Take<float>()};
  }
  KeepWorst();
}

absl::Status WorstPositions::Describe(Device& device, const Model& reference, const Model& candidate,
                                      const Windows& windows, const tokenizer::Tokenizer& tokenizer,
                                      Candidate& out) const {
  std::vector<float> reference_states, candidate_states;
  for (const Position& position : positions_) {
    absl::c_copy(position.reference_state, std::back_inserter(reference_states));
    absl::c_copy(position.candidate_state, std::back_inserter(candidate_states));
  }
  NIBBLE_ASSIGN_OR_RETURN(const auto expected, MostLikely(device, reference, reference_states));
  NIBBLE_ASSIGN_OR_RETURN(const auto found, MostLikely(device, candidate, candidate_states));
  const absl::Span<const uint32_t> ids = windows.ids;
  for (size_t i = 0; i < positions_.size(); ++i) {
    const Position& position = positions_[i];
    const int64_t window = position.index / windows.scored();
    const int64_t at = windows.first_scored() + position.index % windows.scored();
    const int64_t begin = std::max<int64_t>(0, at + 1 - kBefore), last = std::min(windows.length, at + 2 + kAfter);
    const auto of_window = ids.subspan(window * windows.length, windows.length);
    const auto before = of_window.subspan(begin, at + 1 - begin);
    const auto add = [&](const TokenChoice& choice, LikelyToken& to) {
      to.set_text(TextBehind(tokenizer, before, {&choice.id, 1}));
      to.set_p(choice.p);
    };
    WorstToken& token = *out.add_worst_tokens();
    token.set_window(window);
    token.set_position(at);
    token.set_kld(position.divergence);
    token.set_before(tokenizer.Decode(before, false));
    token.set_actual(TextBehind(tokenizer, before, of_window.subspan(at + 1, 1)));
    token.set_after(
        TextBehind(tokenizer, of_window.subspan(begin, at + 2 - begin), of_window.subspan(at + 2, last - at - 2)));
    token.set_reference_p(std::exp(position.reference_log_likelihood));
    token.set_candidate_p(std::exp(position.candidate_log_likelihood));
    for (const TokenChoice& choice : expected[i]) add(choice, *token.add_reference_choices());
    for (const TokenChoice& choice : found[i]) add(choice, *token.add_candidate_choices());
  }
  return absl::OkStatus();
}

}  // namespace nibble
