// Everything a Llama may have, in turn, and what each other family has, as random models. For tests.
#ifndef NIBBLE_RUNTIME_RANDOM_CASES_H_
#define NIBBLE_RUNTIME_RANDOM_CASES_H_

#include "absl/types/span.h"
#include "model/model_spec.pb.h"
#include "runtime/random_model.h"

namespace nibble {

struct RandomCase {
  const char* name;
  RandomModelOptions options;
};

absl::Span<const RandomCase> RandomCases();

// For RandomModelOptions::edit: four experts in every layer.
void LikeMixtral(ModelSpec& spec);

}  // namespace nibble

#endif  // NIBBLE_RUNTIME_RANDOM_CASES_H_
