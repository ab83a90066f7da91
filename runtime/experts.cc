#include "runtime/experts.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "runtime/linear.h"
#include "runtime/norm.h"

namespace nibble {
namespace {

// A token on its way through an expert.
struct Routed {
  int64_t token;
  float weight;
};

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
             const ExpertsWorkspace& workspace, absl::Span<float> states)
      : device_(device),
        spec_(spec),
        feed_forward_(feed_forward),
        weights_(weights),
        workspace_(workspace),
        states_(states),
        width_(spec.hidden_size()),
        sums_(states.size()),
        routed_(feed_forward.experts().count()) {}

  // Every token to its experts and, while it is there, through the shared one.
  absl::Status RouteAll() {
    const Experts& experts = feed_forward_.experts();
    NIBBLE_ASSIGN_OR_RETURN(const Buffer logits, device_.Allocate(workspace_.tokens * experts.count()));
    std::vector<int32_t> chosen;
    std::vector<float> weights;
    for (int64_t first = 0; first < tokens(); first += workspace_.tokens) {
      const int64_t count = std::min(workspace_.tokens, tokens() - first);
      const Matrix x = Normed(states_.subspan(first * width_, count * width_));
      const Matrix scores = logits.matrix(count, experts.count());
      Linear(device_, weights_, Role::kRouter, weights_.vector(Role::kRouterBias), x, scores);
      chosen.resize(count * experts.used());
      weights.resize(chosen.size());
      device_.operations().route(device_, RouterOf(experts, weights_, scores), absl::MakeSpan(chosen),
                                 absl::MakeSpan(weights));
      for (size_t i = 0; i < chosen.size(); ++i) {
        routed_[chosen[i]].push_back({first + static_cast<int64_t>(i) / experts.used(), weights[i]});
      }
      if (!weights_.has(Role::kSharedUp)) continue;
      const Matrix y = workspace_.output.matrix(count, width_);
      complete_ = workspace_.pass.Run(feed_forward_, weights_, kShared, x, y);
      if (!complete_) continue;
      NIBBLE_RETURN_IF_ERROR(device_.Download(y.data, absl::MakeSpan(sums_).subspan(first * width_, count * width_)));
    }
    return absl::OkStatus();
  }

  // False: the tap does without the outputs of the shared one.
  bool complete() const { return complete_; }

  absl::Status RunAll(LayerExperts& experts) {
    for (size_t expert = 0; expert < routed_.size(); ++expert) {
      if (routed_[expert].empty() && tap() == nullptr) continue;
      NIBBLE_ASSIGN_OR_RETURN(Weights* const weights, experts.Get(expert));
      weights->set_tap(tap());
      if (tap() != nullptr && tap()->ChangesExperts()) {
        for (bool again = true; again;) {
          NIBBLE_RETURN_IF_ERROR(RunExpert(expert, *weights, /*add=*/false));
          NIBBLE_ASSIGN_OR_RETURN(again, tap()->ExpertSeen(expert, *weights));
        }
        weights->set_tap(nullptr);
      }
      NIBBLE_RETURN_IF_ERROR(RunExpert(expert, *weights, /*add=*/true));
    }
    return absl::OkStatus();
  }

  absl::Status AddToStates() {
    if (const float* weight = weights_.vector(Role::kPostFeedForwardNorm); weight != nullptr) {
      for (int64_t first = 0; first < tokens(); first += workspace_.tokens) {
        const absl::Span<float> sums =
            absl::MakeSpan(sums_).subspan(first * width_, std::min(workspace_.tokens, tokens() - first) * width_);
        const Matrix x = Uploaded(sums);
        Normalize(device_, spec_.norm(), weight, nullptr, x, x);
        NIBBLE_RETURN_IF_ERROR(device_.Download(x.data, sums));
      }
    }
    for (size_t i = 0; i < states_.size(); ++i) states_[i] += sums_[i];
    return absl::OkStatus();
  }

 private:
  int64_t tokens() const { return states_.size() / width_; }
  Tap* tap() const { return weights_.tap(); }

  absl::Status RunExpert(size_t expert, const Weights& weights, bool add) {
    absl::Span<const Routed> routed = routed_[expert];
    for (; !routed.empty(); routed.remove_prefix(std::min<size_t>(workspace_.tokens, routed.size()))) {
      NIBBLE_RETURN_IF_ERROR(RunBlock(weights, routed.subspan(0, workspace_.tokens), add));
    }
    return absl::OkStatus();
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

  absl::Status RunBlock(const Weights& expert, absl::Span<const Routed> routed, bool add) {
    const int64_t count = routed.size();
    const bool scale_input = feed_forward_.experts().scale_input();
    std::vector<float> rows(count * width_), weights;
    for (int64_t i = 0; i < count; ++i) {
      std::copy_n(&states_[routed[i].token * width_], width_, &rows[i * width_]);
      weights.push_back(routed[i].weight);
    }
    const Matrix x = Normed(rows);
    if (scale_input) {
      NIBBLE_ASSIGN_OR_RETURN(const Buffer factors, device_.Allocate(count));
      device_.Upload(weights, factors.data());
      device_.operations().scale_rows(device_, factors.data(), count, x);
    }
    if (expert.tap() != nullptr) {
      std::vector<int64_t> tokens;
      for (const Routed& each : routed) tokens.push_back(each.token);
      expert.tap()->Routed(tokens);
    }
    const Matrix y = workspace_.output.matrix(count, width_);
    workspace_.pass.Run(feed_forward_, expert, kExpert, x, y);
    if (!add) return absl::OkStatus();
    NIBBLE_RETURN_IF_ERROR(device_.Download(y.data, absl::MakeSpan(rows)));
    for (int64_t i = 0; i < count; ++i) {
      const float weight = scale_input ? 1 : weights[i];
      float* sum = &sums_[routed[i].token * width_];
      for (int64_t col = 0; col < width_; ++col) sum[col] += weight * rows[i * width_ + col];
    }
    return absl::OkStatus();
  }

  Device& device_;
  const ModelSpec& spec_;
  const FeedForward& feed_forward_;
  const Weights& weights_;
  const ExpertsWorkspace& workspace_;
  const absl::Span<float> states_;
  const int64_t width_;
  std::vector<float> sums_;                  // of the experts' outputs; the states stay until all have read them
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
  NIBBLE_ASSIGN_OR_RETURN(last_, Weights::OfExpert(*device_, *model_, layer_, expert));
  return &last_;
}

absl::Status RunExperts(Device& device, const ModelSpec& spec, const FeedForward& feed_forward, const Weights& weights,
                        LayerExperts& experts, const ExpertsWorkspace& workspace, absl::Span<float> states) {
  ExpertsRun run(device, spec, feed_forward, weights, workspace, states);
  NIBBLE_RETURN_IF_ERROR(run.RouteAll());
  if (!run.complete()) return absl::OkStatus();
  NIBBLE_RETURN_IF_ERROR(run.RunAll(experts));
  return run.AddToStates();
}

}  // namespace nibble
