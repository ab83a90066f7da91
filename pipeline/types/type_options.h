// How a user says which types an output has.
#ifndef NIBBLE_PIPELINE_TYPES_TYPE_OPTIONS_H_
#define NIBBLE_PIPELINE_TYPES_TYPE_OPTIONS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/types/container.h"

namespace nibble {

// A budget instead of a type (pipeline/fit/fit_types.h).
struct SizeBudget {
  uint64_t bytes = 0;    // of the file, and of what running it takes beside it at `context`; 0: no budget
  uint64_t context = 0;  // tokens; 0: for the file alone
  // What a text showed, by GGUF name: the KL divergence that the whole of a tensor's values would cost if as much of
  // them were lost, in proportion. Where there is none, the prior.
  std::map<std::string, double> sensitivities;
  // What of the divergence that the layers' linears cost stays when their inputs are known (pipeline/fit/fit_types.h).
  double left_in_linears = 1;
};

// Which type every tensor gets (design section 4, "Types").
struct TypeOptions {
  Container container = Container::kGguf;
  std::string type = "Q4_K_M";                                    // a format's or a mix's name
  std::string method;                                             // empty: the best for what is known (quantize.h)
  bool pure = false;                                              // embedding and output too
  std::string token_embedding_type;                               // empty: by `type`
  std::string output_tensor_type;                                 // empty: by `type`
  std::vector<std::pair<std::string, std::string>> tensor_types;  // regex over GGUF names = type; the first match wins
  bool strict = false;                                            // a fallback is an error
  SizeBudget fit;                                                 // instead of `type`
  bool allow_requantize = false;                                  // tensors published in 4 bits are encoded anew
};

// Every name that TypeOptions::type takes, formats first, for help and suggestions.
std::vector<std::string> TypeNames();
// Those that a container holds.
std::vector<std::string> TypeNames(Container container);

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_TYPES_TYPE_OPTIONS_H_
