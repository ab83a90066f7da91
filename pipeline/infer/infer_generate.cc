#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "device/in_stage.h"
#include "device/make_device.h"
#include "device/measured_device.h"
#include "formats/tokenizer/tokenizer.h"
#include "formats/tokenizer/vocabulary.h"
#include "pipeline/device_use.h"
#include "pipeline/infer/infer.h"
#include "pipeline/infer/text_stream.h"
#include "pipeline/source/model_tokenizer.h"
#include "runtime/decoder.h"
#include "runtime/output_head.h"
#include "runtime/sampling.h"
#include "runtime/weights.h"

namespace nibble {
namespace {

// Half of the machine's memory is for weights: the rest is for caches, and for everybody else.
Residency ResidencyOf(const Model& model) {
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE);
  return AllWeights(model) * sizeof(float) <= memory / 2 ? Residency::kResident : Residency::kStreamed;
}

absl::StatusOr<std::vector<uint32_t>> PromptIds(const Model& model, const tokenizer::Tokenizer& tokenizer,
                                                absl::string_view prompt) {
  NIBBLE_ASSIGN_OR_RETURN(std::vector<uint32_t> ids,
                          EncodeForModel(model, tokenizer, prompt, {.parse_special = true, .add_special = true}));
  if (tokenizer::AddsEos(tokenizer.vocabulary())) ids.pop_back();  // the text is to go on
  if (ids.empty()) {
    return absl::InvalidArgumentError("--prompt: expected a token at least, found none; this model adds no beginning");
  }
  if (model.spec.context_length() > 0 && ids.size() > model.spec.context_length()) {
    return absl::InvalidArgumentError(absl::StrCat("--prompt: expected at most the model's context of ",
                                                   model.spec.context_length(), " tokens, found ", ids.size()));
  }
  return ids;
}

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

absl::StatusOr<GenerateStats> Generate(const Model& model, const GenerateOptions& options,
                                       const std::function<bool(absl::string_view)>& emit) {
  NIBBLE_ASSIGN_OR_RETURN(const auto tokenizer, MakeTokenizer(model));
  NIBBLE_ASSIGN_OR_RETURN(const std::vector<uint32_t> prompt, PromptIds(model, *tokenizer, options.prompt));
  uint64_t capacity = prompt.size() + options.max_tokens;
  if (model.spec.context_length() > 0) capacity = std::min<uint64_t>(capacity, model.spec.context_length());

  NIBBLE_ASSIGN_OR_RETURN(const std::unique_ptr<MeasuredDevice> measured,
                          MakeDevice({.device = options.device, .threads = options.threads}));
  MeasuredDevice& device = *measured;
  NIBBLE_ASSIGN_OR_RETURN(Decoder decoder, Decoder::Create(device, model, capacity, ResidencyOf(model)));
  const std::vector<uint32_t> ends = tokenizer::EndOfGeneration(*model.vocabulary);
  Sampler sampler(options.temperature, options.seed);
  TextStream stream(*tokenizer, prompt.back(), emit);
  GenerateStats stats;
  stats.prompt_tokens = prompt.size();
  const InStage in_prompt(device, "prompt");
  auto start = std::chrono::steady_clock::now();
  NIBBLE_ASSIGN_OR_RETURN(std::vector<float> logits, decoder.Append(prompt));
  stats.prompt_seconds = SecondsSince(start);

  const InStage in_generate(device, "generate");
  start = std::chrono::steady_clock::now();
  while (stats.generated_tokens < options.max_tokens) {
    const uint32_t id = sampler.Sample(logits);
    if (std::binary_search(ends.begin(), ends.end(), id)) break;
    ++stats.generated_tokens;
    if (!stream.Take(id) || decoder.size() == static_cast<int64_t>(capacity)) break;
    NIBBLE_ASSIGN_OR_RETURN(logits, decoder.Append({id}));
  }
  stream.Finish();
  stats.generate_seconds = SecondsSince(start);
  stats.device_use = UseOf(device);
  return stats;
}

}  // namespace nibble
