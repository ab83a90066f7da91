// What is not as it should be about a file that is checked.
#ifndef NIBBLE_PIPELINE_CHECK_FILE_PROBLEM_H_
#define NIBBLE_PIPELINE_CHECK_FILE_PROBLEM_H_

#include <string>

#include "absl/strings/string_view.h"
#include "base/status.h"
#include "pipeline/check/check.pb.h"

namespace nibble {

// "PLACE: expected EXPECTED, found FOUND".
inline void AddProblem(absl::string_view place, absl::string_view expected, absl::string_view found, FileCheck& check) {
  check.add_problems(std::string(BadData(place, expected, found).message()));
}

}  // namespace nibble

#endif  // NIBBLE_PIPELINE_CHECK_FILE_PROBLEM_H_
