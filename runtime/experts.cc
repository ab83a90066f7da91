#include "runtime/experts.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/peers.h"
#include "base/status.h"
#include "runtime/expert_rows.h"
#include "runtime/linear.h"
#include "runtime/norm.h"
#include "runtime/tap.h"

namespace nibble {
namespace {

Gating GatingOf(const Experts& experts) {
  switch (experts.gating()) {
    case Experts::SIGMOID:
      return Gating::kSigmoid;
    case Experts::SOFTMAX_OF_CHOSEN:
      return Gating::kSoftmaxOfChosen;
    default:
      return Gating::kSoftmax;
  }
}

RouterArguments RouterOf(const Experts& experts, const Weights& weights, ConstMatrix logits) {
  return {.logits = logits,
          .used = experts.used(),
          .gating = GatingOf(experts),
          .selection_bias = weights.vector(Role::kExpertSelectionBias),
          .groups = experts.groups(),
          .groups_used = experts.groups_used(),
          .normalize = experts.normalize(),
          .scale = experts.weight_scale() == 0 ? 1 : experts.weight_scale()};
}

class ExpertsRun {
 public:
  ExpertsRun(Device& device, const ModelSpec& spec, const FeedForward& feed_forward, const Weights& weights,
             const ExpertsWorkspace& workspace, const ExpertsTokens& tokens)
      : device_(device),
        spec_(spec),
        feed_forward_(feed_forward),
        weights_(weights),
        workspace_(workspace),
        tokens_(tokens),
        width_(spec.hidden_size()),
        routed_(feed_forward.experts().count()) {}

  // Every token to its experts and, while it is there, through the shared one.
  absl::Status RouteAll() {
    const Experts& experts = feed_forward_.experts();
    NIBBLE_ASSIGN_OR_RETURN(sums_, RowStore::Create(tokens_.count, width_, tokens_.states.budget()));
    NIBBLE_ASSIGN_OR_RETURN(const Buffer logits, device_.Allocate(workspace_.tokens * experts.count()));
    std::vector<int32_t> chosen;
    std::vector<float> weights, rows;
    for (int64_t first = 0, count; first < tokens_.count; first += count) {
      count = std::min(workspace_.tokens, tokens_.count - first);
      if (tokens_.block > 0) count = std::min(count, tokens_.block - (tokens_.first + first) % tokens_.block);
      rows.resize(count * width_);
      NIBBLE_RETURN_IF_ERROR(tokens_.states.Read(tokens_.first + first, absl::MakeSpan(rows)));
      const Matrix x = Normed(rows);
      const Matrix scores = logits.matrix(count, experts.count());
      Linear(device_, weights_, Role::kRouter, weights_.vector(Role::kRouterBias), x, scores);
      chosen.resize(count * experts.used());
      weights.resize(chosen.size());
      device_.operations().route(device_, RouterOf(experts, weights_, scores), absl::MakeSpan(chosen),
                                 absl::MakeSpan(weights));
      for (size_t i = 0; i < chosen.size(); ++i) {
        routed_[chosen[i]].push_back({first + static_cast<int64_t>(i) / experts.used(), weights[i]});
      }
      std::fill(rows.begin(), rows.end(), 0.f);
      if (weights_.has(Role::kSharedUp)) {
        const Matrix y = workspace_.output.matrix(count, width_);
        complete_ = workspace_.pass.Run(feed_forward_, weights_, kShared, x, y);
        if (!complete_) continue;
        NIBBLE_RETURN_IF_ERROR(device_.Download(y.data, absl::MakeSpan(rows)));
      }
      NIBBLE_RETURN_IF_ERROR(sums_.Write(first, rows));
    }
    return absl::OkStatus();
  }

  // False: the tap does without the outputs of the shared one.
  bool complete() const { return complete_; }

  absl::Status RunAll(LayerExperts& experts) {
    if (tap() != nullptr && tap()->ChangesExperts()) {
      NIBBLE_RETURN_IF_ERROR(tap()->BeforeExperts());
      return tap()->peers() == nullptr ? ChangeAll(experts) : ChangeInTurns(experts, *tap()->peers());
    }
    for (size_t expert = 0; expert < routed_.size(); ++expert) {
      if (routed_[expert].empty() && tap() == nullptr) continue;
      NIBBLE_ASSIGN_OR_RETURN(Weights* const weights, experts.Get(expert));
      weights->set_tap(tap());
      NIBBLE_RETURN_IF_ERROR(Run(OwnRows(expert), *weights, /*add=*/true));
    }
    return absl::OkStatus();
  }

