#include "cli/output.h"

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "formats/io/atomic_file.h"

namespace nibble::cli {

void Output::Print(absl::string_view text) {
  if (error_ != 0 || stream_ == nullptr) return;
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stream_) != text.size()) error_ = errno;
}

void Output::Flush() {
  if (error_ != 0 || stream_ == nullptr) return;
  errno = 0;
  if (std::fflush(stream_) != 0) error_ = errno;
}

absl::Status Output::Finish() {
  Flush();
  if (error_ == 0 || error_ == EPIPE) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("standard output: expected to write the result, found: ", std::strerror(error_)));
}

absl::Status WriteTextFile(io::FileSystem& files, const std::string& path, absl::string_view text,
                           const std::vector<io::FileIdentity>& inputs) {
  NIBBLE_ASSIGN_OR_RETURN(auto output,
                          io::AtomicFile::Create(files, path, text.size(), {.force = true, .inputs = inputs}));
  const auto bytes = absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size());
  NIBBLE_RETURN_IF_ERROR(output->file().WriteAt(0, bytes));
  return output->Commit();
}

void AddInputs(io::FileSystem& files, const std::vector<std::string>& paths, std::vector<io::FileIdentity>& inputs) {
  for (const std::string& path : paths) {
    const absl::StatusOr<io::FileInfo> info = files.Stat(path);
    if (info.ok()) inputs.push_back(info->identity);
  }
}

absl::Status CheckTextFile(io::FileSystem& files, const std::string& path,
                           const std::vector<io::FileIdentity>& inputs) {
  return io::AtomicFile::Create(files, path, 0, {.force = true, .inputs = inputs}).status();
}

}  // namespace nibble::cli
