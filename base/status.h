// Errors, one convention for the whole program.
//
// Whatever can go wrong with input, the machine or the user's wish is an absl::Status whose message is one line:
//
//   <place>: expected <what>, found <what>[; <what to do>]
//
// where <place> is a path, followed by a JSON path, a tensor name or a byte offset. A bug of ours asserts instead.
// The status code says which exit code the program ends with (design section 4):
//
//   kInvalidArgument                    64  usage: the options contradict each other or the model
//   kDataLoss, kUnimplemented           65  bad data; data of a kind that is not supported
//   kNotFound                           66  no such input
//   kInternal (and any other code)      70  a bug
//   kResourceExhausted                  71  memory, file handles
//   kAlreadyExists, kPermissionDenied   73  the output cannot be created
//   kUnavailable                        74  reading, writing or syncing failed
//   kAborted, kCancelled                75  interrupted, or somebody else is at work there
#ifndef NIBBLE_BASE_STATUS_H_
#define NIBBLE_BASE_STATUS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace nibble {

// The exit code of a program that ends with `status` (table above); 0 for OK.
int ExitCode(const absl::Status& status);

// "<place>: expected <expected>, found <found>" as kDataLoss.
absl::Status BadData(absl::string_view place, absl::string_view expected, absl::string_view found);

// The same status with "<place>: " before its message; OK stays OK. For the hop that knows where it happened.
absl::Status Annotate(const absl::Status& status, absl::string_view place);

}  // namespace nibble

// Returns from the enclosing function if `expr` is not OK.
#define NIBBLE_RETURN_IF_ERROR(expr)                                                       \
  do {                                                                                     \
    if (absl::Status nibble_status_ = (expr); !nibble_status_.ok()) return nibble_status_; \
  } while (false)

// `lhs` becomes the value of the absl::StatusOr `expr`; an error returns from the enclosing function.
#define NIBBLE_ASSIGN_OR_RETURN(lhs, expr) NIBBLE_ASSIGN_OR_RETURN_(NIBBLE_CONCAT_(nibble_or_, __LINE__), lhs, expr)

#define NIBBLE_ASSIGN_OR_RETURN_(temp, lhs, expr)  \
  auto temp = (expr);                              \
  if (!temp.ok()) return std::move(temp).status(); \
  lhs = *std::move(temp)
#define NIBBLE_CONCAT_(a, b) NIBBLE_CONCAT_INNER_(a, b)
#define NIBBLE_CONCAT_INNER_(a, b) a##b

#endif  // NIBBLE_BASE_STATUS_H_
