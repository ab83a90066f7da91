// Where an output goes.
#ifndef NIBBLE_PIPELINE_OUTPUT_OUTPUT_OPTIONS_H_
#define NIBBLE_PIPELINE_OUTPUT_OUTPUT_OPTIONS_H_

#include <cstdint>
#include <string>

#include "pipeline/comm/comm.h"
#include "pipeline/recipe.pb.h"

namespace nibble {

struct OutputOptions {
  std::string path;
  bool force = false;
  uint64_t max_shard_bytes = 5'000'000'000;  // of a folder: where its files are cut
  int threads = 0;                           // 0: all
  bool hash_source = false;                  // the manifest tells the SHA-256 of whole source files
  JobRecipe recipe;                          // that the manifest tells
  bool journal = false;         // what is done is kept when the job is stopped, and for an error that passes
  bool resume = false;          // with `journal`: go on with what is kept, if there is something
  std::string attempt;          // of several at one recipe: which; what is kept of another is not gone on with
  Comm* comm = &Comm::Alone();  // the ranks that write it together
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_OUTPUT_OUTPUT_OPTIONS_H_
