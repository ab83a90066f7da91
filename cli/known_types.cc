#include "cli/known_types.h"

#include <optional>
#include <string>

namespace nibble::cli {
namespace {

constexpr KnownModel kModels[] = {
    {"Llama 3 8B",
     "llama.cpp's own measurement against FP16, without importance matrix: LLaMA 3 8b Scoreboard of "
     "tools/perplexity/README.md, revision f364eb6f, all of WikiText-2's test text"},
    {"SmolLM2-135M",
     "llama-quantize's files without importance matrix, measured by nibble verify on the first 20 windows of 512 "
     "tokens "
     "of WikiText-2's test text; its rows of 576 make most k-quants fall back to larger types"},
};

struct Row {
  int model;
  const char* type;
  double bits_per_weight;
  double kld;
  double ppl_ratio;
  std::optional<double> top1;
};

// clang-format off
constexpr Row kRows[] = {
    {0, "Q8_0", 8.52, 0.001355, 1.000425, 0.97674},
    {0, "Q6_K", 6.57, 0.005452, 1.003490, 0.96031},
    {0, "Q5_K_M", 5.70, 0.010762, 1.009143, std::nullopt},
    {0, "Q4_K_M", 4.90, 0.031273, 1.028160, 0.91901},
    {0, "Q4_0", 4.64, 0.071940, 1.075183, std::nullopt},
    {0, "Q3_K_M", 4.00, 0.101913, 1.105408, std::nullopt},
    {0, "Q2_K", 3.17, 0.445132, 1.564849, 0.71138},
    {1, "Q8_0", 8.51, 0.002524, 0.998971, 0.96353},
    {1, "Q6_K", 8.19, 0.006878, 0.998598, 0.94588},
    {1, "Q5_K_M", 6.46, 0.075554, 1.056408, 0.83725},
    {1, "Q4_K_M", 6.05, 0.099808, 1.107642, 0.82118},
    {1, "Q4_0", 5.20, 0.630157, 1.884452, 0.55412},
    {1, "Q3_K_M", 5.29, 0.378790, 1.477894, 0.64039},
    {1, "Q2_K", 5.03, 0.793360, 2.224045, 0.52255},
};
// clang-format on

}  // namespace

absl::Span<const KnownModel> KnownModels() { return kModels; }

void AddKnownTypes(VerifyReport& report) {
  for (const Row& row : kRows) {
    KnownType& known = *report.add_known_types();
    known.set_type(row.type);
    known.set_model(std::string(kModels[row.model].name));
    known.set_bits_per_weight(row.bits_per_weight);
    known.set_kld(row.kld);
    known.set_ppl_ratio(row.ppl_ratio);
    if (row.top1) known.set_top1(*row.top1);
  }
}

}  // namespace nibble::cli
