#include "pipeline/source/residual_basis.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "quant/transform/hadamard.h"

namespace nibble {
namespace {

constexpr absl::string_view kKey = "nibble.transform.residual_hadamard";

}  // namespace

void BasisToGguf(const ModelSpec& spec, gguf::Metadata& metadata) {
  if (spec.residual_hadamard() != 0) metadata.Set(kKey, spec.residual_hadamard());
}

absl::Status BasisFromGguf(const gguf::Metadata& metadata, ModelSpec& spec) {
  if (metadata.Find(kKey) == nullptr) return absl::OkStatus();
  NIBBLE_ASSIGN_OR_RETURN(const uint64_t block, metadata.Uint(kKey, 1, spec.hidden_size()));
  if (!std::has_single_bit(block) || spec.hidden_size() % block != 0) {
    return BadData(metadata.Place(kKey),
                   absl::StrCat("a power of two that divides the hidden size ", spec.hidden_size()),
                   absl::StrCat(block));
  }
  spec.set_residual_hadamard(static_cast<uint32_t>(block));
  return absl::OkStatus();
}

bool HaveOneBasis(const ModelSpec& a, const ModelSpec& b) { return a.residual_hadamard() == b.residual_hadamard(); }

void ChangeBasis(const ModelSpec& from, const ModelSpec& to, absl::Span<float> states) {
  assert(from.hidden_size() == to.hidden_size() && states.size() % from.hidden_size() == 0);
  if (HaveOneBasis(from, to)) return;
  std::vector<double> state(from.hidden_size());
  for (size_t at = 0; at < states.size(); at += state.size()) {
    std::copy_n(&states[at], state.size(), state.begin());
    // A rotation undoes itself.
    for (const uint32_t block : {from.residual_hadamard(), to.residual_hadamard()}) {
      if (block != 0) RotateRows(block, 1, absl::MakeSpan(state));
    }
    std::transform(state.begin(), state.end(), &states[at], [](double value) { return static_cast<float>(value); });
  }
}

}  // namespace nibble
