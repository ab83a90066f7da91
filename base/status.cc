#include "base/status.h"

#include "absl/strings/str_cat.h"

namespace nibble {

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
      return 64;
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kUnimplemented:
      return 65;
    case absl::StatusCode::kNotFound:
      return 66;
    case absl::StatusCode::kResourceExhausted:
      return 71;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kPermissionDenied:
      return 73;
    case absl::StatusCode::kUnavailable:
      return 74;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
      return 75;
    default:
      return 70;
  }
}

absl::Status BadData(absl::string_view place, absl::string_view expected, absl::string_view found) {
  return absl::DataLossError(absl::StrCat(place, ": expected ", expected, ", found ", found));
}

absl::Status Annotate(const absl::Status& status, absl::string_view place) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(place, ": ", status.message()));
}

}  // namespace nibble