  absl::Status AddToStates() {
    const float* norm = weights_.vector(Role::kPostFeedForwardNorm);
    std::vector<float> states, sums;
    for (int64_t first = 0; first < tokens_.count; first += workspace_.tokens) {
      sums.resize(std::min(workspace_.tokens, tokens_.count - first) * width_);
      states.resize(sums.size());
      NIBBLE_RETURN_IF_ERROR(sums_.Read(first, absl::MakeSpan(sums)));
      NIBBLE_RETURN_IF_ERROR(tokens_.states.Read(tokens_.first + first, absl::MakeSpan(states)));
      if (norm != nullptr) {
        const Matrix x = Uploaded(sums);
        Normalize(device_, spec_.norm(), norm, nullptr, x, x);
        NIBBLE_RETURN_IF_ERROR(device_.Download(x.data, absl::MakeSpan(sums)));
      }
      for (size_t i = 0; i < states.size(); ++i) states[i] += sums[i];
      NIBBLE_RETURN_IF_ERROR(tokens_.states.Write(tokens_.first + first, states));
    }
    return absl::OkStatus();
  }

 private:
  Tap* tap() const { return weights_.tap(); }

  absl::Status ChangeAll(LayerExperts& experts) {
    for (size_t expert = 0; expert < routed_.size(); ++expert) {
      NIBBLE_ASSIGN_OR_RETURN(Weights* const weights, experts.Get(expert));
      NIBBLE_RETURN_IF_ERROR(Change(expert, OwnRows(expert), *weights));
      NIBBLE_RETURN_IF_ERROR(tap()->TakeChanges(expert, *weights));
      NIBBLE_RETURN_IF_ERROR(Run(OwnRows(expert), *weights, /*add=*/true));
    }
    return absl::OkStatus();
  }

  // Each of the peers changes one expert at a time, for the tokens of all.
  absl::Status ChangeInTurns(LayerExperts& experts, Peers& peers) {
    const size_t count = peers.count();
    NIBBLE_ASSIGN_OR_RETURN(ExpertGather gather, ExpertGather::Create(peers, routed_, tokens_.count));
    for (size_t turn = 0; turn < routed_.size(); turn += count) {
      NIBBLE_ASSIGN_OR_RETURN(const ExpertGather::Gathered gathered,
                              gather.Gather(turn, tokens_.states, tokens_.first));
      if (const size_t mine = turn + peers.place(); mine < routed_.size()) {
        NIBBLE_ASSIGN_OR_RETURN(Weights* const weights, experts.Get(mine));
        NIBBLE_RETURN_IF_ERROR(Change(mine, gathered.view(), *weights));
      }
      for (size_t expert = turn; expert < std::min(turn + count, routed_.size()); ++expert) {
        NIBBLE_ASSIGN_OR_RETURN(Weights* const weights, experts.Get(expert));
        NIBBLE_RETURN_IF_ERROR(tap()->TakeChanges(expert, *weights));
        NIBBLE_RETURN_IF_ERROR(Run(OwnRows(expert), *weights, /*add=*/true));
      }
    }
    return absl::OkStatus();
  }

  // Shows the tap the expert as often as it wants to see it.
  absl::Status Change(size_t expert, const ExpertRows& rows, Weights& weights) {
    weights.set_tap(tap());
    for (bool again = true; again;) {
      NIBBLE_RETURN_IF_ERROR(Run(rows, weights, /*add=*/false));
      NIBBLE_ASSIGN_OR_RETURN(again, tap()->ExpertSeen(expert, weights));
    }
    weights.set_tap(nullptr);
    return absl::OkStatus();
  }

  ExpertRows OwnRows(size_t expert) const { return {&tokens_.states, tokens_.first, routed_[expert], {}}; }

  absl::Status Run(const ExpertRows& rows, const Weights& weights, bool add) {
    const size_t step = workspace_.tokens;
    for (size_t begin = 0; begin < rows.routed.size(); begin += step) {
      NIBBLE_RETURN_IF_ERROR(RunBlock(weights, rows.From(begin, step), add));
    }
    return absl::OkStatus();
  }

  absl::Span<float> Row(std::vector<float>& rows, int64_t row) const {
    return absl::MakeSpan(rows).subspan(row * width_, width_);
  }

