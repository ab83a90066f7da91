// An Inspection for people and for programs.
#ifndef NIBBLE_CLI_INSPECT_REPORT_H_
#define NIBBLE_CLI_INSPECT_REPORT_H_

#include <string>

#include "pipeline/inspect.pb.h"

namespace nibble::cli {

std::string InspectText(const Inspection& inspection, bool with_tensors);

// {"path", "family", "architecture", "name", "parameters", "tensor_bytes", "file_bytes", "files", "layers",
//  "hidden_size", "vocab_size", "context_length", "tied_embeddings", "dtypes": [...], "tokenizer": {...},
//  "types": [...], "tensors": [...]}; "tokenizer" is left out where there is none, "tensors" where not asked for.
std::string InspectJson(const Inspection& inspection, bool with_tensors);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_INSPECT_REPORT_H_
