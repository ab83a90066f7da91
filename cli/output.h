// Results: stdout, and files that are asked for by name.
#ifndef NIBBLE_CLI_OUTPUT_H_
#define NIBBLE_CLI_OUTPUT_H_

#include <cstdio>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/io/file.h"

namespace nibble::cli {

// A stream that remembers its first error. A reader that goes away (`| head`) is no error: what follows is dropped.
class Output {
 public:
  explicit Output(std::FILE* stream) : stream_(stream) {}  // null: nothing is shown

  void Print(absl::string_view text);
  void Flush();

  bool failed() const { return error_ != 0; }
  // kUnavailable if something was lost for another reason than a reader that went away.
  absl::Status Finish();

 private:
  std::FILE* stream_;
  int error_ = 0;  // errno of the first failure
};

// `text` becomes the content of the file at `path`, whole or not at all; an existing file is replaced, but none of
// `inputs`.
absl::Status WriteTextFile(io::FileSystem& files, const std::string& path, absl::string_view text,
                           const std::vector<io::FileIdentity>& inputs);

// The identities of the files at `paths`, but of those that are not there, to the end of `inputs`.
void AddInputs(io::FileSystem& files, const std::vector<std::string>& paths, std::vector<io::FileIdentity>& inputs);

// What it would say of the path, before the work that makes the text.
absl::Status CheckTextFile(io::FileSystem& files, const std::string& path, const std::vector<io::FileIdentity>& inputs);

}  // namespace nibble::cli

#endif  // NIBBLE_CLI_OUTPUT_H_