  Matrix Uploaded(absl::Span<const float> rows) const {
    device_.Upload(rows, workspace_.input.data());
    return workspace_.input.matrix(rows.size() / width_, width_);
  }

  Matrix Normed(absl::Span<const float> rows) const {
    const Matrix x = Uploaded(rows);
    Normalize(device_, spec_.norm(), weights_.vector(Role::kFeedForwardNorm),
              weights_.vector(Role::kFeedForwardNormBias), x, x);
    return x;
  }

  absl::Status RunBlock(const Weights& expert, const ExpertRows& block, bool add) {
    const absl::Span<const Routed> routed = block.routed;
    const int64_t count = routed.size();
    const bool scale_input = feed_forward_.experts().scale_input();
    std::vector<float> rows(count * width_), weights;
    for (int64_t i = 0; i < count; ++i) {
      NIBBLE_RETURN_IF_ERROR(block.rows->Read(block.first + routed[i].token, Row(rows, i)));
      weights.push_back(routed[i].weight);
    }
    const Matrix x = Normed(rows);
    if (scale_input) {
      NIBBLE_ASSIGN_OR_RETURN(const Buffer factors, device_.Allocate(count));
      device_.Upload(weights, factors.data());
      device_.operations().scale_rows(device_, factors.data(), count, x);
    }
    if (expert.tap() != nullptr) {
      std::vector<int64_t> tokens(block.of_text.begin(), block.of_text.end());
      for (size_t i = tokens.size(); i < routed.size(); ++i) tokens.push_back(routed[i].token);
      expert.tap()->Routed(tokens);
    }
    const Matrix y = workspace_.output.matrix(count, width_);
    workspace_.pass.Run(feed_forward_, expert, kExpert, x, y);
    if (!add) return absl::OkStatus();
    NIBBLE_RETURN_IF_ERROR(device_.Download(y.data, absl::MakeSpan(rows)));
    std::vector<float> sum(width_);
    for (int64_t i = 0; i < count; ++i) {
      const float weight = scale_input ? 1 : weights[i];
      NIBBLE_RETURN_IF_ERROR(sums_.Read(routed[i].token, absl::MakeSpan(sum)));
      for (int64_t col = 0; col < width_; ++col) sum[col] += weight * rows[i * width_ + col];
      NIBBLE_RETURN_IF_ERROR(sums_.Write(routed[i].token, sum));
    }
    return absl::OkStatus();
  }

  Device& device_;
  const ModelSpec& spec_;
  const FeedForward& feed_forward_;
  const Weights& weights_;
  const ExpertsWorkspace& workspace_;
  const ExpertsTokens tokens_;
  const int64_t width_;
  RowStore sums_;                            // of the experts' outputs; the states stay until all have read them
  std::vector<std::vector<Routed>> routed_;  // by expert
  bool complete_ = true;
};

}  // namespace

absl::Status LayerExperts::Keep() {
  const int count = model_->spec.layers(layer_).feed_forward().experts().count();
  for (int expert = 0; expert < count; ++expert) {
    NIBBLE_ASSIGN_OR_RETURN(Weights weights, Weights::OfExpert(*device_, *model_, layer_, expert));
    kept_.push_back(std::move(weights));
  }
  return absl::OkStatus();
}

absl::StatusOr<Weights*> LayerExperts::Get(int expert) {
  if (!kept_.empty()) return &kept_[expert];
  last_ = Weights();
  const int count = model_->spec.layers(layer_).feed_forward().experts().count();
  std::optional<WeightLoader::Place> next;
  if (expert + 1 < count) next = WeightLoader::Place{layer_, expert + 1};
  NIBBLE_ASSIGN_OR_RETURN(last_, loader_.Load({layer_, expert}, next));
  return &last_;
}

absl::Status RunExperts(Device& device, const ModelSpec& spec, const FeedForward& feed_forward, const Weights& weights,
                        LayerExperts& experts, const ExpertsWorkspace& workspace, const ExpertsTokens& tokens) {
  ExpertsRun run(device, spec, feed_forward, weights, workspace, tokens);
  NIBBLE_RETURN_IF_ERROR(run.RouteAll());
  if (!run.complete()) return absl::OkStatus();
  NIBBLE_RETURN_IF_ERROR(run.RunAll(experts));
  return tokens.changes ? run.AddToStates() : absl::OkStatus();
}

}  // namespace nibble
