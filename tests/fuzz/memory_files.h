// Files in memory, to be read: a target makes ten thousands of inputs a second.
#ifndef NIBBLE_TESTS_FUZZ_MEMORY_FILES_H_
#define NIBBLE_TESTS_FUZZ_MEMORY_FILES_H_

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "formats/io/file.h"

namespace nibble::fuzz {

// Does not own its bytes.
class MemoryFile : public io::ReadableFile {
 public:
  MemoryFile(std::string path, absl::string_view bytes, uint64_t inode) : path_(std::move(path)), bytes_(bytes) {
    info_ = {.kind = io::FileKind::kRegular, .size = bytes.size(), .identity = {.device = 1, .inode = inode}};
  }

  absl::Status ReadAt(uint64_t offset, absl::Span<std::byte> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      return absl::DataLossError(absl::StrCat(path_, ": byte ", offset, ": expected more, found the end"));
    }
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return absl::OkStatus();
  }
  const std::string& path() const override { return path_; }
  const io::FileInfo& info() const override { return info_; }

 private:
  const std::string path_;
  const absl::string_view bytes_;
  io::FileInfo info_;
};

// One folder, "m", of files that are only read.
class MemoryFiles : public io::FileSystem {
 public:
  // REQUIRES: the bytes outlive what is opened here.
  void Put(const std::string& name, absl::string_view bytes) { files_[io::JoinPath("m", name)] = bytes; }

  absl::StatusOr<std::unique_ptr<io::ReadableFile>> Open(const std::string& path) override {
    const auto found = files_.find(path);
    if (found == files_.end()) return absl::NotFoundError(absl::StrCat(path, ": no such file"));
    return std::make_unique<MemoryFile>(path, found->second, std::distance(files_.begin(), found));
  }
  absl::StatusOr<io::FileInfo> Stat(const std::string& path) override {
    if (path == "m") return io::FileInfo{.kind = io::FileKind::kDirectory, .size = 0, .identity = {}};
    absl::StatusOr<std::unique_ptr<io::ReadableFile>> file = Open(path);
    if (!file.ok()) return file.status();
    return (*file)->info();
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string&) override {
    std::vector<std::string> names;
    for (const auto& [path, bytes] : files_) names.push_back(path.substr(2));
    return names;
  }
  absl::StatusOr<std::unique_ptr<io::WritableFile>> Create(const std::string&) override { return ReadOnly(); }
  absl::Status RemoveAbandoned(const std::string&) override { return ReadOnly(); }
  absl::Status Rename(const std::string&, const std::string&, io::RenameMode) override { return ReadOnly(); }
  absl::Status Remove(const std::string&) override { return ReadOnly(); }
  absl::Status MakeDirectory(const std::string&) override { return ReadOnly(); }
  absl::Status SyncDirectory(const std::string&) override { return ReadOnly(); }

 private:
  static absl::Status ReadOnly() { return absl::UnimplementedError("files in memory are only read"); }

  std::map<std::string, absl::string_view> files_;
};

}  // namespace nibble::fuzz

#endif  // NIBBLE_TESTS_FUZZ_MEMORY_FILES_H_
