#include "formats/io/errno_status.h"

#include <string.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>

#include "absl/strings/str_cat.h"

namespace nibble::io {
namespace {

bool IsOneOf(int error, std::initializer_list<int> errors) {
  return std::find(errors.begin(), errors.end(), error) != errors.end();
}

bool OutOfResource(int error) { return IsOneOf(error, {EMFILE, ENFILE, ENOMEM, ENOLCK}); }

bool DiskFailed(int error) { return IsOneOf(error, {EIO, ENOSPC, EDQUOT, EFBIG, ESTALE, ETIMEDOUT}); }

absl::Status Make(absl::StatusCode code, int error, absl::string_view place, absl::string_view expected) {
  if (OutOfResource(error)) code = absl::StatusCode::kResourceExhausted;
  return absl::Status(code, absl::StrCat(place, ": expected ", expected, ", found: ", ErrnoText(error)));
}

}  // namespace

absl::string_view ErrnoText(int error) {
  const char* text = strerrordesc_np(error);
  return text ? text : "unknown error";
}

absl::Status InputError(int error, absl::string_view path, absl::string_view expected) {
  return Make(DiskFailed(error) ? absl::StatusCode::kUnavailable : absl::StatusCode::kNotFound, error, path, expected);
}

absl::Status OutputError(int error, absl::string_view path, absl::string_view expected) {
  absl::StatusCode code = absl::StatusCode::kPermissionDenied;
  if (error == EEXIST) code = absl::StatusCode::kAlreadyExists;
  if (DiskFailed(error)) code = absl::StatusCode::kUnavailable;
  return Make(code, error, path, expected);
}

absl::Status TransferError(int error, absl::string_view place, absl::string_view expected) {
  return Make(absl::StatusCode::kUnavailable, error, place, expected);
}

}  // namespace nibble::io
