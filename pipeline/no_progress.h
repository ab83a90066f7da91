// For tests that do not look at progress.
#ifndef NIBBLE_PIPELINE_NO_PROGRESS_H_
#define NIBBLE_PIPELINE_NO_PROGRESS_H_

#include <string>

#include "pipeline/progress.h"

namespace nibble {

class NoProgress : public Progress {
 public:
  void Update(const ProgressUpdate&) override {}
  void Warn(const std::string&) override {}
};

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_NO_PROGRESS_H_
